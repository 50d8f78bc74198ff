//! What is in a sound: level, voicing, formants and the balance of its bands.

use super::fourier::{POINTS, power_spectrum};
use super::predict::{ORDER, envelope, predictor};
use super::{STEP, ramp};

/// Every fourth sample is enough for formants and pitch: 12 kHz.
const DECIMATION: usize = 4;
const SLOW_RATE: f32 = 48_000.0 / DECIMATION as f32;
/// 30 ms at the slow rate.
const WINDOW: usize = 360;
/// Pitch from 70 to 400 Hz, in samples at the slow rate.
const SHORTEST_PERIOD: usize = 30;
const LONGEST_PERIOD: usize = 171;
const TAPS: usize = 32;
const BIN: f32 = 48_000.0 / POINTS as f32;

/// What was heard in a step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    /// Decibels below full scale.
    pub level: f32,
    /// How periodic it is, 0 to 1.
    pub voicing: f32,
    /// How much the spectrum is that of a voice and not of a tone or a chord, 0 to 1.
    pub voice_like: f32,
    /// The first formant in Hz.
    pub first_formant: f32,
    /// How far at the front the tongue is: 1 for i, 0 for a, o and u.
    pub frontness: f32,
    /// 1 for o and u.
    pub rounding: f32,
    /// 1 for m and n.
    pub nasal: f32,
    /// How much it is a hiss, 0 to 1.
    pub friction: f32,
    /// Of a hiss: 1 for s, 0 for f.
    pub sharpness: f32,
}

pub(super) struct Ear {
    recent: Vec<f32>,
    slow: Vec<f32>,
    low_pass: [f32; TAPS],
    carried: (f32, f32),
    formant: f32,
    bands: [f32; BANDS.len()],
}

/// Limits in Hz of the bands whose balance tells sounds apart.
const BANDS: [(f32, f32); 7] = [
    (120.0, 420.0),
    (500.0, 3000.0),
    (600.0, 1350.0),
    (1600.0, 2900.0),
    (150.0, 1000.0),
    (1050.0, 3000.0),
    (4200.0, 10_000.0),
];

impl Default for Ear {
    fn default() -> Self {
        Self {
            recent: vec![0.0; POINTS],
            slow: vec![0.0; WINDOW + LONGEST_PERIOD],
            low_pass: low_pass(),
            carried: (0.0, 0.0),
            formant: 500.0,
            bands: [0.0; BANDS.len()],
        }
    }
}

impl Ear {
    /// Hears [`STEP`] samples, -1 to 1.
    pub fn hear(&mut self, samples: &[f32]) -> Heard {
        self.recent.drain(..STEP);
        // Hum and rumble below 80 Hz are no voice.
        for &sample in samples {
            let (last, out) = self.carried;
            let passed = 0.9895 * (out + sample - last);
            self.carried = (sample, passed);
            self.recent.push(passed);
        }
        let newest = &self.recent[POINTS - STEP..];
        let power = newest.iter().map(|sample| sample * sample).sum::<f32>() / STEP as f32;
        let level = 10.0 * (power + 1e-9).log10();
        self.slow_down();
        if level < -70.0 {
            return Heard { level, first_formant: self.formant, ..Heard::default() };
        }
        let (voicing, period) = self.voicing();
        let spectrum = power_spectrum(&self.recent);
        for (band, (low, high)) in self.bands.iter_mut().zip(BANDS) {
            let bins = (low / BIN) as usize..(high / BIN) as usize;
            // The mean of two steps: one period may fall badly into a window.
            *band = 0.5 * (*band + spectrum[bins].iter().sum::<f32>() + 1e-9);
        }
        let [lowest, above, middle, front, low, high, top] = self.bands;
        let first = self.first_formant();
        self.formant += (first - self.formant) * 0.45;
        let ratio = |a: f32, b: f32| 10.0 * (a / b).log10();
        let frontness = ramp(ratio(front, middle), -9.0, 6.0);
        let open = ramp(self.formant, 420.0, 640.0);
        Heard {
            level,
            voicing,
            voice_like: voice_like(&spectrum, SLOW_RATE / period.max(1) as f32),
            first_formant: self.formant,
            frontness,
            rounding: ramp(ratio(low, high), 7.0, 19.0) * (1.0 - frontness),
            nasal: ramp(ratio(lowest, above), 15.0, 21.0) * (1.0 - open),
            friction: ramp(ratio(above + top, lowest), -4.0, 6.0),
            sharpness: ramp(ratio(top, above), 4.0, 11.0),
        }
    }

