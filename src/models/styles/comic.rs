//! A printed comic: bold ink, few flat inks, dots in the half tones, yellowed paper.

use super::abstraction::{Drawn, Flat};
use super::{Scene, Style};
use crate::models::operators::{Image, Plane, mix, saturate, shade, smooth};

#[derive(Default)]
pub(super) struct Comic {
    flat: Flat,
    drawn: Drawn,
    form: Plane,
}

impl Style for Comic {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.flat.make(scene, 13.0);
        self.drawn.make_flat(scene, &self.flat, 4.6, 3);
        self.flat.grow(scene);
        self.flat.form(scene, 3.0, &mut self.form);
        let pitch = 0.71 / scene.length(9.0).max(4.0);
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.flat.luma, &self.form, &self.drawn.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                #[inline(always)]
                move |x, [r, g, b, luma, form, line]| {
                    // A screen of 45 degrees; a parabola stands for the cosine.
                    let x = x as f32;
                    let wave = |turns: f32| {
                        let t = turns - turns.floor();
                        let t = t + t - 1.0;
                        t * t
                    };
                    let valleys = wave((x + y) * pitch) + wave((x - y) * pitch);
                    let step = (form * (4.0 / 256.0)).max(0.5).floor();
                    let tone = step * 64.0 + 62.0;
                    let gain = tone - luma;
                    let color = saturate([r + gain, g + gain, b + gain], 2.0);
                    // Inks come in steps as well.
                    let inked =
                        color.map(|level| (level * (1.0 / 51.0) + 0.5).max(0.0).floor() * 51.0);
                    // Dots where the tone lies between black and white.
                    let size = ((138.0 - form) * 0.012).max(-1.6).min(1.2);
                    let dot =
                        smooth(2.0 + size - 2.0 * valleys, 0.35, 0.75) * smooth(form, 26.0, 60.0);
                    let black = smooth(form, 34.0, 26.0).max(smooth(line, 136.0, 143.0));
                    let paper = [1.0, 0.975, 0.89];
                    let made: [f32; 3] = std::array::from_fn(|c| {
                        let plain = inked[c].min(255.0) * paper[c];
                        mix(plain, plain * 0.56, dot)
                    });
                    [
                        mix(made[0], 14.0, black),
                        mix(made[1], 12.0, black),
                        mix(made[2], 18.0, black),
                    ]
                }
            },
        );
    }
}
