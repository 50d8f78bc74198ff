//! Sunny: warm clear light and blue shadows.

use super::Modifier;
use crate::models::operators::{blend, gray_of, saturate, smooth};

pub(super) struct Sunny(pub f32);

impl Modifier for Sunny {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = smooth(gray_of(color), 50.0, 200.0);
        let clear = saturate(color, 1.22);
        let gain = blend([0.92, 0.96, 1.06], [1.14, 1.09, 0.96], t);
        let made = std::array::from_fn(|c| clear[c] * gain[c] + 10.0 * t);
        blend(color, made, self.0.min(1.3))
    }
}
