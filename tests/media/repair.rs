//! Packets that are lost: asked for again while there is time, then given up for a key frame.

use std::time::{Duration, Instant};

use crate::stream::{Frame, Receiver, Sender};
use parhelion::media::assembler::MAX_REPAIRS;
use parhelion::transport::impairment::{Conditions, Link};

const FRAME_TIME: Duration = Duration::from_millis(33);
const GAP: Duration = Duration::from_millis(200);

#[test]
fn a_repaired_gap_costs_nothing() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..4).map(|n| sender.frame(n == 0, 350)).collect();
    receiver.push_all(&frames[0].packets);
    let lost = &frames[1].packets[1];
    receiver.push_all(frames[1].packets.iter().filter(|p| p.sequence != lost.sequence));
    receiver.push_all(&frames[2].packets);
    receiver.pass(GAP.checked_sub(Duration::from_millis(1)).unwrap());
    receiver.expect(&[&frames[0]]);
    receiver.push(lost);
    receiver.push_all(&frames[3].packets);
    receiver.expect(&frames.iter().collect::<Vec<_>>());
    assert!(receiver.requests.is_empty());
}

#[test]
fn a_lasting_gap_is_given_up_and_a_key_frame_asked_for_until_it_comes() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..3).map(|n| sender.frame(n == 0, 350)).collect();
    receiver.push_all(&frames[0].packets);
    receiver.push_all(&frames[1].packets[1..]);
    receiver.push_all(&frames[2].packets);
    let lost_at = receiver.now;
    receiver.pass(Duration::from_millis(900));
    let asked: Vec<_> = receiver.requests.iter().map(|&at| (at - lost_at).as_millis()).collect();
    assert_eq!(asked, [200, 400, 600, 800]);

    let delta = sender.frame(false, 50);
    receiver.push_all(&delta.packets);
    receiver.expect(&[&frames[0]]);
    let key = sender.frame(true, 350);
    let after = sender.frame(false, 50);
    receiver.push_all(&key.packets);
    receiver.push_all(&after.packets);
    receiver.expect(&[&frames[0], &key, &after]);
    receiver.pass(Duration::from_secs(5));
    assert_eq!(receiver.requests.len(), 4);

    // What was given up may still drop in.
    receiver.push(&frames[1].packets[0]);
    receiver.push(&frames[1].packets[1]);
    let stats = receiver.stats();
    assert_eq!((stats.late, stats.duplicates, stats.lost), (1, 1, 1));
    assert_eq!((stats.dropped_incomplete, stats.dropped_awaiting_key_frame), (2, 1));
    assert_eq!((stats.frames, stats.key_frames, stats.key_frame_requests), (3, 2, 4));
}

#[test]
fn a_stream_joined_in_the_middle_waits_for_a_key_frame() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let start = receiver.now;
    let rest = sender.frame(false, 350);
    receiver.push_all(&rest.packets[2..]);
    for _ in 0..3 {
        receiver.pass(FRAME_TIME);
        let delta = sender.frame(false, 250);
        receiver.push_all(&delta.packets);
    }
    receiver.expect(&[]);
    assert!(receiver.requests[0] - start <= Duration::from_millis(20));
    let key = sender.frame(true, 250);
    receiver.push_all(&key.packets);
    receiver.expect(&[&key]);
}

#[test]
fn a_key_frame_that_is_coming_in_is_not_asked_for() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 1000);
    for packet in &key.packets {
        receiver.push(packet);
        receiver.pass(Duration::from_millis(15));
    }
    receiver.expect(&[&key]);
    assert!(receiver.requests.is_empty());
}

#[test]
fn half_a_key_frame_is_no_key_frame() {
    // The parameter sets are lost, and the rest looks like a key frame.
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 350);
    receiver.push_all(&key.packets[1..]);
    receiver.pass(Duration::from_secs(1));
    receiver.expect(&[]);
    assert!(!receiver.requests.is_empty());
}

#[test]
fn a_later_slice_of_a_key_frame_is_no_key_frame() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let first = sender.frame(true, 50);
    receiver.push_all(&first.packets);
    receiver.assembler.request_key_frame(receiver.now);
    let slice = vec![0x65, 0x40, 1, 2, 3];
    let partial = sender.send(&[slice], true);
    receiver.push_all(&partial.packets);
    receiver.expect(&[&first]);
}

