//! Cel shading: flat, bright colours in a few tones, and thin ink outlines.

use super::{Canvas, Look};
use crate::models::operators::{Bands, Curve, Ink, Kuwahara, luma};

pub(in crate::models) struct Anime {
    kuwahara: Kuwahara,
    ink: Ink,
    flat: Vec<u8>,
    gray: Vec<u8>,
    lines: Vec<u8>,
    steps: Curve,
    bands: Bands,
    tones: Vec<i16>,
    pressure: Curve,
}

impl Default for Anime {
    fn default() -> Self {
        Self {
            kuwahara: Kuwahara::default(),
            ink: Ink::default(),
            flat: Vec::new(),
            gray: Vec::new(),
            lines: Vec::new(),
            steps: Curve::steps(5, 0.25).then(&Curve::through(&[(0, 30), (128, 146), (255, 252)])),
            bands: Bands::default(),
            tones: Vec::new(),
            pressure: Curve::ramp(102.0, 119.0),
        }
    }
}

impl Look for Anime {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        self.kuwahara.flatten(input, &mut self.flat, canvas.rgb(), canvas.length(3));
        luma(&self.flat, &mut self.gray);
        let shape = canvas.gray();
        self.ink.draw(&self.gray, &mut self.lines, shape, canvas.length(2), &self.pressure);
        // Tones follow a smoother picture than colours, so that their borders are drawn in curves.
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.flat.chunks_exact(row));
        let plans =
            self.ink.form().chunks_exact(canvas.width).zip(self.lines.chunks_exact(canvas.width));
        for ((out, flat), (form, lines)) in rows.zip(plans) {
            self.bands.split(flat);
            self.tones.clear();
            self.tones.extend(form.iter().map(|&form| i16::from(self.steps.at(form))));
            for (tone, &gray) in self.tones.iter_mut().zip(&self.bands.gray) {
                // A little of the true tone keeps small bright and dark things apart.
                *tone = (*tone * 5 + gray * 3) >> 3;
            }
            self.bands.grade(&self.tones, 24);
            // Shadows lean to violet, as painted cels do.
            for (levels, lean) in self.bands.levels.iter_mut().zip([1, -1, 3]) {
                for ((level, &tone), &line) in levels.iter_mut().zip(&self.tones).zip(lines) {
                    let violet = ((150 - tone).max(0) * lean) >> 4;
                    let color = (*level + violet).clamp(0, 255) as u16;
                    *level = ((color * (u16::from(line) + 1)) >> 8) as i16;
                }
            }
            self.bands.merge(out);
        }
    }
}
