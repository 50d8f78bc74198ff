//! Lifted blacks and gray whites, as on old prints.

use super::Modifier;
use crate::models::operators::saturate;

pub(super) struct Faded(pub f32);

impl Modifier for Faded {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.0;
        let soft = saturate(color, 1.0 - 0.25 * s);
        let lift = [36.0, 34.0, 40.0];
        std::array::from_fn(|c| soft[c] * (1.0 - 0.24 * s) + lift[c] * s)
    }
}
