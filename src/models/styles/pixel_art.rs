//! Pixel art: large pixels in 32 colors, dithered.
//!
//! Ordered dither after Bayer (1973).

use super::{Scene, Style};
use crate::models::operators::{Image, Palette, bayer, saturate};

/// A palette of a game of the early nineties: ramps of each hue.
const COLORS: [u32; 32] = [
    0x14_0c1c, 0x22_2034, 0x45_283c, 0x66_3931, 0x8f_563b, 0xdf_7126, 0xd9_a066, 0xee_c39a,
    0xfb_f236, 0x99_e550, 0x6a_be30, 0x37_946e, 0x4b_692f, 0x52_4b24, 0x32_3c39, 0x3f_3f74,
    0x30_6082, 0x5b_6ee1, 0x63_9bff, 0x5f_cde4, 0xcb_dbfc, 0xff_ffff, 0x9b_adb7, 0x84_7e87,
    0x69_6a6a, 0x59_5652, 0x76_428a, 0xac_3232, 0xd9_5763, 0xd7_7bba, 0x8f_974a, 0x8a_6f30,
];

pub(super) struct PixelArt {
    palette: Palette,
    row: Vec<[u32; 3]>,
}

impl Default for PixelArt {
    fn default() -> Self {
        Self { palette: Palette::new(&COLORS), row: Vec::new() }
    }
}

impl Style for PixelArt {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let side = scene.pixels(7.0).max(2);
        let palette = &self.palette;
        squares(scene.image, out, side, &mut self.row, |x, y, color| {
            let lit = saturate(color, 1.35).map(|level| level + bayer(x, y) * 20.0);
            palette.nearest(lit)
        });
    }
}

/// Paints squares of `side` pixels with what `paint` makes of their place and mean color.
pub(super) fn squares(
    image: &Image,
    out: &mut Image,
    side: usize,
    sums: &mut Vec<[u32; 3]>,
    paint: impl Fn(usize, usize, [f32; 3]) -> [u8; 3],
) {
    let (width, height) = (image.width(), image.height());
    let columns = width.div_ceil(side);
    for top in (0..height).step_by(side) {
        let rows = side.min(height - top);
        sums.clear();
        sums.resize(columns, [0; 3]);
        for y in top..top + rows {
            for (c, plane) in image.planes.iter().enumerate() {
                for (sum, square) in sums.iter_mut().zip(plane.row(y).chunks(side)) {
                    sum[c] += square.iter().map(|&level| u32::from(level)).sum::<u32>();
                }
            }
        }
        for (column, sum) in sums.iter().enumerate() {
            let left = column * side;
            let right = (left + side).min(width);
            let inverse = 1.0 / (rows * (right - left)) as f32;
            let color = paint(column, top / side, sum.map(|sum| sum as f32 * inverse));
            for (plane, level) in out.planes.iter_mut().zip(color) {
                for y in top..top + rows {
                    plane.data[y * width + left..y * width + right].fill(level);
                }
            }
        }
    }
}
