//! The grade of a feature film: teal shadows, orange lights, glowing highlights, dark corners.

use super::{Canvas, Look};
use crate::models::operators::{Bands, Blur, Curve, Grow, Shrink, Vignette, luma};

pub(in crate::models) struct Cinematic {
    shrink: Shrink,
    blur: Blur,
    grow: Grow,
    gray: Vec<u8>,
    small: Vec<u8>,
    halo: Vec<u8>,
    bloom: Vec<u8>,
    highlights: Curve,
    // What red, green and blue become at each brightness, where there is no colour.
    tones_of: [Curve; 3],
    vignette: Vignette,
    bands: Bands,
    tones: Vec<i16>,
}

impl Default for Cinematic {
    fn default() -> Self {
        Self {
            shrink: Shrink::default(),
            blur: Blur::default(),
            grow: Grow::default(),
            gray: Vec::new(),
            small: Vec::new(),
            halo: Vec::new(),
            bloom: Vec::new(),
            highlights: Curve::ramp(150.0, 250.0),
            tones_of: [
                Curve::through(&[(0, 2), (56, 10), (112, 98), (180, 222), (255, 255)]),
                Curve::through(&[(0, 5), (56, 38), (112, 108), (180, 192), (255, 246)]),
                Curve::through(&[(0, 12), (56, 56), (112, 108), (180, 150), (255, 226)]),
            ],
            vignette: Vignette::new(2300),
            bands: Bands::default(),
            tones: Vec::new(),
        }
    }
}

impl Look for Cinematic {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let shape = canvas.gray();
        luma(input, &mut self.gray);
        let small = self.shrink.by(4, &self.gray, shape, &mut self.small);
        for level in &mut self.small {
            *level = self.highlights.at(*level);
        }
        self.blur.soft(&self.small, &mut self.halo, small, canvas.length(8));
        self.grow.to(shape, &self.halo, small, &mut self.bloom);
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(input.chunks_exact(row));
        let blooms = self.bloom.chunks_exact(canvas.width);
        for (y, ((out, pixels), bloom)) in rows.zip(blooms).enumerate() {
            let light = self.vignette.row(canvas.width, canvas.height, y);
            self.bands.split(pixels);
            for (c, levels) in self.bands.levels.iter_mut().enumerate() {
                self.tones_of[c].row(&self.bands.gray, &mut self.tones);
                // The lens spreads warm light.
                let warmth = [10, 8, 6][c];
                let plans = self.tones.iter().zip(&self.bands.gray).zip(bloom).zip(light);
                for (level, (((&tone, &gray), &bloom), &light)) in levels.iter_mut().zip(plans) {
                    let color = (tone + (((*level - gray) * 7) >> 3)).clamp(0, 255);
                    let room = (u16::from(bloom) * (255 - color) as u16) >> 8;
                    let lit = (color as u16 + ((room * warmth) >> 5)).min(255);
                    *level = ((lit * light as u16) >> 8) as i16;
                }
            }
            self.bands.merge(out);
        }
    }
}
