//! Winter: greens gone to gray and white, cold pale light.

use super::Modifier;
use crate::models::operators::{blend, gray_of, ramp, saturate};

pub(super) struct Winter(pub f32);

impl Modifier for Winter {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = color;
        let gray = gray_of(color);
        let green = ramp(g - b, 0.0, 30.0) * ramp(g - r, -30.0, 0.0);
        // Frost lies on leaves and grass.
        let frost = [gray * 0.6 + 105.0, gray * 0.6 + 112.0, gray * 0.6 + 122.0];
        let cold = saturate(blend(color, frost, green * 0.85), 0.6);
        let made = [cold[0] * 0.94 + 6.0, cold[1] * 0.98 + 10.0, cold[2] * 1.02 + 20.0];
        blend(color, made, self.0.min(1.2))
    }
}
