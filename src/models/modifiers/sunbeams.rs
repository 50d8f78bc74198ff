//! Sunbeams: shafts of light from beyond the upper left corner.
//!
//! The look of Mitchell, "Volumetric light scattering as a post-process" (2007), with fixed shafts.

use super::{Modifier, Scene};
use crate::models::operators::{Coarse, Image, alter, screen};

pub(super) struct Sunbeams {
    strength: f32,
    shafts: Coarse,
}

impl Sunbeams {
    pub fn new(strength: f32) -> Self {
        Self { strength, shafts: Coarse::default() }
    }
}

impl Modifier for Sunbeams {
    fn grade(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let s = self.strength.min(1.3);
        [r * (1.0 - 0.12 * s), g * (1.0 - 0.14 * s), b * (1.0 - 0.2 * s)]
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = scene.size();
        self.shafts.fit(width, height, |u, v| {
            let (dx, dy) = (u + 0.06, v * 0.6 + 0.12);
            let angle = dy.atan2(dx);
            let waves = (angle * 23.0).sin()
                + (angle * 37.0 + 1.3).sin() * 0.7
                + (angle * 61.0 + 0.4).sin() * 0.4;
            let shaft = (waves * 0.32 + 0.42).clamp(0.0, 1.0);
            let far = (dx * dx + dy * dy).sqrt();
            255.0 * shaft * shaft * (1.25 - far).clamp(0.0, 1.0)
        });
        let strength = (self.strength * 0.72).min(1.0) / 255.0;
        alter(
            image,
            [&self.shafts.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b], [shaft]| {
                    let light = shaft * strength;
                    [screen(r, light * 255.0), screen(g, light * 232.0), screen(b, light * 175.0)]
                }
            },
        );
    }
}
