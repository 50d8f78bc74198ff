//! Coherent lines: a difference of Gaussians across the flow, smoothed along it.
//!
//! After Kang, Lee and Chui, "Coherent line drawing" (2007), with the soft threshold of
//! Winnemöller, Kyprianidis and Olsen, "XDoG: an eXtended difference-of-Gaussians" (2012).
//! Measured at half size; the threshold is taken at full size, so that lines have clean edges.

use super::image::Plane;
use super::padded::Padded;
use super::scale::Double;
use super::tensor::{BINS, Flow, bin_vector};

/// Samples to either side across the edge.
const ACROSS: usize = 4;

#[derive(Default)]
pub(in crate::models) struct Lines {
    padded: Padded<u8>,
    across: Plane,
    along: Plane,
    smoother: Along,
    double: Double,
    made_for: f32,
    kernel: [i32; ACROSS + 1],
}

impl Lines {
    /// Writes how strongly each place of a picture of `width` by `height` pixels is on a dark
    /// line: 128 on plain areas, more on the dark side of an edge, less on the bright one.
    /// `half` is the luma at half size and `flow` its flow; `sigma`, 0.5 to 1.8, is half the
    /// width of a line in pixels of the half size; `octaves` says how far lines are smoothed, see
    /// [`Along`].
    pub fn draw(
        &mut self,
        half: &Plane,
        flow: &Flow,
        response: &mut Plane,
        (width, height): (usize, usize),
        sigma: f32,
        octaves: usize,
    ) {
        self.prepare(sigma);
        self.across.fit_to(half);
        let (columns, rows) = (half.width, half.height);
        self.padded.fill(&half.data, columns, rows, ACROSS + 1);
        let steps: [[isize; ACROSS]; BINS] = std::array::from_fn(|bin| {
            let (x, y) = bin_vector(bin);
            std::array::from_fn(|step| {
                let far = (step + 1) as f32;
                self.padded.step(-y * far, x * far)
            })
        });
        let [centre, sides @ ..] = self.kernel;
        for y in 0..rows {
            let bins = &flow.bins[flow.cell(0, y)..][..flow.width];
            let from = self.padded.at(0, y);
            for (x, out) in self.across.row_mut(y).iter_mut().enumerate() {
                let at = from + x;
                let steps = &steps[usize::from(bins[x / 2]) % BINS];
                let mut sum = i32::from(self.padded.data[at]) * centre;
                for (&step, weight) in steps.iter().zip(sides) {
                    let one = self.padded.data[at.wrapping_add_signed(step)];
                    let other = self.padded.data[at.wrapping_add_signed(-step)];
                    sum += (i32::from(one) + i32::from(other)) * weight;
                }
                *out = (128 - (sum >> 7)).clamp(0, 255) as u8;
            }
        }
        self.smoother.smooth(&self.across, flow, &mut self.along, octaves);
        self.double.to(&self.along, response, width, height);
    }

    /// The centre minus the surround, in 1/2048, adding up to zero.
    fn prepare(&mut self, sigma: f32) {
        if (self.made_for - sigma).abs() < 1e-6 {
            return;
        }
        self.made_for = sigma;
        let bell = |sigma: f32| {
            let at = |d: usize| (-((d * d) as f32) / (2.0 * sigma * sigma)).exp();
            let total = at(0) + 2.0 * (1..=ACROSS).map(at).sum::<f32>();
            std::array::from_fn::<f32, { ACROSS + 1 }, _>(|d| at(d) / total)
        };
        let (centre, surround) = (bell(sigma), bell(sigma * 1.6));
        self.kernel = std::array::from_fn(|d| ((centre[d] - surround[d]) * 2048.0).round() as i32);
        self.kernel[0] = -2 * self.kernel[1..].iter().sum::<i32>();
    }
}

/// Smooths along the flow.
///
/// Line integral convolution after Cabral and Leedom, "Imaging vector fields using line integral
/// convolution" (1993), with the kernel with holes of Holschneider and others, "À trous" (1989):
/// each octave takes the means of three places, twice as far apart as the one before.
#[derive(Default)]
pub(in crate::models) struct Along {
    padded: Padded<u8>,
}

impl Along {
    /// Smooths over about `2^octaves` pixels to either side; 1 to 5.
    pub fn smooth(&mut self, src: &Plane, flow: &Flow, dst: &mut Plane, octaves: usize) {
        self.once(src, flow, dst, 1);
        for octave in 1..octaves {
            let (width, height) = (dst.width, dst.height);
            self.padded.fill(&dst.data, width, height, (1 << octave) + 1);
            self.pass(flow, dst, 1 << octave);
        }
    }

