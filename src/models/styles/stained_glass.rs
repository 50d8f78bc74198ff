//! Stained glass: glowing panes in black lead, which follows the edges of the picture.
//!
//! After Mould, "A stained glass image filter" (2003).

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Cells, HalfFlow, Image, Plane, Texture, mix, paper, saturate, shade, smooth,
};

#[derive(Default)]
pub(super) struct StainedGlass {
    flow: HalfFlow,
    drawn: Drawn,
    cells: Cells,
    panes: Image,
    borders: Plane,
    ripple: Texture,
}

impl Style for StainedGlass {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 3);
        self.drawn.make(scene, &self.flow, 5.0, 5);
        self.cells.voronoi(width, height, scene.pixels(42.0).max(4), 0.9, 17);
        self.cells.measure(scene.image);
        for color in &mut self.cells.colors {
            *color = glass(*color);
        }
        self.panes.fit(width, height);
        self.cells.paint(&mut self.panes);
        self.borders.fit(width, height);
        self.borders.data.copy_from_slice(&self.cells.borders);
        self.ripple.fit(width, height, paper(107, scene.length(4.0).max(1.0)));
        let scale = 1280.0 / (16.0 * width.max(height) as f32);
        let [r, g, b] = self.panes.each();
        shade(
            [r, g, b, scene.luma, &self.borders, &self.drawn.plane, &self.ripple.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b, luma, border, line, ripple]| {
                    let far = border * scale;
                    // Light comes through the middle of a pane; some drawing shows in it.
                    let light = 0.8
                        + 0.34 * smooth(far, 1.5, 9.0)
                        + (ripple - 128.0) * 0.0035
                        + (luma - 110.0) * 0.0022;
                    let lead = (1.0 - smooth(far, 1.7, 2.9)).max(smooth(line, 143.0, 154.0));
                    [
                        mix(r * light, 14.0, lead),
                        mix(g * light, 14.0, lead),
                        mix(b * light, 17.0, lead),
                    ]
                }
            },
        );
    }
}

/// The color of a pane: full and clear.
fn glass(color: [f32; 3]) -> [f32; 3] {
    let full = saturate(color, 2.1);
    full.map(|level| {
        let t = (level / 255.0).clamp(0.0, 1.0);
        255.0 * (0.05 + 0.95 * t.powf(0.82))
    })
}
