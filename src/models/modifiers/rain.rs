//! Rain: slanting streaks in three depths under a dull sky.
//!
//! Streaks after Garg and Nayar, "Photorealistic rendering of rain streaks" (2006), as blended
//! lines.

use super::Modifier;
use crate::models::operators::{Image, hash, saturate, streak};
use crate::models::scene::Scene;

pub(super) struct Rain(pub f32);

impl Modifier for Rain {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.0.min(1.5);
        let dull = saturate(color, 1.0 - 0.35 * s);
        [
            dull[0] * (1.0 - 0.22 * s),
            dull[1] * (1.0 - 0.17 * s),
            dull[2] * (1.0 - 0.08 * s) + 5.0 * s,
        ]
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let unit = scene.length(1.0).max(0.2);
        let count = (1100.0 * self.0.clamp(0.2, 2.0)) as u32;
        for drop in 0..count {
            let [a, b, c, d] = hash(77, drop, 3).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
            let near = 0.35 + 0.65 * c * c;
            let long = (26.0 + 44.0 * near) * unit;
            let speed = 1.4 + 1.6 * near;
            let fall = (a + scene.time * speed + d * 3.0).fract();
            let lap = (a + scene.time * speed + d * 3.0).floor();
            // Each fall is at another place.
            let x = (b + lap * 0.618).fract() * (width + 60.0 * unit) - 30.0 * unit;
            let y = fall * (height + 2.0 * long) - long;
            let color = [206.0, 216.0, 228.0];
            streak(image, (x, y), (-long * 0.16, long), color, 0.2 + 0.42 * near);
        }
    }
}
