//! Brings a small estimate to the size of the frame, with borders where the frame has edges.
//!
//! The guided filter of He, Sun and Tang, "Guided image filtering" (2010), in the fast form of He
//! and Sun, "Fast guided filter" (2015): linear models from the luma to the estimate are fitted
//! on the small picture and used on the large one.

use super::steps::{Stairs, Steps};
use crate::models::operators::{Brief, Image, Plane, shade, wide};

/// The reach of a model to each side, in pixels of the small picture.
const REACH: usize = 2;
/// Contrast whose square is much less than this says nothing.
const EPSILON: f32 = 70.0;
/// Slopes are kept as bytes around 128: so many steps are a slope of 1.
const SLOPE: f32 = 14.0;

#[derive(Default)]
pub(super) struct Matte {
    guide: Vec<f32>,
    means: [Vec<f32>; 4],
    spare: Vec<f32>,
    /// The middle of the luma, the estimate there, and the slope.
    models: [Plane; 3],
    stairs: Stairs,
}

impl Matte {
    /// Writes `small`, 0 to 1 a pixel of `luma`, at the size of `frame_luma`. `steps` is the
    /// way down from the one to the other, `depth` of them.
    pub fn apply(
        &mut self,
        small: &[f32],
        luma: &Plane,
        depth: usize,
        steps: &Steps,
        frame_luma: &Plane,
        out: &mut Plane,
    ) {
        self.fit_models(small, luma);
        let mut large = Brief::<Image>::of(frame_luma.width, frame_luma.height);
        for (model, large) in self.models.iter().zip(large.each_mut()) {
            self.stairs.up_from(depth, model, steps, large);
        }
        let [middle, level, slope] = large.each();
        shade(
            [frame_luma, middle, level, slope],
            [out],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma, middle, level, slope]| {
                    let off = (luma - middle) * (slope - 128.0) * (1.0 / SLOPE);
                    // Firmer than the models, which are unsure at their borders.
                    let sure = level + off.max(-140.0).min(140.0);
                    [(sure - 128.0) * 2.4 + 128.0]
                }
            },
        );
    }

    fn fit_models(&mut self, small: &[f32], luma: &Plane) {
        let (width, height) = (luma.width, luma.height);
        let count = width * height;
        self.guide.clear();
        self.guide.extend(luma.data.iter().map(|&level| f32::from(level)));
        let [light, level, squares, products] = &mut self.means;
        light.clone_from(&self.guide);
        level.clear();
        level.extend(small.iter().map(|share| share * 255.0));
        squares.clear();
        squares.extend(light.iter().map(|light| light * light));
        products.clear();
        products.extend(light.iter().zip(&*level).map(|(light, level)| light * level));
        for mean in [&mut *light, &mut *level, &mut *squares, &mut *products] {
            window(mean, &mut self.spare, width);
        }
        let pixels = light.iter().zip(&*level).zip(squares.iter_mut().zip(products.iter_mut()));
        for ((light, level), (square, product)) in pixels {
            let variance = *square - light * light;
            let covariance = *product - light * level;
            let slope = covariance / (variance.max(0.0) + EPSILON);
            *square = slope;
            *product = level - slope * light;
        }
        window(squares, &mut self.spare, width);
        window(products, &mut self.spare, width);
        let [middle, at_middle, slope] = &mut self.models;
        for plane in [&mut *middle, &mut *at_middle, &mut *slope] {
            plane.fit_to(luma);
        }
        for at in 0..count {
            let place = (light[at] + 0.5).clamp(0.0, 255.0).floor();
            middle.data[at] = place as u8;
            at_middle.data[at] = (products[at] + squares[at] * place + 0.5).clamp(0.0, 255.0) as u8;
            slope.data[at] = (128.5 + squares[at] * SLOPE).clamp(0.0, 255.0) as u8;
        }
    }
}

/// Means over windows of [`REACH`], cut at the border.
fn window(values: &mut [f32], spare: &mut Vec<f32>, width: usize) {
    const ACROSS: usize = 2 * REACH + 1;
    let height = values.len() / width.max(1);
    spare.resize(values.len(), 0.0);
    wide(
        #[inline(always)]
        || {
            for (row, out) in values.chunks_exact(width).zip(spare.chunks_exact_mut(width)) {
                for x in (0..REACH.min(width)).chain(width.saturating_sub(REACH)..width) {
                    let part = &row[x.saturating_sub(REACH)..(x + REACH + 1).min(width)];
                    out[x] = part.iter().sum::<f32>() / part.len() as f32;
                }
                if width > 2 * REACH {
                    for (part, out) in row.windows(ACROSS).zip(&mut out[REACH..]) {
                        *out = part.iter().sum::<f32>() * (1.0 / ACROSS as f32);
                    }
                }
            }
            for (y, out) in values.chunks_exact_mut(width).enumerate() {
                let rows = y.saturating_sub(REACH)..(y + REACH + 1).min(height);
                let scale = 1.0 / rows.len() as f32;
                out.fill(0.0);
                for row in rows {
                    for (out, &value) in out.iter_mut().zip(&spare[row * width..][..width]) {
                        *out += value * scale;
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::Image;

    #[test]
    fn borders_move_to_the_edges_of_the_frame() {
        // The thing ends at 150, the estimate a little too far out.
        let thing = Plane::of(320, 160, |x, _| if x < 150 { 60 } else { 190 });
        let frame = Image { planes: std::array::from_fn(|_| thing.clone()) };
        let mut steps = Steps::default();
        steps.make(&frame);
        let mut luma = Plane::default();
        steps.small().luma(&mut luma);
        let small: Vec<f32> =
            (0..160 * 80).map(|at| if at % 160 < 76 { 1.0 } else { 0.0 }).collect();
        let (mut matte, mut out) = (Matte::default(), Plane::default());
        matte.apply(&small, &luma, steps.depth(), &steps, &thing, &mut out);
        let row = out.row(80);
        assert!(row[30] == 255 && row[144] > 200, "{} {}", row[30], row[144]);
        assert!(row[156] < 60 && row[300] == 0, "{} {}", row[156], row[300]);
    }

    #[test]
    fn windows_are_means() {
        let (width, height) = (7, 5);
        let mut values: Vec<f32> = (0..width * height).map(|at| (at * at % 13) as f32).collect();
        let before = values.clone();
        window(&mut values, &mut Vec::new(), width);
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut count) = (0.0, 0.0);
                for py in y.saturating_sub(REACH)..(y + REACH + 1).min(height) {
                    for px in x.saturating_sub(REACH)..(x + REACH + 1).min(width) {
                        sum += before[py * width + px];
                        count += 1.0;
                    }
                }
                assert!((values[y * width + x] - sum / count).abs() < 1e-4);
            }
        }
    }
}
