//! What a client can say about its session.

use std::time::Duration;

use super::audio::AudioStats;
use super::meter::Rates;
use super::quality::Quality;
use crate::media::{DropReason, Drops, Percentiles};
use crate::protocol::ServiceStats;
use crate::session::Recoveries;
use crate::transport::PeerStats;
use crate::transport::video::{ReceiverStats, SenderStats};

/// Counters of one session, from its start; those of the network from that of its connection.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Frames given to `send`.
    pub frames_sent: u64,
    /// Transformed frames that arrived, read or not.
    pub frames_received: u64,
    /// Frames that were sent and have no answer yet.
    pub frames_under_way: usize,
    pub sent: SenderStats,
    pub received: ReceiverStats,
    pub network: PeerStats,
    pub audio: AudioStats,
    /// From `send` to the transformed frame, over the last 1024 frames.
    pub latency: Percentiles,
    /// The same over the last few.
    pub latency_now: Percentiles,
    pub freeze_count: u64,
    pub total_freezes_duration: Duration,
    /// Every frame that was lost, by place and reason, and what waits there.
    pub drops: Vec<Drops>,
}

impl Snapshot {
    /// Frames that a reader took.
    pub(super) fn shown(&self) -> u64 {
        self.place("output", |place| place.taken)
    }

    /// Frames that the rate control left out.
    pub fn skipped(&self) -> u64 {
        self.place("capture", |place| place.dropped(DropReason::EncoderSkipped))
    }

    fn place(&self, name: &str, count: fn(&Drops) -> u64) -> u64 {
        self.drops.iter().filter(|place| place.place == name).map(count).sum()
    }
}

/// Everything that is known of a session now.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    pub counted: Snapshot,
    /// Over the last interval that was looked at.
    pub rates: Rates,
    pub quality: Quality,
    pub recoveries: Recoveries,
    /// What the service said last about its own work, if it does.
    pub service: Option<Box<ServiceStats>>,
}
