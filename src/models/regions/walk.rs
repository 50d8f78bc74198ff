//! An estimate drawn to where the picture has edges.
//!
//! Random walks with a prior: Grady, "Multilabel random walker image segmentation using prior
//! models" (2005). Each pixel becomes the mean of its neighbours, which count the more the more alike
//! they are, and of its own odds. Solved by sweeps that begin with the last answer.

use super::barrier::Opponents;

#[derive(Default)]
pub(super) struct Walk {
    /// How well the left neighbour is reached, and the one above.
    across: Vec<f32>,
    down: Vec<f32>,
    part: Vec<f32>,
}

impl Walk {
    /// Measures how alike neighbours are.
    pub fn prepare(&mut self, colors: &[Opponents], width: usize) {
        self.across.clear();
        self.down.clear();
        let off = |a: Opponents, b: Opponents| -> f32 {
            let square: u32 = (0..3).map(|c| u32::from(a[c].abs_diff(b[c])).pow(2)).sum();
            square as f32
        };
        let (mut sum, mut count) = (0.0, 0.0);
        for (at, &color) in colors.iter().enumerate() {
            for (steps, from, is_in) in [
                (&mut self.across, at.wrapping_sub(1), at % width > 0),
                (&mut self.down, at.wrapping_sub(width), at >= width),
            ] {
                let step = if is_in { off(color, colors[from]) } else { f32::MAX };
                if is_in {
                    sum += step;
                    count += 1.0;
                }
                steps.push(step);
            }
        }
        // What is usual in the picture is no edge.
        let scale = 0.5 / (sum / f32::max(count, 1.0)).max(4.0);
        for step in self.across.iter_mut().chain(&mut self.down) {
            *step = fall(*step * scale);
        }
    }

    /// Sweeps `rounds` times down and up over `values`, which are drawn to `aim` by `pull`.
    pub fn run(
        &mut self,
        values: &mut [f32],
        aim: &[f32],
        pull: &[f32],
        width: usize,
        rounds: usize,
    ) {
        let count = values.len();
        self.part.clear();
        for at in 0..count {
            let right = if at % width + 1 < width { self.across[at + 1] } else { 0.0 };
            let below = self.down.get(at + width).copied().unwrap_or_default();
            let sum = self.across[at] + right + self.down[at] + below + pull[at];
            self.part.push(1.0 / sum.max(1e-6));
        }
        for _ in 0..rounds {
            for at in 0..count {
                self.step(values, aim, pull, at, width);
            }
            for at in (0..count).rev() {
                self.step(values, aim, pull, at, width);
            }
        }
    }

    #[inline(always)]
    fn step(&self, values: &mut [f32], aim: &[f32], pull: &[f32], at: usize, width: usize) {
        // Beyond a border the weight is 0; the last of the row above stands in at the left one.
        let before = at.saturating_sub(1);
        let above = at.saturating_sub(width);
        let (after, below) = (at + 1, at + width);
        let mut sum = values[before] * self.across[at] + values[above] * self.down[at];
        if after < values.len() {
            sum += values[after] * self.across[after];
        }
        if below < values.len() {
            sum += values[below] * self.down[below];
        }
        values[at] = (sum + aim[at] * pull[at]) * self.part[at];
    }
}

/// Close to `exp(-x)` for `x` from 0 on, as vector code.
#[inline(always)]
fn fall(x: f32) -> f32 {
    let near = 1.0 / (1.0 + x * 0.125);
    let square = near * near;
    let fourth = square * square;
    fourth * fourth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsure_takes_the_side_that_its_edges_leave_it() {
        // A thing whose lower half is unsure, and ground.
        let (width, height) = (40, 30);
        let inside = |x: usize, y: usize| (12..28).contains(&x) && y > 4;
        let places = || (0..width * height).map(|at| (at % width, at / width));
        let colors: Vec<Opponents> = places()
            .map(|(x, y)| if inside(x, y) { [150, 128, 128] } else { [70, 110, 150] })
            .collect();
        let odds: Vec<f32> = places()
            .map(|(x, y)| match (inside(x, y), y < 15) {
                (true, true) => 4.0,
                (true, false) => 0.0,
                _ => -4.0,
            })
            .collect();
        let aim: Vec<f32> = odds.iter().map(|odds| 1.0 / (1.0 + (-odds).exp())).collect();
        let pull: Vec<f32> = odds.iter().map(|odds| 0.05 * odds.abs()).collect();
        let (mut walk, mut values) = (Walk::default(), vec![0.5; width * height]);
        walk.prepare(&colors, width);
        walk.run(&mut values, &aim, &pull, width, 40);
        for (x, y) in places() {
            let value = values[y * width + x];
            assert!(if inside(x, y) { value > 0.5 } else { value < 0.1 }, "{x} {y}: {value}");
        }
    }

    #[test]
    fn a_plain_value_stays() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 5)] {
            let count = width * height;
            let mut walk = Walk::default();
            walk.prepare(&vec![[9, 80, 200]; count], width);
            let mut values = vec![0.4; count];
            walk.run(&mut values, &vec![0.4; count], &vec![0.1; count], width, 3);
            assert!(values.iter().all(|value| (value - 0.4).abs() < 1e-5));
        }
    }
}
