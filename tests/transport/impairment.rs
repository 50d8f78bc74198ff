//! A bad link, in virtual time.

use std::time::{Duration, Instant};

use parhelion::transport::impairment::{Conditions, Link};

const MS: Duration = Duration::from_millis(1);
const SIZE: usize = 1200;

/// Sends packets one `gap` after the other; returns number, departure and arrival of those that come.
fn send(link: &mut Link<u32>, start: Instant, count: u32, gap: Duration) -> Vec<(u32, Duration)> {
    let mut arrived = Vec::new();
    let mut collect = |link: &mut Link<u32>, until: Option<Instant>| {
        while let Some(due) = link.next_due().filter(|due| until.is_none_or(|until| *due <= until))
        {
            let packet = link.pop(due).unwrap();
            arrived.push((packet, due - (start + packet * gap)));
        }
    };
    for packet in 0..count {
        let now = start + packet * gap;
        collect(link, Some(now));
        link.push(now, SIZE, packet);
    }
    collect(link, None);
    arrived
}

fn numbers(arrived: &[(u32, Duration)]) -> Vec<u32> {
    arrived.iter().map(|(packet, _)| *packet).collect()
}

/// The lengths of the runs of numbers that are missing.
fn runs(arrived: &[u32], count: u32) -> Vec<u32> {
    let mut runs = Vec::new();
    let mut expected = 0;
    for packet in arrived.iter().copied().chain([count]) {
        if packet > expected {
            runs.push(packet - expected);
        }
        expected = packet + 1;
    }
    runs
}

fn perfect() -> Conditions {
    Conditions::default()
}

#[test]
fn a_perfect_link_passes_everything_at_once() {
    assert!(perfect().are_perfect());
    let mut link = Link::new(perfect(), 1);
    let arrived = send(&mut link, Instant::now(), 1000, MS);
    assert_eq!(numbers(&arrived), (0..1000).collect::<Vec<_>>());
    assert!(arrived.iter().all(|(_, took)| took.is_zero()));
}

#[test]
fn losses_have_the_share_that_was_asked_for_and_are_each_for_itself() {
    for loss in [0.01, 0.05, 0.3] {
        let mut link = Link::new(Conditions { loss, ..perfect() }, 7);
        let arrived = numbers(&send(&mut link, Instant::now(), 100_000, MS));
        let lost = 1.0 - arrived.len() as f64 / 100_000.0;
        assert!((lost / loss - 1.0).abs() < 0.1, "{lost} of {loss}");
        let runs = runs(&arrived, 100_000);
        let mean = f64::from(runs.iter().sum::<u32>()) / runs.len() as f64;
        assert!((mean * (1.0 - loss) - 1.0).abs() < 0.05, "runs of {mean} at {loss}");
        assert_eq!(link.take_counters().lost as usize, 100_000 - arrived.len());
    }
}

#[test]
fn losses_in_runs_have_both_the_share_and_the_length() {
    for (loss, length) in [(0.05, 4.0), (0.02, 10.0), (0.5, 3.0), (0.05, 1.0)] {
        let mut link = Link::new(Conditions { loss, burst: Some(length), ..perfect() }, 3);
        let arrived = numbers(&send(&mut link, Instant::now(), 400_000, MS));
        let lost = 1.0 - arrived.len() as f64 / 400_000.0;
        assert!((lost / loss - 1.0).abs() < 0.1, "{lost} of {loss}");
        let runs = runs(&arrived, 400_000);
        let mean = f64::from(runs.iter().sum::<u32>()) / runs.len() as f64;
        assert!((mean / length - 1.0).abs() < 0.1, "runs of {mean}, not of {length}");
    }
}

