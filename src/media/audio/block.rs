//! What sound travels in: blocks of samples, and packets of codec data.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::media::NtpTime;

/// Samples a second and channel, everywhere.
pub const SAMPLE_RATE: u32 = 48_000;

/// Left and right; sound with one channel has it twice.
pub const CHANNELS: usize = 2;

/// Samples of one channel in a block.
pub const BLOCK: usize = 960;

/// How long a block sounds.
pub const BLOCK_DURATION: Duration = Duration::from_millis(20);

/// 20 ms of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioBlock {
    /// [`BLOCK`] pairs of left and right.
    pub samples: Vec<i16>,
    /// Where the first sample stands in its stream, in samples. Jumps where sound is missing.
    pub position: u64,
    /// When the first sample was captured, if the sender said so.
    pub capture_time: Option<NtpTime>,
    /// Whether any of it was made up for packets that never came.
    pub concealed: bool,
}

/// One encoded block on its way out.
#[derive(Debug, Clone)]
pub struct EncodedAudio {
    /// One Opus packet (RFC 6716).
    pub data: Bytes,
    /// As in [`AudioBlock`].
    pub position: u64,
    /// When the first sample was captured.
    pub capture_time: NtpTime,
}

/// What is needed of a received RTP packet (RFC 7587).
#[derive(Debug, Clone)]
pub struct AudioPacket {
    /// Names the stream: another one starts over.
    pub ssrc: u32,
    /// Sequence number; wraps.
    pub sequence: u16,
    /// Media time, 48 kHz; wraps.
    pub timestamp: u32,
    /// The abs-capture-time extension: NTP time as 32.32 fixed point.
    pub capture_time: Option<u64>,
    /// One Opus packet.
    pub payload: Bytes,
    pub arrived: Instant,
}

/// The moment `samples` samples after `time`; before it if negative.
pub fn later(time: NtpTime, samples: i64) -> NtpTime {
    let shift = (i128::from(samples) << 32) / i128::from(SAMPLE_RATE);
    NtpTime(time.0.wrapping_add(shift as u64))
}

/// The samples from one moment to another; negative if `to` comes first.
pub fn between(from: NtpTime, to: NtpTime) -> i64 {
    let apart = i128::from(to.0.wrapping_sub(from.0) as i64);
    ((apart * i128::from(SAMPLE_RATE)) >> 32) as i64
}
