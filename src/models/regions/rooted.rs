//! What hangs together with the ground, or with the heavens.
//!
//! A wall can have the color of the road before it. So the road's own look, color and how rough it
//! is, is learned where it surely lies, as by Dahlkamp and others, "Self-supervised monocular road
//! detection in desert terrain" (2006), and only what can be reached from there counts: the geodesic
//! distance of Criminisi, Sharp and Blake, "GeoS" (2008), with a toll for crossing what does not
//! belong. A fence can be crossed, a row of cars cannot.

use crate::models::operators::{Image, Plane, ramp, smooth};

/// What may be crossed, in parts of the longer side, and what a step over land costs.
const BUDGET: f32 = 0.035;
const STEP: f32 = 0.01;
/// The part of the picture that has to be surely of the kind for its look to be learned.
const LEAST: f32 = 0.004;
/// Differences from the look, in standard deviations: alike up to the first, not beyond the other.
const LIKE: (f32, f32) = (2.2, 3.2);
/// The least deviations, in levels: of the three channels, and of the roughness.
const SPREAD: [f32; 4] = [14.0, 6.0, 6.0, 5.0];
/// How much of a new estimate, and of a new look, is taken over with every frame.
const FOLLOW: f32 = 0.3;
const FOLLOW_LOOK: f32 = 0.1;

/// Lightness, two opponents, and how rough a place is.
type Features = [f32; 4];

pub(super) struct Rooted {
    above: bool,
    features: Vec<Features>,
    /// The mean of what surely is of the kind, and its deviations.
    look: Option<[Features; 2]>,
    /// What the best way to a pixel costs, and what the pixel itself does: 0 on land, 1 off it.
    cost: Vec<f32>,
    toll: Vec<f32>,
    shown: Vec<f32>,
}

impl Rooted {
    /// Rooted at the top, or else at the bottom.
    pub fn new(above: bool) -> Self {
        Self {
            above,
            features: Vec::new(),
            look: None,
            cost: Vec::new(),
            toll: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Keeps of `fit` what hangs together. All is of the size of `small`.
    pub fn cut(&mut self, small: &Image, fit: &mut Plane) {
        let is_new = self.shown.len() != fit.data.len();
        if is_new {
            self.shown.clear();
            self.shown.resize(fit.data.len(), 0.0);
            self.look = None;
        }
        self.see(small);
        self.learn(fit);
        // If nothing lies where it surely would, color and place have to do.
        let Some(look) = self.look else { return };
        self.judge(fit, look);
        self.walk(fit.width);
        let part = if is_new { 1.0 } else { FOLLOW };
        let budget = fit.width.max(fit.height) as f32 * BUDGET;
        let costs = self.cost.iter().zip(&self.toll);
        for ((shown, (&cost, &toll)), fit) in self.shown.iter_mut().zip(costs).zip(&mut fit.data) {
            let new = ramp(cost - toll, budget, budget * 0.6) * (1.0 - toll).max(0.0);
            *shown += (new - *shown) * part;
            *fit = (f32::from(*fit) * *shown + 0.5) as u8;
        }
    }

    /// Takes the features of every pixel. It is as rough as the lightness swings around it.
    fn see(&mut self, small: &Image) {
        let (width, height) = (small.width(), small.height());
        self.features.clear();
        for y in 0..height {
            for x in 0..width {
                let [r, g, b] = small.color(x, y);
                self.features.push([(r + 2.0 * g + b) * 0.25, r - g, (r + g) * 0.5 - b, 0.0]);
            }
        }
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                let own = self.features[at][0];
                let mut swing = 0.0;
                for (next, is_in) in [
                    (at.wrapping_sub(1), x > 0),
                    (at + 1, x + 1 < width),
                    (at.wrapping_sub(width), y > 0),
                    (at + width, y + 1 < height),
                ] {
                    swing += if is_in { (self.features[next][0] - own).abs() } else { 0.0 };
                }
                self.features[at][3] = swing * 0.25;
            }
        }
    }

    /// How surely a row is of the kind, if its color is.
    fn surely(&self, v: f32) -> f32 {
        if self.above { smooth(v, 0.3, 0.1) } else { smooth(v, 0.62, 0.85) }
    }

    /// Learns the look of what surely is of the kind, if there is enough of it.
    fn learn(&mut self, fit: &Plane) {
        let (mut sum, mut squares, mut total) = ([0.0; 4], [0.0; 4], 0.0);
        for y in 0..fit.height {
            let surely = self.surely((y as f32 + 0.5) / fit.height as f32) * (1.0 / 255.0);
            if surely <= 0.0 {
                continue;
            }
            let features = &self.features[y * fit.width..][..fit.width];
            for (features, &fit) in features.iter().zip(fit.row(y)) {
                let weight = f32::from(fit) * surely;
                total += weight;
                for c in 0..4 {
                    sum[c] += features[c] * weight;
                    squares[c] += features[c] * features[c] * weight;
                }
            }
        }
        if total < LEAST * fit.data.len() as f32 {
            return;
        }
        let mean: Features = sum.map(|sum| sum / total);
        let spread: Features = std::array::from_fn(|c| {
            (squares[c] / total - mean[c] * mean[c]).max(0.0).sqrt().max(SPREAD[c])
        });
        let seen = [mean, spread];
        self.look = Some(self.look.map_or(seen, |look| {
            std::array::from_fn(|part| {
                std::array::from_fn(|c| {
                    look[part][c] + (seen[part][c] - look[part][c]) * FOLLOW_LOOK
                })
            })
        }));
    }

