//! A richer photograph: local contrast, clear colors. The neutral style.

use super::{Scene, Style};
use crate::models::operators::{Guided, Image, Plane, mix, saturate, shade};

#[derive(Default)]
pub(super) struct Vivid {
    guided: Guided,
    base: Plane,
}

impl Style for Vivid {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.guided.smooth(scene.luma, &mut self.base, scene.length(24.0), 16.0);
        let [r, g, b] = scene.image.each();
        shade(
            [r, g, b, scene.luma, &self.base],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, base]| {
                    let t = base * (1.0 / 255.0);
                    let curve = 255.0 * t * t * (3.0 - 2.0 * t);
                    let gain = (luma - base) * 1.0 + (mix(base, curve, 0.45) - base);
                    let color = saturate([r + gain, g + gain, b + gain], 1.42);
                    [color[0] + 2.0, color[1], color[2] - 1.0]
                }
            },
        );
    }
}
