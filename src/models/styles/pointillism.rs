//! Pointillism: dots of pure color that mix in the eye.
//!
//! Dots on a jittered grid after Haeberli (1990); colors divided after the practice of Seurat.

use super::{Scene, Style};
use crate::models::operators::{Blur, Brush, Image, Places, hash, saturate};

#[derive(Default)]
pub(super) struct Pointillism {
    soft: Image,
    blur: Blur,
    large: Brush,
    small: Brush,
    first: Places,
    second: Places,
}

impl Style for Pointillism {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.blur.image(scene.image, &mut self.soft, scene.length(1.8));
        for (plane, level) in out.planes.iter_mut().zip([236, 226, 204]) {
            plane.data.fill(level);
        }
        let (large, small) = (scene.length(15.0).max(2.0), scene.length(11.0).max(1.5));
        self.large.fit(large, large, 0.0);
        self.small.fit(small, small, 0.0);
        self.first.fit(width, height, scene.pixels(10.5), 31);
        self.second.fit(width, height, scene.pixels(9.5), 33);
        for (brush, places, divide) in
            [(&self.large, &self.first, 0.85), (&self.small, &self.second, 1.0)]
        {
            for &(x, y) in &places.places {
                let [a, b, c, d] = hash(37, x, y).to_le_bytes();
                if d < 12 {
                    continue;
                }
                let off = |byte: u8| (f32::from(byte) - 127.5) * divide;
                let color = saturate(self.soft.color(x as usize, y as usize), 1.75);
                // Warm and cool dots side by side.
                let warm = if a & 1 == 0 { 26.0 } else { -26.0 };
                let made = [
                    color[0] + warm + off(a) * 0.2 + 6.0,
                    color[1] + off(b) * 0.3 + 4.0,
                    color[2] - warm + off(c) * 0.22 + 6.0,
                ];
                let dot = made.map(|level| level.clamp(0.0, 255.0) as u8);
                brush.lay(out, (x as isize, y as isize), 0, dot);
            }
        }
    }
}
