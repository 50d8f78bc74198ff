//! Bytes in a span of time.

use std::collections::VecDeque;
use std::time::Duration;

/// What passed lately. Times are of one clock and may arrive slightly out of order.
#[derive(Debug)]
pub struct Throughput {
    span: Duration,
    passed: VecDeque<(Duration, u32)>,
    newest: Duration,
}

impl Throughput {
    /// Remembers as much as this.
    pub fn over(span: Duration) -> Self {
        Self { span, passed: VecDeque::new(), newest: Duration::ZERO }
    }

    pub fn add(&mut self, at: Duration, bytes: u32) {
        // A clock that was set back begins anew.
        if at + self.span < self.newest {
            self.clear();
        }
        self.newest = self.newest.max(at);
        self.passed.push_back((at, bytes));
        while self.passed.front().is_some_and(|(first, _)| *first + self.span < self.newest) {
            self.passed.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.passed.clear();
        self.newest = Duration::ZERO;
    }

    /// Bits per second over the last `span` before the newest; none if nothing passed before that, so
    /// that it is not known yet.
    pub fn rate(&self, span: Duration) -> Option<f64> {
        self.rate_at(self.newest, span)
    }

    /// The same over the last `span` before `now`.
    pub fn rate_at(&self, now: Duration, span: Duration) -> Option<f64> {
        let span = span.min(self.span);
        let (first, _) = self.passed.front()?;
        if *first + span.mul_f64(0.8) > now {
            return None;
        }
        let from = now.saturating_sub(span);
        let bytes: u64 = self
            .passed
            .iter()
            .rev()
            .take_while(|(at, _)| *at > from)
            .map(|(_, bytes)| u64::from(*bytes))
            .sum();
        Some(bytes as f64 * 8.0 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_steady_stream_has_its_rate() {
        let mut throughput = Throughput::over(MS * 1000);
        for n in 0..200 {
            throughput.add(n * 10 * MS, 1000);
        }
        let rate = throughput.rate(MS * 500).unwrap();
        assert!((rate - 800_000.0).abs() < 20_000.0, "{rate}");
    }

    #[test]
    fn it_is_unknown_until_there_was_time() {
        let mut throughput = Throughput::over(MS * 1000);
        throughput.add(MS * 100, 1000);
        throughput.add(MS * 200, 1000);
        assert_eq!(throughput.rate(MS * 500), None);
        assert!(throughput.rate(MS * 100).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut throughput = Throughput::over(MS * 1000);
        throughput.add(MS * 90_000, 1000);
        throughput.add(MS * 10, 1000);
        assert_eq!(throughput.rate(MS * 500), None);
    }
}
