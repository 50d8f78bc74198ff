//! Taken away: filled with what surrounds it.
//!
//! Diffusion from the border, after Bertalmio and others, "Image inpainting" (2000), in one step:
//! a very wide blur of everything but the thing. It has no texture of its own.

use super::Edit;
use crate::models::operators::{Blur, Image, Plane, shade};
use crate::models::pipeline::Moment;

#[derive(Default)]
pub(super) struct Gone {
    weighed: Image,
    spread: Image,
    around: Plane,
    weight: Plane,
    blur: Blur,
}

impl Edit for Gone {
    fn paint(&mut self, frame: &Image, mask: &Plane, _: Moment, out: &mut Image) {
        let sigma = 42.0 * frame.width().max(frame.height()) as f32 / 1280.0;
        let [r, g, b] = frame.each();
        let [wr, wg, wb] = self.weighed.each_mut();
        shade(
            [r, g, b, mask],
            [wr, wg, wb, &mut self.around],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, mask]| {
                    let weight = (1.0 - mask * (2.0 / 255.0)).max(0.02);
                    [r * weight, g * weight, b * weight, 255.0 * weight]
                }
            },
        );
        self.blur.image(&self.weighed, &mut self.spread, sigma);
        self.blur.plane(&self.around, &mut self.weight, sigma);
        let [r, g, b] = self.spread.each();
        shade(
            [r, g, b, &self.weight],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, weight]| {
                    let gain = 255.0 / weight.max(4.0);
                    [r * gain, g * gain, b * gain]
                }
            },
        );
    }
}