    /// Appends the newest samples at the slow rate.
    fn slow_down(&mut self) {
        self.slow.drain(..STEP / DECIMATION);
        let first = POINTS - STEP;
        for at in (first..POINTS).step_by(DECIMATION) {
            let window = &self.recent[at + 1 - TAPS..=at];
            let sum = window.iter().zip(&self.low_pass).map(|(a, b)| a * b).sum();
            self.slow.push(sum);
        }
    }

    /// The best agreement of the last 30 ms with what was before, and the distance of that.
    fn voicing(&self) -> (f32, usize) {
        let end = self.slow.len();
        let now = &self.slow[end - WINDOW..];
        let energy = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
        let own = energy(now);
        let mut best = (0.0_f32, LONGEST_PERIOD);
        for lag in SHORTEST_PERIOD..=LONGEST_PERIOD {
            let then = &self.slow[end - WINDOW - lag..end - lag];
            let product: f32 = now.iter().zip(then).map(|(a, b)| a * b).sum();
            let agreement = product / (own * energy(then)).sqrt().max(1e-9);
            // Multiples of the period agree as well: the shortest is meant.
            if agreement > best.0 + 0.02 {
                best = (agreement, lag);
            }
        }
        (best.0.clamp(0.0, 1.0), best.1)
    }

    fn first_formant(&self) -> f32 {
        let window = &self.slow[self.slow.len() - WINDOW..];
        let Some(predictor) = predictor(window) else { return self.formant };
        let step = 25.0;
        let heights = envelope::<56>(&predictor, step / SLOW_RATE);
        let places = 8..=42; // 200 to 1050 Hz
        let peak = places.clone().find(|&at| {
            heights[at] >= heights[at - 1] && heights[at] > heights[at + 1] && heights[at] > 0.05
        });
        match peak {
            Some(at) => {
                // Between the steps by the parabola through three of them.
                let [a, b, c] = [heights[at - 1], heights[at], heights[at + 1]];
                let shift = 0.5 * (a - c) / (a - 2.0 * b + c).min(-1e-9);
                (at as f32 + shift.clamp(-0.5, 0.5)) * step
            }
            None => {
                let sum: f32 = heights[places.clone()].iter().sum();
                let moment: f32 = places.map(|at| at as f32 * heights[at]).sum();
                moment / sum.max(1e-9) * step
            }
        }
    }
}

/// A voice has many harmonics with valleys between; a whistle has one, a chord no common ones.
fn voice_like(spectrum: &[f32], pitch: f32) -> f32 {
    let at = |hertz: f32| ((hertz / BIN).round() as usize).min(spectrum.len() - 2);
    let around = |hertz: f32| {
        let bin = at(hertz);
        spectrum[bin - 1..=bin + 1].iter().sum::<f32>()
    };
    let total: f32 = spectrum[at(80.0)..at(4000.0)].iter().sum::<f32>() + 1e-12;
    let strongest = spectrum[at(80.0)..at(4000.0)]
        .windows(3)
        .map(|three| three.iter().sum::<f32>())
        .fold(0.0, f32::max);
    let count = (3200.0 / pitch) as usize;
    let held: f32 = (1..=count).map(|number| around(pitch * number as f32)).sum();
    // Low voices have their harmonics closer than the spectrum can tell: all of it is theirs.
    let resolved = ramp(pitch, 110.0, 200.0);
    let harmonic = ramp(held / total, 0.5, 0.8);
    let tone = ramp(strongest / total, 0.955, 0.992);
    (1.0 - resolved * (1.0 - harmonic)) * (1.0 - 0.85 * tone)
}

/// Passes what is below 5 kHz.
fn low_pass() -> [f32; TAPS] {
    let mut taps = [0.0; TAPS];
    let middle = (TAPS - 1) as f32 / 2.0;
    for (at, tap) in taps.iter_mut().enumerate() {
        let x = (at as f32 - middle) * std::f32::consts::PI * 2.0 * 5000.0 / 48_000.0;
        let sinc = if x.abs() < 1e-6 { 1.0 } else { x.sin() / x };
        let phase = 2.0 * std::f32::consts::PI * (at as f32 + 0.5) / TAPS as f32;
        *tap = sinc * (0.54 - 0.46 * phase.cos());
    }
    let sum: f32 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

// The order of the predictor is fixed with the slow rate in mind.
const _: () = assert!(ORDER < WINDOW);
