//! Autumn: what is green turns orange and red.

use super::Modifier;
use crate::models::operators::{blend, gray_of, ramp};

pub(super) struct Autumn(pub f32);

impl Modifier for Autumn {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = color;
        let gray = gray_of(color);
        // Leaves are greener than blue; skies are left alone.
        let green = ramp(g - b, 4.0, 34.0) * ramp(g - r, -42.0, -4.0);
        let leaf = [gray * 1.35 + 36.0, gray * 0.72 + 4.0, gray * 0.22];
        let turned = blend(color, leaf, green);
        let made = [turned[0] * 1.06 + 4.0, turned[1] * 0.97, turned[2] * 0.86];
        blend(color, made, self.0.min(1.2))
    }
}
