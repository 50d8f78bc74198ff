//! What a client can say about its session.

use std::time::Duration;

use super::audio::AudioStats;
use crate::media::Drops;
use crate::transport::PeerStats;
use crate::transport::video::{ReceiverStats, SenderStats};

/// Numbers of one session, counted from its start.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Frames given to `send`.
    pub frames_sent: u64,
    /// Transformed frames that arrived, read or not.
    pub frames_received: u64,
    pub sent: SenderStats,
    pub received: ReceiverStats,
    pub network: PeerStats,
    pub audio: AudioStats,
    /// From `send` to the transformed frame, over the last 1024 frames.
    pub latency: Percentiles,
    /// Every frame that was lost, by place and reason.
    pub drops: Vec<Drops>,
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

    #[test]
    fn nearest_rank() {
        let of = |n: u64| Percentiles::of((1..=n).map(Duration::from_millis));
        assert_eq!(of(100).p99, Duration::from_millis(99));
        assert_eq!((of(1).p50, of(1).p99), (Duration::from_millis(1), Duration::from_millis(1)));
        assert_eq!(of(0), Percentiles::default());
    }
}
