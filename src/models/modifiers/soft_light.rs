//! Soft light: bright parts glow into their surroundings.

use super::{Modifier, Scene};
use crate::models::operators::Double;
use crate::models::operators::{Blur, Image, alter, halve_image, mix, screen};

pub(super) struct SoftLight {
    strength: f32,
    half: Image,
    quarter: Image,
    glow: Image,
    grown: Image,
    full: Image,
    blur: Blur,
    double: Double,
}

impl SoftLight {
    pub fn new(strength: f32) -> Self {
        Self {
            strength,
            half: Image::default(),
            quarter: Image::default(),
            glow: Image::default(),
            grown: Image::default(),
            full: Image::default(),
            blur: Blur::default(),
            double: Double::default(),
        }
    }
}

impl Modifier for SoftLight {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        halve_image(image, &mut self.half);
        halve_image(&self.half, &mut self.quarter);
        for plane in &mut self.quarter.planes {
            for level in &mut plane.data {
                // Only the lights glow.
                *level = ((u32::from(*level) * u32::from(*level)) / 255) as u8;
            }
        }
        self.blur.image(&self.quarter, &mut self.glow, scene.length(5.0));
        let (width, height) = (self.half.width(), self.half.height());
        self.double.image(&self.glow, &mut self.grown, width, height);
        self.double.image(&self.grown, &mut self.full, scene.width(), scene.height());
        let strength = (self.strength * 0.55).min(1.0);
        let [red, green, blue] = self.full.each();
        alter(
            image,
            [red, green, blue],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b], [gr, gg, gb]| {
                    [
                        mix(r, screen(r, gr), strength),
                        mix(g, screen(g, gg), strength),
                        mix(b, screen(b, gb), strength),
                    ]
                }
            },
        );
    }
}
