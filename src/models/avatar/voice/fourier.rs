//! The power spectrum of a short piece of sound.

/// Samples of a piece: 21 ms at 48 kHz.
pub(super) const POINTS: usize = 1024;

/// Power at each multiple of the sample rate / [`POINTS`], below half of it.
pub(super) fn power_spectrum(samples: &[f32]) -> [f32; POINTS / 2] {
    let mut real = [0.0; POINTS];
    let mut imaginary = [0.0; POINTS];
    let bits = POINTS.trailing_zeros();
    for (at, &sample) in samples.iter().take(POINTS).enumerate() {
        let phase = 2.0 * std::f32::consts::PI * (at as f32 + 0.5) / POINTS as f32;
        let to = at.reverse_bits() >> (usize::BITS - bits);
        real[to] = sample * (0.5 - 0.5 * phase.cos());
    }
    let mut half = 1;
    while half < POINTS {
        let (sin, cos) = (-std::f32::consts::PI / half as f32).sin_cos();
        for start in (0..POINTS).step_by(2 * half) {
            let (mut wr, mut wi) = (1.0, 0.0);
            for at in start..start + half {
                let other = at + half;
                let tr = wr * real[other] - wi * imaginary[other];
                let ti = wr * imaginary[other] + wi * real[other];
                (real[other], imaginary[other]) = (real[at] - tr, imaginary[at] - ti);
                real[at] += tr;
                imaginary[at] += ti;
                (wr, wi) = (wr * cos - wi * sin, wr * sin + wi * cos);
            }
        }
        half *= 2;
    }
    let mut power = [0.0; POINTS / 2];
    for (at, power) in power.iter_mut().enumerate() {
        *power = real[at] * real[at] + imaginary[at] * imaginary[at];
    }
    power
}
