//! Cooler colors, as in the shade of a clear day.

use super::Modifier;

pub(super) struct Cool(pub f32);

impl Modifier for Cool {
    fn grade(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let s = self.0;
        [r * (1.0 - 0.18 * s) - 2.0 * s, g * (1.0 - 0.01 * s), b * (1.0 + 0.13 * s) + 8.0 * s]
    }
}
