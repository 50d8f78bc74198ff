//! Rates from counters: what happened between two looks at a session.

use std::time::{Duration, Instant};

use super::stats::Snapshot;

/// Keeps a rate finite.
const SHORTEST: Duration = Duration::from_millis(1);

/// Per second, over the time between two looks. Zero before there were two.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// The time they are over.
    pub interval: Duration,
    pub sent_fps: f64,
    pub encoded_fps: f64,
    pub received_fps: f64,
    pub decoded_fps: f64,
    /// Frames that a reader took.
    pub shown_fps: f64,
    /// RTP payload, bits per second.
    pub bitrate_sent: f64,
    pub bitrate_received: f64,
    /// Of the packets sent, the fraction that the other end missed, 0 to 1; none if it did not say.
    pub fraction_lost_sent: Option<f64>,
    /// Of the packets that the other end sent, the fraction that we missed; none if it sent none.
    pub fraction_lost_received: Option<f64>,
    /// Mean time in the encoder and in the decoder of the frames of that time.
    pub encode_time: Duration,
    pub decode_time: Duration,
    /// Of the frames sent, the fraction that the encoder's rate control left out.
    pub fraction_skipped: f64,
    pub freezes: u64,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub(super) struct Meter {
    before: Option<(Instant, Snapshot)>,
    rates: Rates,
}

impl Meter {
    /// The rates since the last look; none after the first.
    pub(super) fn look(&mut self, now: Instant, snapshot: &Snapshot) -> Option<Rates> {
        let (then, before) = self.before.replace((now, snapshot.clone()))?;
        let interval = now.saturating_duration_since(then).max(SHORTEST);
        self.rates = rates(interval, &before, snapshot, &self.rates);
        Some(self.rates)
    }

    /// Forgets what it saw: counters of a connection that is gone start again.
    pub(super) fn reset(&mut self) {
        self.before = None;
    }
}

fn rates(interval: Duration, before: &Snapshot, after: &Snapshot, last: &Rates) -> Rates {
    // Counters of a connection may start again, and then nothing is known.
    let count = |value: fn(&Snapshot) -> u64| value(after).saturating_sub(value(before));
    let per_second = |value: fn(&Snapshot) -> u64| count(value) as f64 / interval.as_secs_f64();
    let mean = |time: fn(&Snapshot) -> Duration, frames: u64| {
        let spent = time(after).saturating_sub(time(before));
        if frames == 0 { Duration::ZERO } else { spent.div_f64(frames as f64) }
    };
    let encoded = count(|one| one.sent.frames_encoded);
    let decoded = count(|one| one.received.frames_decoded);
    let missed = count(|one| one.network.packets_lost.max(0).unsigned_abs());
    let came = count(|one| one.network.packets_received);
    let reported = count(|one| one.network.remote_packets_expected);
    let lost = count(|one| one.network.remote_packets_lost);
    let skipped = count(Snapshot::skipped);
    Rates {
        interval,
        sent_fps: per_second(|one| one.frames_sent),
        encoded_fps: per_second(|one| one.sent.frames_encoded),
        received_fps: per_second(|one| one.frames_received),
        decoded_fps: per_second(|one| one.received.frames_decoded),
        shown_fps: per_second(Snapshot::shown),
        bitrate_sent: per_second(|one| one.network.bytes_sent) * 8.0,
        bitrate_received: per_second(|one| one.network.bytes_received) * 8.0,
        // Its reports come once a second: without a new one the last counts.
        fraction_lost_sent: fraction(lost, reported).or(last.fraction_lost_sent),
        fraction_lost_received: fraction(missed, came + missed),
        encode_time: mean(|one| one.sent.encode_time, encoded),
        decode_time: mean(|one| one.received.decode_time, decoded),
        fraction_skipped: fraction(skipped, skipped + encoded).unwrap_or_default(),
        freezes: count(|one| one.freeze_count),
    }
}

fn fraction(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(seconds: u64) -> Snapshot {
        let mut one = Snapshot { frames_sent: 30 * seconds, ..Default::default() };
        one.frames_received = 25 * seconds;
        one.sent.frames_encoded = 29 * seconds;
        one.sent.encode_time = Duration::from_millis(4 * 29 * seconds);
        one.network.bytes_sent = 125_000 * seconds;
        one.network.packets_received = 95 * seconds;
        one.network.packets_lost = 5 * seconds as i64;
        one
    }

    #[test]
    fn rates_are_over_the_time_between_two_looks() {
        let mut meter = Meter::default();
        let start = Instant::now();
        assert_eq!(meter.look(start, &snapshot(10)), None);
        let rates = meter.look(start + Duration::from_secs(2), &snapshot(12)).unwrap();
        assert_eq!(rates.interval, Duration::from_secs(2));
        assert_eq!((rates.sent_fps, rates.encoded_fps, rates.received_fps), (30.0, 29.0, 25.0));
        assert_eq!(Some(rates.bitrate_sent), Some(1e6));
        assert_eq!(rates.fraction_lost_received, Some(0.05));
        assert_eq!(rates.encode_time, Duration::from_millis(4));
        assert_eq!(rates.decode_time, Duration::ZERO);
    }

    #[test]
    fn counters_that_start_again_give_no_rates() {
        let mut meter = Meter::default();
        let start = Instant::now();
        meter.look(start, &snapshot(10));
        let rates = meter.look(start + Duration::from_secs(1), &snapshot(0)).unwrap();
        assert_eq!((rates.sent_fps, rates.bitrate_sent), (0.0, 0.0));
        assert_eq!(rates.fraction_lost_received, None);
        meter.reset();
        assert_eq!(meter.look(start + Duration::from_secs(2), &snapshot(50)), None);
    }

    #[test]
    fn what_the_other_end_lost_stays_until_it_reports_again() {
        let mut meter = Meter::default();
        let start = Instant::now();
        let mut one = Snapshot::default();
        meter.look(start, &one);
        one.network.remote_packets_expected = 200;
        one.network.remote_packets_lost = 2;
        let rates = meter.look(start + Duration::from_secs(1), &one).unwrap();
        assert_eq!(rates.fraction_lost_sent, Some(0.01));
        let rates = meter.look(start + Duration::from_secs(2), &one).unwrap();
        assert_eq!(rates.fraction_lost_sent, Some(0.01));
        one.network.remote_packets_expected = 400;
        let rates = meter.look(start + Duration::from_secs(3), &one).unwrap();
        assert_eq!(rates.fraction_lost_sent, Some(0.0));
    }
}