    /// What each pixel costs to cross, and where ways begin.
    fn judge(&mut self, fit: &Plane, [mean, spread]: [Features; 2]) {
        self.toll.clear();
        self.cost.clear();
        let scale = spread.map(|spread| 1.0 / spread);
        for (at, (features, &fit_here)) in self.features.iter().zip(&fit.data).enumerate() {
            let off: f32 = (0..4).map(|c| ((features[c] - mean[c]) * scale[c]).powi(2)).sum();
            let like = ramp(off.sqrt(), LIKE.1, LIKE.0) * f32::from(fit_here) * (1.0 / 255.0);
            self.toll.push(1.0 - like);
            let v = (at / fit.width) as f32 / fit.height as f32;
            self.cost.push(if self.surely(v) * like > 0.4 { 0.0 } else { f32::MAX });
        }
    }

    /// The least cost of a way to every pixel. Two sweeps down and up.
    fn walk(&mut self, width: usize) {
        let count = self.cost.len();
        for _ in 0..2 {
            for at in 0..count {
                if at >= width {
                    self.try_from(at, at - width);
                }
                if at % width > 0 {
                    self.try_from(at, at - 1);
                }
            }
            for at in (0..count).rev() {
                if at + width < count {
                    self.try_from(at, at + width);
                }
                if at % width + 1 < width {
                    self.try_from(at, at + 1);
                }
            }
        }
    }

    #[inline(always)]
    fn try_from(&mut self, at: usize, from: usize) {
        let cost = self.cost[from] + STEP + self.toll[at];
        if cost < self.cost[at] {
            self.cost[at] = cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (160, 90);

    /// A gray road with a dark fence across it, a row of dark cars, and a gray wall above.
    fn street() -> (Image, Plane) {
        let is_dark = |x: usize, y: usize| {
            (22..34).contains(&y) || (56..58).contains(&y) || (40..42).contains(&x)
        };
        let level = |x: usize, y: usize| {
            let grain = ((x * 7 + y * 13) % 5) as u8;
            if is_dark(x, y) { 40 } else { 150 + grain }
        };
        let gray = Plane::of(SIZE.0, SIZE.1, level);
        let fit = Plane::of(SIZE.0, SIZE.1, |x, y| if is_dark(x, y) { 0 } else { 255 });
        (Image { planes: std::array::from_fn(|_| gray.clone()) }, fit)
    }

    #[test]
    fn a_fence_is_crossed_and_a_row_of_cars_is_not() {
        let (frame, mut fit) = street();
        Rooted::new(false).cut(&frame, &mut fit);
        assert!(fit.row(80)[100] > 240 && fit.row(80)[20] > 240 && fit.row(45)[80] > 90);
        assert_eq!((fit.row(10)[80], fit.row(57)[80]), (0, 0));
    }

    #[test]
    fn heavens_are_rooted_above() {
        let (frame, mut fit) = street();
        Rooted::new(true).cut(&frame, &mut fit);
        assert!(fit.row(10)[80] > 240);
        assert_eq!(fit.row(50)[80], 0);
    }

    #[test]
    fn what_looks_otherwise_does_not_belong() {
        let (mut frame, mut fit) = street();
        for plane in &mut frame.planes {
            for y in 60..80 {
                for x in 100..130 {
                    plane.row_mut(y)[x] = if (x + y) % 2 == 0 { 235 } else { 90 };
                }
            }
        }
        Rooted::new(false).cut(&frame, &mut fit);
        assert_eq!(fit.row(68)[115], 0);
        assert!(fit.row(68)[80] > 240);
    }

    #[test]
    fn without_a_root_color_has_to_do() {
        let (frame, whole) = street();
        let mut fit = whole.clone();
        for y in 50..SIZE.1 {
            fit.row_mut(y).fill(0);
        }
        let before = fit.clone();
        Rooted::new(false).cut(&frame, &mut fit);
        assert_eq!(fit, before);
        for (width, height) in [(1, 1), (1, 9), (9, 1)] {
            let plane = Plane::filled(width, height, 255);
            let frame = Image { planes: std::array::from_fn(|_| plane.clone()) };
            Rooted::new(true).cut(&frame, &mut plane.clone());
        }
    }
}
