//! H.264 by OpenH264: constrained baseline, one reference, no reordering, so that every picture
//! goes in and comes out within one call.

use std::time::Duration;

use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Profile,
    RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};

use super::codec::{Encoded, VideoDecoder, VideoEncoder};
use super::picture::{I420, Planes};
use crate::error::{Error, ErrorCode, Result};

mod parameters;
mod raw;

/// Smallest side that the encoder takes; smaller pictures are padded to it.
pub const MIN_ENCODED_SIDE: u32 = 16;

/// Longest and shortest side that the encoder takes at most, in either orientation.
pub const MAX_ENCODED_SIDES: (u32, u32) = (3840, 2160);

/// More pictures a second than the codec counts with.
const MAX_FRAME_RATE: f32 = 60.0;

/// A longer time between pictures is a pause, not a rate.
const LONGEST_GAP: Duration = Duration::from_millis(500);

/// How to encode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct H264Config {
    /// Target rate in bits per second at the start.
    pub bitrate: u32,
    /// The highest rate that [`VideoEncoder::set_bitrate`] can reach, in bits per second.
    pub max_bitrate: u32,
    /// Frames per second to expect, until timestamps show what really comes.
    pub frame_rate: f32,
    /// Threads to encode with. More than one cuts pictures into slices.
    pub threads: u16,
}

impl Default for H264Config {
    fn default() -> Self {
        Self { bitrate: 2_500_000, max_bitrate: 8_000_000, frame_rate: 30.0, threads: 1 }
    }
}

/// Threads share out a picture by slices of at most this many bytes. Measured at 1280x720 and 3 Mb/s:
/// slices of a packet (1200) cost 5 MB and 0.2 dB more, larger ones win nothing.
const SLICE_BYTES: u32 = 2400;

/// Threads for one live stream: two, where there are two cores. Encoding is the longest step of a
/// frame's way, and its cores would wait for each other's step anyway.
pub fn live_threads() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2) as u16)
}

/// An encoder that follows the size of its input.
pub struct H264Encoder {
    config: H264Config,
    bitrate: u32,
    running: Option<Running>,
    /// Holds pictures that the codec cannot take as they are.
    padded: I420,
}

struct Running {
    encoder: Encoder,
    width: u32,
    height: u32,
    /// Whether a picture went in. Until then the codec has no state that could be changed.
    started: bool,
    /// The rate that the codec was told.
    bitrate: u32,
    /// A key frame was asked for and none has come out since.
    key_frame_due: bool,
    pace: Pace,
}

/// How many pictures a second really come. The codec shares out the bits by a fixed number: if
/// that is too low, the rate is too high.
struct Pace {
    /// What the codec was told, in pictures a second.
    told: f32,
    /// The picture that the counting began with, and the last.
    first: Duration,
    last: Duration,
    count: u32,
    /// What somebody knows.
    expected: Option<f32>,
}

impl H264Encoder {
    /// # Errors
    ///
    /// `InvalidOptions` if a value is out of range.
    pub fn new(config: H264Config) -> Result<Self> {
        let problem = if !(10_000..=i32::MAX as u32).contains(&config.max_bitrate) {
            Some(format!("max_bitrate must be 10000 to {}; got {}", i32::MAX, config.max_bitrate))
        } else if !(1.0..=240.0).contains(&config.frame_rate) {
            Some(format!("frame_rate must be 1 to 240; got {}", config.frame_rate))
        } else if !(1..=4).contains(&config.threads) {
            Some(format!("threads must be 1 to 4; got {}", config.threads))
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(Error::new(ErrorCode::InvalidOptions, problem));
        }
        let mut encoder = Self { config, bitrate: 0, running: None, padded: I420::default() };
        encoder.set_bitrate(config.bitrate);
        Ok(encoder)
    }

    /// What a fresh codec is told. It makes its first picture large, larger than later key frames:
    /// where the rate is far below the bound a path is too narrow for that.
    fn first_bitrate(&self) -> u32 {
        if self.bitrate < self.config.max_bitrate / 2 { self.bitrate / 4 } else { self.bitrate }
    }

    /// The target rate in bits per second, within the bounds of the configuration.
    pub fn bitrate(&self) -> u32 {
        self.bitrate
    }
}