#[test]
fn everything_or_nothing() {
    for (conditions, passes) in [
        (Conditions { loss: 1.0, ..perfect() }, 0),
        (Conditions { loss: 1.0, burst: Some(5.0), ..perfect() }, 0),
        (Conditions { blackout: true, ..perfect() }, 0),
        (Conditions { loss: 0.0, burst: Some(5.0), delay: MS, ..perfect() }, 500),
    ] {
        assert!(!conditions.are_perfect());
        let mut link = Link::new(conditions, 1);
        assert_eq!(send(&mut link, Instant::now(), 500, MS).len(), passes, "{conditions:?}");
    }
}

#[test]
fn the_same_seed_loses_the_same_packets_whatever_else_is_on() {
    let lossy = Conditions { loss: 0.2, ..perfect() };
    let all = Conditions { delay: 30 * MS, jitter: 20 * MS, rate: Some(50_000_000), ..lossy };
    let run = |conditions, seed| {
        numbers(&send(&mut Link::new(conditions, seed), Instant::now(), 2000, MS))
    };
    assert_eq!(run(lossy, 7), run(lossy, 7));
    assert_eq!(run(lossy, 7), run(all, 7));
    assert_ne!(run(lossy, 7), run(lossy, 8));
    let mut link = Link::new(lossy, 1);
    send(&mut link, Instant::now(), 10, MS);
    link.set_seed(7);
    assert_eq!(numbers(&send(&mut link, Instant::now(), 2000, MS)), run(lossy, 7));
}

#[test]
fn delay_and_jitter_keep_the_order() {
    let conditions = Conditions { delay: 50 * MS, jitter: 20 * MS, ..perfect() };
    // Slower than the jitter, so that no packet waits for the one before.
    let arrived = send(&mut Link::new(conditions, 7), Instant::now(), 5000, 30 * MS);
    assert_eq!(numbers(&arrived), (0..5000).collect::<Vec<_>>());
    assert!(arrived.iter().all(|(_, took)| (50 * MS..=70 * MS).contains(took)));
    let mean = arrived.iter().map(|(_, took)| took.as_secs_f64()).sum::<f64>() / 5000.0;
    assert!((mean - 0.060).abs() < 0.001, "{mean}");
    // As fast as video: still in order.
    let arrived = send(&mut Link::new(conditions, 7), Instant::now(), 5000, MS / 4);
    assert_eq!(numbers(&arrived), (0..5000).collect::<Vec<_>>());
}

#[test]
fn packets_of_one_picture_share_its_jitter() {
    let conditions = Conditions { jitter: 20 * MS, ..perfect() };
    let mut link = Link::new(conditions, 7);
    let start = Instant::now();
    for picture in 0..50 {
        for packet in 0..10 {
            link.push(start + picture * 33 * MS + packet * MS / 10, SIZE, picture * 10 + packet);
        }
    }
    let mut jitter = Vec::new();
    for picture in 0..50 {
        let mut took = Vec::new();
        for packet in 0..10 {
            let due = link.next_due().unwrap();
            assert_eq!(link.pop(due), Some(picture * 10 + packet));
            took.push(due - (start + picture * 33 * MS + packet * MS / 10));
        }
        assert!(took.iter().all(|one| *one == took[0]), "{took:?}");
        jitter.push(took[0]);
    }
    jitter.dedup();
    assert!(jitter.len() > 40, "{jitter:?}");
}

#[test]
fn some_packets_are_overtaken_and_none_is_lost() {
    let conditions = Conditions { reorder: 0.1, delay: 5 * MS, ..perfect() };
    let mut link = Link::new(conditions, 7);
    let arrived = numbers(&send(&mut link, Instant::now(), 10_000, MS));
    let mut sorted = arrived.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10_000).collect::<Vec<_>>());
    let overtaken = arrived.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!((800..1100).contains(&overtaken), "{overtaken}");
    assert!((900..1100).contains(&link.take_counters().overtaken));
}

