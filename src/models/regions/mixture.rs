//! The colors of one side of the picture as a mixture of Gaussians.
//!
//! As in Rother, Kolmogorov and Blake, "GrabCut" (2004): five of them, each pixel counted to one. They
//! tell colors finer than a histogram of few bins, and what they saw little of they still judge.

use crate::models::operators::wide;

/// Gaussians in a mixture.
const PARTS: usize = 5;
/// Steps to the first centers.
const FIRST_STEPS: usize = 6;
/// Added to every variance: what a camera's noise and the coarse picture leave unsure.
const SPREAD: f32 = 12.0;
/// Pixels that are learned from: one in so many.
const STRIDE: usize = 2;
/// The weight of a part from which on it counts, in pixels.
const LEAST: f32 = 4.0;

/// Colors as three planes of levels.
pub(super) type Colors = [Vec<f32>; 3];

/// Writes what each color costs on both sides: the less, the more it is of that one.
pub(super) fn costs(sides: [&Mixture; 2], colors: &Colors, costs: &mut [Vec<f32>; 2]) {
    wide(
        #[inline(always)]
        || {
            for (side, cost) in sides.into_iter().zip(costs) {
                side.cost(colors, cost);
            }
        },
    );
}

/// One Gaussian: its center, and the coefficients of what a color costs.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    center: [f32; 3],
    /// The inverse of the covariance, halved: xx, yy, zz, and the sums of xy, xz, yz.
    form: [f32; 6],
    /// What the center costs; infinite if there is no such part.
    base: f32,
}

#[derive(Debug, Default)]
pub(super) struct Mixture {
    parts: [Part; PARTS],
    levels: Vec<f32>,
}

/// Sums over the pixels of a part.
#[derive(Clone, Copy, Default)]
struct Sums {
    weight: f32,
    first: [f32; 3],
    second: [f32; 6],
}

impl Mixture {
    /// Learns from the colors by their weights, which are not below 0.
    pub fn learn(&mut self, colors: &Colors, weights: &[f32], is_first: bool) {
        if is_first {
            self.begin(colors, weights);
        }
        let steps = if is_first { FIRST_STEPS } else { 1 };
        let mut sums = [Sums::default(); PARTS];
        for _ in 0..steps {
            sums = self.count(colors, weights);
            for (part, sums) in self.parts.iter_mut().zip(&sums) {
                if sums.weight >= LEAST {
                    part.center = sums.first.map(|sum| sum / sums.weight);
                }
            }
        }
        let whole: f32 = sums.iter().map(|sums| sums.weight).sum();
        for (part, sums) in self.parts.iter_mut().zip(&sums) {
            part.shape(sums, whole);
        }
    }

    /// Writes what each color costs: the less, the more it is of this side.
    #[inline(always)]
    fn cost(&self, colors: &Colors, cost: &mut Vec<f32>) {
        cost.clear();
        cost.resize(colors[0].len(), f32::MAX);
        let [x, y, z] = colors;
        for part in self.parts.iter().filter(|part| part.base < f32::MAX) {
            let ([cx, cy, cz], [xx, yy, zz, xy, xz, yz]) = (part.center, part.form);
            let pixels = x.iter().zip(y).zip(z).zip(cost.iter_mut());
            for (((&x, &y), &z), cost) in pixels {
                let (x, y, z) = (x - cx, y - cy, z - cz);
                let own =
                    part.base + x * (xx * x + xy * y + xz * z) + y * (yy * y + yz * z) + zz * z * z;
                *cost = cost.min(own);
            }
        }
    }

    /// Centers at even parts of all lightness.
    fn begin(&mut self, colors: &Colors, weights: &[f32]) {
        self.levels.clear();
        self.levels.resize(256, 0.0);
        for (light, weight) in colors[0].iter().zip(weights) {
            self.levels[light.clamp(0.0, 255.0) as usize] += weight;
        }
        let whole: f32 = self.levels.iter().sum();
        let (mut below, mut level) = (0.0, 0);
        for (at, part) in self.parts.iter_mut().enumerate() {
            let wanted = whole * (at as f32 + 0.5) / PARTS as f32;
            while level < 255 && below + self.levels[level] < wanted {
                below += self.levels[level];
                level += 1;
            }
            let near = |light: f32| (light - level as f32).abs() < 6.0;
            let mut sums = Sums::default();
            for (pixel, &weight) in weights.iter().enumerate().step_by(STRIDE) {
                let color = [colors[0][pixel], colors[1][pixel], colors[2][pixel]];
                if near(color[0]) {
                    sums.add(color, weight);
                }
            }
            part.center = sums.first.map(|sum| sum / sums.weight.max(1e-6));
        }
    }

