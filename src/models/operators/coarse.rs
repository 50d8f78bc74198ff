//! Planes that change slowly over the picture: computed at an eighth of the size.

use super::image::Plane;
use super::noise::hash;
use super::scale::Double;

#[derive(Default)]
pub(in crate::models) struct Coarse {
    pub plane: Plane,
    small: Plane,
    between: [Plane; 2],
    double: Double,
    made_for: Option<(usize, usize)>,
}

impl Coarse {
    /// Computes levels from places, `x` and `y` from 0 to 1, for a picture of this size.
    pub fn make(&mut self, width: usize, height: usize, level: impl Fn(f32, f32) -> f32) {
        let half = (width.div_ceil(2), height.div_ceil(2));
        let quarter = (half.0.div_ceil(2), half.1.div_ceil(2));
        self.small.fit(quarter.0.div_ceil(2), quarter.1.div_ceil(2));
        let (columns, rows) = (self.small.width, self.small.height);
        for y in 0..rows {
            let v = (y as f32 + 0.5) / rows as f32;
            for (x, out) in self.small.row_mut(y).iter_mut().enumerate() {
                let u = (x as f32 + 0.5) / columns as f32;
                *out = level(u, v).clamp(0.0, 255.0) as u8;
            }
        }
        let [first, second] = &mut self.between;
        self.double.to(&self.small, first, quarter.0, quarter.1);
        self.double.to(first, second, half.0, half.1);
        self.double.to(second, &mut self.plane, width, height);
        self.made_for = Some((width, height));
    }

    /// [`Self::make`], unless it was made for this size already.
    pub fn fit(&mut self, width: usize, height: usize, level: impl Fn(f32, f32) -> f32) {
        if self.made_for != Some((width, height)) {
            self.make(width, height, level);
        }
    }
}

/// Drifting clouds: sums of smooth noise, after Perlin, "An image synthesizer" (1985).
#[derive(Default)]
pub(in crate::models) struct Clouds {
    pub coarse: Coarse,
}

impl Clouds {
    /// Levels around 128. `cells` clouds fit into the width; `shift` moves them, in clouds.
    pub fn make(
        &mut self,
        (width, height): (usize, usize),
        cells: f32,
        shift: (f32, f32),
        seed: u32,
    ) {
        let aspect = height as f32 / width as f32;
        self.coarse.make(width, height, |u, v| {
            let (x, y) = (u * cells + shift.0, v * cells * aspect * 1.6 + shift.1);
            let sum = noise(seed, x, y) * 0.5
                + noise(seed + 1, x * 2.1, y * 2.1) * 0.3
                + noise(seed + 2, x * 4.3, y * 4.3) * 0.2;
            128.0 + (sum - 0.5) * 400.0
        });
    }
}

/// Smooth noise from 0 to 1.
pub(in crate::models) fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let (cx, cy) = (x.floor(), y.floor());
    let corner = |dx: i32, dy: i32| {
        (hash(seed, (cx as i32 + dx) as u32, (cy as i32 + dy) as u32) >> 8) as f32 / 16_777_216.0
    };
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - cx), ease(y - cy));
    let top = corner(0, 0) * (1.0 - tx) + corner(1, 0) * tx;
    let bottom = corner(0, 1) * (1.0 - tx) + corner(1, 1) * tx;
    top * (1.0 - ty) + bottom * ty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_plane_follows_its_function() {
        for (width, height) in [(1, 1), (9, 5), (160, 90), (333, 40)] {
            let mut coarse = Coarse::default();
            coarse.make(width, height, |u, v| 40.0 + 100.0 * u + 60.0 * v);
            assert_eq!((coarse.plane.width, coarse.plane.height), (width, height));
            let middle = coarse.plane.row(height / 2)[width / 2];
            assert!(middle.abs_diff(120) < 40, "{middle}");
        }
    }

    #[test]
    fn clouds_spread_around_the_middle() {
        let mut clouds = Clouds::default();
        clouds.make((640, 360), 4.0, (0.3, 0.0), 5);
        let mean =
            clouds.coarse.plane.data.iter().map(|&v| f64::from(v)).sum::<f64>() / (640.0 * 360.0);
        assert!((mean - 128.0).abs() < 30.0, "{mean}");
    }
}
