//! Two inks only: one for the shadows, one for the lights.

use super::Modifier;
use crate::models::operators::{blend, gray_of, smooth};

pub(in crate::models) struct Duotone {
    pub dark: [f32; 3],
    pub bright: [f32; 3],
    pub strength: f32,
}

impl Modifier for Duotone {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = smooth(gray_of(color), 20.0, 235.0);
        blend(color, blend(self.dark, self.bright, t), self.strength.min(1.0))
    }
}