#[test]
fn some_packets_come_twice() {
    let mut link = Link::new(Conditions { duplicate: 0.1, ..perfect() }, 7);
    let mut arrived = numbers(&send(&mut link, Instant::now(), 10_000, MS));
    let twice = link.take_counters().duplicated as usize;
    assert!((900..1100).contains(&twice), "{twice}");
    assert_eq!(arrived.len(), 10_000 + twice);
    arrived.dedup();
    assert_eq!(arrived, (0..10_000).collect::<Vec<_>>());
}

#[test]
fn a_limited_rate_delays_and_then_loses() {
    // 1200 bytes take 9.6 ms at a megabit; one comes every 5 ms.
    let conditions = Conditions { rate: Some(1_000_000), queue: 100 * MS, ..perfect() };
    let mut link = Link::new(conditions, 7);
    let start = Instant::now();
    let arrived = send(&mut link, start, 2000, 5 * MS);
    let counters = link.take_counters();
    assert_eq!(arrived.len() + counters.overflowed as usize, 2000);
    // What comes out is the rate, over the 10 s and what was in the queue.
    let bits = arrived.len() as f64 * SIZE as f64 * 8.0;
    assert!((bits / 10.1e6 - 1.0).abs() < 0.02, "{bits}");
    assert_eq!(arrived[0].1, Duration::from_micros(9600));
    let longest = arrived.iter().map(|(_, took)| *took).max().unwrap();
    assert!((100 * MS..111 * MS).contains(&longest), "{longest:?}");
    // Below the rate nothing waits for another.
    let later = start + Duration::from_secs(60);
    assert!(send(&mut link, later, 100, 20 * MS).iter().all(|(_, took)| *took < 10 * MS));
    assert_eq!(link.take_counters().overflowed, 0);
}

#[test]
fn everything_can_change_while_packets_are_under_way() {
    let start = Instant::now();
    let mut link = Link::new(Conditions { delay: 100 * MS, ..perfect() }, 7);
    link.push(start, SIZE, 1);
    // What comes later on a shorter way does not overtake.
    link.set_conditions(start, Conditions { delay: 10 * MS, ..perfect() });
    link.push(start + MS, SIZE, 2);
    assert_eq!(link.pop(start + 99 * MS), None);
    assert_eq!(link.pop(start + 100 * MS), Some(1));
    assert_eq!(link.pop(start + 100 * MS), Some(2));
    // A black-out stops what comes, not what has passed already.
    link.push(start + 200 * MS, SIZE, 3);
    link.set_conditions(start + 201 * MS, Conditions { blackout: true, ..perfect() });
    link.push(start + 202 * MS, SIZE, 4);
    link.set_conditions(start + 203 * MS, perfect());
    link.push(start + 204 * MS, SIZE, 5);
    assert_eq!(link.pop(start + 300 * MS), Some(3));
    assert_eq!(link.pop(start + 300 * MS), Some(5));
    assert_eq!(link.pop(start + 300 * MS), None);
    // A backlog runs off at the rate of its time.
    link.set_conditions(
        start + 400 * MS,
        Conditions { rate: Some(96_000), queue: Duration::from_secs(5), ..perfect() },
    );
    link.push(start + 400 * MS, SIZE, 6);
    link.push(start + 400 * MS, SIZE, 7);
    assert_eq!(link.next_due(), Some(start + 500 * MS));
    link.set_conditions(start + 450 * MS, Conditions { rate: Some(960_000), ..perfect() });
    // 150 ms at the old rate are 15 ms at the new one; the packet itself takes 10.
    link.push(start + 450 * MS, SIZE, 8);
    assert_eq!(link.pop(start + 500 * MS), Some(6));
    assert_eq!(link.pop(start + 600 * MS), Some(7));
    assert_eq!(link.pop(start + 600 * MS), Some(8));
}

#[test]
fn what_waits_is_bounded() {
    let mut link = Link::new(Conditions { delay: Duration::from_secs(3600), ..perfect() }, 7);
    let start = Instant::now();
    for packet in 0..50_000 {
        link.push(start, SIZE, packet);
    }
    assert_eq!(link.take_counters().overflowed, 50_000 - 16_384);
}
