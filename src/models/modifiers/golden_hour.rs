//! The golden hour: low sun from one side, amber lights, long warm haze.

use super::Modifier;
use crate::models::operators::{Coarse, Image, alter, blend, gray_of, screen, smooth};
use crate::models::scene::Scene;

pub(super) struct GoldenHour {
    strength: f32,
    haze: Coarse,
}

impl GoldenHour {
    pub fn new(strength: f32) -> Self {
        Self { strength, haze: Coarse::default() }
    }
}

impl Modifier for GoldenHour {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = smooth(gray_of(color), 10.0, 210.0);
        let gain = blend([1.0, 0.8, 0.8], [1.2, 0.96, 0.6], t);
        let made: [f32; 3] = std::array::from_fn(|c| color[c] * gain[c]);
        blend(color, made, self.strength.min(1.3))
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = scene.size();
        self.haze.fit(width, height, |u, v| {
            // The sun stands beyond the upper right corner.
            let far = ((u - 0.92).powi(2) + ((v - 0.12) * 0.75).powi(2)).sqrt();
            235.0 * (1.0 - far / 1.05).max(0.0).powi(2)
        });
        let strength = (self.strength * 0.85).min(1.2) / 255.0;
        alter(
            image,
            [&self.haze.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b], [haze]| {
                    let light = haze * strength;
                    [screen(r, light * 255.0), screen(g, light * 165.0), screen(b, light * 60.0)]
                }
            },
        );
    }
}
