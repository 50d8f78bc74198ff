//! A recording, read block by block: from the bytes of a file, or from samples.
//!
//! Nothing is decoded ahead of the reader, so a clip of an hour takes no more memory than one of a
//! second, beside what the caller holds.

use std::panic::{self, AssertUnwindSafe};

use symphonia::core::audio::{SampleBuffer, SignalSpec};
use symphonia::core::codecs::{Decoder, DecoderOptions};
use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Limit, MetadataOptions};
use symphonia::core::probe::Hint;

use super::block::{BLOCK, CHANNELS};
use super::downmix::{Downmix, check_channels};
use super::lengths::{self, Checked};
use super::resample::{Resampler, check_rate};
use crate::error::{Error, Result};

pub use symphonia::core::io::MediaSource;

/// Pictures and texts in a file are skipped beyond this, in bytes.
const MAX_TAG: usize = 64 * 1024;
/// Damaged packets in a row after which a file is given up.
const MAX_DAMAGED: u32 = 100;
/// A float sample far beyond full scale is on another scale.
const MAX_FLOAT: f32 = 8.0;

/// Samples of a recording, all channels of a moment together.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    Int16(Vec<i16>),
    /// Full scale is -1.0 to 1.0; beyond it is cut off.
    Float32(Vec<f32>),
}

