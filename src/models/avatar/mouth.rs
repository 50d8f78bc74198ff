//! The shape of a mouth, apart from whose it is.

/// How a mouth stands. All parts are 0 at rest and at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mouth {
    /// How far the jaw has dropped and the lips have parted.
    pub open: f32,
    /// How far the corners are drawn apart, as for i.
    pub spread: f32,
    /// How far the lips are rounded and put forward, as for u.
    pub round: f32,
    /// How much of the upper teeth shows.
    pub teeth: f32,
    /// How high the tongue lies.
    pub tongue: f32,
    /// How firmly the lips are closed, as for m.
    pub press: f32,
    /// How far the lower lip is under the upper teeth, as for f.
    pub tuck: f32,
}

/// Seconds in which two thirds of a way are covered.
const OPENING: f32 = 0.022;
const CLOSING: f32 = 0.062;
const TURNING: f32 = 0.045;
const SEALING: f32 = 0.025;

impl Mouth {
    /// Moves towards a shape as a mouth does: fast to open, slower to close.
    pub fn follow(&mut self, target: &Self, seconds: f32) {
        let sealing = target.press > 0.5;
        let closing = if sealing { SEALING } else { CLOSING };
        approach(&mut self.open, target.open, seconds, OPENING, closing);
        approach(&mut self.spread, target.spread, seconds, TURNING, 1.6 * TURNING);
        approach(&mut self.round, target.round, seconds, TURNING, 1.6 * TURNING);
        approach(&mut self.teeth, target.teeth, seconds, TURNING, 2.0 * TURNING);
        approach(&mut self.tongue, target.tongue, seconds, TURNING, TURNING);
        approach(&mut self.press, target.press, seconds, SEALING, TURNING);
        approach(&mut self.tuck, target.tuck, seconds, SEALING, TURNING);
    }
}

fn approach(value: &mut f32, target: f32, seconds: f32, rising: f32, falling: f32) {
    let time = if target > *value { rising } else { falling };
    *value += (target - *value) * (1.0 - (-seconds / time).exp());
    if target < 1e-3 && *value < 0.012 {
        *value = 0.0;
    }
}
