//! Dark corners.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter};
use crate::models::scene::Corners;

pub(super) struct Vignette(pub f32);

impl Modifier for Vignette {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let corners = Corners::new(scene.width(), scene.height(), (0.72 * self.0).min(0.97));
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, color, []| {
                    let light = corners.light(x, y);
                    [color[0] * light, color[1] * light, color[2] * light]
                }
            },
        );
    }
}
