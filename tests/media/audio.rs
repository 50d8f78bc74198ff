//! What goes out when, and what comes of packets that are lost, late and out of order.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parhelion::error::{Error, Result};
use parhelion::media::NtpTime;
use parhelion::media::audio::{
    AudioBlock, AudioPacket, BLOCK, BLOCK_DURATION, BlockReceiver, CHANNELS, Clip, LIVE_CAPACITY,
    Mixer, OpusEncoder, later,
};

const LOUD: i16 = 20_000;

type Ends = Arc<Mutex<Vec<(u64, Result<()>)>>>;

fn clip(id: u64, blocks: &[Vec<i16>], ends: &Ends) -> (Clip, SyncSender<Result<Vec<i16>>>) {
    let (sender, receiver) = sync_channel(64);
    for block in blocks {
        sender.send(Ok(block.clone())).unwrap();
    }
    let ends = Arc::clone(ends);
    let done = Box::new(move |result| ends.lock().unwrap().push((id, result)));
    (Clip { id, blocks: receiver, done }, sender)
}

fn whole(value: i16) -> Vec<i16> {
    vec![value; BLOCK * CHANNELS]
}

/// The next block, with the end of a clip told to who waits for it.
fn next(mixer: &mut Mixer) -> Vec<i16> {
    let mixed = mixer.block();
    assert_eq!(mixed.samples.len(), BLOCK * CHANNELS);
    if let Some((done, result)) = mixed.ended {
        done(result);
    }
    mixed.samples
}

fn largest_step(samples: &[i16]) -> i32 {
    let left: Vec<i32> = samples.iter().step_by(CHANNELS).map(|&sample| sample.into()).collect();
    left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap_or(0)
}

#[test]
fn silence_goes_out_when_there_is_nothing_else() {
    let mut mixer = Mixer::default();
    assert_eq!(next(&mut mixer), whole(0));
    assert!(mixer.block().capture_time.is_none());
}

#[test]
fn a_clip_goes_out_whole_and_its_end_is_told_once() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let (clip, sender) = clip(1, &[whole(0), whole(0), vec![0; 100]], &ends);
    assert!(mixer.play(clip).is_none());
    drop(sender);
    for _ in 0..3 {
        next(&mut mixer);
        assert!(ends.lock().unwrap().is_empty());
    }
    // When the last block has been heard.
    next(&mut mixer);
    assert_eq!(*ends.lock().unwrap(), [(1, Ok(()))]);
    next(&mut mixer);
    assert_eq!(ends.lock().unwrap().len(), 1);
    assert_eq!(mixer.stats().clip_gaps, 0);
}

#[test]
fn nothing_clicks_where_sounds_begin_end_and_take_turns() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let mut sent = next(&mut mixer);
    let (first, _first) = clip(1, &[whole(LOUD), whole(LOUD), whole(LOUD)], &ends);
    mixer.play(first);
    sent.extend(next(&mut mixer));
    sent.extend(next(&mut mixer));
    // Another one in the middle of it, as different as can be, that ends in the middle of a block.
    let (second, end) = clip(2, &[whole(-LOUD), vec![-LOUD; 600]], &ends);
    mixer.play(second).unwrap()(Ok(()));
    drop(end);
    (0..4).for_each(|_| sent.extend(next(&mut mixer)));
    // One that is not decoded in time, and one that is stopped.
    let (third, sender) = clip(3, &[whole(LOUD)], &ends);
    mixer.play(third);
    sent.extend(next(&mut mixer));
    sent.extend(next(&mut mixer));
    sender.send(Ok(whole(LOUD))).unwrap();
    sent.extend(next(&mut mixer));
    mixer.stop(3);
    sent.extend(next(&mut mixer));
    assert_eq!(mixer.stats().clip_gaps, 1);
    assert_eq!(sent.iter().max(), Some(&LOUD));
    assert_eq!(sent.iter().min(), Some(&-LOUD));
    assert_eq!(sent[sent.len() - 1], 0);
    // 40 000 over 240 samples, at most half as steep again.
    assert!(largest_step(&sent) <= 250, "{}", largest_step(&sent));
}

#[test]
fn each_of_many_clips_hears_its_own_end() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let mut senders = Vec::new();
    for id in 1..=3 {
        let (clip, sender) = clip(id, &[whole(1), whole(1)], &ends);
        if let Some(stopped) = mixer.play(clip) {
            stopped(Ok(()));
        }
        senders.push(sender);
        next(&mut mixer);
    }
    assert_eq!(*ends.lock().unwrap(), [(1, Ok(())), (2, Ok(()))]);
    // Those of the clips that were stopped have no effect any more.
    senders.truncate(0);
    next(&mut mixer);
    next(&mut mixer);
    assert_eq!(*ends.lock().unwrap(), [(1, Ok(())), (2, Ok(())), (3, Ok(()))]);
}

