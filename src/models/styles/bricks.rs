//! Toy bricks: squares of plastic with a stud on each, in the colors that they are sold in.

use super::pixel_art::squares;
use super::{Scene, Style};
use crate::models::operators::{Image, Palette, Texture, alter, saturate};

const PLASTIC: [u32; 24] = [
    0xf4_f4f4, 0xa3_a2a4, 0x63_5f61, 0x1b_2a34, 0xc4_281b, 0xf5_cd2f, 0x0d_69ab, 0x28_7f46,
    0x4b_974a, 0xda_8540, 0x6b_327b, 0xe4_adc8, 0x6e_99c9, 0x04_afec, 0xa4_bd46, 0x58_3927,
    0xd7_c599, 0xa0_5f34, 0x92_3978, 0x20_3a56, 0xf7_b98e, 0x27_462c, 0x75_1c1c, 0x78_909f,
];

pub(super) struct Bricks {
    palette: Palette,
    row: Vec<[u32; 3]>,
    studs: Texture,
}

impl Default for Bricks {
    fn default() -> Self {
        Self { palette: Palette::new(&PLASTIC), row: Vec::new(), studs: Texture::default() }
    }
}

impl Style for Bricks {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let side = scene.pixels(18.0).max(4);
        let palette = &self.palette;
        squares(scene.image, out, side, &mut self.row, |_, _, color| {
            palette.nearest(saturate(color, 1.35))
        });
        self.studs.fit(width, height, |x, y| stud(x % side, y % side, side));
        alter(
            out,
            [&self.studs.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, color, [stud]| {
                    let light = stud * (1.0 / 128.0);
                    let shine = (stud - 170.0).max(0.0) * 0.6;
                    [color[0] * light + shine, color[1] * light + shine, color[2] * light + shine]
                }
            },
        );
    }
}

/// The light on a brick of one stud: 128 on its flat part.
fn stud(x: usize, y: usize, side: usize) -> u8 {
    let half = side as f32 / 2.0;
    let (dx, dy) = ((x as f32 + 0.5 - half) / half, (y as f32 + 0.5 - half) / half);
    let far = dx.hypot(dy);
    // Light from the upper left.
    let towards = -(dx + dy) / (far * std::f32::consts::SQRT_2).max(0.05);
    let edge = if x == 0 || y == 0 { 20.0 } else { 0.0 }
        - if x + 1 == side || y + 1 == side { 46.0 } else { 0.0 };
    let rim = (1.0 - (far - 0.6).abs() / 0.14).max(0.0) * towards * 62.0;
    let top = if far < 0.56 { 7.0 } else { 0.0 };
    // The shadow of the stud on the brick.
    let (sx, sy) = (dx - 0.16, dy - 0.16);
    let shadow = if far > 0.62 && sx.hypot(sy) < 0.64 { -30.0 } else { 0.0 };
    (128.0 + edge + rim + top + shadow).clamp(0.0, 255.0) as u8
}
