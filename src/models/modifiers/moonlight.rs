//! Moonlight: silver blue, nearly without color, with clear lights.

use super::Modifier;
use crate::models::operators::{blend, gray_of, saturate};

pub(super) struct Moonlight(pub f32);

impl Modifier for Moonlight {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = gray_of(color) / 255.0;
        let calm = saturate(color, 0.25);
        let light = 0.25 + 0.55 * t * t;
        let made = [calm[0] * light * 0.8, calm[1] * light * 0.98, calm[2] * light * 1.25 + 10.0];
        blend(color, made, self.0.min(1.1))
    }
}
