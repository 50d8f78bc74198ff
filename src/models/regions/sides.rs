//! The colors of what stands in front and of what lies behind.
//!
//! Two histograms of color, as in Rother, Kolmogorov and Blake, "GrabCut" (2004), of which this is
//! the part without the cut. They follow slowly, so that the estimate is stable over time.

use super::barrier::Opponents;

/// Bins to a channel.
const BINS: usize = 10;
pub(super) const COLORS: usize = BINS * BINS * BINS;
/// How much of the old histograms is kept with every look.
const KEEP: f32 = 0.7;
/// The most that colors say for or against, as odds.
const SAY: f32 = 2.4;

pub(super) struct Sides {
    sides: [Vec<f32>; 2],
    odds: Vec<f32>,
}

impl Sides {
    pub fn new() -> Self {
        Self { sides: [vec![0.0; COLORS], vec![0.0; COLORS]], odds: vec![0.0; COLORS] }
    }

    /// Learns the colors, given how far each pixel is thought to be in front, 0 to 1.
    pub fn learn(&mut self, colors: &[Opponents], share: &[f32], is_first: bool) {
        let keep = if is_first { 0.0 } else { KEEP };
        let unit = (1.0 - keep) / share.len() as f32;
        for histogram in &mut self.sides {
            for bin in histogram.iter_mut() {
                *bin *= keep;
            }
        }
        let [front, back] = &mut self.sides;
        for (&color, &share) in colors.iter().zip(share) {
            let bin = bin(color);
            front[bin] += share * share * unit;
            back[bin] += (1.0 - share) * (1.0 - share) * unit;
        }
        let whole = |histogram: &[f32]| 1.0 / histogram.iter().sum::<f32>().max(1e-6);
        let (whole_front, whole_back) = (whole(front), whole(back));
        for (at, odds) in self.odds.iter_mut().enumerate() {
            let (one, other) = (around(front, at) * whole_front, around(back, at) * whole_back);
            *odds = ((one + 2e-4) / (other + 2e-4)).ln().clamp(-SAY, SAY);
        }
    }

    /// How much both sides have the same colors: 0 none, 1 all of them. The coefficient of
    /// Bhattacharyya, "On a measure of divergence between two statistical populations" (1943).
    pub fn overlap(&self) -> f32 {
        let [front, back] = &self.sides;
        let (whole, other) = (front.iter().sum::<f32>(), back.iter().sum::<f32>());
        let both: f32 = front.iter().zip(back).map(|(a, b)| (a * b).sqrt()).sum();
        both / (whole * other).max(1e-12).sqrt()
    }

    /// The odds that a color is in front.
    #[inline(always)]
    pub fn odds(&self, color: Opponents) -> f32 {
        self.odds[bin(color)]
    }
}

#[inline(always)]
pub(super) fn bin(color: Opponents) -> usize {
    let [light, one, other] = color.map(|level| (usize::from(level) * BINS) >> 8);
    (light * BINS + one) * BINS + other
}

/// A bin with a part of its neighbours.
pub(super) fn around(histogram: &[f32], at: usize) -> f32 {
    let mut sum = histogram[at];
    for step in [1, BINS, BINS * BINS] {
        let place = at / step % BINS;
        if place > 0 {
            sum += 0.4 * histogram[at - step];
        }
        if place + 1 < BINS {
            sum += 0.4 * histogram[at + step];
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_tell_the_sides_and_unknown_ones_tell_nothing() {
        let colors: Vec<Opponents> =
            (0..200).map(|at| if at < 80 { [200, 170, 90] } else { [60, 120, 140] }).collect();
        let share: Vec<f32> = (0..200).map(|at| if at < 80 { 0.8 } else { 0.1 }).collect();
        let mut sides = Sides::new();
        sides.learn(&colors, &share, true);
        assert!(sides.odds([200, 170, 90]) > 1.5);
        assert!(sides.odds([60, 120, 140]) < -1.5);
        assert!(sides.odds([250, 10, 250]).abs() < 1e-3);
    }
}
