//! The rate of a sender over a path that is simulated, in virtual time: a bottleneck with a bounded
//! queue, losses, jitter, others on the same path. Seeds are fixed and named when a test fails.

mod bursts;
mod delays;
mod sharing;
mod world;

use std::time::{Duration, Instant};

use parhelion::media::rate::RateEstimator;
use parhelion::transport::impairment::Conditions;

use world::{MS, SEEDS, bitrates, one, path};

#[test]
fn a_wide_path_is_used_to_the_bound_without_delay() {
    for (delay, seed) in [(0, 1), (20, 2), (150, 3)] {
        let mut world = one(path(Some(50_000_000), delay), 2_500_000, seed);
        world.run(20.0);
        world.show(2.0);
        let flow = &world.flows[0];
        assert!(flow.at(8.0) > 2_900_000.0 && flow.at(19.0) > 2_900_000.0);
        assert!(flow.targets.iter().all(|target| *target >= 2_400_000.0));
        assert!(!flow.estimator.is_limited());
    }
}

#[test]
fn a_narrow_path_is_found_and_used_with_a_short_queue() {
    for seed in SEEDS {
        let mut world = one(path(Some(1_000_000), 20), 2_500_000, seed);
        world.run(40.0);
        world.show(2.0);
        let flow = &world.flows[0];
        let used = flow.rate(10.0, 40.0);
        assert!(used > 750_000.0, "{used}");
        let late = flow.delays.iter().filter(|(at, delay)| *at > 5000 && *delay > 200.0).count();
        assert!(late * 50 < flow.delays.len(), "{late} of {}", flow.delays.len());
        assert!(flow.estimator.is_limited());
    }
}

#[test]
fn a_limit_that_comes_is_met_in_three_seconds_and_one_that_goes_is_forgotten_in_fifteen() {
    for queue in [100, 200, 1000] {
        for delay in [5, 20, 100] {
            let wide = Conditions { queue: queue * MS, ..path(Some(5_000_000), delay) };
            let narrow = Conditions { rate: Some(500_000), ..wide };
            let mut world = one(wide, 2_500_000, u64::from(queue) + delay);
            world.run(10.0);
            world.change(narrow);
            world.run(30.0);
            world.change(wide);
            world.run(50.0);
            world.show(1.0);
            let flow = &world.flows[0];
            let before = flow.rate(8.0, 10.0);
            assert!(before > 2_400_000.0, "{before}");
            let late = flow.worst_delay(13.0, 30.0);
            assert!(late < 230.0 + delay as f64, "queue {queue}: {late} ms");
            let used = flow.rate(15.0, 30.0);
            assert!(used > 370_000.0, "{used}");
            let back = flow.rate(43.0, 45.0);
            assert!(back > 0.8 * before, "queue {queue}: {back} of {before}");
        }
    }
}

#[test]
fn chance_losses_do_not_lower_the_rate() {
    for loss in [0.01, 0.03, 0.05] {
        for burst in [None, Some(4.0)] {
            for seed in SEEDS {
                let conditions = Conditions { loss, burst, ..path(Some(20_000_000), 20) };
                let mut world = one(conditions, 2_500_000, seed);
                world.run(60.0);
                let flow = &world.flows[0];
                let mean = flow.targets.iter().sum::<f64>() / flow.targets.len() as f64;
                assert!(mean > 2_700_000.0, "{loss} {burst:?} seed {seed}: {mean}");
                let low = flow.targets.iter().filter(|target| **target < 1_500_000.0).count();
                assert!(low < 3000, "{loss} {burst:?} seed {seed}: {low} ms too low");
            }
        }
    }
}

#[test]
fn losses_that_come_with_a_longer_way_and_jitter_cost_little() {
    for (loss, burst) in [(0.05, None), (0.1, None), (0.05, Some(4.0)), (0.1, Some(4.0))] {
        for rate in [None, Some(5_000_000)] {
            for seed in 0..20 {
                let mut world = one(path(rate, 0), 3_000_000, seed);
                world.flows[0].key_frames = 0.2;
                world.run(5.0);
                world.change(Conditions { loss, burst, jitter: 20 * MS, ..path(rate, 50) });
                world.run(13.0);
                let mean = world.flows[0].mean(5.0, 13.0);
                assert!(mean > 1_800_000.0, "{loss} {burst:?} {rate:?} seed {seed}: {mean}");
                world.change(path(rate, 0));
                world.run(20.0);
                let mean = world.flows[0].mean(15.0, 20.0);
                assert!(mean > 1_800_000.0, "{loss} {burst:?} {rate:?} seed {seed}: {mean} after");
            }
        }
    }
}

