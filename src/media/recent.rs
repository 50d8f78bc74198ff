//! How long something took lately.

use std::collections::VecDeque;
use std::time::Duration;

/// The last few durations of many.
#[derive(Debug)]
pub struct Recent {
    capacity: usize,
    durations: VecDeque<Duration>,
}

impl Recent {
    /// Keeps as many.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), durations: VecDeque::new() }
    }

    pub fn add(&mut self, duration: Duration) {
        if self.durations.len() == self.capacity {
            self.durations.pop_front();
        }
        self.durations.push_back(duration);
    }

    /// Of all that are kept.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles::of(self.durations.iter().copied())
    }

    /// Of the newest so many.
    pub fn newest(&self, count: usize) -> Percentiles {
        Percentiles::of(self.durations.iter().rev().take(count).copied())
    }
}

/// Nearest-rank percentiles; zero without samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    pub samples: usize,
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
}

impl Percentiles {
    pub fn of(samples: impl Iterator<Item = Duration>) -> Self {
        let mut samples: Vec<Duration> = samples.collect();
        samples.sort_unstable();
        let rank = |percent: usize| {
            let index = (samples.len() * percent).div_ceil(100).saturating_sub(1);
            samples.get(index).copied().unwrap_or_default()
        };
        Self { samples: samples.len(), p50: rank(50), p95: rank(95), p99: rank(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn nearest_rank() {
        let of = |n: u64| Percentiles::of((1..=n).map(ms));
        assert_eq!(of(100).p99, ms(99));
        assert_eq!((of(1).p50, of(1).p99), (ms(1), ms(1)));
        assert_eq!(of(0), Percentiles::default());
    }

    #[test]
    fn only_the_last_are_kept() {
        let mut recent = Recent::new(10);
        (1..=25).for_each(|n| recent.add(ms(n)));
        let percentiles = recent.percentiles();
        assert_eq!((percentiles.samples, percentiles.p50, percentiles.p99), (10, ms(20), ms(25)));
        assert_eq!(recent.newest(3), Percentiles::of([ms(23), ms(24), ms(25)].into_iter()));
    }
}
