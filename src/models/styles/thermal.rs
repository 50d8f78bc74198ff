//! A thermograph: brightness as heat.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, gradient, ink, shade};

/// From cold to hot.
const HEAT: [[f32; 3]; 8] = [
    ink(0x04_0230),
    ink(0x28_0a78),
    ink(0x7a_0fa0),
    ink(0xc8_2878),
    ink(0xf0_5a28),
    ink(0xfa_9e14),
    ink(0xff_e25a),
    ink(0xff_ffee),
];

#[derive(Default)]
pub(super) struct Thermal {
    soft: Plane,
    warm: Plane,
    blur: Blur,
}

impl Style for Thermal {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let [r, _, b] = scene.image.each();
        // Red things are warmer than blue ones of the same brightness.
        shade(
            [scene.luma, r, b],
            [&mut self.warm],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma, r, b]| [luma + (r - b) * 0.4]
            },
        );
        self.blur.plane(&self.warm, &mut self.soft, scene.length(2.6));
        shade(
            [&self.soft],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [heat]| gradient(&HEAT, (heat - 14.0) * (1.0 / 226.0))
            },
        );
    }
}
