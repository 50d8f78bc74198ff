//! Low poly: flat triangles, each as if tilted its own way.

use super::{Scene, Style};
use crate::models::operators::{Cells, Image, hash, saturate};

#[derive(Default)]
pub(super) struct LowPoly {
    cells: Cells,
}

impl Style for LowPoly {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let side = if scene.fine { 27.0 } else { 38.0 };
        self.cells.triangles(width, height, scene.pixels(side).max(3), 27);
        self.cells.measure(scene.image);
        for (id, color) in self.cells.colors.iter_mut().enumerate() {
            let tilt = f32::from(hash(15, id as u32, 8).to_le_bytes()[1]) / 255.0 - 0.5;
            let lit = 1.0 + 0.15 * tilt + if id % 2 == 0 { 0.035 } else { -0.035 };
            *color = saturate(*color, 1.4).map(|level| (level * lit + 5.0).clamp(0.0, 255.0));
        }
        self.cells.paint(out);
    }
}
