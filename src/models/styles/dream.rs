//! A dream: a blurred, lightened copy over the sharp picture, pale colors.
//!
//! The Orton effect, after the photographer Michael Orton.

use super::{Scene, Style};
use crate::models::operators::{Blur, Double, Image, halve_image, saturate, screen, shade, smooth};

#[derive(Default)]
pub(super) struct Dream {
    half: Image,
    quarter: Image,
    soft: Image,
    grown: Image,
    full: Image,
    blur: Blur,
    double: Double,
}

impl Style for Dream {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        halve_image(scene.image, &mut self.half);
        halve_image(&self.half, &mut self.quarter);
        self.blur.image(&self.quarter, &mut self.soft, scene.length(5.0));
        let (columns, rows) = (self.half.width(), self.half.height());
        self.double.image(&self.soft, &mut self.grown, columns, rows);
        self.double.image(&self.grown, &mut self.full, width, height);
        let [r, g, b] = scene.image.each();
        let [sr, sg, sb] = self.full.each();
        let (middle_x, middle_y) = (width as f32 * 0.5, height as f32 * 0.5);
        let scale = 1.0 / (width.max(height) as f32 * 0.5);
        shade(
            [r, g, b, sr, sg, sb],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let dy = (y as f32 - middle_y) * scale;
                #[inline(always)]
                move |x, [r, g, b, sr, sg, sb]| {
                    let dx = (x as f32 - middle_x) * scale;
                    let haze = smooth(dx * dx + dy * dy, 0.25, 1.0) * 76.0;
                    let mixed = [
                        screen(r * 0.44 + sr * 0.2, sr * 0.72),
                        screen(g * 0.44 + sg * 0.2, sg * 0.68),
                        screen(b * 0.44 + sb * 0.2, sb * 0.74),
                    ];
                    let color = saturate(mixed, 1.2);
                    [
                        screen(color[0] + 14.0, haze),
                        screen(color[1] + 5.0, haze * 0.92),
                        screen(color[2] + 16.0, haze),
                    ]
                }
            },
        );
    }
}
