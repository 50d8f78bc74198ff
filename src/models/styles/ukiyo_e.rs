//! A Japanese woodblock print: flat inks, indigo key lines, graded bands at the top.

use super::abstraction::{Drawn, Flat};
use super::{Scene, Style};
use crate::models::operators::{
    Image, Palette, Texture, Tile, mix, paper, saturate, shade, smooth,
};

/// Inks of the prints of Hokusai and Hiroshige: indigo, Prussian blue, ochre, vermilion, greens.
const INKS: [u32; 14] = [
    0x1f_2a44, 0x2f_4b6e, 0x5b_84a2, 0x9d_bcc4, 0xe9_dfc4, 0xf3_ecd8, 0xd9_b27a, 0xb9_7a45,
    0xb5_4a34, 0xd8_8b6a, 0x6d_7f4e, 0x9c_a874, 0x54_4a42, 0x8a_8578,
];

pub(super) struct UkiyoE {
    flat: Flat,
    drawn: Drawn,
    palette: Palette,
    inked: Image,
    paper: Texture,
    wood: Texture,
    tile: Tile,
}

impl Default for UkiyoE {
    fn default() -> Self {
        Self {
            flat: Flat::default(),
            drawn: Drawn::default(),
            palette: Palette::after(&INKS, |color| saturate(color, 1.3)),
            inked: Image::default(),
            paper: Texture::default(),
            wood: Texture::default(),
            tile: Tile::white(97).rubbed((1.0, 0.02), 40),
        }
    }
}

impl Style for UkiyoE {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 18.0);
        self.drawn.make_flat(scene, &self.flat, 3.6, 4);
        // Inks are chosen at half size: their borders become soft when it is doubled.
        self.palette.apply(&mut self.flat.small);
        self.flat.grow(scene);
        std::mem::swap(&mut self.inked, &mut self.flat.full);
        self.paper.fit(width, height, paper(99, 1.2));
        self.wood.lay(&self.tile, width, height, (0, 0));
        let [r, g, b] = self.inked.each();
        let scale = 1.0 / height as f32;
        shade(
            [r, g, b, &self.paper.plane, &self.wood.plane, &self.drawn.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let v = y as f32 * scale;
                let top = smooth(v, 0.2, 0.0) * 0.72;
                let low = smooth(v, 0.9, 1.0) * 0.3;
                #[inline(always)]
                move |_, [r, g, b, paper, wood, line]| {
                    let print = (paper - 128.0) * 0.1 + (wood - 128.0) * 0.09;
                    let band = [mix(r, 36.0, top), mix(g, 62.0, top), mix(b, 104.0, top)];
                    let band =
                        [mix(band[0], 60.0, low), mix(band[1], 72.0, low), mix(band[2], 92.0, low)];
                    let key = smooth(line, 135.0, 142.0);
                    [
                        mix(band[0] * 0.97 + 6.0 + print, 30.0, key),
                        mix(band[1] * 0.97 + 4.0 + print, 34.0, key),
                        mix(band[2] * 0.95 + print, 52.0, key),
                    ]
                }
            },
        );
    }
}
