//! Cyberpunk: violet shadows, magenta and cyan lights that bleed into the wet air.

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Double, Image, Plane, gray_of, halve, mix, saturate, screen, shade, smooth,
};

#[derive(Default)]
pub(super) struct Cyberpunk {
    lights: Plane,
    half: Plane,
    shining: Plane,
    quarter: Plane,
    glow: Plane,
    grown: Plane,
    full: Plane,
    blur: Blur,
    double: Double,
}

impl Style for Cyberpunk {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        shade(
            [scene.luma],
            [&mut self.lights],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma]| [smooth(luma, 140.0, 245.0) * 255.0]
            },
        );
        halve(&self.lights, &mut self.shining);
        halve(&self.shining, &mut self.quarter);
        halve(scene.luma, &mut self.half);
        self.blur.plane(&self.quarter, &mut self.glow, scene.length(5.0));
        self.double.to(&self.glow, &mut self.grown, self.half.width, self.half.height);
        self.double.to(&self.grown, &mut self.full, width, height);
        let scale = 1.0 / width as f32;
        // At night the city is lit all the same.
        let sum: u64 = self.half.data.iter().map(|&level| u64::from(level)).sum();
        let mean = sum as f32 / self.half.data.len() as f32;
        let exposure = (96.0 / mean.max(1.0)).clamp(1.0, 3.2);
        let lines = scene.pixels(2.0).max(2);
        let [r, g, b] = scene.image.each();
        shade(
            [r, g, b, &self.full],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let scan = if (y / lines).is_multiple_of(2) { 1.0 } else { 0.93 };
                #[inline(always)]
                move |x, [r, g, b, glow]| {
                    let [r, g, b] = [r * exposure, g * exposure, b * exposure];
                    let u = x as f32 * scale;
                    let gray = gray_of([r, g, b]);
                    let t = (gray * (1.0 / 255.0)).min(1.0);
                    let rich = saturate([r, g, b], 1.5);
                    // Shadows violet, lights magenta on the left and cyan on the right.
                    let side = smooth(u + (b - r) * 0.002, 0.25, 0.75);
                    let light = [mix(1.34, 0.52, side), mix(0.42, 1.1, side), mix(1.2, 1.34, side)];
                    let deep = t * t * (2.2 - 1.2 * t);
                    let made: [f32; 3] = std::array::from_fn(|c| {
                        let toned = gray * 0.5 + rich[c] * 0.5;
                        toned * light[c] * (0.3 + 0.7 * deep)
                    });
                    let shadow = (1.0 - t) * (1.0 - t);
                    let halo = glow * 0.62;
                    [
                        screen(made[0] + 26.0 * shadow, (halo * light[0] * 0.7).min(255.0)) * scan,
                        screen(made[1] + 4.0 * shadow, (halo * light[1] * 0.6).min(255.0)) * scan,
                        screen(made[2] + 58.0 * shadow, (halo * light[2] * 0.7).min(255.0)) * scan,
                    ]
                }
            },
        );
    }
}
