//! A heat camera: brightness as temperature, in false colours and little detail.

use super::{Canvas, Look};
use crate::models::operators::{Blur, Grow, Shrink, byte, luma};

/// The colours from cold to hot, evenly spaced.
const HEAT: [[i32; 3]; 8] = [
    [0, 0, 24],
    [36, 0, 110],
    [122, 0, 150],
    [206, 28, 104],
    [240, 92, 22],
    [252, 164, 8],
    [255, 232, 70],
    [255, 255, 236],
];

pub(in crate::models) struct Thermal {
    shrink: Shrink,
    blur: Blur,
    grow: Grow,
    gray: Vec<u8>,
    small: Vec<u8>,
    soft: Vec<u8>,
    heat: Vec<u8>,
    colors: [[u8; 3]; 256],
}

impl Default for Thermal {
    fn default() -> Self {
        Self {
            shrink: Shrink::default(),
            blur: Blur::default(),
            grow: Grow::default(),
            gray: Vec::new(),
            small: Vec::new(),
            soft: Vec::new(),
            heat: Vec::new(),
            colors: std::array::from_fn(|level| {
                let place = level * (HEAT.len() - 1);
                let (from, part) = (place / 255, (place % 255) as i32);
                let to = HEAT[(from + 1).min(HEAT.len() - 1)];
                std::array::from_fn(|c| {
                    byte((HEAT[from][c] * (255 - part) + to[c] * part + 127) / 255)
                })
            }),
        }
    }
}

impl Look for Thermal {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let shape = canvas.gray();
        luma(input, &mut self.gray);
        // The sensors of such cameras are small.
        let small = self.shrink.by(canvas.length(3), &self.gray, shape, &mut self.small);
        self.blur.soft(&self.small, &mut self.soft, small, 1);
        self.grow.to(shape, &self.soft, small, &mut self.heat);
        for (out, &heat) in output.chunks_exact_mut(3).zip(&self.heat) {
            out.copy_from_slice(&self.colors[usize::from(heat)]);
        }
    }
}
