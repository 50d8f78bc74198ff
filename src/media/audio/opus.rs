//! Opus (RFC 6716) by way of libopus: always 48 kHz and stereo, as WebRTC has it (RFC 7587).

use bytes::Bytes;
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

use super::block::{BLOCK, CHANNELS, SAMPLE_RATE};
use crate::error::{Error, ErrorCode, Result};

/// Transparent for speech and good for music; a fraction of what the video takes.
const BITRATE: i32 = 96_000;
/// Of 0 to 10: above it takes more time than it gives quality at this bitrate.
const COMPLEXITY: i32 = 5;
/// What the redundancy in speech is made for, in percent.
const EXPECTED_LOSS: i32 = 5;
/// The most that RFC 6716 allows in one packet: 120 ms.
const MAX_PACKET_SAMPLES: usize = 5760;
/// Far more than a packet of this bitrate takes, and less than a datagram.
const MAX_PACKET_BYTES: usize = 1200;

fn failed(what: &str, error: &opus::Error) -> Error {
    Error::new(ErrorCode::Codec, format!("{what}: {}", error.description()))
}

/// Turns blocks into packets.
pub struct OpusEncoder {
    encoder: Encoder,
    packet: Vec<u8>,
}

impl OpusEncoder {
    pub fn new() -> Result<Self> {
        let made = (|| {
            let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio)?;
            encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
            encoder.set_complexity(COMPLEXITY)?;
            encoder.set_inband_fec(true)?;
            encoder.set_packet_loss_perc(EXPECTED_LOSS)?;
            Ok(encoder)
        })();
        let encoder = made.map_err(|error| failed("the audio encoder cannot start", &error))?;
        Ok(Self { encoder, packet: vec![0; MAX_PACKET_BYTES] })
    }

    /// Encodes [`BLOCK`] pairs of samples.
    ///
    /// # Errors
    ///
    /// `Codec` if there are more or fewer, or if encoding failed.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Bytes> {
        if samples.len() != BLOCK * CHANNELS {
            return Err(Error::new(
                ErrorCode::Codec,
                format!("expected {} samples in a block, got {}", BLOCK * CHANNELS, samples.len()),
            ));
        }
        let encoded = self.encoder.encode(samples, &mut self.packet);
        let len = encoded.map_err(|error| failed("encoding audio", &error))?;
        Ok(Bytes::copy_from_slice(&self.packet[..len]))
    }
}

/// Turns packets into samples, and makes up what is missing.
pub struct OpusDecoder {
    decoder: Decoder,
    samples: Vec<i16>,
}

impl OpusDecoder {
    pub fn new() -> Result<Self> {
        let decoder = Decoder::new(SAMPLE_RATE, Channels::Stereo)
            .map_err(|error| failed("the audio decoder cannot start", &error))?;
        Ok(Self { decoder, samples: vec![0; MAX_PACKET_SAMPLES * CHANNELS] })
    }

    /// Decodes one packet to pairs of samples, 2.5 to 120 ms.
    ///
    /// # Errors
    ///
    /// `Codec` if the packet is damaged.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16]> {
        if packet.is_empty() {
            // libopus would take it for a lost one.
            return Err(Error::new(ErrorCode::Codec, "an audio packet without content"));
        }
        let decoded = self.decoder.decode(packet, &mut self.samples, false);
        let pairs = decoded.map_err(|error| failed("decoding audio", &error))?;
        Ok(&self.samples[..pairs * CHANNELS])
    }

    /// Makes up for a lost packet of `pairs` pairs: from the redundancy in `next`, the packet behind
    /// it, if that has any, else from what came before.
    pub fn conceal(&mut self, pairs: usize, next: Option<&[u8]>) -> &[i16] {
        // libopus conceals in steps of 2.5 ms.
        let step = SAMPLE_RATE as usize / 400;
        let pairs = pairs.clamp(step, MAX_PACKET_SAMPLES) / step * step;
        let room = &mut self.samples[..pairs * CHANNELS];
        let made = match next.filter(|packet| !packet.is_empty()) {
            Some(next) => self.decoder.decode(next, room, true),
            None => self.decoder.decode(&[], room, false),
        };
        if made.is_err() {
            room.fill(0);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(first: usize) -> Vec<i16> {
        (first..first + BLOCK)
            .flat_map(|n| {
                let phase = n as f32 * 440.0 * std::f32::consts::TAU / SAMPLE_RATE as f32;
                [(phase.sin() * 8000.0) as i16; CHANNELS]
            })
            .collect()
    }

    fn level(samples: &[i16]) -> f64 {
        let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        (energy / samples.len() as f64).sqrt()
    }

    #[test]
    fn a_tone_comes_back_as_loud_as_it_went() {
        let (mut encoder, mut decoder) = (OpusEncoder::new().unwrap(), OpusDecoder::new().unwrap());
        let mut last = Vec::new();
        for block in 0..10 {
            let packet = encoder.encode(&tone(block * BLOCK)).unwrap();
            assert!(packet.len() < 400, "{} bytes", packet.len());
            last = decoder.decode(&packet).unwrap().to_vec();
        }
        assert_eq!(last.len(), BLOCK * CHANNELS);
        let (sent, got) = (level(&tone(0)), level(&last));
        assert!((got / sent - 1.0).abs() < 0.05, "sent {sent}, got {got}");
    }

    #[test]
    fn what_is_lost_is_made_up_at_the_level_of_what_came_before() {
        let (mut encoder, mut decoder) = (OpusEncoder::new().unwrap(), OpusDecoder::new().unwrap());
        for block in 0..10 {
            decoder.decode(&encoder.encode(&tone(block * BLOCK)).unwrap()).unwrap();
        }
        let made_up = decoder.conceal(BLOCK, None);
        assert_eq!(made_up.len(), BLOCK * CHANNELS);
        assert!(level(made_up) > 0.4 * level(&tone(0)), "{}", level(made_up));
        let next = encoder.encode(&tone(11 * BLOCK)).unwrap();
        assert_eq!(decoder.conceal(BLOCK, Some(&next)).len(), BLOCK * CHANNELS);
    }

    #[test]
    fn damaged_packets_and_wrong_blocks_are_refused() {
        let mut decoder = OpusDecoder::new().unwrap();
        assert_eq!(decoder.decode(&[]).unwrap_err().code, ErrorCode::Codec);
        // Code 3 with a frame count of zero is malformed (RFC 6716 section 3.2.5).
        assert_eq!(decoder.decode(&[0xff, 0x00]).unwrap_err().code, ErrorCode::Codec);
        assert_eq!(decoder.conceal(1, None).len(), 120 * CHANNELS);
        let error = OpusEncoder::new().unwrap().encode(&[0; 10]).unwrap_err();
        assert!(error.message.contains("1920") && error.message.contains("10"), "{error}");
    }
}
