//! Joins what queue, losses and silence say into one rate.

use std::time::{Duration, Instant};

use super::loss::{LossJudge, LossVerdict};
use super::queue::StandingQueue;
use super::{Bitrates, PacketReport, Throughput, Trend};

/// A queue must stay so long before it counts: a hiccup of either machine is none.
const SUSTAINED: Duration = Duration::from_millis(80);
/// Longer after packets were held up at once, and in the beginning, when both are busiest.
const SUSTAINED_LONG: Duration = Duration::from_millis(400);
const BEGINNING: Duration = Duration::from_secs(1);
/// After a change it takes this and a round trip until its effect is seen.
const RESPONSE: Duration = Duration::from_millis(200);
/// Of what was delivered while packets waited, so much is sent until they no longer do; less by so
/// much for each megabit, so that those who share a path come to have the same.
const BACK_OFF: f64 = 0.87;
const BACK_OFF_PER_MEGABIT: f64 = 0.03;
const MOST_PER_MEGABIT: f64 = 0.12;
/// So much less per second of waiting, so that a long queue is soon gone; not below the second.
const DRAIN: f64 = 0.9;
const LEAST_BACK_OFF: f64 = 0.3;
/// Delivered rates over this while something is wrong, and over the other while all is well.
const SHORT: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_secs(1);

/// Growth a second where the limit is not known to be near.
const GROWTH: f64 = 0.3;
/// Where losses are noticed.
const CAREFUL_GROWTH: f64 = 0.06;
/// The limit is near at this share of what was delivered when it was last met.
const NEAR: (f64, f64) = (0.85, 1.2);
/// Growth there, bits per second and second, at one megabit; who has more grows slower, so that all
/// who share a path come to have the same. At low rates not more than this share.
const NEAR_GROWTH: f64 = 200_000.0;
const NEAR_GROWTH_SHARE: f64 = 0.12;
/// The rate may be so much above what is really sent, since more is not tried out.
const UNTRIED: (f64, f64) = (2.0, 250_000.0);

/// Without a report for this long (and two round trips) while packets leave, the path is silent.
const SILENCE: Duration = Duration::from_millis(500);
/// What is left of the rate after each such time of it.
const SILENT_STEP: f64 = 0.6;
/// After a silence the rate is this much of what it was.
const RESUMED: f64 = 0.6;
/// But not if more was lost than this since the first packet that came: then the path is full, and
/// swallowed the reports.
const CLEAN: f64 = 0.2;
/// And grows so fast up to that.
const RESUMED_GROWTH: f64 = 0.6;

/// Of a receiver that reports in sum only: a round trip longer by this is a queue.
const LONGER_ROUND_TRIP: Duration = Duration::from_millis(80);
const BOUND_LIFETIME: Duration = Duration::from_secs(10);
/// Without reports on packets for this long, those in sum count.
const DETAILED: Duration = Duration::from_secs(3);

/// A lower rate should have shortened the queue by so much, milliseconds, or so many times the
/// jitter, before it is looked whether it did.
const EXPECTED: f64 = 40.0;
const EXPECTED_JITTER: f64 = 2.0;
/// It did if the wait is shorter by this share of that: who shares a path empties it alone.
const SHORTER: f64 = 0.15;
/// Others on the path may take what is left free. That a wait is no queue is believed if what is
/// sent is less than carried by the first share; else it is tried with the second of what is carried.
const DEEP: f64 = 0.3;
const DEEPER: f64 = 0.62;
/// A wait that has become longer by more than this, milliseconds, is still growing.
const GROWN: f64 = 15.0;
/// With more losses than this the queue may be full.
const FULL: f64 = 0.2;
/// The wait before a decrease is seen over this long.
const SEEN: Duration = Duration::from_millis(120);
/// While it is in doubt there is no further decrease, for so long and a round trip.
const DOUBT: Duration = Duration::from_secs(1);
/// A decrease that is not judged after so long, will not be.
const UNJUDGED: Duration = Duration::from_millis(1500);

