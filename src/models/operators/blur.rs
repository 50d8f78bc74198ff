//! Gaussian blur: a short kernel in sixteen-bit integers, on a smaller picture if it is wide.

use super::brief::Brief;
use super::image::{Image, Plane};
use super::scale::{Double, halve};
use super::wide::wide;

/// The widest kernel that is applied directly, as standard deviation in pixels.
const DIRECT: f32 = 2.2;
const MAX_RADIUS: usize = 6;
/// Half sizes taken at most: a picture is then 1/64 as wide.
const MAX_LEVELS: usize = 6;

#[derive(Default)]
pub(in crate::models) struct Blur {
    across: Vec<u8>,
    padded: Vec<u8>,
    sums: Vec<u16>,
    double: Double,
}

impl Blur {
    /// Blurs with a Gaussian of standard deviation `sigma` pixels. The border is repeated.
    pub fn plane(&mut self, src: &Plane, dst: &mut Plane, sigma: f32) {
        if sigma < 0.3 {
            dst.copy_from(src);
            return;
        }
        let mut steps = 0;
        let mut rest = sigma;
        while rest > DIRECT && steps < MAX_LEVELS {
            rest /= 2.0;
            steps += 1;
        }
        if steps == 0 {
            self.direct(src, dst, sigma);
            return;
        }
        let mut levels: [Option<Brief<Plane>>; MAX_LEVELS] = Default::default();
        for step in 0..steps {
            let (above, below) = levels.split_at_mut(step);
            let above = above.last().and_then(Option::as_deref).unwrap_or(src);
            let (width, height) = (above.width.div_ceil(2), above.height.div_ceil(2));
            halve(above, below[0].insert(Brief::of(width, height)));
        }
        let Some(last) = levels[steps - 1].take() else { return };
        let mut made = Brief::<Plane>::like(&last);
        self.direct(&last, &mut made, rest.min(DIRECT));
        drop(last);
        for level in levels[..steps - 1].iter().rev().flatten() {
            let mut larger = Brief::<Plane>::like(level);
            self.double.to(&made, &mut larger, level.width, level.height);
            made = larger;
        }
        self.double.to(&made, dst, src.width, src.height);
    }

    /// [`Self::plane`] for the three channels.
    pub fn image(&mut self, src: &Image, dst: &mut Image, sigma: f32) {
        for (src, dst) in src.planes.iter().zip(&mut dst.planes) {
            self.plane(src, dst, sigma);
        }
    }

    fn direct(&mut self, src: &Plane, dst: &mut Plane, sigma: f32) {
        let (radius, weights) = kernel(sigma);
        dst.fit_to(src);
        let (width, height) = (src.width, src.height);
        self.across.resize(width, 0);
        self.sums.resize(width, 0);
        self.padded.resize(width + 2 * radius, 0);
        let (across, padded) = (&mut self.across[..width], &mut self.padded[..]);
        let sums = &mut self.sums[..width];
        wide(
            #[inline(always)]
            || {
                for y in 0..height {
                    let row = |dy: isize| {
                        let y = (y as isize + dy).clamp(0, height as isize - 1) as usize;
                        &src.data[y * width..][..width]
                    };
                    start(sums, row(0), weights[0]);
                    for step in 1..=radius {
                        add(sums, row(-(step as isize)), row(step as isize), weights[step]);
                    }
                    finish(sums, across);
                    padded[..radius].fill(across[0]);
                    padded[radius..radius + width].copy_from_slice(across);
                    padded[radius + width..].fill(across[width - 1]);
                    start(sums, &padded[radius..][..width], weights[0]);
                    for step in 1..=radius {
                        let (left, right) = (&padded[radius - step..], &padded[radius + step..]);
                        add(sums, &left[..width], &right[..width], weights[step]);
                    }
                    finish(sums, &mut dst.data[y * width..][..width]);
                }
            },
        );
    }
}

#[inline(always)]
fn start(sums: &mut [u16], row: &[u8], weight: u16) {
    for (sum, &level) in sums.iter_mut().zip(row) {
        *sum = u16::from(level) * weight + 128;
    }
}

#[inline(always)]
fn add(sums: &mut [u16], one: &[u8], other: &[u8], weight: u16) {
    for ((sum, &a), &b) in sums.iter_mut().zip(one).zip(other) {
        *sum += (u16::from(a) + u16::from(b)) * weight;
    }
}

#[inline(always)]
fn finish(sums: &[u16], out: &mut [u8]) {
    for (out, &sum) in out.iter_mut().zip(sums) {
        *out = (sum >> 8) as u8;
    }
}

/// The radius and one side of the kernel, middle first, in 1/256 that add up to 256.
fn kernel(sigma: f32) -> (usize, [u16; MAX_RADIUS + 1]) {
    let radius = ((sigma * 2.6).ceil() as usize).clamp(1, MAX_RADIUS);
    let bell = |at: usize| (-((at * at) as f32) / (2.0 * sigma * sigma)).exp();
    let total = bell(0) + 2.0 * (1..=radius).map(bell).sum::<f32>();
    let mut weights = [0; MAX_RADIUS + 1];
    let mut rest = 256;
    for at in 1..=radius {
        weights[at] = (bell(at) / total * 256.0).round() as u16;
        rest -= 2 * weights[at];
    }
    weights[0] = rest;
    (radius, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(src: &Plane, sigma: f64, x: isize, y: isize) -> f64 {
        let reach = (sigma * 4.0).ceil() as isize;
        let (mut sum, mut total) = (0.0, 0.0);
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let weight = (-((dx * dx + dy * dy) as f64) / (2.0 * sigma * sigma)).exp();
                sum += weight * f64::from(src.at(x + dx, y + dy));
                total += weight;
            }
        }
        sum / total
    }

    #[test]
    fn it_is_close_to_a_gaussian() {
        for (sigma, margin) in [(0.7, 3.0), (1.5, 3.0), (2.2, 3.0), (3.0, 9.0), (6.0, 14.0)] {
            let src = Plane::of(61, 47, |x, y| if (x / 9 + y / 11) % 2 == 0 { 30 } else { 220 });
            let mut dst = Plane::default();
            Blur::default().plane(&src, &mut dst, sigma);
            for (at, &got) in dst.data.iter().enumerate() {
                let wanted = plain(&src, f64::from(sigma), (at % 61) as isize, (at / 61) as isize);
                assert!((f64::from(got) - wanted).abs() <= margin, "{sigma}: {got} for {wanted}");
            }
        }
    }

    #[test]
    fn plain_areas_stay_as_they_are() {
        for sigma in [0.5, 1.0, 2.0, 5.0, 17.0, 80.0, 400.0] {
            for level in [0, 1, 127, 255] {
                let mut dst = Plane::default();
                Blur::default().plane(&Plane::filled(9, 70, level), &mut dst, sigma);
                assert!(dst.data.iter().all(|&got| got == level), "{sigma} {level}");
            }
        }
    }
}
