//! Stronger colors; pale ones gain most, so that skin does not burn.

use super::Modifier;
use crate::models::operators::saturate;

pub(super) struct Saturated(pub f32);

impl Modifier for Saturated {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = color;
        let spread = r.max(g).max(b) - r.min(g).min(b);
        let gain = 0.75 * self.0 * (1.0 - 0.45 * spread / 255.0);
        saturate(color, (1.0 + gain).max(0.0))
    }
}
