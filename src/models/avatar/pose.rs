//! How a face stands at one moment.

use super::mouth::Mouth;

/// A pose. All of it is 0 for the portrait as it is, but for a mouth that is open there.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    pub mouth: Mouth,
    /// 1 smiles, -1 draws the corners down.
    pub smile: f32,
    /// 1 raises the brows, -1 lowers them.
    pub brows: f32,
    /// 1 draws the inner ends of the brows down and together.
    pub frown: f32,
    /// 1 narrows the eyes from below.
    pub squint: f32,
    /// How far the lids are down: 1 closes.
    pub lids: f32,
    /// Where the eyes look, -1 to 1: to the right of the picture, and down.
    pub gaze: (f32, f32),
    /// Turns of the head in radians: to the right of the picture, down, and over the right shoulder
    /// of the picture.
    pub yaw: f32,
    pub pitch: f32,
    pub roll: f32,
    /// How far the head is moved, in distances of the eyes.
    pub shift: (f32, f32),
}

/// The most that a face turns, in radians.
const MOST_YAW: f32 = 0.20;
const MOST_PITCH: f32 = 0.12;
const MOST_ROLL: f32 = 0.06;
const MOST_SHIFT: f32 = 0.09;

impl Pose {
    /// The nearest pose that a face can reach: beyond it the picture would fold.
    pub fn limited(mut self) -> Self {
        let mouth = &mut self.mouth;
        for part in [
            &mut mouth.open,
            &mut mouth.spread,
            &mut mouth.round,
            &mut mouth.teeth,
            &mut mouth.tongue,
            &mut mouth.press,
            &mut mouth.tuck,
            &mut self.frown,
            &mut self.squint,
            &mut self.lids,
        ] {
            *part = part.clamp(0.0, 1.0);
        }
        // Lips that are parted are not pressed.
        mouth.press = mouth.press.min(1.0 - mouth.open);
        mouth.tuck = mouth.tuck.min(1.0 - mouth.open);
        for part in [&mut self.smile, &mut self.brows, &mut self.gaze.0, &mut self.gaze.1] {
            *part = part.clamp(-1.0, 1.0);
        }
        self.yaw = self.yaw.clamp(-MOST_YAW, MOST_YAW);
        self.pitch = self.pitch.clamp(-MOST_PITCH, MOST_PITCH);
        self.roll = self.roll.clamp(-MOST_ROLL, MOST_ROLL);
        self.shift.0 = self.shift.0.clamp(-MOST_SHIFT, MOST_SHIFT);
        self.shift.1 = self.shift.1.clamp(-MOST_SHIFT, MOST_SHIFT);
        self
    }
}
