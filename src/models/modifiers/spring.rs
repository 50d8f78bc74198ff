//! Spring: fresh greens, a breath of blossom over everything pale.

use super::Modifier;
use crate::models::operators::{blend, gray_of, saturate, smooth};

pub(super) struct Spring(pub f32);

impl Modifier for Spring {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = color;
        let pale = smooth(gray_of(color), 120.0, 240.0);
        let green = ((g - r.max(b)) / 40.0).clamp(0.0, 1.0);
        let bright = saturate(color, 1.12).map(|level| level * 0.9 + 24.0);
        let made = [
            bright[0] + 24.0 * pale - 6.0 * green,
            bright[1] + 20.0 * green - 6.0 * pale,
            bright[2] + 16.0 * pale - 14.0 * green,
        ];
        blend(color, made, self.0.min(1.3))
    }
}
