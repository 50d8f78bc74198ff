//! Home-movie film that has faded: warm, flat, soft, grainy, with a worn frame.

use super::{Canvas, Look};
use crate::models::operators::{Bands, Blur, Curve, Tile, Vignette, byte};

pub(in crate::models) struct Vintage {
    blur: Blur,
    soft: Vec<u8>,
    grain: Tile,
    stain: Tile,
    dyes: [Curve; 3],
    vignette: Vignette,
    scratches: Vec<i16>,
    bands: Bands,
    grains: Vec<i16>,
    stains: Vec<i16>,
}

impl Default for Vintage {
    fn default() -> Self {
        Self {
            blur: Blur::default(),
            soft: Vec::new(),
            grain: Tile::grain(0x0051),
            stain: Tile::hills(0x0052, 128),
            // The blue dye has faded most and the blacks have lifted.
            dyes: [
                Curve::through(&[(0, 46), (80, 118), (160, 206), (255, 252)]),
                Curve::through(&[(0, 34), (80, 92), (160, 172), (255, 232)]),
                Curve::through(&[(0, 30), (80, 68), (160, 116), (255, 178)]),
            ],
            vignette: Vignette::new(2900),
            scratches: Vec::new(),
            bands: Bands::default(),
            grains: Vec::new(),
            stains: Vec::new(),
        }
    }
}

impl Vintage {
    /// Three scratches that run down the film, as light added to each column.
    fn scratches(&mut self, width: usize) {
        if self.scratches.len() == width {
            return;
        }
        self.scratches.clear();
        self.scratches.resize(width, 0);
        for (place, light) in [(171, 26), (642, 16), (655, -22), (890, 30)] {
            self.scratches[place * width / 1000] += light;
        }
    }
}

impl Look for Vintage {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        self.blur.mean(input, &mut self.soft, canvas.rgb(), canvas.length(1));
        self.scratches(canvas.width);
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.soft.chunks_exact(row));
        for (y, (out, soft)) in rows.enumerate() {
            let light = self.vignette.row(canvas.width, canvas.height, y);
            self.grain.spread(y, canvas.width, &mut self.grains);
            self.stain.spread(y / 2, canvas.width, &mut self.stains);
            for ((grain, &stain), &scratch) in
                self.grains.iter_mut().zip(&self.stains).zip(&self.scratches)
            {
                // Scratches come and go along the film.
                *grain = *grain / 5 + if stain > -20 { scratch } else { 0 };
            }
            self.bands.split(soft);
            for ((levels, dye), leak) in self.bands.levels.iter_mut().zip(&self.dyes).zip([2, 1, 0])
            {
                for (level, &gray) in levels.iter_mut().zip(&self.bands.gray) {
                    // A third of the colour is left.
                    let faded = (2 * gray + *level) / 3;
                    *level = i16::from(dye.at(byte(faded.into())));
                }
                let wear = self.grains.iter().zip(&self.stains).zip(light);
                for (level, ((&grain, &stain), &light)) in levels.iter_mut().zip(wear) {
                    let dyed = (*level + ((stain * leak) >> 4)).clamp(0, 255) as u16;
                    *level = ((dyed * light as u16) >> 8) as i16 + grain;
                }
            }
            self.bands.merge(out);
        }
    }
}
