//! More light, most in the middle tones.

use super::Modifier;

pub(super) struct Bright(pub f32);

impl Modifier for Bright {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let power = 0.62_f32.powf(self.0);
        color.map(|level| 255.0 * (level / 255.0).powf(power))
    }
}
