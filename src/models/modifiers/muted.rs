//! Weaker colors.

use super::Modifier;
use crate::models::operators::saturate;

pub(super) struct Muted(pub f32);

impl Modifier for Muted {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        saturate(color, (1.0 - 0.6 * self.0).clamp(0.0, 2.0)).map(|level| level * 0.97 + 4.0)
    }
}
