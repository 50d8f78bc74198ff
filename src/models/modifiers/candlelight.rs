//! Candlelight: amber from below the middle, darkness around, a slow flicker.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, blend, gray_of, mix, saturate};

pub(super) struct Candlelight(pub f32);

impl Modifier for Candlelight {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let gray = gray_of(color);
        let calm = saturate(color, 0.7);
        let amber = [calm[0] * 0.6 + gray * 0.55, calm[1] * 0.5 + gray * 0.2, calm[2] * 0.32];
        blend(color, amber, self.0.min(1.1))
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let t = scene.time;
        let flicker = 1.0 + 0.03 * (t * 7.3).sin() + 0.025 * (t * 11.9 + 1.0).sin();
        let strength = self.0.min(1.1);
        let scale = 1.0 / (width.max(height) * 0.62);
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                let dy = (y as f32 - height * 0.62) * scale;
                #[inline(always)]
                move |x, color, []| {
                    let dx = (x as f32 - width * 0.46) * scale;
                    let near = 1.0 / (1.0 + 3.6 * (dx * dx + dy * dy));
                    let light = mix(1.0, (0.12 + 1.2 * near) * flicker, strength);
                    [color[0] * light, color[1] * light, color[2] * light]
                }
            },
        );
    }
}
