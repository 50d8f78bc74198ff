//! Overcast: flat gray light without shadows.

use super::Modifier;
use crate::models::operators::{blend, saturate};

pub(super) struct Overcast(pub f32);

impl Modifier for Overcast {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let flat = saturate(color, 0.55).map(|level| level * 0.72 + 34.0);
        let made = [flat[0] * 0.94, flat[1] * 0.98, flat[2] * 1.03];
        blend(color, made, self.0.min(1.3))
    }
}
