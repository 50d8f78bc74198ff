//! Dramatic light: deep shadows, a lit middle.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, mix, saturate};
use crate::models::scene::Corners;

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
        let corners = Corners::new(scene.width(), scene.height(), (0.85 * self.0).min(0.95));
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, color, []| {
                    let light = corners.light(x, y) * 1.04;
                    [color[0] * light, color[1] * light, color[2] * light]
                }
            },
        );
    }
}
