//! Joins what queue, losses and silence say into one rate.

use std::time::{Duration, Instant};

use super::bursts::Bursts;
use super::loss::{LossJudge, LossVerdict};
use super::queue::{Cause, StandingQueue};
use super::silence::Silence;
use super::trial::{DEEPER, Finding, Trial, is_full};
use super::{Bitrates, Fate, PacketReport, Throughput, Trend};

/// A queue must stay so long before it counts: a hiccup of either machine is none.
const SUSTAINED: Duration = Duration::from_millis(80);
/// Longer after packets were held up at once, and in the beginning, when both are busiest.
const SUSTAINED_LONG: Duration = Duration::from_millis(400);
const BEGINNING: Duration = Duration::from_secs(1);
/// With a wait so many times too long nothing is to be gained by growing.
const LONG_WAIT: f64 = 2.5;
/// A wait that came at once may be unclear for so long.
const UNCLEAR: Duration = Duration::from_millis(900);
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
/// Of the rate at which bursts come, so much may be sent on a path that was found to be narrow.
const VISIBLE: f64 = 0.9;

/// What is left of the rate after each while of silence.
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

/// The rate of one sender towards one receiver. Bits per second, everything included.
#[derive(Debug)]
pub struct RateEstimator {
    min: f64,
    max: f64,
    target: f64,
    trend: Trend,
    queue: StandingQueue,
    loss: LossJudge,
    bursts: Bursts,
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
    /// The rate before something that was not its doing, until it is there again.
    regain: Option<f64>,
    /// What the receiver thinks, and when it said so.
    bound: Option<(Instant, f64)>,
    shortest_round_trip: Option<Duration>,
    trial: Option<Trial>,
    /// Bytes of which it is not known whether they came.
    unknown: u32,
    /// Lost and all packets since packets wait.
    while_waiting: (u32, u32),
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
            bursts: Bursts::default(),
            delivered: Throughput::over(LONG),
            sent: Throughput::over(LONG),
            began: None,
            waits_since: None,
            last_decrease: None,
            last_update: None,
            limit: None,
            round_trip: None,
            silence: Silence::default(),
            regain: None,
            bound: None,
            shortest_round_trip: None,
            trial: None,
            unknown: 0,
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
        self.silence.sent(now);
        self.tick(now);
    }

    /// Looks whether the path has become silent. Cheap; called with every packet.
    pub fn tick(&mut self, now: Instant) {
        if !self.silence.goes_on(now, self.round_trip.unwrap_or_default()) {
            return;
        }
        self.regain.get_or_insert(self.target);
        self.trend = Trend::Decrease;
        self.set(now, self.target * SILENT_STEP);
    }

    /// A report on packets, in the order in which they were sent.
    pub fn report(&mut self, now: Instant, packets: &[PacketReport]) {
        let Some(last) = packets.last().map(|packet| packet.sent) else { return };
        let came = packets.iter().skip_while(|packet| packet.fate.arrived().is_none());
        let (since, lost_since) = came.fold((0, 0), |(all, lost), packet| {
            (all + 1, lost + u32::from(packet.fate == Fate::Lost))
        });
        let clean = f64::from(lost_since) <= CLEAN * f64::from(since);
        let began = self.since_report(now, clean);
        let (mut lost, mut all) = (0, 0);
        let rate = self.delivered.rate(SHORT).unwrap_or(self.target);
        for packet in packets {
            match packet.fate {
                Fate::Late(_) => self.loss.found(),
                Fate::Arrived(_) => all += 1,
                Fate::Lost => (lost, all) = (lost + 1, all + 1),
                // It is taken to have come with what was reported next.
                Fate::Unknown => self.unknown += packet.size,
            }
            if let Some(trial) = &mut self.trial {
                trial.reported(packet);
            }
            if let Some(arrived) = packet.fate.arrived() {
                let size = packet.size + std::mem::take(&mut self.unknown);
                self.delivered.add(arrived, size);
                self.queue.add(packet.sent, arrived, packet.size, rate);
                self.bursts.add(packet.sent, arrived, packet.size);
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
        let newest = packets.iter().rev().find(|packet| packet.fate.arrived().is_some());
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
        if self.silence.heard_within(now, DETAILED) {
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
        } else {
            let (cause, lasts) = self.queue.cause(threshold);
            if now >= *self.waits_since.get_or_insert(now) + self.sustained(now, cause) {
                self.waits(now, wait - threshold, cause, lasts);
                return;
            }
        }
        if wait > LONG_WAIT * threshold || wait > threshold / 2.0 && self.queue.is_falling() {
            // It runs empty, or it is soon known what it is.
            self.trend = Trend::Hold;
            return;
        }
        self.follow_loss(now, elapsed);
    }

    /// Packets have waited for longer than the threshold, for a while.
    fn waits(&mut self, now: Instant, too_long: f64, cause: Cause, lasts: Duration) {
        let round_trip = self.round_trip.unwrap_or_default();
        let in_doubt = |trial: &Trial| trial.is_in_doubt(now, &self.queue, round_trip);
        if cause == Cause::Way && !is_full(self.while_waiting) && !self.loss.is_flooded() {
            let way = self.queue.newest();
            self.is_the_way(now, way);
        } else if self.trial.as_ref().is_some_and(in_doubt)
            || cause == Cause::Unclear && self.waits_since.is_none_or(|at| now < at + UNCLEAR)
        {
            self.trend = Trend::Hold;
        } else if self.has_settled(now) {
            self.loss.end_trial();
            // Before the wait it may have been more, and when it came at once, nothing for a moment.
            let span = lasts.clamp(SHORT, LONG / 2);
            let delivered = self.delivered.rate(span).unwrap_or(self.target);
            self.back_off(now, delivered, too_long / 1e3);
            if cause == Cause::Unclear {
                // It is soon known if the step is large.
                self.set(now, self.target.min(delivered * DEEPER));
            }
        }
    }

    /// Whether the last decrease shortened what was taken for a queue. If not, it is none.
    fn judge(&mut self, now: Instant, newest: Instant) {
        let Some(trial) = &mut self.trial else { return };
        let rate = self.delivered.rate(LONG).unwrap_or(self.target);
        let least = self.queue.threshold(rate) / 2.0;
        match trial.judge(now, &self.queue, newest, least) {
            Finding::Open => {}
            Finding::Queue => {
                self.trial = None;
                // What a full queue lost is settled with it.
                self.loss.forget_recent();
                self.regain = self.limit.map(|limit| NEAR.0 * limit);
            }
            Finding::Lower(rate) => {
                self.last_decrease = Some(now);
                self.trend = Trend::Decrease;
                self.set(now, self.target.min(rate));
            }
            // A full queue stays as it is, too.
            Finding::Way(_) if self.loss.is_flooded() => self.trial = None,
            Finding::Way(delay) => self.is_the_way(now, delay),
            Finding::Nothing => {
                self.limit = trial.limit;
                self.regain = Some(trial.before);
                self.trial = None;
            }
        }
    }

    /// What packets wait for is the length of the way, and the rate was lowered for nothing.
    fn is_the_way(&mut self, now: Instant, delay: f64) {
        self.queue.take_for_way(delay);
        self.waits_since = None;
        if let Some(trial) = self.trial.take() {
            self.limit = trial.limit;
            self.last_decrease = None;
            self.trend = Trend::Increase;
            self.set(now, self.target.max(trial.before));
        }
    }

    fn sustained(&self, now: Instant, cause: Cause) -> Duration {
        let beginning = self.began.is_none_or(|began| now < began + BEGINNING);
        let maybe_none = self.queue.has_jumped() && cause != Cause::Flood;
        if beginning || maybe_none { SUSTAINED_LONG } else { SUSTAINED }
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
                self.set(
                    now,
                    if self.is_tried(now, latest) { latest * share } else { before * BACK_OFF },
                );
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
        if !self.is_tried(now, delivered) {
            // What is sent is far below the rate, and cannot be what fills the path.
            rate = rate.max(self.target * BACK_OFF);
        }
        let (before, limit) = match &self.trial {
            Some(trial) => (trial.before, trial.limit),
            None => (self.target, self.limit),
        };
        self.trial = Some(Trial::new(now, before, limit, delivered));
        self.met_limit(delivered.min(self.target));
        self.regain = None;
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
        let mut rate = if let Some(before) = self.regain {
            if target >= before {
                self.regain = None;
            }
            (target * (1.0 + RESUMED_GROWTH * elapsed)).min(before.max(target))
        } else if near && growth >= GROWTH {
            let growth = NEAR_GROWTH / (target / 1e6).max(0.1);
            target + growth.min(NEAR_GROWTH_SHARE * target) * elapsed
        } else {
            target * (1.0 + growth * elapsed)
        };
        // What the path carries need not be tried out as far as it can be seen.
        if let Some(quickest) = self.bursts.quickest(now).filter(|_| self.last_decrease.is_some()) {
            rate = rate.min(target.max(VISIBLE * quickest));
        }
        // More than is sent is not tried out by sending.
        if let Some(sent) = self.sent_rate(now) {
            rate = rate.min(target.max(sent * UNTRIED.0 + UNTRIED.1));
        }
        self.set(now, rate);
    }

    /// Whether about as much is sent as may be, or more than is delivered.
    fn is_tried(&self, now: Instant, delivered: f64) -> bool {
        let sent = self.sent_rate(now);
        sent.is_none_or(|sent| sent > 0.6 * self.target || delivered < 0.6 * sent)
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
        let silent = self.silence.ends(now);
        if silent {
            self.queue.forget_recent();
            self.delivered.clear();
            self.waits_since = None;
            if !clean {
                self.regain = None;
            } else if let Some(before) = self.regain {
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
