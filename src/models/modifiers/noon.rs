//! Noon: white light from above, clear colors.

use super::Modifier;
use crate::models::operators::{blend, saturate};

pub(super) struct Noon(pub f32);

impl Modifier for Noon {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let lit = saturate(color, 1.2).map(|level| 255.0 * (level / 255.0).max(0.0).powf(0.78));
        let lit = [lit[0] * 1.02, lit[1] * 1.02, lit[2] * 1.0];
        blend(color, lit, self.0.min(1.4))
    }
}
