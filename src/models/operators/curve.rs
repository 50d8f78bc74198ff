//! Tone curves as tables of 256 bytes.

use super::byte;

/// Maps a level to a level.
#[derive(Clone)]
pub(in crate::models) struct Curve([u8; 256]);

impl Curve {
    /// A curve of the level as a fraction of white; results are cut to 0 to 1.
    pub fn of(curve: impl Fn(f32) -> f32) -> Self {
        Self(std::array::from_fn(
            |level| byte((curve(level as f32 / 255.0) * 255.0).round() as i32),
        ))
    }

    /// Straight lines through `(from, to)` points in rising order, level beyond the ends.
    pub fn through(points: &[(u8, u8)]) -> Self {
        Self(std::array::from_fn(|level| {
            let level = level as i32;
            let after = points.iter().position(|point| i32::from(point.0) >= level);
            match after {
                Some(0) => points[0].1,
                None => points[points.len() - 1].1,
                Some(after) => {
                    let (x0, y0) = (i32::from(points[after - 1].0), i32::from(points[after - 1].1));
                    let (x1, y1) = (i32::from(points[after].0), i32::from(points[after].1));
                    byte(y0 + ((y1 - y0) * (level - x0) * 2 + (x1 - x0)).div_euclid((x1 - x0) * 2))
                }
            }
        }))
    }

    /// Black up to `low`, white from `high`, smooth in between.
    pub fn ramp(low: f32, high: f32) -> Self {
        Self::of(|level| smooth_step((level * 255.0 - low) / (high - low)))
    }

    /// `levels` even steps from black to white. `softness`, 0 to 1, is the part of a step that
    /// is spent on the way to the next: hard steps flicker with the noise of a camera.
    pub fn steps(levels: u8, softness: f32) -> Self {
        let last = f32::from(levels.max(2) - 1);
        Self::of(|level| {
            let step = (level * (last + 1.0)).min(last + 0.999);
            let rest = step.fract();
            let rise = smooth_step((rest - (1.0 - softness)) / softness.max(0.001));
            (step.floor() + rise).min(last) / last
        })
    }

    /// This curve, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        Self(self.0.map(|level| next.at(level)))
    }

    /// What becomes of a row of levels, each 0 to 255.
    pub fn row(&self, levels: &[i16], out: &mut Vec<i16>) {
        out.clear();
        out.extend(levels.iter().map(|&level| i16::from(self.at(level as u8))));
    }

    #[inline]
    pub fn at(&self, level: u8) -> u8 {
        self.0[usize::from(level)]
    }
}

fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_meet_their_points() {
        let points = [(10, 30), (100, 20), (200, 255)];
        let curve = Curve::through(&points);
        for (from, to) in points {
            assert_eq!(curve.at(from), to);
        }
        assert_eq!((curve.at(0), curve.at(255), curve.at(150)), (30, 255, 138));
    }

    #[test]
    fn steps_have_as_many_levels_as_asked() {
        let curve = Curve::steps(4, 0.0);
        let mut levels: Vec<u8> = (0..=255).map(|level| curve.at(level)).collect();
        levels.dedup();
        assert_eq!(levels, [0, 85, 170, 255]);
    }

    #[test]
    fn soft_steps_still_rise() {
        let curve = Curve::steps(5, 0.3);
        assert!((1..=255u8).all(|level| curve.at(level) >= curve.at(level - 1)));
        assert_eq!((curve.at(0), curve.at(255)), (0, 255));
    }
}
