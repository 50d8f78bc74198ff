//! Chalk on a green board: dusty lines, tinted strokes for the lights.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, HalfFlow, Image, Texture, Tile, mix, paper, ramp, saturate, shade, smooth,
};

pub(super) struct Chalkboard {
    flow: HalfFlow,
    drawn: Drawn,
    soft: Image,
    blur: Blur,
    board: Texture,
    strokes: Texture,
    tile: Tile,
}

impl Default for Chalkboard {
    fn default() -> Self {
        Self {
            flow: HalfFlow::default(),
            drawn: Drawn::default(),
            soft: Image::default(),
            blur: Blur::default(),
            board: Texture::default(),
            strokes: Texture::default(),
            tile: Tile::white(115).rubbed((0.77, -0.64), 16),
        }
    }
}

impl Style for Chalkboard {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 2);
        self.drawn.make(scene, &self.flow, 4.4, 3);
        self.blur.image(scene.image, &mut self.soft, scene.length(5.0));
        self.board.fit(width, height, paper(117, scene.length(1.7).max(0.8)));
        self.strokes.lay(&self.tile, width, height, (0, 0));
        let [r, g, b] = self.soft.each();
        shade(
            [r, g, b, &self.drawn.plane, &self.board.plane, &self.strokes.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, line, board, stroke]| {
                    let luma = 0.3 * r + 0.59 * g + 0.11 * b;
                    let grain = (board - 128.0) * (1.0 / 90.0);
                    let edge = smooth(line, 134.0, 148.0).max(smooth(line, 118.0, 104.0) * 0.5)
                        * smooth(grain, -0.9, 0.5);
                    let laid = smooth((stroke - 128.0) * 0.012 + grain * 0.3, -0.15, 0.75);
                    let fill = ramp(luma, 96.0, 235.0) * laid * 0.72;
                    let chalk = saturate([r, g, b], 1.5)
                        .map(|level| 150.0 + (level - 128.0) * 0.62 + (luma - 128.0) * 0.1);
                    let dust = (board - 128.0) * 0.07;
                    let ground = [38.0 + dust, 62.0 + dust, 52.0 + dust];
                    let filled: [f32; 3] = std::array::from_fn(|c| mix(ground[c], chalk[c], fill));
                    [
                        mix(filled[0], 236.0, edge * 0.92),
                        mix(filled[1], 238.0, edge * 0.92),
                        mix(filled[2], 228.0, edge * 0.92),
                    ]
                }
            },
        );
    }
}
