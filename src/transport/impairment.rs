//! What a bad link does to packets, as a scheduler without input and output: packets go in at one
//! time and come out at another, or not at all. Time and seed are arguments, so a link repeats itself.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// More packets than these are not held, whatever the delay.
const MAX_WAITING: usize = 16_384;
/// Packets that follow each other faster belong to one picture and share its jitter.
const FLIGHT: Duration = Duration::from_millis(2);
/// By how much a packet is held back that others are to overtake.
const HELD_BACK: Duration = Duration::from_millis(10);

/// What a link does to the packets of one direction. The default does nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a run of lost packets, at least 1 (Gilbert-Elliott). None: every packet is
    /// lost or not whatever happened to the one before.
    pub burst: Option<f64>,
    pub delay: Duration,
    /// Up to so much is added to the delay. The order stays.
    pub jitter: Duration,
    /// Share of packets that later ones overtake, 0 to 1.
    pub reorder: f64,
    /// Share of packets that arrive twice, 0 to 1.
    pub duplicate: f64,
    /// Bits per second; none: no limit.
    pub rate: Option<u64>,
    /// What would wait longer than this for its turn at that rate is lost.
    pub queue: Duration,
    /// Nothing passes.
    pub blackout: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst: None,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: 0.0,
            duplicate: 0.0,
            rate: None,
            queue: Duration::from_millis(200),
            blackout: false,
        }
    }
}

impl Conditions {
    /// Whether packets pass as they come.
    pub fn are_perfect(&self) -> bool {
        !self.blackout
            && self.loss == 0.0
            && self.delay.is_zero()
            && self.jitter.is_zero()
            && self.reorder == 0.0
            && self.duplicate == 0.0
            && self.rate.is_none()
    }
}

/// What has become of the packets of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounters {
    pub packets: u64,
    pub lost: u64,
    /// Found the queue before the limited rate full.
    pub overflowed: u64,
    /// Came while nothing passed.
    pub blacked_out: u64,
    pub duplicated: u64,
    pub overtaken: u64,
}

impl AddAssign for LinkCounters {
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.lost += more.lost;
        self.overflowed += more.overflowed;
        self.blacked_out += more.blacked_out;
        self.duplicated += more.duplicated;
        self.overtaken += more.overtaken;
    }
}

#[derive(Debug)]
struct Waiting<T> {
    due: Instant,
    /// Keeps the order of those that are due at once.
    number: u64,
    packet: T,
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Waiting<T> {}

/// One direction of a link.
#[derive(Debug)]
pub struct Link<T> {
    conditions: Conditions,
    chance: fastrand::Rng,
    /// In the middle of a run of losses.
    losing: bool,
    /// Bits before the limited rate, as of `settled`.
    backlog: f64,
    settled: Option<Instant>,
    last_arrival: Option<Instant>,
    /// The jitter of the present flight.
    jitter: Duration,
    last_due: Option<Instant>,
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    number: u64,
    counters: LinkCounters,
}

impl<T: Clone> Link<T> {
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            chance: fastrand::Rng::with_seed(seed),
            losing: false,
            backlog: 0.0,
            settled: None,
            last_arrival: None,
            jitter: Duration::ZERO,
            last_due: None,
            waiting: BinaryHeap::new(),
            number: 0,
            counters: LinkCounters::default(),
        }
    }

    /// Changes the link for packets that come from now on.
    pub fn set_conditions(&mut self, now: Instant, conditions: Conditions) {
        self.settle(now);
        self.conditions = conditions;
    }

    /// Begins the sequence of chances anew.
    pub fn set_seed(&mut self, seed: u64) {
        self.chance = fastrand::Rng::with_seed(seed);
        self.losing = false;
    }

    /// Takes a packet of `size` bytes.
    pub fn push(&mut self, now: Instant, size: usize, packet: T) {
        self.counters.packets += 1;
        // Always all four, so that the same packets are lost whatever else is switched on.
        let [loss, jitter, overtaken, twice] = std::array::from_fn(|_| self.chance.f64());
        if self.conditions.blackout {
            self.counters.blacked_out += 1;
            return;
        }
        if self.loses(loss) {
            self.counters.lost += 1;
            return;
        }
        let Some(leaves) = self.through_rate(now, size) else {
            self.counters.overflowed += 1;
            return;
        };
        if self.last_arrival.is_none_or(|last| now.saturating_duration_since(last) > FLIGHT) {
            self.jitter = self.conditions.jitter.mul_f64(jitter);
        }
        self.last_arrival = Some(now);
        let mut due = leaves + self.conditions.delay + self.jitter;
        due = self.last_due.map_or(due, |last| due.max(last));
        if overtaken < self.conditions.reorder {
            self.counters.overtaken += 1;
            due += HELD_BACK;
        } else {
            self.last_due = Some(due);
        }
        if twice < self.conditions.duplicate {
            self.counters.duplicated += 1;
            self.wait(due, packet.clone());
        }
        self.wait(due, packet);
    }

    /// The next packet that has arrived by now.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        if self.next_due()? > now {
            return None;
        }
        self.waiting.pop().map(|Reverse(waiting)| waiting.packet)
    }

    /// When the next packet arrives.
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse(waiting)| waiting.due)
    }

    /// What has become of packets since the last call.
    pub fn take_counters(&mut self) -> LinkCounters {
        std::mem::take(&mut self.counters)
    }

    fn wait(&mut self, due: Instant, packet: T) {
        if self.waiting.len() >= MAX_WAITING {
            self.counters.overflowed += 1;
            return;
        }
        self.number += 1;
        self.waiting.push(Reverse(Waiting { due, number: self.number, packet }));
    }

    fn loses(&mut self, draw: f64) -> bool {
        let loss = self.conditions.loss;
        let Some(length) = self.conditions.burst else { return draw < loss };
        let leave = 1.0 / length;
        // So that the share of time spent losing is `loss`.
        let enter = leave * loss / (1.0 - loss);
        let goes_on = loss >= 1.0 || draw >= leave;
        self.losing = if self.losing { goes_on } else { draw < enter };
        self.losing
    }

    /// When a packet has passed the limited rate; none if its queue is full.
    fn through_rate(&mut self, now: Instant, size: usize) -> Option<Instant> {
        let Some(rate) = self.conditions.rate else { return Some(now) };
        self.settle(now);
        let rate = rate.max(1) as f64;
        if self.backlog / rate > self.conditions.queue.as_secs_f64() {
            return None;
        }
        self.backlog += 8.0 * size as f64;
        Some(now + Duration::from_secs_f64(self.backlog / rate))
    }

    /// Lets the backlog run off until now.
    fn settle(&mut self, now: Instant) {
        let elapsed =
            self.settled.map_or(Duration::ZERO, |settled| now.saturating_duration_since(settled));
        self.settled = Some(now);
        self.backlog = match self.conditions.rate {
            Some(rate) => (self.backlog - elapsed.as_secs_f64() * rate as f64).max(0.0),
            None => 0.0,
        };
    }
}
