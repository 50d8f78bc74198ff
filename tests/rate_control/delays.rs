//! A way that becomes longer, jitter and busy machines are no queues.

use std::time::Duration;

use parhelion::transport::impairment::Conditions;

use super::world::{Busy, MS, SEEDS, World, one, path};

#[test]
fn jitter_does_not_lower_the_rate() {
    for jitter in [10, 30, 60] {
        for seed in SEEDS {
            let conditions = Conditions { jitter: jitter * MS, ..path(Some(20_000_000), 40) };
            let mut world = one(conditions, 2_500_000, seed);
            world.run(60.0);
            let used = world.flows[0].rate(5.0, 60.0);
            assert!(used > 2_000_000.0, "jitter {jitter}, seed {seed}: {used}");
        }
    }
}

/// The way becomes longer by so many milliseconds in so many steps of 50 ms, and short again.
fn longer_way(near: Conditions, longer: u64, steps: u64, seed: u64) -> World {
    let mut world = one(near, 2_500_000, seed);
    for step in 1..=steps {
        world.run(10.0 + (step - 1) as f64 * 0.05);
        world.change(Conditions {
            delay: near.delay + Duration::from_millis(longer * step / steps),
            ..near
        });
    }
    world.run(20.0);
    world.change(near);
    world.run(25.0);
    world
}

#[test]
fn a_way_that_becomes_longer_is_no_queue() {
    // Jitter and losses may hide it: then the rate is lowered, and comes back.
    let mut hidden = 0;
    for longer in [80, 200] {
        for (jitter, loss) in [(2, 0.0), (2, 0.02), (20, 0.0), (20, 0.02), (30, 0.0), (30, 0.02)] {
            for seed in 0..20 {
                let jitter = jitter * MS;
                let near = Conditions { jitter, loss, ..path(Some(20_000_000), 20) };
                let world = longer_way(near, longer, 1, seed);
                let low = world.flows[0].low(10, 2_400_000.0);
                hidden += u32::from(low > 1500);
                if low > 3000 {
                    world.show(0.5);
                    panic!("{longer} ms, {jitter:?}, loss {loss}, seed {seed}: low for {low} ms");
                }
            }
        }
    }
    assert!(hidden <= 2, "in {hidden} of 240 cases");
}

/// 20, then 100, then 300 ms each way, with jitter, losses in both directions, key frames where they
/// are not repaired, and perhaps a receiver that is busy.
#[test]
fn a_way_that_becomes_longer_again_and_again_is_used_all_the_time() {
    let mut low = Vec::new();
    for (loss, busy) in [(0.0, false), (0.02, false), (0.05, false), (0.0, true), (0.02, true)] {
        for seed in 0..40 {
            let mut world = one(path(None, 0), 3_000_000, seed);
            world.flows[0].key_frames = 0.3;
            world.busy = busy.then(|| Busy::new(400, seed));
            world.run(2.0);
            for (nth, delay) in [20, 100, 300].into_iter().enumerate() {
                let jitter = Duration::from_millis(delay / 10);
                world.change(Conditions { loss, jitter, ..path(None, delay) });
                let from = 2.0 + 2.5 * nth as f64;
                world.run(from + 2.5);
                let mean = world.flows[0].mean(from, from + 2.5);
                assert!(
                    mean > 1_200_000.0,
                    "loss {loss}, busy {busy}, {delay} ms, seed {seed}: {mean}"
                );
                if mean < 2_400_000.0 {
                    low.push((loss, busy, delay, seed, mean));
                }
            }
        }
    }
    println!("{low:?}");
    assert!(low.len() <= 3, "in {} of 600 cases: {low:?}", low.len());
}

#[test]
fn a_way_that_becomes_longer_by_and_by_lowers_the_rate_for_a_while_only() {
    for longer in [80, 200] {
        for steps in [4, 20] {
            for seed in SEEDS {
                let near = Conditions { jitter: 5 * MS, ..path(Some(20_000_000), 20) };
                let world = longer_way(near, longer, steps, seed);
                world.show(0.5);
                let low = world.flows[0].low(10, 1_500_000.0);
                let name = format!("{longer} ms in {steps} steps, seed {seed}");
                assert!(low < 5000, "{name}: low for {low} ms");
                assert!(world.flows[0].at(19.0) > 2_000_000.0, "{name}");
            }
        }
    }
}

#[test]
fn a_way_whose_length_wanders_is_used_all_the_same() {
    for seed in SEEDS {
        for (most, least) in [(20, 2_900_000.0), (60, 1_000_000.0)] {
            let mut chance = fastrand::Rng::with_seed(seed);
            let near = path(Some(20_000_000), 20);
            let mut world = one(near, 2_500_000, seed);
            let mut at = 5.0;
            world.run(at);
            while at < 40.0 {
                let delay = Duration::from_millis(20 + chance.u64(0..=most));
                world.change(Conditions { delay, ..near });
                at += 0.1 + 0.9 * chance.f64();
                world.run(at);
            }
            let mean = world.flows[0].targets[5_000..].iter().sum::<f64>() / 35e3;
            assert!(mean > least, "{most} ms, seed {seed}: {mean}");
        }
    }
}

#[test]
fn a_busy_machine_is_no_narrow_path() {
    for pause in [100, 600] {
        for seed in 0..20 {
            let mut world = one(path(None, 0), 3_000_000, seed);
            world.busy = Some(Busy::new(pause, seed));
            world.run(60.0);
            let low = world.flows[0].low(0, 2_500_000.0);
            assert!(low == 0, "pauses of {pause} ms at most, seed {seed}: low for {low} ms");
        }
    }
}
