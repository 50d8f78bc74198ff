//! Linear prediction: the resonances of a voice without its pitch.
//!
//! Autocorrelation method and Levinson-Durbin recursion, as in Makhoul, "Linear prediction: a
//! tutorial review", Proceedings of the IEEE, 1975.

/// Two poles for each formant below 6 kHz, and two for the tilt.
pub(super) const ORDER: usize = 12;

/// The coefficients of the predictor, the first is 1. None: there is nothing to predict.
pub(super) fn predictor(samples: &[f32]) -> Option<[f32; ORDER + 1]> {
    let count = samples.len();
    let mut windowed = vec![0.0; count];
    let mut last = 0.0;
    for (at, (out, &sample)) in windowed.iter_mut().zip(samples).enumerate() {
        let phase = 2.0 * std::f32::consts::PI * (at as f32 + 0.5) / count as f32;
        // The tilt of a voice would take all poles.
        *out = (sample - 0.9 * last) * (0.54 - 0.46 * phase.cos());
        last = sample;
    }
    let mut correlation = [0.0; ORDER + 1];
    for (lag, value) in correlation.iter_mut().enumerate() {
        *value = windowed[lag..].iter().zip(&windowed).map(|(a, b)| a * b).sum();
    }
    if correlation[0] < 1e-9 {
        return None;
    }
    // A little white noise, and wider peaks than those of single harmonics.
    correlation[0] *= 1.0005;
    for (lag, value) in correlation.iter_mut().enumerate() {
        let width = 2.0 * std::f32::consts::PI * 60.0 / 12_000.0 * lag as f32;
        *value *= (-0.5 * width * width).exp();
    }
    let mut coefficients = [0.0; ORDER + 1];
    coefficients[0] = 1.0;
    let mut error = correlation[0];
    for order in 1..=ORDER {
        let sum: f32 = (0..order).map(|at| coefficients[at] * correlation[order - at]).sum();
        let reflection = -sum / error;
        let before = coefficients;
        for at in 1..=order {
            coefficients[at] = before[at] + reflection * before[order - at];
        }
        error *= 1.0 - reflection * reflection;
        if error <= 0.0 {
            return None;
        }
    }
    Some(coefficients)
}

/// Heights of the resonances at multiples of `step` (in parts of the sample rate), the highest is 1.
pub(super) fn envelope<const COUNT: usize>(
    coefficients: &[f32; ORDER + 1],
    step: f32,
) -> [f32; COUNT] {
    let mut heights = [0.0; COUNT];
    for (at, height) in heights.iter_mut().enumerate() {
        let angle = 2.0 * std::f32::consts::PI * step * at as f32;
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (power, coefficient) in coefficients.iter().enumerate() {
            let (sin, cos) = (angle * power as f32).sin_cos();
            real += coefficient * cos;
            imaginary -= coefficient * sin;
        }
        *height = 1.0 / (real * real + imaginary * imaginary).max(1e-9);
    }
    let highest = heights.iter().copied().fold(1e-9, f32::max);
    heights.map(|height| height / highest)
}
