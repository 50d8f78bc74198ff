//! How good a session is, and what limits it: a verdict from a sample a second.
//!
//! | worse than          | good   | fair   | poor    |
//! |---------------------|--------|--------|---------|
//! | round trip of network, where the next is unknown | 150 ms | 300 ms | 500 ms |
//! | latency from `send` to the frame made from it    | 300 ms | 600 ms | 1200 ms |
//! | packets lost, the worse direction                | 0.1 %  | 1 %    | 5 %    |
//! | frames that the rate control left out            | 1 %    | 10 %   | 30 %   |
//! | bitrate missing, of the upper bound              | 20 %   | 60 %   | 85 %   |
//! | time that a frame takes at the slowest step, of the time between frames | 105 % | 150 % | 300 % |
//! | frames missing, of those expected back           | 20 %   | 50 %   | 80 %   |
//!
//! Latencies are what live video at 25 frames per second feels like: 300 ms are 7 frames behind.
//! Each number is the median of the last five; a freeze among those five is no longer good.
//! Whatever is worst decides. Another level needs five samples in a row that say so, in either
//! direction; only the first verdict is immediate.

use std::collections::VecDeque;

const WINDOW: usize = 5;
/// Samples in a row that change the level.
const STEADY: u32 = 5;
/// Samples in which the rate control may still be finding its rate.
const WARM_UP: u32 = 8;

/// From the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    #[default]
    Good,
    Fair,
    Poor,
    Critical,
}

impl Level {
    /// The level of a value by the bounds of good, fair and poor.
    fn of(value: f64, bounds: [f64; 3]) -> Self {
        match bounds.iter().position(|&bound| value <= bound) {
            Some(0) => Self::Good,
            Some(1) => Self::Fair,
            Some(_) => Self::Poor,
            None => Self::Critical,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Critical => "critical",
        }
    }
}

/// What a level is owed to. In this order, of several that are as bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Factor {
    #[default]
    None,
    /// The path is narrow: the rate is far below the bound, or the rate control leaves frames out.
    Bandwidth,
    Loss,
    Latency,
    /// A step takes longer than the time between frames: an encoder, a decoder, the model.
    Cpu,
    /// Frames do not come back, or freeze.
    Stall,
}

impl Factor {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bandwidth => "bandwidth",
            Self::Loss => "loss",
            Self::Latency => "latency",
            Self::Cpu => "cpu",
            Self::Stall => "stall",
        }
    }
}

/// What is said of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality {
    pub level: Level,
    pub factor: Factor,
    /// Bandwidth is not judged yet.
    pub warming_up: bool,
}

/// What one second was like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    /// Of the network path, seconds.
    pub round_trip: Option<f64>,
    /// From `send` to the frame made from it, seconds.
    pub latency: Option<f64>,
    /// Fractions, 0 to 1.
    pub lost: Option<f64>,
    pub skipped: f64,
    /// Of the bitrate that was allowed, what the path does not carry; the worse direction.
    pub short: f64,
    /// Frames per second that should have come back, and that did.
    pub expected_fps: f64,
    pub received_fps: f64,
    pub froze: bool,
    /// The slowest step of a frame's way, seconds.
    pub slowest: f64,
}

const ROUND_TRIP: [f64; 3] = [0.15, 0.3, 0.5];
const LATENCY: [f64; 3] = [0.3, 0.6, 1.2];
const LOST: [f64; 3] = [0.001, 0.01, 0.05];
const SKIPPED: [f64; 3] = [0.01, 0.1, 0.3];
const SHORT: [f64; 3] = [0.2, 0.6, 0.85];
const LOAD: [f64; 3] = [1.05, 1.5, 3.0];
const MISSING: [f64; 3] = [0.2, 0.5, 0.8];

/// The judge of one session.
#[derive(Debug, Default)]
pub struct Judge {
    samples: VecDeque<Sample>,
    seen: u32,
    verdict: Option<(Level, Factor)>,
    /// Samples in a row that were worse than the verdict, or better.
    other: (bool, u32),
}

impl Judge {
    /// Takes one sample a second, and says how the session is.
    pub fn add(&mut self, sample: Sample) -> Quality {
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        self.seen += 1;
        let now = self.judge();
        let verdict = self.settle(now);
        let (level, factor) = *self.verdict.insert(verdict);
        Quality { level, factor, warming_up: self.seen < WARM_UP }
    }

    /// A new connection is judged by itself; what was said of the old one stands until then.
    pub fn restart(&mut self) {
        self.samples.clear();
        self.seen = 0;
        self.other.1 = 0;
    }

