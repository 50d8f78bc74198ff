//! The brown of toned silver prints.

use super::Modifier;
use crate::models::operators::{blend, gradient, gray_of, ink};

pub(super) struct Sepia(pub f32);

const TONES: [[f32; 3]; 4] = [ink(0x1c_0f06), ink(0x75_4e2c), ink(0xc9_a577), ink(0xff_f4dc)];

impl Modifier for Sepia {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let toned = gradient(&TONES, gray_of(color) / 255.0);
        blend(color, toned, (0.95 * self.0).min(1.0))
    }
}