/// The rate of one sender towards one receiver. Bits per second, everything included.
#[derive(Debug)]
pub struct RateEstimator {
    min: f64,
    max: f64,
    target: f64,
    trend: Trend,
    queue: StandingQueue,
    loss: LossJudge,
    /// By the receiver's clock.
    delivered: Throughput,
    /// By ours.
    sent: Throughput,
    began: Option<Instant>,
    waits_since: Option<Instant>,
    last_decrease: Option<Instant>,
    last_update: Option<Instant>,
    /// What was delivered when the limit was last met.
    limit: Option<f64>,
    round_trip: Option<Duration>,
    silence: Silence,
    /// What the receiver thinks, and when it said so.
    bound: Option<(Instant, f64)>,
    shortest_round_trip: Option<Duration>,
    trial: Option<Trial>,
    /// Lost and all packets since packets wait.
    while_waiting: (u32, u32),
}

/// A lower rate that is to shorten a queue.
#[derive(Debug)]
struct Trial {
    since: Instant,
    /// The rate before.
    before: f64,
    /// What the path is thought to carry, bits per second.
    carries: f64,
    /// Bits sent since, and packets: lost, all.
    bits: f64,
    packets: (u32, u32),
    /// The rate was lowered once more.
    is_second: bool,
}

#[derive(Debug, Default)]
struct Silence {
    last_report: Option<Instant>,
    /// Since when something has been under way.
    unanswered: Option<Instant>,
    stepped: Option<Instant>,
    /// The rate before it, while it lasts and until the rate is there again.
    before: Option<f64>,
}

impl RateEstimator {
    /// `max` should leave room for what is sent beside the picture.
    pub fn new(bitrates: Bitrates) -> Self {
        let (min, max) = (f64::from(bitrates.min), f64::from(bitrates.max.max(bitrates.min)));
        Self {
            min,
            max,
            target: f64::from(bitrates.start).clamp(min, max),
            trend: Trend::Increase,
            queue: StandingQueue::default(),
            loss: LossJudge::default(),
            delivered: Throughput::over(LONG),
            sent: Throughput::over(LONG),
            began: None,
            waits_since: None,
            last_decrease: None,
            last_update: None,
            limit: None,
            round_trip: None,
            silence: Silence::default(),
            bound: None,
            shortest_round_trip: None,
            trial: None,
            while_waiting: (0, 0),
        }
    }

    /// What may be sent.
    pub fn target(&self) -> f64 {
        self.target
    }

    pub fn trend(&self) -> Trend {
        self.trend
    }

    /// The path was found to carry less than the upper bound, and still does as far as is known.
    pub fn is_limited(&self) -> bool {
        (self.last_decrease.is_some() || self.bound.is_some()) && self.target < 0.95 * self.max
    }

    /// From a packet leaving to the report of it.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Milliseconds that packets wait on the way.
    pub fn wait(&self) -> f64 {
        self.queue.wait()
    }

    /// The share of packets lost lately, 0 to 1.
    pub fn lost(&self) -> f64 {
        self.loss.share().unwrap_or_default()
    }

    /// A packet leaves.
    pub fn sent(&mut self, now: Instant, size: u32) {
        let at = self.since_start(now);
        self.sent.add(at, size);
        self.silence.unanswered.get_or_insert(now);
        self.tick(now);
    }

    /// Looks whether the path has become silent. Cheap; called with every packet.
    pub fn tick(&mut self, now: Instant) {
        let (Some(report), Some(unanswered)) = (self.silence.last_report, self.silence.unanswered)
        else {
            return;
        };
        let patience = SILENCE + 2 * self.round_trip.unwrap_or_default();
        let since = self.silence.stepped.unwrap_or(report.max(unanswered));
        if now < since + patience {
            return;
        }
        self.silence.stepped = Some(now);
        self.silence.before.get_or_insert(self.target);
        self.trend = Trend::Decrease;
        self.set(now, self.target * SILENT_STEP);
    }