    fn settle(&mut self, now: (Level, Factor)) -> (Level, Factor) {
        let Some(before) = self.verdict else { return now };
        if now.0 == before.0 {
            self.other.1 = 0;
            // The same level may come to be owed to something else.
            return now;
        }
        let worse = now.0 > before.0;
        if self.other.0 != worse {
            self.other = (worse, 0);
        }
        self.other.1 += 1;
        if self.other.1 < STEADY {
            return before;
        }
        self.other.1 = 0;
        now
    }

    fn judge(&self) -> (Level, Factor) {
        let level = |value: fn(&Sample) -> Option<f64>, bounds| {
            self.median(value).map_or(Level::Good, |value| Level::of(value, bounds))
        };
        let latency = if self.samples.iter().any(|sample| sample.latency.is_some()) {
            level(|sample| sample.latency, LATENCY)
        } else {
            level(|sample| sample.round_trip, ROUND_TRIP)
        };
        let mut bandwidth = Level::Good;
        if self.seen >= WARM_UP {
            bandwidth = level(|sample| Some(sample.skipped), SKIPPED)
                .max(level(|sample| Some(sample.short), SHORT));
        }
        let mut cpu = level(Sample::load, LOAD);
        let mut stall = level(Sample::missing, MISSING);
        if self.samples.iter().any(|sample| sample.froze) {
            stall = stall.max(Level::Fair);
        }
        // Frames that a slow step or the rate control leaves out are missing for that reason.
        for cause in [&mut bandwidth, &mut cpu] {
            if *cause > Level::Good && stall > Level::Good {
                *cause = stall.max(*cause);
            }
        }
        let levels = [
            (bandwidth, Factor::Bandwidth),
            (level(|sample| sample.lost, LOST), Factor::Loss),
            (latency, Factor::Latency),
            (cpu, Factor::Cpu),
            (stall, Factor::Stall),
        ];
        // The first of the worst.
        let worst = levels.iter().map(|(level, _)| *level).max().unwrap_or_default();
        match levels.iter().find(|(level, _)| *level == worst) {
            Some(found) if worst > Level::Good => *found,
            _ => (Level::Good, Factor::None),
        }
    }

