//! Neon light: pink from the left, cyan from the right, darkness between.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, gray_of, mix};

pub(super) struct NeonLight(pub f32);

impl Modifier for NeonLight {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let scale = 1.0 / scene.width() as f32;
        let strength = (0.85 * self.0).min(1.0);
        alter(
            image,
            [],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |x, color, []| {
                    let u = x as f32 * scale;
                    let gray = gray_of(color);
                    let (pink, cyan) = ((1.0 - u * 1.35).max(0.0), (u * 1.35 - 0.35).max(0.0));
                    let lit = [
                        gray * (pink * 1.25 + cyan * 0.08) + color[0] * 0.22,
                        gray * (pink * 0.22 + cyan * 0.9) + color[1] * 0.2,
                        gray * (pink * 0.85 + cyan * 1.15) + color[2] * 0.26 + 10.0,
                    ];
                    [
                        mix(color[0], lit[0], strength),
                        mix(color[1], lit[1], strength),
                        mix(color[2], lit[2], strength),
                    ]
                }
            },
        );
    }
}