impl VideoEncoder for H264Encoder {
    fn encode(
        &mut self,
        planes: Planes<'_>,
        timestamp: Duration,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        out.clear();
        planes.check()?;
        check_encodable(planes.width, planes.height)?;
        let odd = !planes.width.is_multiple_of(2) || !planes.height.is_multiple_of(2);
        let small = planes.width < MIN_ENCODED_SIDE || planes.height < MIN_ENCODED_SIDE;
        let planes = if odd || small {
            self.padded.extend_from(planes, MIN_ENCODED_SIDE)?;
            self.padded.planes()
        } else {
            planes
        };
        // A fresh codec for every size: its own way of changing size keeps rate control state of
        // the old one, and has had bugs.
        let fits =
            |running: &Running| (running.width, running.height) == (planes.width, planes.height);
        if let Some(mut running) = self.running.take().filter(fits) {
            running.apply(self.config.max_bitrate, self.bitrate, timestamp);
            match running.encode(planes, timestamp, out) {
                Ok(encoded) => {
                    self.running = Some(running);
                    return Ok(encoded);
                }
                // A fresh one is in a better state. After calm pictures it has no room for noise,
                // which it would spend all its bits on at once.
                Err(error) => tracing::debug!(target: "parhelion::media", "encoding anew: {error}"),
            }
        }
        let mut running = Running::start(&self.config, self.first_bitrate(), planes)?;
        running.apply(self.config.max_bitrate, self.bitrate, timestamp);
        let encoded = running.encode(planes, timestamp, out)?;
        self.running = Some(running);
        Ok(encoded)
    }

    fn request_key_frame(&mut self) {
        if let Some(running) = &mut self.running {
            running.key_frame_due = true;
        }
    }

    fn set_bitrate(&mut self, bits_per_second: u32) {
        self.bitrate = bits_per_second.clamp(10_000, self.config.max_bitrate);
    }

    fn set_frame_rate(&mut self, per_second: f32) {
        self.config.frame_rate = per_second.clamp(1.0, MAX_FRAME_RATE);
        if let Some(running) = &mut self.running {
            running.pace.expected = Some(self.config.frame_rate);
        }
    }
}

impl Running {
    fn start(config: &H264Config, bitrate: u32, planes: Planes<'_>) -> Result<Self> {
        let settings = encoder_config(config).bitrate(BitRate::from_bps(bitrate));
        let mut encoder =
            Encoder::with_api_config(OpenH264API::from_source(), settings).map_err(failed)?;
        if !raw::silence(&mut encoder) {
            return Err(Error::new(ErrorCode::Codec, "the encoder refused to be silent"));
        }
        Ok(Self {
            encoder,
            width: planes.width,
            height: planes.height,
            started: false,
            bitrate,
            key_frame_due: false,
            pace: Pace::told(config.frame_rate.min(MAX_FRAME_RATE)),
        })
    }

    /// Tells the codec what has changed. It takes such news only after its first picture.
    fn apply(&mut self, max_bitrate: u32, bitrate: u32, timestamp: Duration) {
        let frame_rate = self.pace.next(timestamp);
        if !self.started {
            return;
        }
        if self.bitrate != bitrate && raw::set_bitrate(&mut self.encoder, max_bitrate, bitrate) {
            self.bitrate = bitrate;
        }
        if let Some(rate) = frame_rate.filter(|&rate| raw::set_frame_rate(&mut self.encoder, rate))
        {
            self.pace.told = rate;
        }
    }

    fn encode(
        &mut self,
        planes: Planes<'_>,
        timestamp: Duration,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if self.key_frame_due && self.started {
            self.encoder.force_intra_frame();
        }
        self.started = true;
        let bits = self.encoder.encode_at(&Source(planes), at(timestamp)).map_err(failed)?;
        let encoded = match bits.frame_type() {
            FrameType::IDR => Encoded::Key,
            FrameType::I | FrameType::P | FrameType::IPMixed => Encoded::Delta,
            FrameType::Skip | FrameType::Invalid => return Ok(Encoded::Skipped),
        };
        bits.write_vec(out);
        if out.is_empty() {
            return Ok(Encoded::Skipped);
        }
        self.key_frame_due &= encoded != Encoded::Key;
        Ok(encoded)
    }
}

impl Pace {
    fn told(rate: f32) -> Self {
        let (first, last) = (Duration::ZERO, Duration::ZERO);
        Self { told: rate, first, last, count: 0, expected: None }
    }

