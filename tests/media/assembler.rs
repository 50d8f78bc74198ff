//! The frame assembler: whole frames in order or nothing, however packets come.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parhelion::media::assembler::{MAX_FRAME_BYTES, MAX_PACKETS};
use parhelion::media::{AssemblerConfig, AssemblerOutput, FrameAssembler, RtpPacket};
use proptest::prelude::*;

use crate::stream::{Receiver, Sender};

const FRAME_TIME: Duration = Duration::from_millis(33);
const GAP: Duration = Duration::from_millis(200);

#[test]
fn a_frame_is_released_with_its_last_packet() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 350);
    let delta = sender.frame(false, 250);
    for frame in [&key, &delta] {
        let before = receiver.frames.len();
        let (last, rest) = frame.packets.split_last().unwrap();
        receiver.push_all(rest);
        assert_eq!(receiver.frames.len(), before);
        receiver.push(last);
        assert_eq!(receiver.frames.len(), before + 1);
    }
    receiver.expect(&[&key, &delta]);
    assert!(receiver.requests.is_empty());
    assert_eq!(receiver.frames[0].timestamp, key.packets[0].timestamp);
    assert_eq!(receiver.assembler.next_timeout(), None);
}

#[test]
fn the_capture_time_may_be_on_any_packet() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let mut key = sender.frame(true, 350);
    key.packets[2].capture_time = Some(77);
    receiver.push_all(&key.packets);
    assert_eq!(receiver.frames[0].capture_time, Some(77));
}

#[test]
fn a_frame_without_marker_ends_where_the_next_begins() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    sender.markers = false;
    let frames = [sender.frame(true, 250), sender.frame(false, 250), sender.frame(false, 50)];
    receiver.push_all(&frames[0].packets);
    receiver.expect(&[]);
    receiver.push_all(&frames[1].packets);
    receiver.push_all(&frames[2].packets);
    receiver.expect(&[&frames[0], &frames[1]]);
}

#[test]
fn padding_counts_as_received() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    sender.padding = true;
    let frames: Vec<_> = (0..5).map(|n| sender.frame(n == 0, 250)).collect();
    for frame in &frames {
        receiver.push_all(&frame.packets);
    }
    receiver.expect(&frames.iter().collect::<Vec<_>>());
    assert_eq!(receiver.stats().dropped(), 0);
}

#[test]
fn order_and_repetition_do_not_matter() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..4).map(|n| sender.frame(n == 0, 350)).collect();
    let mut packets: Vec<_> = frames.iter().flat_map(|frame| &frame.packets).collect();
    packets.reverse();
    let twice: Vec<_> = packets.iter().chain(&packets).copied().collect();
    receiver.push_all(twice);
    receiver.expect(&frames.iter().collect::<Vec<_>>());
    assert_eq!(receiver.stats().duplicates as usize, packets.len());
    assert_eq!(receiver.stats().late, 0);
}

#[test]
fn numbers_and_timestamps_wrap() {
    let mut sender = Sender::starting_at(65_530, u32::MAX - 4000);
    let mut receiver = Receiver::new();
    let frames: Vec<_> = (0..10).map(|n| sender.frame(n == 0, 350)).collect();
    for frame in &frames {
        receiver.push_all(frame.packets.iter().rev());
    }
    receiver.expect(&frames.iter().collect::<Vec<_>>());
}

#[test]
fn the_first_packets_may_be_out_of_order() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 350);
    receiver.push_all(key.packets.iter().rev());
    receiver.expect(&[&key]);
}

#[test]
fn malformed_frames_are_dropped_and_counted() {
    let bad: [&[u8]; 3] = [&[0x78, 0xff, 0xff, 1], &[0x7c, 0x05, 1], &[0x7c, 0x85, 1]];
    for payload in bad {
        let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
        let key = sender.frame(true, 50);
        receiver.push_all(&key.packets);
        let broken = sender.send(&[payload.to_vec()], false);
        receiver.push_all(&broken.packets);
        let delta = sender.frame(false, 50);
        receiver.push_all(&delta.packets);
        receiver.expect(&[&key]);
        assert_eq!(receiver.stats().dropped_malformed, 1);
        assert_eq!(receiver.requests.len(), 1);
    }
}

