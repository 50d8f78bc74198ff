//! Dusk: the blue hour, with the last violet in the lights.

use super::Modifier;
use crate::models::operators::{blend, gray_of, saturate, smooth};

pub(super) struct Dusk(pub f32);

impl Modifier for Dusk {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = smooth(gray_of(color), 20.0, 230.0);
        let calm = saturate(color, 0.75);
        let gain = blend([0.42, 0.48, 0.82], [0.78, 0.62, 0.98], t);
        let made = std::array::from_fn(|c| calm[c] * gain[c] + [4.0, 4.0, 18.0][c]);
        blend(color, made, self.0.min(1.2))
    }
}
