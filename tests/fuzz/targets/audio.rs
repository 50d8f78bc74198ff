//! Packets of sound in any order, with any contents, into blocks.
//!
//! A packet is a byte that says what is unusual about it, what belongs to that, and a block.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parhelion::media::audio::{AudioPacket, BLOCK, BlockReceiver, CHANNELS};

use super::{Pieces, Target};

pub const TARGET: Target =
    Target { name: "audio", run, seeds: &[], words: &[], max_len: 16 << 10, memory: 16 << 20 };

/// Two bytes follow: by how much the sequence number jumps.
pub const JUMP: u8 = 1;
/// Two bytes follow: by how much the timestamp does, in 65536ths of its range.
pub const OTHER_TIME: u8 = 2;
/// A byte follows: milliseconds that pass.
pub const PAUSE: u8 = 4;
pub const OTHER_STREAM: u8 = 8;
pub const CAPTURED: u8 = 16;

/// What one packet may set free: 64 that waited for it, of 120 ms at most, and what is made up.
const MOST_BLOCKS: usize = 64 * 6 + 16;

fn run(data: &[u8]) {
    let mut receiver = BlockReceiver::new().unwrap();
    let mut now = Instant::now();
    let (mut sequence, mut timestamp, mut ssrc) = (65_530_u16, u32::MAX - 4800, 1);
    let mut position = 0;
    let mut pieces = Pieces(data);
    while let Some(kind) = pieces.byte() {
        if kind & JUMP != 0 {
            sequence = sequence.wrapping_add(pieces.short().unwrap_or(0));
        }
        if kind & OTHER_TIME != 0 {
            timestamp = timestamp.wrapping_add(u32::from(pieces.short().unwrap_or(0)) << 16);
        }
        if kind & PAUSE != 0 {
            now += Duration::from_millis(pieces.byte().unwrap_or(0).into());
            receiver.handle_timeout(now);
        }
        if kind & OTHER_STREAM != 0 {
            ssrc += 1;
        }
        receiver.push(AudioPacket {
            ssrc,
            sequence,
            timestamp,
            capture_time: (kind & CAPTURED != 0).then_some(u64::from(timestamp) << 32),
            payload: Bytes::copy_from_slice(pieces.block().unwrap_or_default()),
            arrived: now,
        });
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(BLOCK as u32);
        let mut blocks = 0;
        while let Some(block) = receiver.poll() {
            blocks += 1;
            assert!(blocks <= MOST_BLOCKS, "one packet made {blocks} blocks");
            assert_eq!(block.samples.len(), BLOCK * CHANNELS);
            assert!(block.position >= position, "sound goes back");
            position = block.position + BLOCK as u64;
        }
    }
    assert!(receiver.stats().jitter.is_finite());
}
