//! Clay: rounded forms in matt color, lit from above, with the marks of fingers.

use super::abstraction::Flat;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, Image, Plane, Texture, saturate, shade, smooth, smooth_noise,
};

#[derive(Default)]
pub(super) struct Claymation {
    flat: Flat,
    height: Plane,
    wide: Plane,
    slope: Plane,
    prints: Texture,
    blur: Blur,
}

impl Style for Claymation {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 17.0);
        self.flat.grow(scene);
        let scale = scene.length(1.0).max(0.2);
        self.prints.fit(width, height, |x, y| finger(x as f32 / scale, y as f32 / scale));
        self.blur.plane(&self.flat.luma, &mut self.height, scene.length(3.0));
        self.blur.plane(&self.flat.luma, &mut self.wide, scene.length(14.0));
        slopes(&self.height, &self.prints.plane, &mut self.slope, scene.pixels(2.0));
        let [r, g, b] = self.flat.full.each();
        shade(
            [r, g, b, &self.height, &self.wide, &self.slope],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, height, wide, slope]| {
                    let color = saturate([r, g, b], 1.6);
                    let lit = (slope - 128.0) * 2.3;
                    // Hollows are darker: light reaches the heights first.
                    let hollow = (height - wide).max(-30.0).min(30.0) * 1.0;
                    let shine = smooth(slope, 142.0, 185.0) * 38.0;
                    let add = lit + hollow + shine;
                    [
                        color[0] * 0.86 + 22.0 + add,
                        color[1] * 0.86 + 18.0 + add * 0.97,
                        color[2] * 0.84 + 16.0 + add * 0.92,
                    ]
                }
            },
        );
    }
}

/// How far the surface falls away from the light in the upper left, around 128.
pub(super) fn slopes(height: &Plane, bumps: &Plane, out: &mut Plane, step: usize) {
    out.fit_to(height);
    let (width, rows) = (height.width, height.height);
    for y in 0..rows {
        let above = y.saturating_sub(step);
        for x in 0..width {
            let left = x.saturating_sub(step);
            let (here, there) = (y * width + x, above * width + left);
            let form = i32::from(height.data[here]) - i32::from(height.data[there]);
            let bump = i32::from(bumps.data[here]) - i32::from(bumps.data[there]);
            out.data[here] = (128 + form.clamp(-40, 40) * 3 / 2 + bump / 2).clamp(0, 255) as u8;
        }
    }
}

/// Dents of fingers with their ridges.
fn finger(x: f32, y: f32) -> u8 {
    let dent = smooth_noise(191, x / 46.0, y / 46.0);
    let turn = smooth_noise(193, x / 90.0, y / 90.0) * 7.0;
    let ridge = ((x * turn.cos() + y * turn.sin()) * 0.9 + dent * 30.0).sin();
    let where_pressed = ((smooth_noise(197, x / 60.0, y / 60.0) - 0.55) * 5.0).clamp(0.0, 1.0);
    (128.0 + (dent - 0.5) * 120.0 + ridge * 11.0 * where_pressed).clamp(0.0, 255.0) as u8
}
