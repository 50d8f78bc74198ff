//! A path of which only a part is used shows how wide it is by the packets that leave together.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parhelion::media::rate::{Bitrates, Fate, PacketReport, RateEstimator};

const MS: Duration = Duration::from_millis(1);
const PICTURES_A_SECOND: u32 = 15;
const PACKET: u32 = 1200;
/// The encoder leaves this much of the rate unused, and its pictures differ.
const USED: f64 = 0.75;

/// Somebody sends pictures, all packets of one at once, over a path that loses nothing.
struct Path {
    start: Instant,
    estimator: RateEstimator,
    rate: f64,
    free: Duration,
    under_way: VecDeque<(Duration, Duration, u32)>,
    chance: fastrand::Rng,
    /// Milliseconds that the last packet of the worst picture took.
    worst: f64,
}

impl Path {
    fn new(rate: f64) -> Self {
        Self {
            start: Instant::now(),
            estimator: RateEstimator::new(Bitrates::up_to(2_500_000)),
            rate,
            free: Duration::ZERO,
            under_way: VecDeque::new(),
            chance: fastrand::Rng::with_seed(3),
            worst: 0.0,
        }
    }

    /// One millisecond at a time; the rate that may be sent at each.
    fn run(&mut self, from: u32, until: u32) -> Vec<f64> {
        (from..until).map(|now| self.step(now)).collect()
    }

    fn step(&mut self, now: u32) -> f64 {
        let at = now * MS;
        if now.is_multiple_of(1000 / PICTURES_A_SECOND) {
            let mean = self.estimator.target() * USED / f64::from(PICTURES_A_SECOND) / 8.0;
            let mut left = (mean * (0.5 + self.chance.f64())) as u32;
            while left > 0 {
                let size = left.min(PACKET);
                left -= size;
                self.free = self.free.max(at + 20 * MS)
                    + Duration::from_secs_f64(f64::from(size) * 8.0 / self.rate);
                self.under_way.push_back((at, self.free, size));
                self.estimator.sent(self.start + at, size);
            }
            self.worst = self.worst.max((self.free - at).as_secs_f64() * 1e3);
        }
        if now.is_multiple_of(50) {
            let came = |(_, arrived, _): &(Duration, Duration, u32)| *arrived + 20 * MS <= at;
            let count = self.under_way.iter().take_while(|packet| came(packet)).count();
            let report = |(sent, arrived, size): (Duration, Duration, u32)| PacketReport {
                sent: self.start + sent,
                size,
                fate: Fate::Arrived(arrived),
            };
            let reports: Vec<_> = self.under_way.drain(..count).map(report).collect();
            self.estimator.report(self.start + at, &reports);
        }
        self.estimator.target()
    }
}

#[test]
fn a_narrow_path_is_not_run_into_again_and_again() {
    let mut path = Path::new(500_000.0);
    path.run(0, 10_000);
    path.worst = 0.0;
    let rates = path.run(10_000, 60_000);
    let (least, most) = rates
        .iter()
        .fold((f64::MAX, 0.0_f64), |(least, most), rate| (least.min(*rate), most.max(*rate)));
    assert!(least > 350_000.0 && most < 500_000.0, "{least} to {most}");
    // The way, and the largest picture there is.
    let picture = 1.5 * USED * most / f64::from(PICTURES_A_SECOND) / 500_000.0 * 1e3;
    assert!(path.worst < 20.0 + picture + 60.0, "{} ms", path.worst);
}

#[test]
fn a_path_that_becomes_wide_is_used_although_little_is_sent() {
    let mut path = Path::new(500_000.0);
    path.run(0, 20_000);
    path.rate = 5_000_000.0;
    path.run(20_000, 35_000);
    assert!(path.estimator.target() > 0.8 * 2_500_000.0, "{}", path.estimator.target());
}
