//! Under water: red is swallowed, light dances from above.
//!
//! Absorption as in Akkaynak and Treibitz, "A revised underwater image formation model" (2018), at
//! one distance; the dancing light is ridged noise.

use super::{Modifier, Scene};
use crate::models::operators::{Clouds, Image, alter, blend, gray_of};

pub(super) struct Underwater {
    strength: f32,
    waves: [Clouds; 2],
}

impl Underwater {
    pub fn new(strength: f32) -> Self {
        Self { strength, waves: [Clouds::default(), Clouds::default()] }
    }
}

impl Modifier for Underwater {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let gray = gray_of(color);
        let made = [
            color[0] * 0.18 + gray * 0.1,
            color[1] * 0.55 + gray * 0.2 + 26.0,
            color[2] * 0.55 + gray * 0.25 + 48.0,
        ];
        blend(color, made, self.strength.min(1.1))
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let t = scene.time;
        let [one, other] = &mut self.waves;
        one.make(scene.size(), 9.0, (t * 0.3, t * 0.22), 61);
        other.make(scene.size(), 8.0, (-t * 0.26, t * 0.3), 73);
        let (height, strength) = (scene.height() as f32, self.strength.min(1.3));
        alter(
            image,
            [&one.coarse.plane, &other.coarse.plane],
            #[inline(always)]
            |y| {
                let above = (1.15 - y as f32 / height).max(0.0) * strength;
                #[inline(always)]
                move |_, [r, g, b], [a, b2]| {
                    let ridge = (1.0 - (a - b2).abs() * 0.045).max(0.0);
                    let light = ridge * ridge * 62.0 * above;
                    let deep = 1.0 - 0.3 * (1.0 - above).max(0.0);
                    [r * deep + light * 0.5, g * deep + light, b * deep + light]
                }
            },
        );
    }
}
