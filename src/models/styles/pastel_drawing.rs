//! Pastel: dry pigment on the tooth of warm paper, in slanting strokes.
//!
//! After Murakami, Tsuruno and Genda, "Multiple illuminated paper textures for drawing strokes"
//! (2005): pigment stays on the heights of the paper.

use super::abstraction::{Drawn, Flat};
use super::{Scene, Style};
use crate::models::operators::{Image, Texture, Tile, mix, paper, saturate, shade, smooth};

pub(super) struct PastelDrawing {
    flat: Flat,
    drawn: Drawn,
    tooth: Texture,
    strokes: Texture,
    tile: Tile,
}

impl Default for PastelDrawing {
    fn default() -> Self {
        Self {
            flat: Flat::default(),
            drawn: Drawn::default(),
            tooth: Texture::default(),
            strokes: Texture::default(),
            tile: Tile::white(41).rubbed((0.83, -0.56), 14),
        }
    }
}

impl Style for PastelDrawing {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 12.0);
        self.drawn.make_flat(scene, &self.flat, 4.0, 3);
        self.flat.grow(scene);
        self.tooth.fit(width, height, paper(51, scene.length(1.6).max(0.8)));
        self.strokes.lay(&self.tile, width, height, (0, 0));
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.flat.luma, &self.tooth.plane, &self.strokes.plane, &self.drawn.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, tooth, stroke, line]| {
                    let color = saturate([r, g, b], 1.6);
                    let grain = (tooth - 128.0) * 0.95 + (stroke - 128.0) * 0.6;
                    // Middle tones let the paper through; lights and darks are laid on thick.
                    let pressure = 30.0 + (luma - 118.0).abs() * 0.62;
                    let cover = smooth(grain + pressure, -26.0, 30.0);
                    let body = grain * 0.2;
                    let ink = smooth(line, 138.0, 160.0) * smooth(grain, -60.0, 20.0) * 0.75;
                    let made = [
                        mix(146.0, color[0] * 0.97 + 22.0 + body, cover),
                        mix(126.0, color[1] * 0.95 + 18.0 + body, cover),
                        mix(108.0, color[2] * 0.93 + 20.0 + body, cover),
                    ];
                    [mix(made[0], 46.0, ink), mix(made[1], 34.0, ink), mix(made[2], 46.0, ink)]
                }
            },
        );
    }
}
