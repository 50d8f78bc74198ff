//! Less light, with lights that stay lights.

use super::Modifier;

pub(super) struct Dark(pub f32);

impl Modifier for Dark {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let power = 1.75_f32.powf(self.0);
        color.map(|level| 255.0 * (level / 255.0).powf(power) * (1.0 - 0.08 * self.0))
    }
}
