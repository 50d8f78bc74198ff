//! The guided filter, of a plane by itself: smooths areas and keeps edges.
//!
//! After He, Sun and Tang, "Guided image filtering" (2010), in the fast form of He and Sun, "Fast
//! guided filter" (2015): the linear models are fitted on a picture of half the size.

use super::blur::Blur;
use super::brief::Brief;
use super::image::Plane;
use super::scale::{Double, halve};
use super::shade::shade;

#[derive(Default)]
pub(in crate::models) struct Guided {
    blur: Blur,
    double: Double,
}

impl Guided {
    /// Smooths `src`: contrast below `strength` levels within `radius` pixels goes, more stays.
    pub fn smooth(&mut self, src: &Plane, dst: &mut Plane, radius: f32, strength: f32) {
        let sigma = radius * 0.25;
        let brief = || Brief::<Plane>::of(src.width.div_ceil(2), src.height.div_ceil(2));
        let (mut half, mut mean, mut spread) = (brief(), brief(), brief());
        halve(src, &mut half);
        self.blur.plane(&half, &mut mean, sigma);
        let mut deviation = brief();
        shade(
            [&half, &mean],
            [&mut deviation],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [level, mean]| [(level - mean).abs() * 4.0]
            },
        );
        self.blur.plane(&deviation, &mut spread, sigma);
        let (mut gain, mut base) = (deviation, half);
        let eps = strength * strength * 16.0;
        // The models: `gain * level + base`.
        shade(
            [&mean, &spread],
            [&mut gain, &mut base],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [mean, spread]| {
                    let variance = spread * spread * 1.57;
                    let gain = variance / (variance + eps);
                    [gain * 255.0, (1.0 - gain) * mean]
                }
            },
        );
        let (mut gains, mut bases) = (mean, spread);
        self.blur.plane(&gain, &mut gains, sigma);
        self.blur.plane(&base, &mut bases, sigma);
        let (mut gain, mut base) = (Brief::<Plane>::like(src), Brief::<Plane>::like(src));
        self.double.to(&gains, &mut gain, src.width, src.height);
        self.double.to(&bases, &mut base, src.width, src.height);
        shade(
            [src, &gain, &base],
            [dst],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [level, gain, base]| [level * gain * (1.0 / 255.0) + base]
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter by its definition, with Gaussian windows, at full size.
    fn plain(src: &Plane, radius: f64, strength: f64) -> Vec<f64> {
        let sigma = radius * 0.5;
        let reach = (sigma * 3.0).ceil() as isize;
        let (width, height) = (src.width as isize, src.height as isize);
        let mean = |values: &dyn Fn(isize, isize) -> f64, x: isize, y: isize| {
            let (mut sum, mut total) = (0.0, 0.0);
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let weight = (-((dx * dx + dy * dy) as f64) / (2.0 * sigma * sigma)).exp();
                    let px = (x + dx).clamp(0, width - 1);
                    let py = (y + dy).clamp(0, height - 1);
                    sum += weight * values(px, py);
                    total += weight;
                }
            }
            sum / total
        };
        let level = |x: isize, y: isize| f64::from(src.at(x, y));
        let places = || (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let models: Vec<(f64, f64)> = places()
            .map(|(x, y)| {
                let average = mean(&level, x, y);
                let variance = mean(&|x, y| level(x, y).powi(2), x, y) - average * average;
                let gain = variance / (variance + strength * strength);
                (gain, (1.0 - gain) * average)
            })
            .collect();
        let model = |x: isize, y: isize| models[(y * width + x) as usize];
        places()
            .map(|(x, y)| {
                let gain = mean(&|x, y| model(x, y).0, x, y);
                gain * level(x, y) + mean(&|x, y| model(x, y).1, x, y)
            })
            .collect()
    }

    #[test]
    fn it_is_close_to_the_definition() {
        let src = Plane::of(60, 40, |x, y| {
            let side = if x > 30 { 170 } else { 70 };
            side + ((x * 5 + y * 3) % 7) as u8 + (y / 4) as u8
        });
        let mut dst = Plane::default();
        Guided::default().smooth(&src, &mut dst, 6.0, 20.0);
        let wanted = plain(&src, 6.0, 20.0);
        let off: f64 = dst
            .data
            .iter()
            .zip(&wanted)
            .map(|(&got, wanted)| (f64::from(got) - wanted).abs())
            .sum();
        assert!(off / (wanted.len() as f64) < 4.0, "{}", off / wanted.len() as f64);
    }

    #[test]
    fn texture_goes_and_edges_stay() {
        let src =
            Plane::of(80, 40, |x, y| (if x < 40 { 50 } else { 200 }) + ((x + y) % 2) as u8 * 10);
        let mut dst = Plane::default();
        Guided::default().smooth(&src, &mut dst, 8.0, 25.0);
        let row = dst.row(20);
        assert!(row[10].abs_diff(row[11]) <= 1);
        assert!(row[46] > row[34] + 120, "{} {}", row[34], row[46]);
    }
}
