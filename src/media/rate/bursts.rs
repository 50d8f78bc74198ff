//! How fast what was sent at once arrives.
//!
//! Packets that leave together come to the narrowest part of the path together, and leave it at its
//! rate, whatever share of it is used (packet trains: Dovrolis, Ramanathan, Moore: Packet-dispersion
//! techniques and a capacity-estimation methodology, IEEE/ACM Transactions on Networking 12(6), 2004).
//! Jitter and other traffic spread some of them further, so the quickest of several count; not the very
//! quickest, of which the last packet may have been lucky.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets sent closer to each other than this are of one burst, as long as it is not longer than that.
const TOGETHER: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(10);
/// One that did not arrive so much slower than it left met nothing narrow.
const SLOWER: f64 = 1.5;
/// Less than this after the first packet says nothing, bytes.
const LEAST: u32 = 1000;
/// So many are remembered, and for so long. Fewer than the third say nothing.
const MOST: usize = 10;
const REMEMBERED: Duration = Duration::from_millis(2500);
const ENOUGH: usize = 4;
/// More bits a second than this are as good as no limit.
const WIDE: f64 = 1e9;

#[derive(Debug)]
struct Burst {
    left: Instant,
    came: Duration,
    /// The last packet so far.
    last_left: Instant,
    last_came: Duration,
    /// Of all packets but the first.
    bytes: u32,
}

/// The bursts that arrived lately.
#[derive(Debug, Default)]
pub struct Bursts {
    now: Option<Burst>,
    /// When they left, and how fast they came, bits per second.
    rates: VecDeque<(Instant, f64)>,
}

impl Bursts {
    /// A packet that arrived; in the order in which they were sent.
    pub fn add(&mut self, left: Instant, came: Duration, bytes: u32) {
        if let Some(burst) = &mut self.now
            && left <= burst.last_left + TOGETHER
            && left <= burst.left + LONGEST
        {
            burst.last_left = left;
            burst.last_came = burst.last_came.max(came);
            burst.bytes += bytes;
            return;
        }
        let next = Burst { left, came, last_left: left, last_came: came, bytes: 0 };
        if let Some(burst) = self.now.replace(next) {
            self.ended(&burst);
        }
    }

    fn ended(&mut self, burst: &Burst) {
        if burst.bytes < LEAST {
            return;
        }
        let took = burst.last_came.saturating_sub(burst.came);
        let rate = if took > (burst.last_left - burst.left).mul_f64(SLOWER) {
            f64::from(burst.bytes) * 8.0 / took.as_secs_f64()
        } else {
            WIDE
        };
        if self.rates.len() == MOST {
            self.rates.pop_front();
        }
        self.rates.push_back((burst.left, rate.min(WIDE)));
    }

    /// Bits per second at which the second quickest of them came; none as long as that is unclear.
    pub fn quickest(&self, now: Instant) -> Option<f64> {
        let lately = self.rates.iter().filter(|(left, _)| now < *left + REMEMBERED);
        let (mut count, mut best, mut second) = (0, 0.0_f64, 0.0_f64);
        for (_, rate) in lately {
            count += 1;
            second = second.max(rate.min(best));
            best = best.max(*rate);
        }
        (count >= ENOUGH).then_some(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Pictures of so many packets over a path of this rate, each packet later by up to some jitter.
    fn sent(rate: f64, packets: u32, jitter: u64) -> (Bursts, Instant) {
        let mut chance = fastrand::Rng::with_seed(11);
        let (mut bursts, start) = (Bursts::default(), Instant::now());
        let mut free = Duration::ZERO;
        for picture in 0..30 {
            let leaves = picture * 67 * MS;
            for _ in 0..packets {
                free = free.max(leaves) + Duration::from_secs_f64(1200.0 * 8.0 / rate);
                let late = Duration::from_micros(chance.u64(0..=1000 * jitter));
                bursts.add(start + leaves, free + 20 * MS + late, 1200);
            }
        }
        (bursts, start + 30 * 67 * MS)
    }

    #[test]
    fn a_narrow_path_is_known_although_it_is_not_filled() {
        // 29 of 67 ms are used.
        let (bursts, now) = sent(1e6, 3, 0);
        let rate = bursts.quickest(now).unwrap();
        assert!((0.95e6..1.05e6).contains(&rate), "{rate}");
    }

    #[test]
    fn what_came_together_says_that_the_path_is_wide() {
        let (bursts, now) = sent(1e9, 3, 0);
        assert!(bursts.quickest(now).unwrap() > 1e8);
    }

    #[test]
    fn jitter_does_not_make_it_narrow() {
        let (bursts, now) = sent(50e6, 3, 20);
        assert!(bursts.quickest(now).unwrap() > 1.5e6);
    }

    #[test]
    fn lone_packets_say_nothing_nor_does_what_is_long_ago() {
        let (bursts, now) = sent(1e6, 1, 0);
        assert_eq!(bursts.quickest(now), None);
        let (bursts, now) = sent(1e6, 3, 0);
        assert_eq!(bursts.quickest(now + 10_000 * MS), None);
    }
}