    fn median(&self, value: fn(&Sample) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.samples.iter().filter_map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

impl Sample {
    /// Of the time between two frames, how much the slowest step takes.
    fn load(&self) -> Option<f64> {
        self.is_live().then_some(self.slowest * self.expected_fps)
    }

    /// Of the frames that should have come back, the fraction that did not.
    fn missing(&self) -> Option<f64> {
        self.is_live().then_some(1.0 - self.received_fps / self.expected_fps)
    }

    /// One frame now and then says nothing about a rate.
    fn is_live(&self) -> bool {
        self.expected_fps >= 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Sample {
        Sample {
            round_trip: Some(0.02),
            latency: Some(0.08),
            lost: Some(0.0),
            skipped: 0.0,
            short: 0.0,
            expected_fps: 25.0,
            received_fps: 25.0,
            froze: false,
            slowest: 0.02,
        }
    }

    fn after(judge: &mut Judge, sample: Sample, count: usize) -> Quality {
        (0..count).map(|_| judge.add(sample)).last().unwrap()
    }

    /// The verdict on a session that is always like this.
    fn verdict(sample: Sample) -> (&'static str, &'static str) {
        let quality = after(&mut Judge::default(), sample, 20);
        (quality.level.as_str(), quality.factor.as_str())
    }

    #[test]
    fn a_good_session() {
        assert_eq!(verdict(good()), ("good", "none"));
        assert_eq!(verdict(Sample::default()), ("good", "none"));
    }

    #[test]
    fn each_number_has_its_bounds() {
        let by = |change: fn(&mut Sample, f64), values: [f64; 3]| {
            values.map(|value| {
                let mut sample = good();
                change(&mut sample, value);
                verdict(sample)
            })
        };
        let levels = |factor| [("fair", factor), ("poor", factor), ("critical", factor)];
        let trip = |sample: &mut Sample, value| {
            (sample.latency, sample.round_trip) = (None, Some(value));
        };
        assert_eq!(by(trip, [0.16, 0.31, 0.51]), levels("latency"));
        assert_eq!(by(|one, v| one.latency = Some(v), [0.31, 0.7, 2.0]), levels("latency"));
        assert_eq!(by(|one, v| one.lost = Some(v), [0.002, 0.02, 0.06]), levels("loss"));
        assert_eq!(by(|one, v| one.skipped = v, [0.02, 0.2, 0.4]), levels("bandwidth"));
        assert_eq!(by(|one, v| one.short = v, [0.3, 0.7, 0.9]), levels("bandwidth"));
        assert_eq!(by(|one, v| one.slowest = v, [0.05, 0.1, 0.2]), levels("cpu"));
        assert_eq!(by(|one, v| one.received_fps = v, [19.0, 10.0, 1.0]), levels("stall"));
    }

    #[test]
    fn the_latency_of_frames_counts_more_than_that_of_the_network() {
        let slow_network = Sample { round_trip: Some(2.0), ..good() };
        assert_eq!(verdict(slow_network), ("good", "none"));
        let unknown = Sample { latency: None, ..slow_network };
        assert_eq!(verdict(unknown), ("critical", "latency"));
    }

    #[test]
    fn frames_are_missing_for_a_reason_if_there_is_one() {
        let slow_model = Sample { slowest: 0.06, received_fps: 3.0, ..good() };
        assert_eq!(verdict(slow_model), ("critical", "cpu"));
        let narrow = Sample { skipped: 0.05, received_fps: 15.0, ..good() };
        assert_eq!(verdict(narrow), ("fair", "bandwidth"));
        let silent = Sample { received_fps: 0.0, ..good() };
        assert_eq!(verdict(silent), ("critical", "stall"));
    }

    #[test]
    fn who_sends_nothing_misses_nothing() {
        let idle = Sample { expected_fps: 0.0, received_fps: 0.0, latency: None, ..good() };
        assert_eq!(verdict(idle), ("good", "none"));
        let now_and_then = Sample { expected_fps: 1.0, received_fps: 0.0, ..good() };
        assert_eq!(verdict(now_and_then), ("good", "none"));
    }

    #[test]
    fn the_first_verdict_is_immediate_and_bandwidth_comes_later() {
        let mut judge = Judge::default();
        let first = judge.add(Sample { lost: Some(0.2), skipped: 1.0, ..good() });
        assert_eq!((first.level, first.factor), (Level::Critical, Factor::Loss));
        assert!(first.warming_up);
        let mut judge = Judge::default();
        let narrow = Sample { skipped: 0.2, ..good() };
        let warm = after(&mut judge, narrow, 7);
        assert_eq!((warm.level, warm.warming_up), (Level::Good, true));
        // Judged from the eighth on, and then it takes five in a row.
        assert!(!judge.add(narrow).warming_up);
        assert_eq!(after(&mut judge, narrow, 3).level, Level::Good);
        assert_eq!(judge.add(narrow).factor, Factor::Bandwidth);
    }

    #[test]
    fn one_bad_second_changes_nothing() {
        let mut judge = Judge::default();
        after(&mut judge, good(), 10);
        let bad = Sample { lost: Some(0.5), latency: Some(3.0), ..good() };
        for _ in 0..10 {
            assert_eq!(judge.add(bad).level, Level::Good);
            assert_eq!(after(&mut judge, good(), 4).level, Level::Good);
        }
    }

    #[test]
    fn a_level_changes_after_five_in_a_row_either_way() {
        let mut judge = Judge::default();
        after(&mut judge, good(), 10);
        let bad = Sample { latency: Some(0.5), ..good() };
        // Two until the median of five is bad, four more in a row.
        assert_eq!(after(&mut judge, bad, 6).level, Level::Good);
        assert_eq!(judge.add(bad).level, Level::Fair);
        assert_eq!(after(&mut judge, good(), 6).level, Level::Fair);
        assert_eq!(judge.add(good()).level, Level::Good);
    }

    #[test]
    fn a_level_that_wavers_stays() {
        let mut judge = Judge::default();
        after(&mut judge, good(), 10);
        let bad = Sample { latency: Some(0.5), ..good() };
        for _ in 0..10 {
            assert_eq!(after(&mut judge, bad, 4).level, Level::Good);
            assert_eq!(after(&mut judge, good(), 4).level, Level::Good);
        }
    }

    #[test]
    fn a_freeze_is_not_good() {
        let mut judge = Judge::default();
        after(&mut judge, good(), 10);
        let mut quality = Quality::default();
        for _ in 0..5 {
            quality = judge.add(Sample { froze: true, ..good() });
        }
        assert_eq!((quality.level, quality.factor), (Level::Fair, Factor::Stall));
        // Five samples until it is forgotten, four more in a row after the first good one.
        assert_eq!(after(&mut judge, good(), 8).level, Level::Fair);
        assert_eq!(judge.add(good()).level, Level::Good);
    }

    #[test]
    fn of_two_that_are_as_bad_the_first_is_named() {
        let bad = Sample { lost: Some(0.02), latency: Some(1.0), received_fps: 10.0, ..good() };
        assert_eq!(verdict(bad), ("poor", "loss"));
        assert_eq!(verdict(Sample { skipped: 0.2, ..bad }), ("poor", "bandwidth"));
    }

    #[test]
    fn a_new_connection_is_judged_by_itself() {
        let mut judge = Judge::default();
        let bad = Sample { lost: Some(0.02), ..good() };
        after(&mut judge, bad, 10);
        judge.restart();
        let first = judge.add(good());
        assert_eq!((first.level, first.warming_up), (Level::Poor, true));
        assert_eq!(after(&mut judge, good(), 4).level, Level::Good);
    }
}
