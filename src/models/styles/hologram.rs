//! A hologram: cyan light with a bright rim, running scan lines, a faint double.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, shade, smooth};

#[derive(Default)]
pub(super) struct Hologram {
    soft: Plane,
    rim: Plane,
    blur: Blur,
    shifted: Plane,
}

impl Style for Hologram {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.blur.plane(scene.luma, &mut self.soft, scene.length(5.0));
        shade(
            [scene.luma, &self.soft],
            [&mut self.rim],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [luma, soft]| [(luma - soft).abs() * 3.2]
            },
        );
        // The double, a few pixels to the side.
        self.shifted.fit(width, height);
        let shift = scene.pixels(7.0).min(width - 1);
        for y in 0..height {
            let row = &scene.luma.data[y * width..][..width];
            let out = self.shifted.row_mut(y);
            out[shift..].copy_from_slice(&row[..width - shift]);
            out[..shift].fill(row[0]);
        }
        let line = scene.length(4.0).max(2.0);
        let (time, rows) = (scene.time, height as f32);
        shade(
            [scene.luma, &self.rim, &self.shifted],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                let phase = y / line + time * 6.0;
                let scan = 0.68 + 0.32 * smooth((phase - phase.floor() - 0.5).abs(), 0.1, 0.4);
                // A bright band climbs slowly.
                let band = (y / rows + time * 0.22).rem_euclid(1.0);
                let band = 1.0 + 0.5 * smooth((band - 0.5).abs(), 0.06, 0.0);
                let gain = scan * band;
                #[inline(always)]
                move |_, [luma, rim, double]| {
                    let light = (luma * luma * (0.68 / 255.0) + rim * 0.75 + double * 0.12) * gain;
                    [light * 0.3 + 4.0, light * 0.88 + 12.0, light * 1.05 + 28.0]
                }
            },
        );
    }
}