#[test]
fn a_key_frame_may_rely_on_earlier_parameters_unless_something_was_lost() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let first = sender.frame(true, 50);
    let bare = |sender: &mut Sender| sender.send(&[vec![0x65, 0x88, 1, 2, 3]], true);
    let second = bare(&mut sender);
    receiver.push_all(first.packets.iter().chain(&second.packets));
    receiver.expect(&[&first, &second]);

    // What is lost may have brought new parameters.
    sender.frame(true, 50);
    let third = bare(&mut sender);
    receiver.push_all(&third.packets);
    receiver.pass(GAP);
    let fourth = bare(&mut sender);
    receiver.push_all(&fourth.packets);
    receiver.expect(&[&first, &second]);
    let fifth = sender.frame(true, 50);
    receiver.push_all(&fifth.packets);
    receiver.expect(&[&first, &second, &fifth]);
}

#[test]
fn a_decoder_can_ask_but_not_too_often() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let key = sender.frame(true, 50);
    receiver.push_all(&key.packets);
    let start = receiver.now;
    for _ in 0..30 {
        receiver.assembler.request_key_frame(receiver.now);
        receiver.drain();
        let delta = sender.frame(false, 50);
        receiver.push_all(&delta.packets);
        receiver.pass(Duration::from_millis(10));
    }
    receiver.expect(&[&key]);
    let asked: Vec<_> = receiver.requests.iter().map(|&at| (at - start).as_millis()).collect();
    assert_eq!(asked, [0, 200]);
}

#[test]
fn a_key_frame_beyond_a_gap_is_shown_when_the_gap_is_given_up() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..4).map(|n| sender.frame(n % 2 == 0, 350)).collect();
    receiver.push_all(&frames[0].packets);
    receiver.push_all(&frames[1].packets[..1]);
    receiver.push_all(&frames[2].packets);
    receiver.push_all(&frames[3].packets);
    receiver.expect(&[&frames[0]]);
    receiver.pass(GAP);
    receiver.expect(&[&frames[0], &frames[2], &frames[3]]);
    assert!(receiver.requests.is_empty());
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When each missing packet was asked for, in milliseconds since `start`.
fn asked(receiver: &Receiver, sequence: u16, start: Instant) -> Vec<u128> {
    let of = receiver.repairs.iter().filter(|(_, asked)| *asked == sequence);
    of.map(|(at, _)| (*at - start).as_millis()).collect()
}

#[test]
fn a_missing_packet_is_asked_for_at_once_and_then_once_a_round_trip() {
    for (round_trip, times) in [
        (None, vec![0, 60, 120, 180, 240, 300]),
        (Some(40), vec![0, 50, 100, 150, 200, 250, 300, 350]),
        (Some(200), vec![0, 210, 420, 630]),
        // Within a second there is no time for another round, but for two more requests.
        (Some(600), vec![0, 200, 400]),
    ] {
        let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
        let frames: Vec<_> = (0..2).map(|n| sender.frame(n == 0, 350)).collect();
        if let Some(millis) = round_trip {
            receiver.assembler.set_round_trip(ms(millis));
        }
        receiver.push_all(&frames[0].packets);
        receiver.push(&frames[1].packets[0]);
        receiver.push(&frames[1].packets[2]);
        let start = receiver.now;
        receiver.pass(Duration::from_secs(3));
        let sequence = frames[1].packets[1].sequence;
        assert_eq!(asked(&receiver, sequence, start), times, "round trip {round_trip:?} ms");
        assert_eq!(receiver.stats().repair_requests, times.len() as u64);
    }
}

#[test]
fn a_longer_way_is_given_more_time_but_not_more_than_a_second() {
    for (round_trip, asked, given_up) in
        [(1, 200, 400), (40, 200, 400), (100, 240, 480), (200, 450, 900), (600, 700, 1000)]
    {
        let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
        let frames: Vec<_> = (0..2).map(|n| sender.frame(n == 0, 350)).collect();
        receiver.assembler.set_round_trip(ms(round_trip));
        receiver.push_all(&frames[0].packets);
        receiver.push_all(&frames[1].packets[1..]);
        let start = receiver.now;
        receiver.pass(ms(given_up - 1));
        assert_eq!(receiver.stats().lost, 0);
        receiver.pass(ms(1));
        assert_eq!(receiver.stats().lost, 1, "round trip {round_trip} ms");
        assert_eq!(receiver.requests[0] - start, ms(asked), "round trip {round_trip} ms");
    }
}

