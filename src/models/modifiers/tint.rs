//! All colors led towards one, as by a filter before the lens.

use super::Modifier;
use crate::models::operators::{blend, gray_of};

pub(in crate::models) struct Tint {
    pub color: [f32; 3],
    pub strength: f32,
}

impl Modifier for Tint {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let gray = gray_of(color);
        // The tint at the brightness of the color: black and white stay what they are.
        let own = gray_of(self.color).max(1.0);
        let tinted = self.color.map(|level| {
            if gray <= own {
                level * gray / own
            } else {
                level + (255.0 - level) * (gray - own) / (255.0 - own).max(1.0)
            }
        });
        blend(color, tinted, (0.6 * self.strength).min(0.92))
    }
}
