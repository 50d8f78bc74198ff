//! A storm: dark rolling clouds, hard rain, a cold green light.

use super::rain::Rain;
use super::{Modifier, Scene};
use crate::models::operators::{Clouds, Image, alter, saturate};

pub(super) struct Storm {
    strength: f32,
    rain: Rain,
    clouds: Clouds,
}

impl Storm {
    pub fn new(strength: f32) -> Self {
        Self { strength, rain: Rain::new(strength * 1.3), clouds: Clouds::default() }
    }
}

impl Modifier for Storm {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.strength.min(1.3);
        let dull = saturate(color, 1.0 - 0.5 * s);
        let gain = [0.5, 0.58, 0.6];
        std::array::from_fn(|c| dull[c] * (1.0 + (gain[c] - 1.0) * s) + 3.0)
    }

    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, scene: &Scene<'_>) {
        self.rain.look(scene);
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        self.clouds.make(scene.size(), 2.5, (scene.time * 0.12, scene.time * 0.02), 23);
        let (height, strength) = (scene.height() as f32, self.strength.min(1.2));
        alter(
            image,
            [&self.clouds.coarse.plane],
            #[inline(always)]
            |y| {
                let above = (1.0 - 1.5 * y as f32 / height).max(0.0) * strength;
                #[inline(always)]
                move |_, color, [cloud]| {
                    let t = above * (0.55 + (cloud - 128.0) * 0.004).max(0.0).min(0.9);
                    [
                        color[0] + (34.0 - color[0]) * t,
                        color[1] + (40.0 - color[1]) * t,
                        color[2] + (48.0 - color[2]) * t,
                    ]
                }
            },
        );
        self.rain.paint(scene, image);
    }
}
