//! Darker darks and brighter lights.

use super::Modifier;
use crate::models::operators::mix;

pub(super) struct Contrast(pub f32);

impl Modifier for Contrast {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        color.map(|level| {
            let t = level / 255.0;
            let steep = t * t * (3.0 - 2.0 * t) * 255.0;
            if self.0 >= 0.0 {
                mix(level, steep, 0.75 * self.0)
            } else {
                mix(level, 128.0, -0.5 * self.0)
            }
        })
    }
}
