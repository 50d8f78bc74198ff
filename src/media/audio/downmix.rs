//! From any number of channels to two.

use symphonia::core::audio::Channels;

use super::block::CHANNELS;
use crate::error::{Error, Result};

/// Left, right, centre, low frequencies, and four around.
pub const MAX_CHANNELS: usize = 8;
/// How much of the centre and of those around goes to each side: 3 dB less.
const ASIDE: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Checks a number of channels.
///
/// # Errors
///
/// `InvalidInput`, naming the limits and the number.
pub fn check_channels(channels: usize) -> Result<()> {
    if (1..=MAX_CHANNELS).contains(&channels) {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "audio: expected 1 to {MAX_CHANNELS} channels, got {channels}"
    ))
    .hint("mix it down to one or two first"))
}

/// How much of each channel goes to the left and to the right.
#[derive(Debug, Default)]
pub struct Downmix(Vec<[f32; CHANNELS]>);

impl Downmix {
    /// For channels whose places are known.
    pub(super) fn by_place(channels: Channels) -> Self {
        if channels.count() == 1 {
            return Self(vec![[1.0, 1.0]]);
        }
        let places = channels.iter().map(|channel| match channel {
            Channels::FRONT_LEFT | Channels::FRONT_LEFT_WIDE | Channels::FRONT_LEFT_CENTRE => {
                [1.0, 0.0]
            }
            Channels::FRONT_RIGHT | Channels::FRONT_RIGHT_WIDE | Channels::FRONT_RIGHT_CENTRE => {
                [0.0, 1.0]
            }
            Channels::REAR_LEFT | Channels::SIDE_LEFT | Channels::REAR_LEFT_CENTRE => [ASIDE, 0.0],
            Channels::REAR_RIGHT | Channels::SIDE_RIGHT | Channels::REAR_RIGHT_CENTRE => {
                [0.0, ASIDE]
            }
            // Not made to be heard on small loudspeakers.
            Channels::LFE1 | Channels::LFE2 => [0.0, 0.0],
            _ => [ASIDE, ASIDE],
        });
        Self(normalized(places.collect()))
    }

    /// For samples of which nobody says what each channel is: in the order of WAV.
    pub fn by_count(channels: usize) -> Self {
        const FRONT: Channels = Channels::FRONT_LEFT.union(Channels::FRONT_RIGHT);
        const REAR: Channels = Channels::REAR_LEFT.union(Channels::REAR_RIGHT);
        const CENTRE: Channels = Channels::FRONT_CENTRE;
        let places = match channels {
            1 => CENTRE,
            2 => FRONT,
            3 => FRONT.union(CENTRE),
            4 => FRONT.union(REAR),
            5 => FRONT.union(CENTRE).union(REAR),
            6 => FRONT.union(CENTRE).union(Channels::LFE1).union(REAR),
            7 => FRONT.union(CENTRE).union(Channels::LFE1).union(REAR).union(Channels::REAR_CENTRE),
            _ => FRONT
                .union(CENTRE)
                .union(Channels::LFE1)
                .union(REAR)
                .union(Channels::SIDE_LEFT)
                .union(Channels::SIDE_RIGHT),
        };
        Self::by_place(places)
    }

    pub fn channels(&self) -> usize {
        self.0.len()
    }

    /// Left and right of a moment, of which `value` gives the channels.
    pub fn pair(&self, value: impl Fn(usize) -> f32) -> [f32; CHANNELS] {
        let mut pair = [0.0; CHANNELS];
        for (channel, weights) in self.0.iter().enumerate() {
            let value = value(channel);
            pair[0] += weights[0] * value;
            pair[1] += weights[1] * value;
        }
        pair
    }
}

/// Scales weights so that full scale on every channel is full scale on both sides.
fn normalized(mut mix: Vec<[f32; CHANNELS]>) -> Vec<[f32; CHANNELS]> {
    for side in 0..CHANNELS {
        let sum: f32 = mix.iter().map(|weights| weights[side]).sum();
        if sum > 1.0 {
            for weights in &mut mix {
                weights[side] /= sum;
            }
        }
    }
    mix
}