#[test]
fn what_is_repaired_before_the_key_frame_comes_is_shown() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..3).map(|n| sender.frame(n == 0, 350)).collect();
    receiver.push_all(&frames[0].packets);
    receiver.push_all(&frames[1].packets[1..]);
    receiver.push_all(&frames[2].packets);
    receiver.pass(ms(300));
    assert_eq!(receiver.requests.len(), 1);
    receiver.push(&frames[1].packets[0]);
    receiver.expect(&frames.iter().collect::<Vec<_>>());
    receiver.pass(Duration::from_secs(3));
    assert_eq!(receiver.requests.len(), 1, "it is no longer needed");
}

#[test]
fn a_key_frame_that_comes_before_the_repair_is_shown_instead() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let frames: Vec<_> = (0..2).map(|n| sender.frame(n == 0, 350)).collect();
    receiver.push_all(&frames[0].packets);
    receiver.push_all(&frames[1].packets[1..]);
    receiver.pass(ms(199));
    let key = sender.frame(true, 350);
    let (last, rest) = key.packets.split_last().unwrap();
    receiver.push_all(rest);
    receiver.pass(ms(30));
    receiver.expect(&[&frames[0]]);
    receiver.push(last);
    receiver.expect(&[&frames[0], &key]);
    receiver.push(&frames[1].packets[0]);
    receiver.expect(&[&frames[0], &key]);
    assert!(receiver.requests.is_empty(), "one was just coming in");
}

#[test]
fn key_frames_are_not_asked_for_faster_than_they_can_come() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.assembler.set_round_trip(ms(600));
    let delta = sender.frame(false, 350);
    receiver.push_all(&delta.packets);
    receiver.pass(Duration::from_secs(3));
    assert_eq!(receiver.requests[1] - receiver.requests[0], ms(900));
}

#[test]
fn the_round_trip_is_learned_from_answers() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.push_all(&sender.frame(true, 350).packets);
    for _ in 0..20 {
        let frame = sender.frame(false, 350);
        receiver.push(&frame.packets[0]);
        receiver.push(&frame.packets[2]);
        let start = receiver.now;
        receiver.pass(ms(160));
        receiver.push(&frame.packets[1]);
        receiver.push_all(&frame.packets[3..]);
        receiver.pass(ms(160));
        let times = asked(&receiver, frame.packets[1].sequence, start);
        // At first a round trip of 50 ms is assumed.
        assert!(times == [0] || receiver.frames.len() < 8, "{times:?}");
    }
    assert_eq!(receiver.stats().repaired, 20);
    assert_eq!(receiver.stats().dropped(), 0);
}

#[test]
fn what_was_only_overtaken_is_soon_not_asked_for() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.assembler.set_round_trip(ms(40));
    receiver.push_all(&sender.frame(true, 350).packets);
    for n in 0..20 {
        let frame = sender.frame(false, 350);
        receiver.push(&frame.packets[1]);
        receiver.pass(ms(8));
        receiver.push(&frame.packets[0]);
        receiver.push_all(&frame.packets[2..]);
        assert!(n == 0 || receiver.repairs.len() == 1, "asked for {:?}", receiver.repairs);
        receiver.pass(FRAME_TIME);
    }
    assert_eq!(receiver.frames.len(), 21);
}

#[test]
fn after_an_outage_a_key_frame_is_asked_for_instead_of_everything() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.push_all(&sender.frame(true, 350).packets);
    for _ in 0..MAX_REPAIRS {
        sender.frame(false, 350);
    }
    receiver.pass(Duration::from_secs(10));
    let outage_over = receiver.now;
    receiver.push_all(&sender.frame(false, 350).packets);
    assert_eq!(receiver.requests, [outage_over]);
    assert!(receiver.repairs.is_empty());
    let key = sender.frame(true, 350);
    receiver.push_all(&key.packets);
    assert_eq!(receiver.frames.last().map(|unit| &unit.data), Some(&key.data));
}

#[test]
fn a_repeated_last_packet_gives_a_lost_end_away() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.push_all(&sender.frame(true, 350).packets);
    let last = sender.frame(false, 350);
    let (end, rest) = last.packets.split_last().unwrap();
    receiver.push_all(&rest[..rest.len() - 1]);
    receiver.pass(ms(500));
    assert!(receiver.repairs.is_empty(), "nobody knows that there was more");
    receiver.push(end);
    assert_eq!(receiver.repairs.last().map(|(_, asked)| *asked), Some(end.sequence - 1));
    receiver.push(&rest[rest.len() - 1]);
    assert_eq!(receiver.frames.last().map(|unit| &unit.data), Some(&last.data));
}

