//! Impressionism: visible strokes of broken color that follow the forms.
//!
//! After Haeberli, "Paint by numbers" (1990), and Litwinowicz, "Processing images and video for an
//! impressionist effect" (1997).

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Brush, HalfFlow, Image, Places, angle_of, hash, saturate, shade,
};

#[derive(Default)]
pub(super) struct Impressionist {
    flow: HalfFlow,
    soft: Image,
    blur: Blur,
    broad: Brush,
    fine: Brush,
    broad_places: Places,
    fine_places: Places,
}

impl Style for Impressionist {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 4);
        self.blur.image(scene.image, &mut self.soft, scene.length(2.2));
        let [r, g, b] = self.soft.each();
        // The ground below the strokes.
        shade(
            [r, g, b],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b]| [r * 0.7 + 34.0, g * 0.68 + 30.0, b * 0.66 + 40.0]
            },
        );
        self.broad.fit(scene.length(50.0).max(3.0), scene.length(14.0).max(2.0), 0.6);
        self.fine.fit(scene.length(28.0).max(3.0), scene.length(7.5).max(1.5), 0.5);
        self.broad_places.fit(width, height, scene.pixels(16.0), 21);
        self.fine_places.fit(width, height, scene.pixels(13.0), 22);
        self.strokes(out, &self.broad, &self.broad_places, 1.0, None);
        self.strokes(out, &self.fine, &self.fine_places, 0.8, Some(&scene.luma.data));
    }
}

impl Impressionist {
    /// Lays strokes; with `luma`, only where there is detail.
    fn strokes(
        &self,
        out: &mut Image,
        brush: &Brush,
        places: &Places,
        broken: f32,
        luma: Option<&[u8]>,
    ) {
        let flow = &self.flow.flow;
        let width = out.width();
        for &(x, y) in &places.places {
            let (px, py) = (x as usize, y as usize);
            if let Some(luma) = luma {
                let at = py * width + px;
                let soft = self.soft.color(px, py);
                let gray = soft[0] * 0.3 + soft[1] * 0.59 + soft[2] * 0.11;
                let detail = (f32::from(luma[at]) - gray).abs();
                if detail < 6.0 && flow.sureness[flow.cell(px / 2, py / 2)] < 215 {
                    continue;
                }
            }
            let [a, b, c, d] = hash(71, x, y).to_le_bytes().map(|byte| f32::from(byte) - 127.5);
            // Where the forms give no direction, strokes swirl slowly.
            let swirl = (x as f32 * 0.006 + (y as f32 * 0.011).sin() * 2.0) * 10.0;
            let angle = angle_of(flow, px, py, swirl as usize % 32);
            let angle = (angle + 32).wrapping_add_signed((a * 0.02) as isize);
            let color = saturate(self.soft.color(px, py), 1.55 + b * 0.003);
            let broken = [b * 0.2 + c * 0.06, c * 0.16 + a * 0.06, d * 0.22].map(|v| v * broken);
            let color: [u8; 3] = std::array::from_fn(|i| {
                (color[i] * 1.04 + broken[i] + a * 0.1 + 4.0).clamp(0.0, 255.0) as u8
            });
            brush.lay(out, (px as isize, py as isize), angle, color);
        }
    }
}
