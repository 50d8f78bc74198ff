//! The negative.

use super::Modifier;
use crate::models::operators::blend;

pub(super) struct Inverted(pub f32);

impl Modifier for Inverted {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        blend(color, color.map(|level| 255.0 - level), self.0.min(1.0))
    }
}
