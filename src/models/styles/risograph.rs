//! A risograph: two spot inks, coarse grain, slightly out of register.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, Texture, Tile, ink, paper, shade, smooth};

const PINK: [f32; 3] = ink(0xff_48a0);
const BLUE: [f32; 3] = ink(0x00_62b8);

pub(super) struct Risograph {
    fine: Plane,
    wide: Plane,
    warm: Plane,
    moved: Plane,
    grain: Texture,
    tile: Tile,
    sheet: Texture,
    blur: Blur,
}

impl Default for Risograph {
    fn default() -> Self {
        Self {
            fine: Plane::default(),
            wide: Plane::default(),
            warm: Plane::default(),
            moved: Plane::default(),
            grain: Texture::default(),
            tile: Tile::white(241),
            sheet: Texture::default(),
            blur: Blur::default(),
        }
    }
}

impl Style for Risograph {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let [r, _, b] = scene.image.each();
        self.blur.plane(scene.luma, &mut self.fine, scene.length(1.0));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(70.0));
        // The pink plate takes what is warm or half dark.
        shade(
            [r, b, &self.fine],
            [&mut self.warm],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, b, luma]| [(255.0 - luma) * 0.62 + (r - b) * 0.85 + 26.0]
            },
        );
        self.moved.fit(width, height);
        let (dx, dy) = (scene.pixels(4.0).min(width - 1), scene.pixels(2.0));
        for y in 0..height {
            let from = &self.warm.data[y.saturating_sub(dy) * width..][..width];
            let to = self.moved.row_mut(y);
            to[dx..].copy_from_slice(&from[..width - dx]);
            to[..dx].fill(from[0]);
        }
        self.grain.lay(&self.tile, width, height, (0, 0));
        self.sheet.fit(width, height, paper(243, 1.3));
        shade(
            [&self.fine, &self.wide, &self.moved, &self.grain.plane, &self.sheet.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma, wide, warm, grain, sheet]| {
                    let even = luma + (118.0 - wide) * 0.35;
                    let noise = (grain - 127.5) * 0.5 + (sheet - 128.0) * 0.35;
                    let blue = smooth(168.0 - even + noise * 0.9, 0.0, 92.0) * 0.94;
                    let pink = smooth(warm + noise, 46.0, 150.0) * 0.9;
                    let white = [246.0, 241.0, 230.0];
                    // Inks are transparent: they multiply.
                    std::array::from_fn(|c| {
                        let first = 1.0 - pink * (1.0 - PINK[c] * (1.0 / 255.0));
                        let second = 1.0 - blue * (1.0 - BLUE[c] * (1.0 / 255.0));
                        white[c] * first * second + (sheet - 128.0) * 0.05
                    })
                }
            },
        );
    }
}
