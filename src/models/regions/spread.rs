//! Spreads an estimate over areas of one color, and stops at their borders.
//!
//! The recursive filter of the domain transform: Gastal and Oliveira, "Domain transform for
//! edge-aware image and video processing" (2011). Each pass has half the reach of the one before,
//! so that its weights are the squares of theirs.

use super::barrier::Opponents;

const PASSES: usize = 3;
/// What three levels can differ by, and one more.
const STEPS: usize = 3 * 255 + 1;

#[derive(Default)]
pub(super) struct Spread {
    /// What passes from the left neighbour and from the one above.
    across: Vec<f32>,
    down: Vec<f32>,
    /// What passes at each difference of colors.
    by_step: Vec<f32>,
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
            along_rows(values, &self.across);
            along_columns(values, &self.down, width);
        }
    }

    fn prepare(&mut self, colors: &[Opponents], width: usize, reach: f32, contrast: f32) {
        // The first of the passes reaches farthest: the variances of all add up.
        let whole = (4_f32.powi(PASSES as i32) - 1.0).sqrt();
        let first = reach * 3_f32.sqrt() * 2_f32.powi(PASSES as i32 - 1) / whole;
        let rate = std::f32::consts::SQRT_2 / first;
        let far = reach / contrast;
        self.by_step.clear();
        self.by_step.extend((0..STEPS).map(|step| (-rate * (1.0 + far * step as f32)).exp()));
        let by_step = &self.by_step;
        let weight = |a: Opponents, b: Opponents| {
            let step: usize = (0..3).map(|c| usize::from(a[c].abs_diff(b[c]))).sum();
            by_step[step]
        };
        self.across.clear();
        self.down.clear();
        for (at, &color) in colors.iter().enumerate() {
            self.across.push(if at % width > 0 { weight(color, colors[at - 1]) } else { 0.0 });
            self.down.push(if at >= width { weight(color, colors[at - width]) } else { 0.0 });
        }
    }
}

/// There and back. At the first of a row the weight is 0, so that rows do not touch.
fn along_rows(values: &mut [f32], weights: &[f32]) {
    let mut last = values.first().copied().unwrap_or_default();
    for (value, weight) in values.iter_mut().zip(weights) {
        last = *value + (last - *value) * weight;
        *value = last;
    }
    let mut weight = 0.0;
    for (value, &own) in values.iter_mut().zip(weights).rev() {
        last = *value + (last - *value) * weight;
        *value = last;
        weight = own;
    }
}

fn along_columns(values: &mut [f32], weights: &[f32], width: usize) {
    let rows = values.len() / width.max(1);
    let pair = |values: &mut [f32], row: usize, down: bool| {
        let (above, below) = values.split_at_mut(row * width);
        let (above, below) = (&mut above[(row - 1) * width..], &mut below[..width]);
        let weights = &weights[row * width..][..width];
        let (from, to) = if down { (above, below) } else { (below, above) };
        for ((to, from), weight) in to.iter_mut().zip(from).zip(weights) {
            *to += (*from - *to) * weight;
        }
    };
    for row in 1..rows {
        pair(values, row, true);
    }
    for row in (1..rows).rev() {
        pair(values, row, false);
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
