//! Spreads the packets of a large picture, so that they do not fill the queues of the path at once.

use std::time::{Duration, Instant};

use super::send_rate::RateNow;

/// Packets leave so much faster than the rate that is thought to fit, in the mean; where it is known
/// that no more fits, by the second.
const FASTER: f64 = 2.5;
const FASTER_ON_NARROW: f64 = 1.25;
/// So much of a second goes at once: an ordinary picture is not held up.
const AT_ONCE: f64 = 0.045;
const LEAST_AT_ONCE: f64 = 12_000.0;
const LEAST_ON_NARROW: f64 = 3_000.0;
/// A path with a shorter round trip, the pause between reports included, has nothing that could
/// fill up.
const NEAR: Duration = Duration::from_millis(60);

/// Says when packets may leave.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// Bytes that may leave now; below zero when more have left.
    budget: f64,
    filled: Option<Instant>,
}

impl Pacer {
    /// How long a packet of this size has to wait. It counts as sent.
    pub(super) fn wait(&mut self, now: Instant, size: usize, rate: &RateNow) -> Duration {
        if !rate.limited && rate.round_trip.is_none_or(|trip| trip < NEAR) {
            self.filled = None;
            return Duration::ZERO;
        }
        let each_second = f64::from(rate.estimate) / 8.0;
        let faster = if rate.limited { FASTER_ON_NARROW } else { FASTER };
        let least = if rate.limited { LEAST_ON_NARROW } else { LEAST_AT_ONCE };
        let at_once = (each_second * AT_ONCE).max(least);
        self.budget = match self.filled.replace(now) {
            None => at_once,
            Some(before) => {
                let elapsed = now.saturating_duration_since(before).as_secs_f64();
                (self.budget + faster * each_second * elapsed).min(at_once)
            }
        };
        self.budget -= size as f64;
        if self.budget >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.budget / (faster * each_second).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rate::Trend;

    fn rate(estimate: u32, limited: bool, round_trip: u64) -> RateNow {
        RateNow {
            video: estimate,
            max: estimate,
            estimate,
            trend: Trend::Hold,
            limited,
            was_limited: limited,
            round_trip: Some(Duration::from_millis(round_trip)),
        }
    }

    /// How long it takes until all have left.
    fn takes(packets: usize, rate: &RateNow) -> Duration {
        let mut pacer = Pacer::default();
        let start = Instant::now();
        let mut now = start;
        for _ in 0..packets {
            now += pacer.wait(now, 1200, rate);
        }
        now - start
    }

    #[test]
    fn an_ordinary_picture_leaves_at_once_and_a_large_one_is_spread() {
        let rate = rate(2_500_000, false, 100);
        assert_eq!(takes(10, &rate), Duration::ZERO);
        // 48 kB, of which 14 at once, at 6.25 Mb/s.
        let took = takes(40, &rate).as_millis();
        assert!((35..55).contains(&took), "{took}");
    }

    #[test]
    fn on_a_near_path_nothing_waits_unless_it_is_too_narrow() {
        assert_eq!(takes(100, &rate(2_500_000, false, 20)), Duration::ZERO);
        assert!(takes(100, &rate(2_500_000, true, 20)) > Duration::from_millis(100));
    }
}
