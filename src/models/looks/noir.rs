//! Black and white film: hard contrast, dark corners, grain.

use super::{Canvas, Look};
use crate::models::operators::{Blur, Curve, Tile, Vignette, byte, luma};

pub(in crate::models) struct Noir {
    blur: Blur,
    gray: Vec<u8>,
    soft: Vec<u8>,
    grain: Tile,
    tone: Curve,
    vignette: Vignette,
    grains: Vec<i16>,
}

impl Default for Noir {
    fn default() -> Self {
        Self {
            blur: Blur::default(),
            gray: Vec::new(),
            soft: Vec::new(),
            grain: Tile::grain(0x0041),
            tone: Curve::through(&[(0, 0), (70, 8), (110, 52), (150, 152), (190, 228), (255, 255)]),
            vignette: Vignette::new(3400),
            grains: Vec::new(),
        }
    }
}

impl Look for Noir {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        luma(input, &mut self.gray);
        self.blur.soft(&self.gray, &mut self.soft, canvas.gray(), canvas.length(6));
        for (y, out) in output.chunks_exact_mut(canvas.rgb().row()).enumerate() {
            let at = y * canvas.width;
            let light = self.vignette.row(canvas.width, canvas.height, y);
            self.grain.spread(y, canvas.width, &mut self.grains);
            let rows = self.gray[at..].iter().zip(&self.soft[at..]).zip(light).zip(&self.grains);
            for (out, (((&gray, &soft), &light), &grain)) in out.chunks_exact_mut(3).zip(rows) {
                // A quarter of sharpening, for the bite of a hard lamp.
                let crisp = byte(i32::from(gray) + (i32::from(gray) - i32::from(soft)) / 4);
                let tone = i32::from(self.tone.at(crisp)) * i32::from(light) / 256;
                out.copy_from_slice(&[byte(tone + i32::from(grain) / 4); 3]);
            }
        }
    }
}
