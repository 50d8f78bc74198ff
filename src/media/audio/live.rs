//! Samples that somebody makes while they are sent: a microphone, say.

use std::collections::VecDeque;

use super::block::{BLOCK, CHANNELS, SAMPLE_RATE, between, later};
use super::clip::Samples;
use super::downmix::{Downmix, check_channels};
use super::resample::{Resampler, check_rate};
use crate::error::{Error, Result};
use crate::media::NtpTime;

/// What may wait, in pairs: one second.
pub const LIVE_CAPACITY: usize = SAMPLE_RATE as usize;
/// Blocks that have to wait before the first is sent, so that the next is there in time.
const HEAD_START: usize = 2;
/// What always waits, over a while, is delay and nothing else. Above this, in blocks, it is cut.
const MAX_LASTING: usize = 5;
/// How long that while is, in blocks.
const WHILE: u32 = 100;

/// How fast stamps follow a source whose calls come unevenly: this part of the difference a call.
const APPROACH: i64 = 16;

/// Turns what a source makes into pairs at 48 kHz, one call after another.
#[derive(Default)]
pub struct LiveConverter(Option<Conversion>);

struct Conversion {
    rate: u32,
    mix: Downmix,
    resampler: Resampler,
    pairs: Vec<f32>,
}

impl LiveConverter {
    /// Converts the samples of one call: at most a second. Another rate or number of channels than
    /// before is a new source.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the samples, their channels, their rate or their number will not do.
    pub fn convert(&mut self, samples: &Samples, channels: usize, rate: u32) -> Result<Vec<i16>> {
        check_channels(channels)?;
        check_rate(rate)?;
        samples.check()?;
        let count = samples.len() / channels;
        if count > rate as usize {
            return Err(Error::invalid_input(format!(
                "audio: expected at most one second of live samples a call, got {:.1} s",
                count as f64 / f64::from(rate)
            ))
            .hint("send it in pieces as it is made; a whole recording is for play_audio()"));
        }
        let kept = self.0.take();
        let mut conversion =
            match kept.filter(|one| one.rate == rate && one.mix.channels() == channels) {
                Some(conversion) => conversion,
                None => Conversion {
                    rate,
                    mix: Downmix::by_count(channels),
                    resampler: Resampler::new(rate)?,
                    pairs: Vec::new(),
                },
            };
        conversion.pairs.clear();
        for first in (0..samples.len()).step_by(channels) {
            let pair = conversion.mix.pair(|channel| samples.value(first + channel));
            conversion.pairs.extend(pair);
        }
        let mut out = Vec::with_capacity(count * CHANNELS);
        conversion.resampler.push(&conversion.pairs, &mut out)?;
        self.0 = Some(conversion);
        Ok(out)
    }
}

/// A second of samples at most; the oldest make room for the newest.
#[derive(Debug, Default)]
pub struct LiveInput {
    samples: VecDeque<i16>,
    /// The number of the first pair that waits, counted from the start.
    first: u64,
    /// When pairs were captured, by number: one entry a call.
    stamps: VecDeque<(u64, NtpTime)>,
    /// Whether blocks are being taken one after another.
    running: bool,
    /// Ticks since something waits that has not been begun with.
    waited: u32,
    /// The least that waited in this while, and how long it has lasted.
    least: usize,
    ticks: u32,
    dropped: u64,
    gaps: u64,
}

/// A block of live input.
#[derive(Debug, PartialEq)]
pub struct LiveBlock {
    /// At most [`BLOCK`] pairs; fewer if no more were there.
    pub samples: Vec<i16>,
    pub capture_time: Option<NtpTime>,
    /// Whether the sound goes on from the block before.
    pub follows: bool,
}

impl LiveInput {
    /// Queues pairs, the first of them captured at `time`.
    pub fn push(&mut self, pairs: &[i16], time: NtpTime) {
        let end = self.first + self.waiting() as u64;
        let time = self.smoothed(end, time);
        self.stamps.push_back((end, time));
        self.samples.extend(pairs);
        let surplus = self.waiting().saturating_sub(LIVE_CAPACITY);
        if surplus > 0 {
            self.discard(surplus);
            self.dropped += surplus as u64;
        }
    }

    /// Pairs that wait.
    pub fn waiting(&self) -> usize {
        self.samples.len() / CHANNELS
    }

    /// The next block, if there is one to be sent. Called once for each block that goes out.
    pub fn take(&mut self) -> Option<LiveBlock> {
        let cut = self.cut_lasting_delay();
        let mut follows = self.running && !cut;
        if !self.running {
            self.waited = if self.samples.is_empty() { 0 } else { self.waited + 1 };
            // What is less than that after two ticks is all there is for now.
            self.running = self.waiting() >= HEAD_START * BLOCK || self.waited > HEAD_START as u32;
            follows = false;
        }
        if !self.running {
            return None;
        }
        let pairs = self.waiting().min(BLOCK);
        if pairs < BLOCK {
            // The end of it, or a source that is late.
            self.gaps += 1;
            self.running = false;
            self.waited = 0;
        }
        if pairs == 0 {
            return None;
        }
        let capture_time = self.capture_time();
        let samples = self.samples.drain(..pairs * CHANNELS).collect();
        self.forget(pairs);
        Some(LiveBlock { samples, capture_time, follows })
    }

    /// Empties it: what waits has no use any more.
    pub fn clear(&mut self) {
        self.discard(self.waiting());
        self.running = false;
        self.waited = 0;
    }

    /// Pairs that made room for newer ones, or were cut because they only made delay.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How often there was less than a block when one was due.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    fn cut_lasting_delay(&mut self) -> bool {
        self.least = if self.ticks == 0 { self.waiting() } else { self.least.min(self.waiting()) };
        self.ticks += 1;
        if self.ticks < WHILE {
            return false;
        }
        self.ticks = 0;
        if self.least <= MAX_LASTING * BLOCK {
            return false;
        }
        let surplus = self.least - HEAD_START * BLOCK;
        self.discard(surplus);
        self.dropped += surplus as u64;
        true
    }

    /// The stamp of pair `number`, captured at `time` as far as anyone can tell: calls come unevenly,
    /// samples do not.
    fn smoothed(&self, number: u64, time: NtpTime) -> NtpTime {
        let Some(&(last, stamp)) = self.stamps.back() else { return time };
        let expected = later(stamp, number as i64 - last as i64);
        let apart = between(expected, time);
        match apart {
            // It was silent for a while.
            _ if apart > i64::from(SAMPLE_RATE) / 5 => time,
            0.. => later(expected, apart / APPROACH),
            // It makes more than can be sent.
            _ if apart < -(LIVE_CAPACITY as i64) => time,
            _ => expected,
        }
    }

    fn capture_time(&mut self) -> Option<NtpTime> {
        while self.stamps.get(1).is_some_and(|(number, _)| *number <= self.first) {
            self.stamps.pop_front();
        }
        let (number, time) = *self.stamps.front()?;
        Some(later(time, self.first as i64 - number as i64))
    }

    fn discard(&mut self, pairs: usize) {
        self.samples.drain(..pairs * CHANNELS);
        self.forget(pairs);
    }

    fn forget(&mut self, pairs: usize) {
        self.first += pairs as u64;
        while self.stamps.get(1).is_some_and(|(number, _)| *number <= self.first) {
            self.stamps.pop_front();
        }
    }
}
