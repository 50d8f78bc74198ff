//! Colors that the picture has along its rim and those that it has within only.
//!
//! What a picture is about is seldom cut off by all of its sides, and what lies around it is: the
//! background measure of Zhu, Liang, Wei and Sun, "Saliency optimization from robust background
//! detection" (2014), taken of colors instead of patches.

use super::barrier::Opponents;
use super::sides::{COLORS, around, bin};

/// How much of the old histograms is kept with every look.
const KEEP: f32 = 0.7;
/// The width of the rim, in parts of the height.
const WIDE: f32 = 0.06;
/// How much more of a color has to lie within for it to speak for neither.
const EVEN: f32 = 1.0;
/// The most that is said against a color and for it, as odds.
const SAY: (f32, f32) = (-1.2, 2.8);

pub(super) struct Rim {
    within: Vec<f32>,
    rim: Vec<f32>,
    odds: Vec<f32>,
}

impl Rim {
    pub fn new() -> Self {
        let empty = vec![0.0; COLORS];
        Self { within: empty.clone(), rim: empty.clone(), odds: empty }
    }

    /// Learns the colors of a picture.
    pub fn learn(&mut self, colors: &[Opponents], width: usize, is_first: bool) {
        let height = colors.len() / width.max(1);
        let wide = (WIDE * height as f32) as usize + 1;
        let keep = if is_first { 0.0 } else { KEEP };
        for bin in self.within.iter_mut().chain(&mut self.rim) {
            *bin *= keep;
        }
        for (at, &color) in colors.iter().enumerate() {
            let (x, y) = (at % width, at / width);
            let is_rim = x < wide || y < wide || x + wide >= width || y + wide >= height;
            let side = if is_rim { &mut self.rim } else { &mut self.within };
            side[bin(color)] += 1.0;
        }
        let whole = |histogram: &[f32]| 1.0 / histogram.iter().sum::<f32>().max(1e-6);
        let (whole_within, whole_rim) = (whole(&self.within), whole(&self.rim));
        for (at, odds) in self.odds.iter_mut().enumerate() {
            let within = around(&self.within, at) * whole_within;
            let rim = around(&self.rim, at) * whole_rim;
            *odds = (((within + 2e-3) / (rim + 2e-3)).ln() - EVEN).clamp(SAY.0, SAY.1);
        }
    }

    /// The odds that a color is not of what lies around.
    #[inline(always)]
    pub fn odds(&self, color: Opponents) -> f32 {
        self.odds[bin(color)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rim_has_is_of_the_surroundings() {
        // A gray thing on green ground under a blue wall; some of the ground lies in the middle.
        let (thing, ground, wall) = ([150, 128, 128], [110, 60, 180], [90, 110, 60]);
        let colors: Vec<Opponents> = (0..80 * 50)
            .map(|at| match (at % 80, at / 80) {
                (30..45, 12..40) => thing,
                (_, 25..) => ground,
                _ => wall,
            })
            .collect();
        let mut rim = Rim::new();
        rim.learn(&colors, 80, true);
        assert!(rim.odds(thing) > 1.5, "{}", rim.odds(thing));
        for color in [ground, wall] {
            assert!(rim.odds(color) < -0.6, "{}", rim.odds(color));
        }
    }

    #[test]
    fn any_size_is_taken() {
        for (width, height) in [(1, 1), (1, 9), (9, 1)] {
            Rim::new().learn(&vec![[9, 80, 200]; width * height], width, true);
        }
    }
}
