//! Summer: full greens and blues under a yellow sun.

use super::Modifier;
use crate::models::operators::{blend, saturate};

pub(super) struct Summer(pub f32);

impl Modifier for Summer {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let full = saturate(color, 1.35);
        let made = [full[0] * 1.06 + 8.0, full[1] * 1.05 + 6.0, full[2] * 0.93];
        blend(color, made, self.0.min(1.3))
    }
}
