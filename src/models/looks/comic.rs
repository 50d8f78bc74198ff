//! A printed comic: bold ink, flat colours from few inks, and a screen of dots for the shadows.

use super::{Canvas, Look};
use crate::models::operators::{Bands, Curve, Ink, Kuwahara, byte, luma};

pub(in crate::models) struct Comic {
    kuwahara: Kuwahara,
    ink: Ink,
    flat: Vec<u8>,
    gray: Vec<u8>,
    lines: Vec<u8>,
    levels: Curve,
    pressure: Curve,
    screen: Screen,
    screened: Curve,
    bands: Bands,
    dots: Vec<i16>,
    tones: Vec<i16>,
}

/// The distance from the nearest dot, as levels, for every place of a tile.
#[derive(Default)]
struct Screen {
    side: usize,
    levels: Vec<u8>,
}

impl Screen {
    /// Dots at the corners and in the middle of squares of `side` pixels: a screen at 45 degrees.
    fn prepare(&mut self, side: usize) {
        if self.side == side {
            return;
        }
        self.side = side;
        self.levels.clear();
        self.levels.extend((0..side * side).map(|at| {
            let (x, y) = ((at % side) as f32 + 0.5, (at / side) as f32 + 0.5);
            let turn = std::f32::consts::TAU / side as f32;
            // Cosines give round dots in the lights and round holes in the darks.
            byte((127.5 + 63.75 * ((x * turn).cos() + (y * turn).cos())) as i32)
        }));
    }

    /// Row `y`, repeated over `width` pixels.
    fn spread(&self, y: usize, width: usize, row: &mut Vec<i16>) {
        let levels = &self.levels[(y % self.side) * self.side..][..self.side];
        row.clear();
        while row.len() < width {
            let part = &levels[..self.side.min(width - row.len())];
            row.extend(part.iter().map(|&level| i16::from(level)));
        }
    }
}

impl Default for Comic {
    fn default() -> Self {
        Self {
            kuwahara: Kuwahara::default(),
            ink: Ink::default(),
            flat: Vec::new(),
            gray: Vec::new(),
            lines: Vec::new(),
            levels: Curve::steps(4, 0.15).then(&Curve::through(&[
                (0, 24),
                (85, 118),
                (170, 196),
                (255, 255),
            ])),
            pressure: Curve::ramp(106.0, 118.0),
            screen: Screen::default(),
            // Lights and full blacks are printed without dots.
            screened: Curve::through(&[(20, 255), (40, 96), (120, 150), (165, 255)]),
            bands: Bands::default(),
            dots: Vec::new(),
            tones: Vec::new(),
        }
    }
}

impl Look for Comic {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        self.kuwahara.flatten(input, &mut self.flat, canvas.rgb(), canvas.length(4));
        luma(&self.flat, &mut self.gray);
        let shape = canvas.gray();
        self.ink.draw(&self.gray, &mut self.lines, shape, canvas.length(3), &self.pressure);
        self.screen.prepare(canvas.length(8).max(4));
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.flat.chunks_exact(row));
        let plans =
            self.ink.form().chunks_exact(canvas.width).zip(self.lines.chunks_exact(canvas.width));
        for (y, ((out, flat), (form, lines))) in rows.zip(plans).enumerate() {
            self.bands.split(flat);
            self.screen.spread(y, canvas.width, &mut self.dots);
            self.tones.clear();
            self.tones.extend(form.iter().map(|&form| i16::from(self.screened.at(form))));
            for (dot, &paper) in self.dots.iter_mut().zip(&self.tones) {
                // A dot is printed where the paper is darker than the screen, softened at its rim.
                *dot = 256 - ((*dot - paper) * 4).clamp(0, 110);
            }
            self.levels.row(&self.bands.gray, &mut self.tones);
            for (levels, paper) in self.bands.levels.iter_mut().zip([255, 250, 226]) {
                let inks = self.bands.gray.iter().zip(&self.tones).zip(self.dots.iter().zip(lines));
                for (level, ((&gray, &tone), (&dot, &line))) in levels.iter_mut().zip(inks) {
                    // Few inks: colour comes in steps of 32 as well, and faint colour is gray.
                    let color = (((*level - gray) * 7) / 4 + 16) & !31;
                    let plain = ((tone + color).clamp(0, 255) as u16 * paper) >> 8;
                    let printed = (plain * dot as u16) >> 8;
                    *level = ((printed * (u16::from(line) + 1)) >> 8) as i16;
                }
            }
            self.bands.merge(out);
        }
    }
}