#[test]
fn heavy_chance_losses_do_not_end_it() {
    for seed in SEEDS {
        let conditions = Conditions { loss: 0.15, ..path(Some(20_000_000), 20) };
        let mut world = one(conditions, 2_500_000, seed);
        world.run(40.0);
        world.show(2.0);
        let used = world.flows[0].rate(10.0, 40.0);
        assert!(used > 1_200_000.0, "{used}");
    }
}

#[test]
fn a_path_without_a_queue_is_met_by_its_losses() {
    let wide = Conditions { queue: 30 * MS, ..path(Some(5_000_000), 20) };
    let mut world = one(wide, 2_500_000, 7);
    world.run(10.0);
    world.change(Conditions { rate: Some(700_000), ..wide });
    world.run(40.0);
    world.show(1.0);
    let flow = &world.flows[0];
    let sent: u64 = flow
        .sent
        .iter()
        .filter(|(at, ..)| *at > world.start + 15_000 * MS)
        .map(|(_, size, _)| u64::from(*size) * 8)
        .sum();
    let sent = sent as f64 / 25.0;
    assert!(sent < 1_000_000.0, "{sent} sent over 700 kb/s");
    assert!(flow.rate(15.0, 40.0) > 400_000.0);
}

#[test]
fn after_a_black_out_the_rate_is_soon_what_it_was() {
    let wide = path(Some(5_000_000), 20);
    let mut world = one(wide, 2_500_000, 9);
    world.run(10.0);
    world.change(Conditions { blackout: true, ..wide });
    world.run(20.0);
    assert!(world.flows[0].at(19.9) < 400_000.0, "it backs off while nothing passes");
    world.change(wide);
    world.run(30.0);
    world.show(1.0);
    let flow = &world.flows[0];
    assert!(flow.at(20.5) > 1_400_000.0, "{}", flow.at(20.5));
    assert!(flow.at(23.0) > 2_500_000.0, "{}", flow.at(23.0));
}

#[test]
fn a_still_picture_leaves_the_rate_where_it_was() {
    let mut world = one(path(Some(5_000_000), 20), 2_500_000, 11);
    world.flows[0].content = 60_000.0;
    world.run(30.0);
    assert!(world.flows[0].at(29.0) >= 2_400_000.0);
}

#[test]
fn a_receiver_that_reports_in_sum_only_is_served_by_that() {
    let start = Instant::now();
    let mut estimator = RateEstimator::new(bitrates(2_500_000));
    // A bottleneck of a megabit with a queue of half a second: the round trip tells.
    let (mut queue, mut rates) = (0.0_f64, Vec::new());
    for tick in 0..6000u32 {
        let now = start + tick * 10 * MS;
        let rate = estimator.target();
        estimator.sent(now, (rate / 100.0 / 8.0) as u32);
        queue = (queue + (rate - 1e6) / 100.0).clamp(0.0, 500_000.0);
        if tick % 100 == 99 {
            let trip = Duration::from_secs_f64(0.04 + queue / 1e6);
            let lost = if queue >= 500_000.0 { 1.0 - 1e6 / rate } else { 0.0 };
            estimator.report_in_sum(now, lost, 100, Some(trip));
            rates.push((estimator.target() / 1e3, queue / 1e3));
        }
    }
    println!("{rates:.0?}");
    let late = &rates[20..];
    let mean = late.iter().map(|(rate, _)| rate).sum::<f64>() / late.len() as f64;
    assert!((600.0..1_050.0).contains(&mean), "{mean}");
    assert!(late.iter().all(|(_, queue)| *queue < 400.0));
}

#[test]
fn what_a_receiver_estimates_is_a_bound_for_a_while() {
    let start = Instant::now();
    let mut estimator = RateEstimator::new(bitrates(2_500_000));
    estimator.bound(start, 700_000.0);
    assert!((estimator.target() - 700_000.0).abs() < 1.0);
    assert!(estimator.is_limited());
    estimator.bound(start, 1_000.0);
    assert!((estimator.target() - 150_000.0).abs() < 1.0, "not below the lower bound");
}
