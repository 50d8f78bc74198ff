//! Film grain that stands still: strongest in the middle tones.
//!
//! After Newson, Delon and Galerne, "A stochastic film grain model for resolution-independent
//! rendering" (2017), as a fixed tile.

use super::{Modifier, Scene};
use crate::models::operators::{Image, Texture, Tile, alter, gray_of};

pub(super) struct Grain {
    strength: f32,
    tile: Tile,
    grain: Texture,
}

impl Grain {
    pub fn new(strength: f32) -> Self {
        Self { strength, tile: Tile::grain(101), grain: Texture::default() }
    }
}

impl Modifier for Grain {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        self.grain.lay(&self.tile, scene.width(), scene.height(), (0, 0));
        let strength = self.strength * 0.42;
        alter(
            image,
            [&self.grain.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, color, [grain]| {
                    let t = gray_of(color) * (1.0 / 255.0);
                    let amount = (grain - 127.5) * strength * (0.35 + 2.6 * t * (1.0 - t));
                    [color[0] + amount, color[1] + amount, color[2] + amount]
                }
            },
        );
    }
}
