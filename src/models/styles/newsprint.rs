//! A newspaper photograph: black dots at 45 degrees on gray paper.
//!
//! Clustered-dot halftone after Ulichney, "Digital halftoning" (1987).

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, Texture, mix, paper, shade, smooth};

#[derive(Default)]
pub(super) struct Newsprint {
    tone: Plane,
    fine: Plane,
    blur: Blur,
    paper: Texture,
}

impl Style for Newsprint {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.blur.plane(scene.luma, &mut self.tone, scene.length(5.0));
        self.blur.plane(scene.luma, &mut self.fine, scene.length(1.0));
        self.paper.fit(width, height, paper(103, 1.1));
        let pitch = std::f32::consts::FRAC_1_SQRT_2 / scene.length(8.0).max(3.5);
        shade(
            [&self.fine, &self.tone, &self.paper.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                #[inline(always)]
                move |x, [fine, tone, paper]| {
                    let x = x as f32;
                    let bend = |phase: f32| {
                        let t = (phase - phase.floor()) * 2.0 - 1.0;
                        1.0 - 2.0 * t * t
                    };
                    let screen = bend((x + y) * pitch) + bend((x - y) * pitch);
                    // Detail is sharpened before the screen takes it away.
                    let level = fine + (fine - tone) * 0.9;
                    let t = (level * (1.0 / 255.0)).max(0.0).min(1.0);
                    let threshold = (0.5 - t) * 3.6;
                    let ink = smooth(threshold - screen, -0.42, 0.42);
                    let rough = (paper - 128.0) * 0.11;
                    let level = mix(222.0 + rough, 34.0 + rough * 1.8, ink);
                    [level + 2.0, level - 2.0, level - 14.0 + 8.0 * ink]
                }
            },
        );
    }
}
