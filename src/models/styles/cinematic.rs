//! The grade of a feature film: teal shadows, orange lights, halation, dark corners.

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Double, Image, Plane, blend, gray_of, halve, saturate, screen, shade, smooth,
};

#[derive(Default)]
pub(super) struct Cinematic {
    lights: Plane,
    half: Plane,
    quarter: Plane,
    glow: Plane,
    grown: Plane,
    full: Plane,
    blur: Blur,
    double: Double,
}

impl Style for Cinematic {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        shade(
            [scene.luma],
            [&mut self.lights],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma]| [smooth(luma, 168.0, 250.0) * 255.0]
            },
        );
        halve(&self.lights, &mut self.half);
        halve(&self.half, &mut self.quarter);
        self.blur.plane(&self.quarter, &mut self.glow, scene.length(7.0));
        self.double.to(&self.glow, &mut self.grown, self.half.width, self.half.height);
        self.double.to(&self.grown, &mut self.full, width, height);
        let corners = scene.corners(0.62);
        let [r, g, b] = scene.image.each();
        shade(
            [r, g, b, &self.full],
            out.each_mut(),
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, [r, g, b, glow]| {
                    let gray = gray_of([r, g, b]);
                    let t = gray * (1.0 / 255.0);
                    let film = 255.0 * t * t * (3.0 - 2.0 * t) * 0.6 + gray * 0.4 - 4.0;
                    let color = saturate([r + film - gray, g + film - gray, b + film - gray], 1.02);
                    let split = smooth(gray, 40.0, 190.0);
                    let toned = blend([-24.0, 8.0, 24.0], [27.0, 4.0, -34.0], split);
                    let light = corners.light(x, y);
                    [
                        screen(color[0] + toned[0], glow * 0.4) * light,
                        screen(color[1] + toned[1], glow * 0.25) * light,
                        screen(color[2] + toned[2], glow * 0.1) * light,
                    ]
                }
            },
        );
    }
}
