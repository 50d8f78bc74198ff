//! What is known of a reference image, or of a frame.

use crate::models::operators::{Blur, Image, Lab, Plane, to_lab};

/// Colors that stand for all.
pub(super) const SAMPLES: usize = 1000;
/// The longer side at which contrast is measured.
const SIDE: usize = 640;

/// A reference image, studied once.
pub(in crate::models) struct Study {
    pub(super) colors: Vec<Lab>,
    pub(super) contrast: Contrast,
}

/// The mean swing of the luma, in levels: over a few pixels, which is texture, and over many, which
/// is local contrast.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Contrast {
    pub fine: f32,
    pub wide: f32,
}

impl Study {
    /// Studies packed RGB. Takes about the same time for an image of any size.
    pub fn of(packed: &[u8], width: usize, height: usize) -> Self {
        let scale = (SIDE as f32 / width.max(height) as f32).min(1.0);
        let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
        let (columns, rows) = (side(width), side(height));
        let mut small = Image::default();
        small.fit(columns, rows);
        for y in 0..rows {
            for x in 0..columns {
                // The mean of four places inside what the pixel stands for.
                let mut sum = [2_u32; 3];
                for (dx, dy) in [(1, 1), (3, 1), (1, 3), (3, 3)] {
                    let (px, py) =
                        ((4 * x + dx) * width / (4 * columns), (4 * y + dy) * height / (4 * rows));
                    let at = (py * width + px) * 3;
                    for (sum, &level) in sum.iter_mut().zip(&packed[at..at + 3]) {
                        *sum += u32::from(level);
                    }
                }
                for (plane, sum) in small.planes.iter_mut().zip(sum) {
                    plane.data[y * columns + x] = (sum / 4) as u8;
                }
            }
        }
        let mut colors = Vec::with_capacity(SAMPLES);
        sample(&small, &mut colors);
        let mut luma = Plane::default();
        small.luma(&mut luma);
        let unit = columns.max(rows) as f32 / 1280.0;
        let (mut fine, mut wide) = (Plane::default(), Plane::default());
        let mut blur = Blur::default();
        let contrast = measure(&luma, unit, &mut blur, &mut fine, &mut wide);
        Self { colors, contrast }
    }
}

/// Colors from places that are spread evenly: the sequence of Roberts, "The unreasonable
/// effectiveness of quasirandom sequences" (2018).
pub(super) fn sample(image: &Image, colors: &mut Vec<Lab>) {
    let (width, height) = (image.width(), image.height());
    colors.clear();
    for at in 0..SAMPLES {
        let place = |step: f64, side: usize| {
            let part = (0.5 + at as f64 * step).fract();
            ((part * side as f64) as usize).min(side - 1)
        };
        let (x, y) = (place(0.754_877_666_246_693, width), place(0.569_840_290_998_053, height));
        colors.push(to_lab(image.color(x, y)));
    }
}

/// Measures contrast. `unit` is the length of a pixel of a picture 1280 wide; `fine` and `wide`
/// are left as the luma blurred a little and much.
pub(super) fn measure(
    luma: &Plane,
    unit: f32,
    blur: &mut Blur,
    fine: &mut Plane,
    wide: &mut Plane,
) -> Contrast {
    blur.plane(luma, fine, (1.6 * unit).max(0.5));
    blur.plane(luma, wide, (11.0 * unit).max(1.5));
    let swing = |one: &Plane, other: &Plane| {
        let sum: u64 =
            one.data.iter().zip(&other.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f32 / one.data.len() as f32
    };
    Contrast { fine: swing(luma, fine), wide: swing(fine, wide) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_taken_from_everywhere() {
        let packed: Vec<u8> = (0..64 * 40)
            .flat_map(|at| if at % 64 < 32 { [255, 0, 0] } else { [0, 0, 255] })
            .collect();
        let study = Study::of(&packed, 64, 40);
        let red = study.colors.iter().filter(|color| color[1] > 0.1).count();
        assert_eq!(study.colors.len(), SAMPLES);
        assert!(red.abs_diff(SAMPLES / 2) < SAMPLES / 20, "{red}");
    }

    #[test]
    fn a_plain_image_has_no_contrast_and_a_rough_one_has() {
        let plain = Study::of(&vec![90; 3 * 200 * 100], 200, 100);
        assert_eq!(plain.contrast, Contrast::default());
        let rough: Vec<u8> =
            (0..200 * 100).flat_map(|at| [if at % 3 == 0 { 220 } else { 40 }; 3]).collect();
        assert!(Study::of(&rough, 200, 100).contrast.fine > 5.0);
        Study::of(&[7; 3], 1, 1);
    }
}
