//! Neon: the edges as glowing tubes in the dark.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, Double, HalfFlow, Image, gradient, halve_image, ink, screen, shade, smooth,
};

/// The colors that the tubes run through from one corner to the other.
const TUBES: [[f32; 3]; 5] =
    [ink(0xff_28be), ink(0x96_3cff), ink(0x1e_c8ff), ink(0x3c_ffaa), ink(0xff_8c28)];

#[derive(Default)]
pub(super) struct Neon {
    flow: HalfFlow,
    drawn: Drawn,
    tubes: Image,
    half: Image,
    quarter: Image,
    glow: Image,
    grown: Image,
    full: Image,
    blur: Blur,
    double: Double,
}

impl Style for Neon {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 2);
        self.drawn.make(scene, &self.flow, 4.0, 4);
        let scale = 1.0 / (width + height) as f32;
        shade(
            [&self.drawn.plane],
            self.tubes.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                #[inline(always)]
                move |x, [line]| {
                    let edge = smooth(line, 135.0, 158.0);
                    let color = gradient(&TUBES, (x as f32 + y) * scale);
                    let core = smooth(line, 150.0, 190.0) * 150.0;
                    [color[0] * edge + core, color[1] * edge + core, color[2] * edge + core]
                }
            },
        );
        halve_image(&self.tubes, &mut self.half);
        halve_image(&self.half, &mut self.quarter);
        self.blur.image(&self.quarter, &mut self.glow, scene.length(3.6));
        let (columns, rows) = (self.half.width(), self.half.height());
        self.double.image(&self.glow, &mut self.grown, columns, rows);
        self.double.image(&self.grown, &mut self.full, width, height);
        let [tr, tg, tb] = self.tubes.each();
        let [gr, gg, gb] = self.full.each();
        shade(
            [tr, tg, tb, gr, gg, gb, scene.luma],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [tr, tg, tb, gr, gg, gb, luma]| {
                    // A trace of the scene in the dark.
                    let wall = luma * 0.055;
                    [
                        screen((gr * 1.7).min(255.0), tr) + wall + 7.0,
                        screen((gg * 1.7).min(255.0), tg) + wall * 0.7 + 3.0,
                        screen((gb * 1.7).min(255.0), tb) + wall * 1.5 + 15.0,
                    ]
                }
            },
        );
    }
}
