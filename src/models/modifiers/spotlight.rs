//! A spotlight on the middle of the stage.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, mix, smooth};

pub(super) struct Spotlight(pub f32);

impl Modifier for Spotlight {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let strength = self.0.min(1.1);
        let scale = 1.0 / (width.min(height * 1.4) * 0.36);
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                let dy = (y as f32 - height * 0.47) * scale;
                #[inline(always)]
                move |x, color, []| {
                    let dx = (x as f32 - width * 0.5) * scale;
                    let cone = 1.0 - smooth(dx * dx + dy * dy, 0.55, 1.35);
                    let light = mix(1.0, 0.12 + 1.18 * cone, strength);
                    [color[0] * light * 1.02, color[1] * light, color[2] * light * 0.95]
                }
            },
        );
    }
}
