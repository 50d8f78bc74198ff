//! A hiking map: brightness as height, with contour lines, tints and hill shading.

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Distance, Double, Image, Plane, Texture, gradient, halve, ink, mix, paper, shade, smooth,
};

/// From the sea to the snow.
const TINTS: [[f32; 3]; 8] = [
    ink(0x9c_c8e0),
    ink(0xb9_dcc0),
    ink(0xc9_e0a8),
    ink(0xe8_ecb4),
    ink(0xf2_dca4),
    ink(0xe4_bd8a),
    ink(0xd8_c8b4),
    ink(0xfb_fafa),
];

#[derive(Default)]
pub(super) struct TopographicMap {
    half: Plane,
    quarter: Plane,
    shore: Plane,
    near_shore: Plane,
    coast: Plane,
    distance: Distance,
    soft: Plane,
    height: Plane,
    right: Plane,
    lower: Plane,
    sheet: Texture,
    blur: Blur,
    double: Double,
}

impl Style for TopographicMap {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        halve(scene.luma, &mut self.half);
        self.blur.plane(&self.half, &mut self.soft, scene.length(4.2));
        self.double.to(&self.soft, &mut self.height, width, height);
        // Lines along the coast, after the distance from the land.
        halve(&self.soft, &mut self.quarter);
        let scale = 1280.0 / width.max(height) as f32 * 12.0;
        self.distance.from(&self.quarter, |level| level > 43, &mut self.shore, scale);
        let (columns, rows) = (self.half.width, self.half.height);
        self.double.to(&self.shore, &mut self.near_shore, columns, rows);
        self.double.to(&self.near_shore, &mut self.coast, width, height);
        // Neighbours, to know how steep the ground is.
        self.right.fit(width, height);
        self.lower.fit(width, height);
        let step = scene.pixels(3.0).min(width - 1);
        for y in 0..height {
            let row = &self.height.data[y * width..][..width];
            let below = &self.height.data[(y + step).min(height - 1) * width..][..width];
            let right = self.right.row_mut(y);
            right[..width - step].copy_from_slice(&row[step..]);
            right[width - step..].fill(row[width - 1]);
            self.lower.row_mut(y).copy_from_slice(below);
        }
        self.sheet.fit(width, height, paper(233, 1.2));
        let reach = 1.0 / step as f32;
        shade(
            [&self.height, &self.right, &self.lower, &self.sheet.plane, &self.coast],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [height, right, lower, sheet, coast]| {
                    let (dx, dy) = ((right - height) * reach, (lower - height) * reach);
                    let steep = (dx.abs() + dy.abs()).max(0.12);
                    let line = |every: f32, wide: f32| {
                        let phase = height / every;
                        let far = (phase - (phase + 0.5).floor()).abs() * every / steep;
                        1.0 - smooth(far, wide * 0.5, wide * 0.5 + 0.9)
                    };
                    let fade = smooth(steep, 0.13, 0.3);
                    let thin = line(9.0, 0.7) * 0.62 * fade;
                    let bold = line(45.0, 1.7) * 0.9 * fade;
                    let tint = gradient(&TINTS, (height - 10.0) * (1.0 / 235.0));
                    let hill = (-(dx + dy) * 7.0).max(-34.0).min(26.0) + (sheet - 128.0) * 0.06;
                    let sea = smooth(height, 46.0, 40.0);
                    let ink = [mix(150.0, 60.0, sea), mix(96.0, 120.0, sea), mix(52.0, 170.0, sea)];
                    let wave = coast * (1.0 / 30.0);
                    let wave = (wave - (wave + 0.5).floor()).abs();
                    let water = smooth(wave, 0.2, 0.08) * sea * smooth(coast, 150.0, 20.0) * 0.8;
                    let drawn = thin.max(bold).max(water);
                    [
                        mix(tint[0] + hill, ink[0], drawn),
                        mix(tint[1] + hill, ink[1], drawn),
                        mix(tint[2] + hill, ink[2], drawn),
                    ]
                }
            },
        );
    }
}
