//! Film noir: black and white, deep shadows, hard light, grain.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, Texture, Tile, mix, shade, smooth};

pub(super) struct Noir {
    wide: Plane,
    fine: Plane,
    blur: Blur,
    grain: Texture,
    tile: Tile,
}

impl Default for Noir {
    fn default() -> Self {
        Self {
            wide: Plane::default(),
            fine: Plane::default(),
            blur: Blur::default(),
            grain: Texture::default(),
            tile: Tile::grain(131),
        }
    }
}

impl Style for Noir {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.blur.plane(scene.luma, &mut self.wide, scene.length(60.0));
        self.blur.plane(scene.luma, &mut self.fine, scene.length(1.5));
        self.grain.lay(&self.tile, width, height, (0, 0));
        let corners = scene.corners(0.9);
        let grain = 0.3 * scene.grain();
        let [r, _, b] = scene.image.each();
        shade(
            [scene.luma, r, b, &self.wide, &self.fine, &self.grain.plane],
            [&mut out.planes[0]],
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, [luma, r, b, wide, fine, noise]| {
                    // A red filter: pale faces, dark skies.
                    let tone = luma + (r - b) * 0.22 + (luma - wide) * 0.3 + (luma - fine) * 0.5;
                    let hard = smooth(tone, 26.0, 212.0) * 255.0;
                    let level = mix(tone, hard, 0.85) * 1.02 - 6.0;
                    [level.max(0.0) * corners.light(x, y) + (noise - 127.5) * grain]
                }
            },
        );
        let (first, rest) = out.planes.split_at_mut(1);
        for plane in rest {
            plane.copy_from(&first[0]);
        }
    }
}
