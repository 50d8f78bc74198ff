//! Crisp detail: local contrast at two scales, without halos at strong edges.

use super::{Modifier, Scene};
use crate::models::operators::{Blur, Guided, Image, Plane, alter};

pub(super) struct Sharp {
    strength: f32,
    guided: Guided,
    blur: Blur,
    luma: Plane,
    base: Plane,
    fine: Plane,
}

impl Sharp {
    pub fn new(strength: f32) -> Self {
        Self {
            strength,
            guided: Guided::default(),
            blur: Blur::default(),
            luma: Plane::default(),
            base: Plane::default(),
            fine: Plane::default(),
        }
    }
}

impl Modifier for Sharp {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        image.luma(&mut self.luma);
        self.guided.smooth(&self.luma, &mut self.base, scene.length(12.0), 18.0);
        self.blur.plane(&self.luma, &mut self.fine, scene.length(0.9).max(0.5));
        let strength = self.strength;
        alter(
            image,
            [&self.luma, &self.base, &self.fine],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, color, [luma, base, fine]| {
                    let gain = (luma - base) * 0.8 + ((luma - fine) * 1.1).max(-14.0).min(14.0);
                    let gain = gain * strength;
                    [color[0] + gain, color[1] + gain, color[2] + gain]
                }
            },
        );
    }
}
