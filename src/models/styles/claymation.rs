//! Clay: rounded forms in matt color, lit from above, with the marks of fingers.

use super::abstraction::Flat;
use super::{Scene, Style};
use crate::models::operators::{
    Image, Plane, Texture, saturate, shade, smooth, smooth_noise, wide,
};

#[derive(Default)]
pub(super) struct Claymation {
    flat: Flat,
    height: Plane,
    wide: Plane,
    slope: Plane,
    prints: Texture,
}

impl Style for Claymation {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flat.make(scene, 17.0);
        self.flat.grow(scene);
        let scale = scene.length(1.0).max(0.2);
        self.prints.fit(width, height, |x, y| finger(x as f32 / scale, y as f32 / scale));
        self.flat.form(scene, 3.0, &mut self.height);
        self.flat.form(scene, 14.0, &mut self.wide);
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
    let lit = |[form, past]: [u8; 2], [bump, bump_past]: [u8; 2]| {
        let form = i16::from(form) - i16::from(past);
        let bump = i16::from(bump) - i16::from(bump_past);
        (128 + form.clamp(-40, 40) * 3 / 2 + bump / 2).clamp(0, 255) as u8
    };
    let border = step.min(width);
    wide(
        #[inline(always)]
        || {
            for y in 0..rows {
                let above = y.saturating_sub(step);
                let (form, past) = (height.row(y), height.row(above));
                let (bump, bump_past) = (bumps.row(y), bumps.row(above));
                let out = &mut out.data[y * width..][..width];
                for x in 0..border {
                    out[x] = lit([form[x], past[0]], [bump[x], bump_past[0]]);
                }
                let forms = form[border..].iter().zip(past);
                let bumps = bump[border..].iter().zip(bump_past);
                for ((out, (&form, &past)), (&bump, &bump_past)) in
                    out[border..].iter_mut().zip(forms).zip(bumps)
                {
                    *out = lit([form, past], [bump, bump_past]);
                }
            }
        },
    );
}

/// Dents of fingers with their ridges.
fn finger(x: f32, y: f32) -> u8 {
    let dent = smooth_noise(191, x / 46.0, y / 46.0);
    let turn = smooth_noise(193, x / 90.0, y / 90.0) * 7.0;
    let ridge = ((x * turn.cos() + y * turn.sin()) * 0.9 + dent * 30.0).sin();
    let where_pressed = ((smooth_noise(197, x / 60.0, y / 60.0) - 0.55) * 5.0).clamp(0.0, 1.0);
    (128.0 + (dent - 0.5) * 120.0 + ridge * 11.0 * where_pressed).clamp(0.0, 255.0) as u8
}
