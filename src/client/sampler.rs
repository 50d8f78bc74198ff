//! Looks at a session once a second to judge it, and at its own interval for whoever follows its
//! statistics. Asking for statistics in between disturbs neither.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

use super::meter::{Meter, Rates};
use super::quality::{Judge, Quality, Sample};
use super::stats::Snapshot;
use super::{Listener, Shared};
use crate::protocol::ServiceStats;
use crate::session::ConnectionState;
use crate::transport::video::lock;

const SECOND: Duration = Duration::from_secs(1);
/// Latencies that tell how it is now.
pub(super) const NOW: usize = 30;

/// What the last looks have shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) rates: Rates,
    pub(super) quality: Quality,
}

struct Sampler {
    shared: Weak<Shared>,
    listener: Arc<dyn Listener>,
    /// Frames per second that the model makes at most.
    model_fps: f64,
    each_second: Meter,
    judge: Judge,
    followed: Meter,
}

/// Samples until the session is over. `interval`: how often the listener hears of statistics.
pub(super) async fn run(
    shared: Weak<Shared>,
    listener: Arc<dyn Listener>,
    model_fps: f64,
    interval: Option<Duration>,
) {
    let mut sampler = Sampler {
        shared,
        listener,
        model_fps,
        each_second: Meter::default(),
        judge: Judge::default(),
        followed: Meter::default(),
    };
    let mut second = ticks(SECOND);
    let mut follow = interval.map(ticks);
    let alone = follow.is_none();
    // What is seen now is what the first second is measured against.
    sampler.judge(alone).await;
    sampler.follow().await;
    loop {
        let follows = async {
            match &mut follow {
                Some(follow) => follow.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = second.tick() => sampler.judge(alone).await,
            _ = follows => sampler.follow().await,
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Sampler {
    async fn snapshot(&mut self) -> Option<(Arc<Shared>, Snapshot)> {
        let shared = self.shared.upgrade()?;
        let state = *lock(&shared.state);
        if !matches!(state, ConnectionState::Connected | ConnectionState::Generating) {
            // Nothing flows. What comes back is another connection.
            self.each_second.reset();
            self.followed.reset();
            self.judge.restart();
            return None;
        }
        let snapshot = shared.media.snapshot().await;
        Some((shared, snapshot))
    }

    /// Tells whoever follows.
    async fn follow(&mut self) {
        let Some((shared, snapshot)) = self.snapshot().await else { return };
        if let Some(rates) = self.followed.look(Instant::now(), &snapshot) {
            lock(&shared.seen).rates = rates;
            self.listener.stats();
        }
    }

    /// Judges the second that is over. `alone`: nobody follows, and these are the rates to show.
    async fn judge(&mut self, alone: bool) {
        let Some((shared, snapshot)) = self.snapshot().await else { return };
        let Some(rates) = self.each_second.look(Instant::now(), &snapshot) else { return };
        let quality = self.judge.add(self.sample(&shared, &snapshot, &rates));
        let mut seen = lock(&shared.seen);
        if alone {
            seen.rates = rates;
        }
        let before = std::mem::replace(&mut seen.quality, quality);
        drop(seen);
        if before.level != quality.level {
            let (level, factor) = (quality.level.as_str(), quality.factor.as_str());
            tracing::info!(target: "parhelion::client", level, factor, "quality");
            self.listener.quality(quality, before);
        }
    }

    fn sample(&self, shared: &Shared, snapshot: &Snapshot, rates: &Rates) -> Sample {
        let seconds = |ms: f64| ms / 1e3;
        let service = lock(&shared.service).as_deref().map_or(0.0, |service| {
            seconds(service.model_ms_p50.max(service.encode_ms).max(service.decode_ms))
        });
        let sent = snapshot.sent.rate.map_or(0.0, |rate| rate.short());
        let received = lock(&shared.service).as_deref().map_or(0.0, short);
        let here = rates.encode_time.max(rates.decode_time).as_secs_f64();
        let latency = snapshot.latency_now.p50;
        Sample {
            round_trip: snapshot.network.round_trip_time,
            latency: (rates.received_fps > 0.0 && !latency.is_zero())
                .then_some(latency.as_secs_f64()),
            lost: [rates.fraction_lost_sent, rates.fraction_lost_received]
                .into_iter()
                .flatten()
                .reduce(f64::max),
            skipped: rates.fraction_skipped,
            short: sent.max(received),
            expected_fps: rates.sent_fps.min(self.model_fps),
            received_fps: rates.received_fps,
            froze: rates.freezes > 0,
            slowest: here.max(service),
        }
    }
}

/// How much less than it may the service sends, 0 to 1, because the path carries no more.
fn short(service: &ServiceStats) -> f64 {
    let (target, max) = (service.target_bitrate as f64, service.max_bitrate as f64);
    if service.bandwidth_limited && max > 0.0 { (1.0 - target / max).max(0.0) } else { 0.0 }
}
