//! Watercolour: pale washes that pool at their rims, on rough paper.

use super::{Canvas, Look};
use crate::models::operators::{
    Bands, Blur, Curve, Grow, Kuwahara, Shape, Shrink, TILE, Tile, byte, luma,
};

pub(in crate::models) struct Watercolour {
    shrink: Shrink,
    kuwahara: Kuwahara,
    blur: Blur,
    grow: Grow,
    half: Vec<u8>,
    wash: Vec<u8>,
    wet: Vec<u8>,
    flat: Vec<u8>,
    gray: Vec<u8>,
    soft: Vec<u8>,
    paper: Tile,
    pigment: Tile,
    bleed: Tile,
    tone: Curve,
    bands: Bands,
    grain: Vec<i16>,
    uneven: Vec<i16>,
    tones: Vec<i16>,
}

impl Default for Watercolour {
    fn default() -> Self {
        let (broad, narrow) = (Tile::hills(0x0023, 64), Tile::hills(0x0025, 32));
        let (coarse, fine) = (Tile::hills(0x0021, 4), Tile::hills(0x0022, 2));
        Self {
            shrink: Shrink::default(),
            kuwahara: Kuwahara::default(),
            blur: Blur::default(),
            grow: Grow::default(),
            half: Vec::new(),
            wash: Vec::new(),
            wet: Vec::new(),
            flat: Vec::new(),
            gray: Vec::new(),
            soft: Vec::new(),
            paper: Tile::of(|x, y| {
                let level = |x, y| i32::from(coarse.at(x, y)) + i32::from(fine.at(x, y)) / 2;
                byte(128 + (level(x, y) - level(x + 1, y + 1)) / 4)
            }),
            pigment: Tile::of(|x, y| (broad.at(x, y) / 3 + narrow.at(y, x) / 3) + 43),
            bleed: Tile::hills(0x0024, 16),
            tone: Curve::through(&[(0, 58), (64, 118), (140, 192), (200, 240), (255, 253)]),
            bands: Bands::default(),
            grain: Vec::new(),
            uneven: Vec::new(),
            tones: Vec::new(),
        }
    }
}

impl Watercolour {
    /// Moves each pixel of the wash by a few pixels of fixed, smooth disorder.
    fn bleed(&mut self, shape: Shape, reach: usize) {
        self.wet.resize(shape.len(), 0);
        let reach = reach as i32;
        for (y, out) in self.wet.chunks_exact_mut(shape.row()).enumerate() {
            let (down, across) = (self.bleed.row(y), self.bleed.row(y + TILE / 2));
            for (x, out) in out.chunks_exact_mut(3).enumerate() {
                let shift = |noise: u8| ((i32::from(noise) - 128) * reach) >> 7;
                let from_x = x as i32 + shift(across[x % TILE]);
                let from_y = y as i32 + shift(down[x % TILE]);
                let from_x = from_x.clamp(0, shape.width as i32 - 1) as usize;
                let from_y = from_y.clamp(0, shape.height as i32 - 1) as usize;
                let from = from_y * shape.row() + from_x * 3;
                out.copy_from_slice(&self.wash[from..from + 3]);
            }
        }
    }
}

impl Look for Watercolour {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        // At half the size: washes have no detail, and the soft way back looks wet.
        let half = self.shrink.by(2, input, canvas.rgb(), &mut self.half);
        self.kuwahara.flatten(&self.half, &mut self.wash, half, canvas.length(4));
        self.bleed(half, canvas.length(4));
        luma(&self.wet, &mut self.gray);
        let half_gray = Shape { channels: 1, ..half };
        self.blur.soft(&self.gray, &mut self.soft, half_gray, canvas.length(3));
        for ((pixel, &gray), &soft) in self.wet.chunks_exact_mut(3).zip(&self.gray).zip(&self.soft)
        {
            // Pigment gathers on the dark side of a rim.
            let rim = soft.saturating_sub(gray);
            for level in pixel {
                *level = level.saturating_sub(rim);
            }
        }
        self.grow.to(canvas.rgb(), &self.wet, half, &mut self.flat);
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.flat.chunks_exact(row));
        for (y, (out, flat)) in rows.enumerate() {
            self.bands.split(flat);
            self.paper.spread(y, canvas.width, &mut self.grain);
            self.pigment.spread(y, canvas.width, &mut self.uneven);
            self.tone.row(&self.bands.gray, &mut self.tones);
            for ((tone, &grain), &uneven) in
                self.tones.iter_mut().zip(&self.grain).zip(&self.uneven)
            {
                *tone += grain + uneven / 8;
            }
            self.bands.grade(&self.tones, 20);
            // The paper is not quite white.
            for (levels, white) in self.bands.levels.iter_mut().zip([255, 252, 244]) {
                for level in levels {
                    *level = (((*level).clamp(0, 255) as u16 * white) >> 8) as i16;
                }
            }
            self.bands.merge(out);
        }
    }
}
