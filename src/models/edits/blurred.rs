//! Out of focus: points of light become soft discs.
//!
//! A wide blur on light that is linear, roughly, so that highlights spread as in a lens; after
//! Potmesil and Chakravarty, "A lens and aperture camera model for synthetic image generation"
//! (1981). What is sharp does not bleed in: the blur is of what lies below the mask.

use super::Edit;
use crate::models::operators::{Blur, Image, Plane, shade};
use crate::models::pipeline::Moment;

pub(super) struct Blurred {
    strength: f32,
    weighed: Image,
    spread: Image,
    weight: Plane,
    blur: Blur,
}

impl Blurred {
    pub fn new(strength: f32) -> Self {
        Self {
            strength: strength.clamp(0.2, 2.0),
            weighed: Image::default(),
            spread: Image::default(),
            weight: Plane::default(),
            blur: Blur::default(),
        }
    }
}

impl Edit for Blurred {
    fn paint(&mut self, frame: &Image, mask: &Plane, _: Moment, out: &mut Image) {
        let sigma = 11.0 * self.strength * frame.width().max(frame.height()) as f32 / 1280.0;
        let [r, g, b] = frame.each();
        shade(
            [r, g, b, mask],
            self.weighed.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, mask]| {
                    let weight = (mask * (1.0 / 255.0)).max(0.02);
                    [r, g, b].map(|level| level * (0.55 + level * (0.45 / 255.0)) * weight)
                }
            },
        );
        self.blur.image(&self.weighed, &mut self.spread, sigma);
        self.blur.plane(mask, &mut self.weight, sigma);
        let [r, g, b] = self.spread.each();
        shade(
            [r, g, b, &self.weight],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, weight]| {
                    let gain = 1.0 / (weight * (1.0 / 255.0)).max(0.02);
                    // The inverse of what was done to the light.
                    [r, g, b].map(|level| {
                        let light = level * gain * (1.0 / 255.0);
                        ((0.3025 + 1.8 * light).sqrt() - 0.55) * (255.0 / 0.9)
                    })
                }
            },
        );
    }
}
