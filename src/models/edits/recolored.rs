//! Another color, with the light and shade of the old one.
//!
//! In Oklab (Ottosson, 2020): hue and chroma are those of the new color, lightness keeps its
//! differences and moves towards it.

use super::Edit;
use crate::models::operators::{Image, Lut, Plane, from_lab, to_lab};
use crate::models::pipeline::Moment;
use crate::models::prompt::Color;

pub(super) struct Recolored(Lut);

impl Recolored {
    pub fn new(color: Color) -> Self {
        let target = to_lab(color.levels());
        Self(Lut::of(|old| {
            let [l, a, b] = to_lab(old);
            // A gray thing takes on less of it, as a thin coat of paint would.
            let full = (0.6 + a.hypot(b) / 0.16).min(1.0);
            // Deep shade and bare light have little color.
            let shown = full * (l * 1.6).min(1.0) * ((1.0 - l) * 7.0).clamp(0.5, 1.0);
            let shift = target[0] - 0.62;
            let light =
                if shift < 0.0 { l * (1.0 + 1.05 * shift) } else { l + (1.0 - l) * 1.5 * shift };
            let light = light.min(1.0 - 0.4 * (1.0 - target[0]).max(0.0));
            from_lab([light, target[1] * shown, target[2] * shown])
        }))
    }
}

impl Edit for Recolored {
    fn paint(&mut self, frame: &Image, _: &Plane, _: Moment, out: &mut Image) {
        out.copy_from(frame);
        self.0.apply(out);
    }
}
