//! Shades of gray, as a panchromatic film sees them.

use super::Modifier;
use crate::models::operators::blend;

pub(super) struct Monochrome(pub f32);

impl Modifier for Monochrome {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let gray = color[0] * 0.33 + color[1] * 0.55 + color[2] * 0.12;
        blend(color, [gray; 3], self.0.min(1.0))
    }
}
