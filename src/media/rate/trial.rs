//! Tells a queue from a longer way: when less is sent, a queue becomes shorter by what is left out.

use std::time::{Duration, Instant};

use super::{Fate, PacketReport, StandingQueue};

/// A lower rate should have shortened the queue by so much, milliseconds, or so many times the
/// jitter, before it is looked whether it did.
const EXPECTED: f64 = 80.0;
const EXPECTED_JITTER: f64 = 3.0;
/// It did if the wait is shorter by this share of that: who shares a path empties it alone.
const SHORTER: f64 = 0.15;
/// What became shorter by so many times as much, and by so many milliseconds more, was held up
/// elsewhere: by a busy machine, or on the air.
const BY_ITSELF: (f64, f64) = (2.0, 40.0);
/// Others on the path may take what is left free. That a wait is no queue is believed if what is
/// sent is less than carried by the first share; else it is tried with the second of what is carried.
const DEEP: f64 = 0.3;
pub(super) const DEEPER: f64 = 0.62;
/// A wait that has become longer by more than this, milliseconds, is still growing.
const GROWN: f64 = 15.0;
/// With more losses than this the queue may be full.
const FULL: f64 = 0.2;
/// The wait before a decrease is seen over this long.
const SEEN: Duration = Duration::from_millis(120);
/// While it is in doubt there is no further decrease, for so long and a round trip.
const DOUBT: Duration = Duration::from_secs(1);
/// A decrease that is not judged after so long, will not be.
const UNJUDGED: Duration = Duration::from_millis(2500);

/// A lower rate that is to shorten a queue.
#[derive(Debug)]
pub(super) struct Trial {
    since: Instant,
    /// The rate before, and what was known of a limit then.
    pub(super) before: f64,
    pub(super) limit: Option<f64>,
    /// What the path is thought to carry, bits per second.
    carries: f64,
    /// Bits sent since, and packets: lost, all.
    bits: f64,
    packets: (u32, u32),
    /// The rate was lowered once more.
    is_second: bool,
}

/// What a lower rate has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finding {
    /// Too soon to say.
    Open,
    /// The wait became shorter: it was a queue.
    Queue,
    /// Nothing changed; it should be tried with this rate.
    Lower(f64),
    /// Nothing changed: the way is as long as this, as [`StandingQueue::take_for_way`] takes it.
    Way(f64),
    /// The wait went away by itself, or it cannot be told why.
    Nothing,
}

impl Trial {
    /// The rate goes down from `before`, on a path that carries so many bits per second.
    pub(super) fn new(now: Instant, before: f64, limit: Option<f64>, carries: f64) -> Self {
        let (bits, packets, is_second) = (0.0, (0, 0), false);
        Self { since: now, before, limit, carries: carries.max(1.0), bits, packets, is_second }
    }

    /// A packet is reported on.
    pub(super) fn reported(&mut self, packet: &PacketReport) {
        if packet.sent >= self.since {
            self.bits += f64::from(packet.size) * 8.0;
            self.packets.0 += u32::from(packet.fate == Fate::Lost);
            self.packets.1 += u32::from(packet.fate != Fate::Unknown);
        }
    }

    /// `newest`: when the last packet was sent that is reported on; `least`: what waits less does
    /// not wait, milliseconds.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        queue: &StandingQueue,
        newest: Instant,
        least: f64,
    ) -> Finding {
        let passed = newest.saturating_duration_since(self.since);
        let unknown = if passed > UNJUDGED { Finding::Nothing } else { Finding::Open };
        let after = queue.delay(newest.checked_sub(SEEN).unwrap_or(newest), newest + SEEN);
        let (Some(before), Some(after)) = (self.delay_before(queue), after) else { return unknown };
        let expected = (passed.as_secs_f64() - self.bits / self.carries) * 1e3;
        let shorter = before - after;
        if passed > SEEN && queue.wait() < GROWN {
            let by_itself = shorter > BY_ITSELF.0 * expected.max(0.0) + BY_ITSELF.1;
            return if by_itself { Finding::Nothing } else { Finding::Queue };
        }
        let jitter = queue.jitter();
        if expected < (EXPECTED_JITTER * jitter).max(EXPECTED) || passed < 2 * SEEN {
            return unknown;
        }
        if is_full(self.packets) || shorter >= (SHORTER * expected).max(jitter) {
            return Finding::Queue;
        }
        if shorter <= -GROWN.max(jitter) {
            // What still grows cannot be judged yet.
            (self.since, self.bits, self.packets) = (now, 0.0, (0, 0));
            return Finding::Open;
        }
        if expected / 1e3 > DEEP * passed.as_secs_f64() {
            return if queue.wait() > least { Finding::Way(after) } else { Finding::Nothing };
        }
        if self.is_second {
            return Finding::Nothing;
        }
        (self.since, self.bits, self.packets) = (now, 0.0, (0, 0));
        self.is_second = true;
        Finding::Lower(self.carries * DEEPER)
    }

    /// Whether the wait stays so far what it was, so that no further decrease is called for.
    pub(super) fn is_in_doubt(
        &self,
        now: Instant,
        queue: &StandingQueue,
        round_trip: Duration,
    ) -> bool {
        let Some(before) = self.delay_before(queue) else { return false };
        let same = GROWN.max(queue.jitter());
        now < self.since + DOUBT + round_trip
            && (queue.newest() - before).abs() < same
            && !is_full(self.packets)
    }

    /// What was sent as the rate went down has waited as long as before.
    fn delay_before(&self, queue: &StandingQueue) -> Option<f64> {
        let then = queue.delay(self.since, self.since + SEEN);
        then.or_else(|| queue.delay(self.since.checked_sub(2 * SEEN)?, self.since))
    }
}

/// Whether so many are lost, of all, as if a queue was full.
pub(super) fn is_full((lost, all): (u32, u32)) -> bool {
    f64::from(lost) > FULL * f64::from(all)
}
