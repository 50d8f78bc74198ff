//! Richer colour and local contrast, for any subject.

use super::{Canvas, Look};
use crate::models::operators::{Bands, Blur, Curve, Grow, Shrink, byte, luma};

pub(in crate::models) struct Vivid {
    shrink: Shrink,
    blur: Blur,
    grow: Grow,
    small: Vec<u8>,
    soft: Vec<u8>,
    around: Vec<u8>,
    gray: Vec<u8>,
    tone: Curve,
    bands: Bands,
    tones: Vec<i16>,
}

impl Default for Vivid {
    fn default() -> Self {
        Self {
            shrink: Shrink::default(),
            blur: Blur::default(),
            grow: Grow::default(),
            small: Vec::new(),
            soft: Vec::new(),
            around: Vec::new(),
            gray: Vec::new(),
            tone: Curve::through(&[(0, 0), (48, 34), (112, 122), (176, 200), (255, 255)]),
            bands: Bands::default(),
            tones: Vec::new(),
        }
    }
}

impl Look for Vivid {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let shape = canvas.gray();
        luma(input, &mut self.gray);
        let small = self.shrink.by(4, &self.gray, shape, &mut self.small);
        self.blur.soft(&self.small, &mut self.soft, small, canvas.length(10));
        self.grow.to(shape, &self.soft, small, &mut self.around);
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(input.chunks_exact(row));
        for ((out, pixels), around) in rows.zip(self.around.chunks_exact(canvas.width)) {
            self.bands.split(pixels);
            self.tones.clear();
            self.tones.extend(self.bands.gray.iter().zip(around).map(|(&gray, &around)| {
                let crisp = gray + (gray - i16::from(around)) / 2;
                i16::from(self.tone.at(byte(crisp.into())))
            }));
            self.bands.grade(&self.tones, 25);
            self.bands.merge(out);
        }
    }
}
