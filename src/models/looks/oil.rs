//! Oil on canvas: flat dabs of strong colour, and bristle marks in relief along the forms.

use std::sync::LazyLock;

use super::{Canvas, Look};
use crate::models::operators::{Bands, Curve, DIRECTIONS, Flow, Kuwahara, TILE, Tile, byte};

/// Pixels of a 1280 wide picture for which one direction of the brush is found.
const DAB: usize = 4;

/// One relief for each direction of the brush. Shared, because making them takes as long as
/// painting a few frames.
static RELIEFS: LazyLock<Vec<Tile>> = LazyLock::new(|| {
    let noise = Tile::grain(0x0011);
    let relief = |number: usize| {
        let angle = number as f32 * std::f32::consts::PI / DIRECTIONS as f32;
        let marks = noise.rubbed((angle.cos(), angle.sin()), 9);
        // Light from the upper left on the ridges that the bristles leave.
        Tile::of(|x, y| {
            let (lit, shaded) = (marks.at(x, y), marks.at(x + 1, y + 1));
            byte(128 + (i32::from(lit) - i32::from(shaded)) / 2)
        })
    };
    (0..DIRECTIONS).map(relief).collect()
});

pub(in crate::models) struct Oil {
    kuwahara: Kuwahara,
    flow: Flow,
    flat: Vec<u8>,
    directions: Vec<u8>,
    tone: Curve,
    bands: Bands,
    heights: Vec<i16>,
    tones: Vec<i16>,
}

impl Default for Oil {
    fn default() -> Self {
        // Here, between two frames, and not within the first one.
        LazyLock::force(&RELIEFS);
        Self {
            kuwahara: Kuwahara::default(),
            flow: Flow::default(),
            flat: Vec::new(),
            directions: Vec::new(),
            tone: Curve::through(&[(0, 8), (40, 30), (128, 134), (210, 226), (255, 250)]),
            bands: Bands::default(),
            heights: Vec::new(),
            tones: Vec::new(),
        }
    }
}

impl Look for Oil {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let dab = canvas.length(DAB);
        self.kuwahara.flatten(input, &mut self.flat, canvas.rgb(), canvas.length(6));
        let gray = self.kuwahara.gray();
        let small = self.flow.directions(gray, canvas.gray(), dab, &mut self.directions);
        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.flat.chunks_exact(row));
        for (y, (out, flat)) in rows.enumerate() {
            self.bands.split(flat);
            let directions = &self.directions[y / dab * small.width..][..small.width];
            self.heights.resize(canvas.width, 0);
            for (number, (heights, &direction)) in
                self.heights.chunks_mut(dab).zip(directions).enumerate()
            {
                let relief = RELIEFS[usize::from(direction) % DIRECTIONS].row(y);
                for (x, height) in (number * dab..).zip(heights) {
                    *height = i16::from(relief[x % TILE]) - 128;
                }
            }
            self.tone.row(&self.bands.gray, &mut self.tones);
            for ((tone, &height), &gray) in
                self.tones.iter_mut().zip(&self.heights).zip(&self.bands.gray)
            {
                // Dark paint is thin.
                *tone += (height * ((96 + gray) >> 2)) >> 6;
            }
            self.bands.grade(&self.tones, 23);
            self.bands.merge(out);
        }
    }
}
