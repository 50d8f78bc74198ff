//! The rate of one connection, as those who send over it see it. What estimates it writes here; nobody
//! waits for anybody.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::media::rate::{Bitrates, Trend};

/// Where the rate is published.
#[derive(Debug)]
pub(super) struct SendRate {
    bitrates: Bitrates,
    video: AtomicU32,
    estimate: AtomicU32,
    trend: AtomicU8,
    limited: AtomicBool,
    was_limited: AtomicBool,
    /// Microseconds; zero while it is unknown.
    round_trip: AtomicU32,
    /// Packets that the other end has reported on, and that it lost.
    reported: AtomicU64,
    lost: AtomicU64,
}

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateNow {
    /// Bits per second for the picture, within the bounds.
    pub video: u32,
    /// The upper one of them.
    pub max: u32,
    /// What the path is thought to carry, everything included; not tried out beyond what is needed.
    pub estimate: u32,
    pub trend: Trend,
    /// The path carries less than the upper bound.
    pub limited: bool,
    /// It did so before on this connection.
    pub was_limited: bool,
    /// From a packet leaving to the report of it.
    pub round_trip: Option<Duration>,
}

impl RateNow {
    /// How much less than wanted the path carries, 0 to 1.
    pub fn short(&self) -> f64 {
        let share = f64::from(self.video) / f64::from(self.max.max(1));
        if self.limited { (1.0 - share).max(0.0) } else { 0.0 }
    }
}

impl SendRate {
    pub(super) fn new(bitrates: Bitrates) -> Self {
        let start = bitrates.start.clamp(bitrates.min, bitrates.max.max(bitrates.min));
        Self {
            bitrates,
            video: AtomicU32::new(start),
            estimate: AtomicU32::new(start),
            trend: AtomicU8::new(Trend::Increase as u8),
            limited: AtomicBool::new(false),
            was_limited: AtomicBool::new(false),
            round_trip: AtomicU32::new(0),
            reported: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    pub(super) fn bitrates(&self) -> Bitrates {
        self.bitrates
    }

    /// Takes over an estimate; `beside`: what of it is needed for other things than the picture.
    pub(super) fn publish(
        &self,
        estimate: f64,
        beside: f64,
        trend: Trend,
        limited: bool,
        round_trip: Option<Duration>,
    ) {
        let (min, max) = (f64::from(self.bitrates.min), f64::from(self.bitrates.max));
        let video = (estimate - beside).clamp(min, max.max(min));
        self.video.store(video as u32, Ordering::Relaxed);
        self.estimate.store(estimate as u32, Ordering::Relaxed);
        self.trend.store(trend as u8, Ordering::Relaxed);
        let limited = limited && video < 0.97 * max;
        self.limited.store(limited, Ordering::Relaxed);
        if limited {
            self.was_limited.store(true, Ordering::Relaxed);
        }
        let micros = round_trip.map_or(0, |trip| trip.as_micros().clamp(1, 60_000_000) as u32);
        self.round_trip.store(micros, Ordering::Relaxed);
    }

    /// Takes over the other end's counts of packets: how many there were, and lost of them.
    pub(super) fn publish_losses(&self, reported: u64, lost: u64) {
        self.reported.store(reported, Ordering::Relaxed);
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// The other end's counts: packets that it knows of, and lost of them.
    pub(super) fn losses(&self) -> (u64, u64) {
        (self.reported.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }

    pub(super) fn now(&self) -> RateNow {
        let micros = self.round_trip.load(Ordering::Relaxed);
        RateNow {
            video: self.video.load(Ordering::Relaxed),
            max: self.bitrates.max,
            estimate: self.estimate.load(Ordering::Relaxed),
            trend: Trend::ALL[usize::from(self.trend.load(Ordering::Relaxed)) % Trend::ALL.len()],
            limited: self.limited.load(Ordering::Relaxed),
            was_limited: self.was_limited.load(Ordering::Relaxed),
            round_trip: (micros > 0).then(|| Duration::from_micros(micros.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_gets_what_is_left_within_the_bounds() {
        let rate = SendRate::new(Bitrates { min: 200_000, start: 9_000_000, max: 1_000_000 });
        assert_eq!(rate.now().video, 1_000_000);
        assert!(!rate.now().was_limited);
        let publish = |estimate, beside| {
            rate.publish(estimate, beside, Trend::Hold, true, Some(Duration::from_millis(3)));
            rate.now()
        };
        assert_eq!(publish(700_000.0, 100_000.0).video, 600_000);
        assert_eq!(publish(100_000.0, 50_000.0).video, 200_000);
        let wide = publish(2_000_000.0, 50_000.0);
        assert_eq!((wide.video, wide.limited, wide.was_limited), (1_000_000, false, true));
        assert_eq!(wide.round_trip, Some(Duration::from_millis(3)));
        assert_eq!((wide.trend, wide.short()), (Trend::Hold, 0.0));
        assert!((publish(400_000.0, 0.0).short() - 0.6).abs() < 1e-6);
    }
}
