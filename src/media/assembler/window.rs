//! The packets between the last released frame and the newest, by sequence number.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::repair::{Gap, Repair};
use super::{MAX_PACKETS, MAX_REPAIRS, MAX_WAITING_BYTES};
use crate::media::depacketize::{RtpPacket, starts_key_frame};

/// Packets before the first one that may still turn up when a stream begins out of order.
const START_SLACK: u64 = 64;

/// How far back a packet can be and still belong to the stream. One that is further back is no
/// late repair but a sender that started over.
const MAX_AGE: u64 = 512;

/// Late packets in a row after which the stream is taken to have started over a little earlier.
const MAX_LATE_RUN: u32 = 128;

#[derive(Debug)]
enum Slot {
    Missing,
    Present { packet: RtpPacket, arrived: Instant },
}

/// What became of a packet.
#[derive(Debug)]
pub(super) enum Insert {
    Accepted,
    /// Was missing until now.
    Filled(Gap),
    Duplicate,
    Late,
    /// Too far from the stream to be part of it.
    Elsewhere(RtpPacket),
}

/// What the packets of a frame say about it.
#[derive(Debug)]
pub(super) struct FrameHead {
    pub(super) timestamp: u32,
    pub(super) capture_time: Option<u64>,
    /// Of the packet that came last.
    pub(super) arrived: Option<Instant>,
}

/// What was left behind.
#[derive(Debug)]
pub(super) struct Skipped {
    /// Frames of which at least one packet had come.
    pub(super) dropped: u64,
    /// Packets that never came.
    pub(super) missing: u64,
}

/// A run of sequence numbers; the front is the first that is neither released nor given up.
#[derive(Debug)]
pub(super) struct Window {
    /// Extended sequence number of the front.
    front: u64,
    slots: VecDeque<Slot>,
    /// The missing slots by extended sequence number, without those of the slack.
    gaps: BTreeMap<u64, Gap>,
    /// Extended sequence numbers at which key frames begin, rising.
    key_frames: VecDeque<u64>,
    /// Payload bytes waiting.
    bytes: usize,
    /// Whether each of the last [`MAX_AGE`] sequence numbers before the front had come.
    came: VecDeque<bool>,
    late_run: u32,
    /// First sequence number whose absence counts as a loss.
    first: u64,
    started: Instant,
}

impl Window {
    pub(super) fn starting_with(now: Instant, packet: RtpPacket) -> Self {
        // One full turn up, so that the slack cannot reach below zero.
        let first = (1 << 16) + u64::from(packet.sequence);
        let mut window = Self {
            front: first - START_SLACK,
            slots: VecDeque::new(),
            gaps: BTreeMap::new(),
            key_frames: VecDeque::new(),
            bytes: 0,
            came: VecDeque::new(),
            late_run: 0,
            first,
            started: now,
        };
        window.insert(now, packet);
        window
    }

    pub(super) fn insert(&mut self, now: Instant, packet: RtpPacket) -> Insert {
        let offset = packet.sequence.wrapping_sub(self.front as u16) as i16;
        if offset < 0 {
            return self.insert_behind(offset.unsigned_abs().into(), packet);
        }
        let index = offset as usize;
        if index >= MAX_PACKETS {
            return Insert::Elsewhere(packet);
        }
        if matches!(self.slots.get(index), Some(Slot::Present { .. })) {
            return Insert::Duplicate;
        }
        let sequence = self.front + index as u64;
        while self.slots.len() <= index {
            let missing = self.front + self.slots.len() as u64;
            if (self.first..sequence).contains(&missing) {
                self.gaps.insert(missing, Gap::new(now));
            }
            self.slots.push_back(Slot::Missing);
        }
        self.late_run = 0;
        self.bytes += packet.payload.len();
        if starts_key_frame(&packet.payload) {
            let at = self.key_frames.partition_point(|&other| other < sequence);
            self.key_frames.insert(at, sequence);
        }
        self.slots[index] = Slot::Present { packet, arrived: now };
        self.gaps.remove(&sequence).map_or(Insert::Accepted, Insert::Filled)
    }