#[test]
fn a_clip_that_gets_ready_after_a_newer_one_is_never_heard() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let (newer, _newer) = clip(2, &vec![whole(LOUD); 3], &ends);
    mixer.play(newer);
    let (older, _older) = clip(1, &[whole(-LOUD)], &ends);
    mixer.play(older).unwrap()(Ok(()));
    assert_eq!(*ends.lock().unwrap(), [(1, Ok(()))]);
    let sent = [next(&mut mixer), next(&mut mixer)].concat();
    assert!(sent.iter().all(|&sample| sample >= 0));
}

#[test]
fn a_clip_that_turns_out_to_be_damaged_says_so_at_its_end() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let (clip, sender) = clip(1, &[whole(5)], &ends);
    mixer.play(clip);
    sender.send(Err(Error::invalid_input("damaged"))).unwrap();
    next(&mut mixer);
    next(&mut mixer);
    let ends = ends.lock().unwrap();
    assert!(matches!(ends.as_slice(), [(1, Err(error))] if error.message == "damaged"));
}

#[test]
fn a_clip_waits_while_nobody_listens_and_nothing_plays_after_the_end() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let (first, _first) = clip(1, &[whole(7), whole(8)], &ends);
    mixer.play(first);
    next(&mut mixer);
    mixer.idle();
    assert_eq!(next(&mut mixer)[1000], 8);
    mixer.close().unwrap()(Err(Error::invalid_input("over")));
    let (late, _late) = clip(2, &[whole(9)], &ends);
    assert!(mixer.play(late).is_some());
    assert!(ends.lock().unwrap()[0].1.is_err());
}

fn moment(millis: u64) -> NtpTime {
    NtpTime::from_unix(Duration::from_secs(1_793_000_000) + Duration::from_millis(millis))
}

/// Within a microsecond, of which a second has 2^32 / 4295.
fn is_about(time: Option<NtpTime>, expected: NtpTime) -> bool {
    time.is_some_and(|time| time.0.abs_diff(expected.0) < 4295)
}

#[test]
fn live_input_goes_out_with_the_time_it_was_captured() {
    let mut mixer = Mixer::default();
    let mut sent = Vec::new();
    for block in 0..10_u64 {
        mixer.push_live(&whole(block as i16 + 1), moment(20 * block));
        let mixed = mixer.block();
        if mixed.capture_time.is_some() {
            sent.push((mixed.samples[BLOCK], mixed.capture_time));
        }
    }
    // It begins when two blocks are there.
    assert_eq!(sent.len(), 9);
    for (block, (value, time)) in (0..).zip(sent) {
        assert_eq!(value, block as i16 + 1);
        assert!(is_about(time, moment(20 * block)), "{block}");
    }
}

#[test]
fn one_long_push_is_stamped_along_its_length() {
    let mut mixer = Mixer::default();
    mixer.push_live(&whole(3).repeat(5), moment(0));
    for block in 0..5 {
        let time = mixer.block().capture_time;
        assert_eq!(time, Some(later(moment(0), block * BLOCK as i64)));
    }
    assert_eq!(mixer.block().capture_time, None);
}

#[test]
fn what_a_source_makes_beyond_a_second_is_dropped_and_counted() {
    let mut mixer = Mixer::default();
    for block in 0..60_u64 {
        mixer.push_live(&whole(block as i16), moment(20 * block));
    }
    let dropped = 60 * BLOCK - LIVE_CAPACITY;
    assert_eq!(mixer.stats().live_dropped, dropped as u64);
    assert!(is_about(mixer.block().capture_time, moment(200)));
}

#[test]
fn a_source_that_is_always_ahead_loses_its_lead() {
    let mut mixer = Mixer::default();
    let mut last = None;
    for block in 0..300_u64 {
        mixer.push_live(&whole(0), moment(20 * block));
        if block >= 20 {
            last = mixer.block().capture_time;
        }
    }
    // It began 400 ms behind; 40 are left.
    let behind = (moment(20 * 299).0 - last.unwrap().0) as f64 / f64::from(u32::MAX);
    assert!(behind < 0.1, "{behind} s");
    assert!(mixer.stats().live_dropped > 0);
}

