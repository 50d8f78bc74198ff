//! Typed characters by brightness, green on a black terminal.

use std::ops::Range;

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, halve_image, hash};

/// Characters five by seven, one bit a dot, rows from the top: from empty to full.
const GLYPHS: [[u8; 7]; 12] = [
    [0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0b01100, 0b01100],
    [0, 0b01100, 0b01100, 0, 0b01100, 0b01100, 0],
    [0, 0, 0, 0b11111, 0, 0, 0],
    [0, 0b00100, 0b00100, 0b11111, 0b00100, 0b00100, 0],
    [0b00110, 0b01001, 0b01000, 0b11100, 0b01000, 0b01001, 0b00110],
    [0, 0b10101, 0b01110, 0b11111, 0b01110, 0b10101, 0],
    [0b01110, 0b10001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111],
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b01010, 0b11111, 0b01010, 0b01010, 0b11111, 0b01010, 0b01010],
    [0b01110, 0b10001, 0b10111, 0b10101, 0b10111, 0b10000, 0b01111],
    [0b10101, 0b11111, 0b11011, 0b11111, 0b11011, 0b11111, 0b10101],
];

#[derive(Default)]
pub(super) struct AsciiArt {
    half: Image,
    wide: Plane,
    blur: Blur,
    sums: Vec<u32>,
}

impl Style for AsciiArt {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        halve_image(scene.image, &mut self.half);
        self.blur.plane(scene.luma, &mut self.wide, scene.length(90.0));
        let dot = scene.pixels(1.55);
        let (columns, rows) = (6 * dot, 9 * dot);
        for top in (0..height).step_by(rows) {
            let bottom = (top + rows).min(height);
            self.sums.clear();
            self.sums.resize(width.div_ceil(columns), 0);
            for y in top..bottom {
                for (sum, part) in self.sums.iter_mut().zip(scene.luma.row(y).chunks(columns)) {
                    *sum += part.iter().map(|&level| u32::from(level)).sum::<u32>();
                }
            }
            for (column, &sum) in self.sums.iter().enumerate() {
                let left = column * columns;
                let right = (left + columns).min(width);
                let tone = sum as f32 / ((bottom - top) * (right - left)) as f32;
                let (cx, cy) = (usize::midpoint(left, right), usize::midpoint(top, bottom));
                let wide =
                    f32::from(self.wide.data[cy.min(height - 1) * width + cx.min(width - 1)]);
                let even = (tone * 1.25 - 14.0 + (128.0 - wide) * 0.45).clamp(0.0, 255.0);
                let chance = (hash(7, column as u32, top as u32) & 1) as usize;
                let step = ((even * 11.0 / 200.0) as usize + chance).min(11);
                let step = if even < 14.0 { 0 } else { step };
                let bright = 0.7 + 0.3 * even / 255.0;
                // The screen glows between the dots.
                let glow = [even * 0.05, even * 0.36, even * 0.13].map(|level| level as u8);
                fill(out, left..right, top..bottom, glow);
                let light = [70.0 * bright, 255.0 * bright, 110.0 * bright];
                let light = if even > 215.0 { [200.0, 255.0, 210.0] } else { light };
                draw(out, (left, top), dot, &GLYPHS[step], light.map(|level| level as u8));
            }
        }
    }
}

fn fill(out: &mut Image, columns: Range<usize>, rows: Range<usize>, levels: [u8; 3]) {
    let width = out.width();
    for y in rows {
        for (plane, level) in out.planes.iter_mut().zip(levels) {
            plane.data[y * width..][columns.clone()].fill(level);
        }
    }
}

fn draw(out: &mut Image, (left, top): (usize, usize), dot: usize, glyph: &[u8; 7], light: [u8; 3]) {
    let (width, height) = (out.width(), out.height());
    for (row, bits) in glyph.iter().enumerate() {
        for column in 0..5 {
            if bits >> (4 - column) & 1 == 0 {
                continue;
            }
            let (x, y) = (left + column * dot, top + (row + 1) * dot);
            for y in y..(y + dot).min(height) {
                for (plane, level) in out.planes.iter_mut().zip(light) {
                    let to = (x + dot).min(width);
                    if x < to {
                        plane.data[y * width + x..y * width + to].fill(level);
                    }
                }
            }
        }
    }
}
