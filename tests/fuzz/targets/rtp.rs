//! Packets of video in any order, with any contents, through the assembler into the decoder.
//!
//! A packet is a byte that says what is unusual about it, what belongs to that, and a block.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parhelion::media::assembler::MAX_REPAIRS;
use parhelion::media::{
    AssemblerConfig, AssemblerOutput, FrameAssembler, H264Decoder, RtpPacket, VideoDecoder,
};

use super::{Pieces, Target};

pub const TARGET: Target =
    Target { name: "rtp", run, seeds: &[], words: &[], max_len: 64 << 10, memory: 32 << 20 };

pub const MARKER: u8 = 1;
pub const NEW_FRAME: u8 = 2;
/// Two bytes follow: by how much the sequence number jumps.
pub const JUMP: u8 = 4;
/// Two bytes follow: by how much the timestamp does, in 65536ths of its range.
pub const OTHER_TIME: u8 = 8;
/// A byte follows: milliseconds that pass.
pub const PAUSE: u8 = 16;
/// It comes twice.
pub const TWICE: u8 = 32;
pub const CAPTURED: u8 = 64;
/// The decoder has lost the thread.
pub const LOST_THREAD: u8 = 128;

/// Each timeout gives up what is before one of the key frames that wait, and asks for another.
const MOST_ROUNDS: usize = 5000;
/// One frame of the largest size and what its start codes add.
const LARGEST_UNIT: usize = (4 << 20) + (64 << 10);

fn run(data: &[u8]) {
    let start = Instant::now();
    let mut receiver = Receiver {
        assembler: FrameAssembler::new(AssemblerConfig::default()),
        decoder: None,
        now: start,
        synchronized: false,
        requests: 0,
    };
    let (mut sequence, mut timestamp) = (65_530_u16, u32::MAX - 9000);
    let mut pieces = Pieces(data);
    while let Some(kind) = pieces.byte() {
        if kind & NEW_FRAME != 0 {
            timestamp = timestamp.wrapping_add(3000);
        }
        if kind & JUMP != 0 {
            sequence = sequence.wrapping_add(pieces.short().unwrap_or(0));
        }
        if kind & OTHER_TIME != 0 {
            timestamp = timestamp.wrapping_add(u32::from(pieces.short().unwrap_or(0)) << 16);
        }
        if kind & PAUSE != 0 {
            receiver.pause(Duration::from_millis(pieces.byte().unwrap_or(0).into()));
        }
        if kind & LOST_THREAD != 0 {
            receiver.assembler.request_key_frame(receiver.now);
            receiver.synchronized = false;
        }
        let packet = RtpPacket {
            sequence,
            timestamp,
            marker: kind & MARKER != 0,
            payload: Bytes::copy_from_slice(pieces.block().unwrap_or_default()),
            capture_time: (kind & CAPTURED != 0).then_some(u64::from(timestamp) << 32),
        };
        sequence = sequence.wrapping_add(1);
        for _ in 0..=u8::from(kind & TWICE != 0) {
            receiver.assembler.push(receiver.now, packet.clone());
            receiver.drain();
        }
    }
    receiver.pause(Duration::from_secs(2));
    let passed = receiver.now - start;
    let stats = receiver.assembler.stats();
    assert!(stats.frames <= stats.packets && stats.dropped() <= 2 * stats.packets, "{stats:?}");
    assert!(receiver.requests <= passed.as_millis() / 200 + 1, "too many requests: {stats:?}");
}

struct Receiver {
    assembler: FrameAssembler,
    decoder: Option<H264Decoder>,
    now: Instant,
    /// Whether a key frame was released, and nothing was lost since as far as we know.
    synchronized: bool,
    requests: u128,
}

impl Receiver {
    fn pause(&mut self, pause: Duration) {
        let end = self.now + pause;
        let mut rounds = 0;
        while let Some(at) = self.assembler.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.assembler.handle_timeout(self.now);
            self.drain();
            rounds += 1;
            assert!(rounds < MOST_ROUNDS, "timeouts that do not end");
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.assembler.poll(self.now) {
            match output {
                AssemblerOutput::Frame(unit) => {
                    assert!(unit.data.starts_with(&[0, 0, 0, 1]) && unit.data.len() > 4);
                    assert!(unit.data.len() <= LARGEST_UNIT, "{} bytes", unit.data.len());
                    assert!(unit.key || self.synchronized, "a picture that refers to nothing");
                    self.synchronized = true;
                    self.decode(&unit.data);
                    self.assembler.recycle(unit.data);
                }
                AssemblerOutput::Repair(sequences) => {
                    assert!((1..=MAX_REPAIRS).contains(&sequences.len()), "{sequences:?}");
                }
                // Until it comes, a repair may still let the video go on.
                AssemblerOutput::KeyFrameNeeded => self.requests += 1,
            }
        }
    }

    fn decode(&mut self, unit: &[u8]) {
        let decoder = self.decoder.get_or_insert_with(|| H264Decoder::new().unwrap());
        match decoder.decode(unit) {
            Ok(Some(planes)) => planes.check().unwrap(),
            Ok(None) => {}
            Err(_) => {
                self.assembler.request_key_frame(self.now);
                self.synchronized = false;
            }
        }
    }
}
