//! Packets in, blocks out: in order, with what is lost made up.
//!
//! A packet that comes in its turn is decoded at once, so on a good path there is no delay at all.
//! Where one is missing, those behind it wait for it, 60 ms at most; then it is given up and made up
//! for, up to 100 ms in a row, and what is longer than that is a gap in the positions.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::block::{AudioBlock, AudioPacket, BLOCK, CHANNELS, SAMPLE_RATE, later};
use super::opus::OpusDecoder;
use crate::error::Result;
use crate::media::NtpTime;

/// How long packets wait for one that is missing.
pub const MAX_WAIT: Duration = Duration::from_millis(60);
/// More of them are never kept, whatever they claim to be.
const MAX_WAITING: usize = 64;
/// What is made up in a row, in pairs; more would be heard as noise.
const MAX_CONCEALED: u64 = SAMPLE_RATE as u64 / 10;
/// A sequence number that is further off belongs to a stream that has started over.
const MAX_JUMP: i64 = 3000;
/// A pause that is longer is not kept in the positions: the clock of the other end has started over.
const MAX_PAUSE: u64 = 60 * SAMPLE_RATE as u64;

/// What became of the packets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AudioReceiverStats {
    pub packets: u64,
    /// Packets that did not come, or not in time.
    pub lost: u64,
    /// Packets that came when they had been given up.
    pub late: u64,
    /// Packets that could not be decoded.
    pub damaged: u64,
    /// Pairs that were made up.
    pub concealed: u64,
    /// Interarrival jitter in seconds (RFC 3550 section 6.4.1).
    pub jitter: f64,
}

/// Turns the packets of one stream after another into blocks.
pub struct BlockReceiver {
    decoder: OpusDecoder,
    ssrc: Option<u32>,
    /// By sequence number, made to count on.
    waiting: BTreeMap<i64, AudioPacket>,
    /// The sequence number that is due.
    next: i64,
    /// RTP time behind what was decoded last.
    timestamp: u32,
    /// Pairs in the last packet.
    duration: usize,
    made: Made,
    transit: Option<(Instant, u32)>,
    stats: AudioReceiverStats,
}

/// Decoded samples on their way into blocks.
#[derive(Default)]
struct Made {
    samples: Vec<i16>,
    /// Where the first of `samples` stands.
    position: u64,
    capture_time: Option<NtpTime>,
    concealed: bool,
    blocks: VecDeque<AudioBlock>,
}

impl BlockReceiver {
    pub fn new() -> Result<Self> {
        Ok(Self {
            decoder: OpusDecoder::new()?,
            ssrc: None,
            waiting: BTreeMap::new(),
            next: 0,
            timestamp: 0,
            duration: BLOCK,
            made: Made::default(),
            transit: None,
            stats: AudioReceiverStats::default(),
        })
    }

    /// Takes one packet.
    pub fn push(&mut self, packet: AudioPacket) {
        if packet.payload.is_empty() {
            return;
        }
        self.stats.packets += 1;
        let off = i64::from(packet.sequence.wrapping_sub(self.next as u16) as i16);
        let same = self.ssrc == Some(packet.ssrc) && off.abs() <= MAX_JUMP;
        if !same {
            self.start_over(&packet);
        } else if off < 0 {
            self.stats.late += 1;
            return;
        }
        self.measure(&packet);
        let sequence = if same { self.next + off } else { self.next };
        let arrived = packet.arrived;
        self.waiting.entry(sequence).or_insert(packet);
        self.advance(arrived);
    }

    /// When [`Self::handle_timeout`] has to be called, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.waiting.values().map(|packet| packet.arrived + MAX_WAIT).min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// The next block, if one is ready.
    pub fn poll(&mut self) -> Option<AudioBlock> {
        self.made.blocks.pop_front()
    }

    pub fn stats(&self) -> AudioReceiverStats {
        self.stats
    }

    fn start_over(&mut self, packet: &AudioPacket) {
        self.ssrc = Some(packet.ssrc);
        self.waiting.clear();
        self.next = i64::from(packet.sequence);
        self.timestamp = packet.timestamp;
        self.transit = None;
        self.made.capture_time = None;
    }

