//! Sound: 48 kHz, stereo, in blocks of 20 ms.
//!
//! ```text
//! clip ─ ClipReader ─┐
//! live samples ──────┴─ Mixer ─> block ─ OpusEncoder ─> (network)
//! (network) ─> AudioPacket ─ BlockReceiver (order, OpusDecoder) ─> AudioBlock
//! ```
//!
//! Like the rest of `media` it does no I/O and reads no clock: bytes, moments and readers come in
//! as arguments.

pub mod block;
pub mod opus;

pub use block::{
    AudioBlock, AudioPacket, BLOCK, BLOCK_DURATION, CHANNELS, EncodedAudio, SAMPLE_RATE, later,
};
pub use opus::{OpusDecoder, OpusEncoder};
