//! Sound: 48 kHz, stereo, in blocks of 20 ms.
//!
//! ```text
//! file or samples ─ ClipReader ─┐
//! live samples ─────────────────┴─ Mixer ─> block ─ OpusEncoder ─> (network)
//! (network) ─> AudioPacket ─ BlockReceiver (order, OpusDecoder) ─> AudioBlock
//! ```
//!
//! Like the rest of `media` it does no I/O and reads no clock: bytes, moments and readers come in
//! as arguments. A pair is one sample of each side.

pub mod block;
pub mod clip;
pub mod downmix;
mod lengths;
pub mod live;
pub mod mixer;
pub mod opus;
pub mod pace;
pub mod receive;
pub mod resample;

pub use block::{
    AudioBlock, AudioPacket, BLOCK, BLOCK_DURATION, CHANNELS, EncodedAudio, SAMPLE_RATE, between,
    later,
};
pub use clip::{ClipReader, MediaSource, Samples};
pub use live::{LIVE_CAPACITY, LiveConverter};
pub use mixer::{Clip, ClipId, Completion, Mixed, Mixer, MixerStats};
pub use opus::{OpusDecoder, OpusEncoder};
pub use pace::Pace;
pub use receive::{AudioReceiverStats, BlockReceiver};
pub use resample::Resampler;