    fn count(&self, colors: &Colors, weights: &[f32]) -> [Sums; PARTS] {
        let mut sums = [Sums::default(); PARTS];
        for at in (0..weights.len()).step_by(STRIDE) {
            if weights[at] <= 0.0 {
                continue;
            }
            let color = [colors[0][at], colors[1][at], colors[2][at]];
            let (mut nearest, mut least) = (0, f32::MAX);
            for (part, Part { center, .. }) in self.parts.iter().enumerate() {
                let off: f32 = (0..3).map(|c| (color[c] - center[c]).powi(2)).sum();
                if off < least {
                    (nearest, least) = (part, off);
                }
            }
            sums[nearest].add(color, weights[at]);
        }
        sums
    }
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, [x, y, z]: [f32; 3], weight: f32) {
        self.weight += weight;
        for (sum, level) in self.first.iter_mut().zip([x, y, z]) {
            *sum += level * weight;
        }
        for (sum, product) in self.second.iter_mut().zip([x * x, y * y, z * z, x * y, x * z, y * z])
        {
            *sum += product * weight;
        }
    }
}

impl Part {
    /// Takes the shape of what was counted, out of `whole`.
    fn shape(&mut self, sums: &Sums, whole: f32) {
        if sums.weight < LEAST {
            self.base = f32::MAX;
            return;
        }
        let scale = 1.0 / sums.weight;
        let [mx, my, mz] = sums.first.map(|sum| sum * scale);
        let [xx, yy, zz, xy, xz, yz] = sums.second.map(|sum| sum * scale);
        let [xx, yy, zz] =
            [xx - mx * mx, yy - my * my, zz - mz * mz].map(|own| own.max(0.0) + SPREAD);
        let (xy, xz, yz) = (xy - mx * my, xz - mx * mz, yz - my * mz);
        // Cramer's rule.
        let minors = [yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy];
        let cross = [xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz];
        let volume = (xx * minors[0] + xy * cross[0] + xz * cross[1]).max(SPREAD);
        let part = 1.0 / volume;
        self.form = [
            0.5 * minors[0] * part,
            0.5 * minors[1] * part,
            0.5 * minors[2] * part,
            cross[0] * part,
            cross[1] * part,
            cross[2] * part,
        ];
        self.base = 0.5 * volume.ln() - (sums.weight / whole).ln();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds of colors, the one long in a direction across the axes.
    fn clouds(count: usize) -> Colors {
        let step = |at: usize| ((at * 7919) % 101) as f32 - 50.0;
        let color = |at: usize| {
            if at % 4 < 2 {
                [100.0 + step(at), 128.0 + step(at) * 0.5, 120.0]
            } else {
                [200.0, 90.0 + step(at) * 0.1, 160.0]
            }
        };
        std::array::from_fn(|c| (0..count).map(|at| color(at)[c]).collect())
    }

    #[test]
    fn colors_cost_less_the_more_alike_they_are() {
        let colors = clouds(4000);
        let mut mixture = Mixture::default();
        mixture.learn(&colors, &vec![1.0; 4000], true);
        let asked = [[130.0, 143.0, 120.0], [200.0, 92.0, 160.0], [130.0, 100.0, 120.0], [20.0; 3]];
        let planes: Colors = std::array::from_fn(|c| asked.iter().map(|color| color[c]).collect());
        let mut cost = Vec::new();
        mixture.cost(&planes, &mut cost);
        // Along the cloud, in the other one, as far off across, and elsewhere.
        assert!(cost[0] < 9.0 && cost[1] < 9.0, "{cost:?}");
        assert!(cost[2] > cost[0] + 10.0 && cost[3] > cost[2], "{cost:?}");
    }

    #[test]
    fn weights_choose_what_is_learned() {
        let colors = clouds(4000);
        let weights: Vec<f32> = (0..4000).map(|at| if at % 4 < 2 { 1.0 } else { 0.0 }).collect();
        let mut mixture = Mixture::default();
        mixture.learn(&colors, &weights, true);
        mixture.learn(&colors, &weights, false);
        let mut cost = Vec::new();
        mixture.cost(&colors, &mut cost);
        let mean =
            |rest: usize| (0..4000).filter(|at| at % 4 == rest).map(|at| cost[at]).sum::<f32>();
        assert!(mean(2) > mean(0) * 3.0, "{} {}", mean(2), mean(0));
    }

    #[test]
    fn nothing_and_one_color_are_learned_too() {
        for colors in [clouds(1), std::array::from_fn(|_| vec![7.0; 50])] {
            for weight in [0.0, 1.0] {
                let mut mixture = Mixture::default();
                mixture.learn(&colors, &vec![weight; colors[0].len()], true);
                let mut cost = Vec::new();
                mixture.cost(&colors, &mut cost);
                assert!(cost.iter().all(|cost| !cost.is_nan()));
            }
        }
    }
}