    /// A report on packets, in the order in which they were sent.
    pub fn report(&mut self, now: Instant, packets: &[PacketReport]) {
        let Some(last) = packets.last().map(|packet| packet.sent) else { return };
        let came = packets.iter().skip_while(|packet| packet.arrived.is_none());
        let (since, lost_since) = came.fold((0, 0), |(all, lost), packet| {
            (all + 1, lost + u32::from(packet.arrived.is_none()))
        });
        let clean = f64::from(lost_since) <= CLEAN * f64::from(since);
        let began = self.since_report(now, clean);
        let (mut lost, mut all) = (0, 0);
        let rate = self.delivered.rate(SHORT).unwrap_or(self.target);
        for packet in packets {
            if packet.late {
                self.loss.found();
            } else {
                all += 1;
                lost += u32::from(packet.arrived.is_none());
            }
            if let Some(trial) = &mut self.trial
                && packet.sent >= trial.since
            {
                trial.bits += f64::from(packet.size) * 8.0;
                trial.packets.0 += u32::from(packet.arrived.is_none());
                trial.packets.1 += 1;
            }
            if let Some(arrived) = packet.arrived {
                self.delivered.add(arrived, packet.size);
                self.queue.add(packet.sent, arrived, rate);
            }
        }
        if began {
            // The silence swallowed packets, or held them back; neither was the rate's doing.
            self.loss.forget_recent();
        } else {
            self.loss.add(now, last, lost, all);
        }
        self.while_waiting.0 += lost;
        self.while_waiting.1 += all;
        self.queue.look();
        self.judge(now, last);
        let newest = packets.iter().rev().find(|packet| packet.arrived.is_some());
        if let Some(newest) = newest {
            let sample = now.saturating_duration_since(newest.sent);
            let before = self.round_trip.unwrap_or(sample);
            self.round_trip = Some(before.mul_f64(0.9) + sample.mul_f64(0.1));
        }
        self.update(now);
    }

    /// A report in sum: the fraction that was lost since the one before, of so many packets, and the
    /// round trip of its packets. Counts only where there are no others.
    pub fn report_in_sum(
        &mut self,
        now: Instant,
        lost: f64,
        packets: u32,
        round_trip: Option<Duration>,
    ) {
        if self.silence.last_report.is_some_and(|at| now < at + DETAILED) {
            return;
        }
        let lost_packets = (lost * f64::from(packets)).round() as u32;
        self.loss.add(now, now, lost_packets, packets);
        let mut longer = Duration::ZERO;
        if let Some(trip) = round_trip {
            let shortest = self.shortest_round_trip.map_or(trip, |shortest| shortest.min(trip));
            self.shortest_round_trip = Some(shortest);
            self.round_trip = Some(trip);
            longer = trip - shortest;
        }
        let elapsed = self.elapsed(now);
        if longer > LONGER_ROUND_TRIP {
            let sent = self.sent_rate(now).unwrap_or(self.target) * (1.0 - lost);
            self.back_off(now, sent, longer.as_secs_f64());
        } else {
            self.follow_loss(now, elapsed);
        }
    }

    /// What the receiver thinks that it can be sent (REMB).
    pub fn bound(&mut self, now: Instant, rate: f64) {
        self.bound = Some((now, rate));
        self.set(now, self.target);
    }

    fn update(&mut self, now: Instant) {
        let elapsed = self.elapsed(now);
        let rate = self.delivered.rate(LONG).unwrap_or(self.target);
        let (wait, threshold) = (self.queue.wait(), self.queue.threshold(rate));
        if wait <= threshold || self.queue.is_falling() {
            self.waits_since = None;
            self.while_waiting = (0, 0);
        } else if now >= *self.waits_since.get_or_insert(now) + self.sustained(now) {
            if self.is_in_doubt(now) {
                self.trend = Trend::Hold;
            } else if self.trial.is_none()
                && self.queue.is_step(threshold)
                && !is_full(self.while_waiting)
            {
                self.queue.take_for_way(self.queue.newest());
                self.waits_since = None;
            } else if self.has_settled(now) {
                self.loss.end_trial();
                let delivered = self.delivered.rate(SHORT).unwrap_or(self.target);
                self.back_off(now, delivered, (wait - threshold) / 1e3);
            }
            return;
        }
        if wait > threshold / 2.0 && self.queue.is_falling() {
            // It runs empty.
            self.trend = Trend::Hold;
            return;
        }
        self.follow_loss(now, elapsed);
    }

