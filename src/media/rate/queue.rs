//! Packets that wait on the way.
//!
//! The clocks of the two ends have nothing in common, so only differences count: of the time that a
//! packet takes, and the least that any took lately. Packets that were sent together wait for each
//! other, and jitter holds some back: of a few groups of packets the quickest tells how long
//! everybody waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets sent closer to each other are one group, for jitter.
const GROUP: Duration = Duration::from_millis(5);
/// The quickest packet of those that arrived over this time tells how long all wait.
const LOOK: Duration = Duration::from_millis(100);
/// The least is of this many spans: a path may become longer.
const SPAN: Duration = Duration::from_secs(2);
const SPANS: usize = 8;
/// Below this much waiting nobody minds, milliseconds: at no rate, less for each megabit, and at
/// least. Who sends more is to notice first, so that all who share a path come to have the same.
const HARMLESS: f64 = 37.0;
const HARMLESS_PER_MEGABIT: f64 = 8.0;
const LEAST_HARMLESS: f64 = 20.0;
/// Jitter counts for so much of the threshold, at most.
const MOST_FOR_JITTER: f64 = 80.0;
/// A queue grows packet by packet. What rises by more than this and three packets' time at the rate,
/// milliseconds, was held up at once: by a busy machine, or a radio link.
const JUMP: f64 = 30.0;
const PACKET_BITS: f64 = 10_000.0;
/// So was what rises from one group to the next by more than this, or so many times the jitter, and
/// than the packets between them can account for.
const GROUP_JUMP: f64 = 12.0;
const GROUP_JUMP_JITTER: f64 = 4.0;
/// After such a jump it may take this long until it is over.
const AFTER_JUMP: Duration = Duration::from_millis(600);
/// A queue is seen to fall against what it was this long ago.
const FALLING_OVER: Duration = Duration::from_millis(150);

/// Groups are remembered for this long, to tell a step from a queue.
const REMEMBERED: Duration = Duration::from_millis(1500);
/// A step has lasted so long; it is there within the shorter time.
const LASTING: Duration = Duration::from_millis(300);
const SUDDEN: Duration = Duration::from_millis(120);
/// By then so much of it is there.
const MOST_OF_IT: f64 = 0.75;
/// What differs by so much of it, or by this many milliseconds, is the same; by so many times that,
/// it is certainly not.
const SAME: f64 = 0.12;
const SAME_AT_LEAST: f64 = 8.0;
const NOT_THE_SAME: f64 = 2.0;
/// What is longer by so many milliseconds, and so many times the jitter, than it was at first is a flood.
const FLOOD: f64 = 90.0;
const FLOOD_JITTER: f64 = 4.0;

/// Why packets wait, as far as their delays tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The wait came packet by packet, or goes on growing.
    Queue,
    /// It grows so fast that there is no doubt.
    Flood,
    /// It came at once, and has been the same since: the way has become longer.
    Way,
    /// It came at once, and it is not clear what it does since.
    Unclear,
}

/// Judges how long packets wait.
#[derive(Debug, Default)]
pub struct StandingQueue {
    origin: Option<Instant>,
    /// When packets arrived, and their delay: milliseconds, plus whatever the clocks differ by.
    recent: VecDeque<(Duration, f64)>,
    /// The last group: when it was sent, and its least delay; and its bits.
    group: Option<(Duration, f64)>,
    bits: f64,
    /// The groups before it.
    groups: VecDeque<(Duration, f64)>,
    /// The least delay of each span, and when it began.
    least: VecDeque<(Duration, f64)>,
    /// Mean difference between a group and the one before, milliseconds.
    jitter: f64,
    /// How long the wait was at each look.
    waits: VecDeque<(Duration, f64)>,
    /// When packets were held up at once, by our clock.
    jumped: Option<Duration>,
}

