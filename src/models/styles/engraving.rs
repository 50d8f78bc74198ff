//! A copperplate engraving: lines that bend over the forms and swell in the shadows.
//!
//! After Ostromoukhov, "Digital facial engraving" (1999): each layer of lines is a field of
//! parallels, bent by the tones, cut at a width that gives the tone.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{Blur, HalfFlow, Image, Plane, Texture, mix, paper, shade, smooth};

#[derive(Default)]
pub(super) struct Engraving {
    flow: HalfFlow,
    drawn: Drawn,
    tone: Plane,
    form: Plane,
    blur: Blur,
    paper: Texture,
}

impl Style for Engraving {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 2);
        self.drawn.make(scene, &self.flow, 3.0, 3);
        self.blur.plane(scene.luma, &mut self.tone, scene.length(1.4));
        self.blur.plane(scene.luma, &mut self.form, scene.length(9.0));
        self.paper.fit(width, height, paper(91, 1.0));
        let pitch = 1.0 / scene.length(6.4).max(3.0);
        shade(
            [&self.tone, &self.form, &self.drawn.plane, &self.paper.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                #[inline(always)]
                move |x, [tone, form, line, paper]| {
                    let x = x as f32;
                    let bend = form * 0.018;
                    let wave = |phase: f32| {
                        // A triangle from 0 in the middle of a line to 1 between two.
                        let t = phase - phase.floor();
                        (t - 0.5).abs() * 2.0
                    };
                    let first = wave(y * pitch + x * pitch * 0.12 + bend);
                    let second = wave((y * 0.55 - x * 0.83) * pitch + bend * 0.6);
                    let third = wave((y * 0.5 + x * 0.86) * pitch - bend * 0.5);
                    let dark = 1.0 - tone * (1.0 / 255.0);
                    let cut = |wave: f32, width: f32| smooth(width - wave, -0.2, 0.2);
                    let lines = cut(first, dark * 1.12 - 0.12)
                        .max(cut(second, dark * 1.3 - 0.62))
                        .max(cut(third, dark * 1.5 - 0.98));
                    let ink = lines.max(smooth(line, 136.0, 148.0));
                    let sheet = (paper - 128.0) * 0.07;
                    [
                        mix(240.0 + sheet, 26.0, ink),
                        mix(234.0 + sheet, 36.0, ink),
                        mix(214.0 + sheet, 34.0, ink),
                    ]
                }
            },
        );
    }
}
