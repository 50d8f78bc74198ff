//! Any rate to 48 kHz.

use rubato::{
    Resampler as _, SincFixedIn, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

use super::block::{CHANNELS, SAMPLE_RATE};
use crate::error::{Error, ErrorCode, Result};

/// Rates that can be played, samples a second.
pub const MIN_RATE: u32 = 8_000;
/// See [`MIN_RATE`].
pub const MAX_RATE: u32 = 192_000;

/// Checks a rate.
///
/// # Errors
///
/// `InvalidInput`, naming the limits and the rate.
pub fn check_rate(rate: u32) -> Result<()> {
    if (MIN_RATE..=MAX_RATE).contains(&rate) {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "audio: expected {MIN_RATE} to {MAX_RATE} samples a second, got {rate}"
    ))
    .hint("resample it first"))
}

/// Turns pairs of samples at one rate into pairs at 48 kHz, 16 bits each.
pub struct Resampler(Option<Sinc>);

struct Sinc {
    resampler: SincFixedIn<f32>,
    rate: u32,
    /// Samples for the next chunk, by channel.
    input: [Vec<f32>; CHANNELS],
    output: Vec<Vec<f32>>,
    /// Pairs that come out before the first one that went in.
    delay: usize,
    /// Pairs that went in.
    taken: u64,
    /// Pairs that came out.
    made: u64,
}

impl Resampler {
    /// # Errors
    ///
    /// `InvalidInput` if the rate is out of range.
    pub fn new(rate: u32) -> Result<Self> {
        check_rate(rate)?;
        if rate == SAMPLE_RATE {
            return Ok(Self(None));
        }
        let filter = SincInterpolationParameters {
            sinc_len: 128,
            f_cutoff: 0.95,
            oversampling_factor: 128,
            interpolation: SincInterpolationType::Cubic,
            window: WindowFunction::BlackmanHarris2,
        };
        // 10 ms at a time.
        let chunk = rate as usize / 100;
        let ratio = f64::from(SAMPLE_RATE) / f64::from(rate);
        let resampler = SincFixedIn::new(ratio, 1.0, filter, chunk, CHANNELS).map_err(|error| {
            Error::new(ErrorCode::Internal, format!("resampling from {rate} Hz: {error}"))
        })?;
        Ok(Self(Some(Sinc {
            output: resampler.output_buffer_allocate(true),
            // What the resampler calls its delay it does not have: this it has, measured.
            delay: (ratio - 1.0).max(0.0).round() as usize,
            resampler,
            rate,
            input: Default::default(),
            taken: 0,
            made: 0,
        })))
    }

    /// Appends what can be made of `pairs` to `out`; 1.0 is as loud as it gets.
    pub fn push(&mut self, pairs: &[f32], out: &mut Vec<i16>) -> Result<()> {
        let Some(sinc) = &mut self.0 else {
            out.extend(pairs.iter().map(|&sample| to_int(sample)));
            return Ok(());
        };
        sinc.taken += (pairs.len() / CHANNELS) as u64;
        let mut rest = pairs;
        while !rest.is_empty() {
            let room = sinc.resampler.input_frames_next() - sinc.input[0].len();
            let (now, later) = rest.split_at((room * CHANNELS).min(rest.len()));
            for pair in now.chunks_exact(CHANNELS) {
                sinc.input[0].push(pair[0]);
                sinc.input[1].push(pair[1]);
            }
            rest = later;
            if sinc.input[0].len() == sinc.resampler.input_frames_next() {
                sinc.turn(u64::MAX, out)?;
            }
        }
        Ok(())
    }

    /// Appends what is left, so that as much came out as went in.
    pub fn finish(&mut self, out: &mut Vec<i16>) -> Result<()> {
        let Some(sinc) = &mut self.0 else { return Ok(()) };
        let wanted = (sinc.taken * u64::from(SAMPLE_RATE)).div_ceil(u64::from(sinc.rate));
        while sinc.made < wanted {
            let chunk = sinc.resampler.input_frames_next();
            sinc.input.iter_mut().for_each(|channel| channel.resize(chunk, 0.0));
            sinc.turn(wanted, out)?;
        }
        Ok(())
    }
}

