//! Fog: thick in the distance, drifting.
//!
//! The air light model of Koschmieder (1924); the distance is guessed from the height in the
//! picture.

use super::{AIR, Modifier};
use crate::models::operators::{Clouds, Image, alter, mix, saturate};
use crate::models::scene::Scene;

pub(super) struct Fog {
    strength: f32,
    /// Of the air: that of a night is dark.
    color: [f32; 3],
    clouds: Clouds,
}

impl Fog {
    pub fn new(strength: f32) -> Self {
        Self { strength, color: AIR, clouds: Clouds::default() }
    }
}

impl Modifier for Fog {
    // What it does to colors is done where it is painted: that takes no table.
    fn grades(&self) -> bool {
        false
    }

    fn learn(&mut self, air: [f32; 3]) {
        self.color = air;
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        self.clouds.make(scene.size(), 3.0, (scene.time * 0.06, 0.0), 11);
        let strength = self.strength;
        let fullness = 1.0 - 0.3 * strength.min(1.5);
        let [red, green, blue] = self.color;
        let height = scene.height() as f32;
        alter(
            image,
            [&self.clouds.coarse.plane],
            #[inline(always)]
            |y| {
                let down = y as f32 / height;
                let depth = 0.92 - 0.62 * down * down;
                #[inline(always)]
                move |_, [r, g, b], [cloud]| {
                    let thick = (depth + (cloud - 128.0) * 0.0016) * strength;
                    let t = (thick * 0.86).max(0.0).min(0.96);
                    let [r, g, b] = saturate([r, g, b], fullness);
                    [mix(r, red, t), mix(g, green, t), mix(b, blue, t)]
                }
            },
        );
    }
}