#[test]
fn live_input_is_unheard_while_a_clip_plays_and_goes_on_after_it() {
    let ends = Ends::default();
    let mut mixer = Mixer::default();
    let (clip, sender) = clip(1, &[whole(100), whole(100)], &ends);
    mixer.play(clip);
    drop(sender);
    let sent: Vec<i16> = (0..6_u64)
        .map(|block| {
            mixer.push_live(&whole(1000 + block as i16), moment(20 * block));
            next(&mut mixer)[BLOCK]
        })
        .collect();
    assert_eq!(sent, [100, 100, 1001, 1002, 1003, 1004]);
}

#[test]
fn a_source_that_pauses_is_begun_with_again_without_a_click() {
    let mut mixer = Mixer::default();
    let mut sent = Vec::new();
    for block in 0..100_u64 {
        if block % 10 < 6 {
            mixer.push_live(&whole(LOUD), moment(20 * block));
        }
        sent.extend(next(&mut mixer));
    }
    assert!(largest_step(&sent) <= 130, "{}", largest_step(&sent));
    assert!(mixer.stats().live_gaps >= 9);
}

// Receiving ---------------------------------------------------------------------------------------

/// Packets of a tone as a sender makes them, 20 ms each.
fn packets(count: u16, start: Instant) -> Vec<AudioPacket> {
    let mut encoder = OpusEncoder::new().unwrap();
    (0..count)
        .map(|n| {
            let first = usize::from(n) * BLOCK;
            let samples: Vec<i16> = (first..first + BLOCK)
                .flat_map(|n| {
                    let phase = n as f32 * 440.0 * std::f32::consts::TAU / 48_000.0;
                    [(phase.sin() * 8000.0) as i16; CHANNELS]
                })
                .collect();
            AudioPacket {
                ssrc: 7,
                // Across the wrap of both.
                sequence: (65_500_u16).wrapping_add(n),
                timestamp: (u32::MAX - 20_000).wrapping_add(first as u32),
                capture_time: Some(moment(u64::from(n) * 20).0),
                payload: encoder.encode(&samples).unwrap(),
                arrived: start + BLOCK_DURATION * n.into(),
            }
        })
        .collect()
}

/// Gives the packets to a receiver, with its timer, and returns what came out and when.
fn receive(packets: &[AudioPacket]) -> (BlockReceiver, Vec<(Instant, AudioBlock)>) {
    let mut receiver = BlockReceiver::new().unwrap();
    let mut out = Vec::new();
    for packet in packets {
        while let Some(due) = receiver.next_timeout().filter(|due| *due <= packet.arrived) {
            receiver.handle_timeout(due);
            out.extend(std::iter::from_fn(|| receiver.poll()).map(|block| (due, block)));
        }
        receiver.push(packet.clone());
        out.extend(std::iter::from_fn(|| receiver.poll()).map(|block| (packet.arrived, block)));
    }
    while let Some(due) = receiver.next_timeout() {
        receiver.handle_timeout(due);
        out.extend(std::iter::from_fn(|| receiver.poll()).map(|block| (due, block)));
    }
    (receiver, out)
}

/// Every position and every capture time, each 20 ms after the one before.
fn assert_is_seamless(blocks: &[(Instant, AudioBlock)]) {
    for (n, (_, block)) in blocks.iter().enumerate() {
        assert_eq!(block.position, (n * BLOCK) as u64);
        let apart = block.capture_time.unwrap().0.abs_diff(moment(n as u64 * 20).0);
        // A second is 2^32; this is a microsecond.
        assert!(apart < 4295, "{n}: {apart}");
    }
}

#[test]
fn what_comes_in_order_goes_on_at_once() {
    let (receiver, blocks) = receive(&packets(100, Instant::now()));
    assert_eq!(blocks.len(), 100);
    assert_is_seamless(&blocks);
    assert!(blocks.iter().all(|(_, block)| !block.concealed));
    let stats = receiver.stats();
    assert_eq!((stats.packets, stats.lost, stats.concealed), (100, 0, 0));
    assert!(stats.jitter < 1e-6, "{}", stats.jitter);
}

