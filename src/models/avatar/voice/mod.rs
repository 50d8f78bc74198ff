//! From a voice to a mouth: what is heard in steps of 10 ms becomes a shape of the lips.
//!
//! ```text
//! 48 kHz ─> Ear (level, voicing, formants, bands) ─> target ─> smoothing ─> Mouth
//! ```
//!
//! Causal: a step knows nothing of the next. Its window reaches 30 ms back, so the shape is that of
//! about [`LAG`] before the newest sample.

mod ear;
mod fourier;
mod predict;

use super::mouth::Mouth;
use ear::{Ear, Heard};

/// Samples of one step, at 48 kHz.
pub const STEP: usize = 480;
/// Seconds of one step.
const SECONDS: f32 = 0.01;
/// How far the shape lies behind the newest sample, in samples.
pub const LAG: usize = 3 * STEP;

/// Levels in decibels below full scale.
const QUIETEST: f32 = -54.0;
/// How much louder than what is always there a voice has to be.
const ABOVE_FLOOR: f32 = 9.0;
/// What is this much weaker than the voice is not the voice.
const RANGE: f32 = 30.0;

/// Hears a voice and says how its mouth stands.
pub struct Voice {
    ear: Ear,
    pending: Vec<f32>,
    /// The level of what is always there.
    floor: f32,
    /// The level of the voice at its loudest, lately.
    loudest: f32,
    before: f32,
    burst: f32,
    target: Mouth,
    mouth: Mouth,
    stress: f32,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            ear: Ear::default(),
            pending: Vec::with_capacity(2 * STEP),
            floor: -66.0,
            loudest: -24.0,
            before: -90.0,
            burst: 0.0,
            target: Mouth::default(),
            mouth: Mouth::default(),
            stress: 0.0,
        }
    }
}

impl Voice {
    /// Hears pairs of samples, of any number; what does not fill a step waits for the next.
    pub fn hear(&mut self, pairs: &[i16]) {
        for pair in pairs.chunks_exact(2) {
            self.pending.push((f32::from(pair[0]) + f32::from(pair[1])) / 65_536.0);
            if self.pending.len() == STEP {
                self.step();
                self.pending.clear();
            }
        }
    }

    /// The mouth at present.
    pub fn mouth(&self) -> Mouth {
        self.mouth
    }

    /// How strongly a syllable is being stressed, 0 to 1.
    pub fn stress(&self) -> f32 {
        self.stress
    }

    fn step(&mut self) {
        let heard = self.ear.hear(&self.pending);
        let loudness = self.loudness(heard.level);
        self.target = self.shape(&heard, loudness);
        let rise = ((heard.level - self.before) / 12.0).clamp(0.0, 1.0) * loudness;
        self.before += (heard.level - self.before) * 0.25;
        self.stress += (rise * heard.voicing - self.stress) * 0.2;
        self.mouth.follow(&self.target, SECONDS);
    }

    /// How loud it is for this voice in this place, 0 to 1; 0 for what is no voice.
    fn loudness(&mut self, level: f32) -> f32 {
        // What is always there is the quietest of late: down at once, up slowly.
        if level < self.floor {
            self.floor += (level - self.floor) * 0.3;
        } else {
            self.floor += 2.5 * SECONDS;
        }
        self.floor = self.floor.clamp(-80.0, -28.0);
        if level > self.loudest {
            self.loudest += (level - self.loudest) * 0.2;
        } else if level > self.floor + ABOVE_FLOOR {
            self.loudest -= 1.5 * SECONDS;
        }
        self.loudest = self.loudest.clamp(-40.0, -6.0);
        let quietest = QUIETEST.max(self.floor + ABOVE_FLOOR).max(self.loudest - RANGE);
        ((level - quietest) / (self.loudest - quietest).max(6.0)).clamp(0.0, 1.0)
    }

    fn shape(&mut self, heard: &Heard, loudness: f32) -> Mouth {
        // A stop lets go: open for a moment, whatever follows.
        let sudden = ramp(heard.level - self.before, 14.0, 26.0) * loudness;
        self.burst = (self.burst * 0.72).max(sudden);
        let voiced = ramp(heard.voicing, 0.42, 0.72) * heard.voice_like;
        let strength = loudness.powf(0.95);
        let nasal = heard.nasal * voiced;
        let height = ramp_linear(heard.first_formant, 270.0, 740.0);
        let vowel = (0.24 + 0.76 * height) * strength * voiced * (1.0 - 0.97 * nasal);
        let hiss = (1.0 - voiced) * ramp(loudness, 0.02, 0.25) * heard.friction;
        let (sharp, soft) = (hiss * heard.sharpness, hiss * (1.0 - heard.sharpness));
        let present = ramp(loudness, 0.0, 0.2);
        let spoken = present * voiced * (1.0 - nasal);
        let rounding = heard.rounding * spoken * (1.0 - 0.55 * height);
        Mouth {
            open: vowel
                .max(0.13 * sharp)
                .max(0.07 * soft)
                .max(0.20 * self.burst * (1.0 - nasal))
                .min(1.0),
            spread: (heard.frontness * spoken).max(0.55 * sharp),
            round: rounding.max(0.0),
            teeth: (0.35 * spoken + 0.55 * heard.frontness * spoken)
                .max(sharp)
                .max(0.7 * soft)
                .min(1.0),
            tongue: (heard.frontness * spoken * (1.0 - 0.5 * height)).max(0.3 * sharp),
            press: nasal * present,
            tuck: soft * 0.9,
        }
    }
}

/// 0 below `low`, 1 above `high`, smooth between.
fn ramp(value: f32, low: f32, high: f32) -> f32 {
    let t = ramp_linear(value, low, high);
    t * t * (3.0 - 2.0 * t)
}

fn ramp_linear(value: f32, low: f32, high: f32) -> f32 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}