impl Samples {
    pub fn len(&self) -> usize {
        match self {
            Self::Int16(samples) => samples.len(),
            Self::Float32(samples) => samples.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether they can be played at all.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for none, for what is not a number, and for floats on another scale.
    pub fn check(&self) -> Result<()> {
        if self.is_empty() {
            return Err(no_samples());
        }
        let Self::Float32(samples) = self else { return Ok(()) };
        // What is not a number is within no range.
        let good = |sample: &f32| (-MAX_FLOAT..=MAX_FLOAT).contains(sample);
        let Some(at) = samples.iter().position(|sample| !good(sample)) else {
            return Ok(());
        };
        Err(Error::invalid_input(format!(
            "audio: expected float samples from -1.0 to 1.0, got {} at {at}",
            samples[at]
        ))
        .hint("integers on a larger scale: pass them as int16"))
    }

    /// As a float, full scale being 1.0.
    pub(super) fn value(&self, index: usize) -> f32 {
        match self {
            Self::Int16(samples) => f32::from(samples[index]) / 32768.0,
            Self::Float32(samples) => samples[index],
        }
    }
}

fn no_samples() -> Error {
    Error::invalid_input("audio: expected samples, got none")
        .hint("silence needs no clip: it is sent whenever nothing plays")
}

/// Reads a recording in blocks at 48 kHz and stereo.
pub struct ClipReader {
    input: Input,
    resampler: Resampler,
    /// Pairs at the rate of the input.
    pairs: Vec<f32>,
    /// Samples at 48 kHz, of which `read` took some.
    ready: Vec<i16>,
    read: usize,
    ended: bool,
}

enum Input {
    File(Box<File>),
    Samples { samples: Samples, channels: usize, mix: Downmix, next: usize, chunk: usize },
}

impl ClipReader {
    /// Opens a file: WAV (PCM of 8 to 32 bits, float, ADPCM), AIFF, FLAC, MP3 or Ogg Vorbis, told
    /// apart by its bytes. It is decoded as far as its first samples.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is none of these, has no samples, too many channels or too high a rate.
    pub fn file(source: Box<dyn MediaSource>) -> Result<Self> {
        let mut file = Box::new(guarded(|| File::open(source))?);
        let mut pairs = Vec::new();
        let Some(rate) = guarded(|| file.read(&mut pairs))? else { return Err(no_samples()) };
        Self::new(Input::File(file), rate, pairs)
    }

    /// Reads `samples` of `channels` channels at `rate` samples a second.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the samples, their channels or their rate cannot be played.
    pub fn samples(samples: Samples, channels: usize, rate: u32) -> Result<Self> {
        check_channels(channels)?;
        check_rate(rate)?;
        samples.check()?;
        let mix = Downmix::by_count(channels);
        // A tenth of a second at a time.
        let chunk = rate as usize / 10 * channels;
        Self::new(Input::Samples { samples, channels, mix, next: 0, chunk }, rate, Vec::new())
    }

    fn new(input: Input, rate: u32, pairs: Vec<f32>) -> Result<Self> {
        let mut resampler = Resampler::new(rate)?;
        let mut ready = Vec::new();
        resampler.push(&pairs, &mut ready)?;
        Ok(Self { input, resampler, pairs, ready, read: 0, ended: false })
    }

    /// The next [`BLOCK`] pairs; fewer at the end, and none behind it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the file turns out to be damaged beyond use.
    pub fn read(&mut self) -> Result<Option<Vec<i16>>> {
        while !self.ended && self.ready.len() - self.read < BLOCK * CHANNELS {
            self.ready.drain(..self.read);
            self.read = 0;
            self.more()?;
        }
        let end = self.ready.len().min(self.read + BLOCK * CHANNELS);
        let block = self.ready[self.read..end].to_vec();
        self.read = end;
        Ok((!block.is_empty()).then_some(block))
    }

    /// Resamples some more of the input.
    fn more(&mut self) -> Result<()> {
        self.pairs.clear();
        match &mut self.input {
            Input::Samples { samples, channels, mix, next, chunk } => {
                let end = samples.len().min(*next + *chunk);
                let moments = (*next..end).step_by(*channels);
                for first in moments {
                    self.pairs.extend(mix.pair(|channel| samples.value(first + channel)));
                }
                *next = end;
                self.ended = end == samples.len();
            }
            Input::File(file) => {
                let before = file.spec;
                match guarded(|| file.read(&mut self.pairs))? {
                    Some(rate) if before.is_some_and(|spec| spec.rate != rate) => {
                        self.resampler.finish(&mut self.ready)?;
                        self.resampler = Resampler::new(rate)?;
                    }
                    Some(_) => {}
                    None => self.ended = true,
                }
            }
        }
        self.resampler.push(&self.pairs, &mut self.ready)?;
        if self.ended {
            self.resampler.finish(&mut self.ready)?;
        }
        Ok(())
    }
}

/// A file that is being decoded.
struct File {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn Decoder>,
    track: u32,
    spec: Option<SignalSpec>,
    mix: Downmix,
    samples: Option<SampleBuffer<f32>>,
}

impl File {
    fn open(source: Box<dyn MediaSource>) -> Result<Self> {
        let len = source.byte_len();
        if len == Some(0) {
            return Err(no_samples());
        }
        let unknown = || {
            let got = len.map_or("something else".to_owned(), |len| {
                format!("{len} bytes of something else")
            });
            Error::invalid_input(format!(
                "audio: expected a WAV, AIFF, FLAC, MP3 or Ogg Vorbis file, got {got}"
            ))
            .hint("decode other formats yourself, and pass the samples with rate=")
        };
        let metadata = MetadataOptions {
            limit_metadata_bytes: Limit::Maximum(MAX_TAG),
            limit_visual_bytes: Limit::Maximum(0),
        };
        let source = match lengths::check(source).map_err(|error| unreadable(&error))? {
            Checked::Good(source) => source,
            Checked::Unknown => return Err(unknown()),
            Checked::Lies => {
                return Err(Error::invalid_input(
                    "audio: the file is damaged: a text or picture in it is longer than the file",
                ));
            }
        };
        let stream = MediaSourceStream::new(source, Default::default());
        let format = FormatOptions { enable_gapless: true, ..Default::default() };
        let probed = symphonia::default::get_probe()
            .format(&Hint::new(), stream, &format, &metadata)
            .map_err(|error| match error {
                Failure::IoError(error) if !is_end(&error) => unreadable(&error),
                Failure::DecodeError(_) | Failure::LimitError(_) => damaged(&error),
                _ => unknown(),
            })?;
        let reader = probed.format;
        let track = reader.default_track().ok_or_else(unknown)?;
        let (id, parameters) = (track.id, track.codec_params.clone());
        let decoder = symphonia::default::get_codecs()
            .make(&parameters, &DecoderOptions::default())
            .map_err(|error| match error {
                Failure::Unsupported(_) => unknown(),
                other => damaged(&other),
            })?;
        Ok(Self { reader, decoder, track: id, spec: None, mix: Downmix::default(), samples: None })
    }

    /// Appends the pairs of the next packet that has any, and returns its rate. None: the end. A
    /// file that stops in the middle ends there.
    fn read(&mut self, pairs: &mut Vec<f32>) -> Result<Option<u32>> {
        let mut bad = 0;
        loop {
            let decoded = match self.reader.next_packet() {
                Ok(packet) if packet.track_id() != self.track => continue,
                Ok(packet) => self.decoder.decode(&packet),
                Err(error) => Err(error),
            };
            let buffer = match decoded {
                Ok(buffer) => buffer,
                // Another stream may follow in an Ogg file: it is not part of this one.
                Err(Failure::ResetRequired) => return Ok(None),
                Err(Failure::IoError(error)) if is_end(&error) => return Ok(None),
                Err(Failure::IoError(error)) => return Err(unreadable(&error)),
                Err(error) => {
                    bad += 1;
                    if bad < MAX_DAMAGED {
                        continue;
                    }
                    return Err(damaged(&error));
                }
            };
            if buffer.frames() == 0 {
                continue;
            }
            let spec = *buffer.spec();
            if self.spec != Some(spec) {
                check_rate(spec.rate)?;
                check_channels(spec.channels.count())?;
                self.mix = Downmix::by_place(spec.channels);
                self.spec = Some(spec);
                self.samples = None;
            }
            let capacity = buffer.capacity();
            let samples = self
                .samples
                .take_if(|samples| samples.capacity() >= capacity * spec.channels.count())
                .unwrap_or_else(|| SampleBuffer::new(capacity as u64, spec));
            let samples = self.samples.insert(samples);
            samples.copy_interleaved_ref(buffer);
            for moment in samples.samples().chunks_exact(self.mix.channels()) {
                pairs.extend(self.mix.pair(|channel| moment[channel]));
            }
            return Ok(Some(spec.rate));
        }
    }
}

/// The parsers panic over some damaged files, such as one of a rate of zero.
fn guarded<T>(parse: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(parse)).unwrap_or_else(|_| {
        Err(Error::invalid_input("audio: the file is damaged: it cannot be made sense of"))
    })
}

fn is_end(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::invalid_input(format!("audio: the file cannot be read: {error}"))
}

fn damaged(error: &Failure) -> Error {
    Error::invalid_input(format!("audio: the file is damaged: {error}"))
        .hint("make it anew, or decode it yourself and pass the samples with rate=")
}
