//! A mosaic: small stones with worn edges, set in gray mortar.
//!
//! After Hausner, "Simulating decorative mosaics" (2001), with stones that keep their places.

use super::{Scene, Style};
use crate::models::operators::{Cells, Image, Plane, hash, mix, saturate, shade, smooth};

#[derive(Default)]
pub(super) struct Mosaic {
    cells: Cells,
    stones: Image,
    borders: Plane,
}

impl Style for Mosaic {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.cells.voronoi(width, height, scene.pixels(15.0).max(3), 0.42, 7);
        self.cells.measure(scene.image);
        for (id, color) in self.cells.colors.iter_mut().enumerate() {
            let [a, b, c, _] = hash(5, id as u32, 2).to_le_bytes();
            let shade = (f32::from(a) - 127.5) * 0.17;
            let hue = (f32::from(b) - 127.5) * 0.06;
            let glaze = saturate(*color, 1.5 + f32::from(c) * 0.001);
            *color = [glaze[0] + shade + hue, glaze[1] + shade, glaze[2] + shade - hue]
                .map(|level| level.clamp(0.0, 255.0));
        }
        self.stones.fit(width, height);
        self.cells.paint(&mut self.stones);
        self.borders.fit(width, height);
        self.borders.data.copy_from_slice(&self.cells.borders);
        let scale = 1280.0 / (16.0 * width.max(height) as f32);
        let [r, g, b] = self.stones.each();
        shade(
            [r, g, b, &self.borders],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b, border]| {
                    let far = border * scale;
                    let stone = smooth(far, 0.7, 1.9);
                    let worn = 0.82 + 0.22 * smooth(far, 1.2, 5.0);
                    [
                        mix(88.0, r * worn, stone),
                        mix(84.0, g * worn, stone),
                        mix(78.0, b * worn, stone),
                    ]
                }
            },
        );
    }
}