impl Sinc {
    /// Resamples one chunk, and appends it up to the pair `end`.
    fn turn(&mut self, end: u64, out: &mut Vec<i16>) -> Result<()> {
        let turned = self.resampler.process_into_buffer(&self.input, &mut self.output, None);
        let (_, made) = turned.map_err(|error| {
            Error::new(ErrorCode::Internal, format!("resampling from {} Hz: {error}", self.rate))
        })?;
        self.input.iter_mut().for_each(Vec::clear);
        let first = self.delay.min(made);
        self.delay -= first;
        let wanted = usize::try_from(end - self.made).unwrap_or(usize::MAX);
        let last = made.min(first.saturating_add(wanted));
        for pair in first..last {
            out.extend(self.output.iter().map(|channel| to_int(channel[pair])));
        }
        self.made += (last - first) as u64;
        Ok(())
    }
}

/// Beyond full scale it stays there; what is not a number is silent.
fn to_int(sample: f32) -> i16 {
    (sample * 32768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(rate: u32, pairs: &[f32]) -> Vec<i16> {
        let mut resampler = Resampler::new(rate).unwrap();
        let mut out = Vec::new();
        // In uneven portions, as they come from a decoder.
        for portion in pairs.chunks(2 * 333) {
            resampler.push(portion, &mut out).unwrap();
        }
        resampler.finish(&mut out).unwrap();
        out
    }

    #[test]
    fn a_tone_keeps_its_place_its_pitch_and_its_level_at_every_rate() {
        for rate in [8_000, 11_025, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000] {
            let pairs: Vec<f32> = (0..rate)
                .flat_map(|n| {
                    let phase = 440.0 * std::f64::consts::TAU * f64::from(n) / f64::from(rate);
                    [(phase.sin() * 0.5) as f32, 0.0]
                })
                .collect();
            let out = resampled(rate, &pairs);
            assert_eq!(out.len(), SAMPLE_RATE as usize * CHANNELS, "{rate}");
            // Away from the edges, where the filter sees silence.
            for n in (2000..46_000).step_by(7) {
                let phase = 440.0 * std::f64::consts::TAU * n as f64 / f64::from(SAMPLE_RATE);
                let wanted = phase.sin() * 0.5 * 32768.0;
                let got = f64::from(out[n * CHANNELS]);
                // As much as it changes within a sample.
                assert!((got - wanted).abs() < 900.0, "{rate} Hz, {n}: {got} for {wanted}");
                assert_eq!(out[n * CHANNELS + 1], 0);
            }
        }
    }

    #[test]
    fn at_48_khz_nothing_changes_and_full_scale_is_kept() {
        let values = [-32768, -12345, -1, 0, 1, 32767];
        let pairs: Vec<f32> =
            values.iter().map(|&value| f32::from(value as i16) / 32768.0).collect();
        assert_eq!(resampled(48_000, &pairs), values.map(|value| value as i16));
        assert_eq!(resampled(48_000, &[2.0, -2.0, f32::NAN, 0.0]), [32767, -32768, 0, 0]);
    }

    #[test]
    fn a_short_clip_is_not_swallowed_by_the_filter() {
        assert_eq!(resampled(8_000, &[0.5, 0.5]).len(), 6 * CHANNELS);
        assert_eq!(resampled(192_000, &[0.5; 2]).len(), CHANNELS);
    }

    #[test]
    fn rates_out_of_range_are_named() {
        for rate in [0, 7_999, 192_001] {
            let error = Resampler::new(rate).map(|_| ()).unwrap_err();
            assert!(error.message.contains(&rate.to_string()), "{error}");
        }
    }
}
