//! Whether the client is still there.
//!
//! A client is asked now and then, and has a minute to answer: its process may just be busy. It is
//! asked every second, and has four, while somebody waits for its place. Whatever comes from it
//! counts as an answer, media too: a client whose event loop stands still while its pictures flow
//! has not left.

use std::time::{Duration, Instant};

use super::super::{after, earliest};

/// While somebody waits for the client's place.
const WANTED_PING: Duration = Duration::from_secs(1);
const WANTED_SILENCE: Duration = Duration::from_secs(4);
/// While the client itself waits for one: those behind it would wait for nobody.
const QUEUED_PING: Duration = Duration::from_secs(2);
const QUEUED_SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// Nobody needs to know soon.
    None,
    Queued,
    Wanted,
}

#[derive(Debug)]
pub(super) struct Presence {
    /// Between two pings when there is no hurry; zero means none.
    interval: Duration,
    urgency: Urgency,
    /// Since when the urgency is what it is: earlier silence was nothing to complain of.
    since: Instant,
    last_sign: Instant,
    next_ping: Option<Instant>,
    unanswered: u32,
}

impl Presence {
    pub fn new(now: Instant, interval: Duration) -> Self {
        let mut presence = Self {
            interval,
            urgency: Urgency::None,
            since: now,
            last_sign: now,
            next_ping: None,
            unanswered: 0,
        };
        presence.next_ping = presence.ping_after(now);
        presence
    }

    pub fn queued(&mut self, now: Instant) {
        self.become_urgent(now, Urgency::Queued);
    }

    pub fn wanted(&mut self, now: Instant, wanted: bool) {
        self.become_urgent(now, if wanted { Urgency::Wanted } else { Urgency::None });
    }

    /// Something came from the client at `at`.
    pub fn sign(&mut self, at: Instant) {
        if at > self.last_sign {
            self.last_sign = at;
        }
        self.unanswered = 0;
    }

    pub fn deadline(&self) -> Option<Instant> {
        earliest([self.next_ping, self.silence_ends()])
    }

    /// Whether to ping now.
    pub fn ping_is_due(&mut self, now: Instant) -> bool {
        if self.next_ping.is_none_or(|at| at > now) {
            return false;
        }
        self.unanswered += 1;
        self.next_ping = self.ping_after(now);
        true
    }

    /// Whether the client has been silent for too long. To be asked before `ping_is_due`.
    pub fn is_gone(&self, now: Instant) -> bool {
        match self.silence_ends() {
            Some(at) => at <= now,
            None => self.unanswered >= 2 && self.next_ping.is_some_and(|at| at <= now),
        }
    }

    fn become_urgent(&mut self, now: Instant, urgency: Urgency) {
        if self.urgency == urgency {
            return;
        }
        self.urgency = urgency;
        self.since = now;
        self.unanswered = 0;
        // Asked at once when there is a hurry.
        self.next_ping = if urgency == Urgency::None { self.ping_after(now) } else { Some(now) };
    }

    fn silence_ends(&self) -> Option<Instant> {
        let limit = match self.urgency {
            Urgency::None => return None,
            Urgency::Queued => QUEUED_SILENCE,
            Urgency::Wanted => WANTED_SILENCE,
        };
        Some(after(self.last_sign.max(self.since), limit))
    }

    fn ping_after(&self, now: Instant) -> Option<Instant> {
        let interval = match self.urgency {
            Urgency::None => self.interval,
            Urgency::Queued => QUEUED_PING,
            Urgency::Wanted => WANTED_PING,
        };
        (!interval.is_zero()).then(|| after(now, interval))
    }
}
