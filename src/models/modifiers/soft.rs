//! Out of focus.

use super::sharp::Sharp;
use super::{Modifier, Scene};
use crate::models::operators::{Blur, Image};

pub(super) struct Soft {
    strength: f32,
    blur: Blur,
    blurred: Image,
    opposite: Option<Sharp>,
}

impl Soft {
    pub fn new(strength: f32) -> Self {
        let opposite = (strength < 0.0).then(|| Sharp::new(-strength));
        Self { strength, blur: Blur::default(), blurred: Image::default(), opposite }
    }
}

impl Modifier for Soft {
    fn grades(&self) -> bool {
        false
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        if let Some(sharp) = &mut self.opposite {
            sharp.paint(scene, image);
            return;
        }
        self.blur.image(image, &mut self.blurred, scene.length(4.0 * self.strength));
        std::mem::swap(image, &mut self.blurred);
    }
}
