//! A path from which nothing is heard.

use std::time::{Duration, Instant};

/// Without a report for this long (and two round trips) while packets leave, the path is silent.
const SILENCE: Duration = Duration::from_millis(500);

/// Notices that reports stay away.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last_report: Option<Instant>,
    /// Since when something has been under way.
    unanswered: Option<Instant>,
    stepped: Option<Instant>,
}

impl Silence {
    /// A packet leaves.
    pub(super) fn sent(&mut self, now: Instant) {
        self.unanswered.get_or_insert(now);
    }

    /// Whether there has been silence for a while, or for another while.
    pub(super) fn goes_on(&mut self, now: Instant, round_trip: Duration) -> bool {
        let (Some(report), Some(unanswered)) = (self.last_report, self.unanswered) else {
            return false;
        };
        let since = self.stepped.unwrap_or(report.max(unanswered));
        let lasts = now >= since + SILENCE + 2 * round_trip;
        if lasts {
            self.stepped = Some(now);
        }
        lasts
    }

    /// A report comes. Whether that ends a silence.
    pub(super) fn ends(&mut self, now: Instant) -> bool {
        self.last_report = Some(now);
        self.unanswered = None;
        self.stepped.take().is_some()
    }

    /// Whether there was a report within this time.
    pub(super) fn heard_within(&self, now: Instant, time: Duration) -> bool {
        self.last_report.is_some_and(|at| now < at + time)
    }
}