    /// RFC 3550 appendix A.8.
    fn measure(&mut self, packet: &AudioPacket) {
        if let Some((before, timestamp)) = self.transit.replace((packet.arrived, packet.timestamp))
        {
            let came = packet.arrived.saturating_duration_since(before).as_secs_f64();
            let made = f64::from(packet.timestamp.wrapping_sub(timestamp) as i32);
            let apart = (came - made / f64::from(SAMPLE_RATE)).abs();
            self.stats.jitter += (apart - self.stats.jitter) / 16.0;
        }
    }

    /// Decodes what is due, and gives up what has been waited for long enough.
    fn advance(&mut self, now: Instant) {
        loop {
            while let Some(packet) = self.waiting.remove(&self.next) {
                self.decode(&packet);
                self.next += 1;
            }
            let patience = self.next_timeout().is_some_and(|until| until > now);
            if patience && self.waiting.len() < MAX_WAITING {
                return;
            }
            let Some(&found) = self.waiting.keys().next() else { return };
            self.give_up(found);
        }
    }

    /// Makes up for the packets before `found`.
    fn give_up(&mut self, found: i64) {
        let missing = (found - self.next) as u64;
        self.stats.lost += missing;
        self.next = found;
        let Some(behind) = self.waiting.get(&found) else { return };
        let gap = u64::from(behind.timestamp.wrapping_sub(self.timestamp));
        if gap == 0 || gap > MAX_CONCEALED {
            return;
        }
        let mut left = gap as usize;
        while left > 0 {
            let now = left.min(self.duration);
            // The packet behind holds what is needed for the one just before it, if anything.
            let next = (left == now).then_some(&behind.payload[..]);
            let samples = self.decoder.conceal(now, next);
            self.stats.concealed += (samples.len() / CHANNELS) as u64;
            self.made.append(samples, None, true);
            left -= now;
        }
        self.timestamp = behind.timestamp;
    }

    fn decode(&mut self, packet: &AudioPacket) {
        let pause = u64::from(packet.timestamp.wrapping_sub(self.timestamp));
        if pause > 0 {
            self.made.pause(if pause <= MAX_PAUSE { pause } else { 0 });
        }
        let capture_time = packet.capture_time.map(NtpTime);
        let pairs = match self.decoder.decode(&packet.payload) {
            Ok(samples) => {
                self.made.append(samples, capture_time, false);
                samples.len() / CHANNELS
            }
            Err(error) => {
                tracing::debug!(target: "parhelion::media", "{error}");
                self.stats.damaged += 1;
                let samples = self.decoder.conceal(self.duration, None);
                self.stats.concealed += (samples.len() / CHANNELS) as u64;
                self.made.append(samples, capture_time, true);
                samples.len() / CHANNELS
            }
        };
        self.duration = pairs;
        self.timestamp = packet.timestamp.wrapping_add(pairs as u32);
    }
}

impl Made {
    fn append(&mut self, samples: &[i16], capture_time: Option<NtpTime>, concealed: bool) {
        if self.samples.is_empty() && capture_time.is_some() {
            self.capture_time = capture_time;
        }
        self.samples.extend_from_slice(samples);
        self.concealed |= concealed;
        while self.samples.len() >= BLOCK * CHANNELS {
            let rest = self.samples.split_off(BLOCK * CHANNELS);
            let samples = std::mem::replace(&mut self.samples, rest);
            self.emit(samples);
        }
    }

    /// Sound goes on after `pairs` pairs of nothing.
    fn pause(&mut self, pairs: u64) {
        if !self.samples.is_empty() {
            let mut samples = std::mem::take(&mut self.samples);
            samples.resize(BLOCK * CHANNELS, 0);
            self.emit(samples);
        }
        self.position += pairs;
        self.capture_time = self.capture_time.map(|time| later(time, pairs as i64));
    }

    fn emit(&mut self, samples: Vec<i16>) {
        let concealed = std::mem::replace(&mut self.concealed, false);
        let (position, capture_time) = (self.position, self.capture_time);
        self.blocks.push_back(AudioBlock { samples, position, capture_time, concealed });
        self.position += BLOCK as u64;
        self.capture_time = capture_time.map(|time| later(time, BLOCK as i64));
    }
}