    fn insert_behind(&mut self, age: u64, packet: RtpPacket) -> Insert {
        if age > MAX_AGE {
            return Insert::Elsewhere(packet);
        }
        self.late_run += 1;
        if self.late_run > MAX_LATE_RUN {
            return Insert::Elsewhere(packet);
        }
        let came = self.came.len().checked_sub(age as usize).map(|index| self.came[index]);
        if came == Some(true) { Insert::Duplicate } else { Insert::Late }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether more waits, or is missing, than anything is worth.
    pub(super) fn is_too_full(&self) -> bool {
        self.bytes > MAX_WAITING_BYTES || self.gaps.len() > MAX_REPAIRS
    }

    /// The first `count` packets, all of which must be present.
    pub(super) fn front(&self, count: usize) -> impl Iterator<Item = &RtpPacket> {
        self.slots.iter().take(count).filter_map(Slot::packet)
    }

    /// Number of packets of the frame at the front, if all have come.
    pub(super) fn complete_frame(&self) -> Option<usize> {
        self.frame_from(0).ok()
    }

    /// Distance of the first key frame of which all packets have come.
    pub(super) fn complete_key_frame(&self) -> Option<usize> {
        let mut beyond = 0;
        for distance in self.key_frame_distances() {
            // What begins before the place where a frame broke off breaks off there as well.
            if distance >= beyond {
                match self.frame_from(distance) {
                    Ok(_) => return Some(distance),
                    Err(broken) => beyond = broken,
                }
            }
        }
        None
    }

    /// Distance of the first key frame that begins after the first missing packet.
    pub(super) fn key_frame_beyond_gap(&self) -> Option<usize> {
        let gap = self.slots.iter().position(Slot::is_missing)?;
        self.key_frame_distances().find(|&distance| distance > gap)
    }

    /// When the newest key frame that waits began to come.
    pub(super) fn key_frame_since(&self) -> Option<Instant> {
        self.key_frame_distances().filter_map(|distance| self.slots[distance].arrived()).max()
    }

    /// When the first missing packet was missed.
    pub(super) fn gap_since(&self) -> Option<Instant> {
        if self.front < self.first {
            return Some(self.started);
        }
        self.gaps.first_key_value().map(|(_, gap)| gap.since)
    }

    /// When the next request for a missing packet is due.
    pub(super) fn next_request(&self, repair: &Repair) -> Option<Instant> {
        self.gaps.values().filter_map(|gap| repair.due(gap)).min()
    }

    /// Notes the packets that are to be asked for now.
    pub(super) fn request(&mut self, now: Instant, repair: &mut Repair, sequences: &mut Vec<u16>) {
        for (&sequence, gap) in &mut self.gaps {
            if repair.due(gap).is_some_and(|due| due <= now) {
                gap.request(now);
                if repair.pay() {
                    sequences.push(sequence as u16);
                }
            }
        }
    }

    /// Frames of which packets wait.
    pub(super) fn frames_waiting(&self) -> u64 {
        count_frames(self.slots.iter())
    }

    /// Lets a complete frame go.
    pub(super) fn consume(&mut self, count: usize) -> FrameHead {
        let head = FrameHead {
            timestamp: self.front(count).next().map_or(0, |packet| packet.timestamp),
            capture_time: self.front(count).find_map(|packet| packet.capture_time),
            arrived: self.slots.iter().take(count).filter_map(Slot::arrived).max(),
        };
        self.advance(count);
        head
    }

    /// Leaves `count` slots behind, whatever is in them.
    pub(super) fn skip(&mut self, count: usize) -> Skipped {
        let dropped = count_frames(self.slots.iter().take(count));
        let slack = self.first.saturating_sub(self.front) as usize;
        let counted = self.slots.iter().take(count).skip(slack);
        let missing = counted.filter(|slot| slot.is_missing()).count() as u64;
        self.advance(count);
        Skipped { dropped, missing }
    }

    fn advance(&mut self, count: usize) {
        for slot in self.slots.drain(..count) {
            if self.came.len() == MAX_AGE as usize {
                self.came.pop_front();
            }
            self.came.push_back(!slot.is_missing());
            self.bytes -= slot.packet().map_or(0, |packet| packet.payload.len());
        }
        self.front += count as u64;
        self.gaps = self.gaps.split_off(&self.front);
        let passed = self.key_frames.partition_point(|&sequence| sequence < self.front);
        self.key_frames.drain(..passed);
    }

    fn key_frame_distances(&self) -> impl Iterator<Item = usize> {
        self.key_frames.iter().map(|&sequence| (sequence - self.front) as usize)
    }

    /// Number of packets of the frame that begins at this distance, if all have come: up to the
    /// marker, or up to a change of the timestamp. Otherwise the distance of the first that has
    /// not.
    fn frame_from(&self, start: usize) -> Result<usize, usize> {
        let mut timestamp = None;
        for (count, slot) in self.slots.iter().skip(start).enumerate() {
            let packet = slot.packet().ok_or(start + count)?;
            if *timestamp.get_or_insert(packet.timestamp) != packet.timestamp {
                return Ok(count);
            }
            if packet.marker {
                return Ok(count + 1);
            }
        }
        Err(self.slots.len())
    }
}

impl Slot {
    fn packet(&self) -> Option<&RtpPacket> {
        match self {
            Self::Present { packet, .. } => Some(packet),
            Self::Missing => None,
        }
    }

    fn arrived(&self) -> Option<Instant> {
        match self {
            Self::Present { arrived, .. } => Some(*arrived),
            Self::Missing => None,
        }
    }

    fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// Frames, told apart by timestamp, that left packets with a payload in a run of slots.
fn count_frames<'a>(slots: impl Iterator<Item = &'a Slot>) -> u64 {
    let mut last = None;
    let mut frames = 0;
    for packet in slots.filter_map(Slot::packet).filter(|packet| !packet.payload.is_empty()) {
        frames += u64::from(last != Some(packet.timestamp));
        last = Some(packet.timestamp);
    }
    frames
}
