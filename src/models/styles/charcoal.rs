//! Charcoal: broad black on rough gray paper, smudged tones, lights left bare.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, HalfFlow, Image, Plane, Texture, Tile, paper, ramp, shade, smooth,
};

pub(super) struct Charcoal {
    flow: HalfFlow,
    drawn: Drawn,
    soft: Plane,
    wide: Plane,
    blur: Blur,
    tooth: Texture,
    smudge: Texture,
    tile: Tile,
}

impl Default for Charcoal {
    fn default() -> Self {
        Self {
            flow: HalfFlow::default(),
            drawn: Drawn::default(),
            soft: Plane::default(),
            wide: Plane::default(),
            blur: Blur::default(),
            tooth: Texture::default(),
            smudge: Texture::default(),
            tile: Tile::white(81).rubbed((0.9, 0.43), 22),
        }
    }
}

impl Style for Charcoal {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 3);
        self.drawn.make(scene, &self.flow, 5.0, 4);
        self.blur.plane(scene.luma, &mut self.soft, scene.length(4.0));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(40.0));
        self.tooth.fit(width, height, paper(83, scene.length(2.2).max(1.0)));
        self.smudge.lay(&self.tile, width, height, (0, 0));
        shade(
            [&self.soft, &self.wide, &self.drawn.plane, &self.tooth.plane, &self.smudge.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [soft, wide, line, tooth, smudge]| {
                    let grain = (tooth - 128.0) * (1.0 / 110.0);
                    // Tones are set against their surroundings, so that forms stand out.
                    let form = soft + (soft - wide) * 0.5 + (smudge - 128.0) * 0.16;
                    let tone = ramp(form, 150.0, 18.0);
                    let cover = smooth(tone * 1.3 + grain * 0.55, 0.18, 0.78);
                    let ink = smooth(line, 131.0, 150.0) * smooth(grain, -1.2, 0.5);
                    let white = smooth(form, 188.0, 236.0) * smooth(grain, -0.5, 0.6) * 0.75;
                    let dark = (cover * 0.9 + ink * 0.95).min(1.0);
                    let sheet = 178.0 + grain * 12.0 + white * 66.0;
                    let level = sheet + (20.0 + grain * 8.0 - sheet) * dark;
                    [level + 1.0, level - 3.0, level - 10.0]
                }
            },
        );
    }
}
