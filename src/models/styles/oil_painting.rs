//! Oil on canvas: patches of paint along the forms, bristle marks lit from above.
//!
//! Patches by the anisotropic Kuwahara filter; the relief after Hertzmann, "Fast paint texture"
//! (2002), from noise smeared along the flow.

use super::abstraction::Flat;
use super::{Scene, Style};
use crate::models::operators::{
    Along, Double, Image, Plane, Texture, Tile, canvas, saturate, shade,
};

pub(super) struct OilPainting {
    flat: Flat,
    noise: Texture,
    tile: Tile,
    weave: Texture,
    along: Along,
    bristles: Plane,
    height: Plane,
    relief: Plane,
    double: Double,
}

impl Default for OilPainting {
    fn default() -> Self {
        Self {
            flat: Flat::default(),
            noise: Texture::default(),
            tile: Tile::white(12),
            weave: Texture::default(),
            along: Along::default(),
            bristles: Plane::default(),
            height: Plane::default(),
            relief: Plane::default(),
            double: Double::default(),
        }
    }
}

impl Style for OilPainting {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 10.0);
        self.flat.grow(scene);
        let (columns, rows) = (self.flat.half.width(), self.flat.half.height());
        self.noise.lay(&self.tile, columns, rows, (0, 0));
        self.along.smooth(&self.noise.plane, &self.flat.flow.flow, &mut self.bristles, 4);
        self.double.to(&self.bristles, &mut self.height, width, height);
        relief(&self.height, &self.flat.luma, &mut self.relief);
        let scale = scene.length(2.0).max(1.0);
        self.weave.fit(width, height, canvas(scale));
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.height, &self.relief, &self.weave.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, height, relief, weave]| {
                    let color = saturate([r, g, b], 1.38);
                    // Streaks of more and less paint, and the light on them.
                    let streak = (height - 128.0) * 0.3;
                    let light = (relief - 128.0) * 1.3 + (weave - 128.0) * 0.07;
                    [
                        color[0] * 1.05 + streak + light + 4.0,
                        color[1] * 1.0 + streak * 0.9 + light + 1.0,
                        color[2] * 0.9 + streak * 0.6 + light * 0.92 - 2.0,
                    ]
                }
            },
        );
    }
}

/// The slope of two heights towards the upper left, around 128.
fn relief(paint: &Plane, luma: &Plane, out: &mut Plane) {
    out.fit_to(paint);
    for y in 0..paint.height {
        let above = y.saturating_sub(1);
        let rows = [paint.row(y), paint.row(above), luma.row(y), luma.row(above)];
        let out = &mut out.data[y * paint.width..][..paint.width];
        out[0] = 128;
        let places = rows[0][1..].iter().zip(rows[1]).zip(rows[2][1..].iter().zip(rows[3]));
        for (out, ((&p, &pa), (&l, &la))) in out[1..].iter_mut().zip(places) {
            let slope = (i16::from(p) - i16::from(pa)) * 2
                + (i16::from(l) - i16::from(la)).clamp(-24, 24) * 2;
            *out = (128 + slope / 3).clamp(0, 255) as u8;
        }
    }
}
