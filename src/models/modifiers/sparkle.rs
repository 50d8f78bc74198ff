//! Sparkle: small four-pointed stars of light, twinkling slowly, and soft round lights.

use super::{Modifier, Scene};
use crate::models::operators::{Image, dot, hash, streak};

pub(super) struct Sparkle(pub f32);

impl Modifier for Sparkle {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let unit = scene.length(1.0).max(0.2);
        let count = (150.0 * self.0.clamp(0.2, 2.0)) as u32;
        for spark in 0..count {
            let [a, b, c, d] = hash(57, spark, 1).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
            let (x, y) = (a * width, (b + d * 0.01).min(1.0) * height);
            let twinkle = 0.5 + 0.5 * (scene.time * (0.8 + 1.4 * d) + c * 12.0).sin();
            let size = (7.0 + 24.0 * c * c) * unit * (0.4 + 0.6 * twinkle);
            let alpha = 0.25 + 0.7 * twinkle;
            let warm = [255.0, 244.0, 214.0];
            if c < 0.3 {
                dot(image, (x, y), size * 0.9, [255.0, 226.0, 170.0], 0.4 * alpha);
                continue;
            }
            dot(image, (x, y), size * 0.16, warm, alpha);
            for (dx, dy) in
                [(size, 0.01), (0.01, size), (size * 0.4, size * 0.4), (size * 0.4, -size * 0.4)]
            {
                streak(image, (x - dx, y - dy), (2.0 * dx, 2.0 * dy), warm, alpha);
            }
        }
    }
}
