//! Snow: flakes in several depths, swaying as they fall, under a white sky.

use super::Modifier;
use crate::models::operators::{Image, dot, hash, saturate};
use crate::models::scene::Scene;

pub(super) struct Snow(pub f32);

impl Modifier for Snow {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.0.min(1.5);
        let pale = saturate(color, 1.0 - 0.35 * s);
        let lift = [20.0, 24.0, 32.0];
        std::array::from_fn(|c| pale[c] * (1.0 - 0.08 * s) + lift[c] * s)
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let unit = scene.length(1.0).max(0.2);
        let count = (950.0 * self.0.clamp(0.2, 2.0)) as u32;
        for flake in 0..count {
            let [a, b, c, d] = hash(31, flake, 9).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
            let near = c * c * c;
            let radius = (1.0 + 4.6 * near) * unit;
            let fallen = a * 7.0 + d * 3.1 + scene.time * (0.1 + 0.22 * near);
            let sway = (scene.time * (0.7 + d) + b * 40.0).sin() * (8.0 + 14.0 * near) * unit;
            let x = (b + fallen.floor() * 0.618 + d * 0.01).fract() * width + sway;
            let y = fallen.fract() * (height + 20.0 * unit) - 10.0 * unit;
            dot(image, (x, y), radius, [250.0, 252.0, 255.0], 0.5 + 0.42 * (1.0 - near));
        }
    }
}
