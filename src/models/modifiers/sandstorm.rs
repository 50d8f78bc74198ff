//! A sandstorm: ochre dust that blows across and hides the distance.

use super::{Modifier, Scene};
use crate::models::operators::{Clouds, Image, alter, mix, saturate};

pub(super) struct Sandstorm {
    strength: f32,
    clouds: Clouds,
}

impl Sandstorm {
    pub fn new(strength: f32) -> Self {
        Self { strength, clouds: Clouds::default() }
    }
}

impl Modifier for Sandstorm {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.strength.min(1.3);
        let dull = saturate(color, 1.0 - 0.5 * s);
        [dull[0] * (1.0 + 0.1 * s), dull[1] * (1.0 - 0.08 * s), dull[2] * (1.0 - 0.4 * s)]
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        self.clouds.make(scene.size(), 4.0, (-scene.time * 0.9, scene.time * 0.1), 47);
        let (height, strength) = (scene.height() as f32, self.strength);
        alter(
            image,
            [&self.clouds.coarse.plane],
            #[inline(always)]
            |y| {
                let depth = 0.8 - 0.4 * y as f32 / height;
                #[inline(always)]
                move |_, [r, g, b], [cloud]| {
                    let thick = (depth + (cloud - 128.0) * 0.0032) * strength * 0.85;
                    let t = thick.max(0.0).min(0.95);
                    [mix(r, 206.0, t), mix(g, 148.0, t), mix(b, 84.0, t)]
                }
            },
        );
    }
}
