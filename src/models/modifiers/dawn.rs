//! Dawn: pale pink light, blue shadows, low contrast.

use super::Modifier;
use crate::models::operators::{blend, gray_of, smooth};

pub(super) struct Dawn(pub f32);

impl Modifier for Dawn {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = smooth(gray_of(color), 30.0, 220.0);
        let light = blend([-6.0, -4.0, 34.0], [42.0, 8.0, -6.0], t);
        let soft = color.map(|level| level * 0.82 + 26.0);
        let made = std::array::from_fn(|c| soft[c] + light[c]);
        blend(color, made, self.0.min(1.4))
    }
}