#[test]
fn an_endless_frame_is_bounded() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 50);
    receiver.push_all(&key.packets);
    for n in 0..2 * MAX_PACKETS {
        let packet = sender.packet(false, vec![0x7c, if n == 0 { 0x85 } else { 0x05 }, 1]);
        receiver.push(&packet);
    }
    let next = sender.frame(true, 50);
    receiver.push_all(&next.packets);
    receiver.pass(GAP);
    let last = sender.frame(true, 50);
    receiver.push_all(&last.packets);
    assert_eq!(receiver.frames.first().unwrap().data, key.data);
    assert_eq!(receiver.frames.last().unwrap().data, last.data);
    assert!(receiver.stats().restarts > 0);
}

#[test]
fn a_frame_of_too_many_bytes_is_dropped() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    sender.mtu = 60_000;
    let key = sender.frame(true, 50);
    let huge = sender.frame(false, MAX_FRAME_BYTES + 1);
    let largest = sender.frame(true, MAX_FRAME_BYTES - 1000);
    for frame in [&key, &huge, &largest] {
        receiver.push_all(&frame.packets);
    }
    receiver.expect(&[&key, &largest]);
    assert_eq!(receiver.stats().dropped_too_large, 1);

    // Without an end it is dropped as well, before it fills the memory.
    for n in 0..200 {
        let packet = sender
            .packet(false, [&[0x7c, if n == 0 { 0x81 } else { 1 }], &vec![1; 60_000][..]].concat());
        receiver.push(&packet);
    }
    assert!(receiver.stats().dropped_incomplete >= 1);
    assert!(!receiver.requests.is_empty());
}

#[test]
fn a_long_stream_flows() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    sender.mtu = 1200;
    for n in 0..250 {
        let frame = sender.frame(n == 0, 60_000);
        receiver.push_all(&frame.packets);
        receiver.pass(FRAME_TIME);
    }
    assert_eq!(receiver.frames.len(), 250);
    assert_eq!(receiver.stats().dropped() + receiver.stats().lost, 0);
}

#[test]
fn a_stream_that_starts_over_elsewhere_goes_on() {
    for jump in [20_000_u16, 40_000, 65_536_u32.wrapping_sub(2000) as u16, 5000] {
        let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
        let before = sender.frame(true, 350);
        receiver.push_all(&before.packets);
        let mut sender = Sender::starting_at(sender.sequence.wrapping_add(jump), 7);
        sender.count = 100;
        let after = sender.frame(true, 350);
        receiver.push_all(&after.packets);
        receiver.expect(&[&before, &after]);
        assert_eq!(receiver.stats().restarts, 1, "jump {jump}");
    }
}

#[test]
fn a_stream_that_starts_over_a_little_earlier_goes_on() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    for n in 0..60 {
        let frame = sender.frame(n == 0, 350);
        receiver.push_all(&frame.packets);
    }
    let mut sender = Sender::starting_at(sender.sequence.wrapping_sub(200), 7);
    for n in 0..100 {
        let frame = sender.frame(n % 20 == 0, 350);
        receiver.push_all(&frame.packets);
        receiver.pass(FRAME_TIME);
    }
    assert!(receiver.frames.len() > 100, "{:?}", receiver.stats());
}

#[test]
fn a_lone_stray_packet_does_no_harm() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let first = sender.frame(true, 350);
    let second = sender.frame(false, 350);
    receiver.push_all(&first.packets);
    let mut stray = second.packets[0].clone();
    stray.sequence = stray.sequence.wrapping_add(30_000);
    receiver.push(&stray);
    receiver.push_all(&second.packets);
    receiver.expect(&[&first, &second]);
    assert_eq!((receiver.stats().stray, receiver.stats().restarts), (1, 0));
}

#[test]
fn memory_is_used_again() {
    let mut assembler = FrameAssembler::new(AssemblerConfig::default());
    let (now, mut sender) = (Instant::now(), Sender::new());
    let mut address = None;
    for n in 0..5 {
        for packet in sender.frame(n == 0, 350).packets {
            assembler.push(now, packet);
        }
        let Some(AssemblerOutput::Frame(unit)) = assembler.poll(now) else { panic!("no frame") };
        assert!(address.is_none_or(|address| address == unit.data.as_ptr()));
        address = Some(unit.data.as_ptr());
        assembler.recycle(unit.data);
    }
}

