//! A handheld console of 1989: four greens, large pixels, the grid of its display.

use super::pixel_art::squares;
use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, alter, bayer, rgb};

const GREENS: [u32; 4] = [0x0f_380f, 0x30_6230, 0x8b_ac0f, 0x9b_bc0f];

#[derive(Default)]
pub(super) struct GameBoy {
    row: Vec<[u32; 3]>,
    tones: Image,
    wide: Plane,
    blur: Blur,
}

impl Style for GameBoy {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let side = scene.pixels(6.0).max(2);
        self.blur.plane(scene.luma, &mut self.wide, scene.length(80.0));
        // The tone in the first channel, that of the surroundings in the second.
        self.tones.planes[0].copy_from(scene.luma);
        self.tones.planes[1].copy_from(&self.wide);
        self.tones.planes[2].copy_from(&self.wide);
        squares(&self.tones, out, side, &mut self.row, |x, y, [tone, wide, _]| {
            let even = tone + (118.0 - wide) * 0.45 + bayer(x, y) * 52.0;
            let step = (even / 64.0).clamp(0.0, 3.0) as usize;
            rgb(GREENS[step])
        });
        if side < 4 {
            return;
        }
        alter(
            out,
            [],
            #[inline(always)]
            |y| {
                let between = y % side == 0;
                #[inline(always)]
                move |x, color, []| {
                    let dim = if between || x % side as i32 == 0 { 0.12 } else { 0.0 };
                    [
                        color[0] + (150.0 - color[0]) * dim,
                        color[1] + (178.0 - color[1]) * dim,
                        color[2] + (60.0 - color[2]) * dim,
                    ]
                }
            },
        );
    }
}
