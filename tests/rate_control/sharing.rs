//! Several on one path.

use super::world::{Flow, World, bitrates, one, path};

/// What the second of two flows has of both.
fn share_of_second(starts: [u32; 2], later: u64, from: f64, to: f64, seed: u64) -> f64 {
    let flows = vec![
        Flow::new(bitrates(starts[0]), 0, seed),
        Flow::new(bitrates(starts[1]), later, seed + 100),
    ];
    let mut world = World::new(path(Some(4_000_000), 20), seed, flows);
    world.run(to);
    let rates = [world.flows[0].rate(from, to), world.flows[1].rate(from, to)];
    assert!(rates[0] + rates[1] > 3_500_000.0, "{rates:?}");
    rates[1] / (rates[0] + rates[1])
}

/// The shares of the second of two flows, 20 s after both are there, of many seeds.
fn shares(starts: [u32; 2], later: u64) -> Vec<(u64, f64)> {
    let from = later as f64 / 1e3 + 20.0;
    let share = |seed| (seed, share_of_second(starts, later, from, from + 20.0, seed));
    (0..20).map(share).collect()
}

fn outside(shares: &[(u64, f64)], least: f64) -> Vec<(u64, f64)> {
    let fair = least..=1.0 - least;
    shares.iter().copied().filter(|(_, share)| !fair.contains(share)).collect()
}

#[test]
fn two_on_one_path_share_it() {
    for later in [0, 10_000] {
        let shares = shares([2_500_000, 2_500_000], later);
        let unfair = outside(&shares, 0.4);
        assert!(unfair.len() <= 1, "second {later} ms later, seeds and shares {unfair:?}");
        assert!(outside(&shares, 0.35).is_empty(), "second {later} ms later: {unfair:?}");
    }
}

#[test]
fn who_comes_with_little_soon_has_its_share() {
    // It has some of the way behind it.
    for (starts, later) in [([3_000_000, 800_000], 0), ([3_000_000, 500_000], 10_000)] {
        let shares = shares(starts, later);
        let unfair = outside(&shares, 0.4);
        assert!(unfair.len() <= 6, "{starts:?}, seeds and shares {unfair:?}");
        assert!(outside(&shares, 0.3).is_empty(), "{starts:?}: {unfair:?}");
    }
}

#[test]
fn a_steady_flow_of_somebody_else_gets_what_it_sends() {
    let mut world = one(path(Some(4_000_000), 20), 2_500_000, 5);
    world.others = 2_500_000.0;
    world.run(40.0);
    world.show(2.0);
    let flow = &world.flows[0];
    let used = flow.rate(10.0, 40.0);
    assert!((1_000_000.0..1_550_000.0).contains(&used), "{used}");
    assert!(flow.worst_delay(10.0, 40.0) < 200.0);
}
