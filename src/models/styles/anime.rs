//! Cel animation: flat bright paint in two tones, thin brown lines, a glow in the lights.

use super::abstraction::{Drawn, Flat};
use super::{Scene, Style};
use crate::models::operators::{Image, Plane, mix, saturate, screen, shade, smooth};

#[derive(Default)]
pub(super) struct Anime {
    flat: Flat,
    drawn: Drawn,
    form: Plane,
    glow: Plane,
}

impl Style for Anime {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.flat.make(scene, 11.0);
        self.drawn.make_flat(scene, &self.flat, 3.0, 3);
        self.flat.grow(scene);
        // Shades follow a smoother form than paint, so that their borders are curves.
        self.flat.form(scene, 2.0, &mut self.form);
        self.flat.form(scene, 22.0, &mut self.glow);
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.flat.luma, &self.form, &self.glow, &self.drawn.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, luma, form, glow, line]| {
                    // Light, half light and shade.
                    let tone = 66.0
                        + 62.0 * smooth(form, 52.0, 64.0)
                        + 58.0 * smooth(form, 108.0, 120.0)
                        + 52.0 * smooth(form, 176.0, 190.0);
                    let gain = mix(luma, tone, 0.62) - luma;
                    let color = saturate([r + gain, g + gain, b + gain], 1.55);
                    let shade = smooth(form, 150.0, 60.0);
                    let lit = [
                        color[0] * 1.04 + 8.0 - 6.0 * shade,
                        color[1] * 1.02 + 6.0 - 8.0 * shade,
                        color[2] * 1.02 + 8.0 + 16.0 * shade,
                    ];
                    let bloom = (glow - 150.0).max(0.0) * 0.42;
                    let ink = smooth(line, 137.0, 150.0) * 0.86;
                    [
                        mix(screen(lit[0], bloom), 44.0, ink),
                        mix(screen(lit[1], bloom), 26.0, ink),
                        mix(screen(lit[2], bloom * 0.9), 38.0, ink),
                    ]
                }
            },
        );
    }
}