impl StandingQueue {
    /// A packet of so many bytes that arrived, while this many bits per second do.
    pub fn add(&mut self, sent: Instant, arrived: Duration, size: u32, rate: f64) {
        let origin = *self.origin.get_or_insert(sent);
        // What was sent before the first is not needed.
        let Some(sent) = sent.checked_duration_since(origin) else { return };
        let delay = (arrived.as_secs_f64() - sent.as_secs_f64()) * 1e3;
        if let Some((_, before)) = self.recent.back()
            && delay > before + JUMP + 3e3 * PACKET_BITS / rate.max(PACKET_BITS)
        {
            self.jumped = Some(sent);
        }
        match &mut self.group {
            Some((began, least)) if sent < *began + GROUP => {
                *least = least.min(delay);
                self.bits += f64::from(size) * 8.0;
            }
            group => {
                let bits = std::mem::replace(&mut self.bits, f64::from(size) * 8.0);
                if let Some((began, before)) = group {
                    let passed = (sent.saturating_sub(*began)).as_secs_f64();
                    let filled = (bits / rate.max(PACKET_BITS) - passed).max(0.0) * 1e3;
                    let jump = GROUP_JUMP.max(GROUP_JUMP_JITTER * self.jitter);
                    if delay - *before > filled + jump {
                        self.jumped = Some(sent);
                    }
                    self.groups.push_back((*began, *before));
                    while self.groups.front().is_some_and(|(at, _)| *at + REMEMBERED < sent) {
                        self.groups.pop_front();
                    }
                    let difference = (delay - *before).abs().min(MOST_FOR_JITTER);
                    self.jitter += (difference - self.jitter) * 0.03;
                }
                *group = Some((sent, delay));
            }
        }
        self.recent.push_back((arrived, delay));
        while self.recent.front().is_some_and(|(at, _)| *at + LOOK < arrived) {
            self.recent.pop_front();
        }
        match self.least.back_mut() {
            Some((began, least)) if sent < *began + SPAN => *least = least.min(delay),
            _ => {
                self.least.push_back((sent, delay));
                if self.least.len() > SPANS {
                    self.least.pop_front();
                }
            }
        }
    }

    /// Notes how long the wait is; to be called once a report.
    pub fn look(&mut self) {
        let (Some(&(now, _)), wait) = (self.recent.back(), self.wait()) else { return };
        self.waits.push_back((now, wait));
        while self.waits.len() > 2
            && self.waits.get(1).is_some_and(|(at, _)| *at + FALLING_OVER < now)
        {
            self.waits.pop_front();
        }
    }

    /// Milliseconds that everybody waits.
    pub fn wait(&self) -> f64 {
        if self.recent.is_empty() {
            return 0.0;
        }
        (self.newest() - self.least()).max(0.0)
    }

    /// More than this is too much for who has this much delivered, milliseconds.
    pub fn threshold(&self, rate: f64) -> f64 {
        let harmless = (HARMLESS - HARMLESS_PER_MEGABIT * rate / 1e6).max(LEAST_HARMLESS);
        harmless + (2.0 * self.jitter).min(MOST_FOR_JITTER)
    }

    /// Whether packets were held up at once a moment before the newest that came, and may not be
    /// waiting in a queue.
    pub fn has_jumped(&self) -> bool {
        let (Some((newest, _)), Some(jumped)) = (self.group, self.jumped) else { return false };
        newest < jumped + AFTER_JUMP
    }

    /// Whether the wait is getting shorter.
    pub fn is_falling(&self) -> bool {
        let (Some((_, before)), Some((_, now))) = (self.waits.front(), self.waits.back()) else {
            return false;
        };
        *now < before - (before * 0.08).max(2.0)
    }

    fn least(&self) -> f64 {
        self.least.iter().map(|(_, least)| *least).fold(f64::INFINITY, f64::min)
    }

    /// The least delay of what was sent over some time, milliseconds and whatever the clocks differ by.
    pub fn delay(&self, from: Instant, until: Instant) -> Option<f64> {
        let origin = self.origin?;
        let range = from.saturating_duration_since(origin)..until.saturating_duration_since(origin);
        least_of(self.groups.iter().chain(&self.group).filter(|(sent, _)| range.contains(sent)))
    }

    /// Mean difference between what was sent together and what was sent next, milliseconds.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Why packets wait for longer than the threshold, and for how long they have done so.
    pub fn cause(&self, threshold: f64) -> (Cause, Duration) {
        let Some((newest, _)) = self.group else { return (Cause::Queue, Duration::ZERO) };
        let (least, wait) = (self.least(), self.wait());
        let waiting = self.groups.iter().rev().take_while(|(_, delay)| *delay > least + threshold);
        let Some(began) = waiting.last().map(|(began, _)| *began) else {
            return (Cause::Unclear, Duration::ZERO);
        };
        // What was held up at once meanwhile begins anew.
        let jumped = self.jumped.is_some_and(|at| began <= at + SUDDEN);
        let began = self.jumped.map_or(began, |at| began.max(at));
        let lasts = newest.saturating_sub(began);
        let over = |from: Duration, until: Duration| {
            let range = began + from..began + until;
            least_of(self.groups.iter().filter(|(sent, _)| range.contains(sent)))
        };
        let first = over(Duration::ZERO, SUDDEN).map_or(wait, |first| first - least);
        let sudden = first >= MOST_OF_IT * wait;
        let known = lasts >= LASTING;
        let half = SUDDEN / 2 + (lasts.saturating_sub(SUDDEN / 2)) / 2;
        let rise = over(half, lasts).zip(over(SUDDEN / 2, half)).map(|(now, then)| now - then);
        let same = (SAME * wait).max(SAME_AT_LEAST).max(self.jitter);
        let cause = match rise.filter(|_| known) {
            _ if wait - first > FLOOD.max(FLOOD_JITTER * self.jitter) => Cause::Flood,
            Some(rise) if jumped && sudden && rise.abs() < same => Cause::Way,
            Some(rise) if rise > NOT_THE_SAME * same => Cause::Queue,
            _ if jumped => Cause::Unclear,
            _ => Cause::Queue,
        };
        (cause, lasts)
    }