/// What the network does to one packet.
#[derive(Clone, Copy, Debug)]
struct Fate {
    lost: bool,
    copies: u8,
    delay: u16,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate =
        (0_u8..100, 0_u8..100, 0_u16..120, 0_u8..100).prop_map(|(loss, copy, delay, slow)| Fate {
            lost: loss < 6,
            copies: if copy < 8 { 2 } else { 1 },
            delay: if slow < 15 { delay * 3 } else { delay / 20 },
        });
    prop::collection::vec(fate, 400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is lost, late, doubled or out of order: what comes out is what was sent, in
    /// order, and no frame comes without the one that it depends on.
    #[test]
    fn no_damaged_picture_ever(
        fates in fates(),
        key_every in 5_usize..25,
        first in any::<u16>(),
        timestamp in any::<u32>(),
        markers in prop::bool::weighted(0.8),
        padding in any::<bool>(),
        sizes in prop::collection::vec(1_usize..900, 60),
    ) {
        let mut sender = Sender::starting_at(first, timestamp);
        (sender.markers, sender.padding) = (markers, padding);
        let frames: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, &size)| sender.frame(n % key_every == 0, size))
            .collect();
        let mut arrivals = Vec::new();
        let mut index = 0;
        for (n, frame) in frames.iter().enumerate() {
            for packet in &frame.packets {
                let fate = fates[index % fates.len()];
                index += 1;
                if !fate.lost {
                    let sent = n as u32 * 33;
                    for copy in 0..u32::from(fate.copies) {
                        arrivals.push((sent + u32::from(fate.delay) + copy * 17, packet));
                    }
                }
            }
        }
        arrivals.sort_by_key(|&(at, _)| at);
        let mut receiver = Receiver::new();
        let mut now = 0;
        for (at, packet) in arrivals {
            receiver.pass(Duration::from_millis(u64::from(at - now)));
            now = at;
            receiver.push(packet);
        }
        receiver.pass(Duration::from_secs(1));

        let mut previous = None;
        for unit in &receiver.frames {
            let found = frames.iter().position(|frame| frame.data == unit.data);
            let index = found.expect("released what was never sent");
            prop_assert_eq!(unit.key, frames[index].key);
            prop_assert_eq!(unit.timestamp, frames[index].packets[0].timestamp);
            if !unit.key {
                prop_assert_eq!(previous, Some(index - 1), "a frame without the one before");
            }
            prop_assert!(previous.is_none_or(|previous| previous < index), "out of order");
            previous = Some(index);
        }
        let pairs = receiver.requests.windows(2);
        for pair in pairs {
            prop_assert!(pair[1] - pair[0] >= GAP, "asked too often");
        }
        prop_assert_eq!(receiver.stats().frames as usize, receiver.frames.len());

        // Once the network behaves again, a key frame sets everything right.
        sender.markers = true;
        let key = sender.frame(true, 500);
        let delta = sender.frame(false, 500);
        receiver.push_all(key.packets.iter().chain(&delta.packets));
        // As late as packets were, it may take the round trip for long.
        receiver.pass(Duration::from_secs(1));
        let shown: Vec<_> = receiver.frames.iter().rev().take(2).map(|unit| &unit.data).collect();
        prop_assert!(shown == [&delta.data, &key.data]);
        receiver.pass(Duration::from_secs(10));
        prop_assert_eq!(receiver.assembler.next_timeout(), None);
    }

    /// Nothing that a peer can put into packets makes it panic, or release a frame that did not
    /// come after a key frame.
    #[test]
    fn hostile_packets_are_harmless(
        packets in prop::collection::vec(
            (any::<u16>(), 0_u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..12),
             prop::sample::select(vec![0x67_u8, 0x68, 0x65, 0x61, 0x78, 0x7c, 0x00, 0x79]),
             0_u16..40),
            0..300,
        ),
        near in any::<bool>(),
    ) {
        let mut receiver = Receiver::new();
        for (sequence, timestamp, marker, rest, kind, wait) in packets {
            let sequence = if near { sequence % 64 } else { sequence };
            let payload = Bytes::from([&[kind], &rest[..]].concat());
            receiver.push(&RtpPacket { sequence, timestamp, marker, payload, capture_time: None });
            receiver.pass(Duration::from_millis(wait.into()));
        }
        receiver.pass(Duration::from_secs(1));
        prop_assert!(receiver.frames.first().is_none_or(|unit| unit.key));
    }
}