    /// Whether the last decrease shortened what was taken for a queue. If not, it is none.
    fn judge(&mut self, now: Instant, newest: Instant) {
        let Some(trial) = &self.trial else { return };
        let passed = newest.saturating_duration_since(trial.since);
        let expected = (passed.as_secs_f64() - trial.bits / trial.carries) * 1e3;
        let jitter = self.queue.jitter();
        if expected < (EXPECTED_JITTER * jitter).max(EXPECTED) || passed < 2 * SEEN {
            let gone = passed > SEEN && self.queue.wait() < GROWN;
            if passed > UNJUDGED || gone {
                self.trial = None;
            }
            return;
        }
        let before = self.queue.delay(trial.since, trial.since + SEEN);
        let after = self.queue.delay(newest - SEEN, newest + SEEN);
        let (Some(before), Some(after)) = (before, after) else {
            self.trial = None;
            return;
        };
        let same = -GROWN.max(jitter)..SHORTER * expected;
        let rate = self.delivered.rate(LONG).unwrap_or(self.target);
        let waits = self.queue.wait() > self.queue.threshold(rate) / 2.0;
        let stays = waits && same.contains(&(before - after)) && !is_full(trial.packets);
        let is_deep = expected / 1e3 > DEEP * passed.as_secs_f64();
        if stays && !is_deep && !trial.is_second {
            let rate = self.target.min(trial.carries * DEEPER);
            let is_second = true;
            self.trial =
                Some(Trial { since: now, bits: 0.0, packets: (0, 0), is_second, ..*trial });
            self.last_decrease = Some(now);
            self.trend = Trend::Decrease;
            self.set(now, rate);
            return;
        }
        if stays && is_deep {
            let rate = trial.before;
            self.trial = None;
            self.queue.take_for_way(after);
            self.limit = None;
            self.last_decrease = None;
            self.waits_since = None;
            self.trend = Trend::Increase;
            self.set(now, self.target.max(rate));
            return;
        }
        // What still grows cannot be judged yet.
        let grows = before - after <= same.start && !is_full(trial.packets);
        self.trial = grows.then_some(Trial { since: now, bits: 0.0, packets: (0, 0), ..*trial });
    }

    /// Whether the wait stays so far what it was before the last decrease, which is not judged yet.
    fn is_in_doubt(&self, now: Instant) -> bool {
        let Some(trial) = &self.trial else { return false };
        let Some(before) = self.queue.delay(trial.since, trial.since + SEEN) else { return false };
        let same = GROWN.max(self.queue.jitter());
        now < trial.since + DOUBT + self.round_trip.unwrap_or_default()
            && (self.queue.newest() - before).abs() < same
            && !is_full(trial.packets)
    }

    fn sustained(&self, now: Instant) -> Duration {
        let beginning = self.began.is_none_or(|began| now < began + BEGINNING);
        if beginning || self.queue.has_jumped() { SUSTAINED_LONG } else { SUSTAINED }
    }

    fn follow_loss(&mut self, now: Instant, elapsed: f64) {
        let sent = self.sent_rate(now).unwrap_or(self.target);
        let known = self.delivered.rate(LONG);
        let through = known.unwrap_or(sent * (1.0 - self.lost()));
        match self.loss.judge(now, sent, through) {
            LossVerdict::TooMuch if self.has_settled(now) => {
                let before = self.target;
                let latest = self.delivered.rate(SHORT).unwrap_or(through).min(before);
                self.loss.begin_trial(now, before, sent, through);
                // Who is told in sum only cannot see whether a queue is full.
                let share = if known.is_some() { 0.95 } else { 0.8 };
                self.met_limit(latest);
                self.last_decrease = Some(now);
                self.trend = Trend::Decrease;
                self.set(now, if self.is_tried(now) { latest * share } else { before * BACK_OFF });
            }
            LossVerdict::TooMuch => self.trend = Trend::Hold,
            LossVerdict::NotTheRate(rate) => {
                self.limit = None;
                self.trend = Trend::Increase;
                self.set(now, self.target.max(rate));
            }
            LossVerdict::Noticed => self.grow(now, elapsed, CAREFUL_GROWTH),
            LossVerdict::Fine => self.grow(now, elapsed, GROWTH),
        }
    }