    /// What is waited now is the length of the way.
    pub fn take_for_way(&mut self, least: f64) {
        let now = self.group.map_or(Duration::ZERO, |(sent, _)| sent);
        self.least.clear();
        self.least.push_back((now, least));
        self.waits.clear();
        self.jumped = None;
    }

    /// The least delay of what arrived last.
    pub fn newest(&self) -> f64 {
        self.recent.iter().map(|(_, delay)| *delay).fold(f64::INFINITY, f64::min)
    }

    /// What was on its way through a silence says nothing, nor does what came before.
    pub fn forget_recent(&mut self) {
        self.recent.clear();
        self.groups.clear();
        self.group = None;
        self.waits.clear();
        self.jumped = None;
    }
}

fn least_of<'a>(groups: impl Iterator<Item = &'a (Duration, f64)>) -> Option<f64> {
    groups.map(|(_, delay)| *delay).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Packets every 33 ms, each with this much delay.
    fn waits(delays: impl IntoIterator<Item = u64>) -> StandingQueue {
        let mut queue = StandingQueue::default();
        let start = Instant::now();
        for (n, delay) in delays.into_iter().enumerate() {
            let sent = n as u32 * 33 * MS;
            // The receiver's clock began a while ago.
            queue.add(start + sent, sent + Duration::from_millis(5000 + delay), 4000, 1e6);
            queue.look();
        }
        queue
    }

    #[test]
    fn a_constant_delay_is_no_wait() {
        let queue = waits([150; 100]);
        assert!(queue.wait() < 0.01, "{}", queue.wait());
        assert!(queue.threshold(1e6) < 30.0);
    }

    #[test]
    fn a_queue_that_grows_is_seen_and_one_that_empties_is_falling() {
        let queue = waits((0..60).map(|n| if n < 40 { 20 } else { 20 + 5 * (n - 40) }));
        assert!(queue.wait() > 60.0 && !queue.is_falling(), "{queue:?}");
        let falls = |n: u64| 200 - 5 * (n - 40);
        let queue = waits((0..60).map(|n| if n < 40 { 20 } else { falls(n) }));
        assert!(queue.is_falling());
    }

    #[test]
    fn jitter_is_no_queue() {
        let mut chance = fastrand::Rng::with_seed(3);
        let mut worst = f64::NEG_INFINITY;
        let mut queue = StandingQueue::default();
        let start = Instant::now();
        for n in 0..2000u32 {
            let sent = n * 33 * MS;
            let arrived = sent + Duration::from_micros(chance.u64(20_000..60_000));
            queue.add(start + sent, arrived, 4000, 1e6);
            queue.look();
            if n > 100 {
                worst = worst.max(queue.wait() - queue.threshold(1e6));
            }
        }
        assert!(worst < 0.0, "{worst}");
    }

    #[test]
    fn a_longer_path_is_known_after_a_while() {
        let queue = waits((0..700).map(|n| if n < 100 { 20 } else { 120 }));
        assert!(queue.wait() < 1.0, "{}", queue.wait());
    }

    #[test]
    fn a_wait_that_came_at_once_and_stays_is_a_longer_way() {
        let step = |n: u64, rise: u64| waits((0..60).map(|k| if k < n { 20 } else { rise }));
        let cause = |queue: &StandingQueue| queue.cause(30.0).0;
        assert_eq!(cause(&step(45, 120)), Cause::Way);
        assert_eq!(cause(&step(55, 120)), Cause::Unclear, "too soon to tell");
        let grows = waits((0..60).map(|n| if n < 45 { 20 } else { 20 + 10 * (n - 45) }));
        assert!(matches!(cause(&grows), Cause::Queue | Cause::Flood));
        let sudden = waits((0..60).map(|n| if n < 45 { 20 } else { 100 + 10 * (n - 45) }));
        assert!(matches!(cause(&sudden), Cause::Queue | Cause::Flood));
        let mut known = step(45, 120);
        known.take_for_way(known.newest());
        assert!(known.wait() < 1.0);
    }
}
