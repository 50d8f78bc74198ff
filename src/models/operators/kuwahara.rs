//! The anisotropic Kuwahara filter: flattens areas into brush-like patches along edges.
//!
//! After Kyprianidis, Kang and Döllner, "Image and video abstraction by anisotropic Kuwahara
//! filtering" (2009): each pixel becomes a mean of eight sectors of an ellipse that follows the
//! flow, where even sectors count most. The mean and spread of a sector are read at its middle
//! from a picture of local means, instead of being summed up for every pixel.

use super::blur::Blur;
use super::brief::Brief;
use super::image::{Image, Plane};
use super::padded::Padded;
use super::shade::shade;
use super::tensor::{BINS, Flow, bin_vector};

const SECTORS: usize = 8;
const STRETCHES: usize = 4;
/// The most that a sector counts: sums of eight fit into sixteen bits.
const MOST: f32 = 31.0;

#[derive(Default)]
pub(in crate::models) struct Kuwahara {
    /// Red, green, blue and one, times the weight, in sixteen bits each.
    padded: Padded<u64>,
    offsets: Vec<[isize; SECTORS]>,
    made_for: (f32, usize),
    weights: Vec<u64>,
    inverses: Vec<f32>,
    blur: Blur,
}

/// How much a sector counts at a spread, which is measured in quarters of a level.
fn weight(spread: usize) -> u64 {
    (MOST / (1.0 + (spread as f32 / 14.0).powi(4))) as u64 + 1
}

impl Kuwahara {
    /// Flattens `src`, whose luma has the flow `flow` at half its size, with an ellipse of about
    /// `radius` pixels, 1 to 40.
    pub fn flatten(
        &mut self,
        src: &Image,
        luma: &Plane,
        flow: &Flow,
        dst: &mut Image,
        radius: f32,
    ) {
        let (width, height) = (src.width(), src.height());
        self.measure(src, luma, radius);
        self.prepare(radius);
        dst.fit(width, height);
        let [red, green, blue] = dst.each_mut();
        for y in 0..height {
            let cells = flow.cell(0, y)..flow.cell(0, y) + flow.width;
            let (bins, sure) = (&flow.bins[cells.clone()], &flow.sureness[cells]);
            let from = self.padded.at(0, y);
            let rows = red.row_mut(y).iter_mut().zip(green.row_mut(y)).zip(blue.row_mut(y));
            for (x, ((r, g), b)) in rows.enumerate() {
                let stretch = usize::from(sure[x / 2]) * STRETCHES / 256;
                let offsets = &self.offsets[usize::from(bins[x / 2]) * STRETCHES + stretch];
                let mut sum = 0;
                for &offset in offsets {
                    sum += self.padded.data[(from + x).wrapping_add_signed(offset)];
                }
                let inverse = self.inverses[(sum >> 48) as usize];
                let mean = |shift: u32| ((sum >> shift & 0xffff) as f32 * inverse + 0.5) as u8;
                (*r, *g, *b) = (mean(0), mean(16), mean(32));
            }
        }
    }

    /// Local means, each times how much it counts.
    fn measure(&mut self, src: &Image, luma: &Plane, radius: f32) {
        let (width, height) = (src.width(), src.height());
        let sigma = (radius * 0.3).max(0.5);
        let (mut means, mut spread) = (Brief::<Image>::like(src), Brief::<Plane>::like(luma));
        self.blur.image(src, &mut means, sigma);
        spread_of(luma, &mut spread, sigma, &mut self.blur);
        if self.weights.is_empty() {
            self.weights = (0..256).map(weight).collect();
            self.inverses = (0..=SECTORS * 32).map(|total| 1.0 / total.max(1) as f32).collect();
        }
        let margin = (radius * 1.6) as usize + 2;
        self.padded.fill_rows(width, height, margin, |y, out| {
            let [red, green, blue] = means.each().map(|plane| plane.row(y));
            let places = red.iter().zip(green).zip(blue).zip(spread.row(y));
            for (out, (((&r, &g), &b), &spread)) in out.iter_mut().zip(places) {
                let color = u64::from(r) | u64::from(g) << 16 | u64::from(b) << 32 | 1 << 48;
                *out = color * self.weights[usize::from(spread)];
            }
        });
    }

