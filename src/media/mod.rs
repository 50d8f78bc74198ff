//! Pictures, codecs and the paths that frames take between them.
//!
//! Nothing here does I/O, reads a clock or knows of Python: bytes and instants come in as
//! arguments, and whoever owns the socket or the thread drives the types.
//!
//! ```text
//! FrameView ─ color ─> I420 ─ VideoEncoder ─> access unit ─> (network)
//! (network) ─> RtpPacket ─ FrameAssembler ─> AccessUnit ─ VideoDecoder ─> Planes ─ color ─> Picture
//! ```
//!
//! Sound has a way of its own: [`audio`].
//!
//! Frames wait in one place only, the [`Mailbox`]: bounded, newest wins unless told otherwise, every
//! drop counted. A [`Window`] bounds what is under way between two ends.
//! Colour is BT.601, limited range, everywhere; the encoder says so in the stream.

pub mod assembler;
pub mod audio;
pub mod clock;
pub mod codec;
pub mod color;
pub mod depacketize;
pub mod format;
pub mod frame;
pub mod freezes;
pub mod h264;
pub mod mailbox;
pub mod picture;
pub mod pool;
pub mod rate;
pub mod recent;
pub mod scale;
pub mod shown_size;
pub mod still;
pub mod window;

pub use assembler::{AccessUnit, AssemblerConfig, AssemblerOutput, AssemblerStats, FrameAssembler};
pub use clock::{CaptureClock, InFlight, InFlightFrame, NtpTime, SteadyClock};
pub use codec::{Encoded, VideoDecoder, VideoEncoder};
pub use color::{convert, planes_to};
pub use depacketize::RtpPacket;
pub use format::PixelFormat;
pub use frame::{FrameView, MAX_PIXELS, MAX_SIDE};
pub use freezes::Freezes;
pub use h264::{H264Config, H264Decoder, H264Encoder, codec_has_assembly};
pub use mailbox::{DropReason, Drops, Mailbox};
pub use picture::{I420, Picture, Planes};
pub use pool::BufferPool;
pub use recent::{Percentiles, Recent};
pub use scale::Scaler;
pub use window::Window;
