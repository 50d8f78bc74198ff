//! What an encoder and a decoder do, whichever codec was negotiated.
//!
//! Both are used by one thread each and keep state from frame to frame.

use std::time::Duration;

use super::picture::Planes;
use crate::error::Result;

/// What became of a picture that was given to an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// The rate control left the picture out: there is nothing to send.
    Skipped,
    /// Decodable only after the pictures before it.
    Delta,
    /// Decodable by itself.
    Key,
}

/// Turns pictures into access units.
pub trait VideoEncoder: Send {
    /// Encodes one picture. `out` is emptied, then holds the access unit (nothing if skipped).
    ///
    /// `timestamp` counts from any fixed moment and should not go back. A change of size starts
    /// over with a key frame.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the codec cannot take the size, `Codec` if encoding failed.
    fn encode(
        &mut self,
        planes: Planes<'_>,
        timestamp: Duration,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;

    /// Makes the next picture that is not skipped a key frame.
    fn request_key_frame(&mut self);

    /// Sets the target rate in bits per second, from the next picture on.
    fn set_bitrate(&mut self, bits_per_second: u32);

    /// Says how many pictures a second will come from now on, if it is known before they do.
    fn set_frame_rate(&mut self, _per_second: f32) {}
}

/// Turns access units into pictures.
pub trait VideoDecoder: Send {
    /// Decodes one access unit. The planes are borrowed from the decoder and live until the next
    /// call. `None`: the unit held no picture (parameter sets alone, say).
    ///
    /// # Errors
    ///
    /// `Codec` if the unit is damaged or refers to what never came; ask for a key frame then.
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<Planes<'_>>>;
}
