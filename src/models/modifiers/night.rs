//! Day for night: dark and blue, with the lights that were there glowing on.
//!
//! After Thompson, Shirley and Ferwerda, "A spatial post-processing algorithm for images of night
//! scenes" (2002).

use super::Modifier;
use crate::models::operators::{
    Blur, Image, Plane, alter, blend, gray_of, ramp, saturate, screen, shade,
};
use crate::models::scene::Scene;

pub(super) struct Night {
    strength: f32,
    lights: Plane,
    glow: Plane,
    blur: Blur,
}

impl Night {
    pub fn new(strength: f32) -> Self {
        Self { strength, lights: Plane::default(), glow: Plane::default(), blur: Blur::default() }
    }
}

impl Modifier for Night {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let gray = gray_of(color);
        let calm = saturate(color, 0.45);
        // Steep, so that only what is bright is still seen.
        let light = 0.2 + 0.3 * gray / 255.0;
        let made = [calm[0] * light * 0.72, calm[1] * light * 0.86, calm[2] * light * 1.3 + 13.0];
        blend(color, made, self.strength.min(1.15))
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        // Only what is nearly white shines.
        shade(
            [scene.luma],
            [&mut self.lights],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma]| [ramp(luma, 236.0, 255.0) * 255.0]
            },
        );
        self.blur.plane(&self.lights, &mut self.glow, scene.length(10.0));
        let strength = self.strength.min(1.0);
        alter(
            image,
            [&self.lights, &self.glow],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b], [light, glow]| {
                    let lit = (light * 0.45 + glow * 0.4) * strength;
                    [screen(r, lit), screen(g, lit * 0.86), screen(b, lit * 0.55)]
                }
            },
        );
    }
}
