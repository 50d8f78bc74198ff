//! Vaporwave: indigo, pink and cyan, scan lines, an echo of color to the side.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, gradient, ink, shade, smooth};

const TONES: [[f32; 3]; 6] = [
    ink(0x1a_0b3c),
    ink(0x4b_1a80),
    ink(0xc2_3ca8),
    ink(0xff_71ce),
    ink(0xff_b8a0),
    ink(0x9c_fbff),
];

#[derive(Default)]
pub(super) struct Vaporwave {
    soft: Plane,
    echo: Plane,
    blur: Blur,
}

impl Style for Vaporwave {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.blur.plane(scene.luma, &mut self.soft, scene.length(1.6));
        let shift = scene.pixels(9.0).min(width - 1);
        self.echo.fit(width, height);
        for y in 0..height {
            let row = self.soft.row(y);
            let out = self.echo.row_mut(y);
            out[shift..].copy_from_slice(&row[..width - shift]);
            out[..shift].fill(row[0]);
        }
        let lines = scene.pixels(2.0);
        let scale = 1.0 / height as f32;
        shade(
            [scene.luma, &self.echo],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let scan = if (y / lines).is_multiple_of(2) { 1.0 } else { 0.88 };
                let v = y as f32 * scale;
                // Pink from above, teal from below.
                let air = [26.0 * (1.0 - v), 0.0, 10.0 + 12.0 * v];
                #[inline(always)]
                move |_, [luma, echo]| {
                    let t = smooth(luma, 2.0, 248.0);
                    let color = gradient(&TONES, t);
                    let edge = (echo - luma) * 0.4;
                    [
                        (color[0] + air[0] - edge * 0.7) * scan,
                        (color[1] + air[1] + edge * 0.5) * scan,
                        (color[2] + air[2] + edge * 0.7) * scan,
                    ]
                }
            },
        );
    }
}