    /// The middles of the sectors for every direction and stretch of the ellipse.
    fn prepare(&mut self, radius: f32) {
        if self.made_for == (radius, self.padded.stride) {
            return;
        }
        self.made_for = (radius, self.padded.stride);
        self.offsets.clear();
        for index in 0..BINS * STRETCHES {
            let (cos, sin) = bin_vector(index / STRETCHES);
            let stretch = 1.0 + (index % STRETCHES) as f32 / (STRETCHES - 1) as f32 * 0.6;
            self.offsets.push(std::array::from_fn(|sector| {
                let turn = (sector as f32 + 0.5) * std::f32::consts::TAU / SECTORS as f32;
                let long = turn.cos() * radius * 0.62 * stretch;
                let short = turn.sin() * radius * 0.62 / stretch;
                self.padded.step(long * cos - short * sin, long * sin + short * cos)
            }));
        }
    }
}

/// How far levels lie from their local mean, as the blurred distance, in quarters of a level.
fn spread_of(luma: &Plane, out: &mut Plane, sigma: f32, blur: &mut Blur) {
    let (mut mean, mut squares) = (Brief::<Plane>::like(luma), Brief::<Plane>::like(luma));
    blur.plane(luma, &mut mean, sigma);
    shade(
        [luma, &mean],
        [&mut squares],
        #[inline(always)]
        |_| {
            #[inline(always)]
            |_, [luma, mean]| [(luma - mean).abs() * 4.0]
        },
    );
    blur.plane(&squares, out, sigma);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(src: &Image, radius: f32) -> Image {
        let mut luma = Plane::default();
        src.luma(&mut luma);
        let mut flow = Flow::default();
        flow.measure(&luma, 2);
        let mut dst = Image::default();
        Kuwahara::default().flatten(src, &luma, &flow, &mut dst, radius);
        dst
    }

    #[test]
    fn noise_is_flattened_and_an_edge_stays() {
        let side = |x: usize| if x < 40 { 60 } else { 190 };
        let level = |x: usize, y: usize| side(x) + ((x * 7 + y * 13) % 9) as u8;
        let src = Image { planes: std::array::from_fn(|_| Plane::of(80, 60, level)) };
        let dst = flat(&src, 4.0);
        for y in 5..55 {
            let row = dst.planes[0].row(y);
            for x in (5..36).chain(44..75) {
                assert!(row[x].abs_diff(side(x) + 4) <= 3, "{x} {y}: {}", row[x]);
            }
            // No pixel between the two sides further than two from the edge.
            assert!(row[37] < 85 && row[43] > 170, "{:?}", &row[36..45]);
        }
    }

    #[test]
    fn the_mean_of_the_sectors_is_the_plain_one() {
        let src = Image {
            planes: std::array::from_fn(|c| {
                Plane::of(30, 30, |x, y| (x * 3 + y * 5 + c * 40) as u8)
            }),
        };
        let mut luma = Plane::default();
        src.luma(&mut luma);
        let mut flow = Flow::default();
        flow.measure(&luma, 2);
        let mut filter = Kuwahara::default();
        let mut dst = Image::default();
        filter.flatten(&src, &luma, &flow, &mut dst, 4.0);
        let (mut means, mut spread) = (Image::default(), Plane::default());
        filter.blur.image(&src, &mut means, 1.2);
        spread_of(&luma, &mut spread, 1.2, &mut filter.blur);
        for y in 0..30_usize {
            for x in 0..30_usize {
                let cell = flow.cell(x, y);
                let (cos, sin) = bin_vector(usize::from(flow.bins[cell]));
                let step = usize::from(flow.sureness[cell]) * STRETCHES / 256;
                let stretch = 1.0 + step as f32 / 3.0 * 0.6;
                let (mut sum, mut total) = ([0.0; 3], 0.0);
                for sector in 0..SECTORS {
                    let turn = (sector as f32 + 0.5) * std::f32::consts::TAU / 8.0;
                    let (long, short) = (turn.cos() * 2.48 * stretch, turn.sin() * 2.48 / stretch);
                    let px = x as isize + (long * cos - short * sin).round() as isize;
                    let py = y as isize + (long * sin + short * cos).round() as isize;
                    let spread = f64::from(spread.at(px, py));
                    let weight = (31.0 / (1.0 + (spread / 14.0).powi(4))).floor() + 1.0;
                    total += weight;
                    for (sum, mean) in sum.iter_mut().zip(means.each()) {
                        *sum += weight * f64::from(mean.at(px, py));
                    }
                }
                for (sum, got) in sum.iter().zip(dst.color(x, y)) {
                    assert!((sum / total - f64::from(got)).abs() < 1.0);
                }
            }
        }
    }
}
