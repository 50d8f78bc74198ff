//! Pale, milky colors.

use super::Modifier;
use crate::models::operators::{blend, saturate};

pub(super) struct Pastel(pub f32);

impl Modifier for Pastel {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let soft = saturate(color, 0.95).map(|level| 105.0 + level * 0.6);
        let rosy = [soft[0] + 4.0, soft[1], soft[2] + 3.0];
        blend(color, rosy, (0.85 * self.0).min(1.0))
    }
}
