//! Dramatic light: one hard light from the left, deep cold shadows on the right (chiaroscuro).

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, mix, saturate, smooth};

pub(super) struct DramaticLight(pub f32);

impl Modifier for DramaticLight {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.0.min(1.5);
        let deep = saturate(color, 1.0 + 0.1 * s);
        deep.map(|level| {
            let t = (level / 255.0).clamp(0.0, 1.0);
            mix(level, 255.0 * t * t * (2.6 - 1.6 * t), 0.7 * s)
        })
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let part = self.0.min(1.2);
        let (across, down) = (1.0 / scene.width() as f32, 1.0 / scene.height() as f32);
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                let tilt = (y as f32 * down - 0.5) * 0.35;
                #[inline(always)]
                move |x, color, []| {
                    // Where the light goes out, from the upper left to the lower right.
                    let shade = smooth(x as f32 * across + tilt, 0.2, 0.95) * part;
                    let light = 1.0 + 0.1 * part - 0.82 * shade;
                    [
                        color[0] * (light - 0.03 * shade),
                        color[1] * light,
                        color[2] * (light + 0.05 * shade),
                    ]
                }
            },
        );
    }
}
