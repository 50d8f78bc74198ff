//! Spreads an estimate over areas of one color, and stops at their borders.
//!
//! The recursive filter of the domain transform: Gastal and Oliveira, "Domain transform for
//! edge-aware image and video processing" (2011). Each pass has half the reach of the one before,
//! so that its weights are the squares of theirs.

use super::barrier::Opponents;

const PASSES: usize = 3;

#[derive(Default)]
pub(super) struct Spread {
    /// What passes from the left neighbour and from the one above.
    across: Vec<f32>,
    down: Vec<f32>,
}

impl Spread {
    /// Smooths `values` over about `reach` pixels, less where colors change: by as many levels as
    /// `contrast` it is as if the reach were passed.
    pub fn apply(
        &mut self,
        values: &mut [f32],
        colors: &[Opponents],
        width: usize,
        reach: f32,
        contrast: f32,
    ) {
        self.prepare(colors, width, reach, contrast);
        for pass in 0..PASSES {
            if pass > 0 {
                for weight in self.across.iter_mut().chain(&mut self.down) {
                    *weight *= *weight;
                }
            }
            run(values, &self.across, width, 1);
            run(values, &self.down, width, width);
        }
    }

    fn prepare(&mut self, colors: &[Opponents], width: usize, reach: f32, contrast: f32) {
        // The first of the passes reaches farthest: the variances of all add up.
        let whole = (4_f32.powi(PASSES as i32) - 1.0).sqrt();
        let first = reach * 3_f32.sqrt() * 2_f32.powi(PASSES as i32 - 1) / whole;
        let rate = std::f32::consts::SQRT_2 / first;
        let far = reach / contrast;
        let weight = |a: Opponents, b: Opponents| {
            let step: u16 = (0..3).map(|c| u16::from(a[c].abs_diff(b[c]))).sum();
            (-rate * (1.0 + far * f32::from(step))).exp()
        };
        self.across.clear();
        self.down.clear();
        for (at, &color) in colors.iter().enumerate() {
            self.across.push(if at % width > 0 { weight(color, colors[at - 1]) } else { 0.0 });
            self.down.push(if at >= width { weight(color, colors[at - width]) } else { 0.0 });
        }
    }
}

/// There and back along one axis. `step` leads to the neighbour before.
fn run(values: &mut [f32], weights: &[f32], width: usize, step: usize) {
    let count = values.len();
    debug_assert!(step == 1 || step == width);
    // At the first of a line the weight is 0, so that lines do not touch.
    for at in step..count {
        let weight = weights[at];
        values[at] += (values[at - step] - values[at]) * weight;
    }
    for at in (step..count).rev() {
        let weight = weights[at];
        values[at - step] += (values[at] - values[at - step]) * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_spread_inside_an_area_and_not_beyond() {
        let (width, height) = (60, 40);
        let colors: Vec<Opponents> = (0..width * height)
            .map(|at| if at % width < 30 { [60, 128, 128] } else { [160, 100, 128] })
            .collect();
        // A speckle in a plain area, and an edge of the values at that of the colors.
        let mut values: Vec<f32> =
            (0..width * height).map(|at| if at % width < 30 { 0.0 } else { 1.0 }).collect();
        values[20 * width + 10] = 1.0;
        Spread::default().apply(&mut values, &colors, width, 8.0, 40.0);
        let at = |x: usize, y: usize| values[y * width + x];
        assert!(at(10, 20) < 0.1, "{}", at(10, 20));
        assert!(at(27, 10) < 0.05 && at(32, 10) > 0.95, "{} {}", at(27, 10), at(32, 10));
    }

    #[test]
    fn a_plain_value_stays() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 5)] {
            let colors = vec![[9, 80, 200]; width * height];
            let mut values = vec![0.4; width * height];
            Spread::default().apply(&mut values, &colors, width, 5.0, 30.0);
            assert!(values.iter().all(|value| (value - 0.4).abs() < 1e-5));
        }
    }
}
