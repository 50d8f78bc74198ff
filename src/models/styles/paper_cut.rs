//! Cut paper: layers of colored paper, each throwing a shadow on the one below.

use super::abstraction::Flat;
use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, Texture, mix, paper, saturate, shade, smooth};

#[derive(Default)]
pub(super) struct PaperCut {
    flat: Flat,
    form: Plane,
    layers: Plane,
    thrown: Plane,
    shadow: Plane,
    blur: Blur,
    sheet: Texture,
}

impl Style for PaperCut {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 18.0);
        self.flat.grow(scene);
        self.flat.form(scene, 2.6, &mut self.form);
        shade(
            [&self.form],
            [&mut self.layers],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [form]| {
                    let step = form * (6.0 / 256.0);
                    let floor = step.max(0.5).floor();
                    [(floor + smooth(step - floor, 0.9, 1.0)) * 48.0]
                }
            },
        );
        // Bright layers lie on top; the light comes from the upper left.
        let (dx, dy) = (scene.pixels(6.0), scene.pixels(8.0));
        self.thrown.fit(width, height);
        for y in 0..height {
            let from = &self.layers.data[y.saturating_sub(dy) * width..][..width];
            let to = self.thrown.row_mut(y);
            let gap = dx.min(width - 1);
            to[gap..].copy_from_slice(&from[..width - gap]);
            to[..gap].fill(from[0]);
        }
        self.blur.plane(&self.thrown, &mut self.shadow, scene.length(2.6));
        self.sheet.fit(width, height, paper(231, 1.0));
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.flat.luma, &self.layers, &self.shadow, &self.sheet.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, layer, shadow, sheet]| {
                    let tone = layer * 0.78 + 42.0;
                    let gain = tone - luma;
                    let color = saturate([r + gain, g + gain, b + gain], 1.75);
                    // Dyed paper comes in few shades.
                    let dyed = color
                        .map(|level| mix(level, (level * (1.0 / 40.0) + 0.5).floor() * 40.0, 0.6));
                    let dark = smooth(shadow - layer, 5.0, 46.0) * 0.5;
                    let rough = (sheet - 128.0) * 0.13;
                    [
                        (dyed[0] + rough) * (1.0 - dark) + 6.0,
                        (dyed[1] + rough) * (1.0 - dark) + 4.0,
                        (dyed[2] + rough) * (1.0 - dark * 0.9) + 4.0,
                    ]
                }
            },
        );
    }
}
