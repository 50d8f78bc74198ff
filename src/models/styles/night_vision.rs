//! A night vision tube: amplified green, noise, a round field of view.

use super::{Scene, Style};
use crate::models::operators::{Blur, Guided, Image, Plane, Texture, Tile, shade, smooth};

pub(super) struct NightVision {
    base: Plane,
    guided: Guided,
    glow: Plane,
    blur: Blur,
    noise: Texture,
    tile: Tile,
}

impl Default for NightVision {
    fn default() -> Self {
        Self {
            base: Plane::default(),
            guided: Guided::default(),
            glow: Plane::default(),
            blur: Blur::default(),
            noise: Texture::default(),
            tile: Tile::grain(121),
        }
    }
}

impl Style for NightVision {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.guided.smooth(scene.luma, &mut self.base, scene.length(30.0), 30.0);
        self.blur.plane(scene.luma, &mut self.glow, scene.length(12.0));
        self.noise.lay(&self.tile, width, height, (0, 0));
        let grain = 0.75 * scene.grain();
        let (middle_x, middle_y) = (width as f32 * 0.5, height as f32 * 0.5);
        let scale = 1.0 / (width.max(height) as f32 * 0.5);
        shade(
            [scene.luma, &self.base, &self.glow, &self.noise.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let dy = (y as f32 - middle_y) * scale;
                let scan = if y.is_multiple_of(3) { 0.9 } else { 1.0 };
                #[inline(always)]
                move |x, [luma, base, glow, noise]| {
                    let dx = (x as f32 - middle_x) * scale;
                    let tube = 1.0 - smooth(dx * dx + dy * dy, 0.52, 0.96);
                    let t = base * (1.0 / 255.0);
                    let even = 255.0 * (t * (1.9 - 0.9 * t)) * 0.66;
                    let light = even
                        + (luma - base) * 1.6
                        + (glow - 120.0).max(0.0) * 0.5
                        + (noise - 127.5) * grain
                        + 12.0;
                    let light = (light * scan * tube).max(0.0);
                    [
                        light * 0.24 + (light - 190.0).max(0.0),
                        light * 1.02 + 5.0 * tube,
                        light * 0.3,
                    ]
                }
            },
        );
    }
}