#[test]
fn what_is_lost_is_made_up_and_delays_nothing_for_long() {
    let seed = 42;
    let mut random = fastrand::Rng::with_seed(seed);
    let start = Instant::now();
    let mut sent = packets(500, start);
    let last = sent.pop().unwrap();
    let before = sent.len();
    let mut run = 0;
    sent.retain(|packet| {
        // Five in a row are made up; more would be a gap.
        let lost = packet.arrived > start && run < 5 && random.f32() < 0.1;
        run = if lost { run + 1 } else { 0 };
        !lost
    });
    let missing = before - sent.len();
    sent.push(last);
    let (receiver, blocks) = receive(&sent);
    assert!(missing > 20, "seed {seed}: {missing} lost");
    assert_eq!(blocks.len(), 500, "seed {seed}");
    assert_is_seamless(&blocks);
    let stats = receiver.stats();
    assert_eq!((stats.lost, stats.concealed), (missing as u64, (missing * BLOCK) as u64));
    assert_eq!(blocks.iter().filter(|(_, block)| block.concealed).count(), missing);
    for (n, (at, _)) in (0..).zip(&blocks) {
        let late = at.saturating_duration_since(start + BLOCK_DURATION * n);
        // Five missing packets, and the wait for them once the one behind has come.
        assert!(
            late <= BLOCK_DURATION * 5 + Duration::from_millis(60),
            "seed {seed}, {n}: {late:?}"
        );
    }
}

#[test]
fn what_comes_out_of_order_within_the_wait_is_put_in_order() {
    let seed = 9;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sent = packets(300, Instant::now());
    let first = sent[0].arrived;
    for packet in &mut sent {
        packet.arrived += Duration::from_millis(random.u64(0..50));
    }
    // Nothing comes before the first, which sets the place of all others.
    sent[0].arrived = first;
    let duplicates: Vec<AudioPacket> = sent.iter().step_by(7).cloned().collect();
    sent.extend(duplicates);
    sent.sort_by_key(|packet| packet.arrived);
    let (receiver, blocks) = receive(&sent);
    assert_eq!(blocks.len(), 300, "seed {seed}");
    assert_is_seamless(&blocks);
    let stats = receiver.stats();
    assert_eq!((stats.lost, stats.concealed), (0, 0), "seed {seed}");
    assert!(stats.jitter > 0.001 && stats.jitter < 0.05, "{}", stats.jitter);
}

#[test]
fn a_long_loss_is_a_gap_in_the_positions_and_not_noise() {
    let mut sent = packets(60, Instant::now());
    sent.drain(10..40);
    let (receiver, blocks) = receive(&sent);
    assert_eq!(blocks.len(), 30);
    assert_eq!(blocks[10].1.position, 40 * BLOCK as u64);
    assert_eq!(blocks[10].1.capture_time, Some(moment(800)));
    assert_eq!((receiver.stats().lost, receiver.stats().concealed), (30, 0));
}

#[test]
fn a_pause_that_the_sender_made_is_none_of_the_networks_fault() {
    let mut sent = packets(20, Instant::now());
    for packet in &mut sent[10..] {
        packet.timestamp = packet.timestamp.wrapping_add(48_000);
        packet.arrived += Duration::from_secs(1);
        packet.capture_time = None;
    }
    let (receiver, blocks) = receive(&sent);
    assert_eq!(blocks[10].1.position, 10 * BLOCK as u64 + 48_000);
    // Carried on from the last one that was named.
    let named = blocks[10].1.capture_time.unwrap().0;
    assert!(named.abs_diff(moment(1200).0) < 4295);
    assert_eq!(receiver.stats().lost, 0);
}

#[test]
fn another_stream_starts_over() {
    let start = Instant::now();
    let mut sent = packets(5, start);
    let again = packets(5, start + Duration::from_secs(1)).into_iter();
    sent.extend(again.map(|packet| AudioPacket { ssrc: 8, sequence: 3, ..packet }).take(1));
    let (receiver, blocks) = receive(&sent);
    assert_eq!(blocks.len(), 6);
    assert_eq!(blocks[5].1.position, 5 * BLOCK as u64);
    assert_eq!(receiver.stats().lost, 0);
}

#[test]
fn damaged_and_late_packets_are_counted_and_do_no_harm() {
    let mut sent = packets(10, Instant::now());
    sent[4].payload = vec![0xff, 0].into();
    let mut late = sent[2].clone();
    late.arrived = sent[9].arrived;
    sent.push(late);
    let (receiver, blocks) = receive(&sent);
    assert_eq!(blocks.len(), 10);
    assert_is_seamless(&blocks);
    let stats = receiver.stats();
    assert_eq!((stats.damaged, stats.late, stats.lost), (1, 1, 0));
}

#[test]
fn a_flood_of_packets_from_the_future_is_bounded() {
    let mut receiver = BlockReceiver::new().unwrap();
    let sent = packets(2, Instant::now());
    receiver.push(sent[0].clone());
    for n in 0..2000_u16 {
        let sequence = sent[0].sequence.wrapping_add(2 + n);
        receiver.push(AudioPacket { sequence, ..sent[1].clone() });
        while receiver.poll().is_some() {}
    }
    assert!(receiver.stats().concealed < 48_000);
}
