//! A cartoon: loud flat colors in hard steps, thick black outlines.
//!
//! After Winnemöller, Olsen and Gooch, "Real-time video abstraction" (2006).

use super::abstraction::{Drawn, Flat};
use super::{Scene, Style};
use crate::models::operators::{Image, Plane, mix, saturate, shade, smooth};

#[derive(Default)]
pub(super) struct Cartoon {
    flat: Flat,
    drawn: Drawn,
    form: Plane,
}

impl Style for Cartoon {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.flat.make(scene, 18.0);
        self.drawn.make_flat(scene, &self.flat, 5.0, 4);
        self.flat.grow(scene);
        self.flat.form(scene, 3.5, &mut self.form);
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.flat.luma, &self.form, &self.drawn.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, form, line]| {
                    let step = form * (5.0 / 256.0);
                    let floor = step.max(0.5).floor();
                    let tone = (floor + smooth(step - floor, 0.86, 1.0)) * 50.0 + 34.0;
                    let gain = (tone - luma) * 0.9;
                    let color = saturate([r + gain, g + gain, b + gain], 2.1);
                    let ink = smooth(line, 136.0, 143.0);
                    [mix(color[0], 8.0, ink), mix(color[1], 8.0, ink), mix(color[2], 12.0, ink)]
                }
            },
        );
    }
}
