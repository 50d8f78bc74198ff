//! Infrared film: foliage in pink and crimson, skies deep teal.
//!
//! The false colors of Kodak Aerochrome: infrared shows as red, red as green, green as blue. How
//! much infrared a thing throws back is guessed from how green it is.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, mix, ramp, shade};

#[derive(Default)]
pub(super) struct InfraredFilm {
    glow: Plane,
    blur: Blur,
}

impl Style for InfraredFilm {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.blur.plane(scene.luma, &mut self.glow, scene.length(9.0));
        let [r, g, b] = scene.image.each();
        shade(
            [r, g, b, scene.luma, &self.glow],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, glow]| {
                    let leaf = ramp(g - b, 2.0, 34.0) * ramp(g - r, -34.0, 2.0);
                    let infrared = mix(luma * 0.5 + r * 0.35, luma * 1.3 + 58.0, leaf);
                    let bloom = (glow - luma) * 0.22 * leaf;
                    let red = infrared + bloom;
                    let green = mix(r * 0.95, r * 0.42 + 6.0, leaf) + bloom;
                    let blue = mix(g * 0.92 + b * 0.14, luma * 0.86 + 40.0, leaf) + bloom;
                    [red * 1.04, green, blue * 1.02 + 6.0]
                }
            },
        );
    }
}
