//! Watercolor: thin washes that pool at their edges, granulate in the paper, and leave it white.
//!
//! After Bousseau, Kaplan, Thollot and Sillion, "Interactive watercolor rendering with temporal
//! coherence and abstraction" (2006): the color is darkened and lightened by the density of
//! pigment, which gathers at edges and in the hollows of the paper.

use super::abstraction::Flat;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, Clouds, Image, Plane, Texture, paper, ramp, saturate, shade, smooth,
};

#[derive(Default)]
pub(super) struct Watercolor {
    flat: Flat,
    near: Plane,
    wide: Plane,
    blur: Blur,
    paper: Texture,
    washes: Clouds,
    made_for: (usize, usize),
}

impl Style for Watercolor {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 10.0);
        self.flat.grow(scene);
        self.blur.plane(&self.flat.luma, &mut self.near, scene.length(1.2));
        self.flat.form(scene, 6.0, &mut self.wide);
        self.paper.fit(width, height, paper(31, scene.length(1.3).max(0.7)));
        if self.made_for != (width, height) {
            self.made_for = (width, height);
            self.washes.make((width, height), 5.0, (0.0, 0.0), 91);
        }
        let [r, g, b] = self.flat.full.each();
        let (scale_x, scale_y) = (1.0 / width as f32, 1.0 / height as f32);
        let wash = &self.washes.coarse.plane;
        shade(
            [r, g, b, &self.near, &self.wide, &self.paper.plane, wash],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let v = y as f32 * scale_y;
                let edge_y = v.min(1.0 - v);
                #[inline(always)]
                move |x, [r, g, b, near, wide, paper, wash]| {
                    let color = saturate([r, g, b], 1.6);
                    // Lights are left to the paper.
                    let light = |level: f32| {
                        let t = (level * (1.0 / 255.0)).max(0.0).min(1.0);
                        255.0 * (1.0 - (1.0 - t) * (0.62 + 0.38 * (1.0 - t)) * 0.92)
                    };
                    let color = color.map(light);
                    let edge = (wide - near).max(0.0).min(36.0) * 0.02;
                    let pooled = ramp((wide - near).abs(), 7.0, 15.0) * 0.26;
                    let density =
                        0.93 + edge + pooled + (wash - 128.0) * 0.0042 + (paper - 128.0) * 0.0055;
                    let u = x as f32 * scale_x;
                    // A ragged margin of bare paper.
                    let border = u.min(1.0 - u).min(edge_y)
                        + (wash - 128.0) * 0.00018
                        + (paper - 128.0) * 0.00006;
                    let bare = 1.0 - smooth(border, 0.014, 0.026);
                    let sheet = (paper - 128.0) * 0.09;
                    let tint = |c: f32, white: f32| {
                        let t = (c * (1.0 / 255.0)).max(0.02).min(0.985);
                        let made = 255.0 * (t - (t - t * t) * (density - 1.0)).max(0.0);
                        (made + (white - made) * bare) + sheet
                    };
                    [tint(color[0], 252.0), tint(color[1], 249.0), tint(color[2], 241.0)]
                }
            },
        );
    }
}