    fn once(&mut self, src: &Plane, flow: &Flow, dst: &mut Plane, reach: usize) {
        dst.fit_to(src);
        self.padded.fill(&src.data, src.width, src.height, reach + 1);
        self.pass(flow, dst, reach);
    }

    fn pass(&self, flow: &Flow, dst: &mut Plane, reach: usize) {
        let steps: [isize; BINS] = std::array::from_fn(|bin| {
            let (x, y) = bin_vector(bin);
            self.padded.step(x * reach as f32, y * reach as f32)
        });
        for y in 0..dst.height {
            let bins = &flow.bins[flow.cell(0, y)..][..flow.width];
            let from = self.padded.at(0, y);
            for (x, out) in dst.row_mut(y).iter_mut().enumerate() {
                let at = from + x;
                let step = steps[usize::from(bins[x / 2]) % BINS];
                let one = self.padded.data[at.wrapping_add_signed(step)];
                let other = self.padded.data[at.wrapping_add_signed(-step)];
                let own = u16::from(self.padded.data[at]);
                *out = ((u16::from(one) + u16::from(other) + 2 * own + 2) >> 2) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::{HalfFlow, hash};

    fn response(luma: &Plane) -> Plane {
        let mut flow = HalfFlow::default();
        flow.measure(luma, 2);
        let mut response = Plane::default();
        let size = (luma.width, luma.height);
        Lines::default().draw(&flow.half, &flow.flow, &mut response, size, 1.0, 3);
        response
    }

    #[test]
    fn a_line_answers_and_a_plain_area_does_not() {
        let plain = response(&Plane::filled(80, 60, 140));
        assert!(plain.data.iter().all(|&level| level == 128));
        let luma = Plane::of(80, 60, |x, _| if (38..42).contains(&x) { 40 } else { 200 });
        let lines = response(&luma);
        for y in 5..55 {
            assert!(lines.row(y)[40] > 190, "{}", lines.row(y)[40]);
            assert!(lines.row(y)[10].abs_diff(128) <= 1);
        }
    }

    #[test]
    fn smoothing_follows_the_stripes() {
        // Noise over slanted stripes becomes even along them and stays rough across.
        let luma = Plane::of(128, 96, |x, y| {
            (127.5 + 100.0 * ((x as f32 * 0.6 - y as f32 * 0.8) * 0.4).sin()) as u8
        });
        let noise = Plane::of(64, 48, |x, y| (hash(1, x as u32, y as u32) >> 24) as u8);
        let mut flow = HalfFlow::default();
        flow.measure(&luma, 2);
        let mut got = Plane::default();
        Along::default().smooth(&noise, &flow.flow, &mut got, 3);
        let change = |plane: &Plane, dx: isize, dy: isize| -> f64 {
            let places = (10..38_isize).flat_map(|y| (10..54_isize).map(move |x| (x, y)));
            places.map(|(x, y)| f64::from(plane.at(x, y).abs_diff(plane.at(x + dx, y + dy)))).sum()
        };
        // Stripes run along (0.8, 0.6).
        let (along, across) = (change(&got, 4, 3), change(&got, -3, 4));
        assert!(along < 0.75 * across, "{along} along, {across} across");
    }

    #[test]
    fn one_octave_is_the_plain_mean_of_three() {
        let luma = Plane::of(48, 40, |x, y| (x * 5 + y * 2) as u8);
        let noise = Plane::of(24, 20, |x, y| (x * 97 + y * 57 + x * y * 13) as u8);
        let mut flow = HalfFlow::default();
        flow.measure(&luma, 1);
        let mut got = Plane::default();
        Along::default().smooth(&noise, &flow.flow, &mut got, 1);
        for y in 0..20_usize {
            for x in 0..24_usize {
                let bin = flow.flow.bins[flow.flow.cell(x, y)];
                let (tx, ty) = bin_vector(usize::from(bin));
                let (tx, ty) = (tx.round() as isize, ty.round() as isize);
                let (px, py) = (x as isize, y as isize);
                let level = |x: isize, y: isize| f64::from(noise.at(x, y));
                let mean =
                    (level(px + tx, py + ty) + level(px - tx, py - ty) + 2.0 * level(px, py)) / 4.0;
                assert!((mean - f64::from(got.row(y)[x])).abs() <= 0.5, "{x} {y}");
            }
        }
    }
}
