//! A model landscape: a narrow plane of focus, toy colors.
//!
//! After Held, Cooper, O'Brien and Banks, "Using blur to affect perceived distance and size" (2010).

use super::{Scene, Style};
use crate::models::operators::{Blur, Double, Image, halve_image, mix, saturate, shade, smooth};

#[derive(Default)]
pub(super) struct Miniature {
    half: Image,
    near: Image,
    near_full: Image,
    far: Image,
    far_full: Image,
    blur: Blur,
    double: Double,
}

impl Style for Miniature {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        halve_image(scene.image, &mut self.half);
        self.blur.image(&self.half, &mut self.near, scene.length(2.0));
        self.blur.image(&self.near, &mut self.far, scene.length(5.2));
        self.double.image(&self.near, &mut self.near_full, width, height);
        self.double.image(&self.far, &mut self.far_full, width, height);
        let scale = 1.0 / height as f32;
        let [r, g, b] = scene.image.each();
        let [nr, ng, nb] = self.near_full.each();
        let [fr, fg, fb] = self.far_full.each();
        shade(
            [r, g, b, nr, ng, nb, fr, fg, fb],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let off = (y as f32 * scale - 0.56).abs();
                let (first, second) = (smooth(off, 0.07, 0.17), smooth(off, 0.16, 0.34));
                #[inline(always)]
                move |_, [r, g, b, nr, ng, nb, fr, fg, fb]| {
                    let color = [
                        mix(mix(r, nr, first), fr, second),
                        mix(mix(g, ng, first), fg, second),
                        mix(mix(b, nb, first), fb, second),
                    ];
                    let toy = saturate(color, 1.85).map(|level| {
                        let t = (level * (1.0 / 255.0)).max(0.0).min(1.0);
                        mix(level, 255.0 * t * t * (3.0 - 2.0 * t), 0.5) + 8.0
                    });
                    [toy[0] + 3.0, toy[1], toy[2] - 2.0]
                }
            },
        );
    }
}
