//! Warmer colors, as under a low lamp.

use super::Modifier;

pub(super) struct Warm(pub f32);

impl Modifier for Warm {
    fn grade(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let s = self.0;
        [r * (1.0 + 0.13 * s) + 5.0 * s, g * (1.0 + 0.02 * s), b * (1.0 - 0.2 * s) - 2.0 * s]
    }
}