#[test]
fn a_link_that_loses_most_is_not_asked_for_more() {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    receiver.push_all(&sender.frame(true, 350).packets);
    let mut came = 0;
    for n in 0..600_usize {
        let frame = sender.frame(false, 950);
        let some: Vec<_> = frame.packets.iter().skip(n % 5).step_by(5).collect();
        came += some.len();
        receiver.push_all(some);
        receiver.pass(FRAME_TIME);
    }
    let asked = receiver.repairs.len();
    assert!(asked <= 70 + came / 4, "asked for {asked} packets after {came} that came");
}

/// What became of the frames of a stream over a bad link, there and back.
#[derive(Debug)]
struct Outcome {
    /// Share of the frames that were released.
    shown: f64,
    /// The longest time from sending to release.
    slowest: Duration,
    /// Packets sent again, of all.
    again: f64,
}

/// Sends `count` frames of about ten packets at 30 a second over a link, and requests back over
/// another. The sender answers as ours does: packets from its buffer, a key frame at most every 200 ms.
fn stream_over(conditions: Conditions, count: u32, seed: u64) -> Outcome {
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let mut there = Link::new(conditions, seed);
    let mut back = Link::new(conditions, !seed);
    let (start, end) = (receiver.now, receiver.now + FRAME_TIME * count + Duration::from_secs(3));
    receiver.assembler.set_round_trip(conditions.delay * 2);
    let mut sent: Vec<(Instant, Frame)> = Vec::new();
    let (mut packets, mut again, mut slowest) = (0, 0, Duration::ZERO);
    let (mut key_wanted, mut last_key) = (true, None);
    let (mut asked, mut wanted) = (0, 0);
    while receiver.now < end {
        let now = receiver.now;
        while let Some(request) = back.pop(now) {
            match request {
                Some(sequence) => {
                    let all = sent.iter().rev().flat_map(|(_, frame)| &frame.packets);
                    for packet in all.take(2048).filter(|packet| packet.sequence == sequence) {
                        again += 1;
                        there.push(now, packet.payload.len(), packet.clone());
                    }
                }
                None => key_wanted = true,
            }
        }
        let due = start + FRAME_TIME * sent.len() as u32;
        if now >= due && sent.len() < count as usize {
            let key = key_wanted && last_key.is_none_or(|at| now - at >= GAP);
            if key {
                (key_wanted, last_key) = (false, Some(now));
            }
            let frame = sender.frame(key, if key { 3500 } else { 950 });
            packets += frame.packets.len();
            for packet in &frame.packets {
                there.push(now, packet.payload.len(), packet.clone());
            }
            sent.push((now, frame));
        }
        let shown = receiver.frames.len();
        while let Some(packet) = there.pop(now) {
            receiver.push(&packet);
        }
        receiver.pass(ms(1));
        for unit in &receiver.frames[shown..] {
            let found = sent.iter().rev().find(|(_, frame)| frame.data == unit.data);
            let (at, _) = found.expect("released what was never sent");
            slowest = slowest.max(now - *at);
        }
        for (_, sequence) in &receiver.repairs[asked..] {
            back.push(now, 60, Some(*sequence));
        }
        asked = receiver.repairs.len();
        for _ in wanted..receiver.requests.len() {
            back.push(now, 60, None);
        }
        wanted = receiver.requests.len();
    }
    let shown = receiver.frames.len() as f64 / f64::from(count);
    Outcome { shown, slowest, again: f64::from(again) / packets as f64 }
}

#[test]
fn most_frames_are_shown_whatever_is_lost() {
    // Loss, mean run of losses, delay each way; least share shown, longest wait, most sent again.
    for (loss, burst, delay, shown, slowest, again) in [
        (0.01, None, 20, 0.99, 500, 0.03),
        (0.03, None, 20, 0.995, 500, 0.06),
        (0.05, None, 20, 0.99, 500, 0.09),
        (0.10, None, 20, 0.97, 500, 0.17),
        (0.03, Some(4.0), 20, 0.97, 500, 0.08),
        (0.10, Some(4.0), 20, 0.92, 700, 0.20),
        (0.03, None, 100, 0.97, 1200, 0.08),
        (0.10, None, 100, 0.80, 1200, 0.20),
        (0.03, None, 300, 0.90, 1700, 0.12),
    ] {
        let conditions = Conditions { loss, burst, delay: ms(delay), ..Conditions::default() };
        for seed in 1..=3 {
            let outcome = stream_over(conditions, 900, seed);
            let text = format!("{conditions:?}, seed {seed}: {outcome:?}");
            println!("{text}");
            assert!(outcome.shown >= shown, "{text}");
            assert!(outcome.slowest <= ms(slowest), "{text}");
            assert!(outcome.again <= again, "{text}");
        }
    }
}
