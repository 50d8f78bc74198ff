//! When the next block is due, and when it is said to have been captured.

use std::time::{Duration, Instant};

use super::block::{BLOCK, BLOCK_DURATION, between, later};
use crate::media::NtpTime;

/// A thread that is later than this was asleep: what it missed is left out, not caught up with.
const MAX_LATE: Duration = Duration::from_millis(200);
/// How far the stamps may be from the system's clock before they jump: it was set.
const MAX_APART: i64 = 48_000 / 2;
/// The part of the distance to the system's clock that each block makes up for.
const APPROACH: i64 = 50;
/// At most a millisecond a block.
const MAX_STEP: i64 = 48;

/// Counts blocks by a monotonic clock, so that none is lost or made up over hours, and stamps them
/// with moments of the system's clock that lie evenly however unevenly the thread wakes.
#[derive(Debug)]
pub struct Pace {
    due: Instant,
    position: u64,
    stamp: Option<NtpTime>,
}

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self { due: now, position: 0, stamp: None }
    }

    /// When the next block is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Takes the place of the block that is due: its position and its stamp.
    pub fn take(&mut self, now: Instant, clock: NtpTime) -> (u64, NtpTime) {
        if now.saturating_duration_since(self.due) > MAX_LATE {
            let missed = (now - self.due).as_nanos() / BLOCK_DURATION.as_nanos();
            self.due += BLOCK_DURATION * missed as u32;
            self.position += missed as u64 * BLOCK as u64;
            self.stamp = self.stamp.map(|stamp| later(stamp, missed as i64 * BLOCK as i64));
        }
        let position = self.position;
        let stamp = match self.stamp {
            None => clock,
            Some(expected) => {
                let apart = between(expected, clock);
                if apart.abs() > MAX_APART {
                    clock
                } else {
                    later(expected, (apart / APPROACH).clamp(-MAX_STEP, MAX_STEP))
                }
            }
        };
        self.due += BLOCK_DURATION;
        self.position += BLOCK as u64;
        self.stamp = Some(later(stamp, BLOCK as i64));
        (position, stamp)
    }

    /// Lets time pass without a block: nobody is there to take it.
    pub fn skip(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.due);
        let missed = (since.as_nanos() / BLOCK_DURATION.as_nanos()) as u64 + 1;
        self.due += BLOCK_DURATION * missed as u32;
        self.position += missed * BLOCK as u64;
        self.stamp = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(at: Duration) -> NtpTime {
        NtpTime::from_unix(Duration::from_secs(1_793_000_000) + at)
    }

    #[test]
    fn an_hour_of_uneven_waking_neither_loses_nor_makes_up_a_block() {
        let (start, mut random) = (Instant::now(), fastrand::Rng::with_seed(5));
        let mut pace = Pace::new(start);
        let mut last: Option<(u64, NtpTime)> = None;
        for block in 0..180_000_u64 {
            let late = Duration::from_micros(random.u64(0..15_000));
            let now = pace.due() + late;
            // The system's clock gains 100 ppm on the monotonic one.
            let passed = now - start;
            let (position, stamp) = pace.take(now, clock(passed + passed / 10_000));
            assert_eq!(position, block * BLOCK as u64);
            if let Some((_, before)) = last {
                let step = between(before, stamp);
                assert!((step - BLOCK as i64).abs() <= MAX_STEP + 1, "{block}: {step}");
            }
            last = Some((position, stamp));
        }
        let (hour, stamp) = (Duration::from_secs(3600), last.unwrap().1);
        let apart = between(clock(hour + hour / 10_000), stamp);
        assert!(apart.abs() < 48 * 30, "{apart} samples apart");
    }

    #[test]
    fn a_thread_that_slept_leaves_out_what_it_missed() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (_, first) = pace.take(start, clock(Duration::ZERO));
        let awake = start + Duration::from_millis(1010);
        let (position, stamp) = pace.take(awake, clock(Duration::from_millis(1010)));
        assert_eq!(position, 50 * BLOCK as u64);
        assert!((between(first, stamp) - 48_000).abs() < 500);
        assert!(pace.due() > awake);
        // A little late is caught up with.
        let due = pace.due();
        assert_eq!(pace.take(due + Duration::from_millis(90), first).0, 51 * BLOCK as u64);
        assert_eq!(pace.due(), due + BLOCK_DURATION);
    }

    #[test]
    fn a_clock_that_is_set_is_followed_at_once() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.take(start, clock(Duration::ZERO));
        let set = clock(Duration::from_secs(3600));
        assert_eq!(pace.take(pace.due(), set).1, set);
    }

    #[test]
    fn time_passes_while_nobody_listens() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.skip(start);
        pace.skip(start + Duration::from_secs(1));
        assert!(pace.due() > start + Duration::from_secs(1));
        assert_eq!(pace.take(pace.due(), clock(Duration::ZERO)).0, 51 * BLOCK as u64);
    }
}