    /// Counts a picture. A rate comes back once a second, if it is not what the codec was told.
    fn next(&mut self, timestamp: Duration) -> Option<f32> {
        if let Some(expected) = self.expected.take() {
            (self.first, self.last, self.count) = (timestamp, timestamp, 1);
            return self.differs(expected).then_some(expected);
        }
        // After a pause, or a step back, the counting begins anew.
        let steady = timestamp.checked_sub(self.last).is_some_and(|gap| gap < LONGEST_GAP);
        self.last = timestamp;
        if self.count == 0 || !steady {
            (self.first, self.count) = (timestamp, 1);
            return None;
        }
        let elapsed = timestamp - self.first;
        if elapsed < Duration::from_secs(1) {
            self.count += 1;
            return None;
        }
        let rate = (self.count as f32 / elapsed.as_secs_f32()).clamp(1.0, MAX_FRAME_RATE);
        (self.first, self.count) = (timestamp, 1);
        self.differs(rate).then_some(rate)
    }

    fn differs(&self, rate: f32) -> bool {
        (rate / self.told - 1.0).abs() > 0.1
    }
}

/// A decoder that gives out each picture as soon as it is complete.
pub struct H264Decoder {
    decoder: Decoder,
}

impl H264Decoder {
    /// # Errors
    ///
    /// `Codec` if the codec cannot be set up.
    pub fn new() -> Result<Self> {
        // Flushing would return a picture twice when the next one refers to it.
        let config = DecoderConfig::new().debug(false).flush_after_decode(Flush::NoFlush);
        let decoder =
            Decoder::with_api_config(OpenH264API::from_source(), config).map_err(failed)?;
        Ok(Self { decoder })
    }
}

impl VideoDecoder for H264Decoder {
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<Planes<'_>>> {
        if access_unit.is_empty() {
            return Ok(None);
        }
        if !parameters::fit(access_unit) {
            return Err(Error::new(ErrorCode::Codec, "H.264: parameters that no level allows"));
        }
        let Some(planes) = raw::decode(&mut self.decoder, access_unit).map_err(failed)? else {
            return Ok(None);
        };
        planes.check()?;
        Ok(Some(planes))
    }
}

/// Whether the codec was built with its assembly (and runs on a processor that can use it).
/// Without it, encoding takes about three times as long.
pub fn codec_has_assembly() -> bool {
    raw::cpu_features() != 0
}

fn encoder_config(config: &H264Config) -> EncoderConfig {
    let encoder = EncoderConfig::new()
        .usage_type(UsageType::CameraVideoRealTime)
        .profile(Profile::Baseline)
        .complexity(Complexity::Low)
        .rate_control_mode(RateControlMode::Bitrate)
        .max_frame_rate(FrameRate::from_hz(config.frame_rate.min(MAX_FRAME_RATE)))
        .skip_frames(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .scene_change_detect(false)
        .background_detection(false)
        .adaptive_quantization(false)
        .num_threads(config.threads)
        .vui(VuiConfig::bt601())
        .debug(false);
    if config.threads > 1 { encoder.max_slice_len(SLICE_BYTES) } else { encoder }
}

/// Whether a picture of this size can be encoded.
///
/// # Errors
///
/// `InvalidInput`, naming the limit and the size.
pub fn check_encodable(w: u32, h: u32) -> Result<()> {
    let (long, short) = MAX_ENCODED_SIDES;
    if w.max(h) > long || w.min(h) > short {
        return Err(Error::invalid_input(format!(
            "H.264 video can be at most {long}x{short} or {short}x{long}; got {w}x{h}"
        ))
        .hint("scale the frames down"));
    }
    Ok(())
}

/// Planes as the codec wants to see them.
struct Source<'a>(Planes<'a>);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width as usize, self.0.height as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.0.y_stride, self.0.u_stride, self.0.v_stride)
    }

    fn y(&self) -> &[u8] {
        self.0.y
    }

    fn u(&self) -> &[u8] {
        self.0.u
    }

    fn v(&self) -> &[u8] {
        self.0.v
    }
}

/// The codec counts milliseconds, signed.
fn at(timestamp: Duration) -> Timestamp {
    let millis = i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(millis.unsigned_abs())
}

fn failed(error: openh264::Error) -> Error {
    Error::new(ErrorCode::Codec, format!("H.264: {error}"))
}
