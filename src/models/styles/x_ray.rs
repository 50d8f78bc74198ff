//! A radiograph: light and dark exchanged, structure amplified, a cold film.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, gradient, ink, shade};

const FILM: [[f32; 3]; 4] = [ink(0x02_060c), ink(0x1c_3346), ink(0x86_aec2), ink(0xf2_fbff)];

#[derive(Default)]
pub(super) struct XRay {
    soft: Plane,
    wide: Plane,
    blur: Blur,
}

impl Style for XRay {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.blur.plane(scene.luma, &mut self.soft, scene.length(2.0));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(26.0));
        let corners = scene.corners(0.6);
        shade(
            [scene.luma, &self.soft, &self.wide],
            out.each_mut(),
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, [luma, soft, wide]| {
                    let bone = (soft - wide).abs() * 2.1 + (luma - soft).abs() * 2.4;
                    let flesh = (255.0 - soft) * 0.5;
                    let light = (flesh + bone - 14.0) * corners.light(x, y);
                    gradient(&FILM, light * (1.0 / 235.0))
                }
            },
        );
    }
}