    /// Below what gets through, the more so the longer packets wait.
    fn back_off(&mut self, now: Instant, delivered: f64, waiting: f64) {
        let for_all = (BACK_OFF_PER_MEGABIT * delivered / 1e6).min(MOST_PER_MEGABIT);
        let share = (BACK_OFF - for_all - DRAIN * waiting).max(LEAST_BACK_OFF);
        let mut rate = delivered * share;
        if !self.is_tried(now) {
            // What is sent is far below the rate, and cannot be what fills the path.
            rate = rate.max(self.target * BACK_OFF);
        }
        self.met_limit(delivered.min(self.target));
        self.silence.before = None;
        let before = self.trial.as_ref().map_or(self.target, |trial| trial.before);
        let carries = delivered.max(1.0);
        self.trial = Some(Trial {
            since: now,
            before,
            carries,
            bits: 0.0,
            packets: (0, 0),
            is_second: false,
        });
        self.last_decrease = Some(now);
        self.waits_since = None;
        self.trend = Trend::Decrease;
        self.set(now, rate.min(self.target));
    }

    fn grow(&mut self, now: Instant, elapsed: f64, growth: f64) {
        self.trend = Trend::Increase;
        let target = self.target;
        let near =
            self.limit.is_some_and(|limit| target > NEAR.0 * limit && target < NEAR.1 * limit);
        if self.limit.is_some_and(|limit| target >= NEAR.1 * limit) {
            self.limit = None;
        }
        let mut rate = if let Some(before) = self.silence.before {
            if target >= before {
                self.silence.before = None;
            }
            (target * (1.0 + RESUMED_GROWTH * elapsed)).min(before.max(target))
        } else if near && growth >= GROWTH {
            let growth = NEAR_GROWTH / (target / 1e6).max(0.1);
            target + growth.min(NEAR_GROWTH_SHARE * target) * elapsed
        } else {
            target * (1.0 + growth * elapsed)
        };
        // More than is sent is not tried out by sending.
        if let Some(sent) = self.sent_rate(now) {
            rate = rate.min(target.max(sent * UNTRIED.0 + UNTRIED.1));
        }
        self.set(now, rate);
    }

    /// Whether about as much is sent as may be.
    fn is_tried(&self, now: Instant) -> bool {
        self.sent_rate(now).is_none_or(|sent| sent > 0.6 * self.target)
    }

    fn sent_rate(&self, now: Instant) -> Option<f64> {
        let began = self.began?;
        self.sent.rate_at(now.saturating_duration_since(began), LONG)
    }

    fn met_limit(&mut self, delivered: f64) {
        self.limit = Some(match self.limit {
            // The same limit as before: its measurements differ a little.
            Some(limit) if (delivered / limit - 1.0).abs() < 0.3 => {
                limit + (delivered - limit) * 0.5
            }
            _ => delivered,
        });
    }

    /// Whether what was changed last can be seen by now.
    fn has_settled(&self, now: Instant) -> bool {
        let response = RESPONSE + self.round_trip.unwrap_or_default();
        self.last_decrease.is_none_or(|at| now >= at + response)
    }

    fn set(&mut self, now: Instant, rate: f64) {
        let mut rate = rate.clamp(self.min, self.max);
        if let Some((said, bound)) = self.bound {
            if now < said + BOUND_LIFETIME {
                rate = rate.min(bound.max(self.min));
            } else {
                self.bound = None;
            }
        }
        self.target = rate;
    }

    /// Notes that a report came. Whether it ends a silence.
    fn since_report(&mut self, now: Instant, clean: bool) -> bool {
        self.silence.last_report = Some(now);
        self.silence.unanswered = None;
        let silent = self.silence.stepped.take().is_some();
        if silent {
            self.queue.forget_recent();
            self.delivered.clear();
            self.waits_since = None;
            if !clean {
                self.silence.before = None;
            } else if let Some(before) = self.silence.before {
                self.set(now, self.target.max(before * RESUMED));
            }
        }
        silent && clean
    }

    /// Seconds since the last report, as far as the rate may grow over them.
    fn elapsed(&mut self, now: Instant) -> f64 {
        let before = self.last_update.replace(now).unwrap_or(now);
        now.saturating_duration_since(before).as_secs_f64().min(1.0)
    }

    fn since_start(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.began.get_or_insert(now))
    }
}

/// Whether so many are lost, of all, as if a queue was full.
fn is_full((lost, all): (u32, u32)) -> bool {
    f64::from(lost) > FULL * f64::from(all)
}
