//! Losses that the rate is to blame for.
//!
//! A path that is too narrow and has no queue loses what is too much, so a lower rate ends the losses. A
//! radio link loses at any rate. Which of the two it is can only be tried: the rate goes down, and
//! comes back if the losses stay.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More loss than the path has anyway by so much, and the rate goes down; by so much more, at once.
const TOO_MUCH: f64 = 0.10;
const FAR_TOO_MUCH: f64 = 0.35;
/// What chance may add, for one packet; less as the root of their number. Losses come in runs.
const CHANCE: f64 = 1.0;
/// More than this, and it does not rise quickly.
const NOTICED: f64 = 0.02;
/// Losses are counted over this time, or the last part of it, and over so many packets at least.
const SPAN: (Duration, u32) = (Duration::from_secs(4), 150);
const AT_ONCE: (Duration, u32) = (Duration::from_millis(600), 40);
/// Of the last moment so many are a flood, and so large a share.
const LATEST: Duration = Duration::from_millis(1500);
const FEWEST_OF_FLOOD: u32 = 4;
const FLOOD: f64 = 0.2;
/// A trial begins when the encoder has followed, and takes this long.
const FOLLOWED: Duration = Duration::from_millis(400);
const TRIAL: Duration = Duration::from_millis(1200);
const FEWEST_IN_TRIAL: u32 = 15;
/// Losses that fall by less than to this share have another cause than the rate.
const STAYED: f64 = 0.65;

/// What follows from the losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossVerdict {
    /// Nothing.
    Fine,
    /// The rate should not rise quickly.
    Noticed,
    /// The rate should go down.
    TooMuch,
    /// A lower rate did not help: back to this one, bits per second.
    NotTheRate(f64),
}

#[derive(Debug, Default)]
struct Count {
    lost: u32,
    all: u32,
}

impl Count {
    fn share(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.all.max(1))
    }

    /// What chance may add.
    fn chance(&self) -> f64 {
        CHANCE / f64::from(self.all.max(1)).sqrt()
    }
}

#[derive(Debug)]
struct Trial {
    since: Instant,
    /// What could be sent, what was, what of it came, and what was lost before.
    target: f64,
    sent: f64,
    delivered: f64,
    lost: f64,
    count: Count,
}

/// Counts losses and finds out whether the rate causes them.
#[derive(Debug, Default)]
pub struct LossJudge {
    reports: VecDeque<(Instant, Count)>,
    /// The same of the last moment only, whatever else is forgotten.
    latest: VecDeque<(Instant, Count)>,
    /// What is lost at any rate.
    of_path: f64,
    trial: Option<Trial>,
}

impl LossJudge {
    /// Packets of a report that came at `now`; `sent`: when the last of them left.
    pub fn add(&mut self, now: Instant, sent: Instant, lost: u32, all: u32) {
        self.latest.push_back((now, Count { lost, all }));
        while self.latest.front().is_some_and(|(at, _)| *at + LATEST < now) {
            self.latest.pop_front();
        }
        self.reports.push_back((now, Count { lost, all }));
        while self.reports.len() > 1
            && self.reports.front().is_some_and(|(at, _)| *at + SPAN.0 < now)
        {
            self.reports.pop_front();
        }
        if let Some(trial) = &mut self.trial
            && sent >= trial.since
        {
            trial.count.lost += lost;
            trial.count.all += all;
        }
    }

    /// A packet that was counted as lost has come.
    pub fn found(&mut self) {
        if let Some((_, count)) = self.reports.iter_mut().rev().find(|(_, count)| count.lost > 0) {
            count.lost -= 1;
        }
    }

    /// The share of packets lost lately, 0 to 1; none if there were too few.
    pub fn share(&self) -> Option<f64> {
        self.over(SPAN).map(|count| count.share())
    }

    /// Whether so many are lost at present as if a queue was full.
    pub fn is_flooded(&self) -> bool {
        let (mut lost, mut all) = (0, 0);
        for (_, count) in &self.latest {
            (lost, all) = (lost + count.lost, all + count.all);
        }
        lost >= FEWEST_OF_FLOOD && f64::from(lost) > FLOOD * f64::from(all)
    }

    fn over(&self, (span, fewest): (Duration, u32)) -> Option<Count> {
        let mut sum = Count::default();
        let (newest, _) = self.reports.back()?;
        for (_, count) in self.reports.iter().rev().take_while(|(at, _)| *at + span > *newest) {
            sum.lost += count.lost;
            sum.all += count.all;
        }
        (sum.all >= fewest).then_some(sum)
    }

    /// What follows, while this much is sent and this much of it delivered, bits per second.
    pub fn judge(&mut self, now: Instant, sent: f64, delivered: f64) -> LossVerdict {
        if let Some(trial) = &self.trial {
            if now < trial.since + TRIAL {
                return LossVerdict::Noticed;
            }
            let enough = trial.count.all >= FEWEST_IN_TRIAL;
            let after = enough.then(|| trial.count.share());
            let stayed = after.filter(|after| *after >= STAYED * trial.lost);
            // Losses at any rate take their share of a lower one, too. A path that is too narrow
            // delivers as much as before.
            let as_before = delivered / trial.delivered > f64::midpoint(1.0, sent / trial.sent);
            let target = trial.target;
            self.trial = None;
            // What was lost before belongs to the higher rate.
            self.reports.clear();
            match stayed {
                Some(after) if as_before && after > TOO_MUCH => return LossVerdict::TooMuch,
                Some(after) => {
                    self.of_path = after;
                    return LossVerdict::NotTheRate(target);
                }
                None => {}
            }
        }
        let too_much = |count: &Count, bound| count.share() > self.of_path + bound + count.chance();
        if self.over(AT_ONCE).is_some_and(|count| too_much(&count, FAR_TOO_MUCH)) {
            return LossVerdict::TooMuch;
        }
        let Some(count) = self.over(SPAN) else { return LossVerdict::Fine };
        if too_much(&count, TOO_MUCH) {
            return LossVerdict::TooMuch;
        }
        let share = count.share();
        self.of_path = self.of_path.min(share.max(self.of_path - 0.001));
        if share > self.of_path + NOTICED { LossVerdict::Noticed } else { LossVerdict::Fine }
    }

    /// The rate goes down from this one because of [`LossVerdict::TooMuch`].
    pub fn begin_trial(&mut self, now: Instant, target: f64, sent: f64, delivered: f64) {
        let counts = [self.over(AT_ONCE), self.over(SPAN)];
        let shares = counts.iter().flatten().map(Count::share);
        let lost = shares.fold(TOO_MUCH, f64::max);
        let since = now + FOLLOWED;
        let count = Count::default();
        self.trial = Some(Trial { since, target, sent, delivered, lost, count });
    }

    /// The queue is to blame, not the rate alone: nothing is tried.
    pub fn end_trial(&mut self) {
        self.trial = None;
    }

    /// What was lost during a silence says nothing.
    pub fn forget_recent(&mut self) {
        self.reports.clear();
        self.trial = None;
    }
}
