//! Which missing packets are asked for again, when, and how long they are waited for.
//!
//! What is missing is asked for as soon as later packets give it away, then once a round trip: sooner
//! would bring it twice, and on a narrow link what comes twice is what is lost next. On a long way
//! there is no time for that, so requests come closer there. No request is made whose answer would
//! come after the packet is given up, and no more than a link can bear that loses so much.

use std::time::{Duration, Instant};

/// Assumed until something was measured.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(50);
/// No measurement counts for more or less.
const ROUND_TRIPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));
/// What a request and its answer may take beyond the round trip.
const SLACK: Duration = Duration::from_millis(10);
/// Shortest time between two requests for a packet, however near the sender is.
const LEAST_SPACING: Duration = Duration::from_millis(20);
/// Longest that a packet is waited for which others may just have overtaken.
const MAX_OVERTAKING: Duration = Duration::from_millis(20);
const OVERTAKING_MARGIN: Duration = Duration::from_millis(2);

/// So many requests for a packet follow each other at once.
const EAGER_REQUESTS: u32 = 8;

/// Requests that each packet that comes pays for, and how many may be saved up. What loses more than
/// a fifth has no room for what is sent, and less for what is sent twice: a key frame does more.
const CREDIT: f64 = 0.25;
const MAX_CREDIT: f64 = 64.0;

/// A packet that has not come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// When a later packet gave it away.
    pub(super) since: Instant,
    requests: u32,
    first_request: Instant,
    last_request: Instant,
}

impl Gap {
    pub(super) fn new(since: Instant) -> Self {
        Self { since, requests: 0, first_request: since, last_request: since }
    }

    pub(super) fn was_requested(&self) -> bool {
        self.requests > 0
    }

    pub(super) fn request(&mut self, now: Instant) {
        if self.requests == 0 {
            self.first_request = now;
        }
        self.requests += 1;
        self.last_request = now;
    }
}

/// What has been learned about the way to the sender and back.
#[derive(Debug)]
pub(super) struct Repair {
    shortest_wait: Duration,
    longest_wait: Duration,
    /// As others have measured it.
    network: Option<Duration>,
    /// From a request to its answer, smoothed.
    answers: Option<Duration>,
    /// By how much packets come late that others have overtaken.
    overtaking: Duration,
    /// Requests that may be made.
    credit: f64,
}

impl Repair {
    pub(super) fn new(shortest_wait: Duration, longest_wait: Duration) -> Self {
        Self {
            shortest_wait,
            longest_wait: longest_wait.max(shortest_wait),
            network: None,
            answers: None,
            overtaking: Duration::ZERO,
            credit: MAX_CREDIT,
        }
    }

    /// A packet came, of whatever kind.
    pub(super) fn earn(&mut self) {
        self.credit = (self.credit + CREDIT).min(MAX_CREDIT);
    }

    /// Whether a request can be afforded; it is then paid.
    pub(super) fn pay(&mut self) -> bool {
        let affordable = self.credit >= 1.0;
        if affordable {
            self.credit -= 1.0;
        }
        affordable
    }

    pub(super) fn set_round_trip(&mut self, measured: Duration) {
        self.network = Some(measured.clamp(ROUND_TRIPS.0, ROUND_TRIPS.1));
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.network.max(self.answers).unwrap_or(FIRST_ROUND_TRIP)
    }

    /// How long a packet is waited for before a key frame is asked for as well: two rounds.
    pub(super) fn patience(&self) -> Duration {
        (self.round_trip().mul_f64(2.1) + 3 * SLACK)
            .clamp(self.shortest_wait, self.longest_wait.mul_f64(0.7).max(self.shortest_wait))
    }

    /// How long it is waited for at all. The key frame needs a while, and what is repaired before it
    /// comes is still shown.
    pub(super) fn deadline(&self) -> Duration {
        (2 * self.patience()).min(self.longest_wait)
    }

    /// From one request for a packet to the next: a round, or less where there is no time for
    /// three.
    fn spacing(&self) -> Duration {
        let round_trip = self.round_trip();
        let room = self.deadline().saturating_sub(round_trip);
        (round_trip + SLACK).min(room / 2).max(LEAST_SPACING)
    }

    /// When to ask for a packet; none: not again.
    pub(super) fn due(&self, gap: &Gap) -> Option<Instant> {
        if !gap.was_requested() {
            return Some(gap.since + self.overtaking);
        }
        // Who was asked so often and does not answer is not asked all the time.
        let due = gap.last_request + self.spacing() * (1 + gap.requests / EAGER_REQUESTS);
        (due + self.round_trip() <= gap.since + self.deadline()).then_some(due)
    }

    /// Learns from a packet that has come after all.
    pub(super) fn came(&mut self, now: Instant, gap: &Gap) {
        let late = now.saturating_duration_since(gap.since);
        let answered = now.saturating_duration_since(gap.first_request);
        let at_once = self.network.is_some_and(|network| answered < network / 2);
        if !gap.was_requested() || at_once {
            self.overtaking = self.overtaking.max(late + OVERTAKING_MARGIN).min(MAX_OVERTAKING);
            return;
        }
        self.overtaking = self.overtaking.mul_f64(0.95);
        // With several requests it is not known which one was answered. The first is the safe guess,
        // and it counts for less.
        let weight = if gap.requests == 1 { 0.25 } else { 0.125 };
        let sample = answered.clamp(ROUND_TRIPS.0, ROUND_TRIPS.1);
        self.answers = Some(match self.answers {
            Some(before) => before.mul_f64(1.0 - weight) + sample.mul_f64(weight),
            None => sample,
        });
    }
}
