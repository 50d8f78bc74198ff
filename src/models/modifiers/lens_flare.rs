//! A lens flare: a sun at the upper right, a streak through it, ghosts across the picture.

use super::{Modifier, Scene};
use crate::models::operators::{Image, alter, screen};

pub(super) struct LensFlare(pub f32);

/// Where the ghosts lie on the line through the middle, how large and in what color they are.
const GHOSTS: [(f32, f32, [f32; 3]); 4] = [
    (0.55, 0.05, [40.0, 90.0, 60.0]),
    (1.35, 0.09, [70.0, 40.0, 90.0]),
    (1.62, 0.04, [30.0, 80.0, 100.0]),
    (1.95, 0.13, [60.0, 50.0, 20.0]),
];

impl Modifier for LensFlare {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let size = 1.0 / width.max(height);
        let (sun_x, sun_y) = (0.78 * width, 0.2 * height);
        let strength = self.0.min(1.5);
        let ghosts = GHOSTS.map(|(along, radius, color)| {
            let x = sun_x + (width * 0.5 - sun_x) * along;
            let y = sun_y + (height * 0.5 - sun_y) * along;
            (x, y, 1.0 / (radius * radius), color)
        });
        alter(
            image,
            [],
            #[inline(always)]
            |y| {
                let y = y as f32;
                let dy = (y - sun_y) * size;
                let streak = 150.0 / (1.0 + dy * dy * 90_000.0);
                #[inline(always)]
                move |x, [r, g, b], []| {
                    let dx = (x as f32 - sun_x) * size;
                    let square = dx * dx + dy * dy;
                    let sun = 255.0 / (1.0 + square * 900.0) + 200.0 / (1.0 + square * 30.0) * 0.2;
                    let line = streak / (1.0 + dx * dx * 14.0);
                    let mut light = [sun + line * 0.5, sun * 0.86 + line * 0.7, sun * 0.62 + line];
                    for (gx, gy, scale, color) in ghosts {
                        let (gx, gy) = ((x as f32 - gx) * size, (y - gy) * size);
                        let cover = (1.0 - (gx * gx + gy * gy) * scale).max(0.0).min(0.4);
                        light[0] += color[0] * cover;
                        light[1] += color[1] * cover;
                        light[2] += color[2] * cover;
                    }
                    [
                        screen(r, (light[0] * strength).min(255.0)),
                        screen(g, (light[1] * strength).min(255.0)),
                        screen(b, (light[2] * strength).min(255.0)),
                    ]
                }
            },
        );
    }
}
