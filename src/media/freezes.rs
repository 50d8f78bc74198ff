//! When video stands still, as webrtc-stats counts it (`freezeCount`, `totalFreezesDuration`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Gaps that the usual one is the mean of.
const GAPS: usize = 30;
/// With fewer nobody knows what is usual.
const MIN_GAPS: usize = 5;
/// A freeze is longer than the usual gap by this at least.
const LONGER: Duration = Duration::from_millis(150);
/// Who sends nothing for so long cannot expect anything back.
const PAUSE: Duration = Duration::from_millis(500);

/// Counts the gaps between frames that are much longer than usual: longer than three times the mean
/// of the last 30, and than that mean and 150 ms.
#[derive(Debug, Default)]
pub struct Freezes {
    gaps: VecDeque<Duration>,
    /// The last frame that came, unless there was a pause since.
    last: Option<Instant>,
    sent: Option<Instant>,
    count: u64,
    total: Duration,
}

impl Freezes {
    /// A frame is sent. After a pause in sending the next gap says nothing.
    pub fn sent(&mut self, now: Instant) {
        if self.sent.is_none_or(|at| now.saturating_duration_since(at) > PAUSE) {
            self.last = None;
        }
        self.sent = Some(now);
    }

    /// A frame came.
    pub fn came(&mut self, now: Instant) {
        let Some(last) = self.last.replace(now) else { return };
        let gap = now.saturating_duration_since(last);
        if self.gaps.len() >= MIN_GAPS {
            let mean = self.gaps.iter().sum::<Duration>() / self.gaps.len() as u32;
            if gap > (mean * 3).max(mean + LONGER) {
                self.count += 1;
                self.total += gap;
            }
        }
        if self.gaps.len() == GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
    }

    /// How many there were, and how long they were together.
    pub fn counted(&self) -> (u64, Duration) {
        (self.count, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames at these gaps in milliseconds; one is sent every 20 ms.
    fn freezes(gaps: &[u64]) -> (u64, Duration) {
        let mut freezes = Freezes::default();
        let start = Instant::now();
        let (mut now, mut sent) = (0, 0);
        freezes.sent(start);
        freezes.came(start);
        for gap in gaps {
            now += gap;
            while sent < now {
                sent += 20;
                freezes.sent(start + Duration::from_millis(sent));
            }
            freezes.came(start + Duration::from_millis(now));
        }
        freezes.counted()
    }

    #[test]
    fn steady_video_does_not_freeze() {
        assert_eq!(freezes(&[40; 100]).0, 0);
        assert_eq!(freezes(&[33, 45, 20, 40, 60, 39, 100, 33, 33]).0, 0);
    }

    #[test]
    fn a_gap_is_a_freeze_by_the_mean_and_by_150_ms() {
        // The mean is 40: 190 ms are the bound, for 120 would not be 150 ms longer.
        assert_eq!(freezes(&[40, 40, 40, 40, 40, 190]).0, 0);
        assert_eq!(freezes(&[40, 40, 40, 40, 40, 191]), (1, Duration::from_millis(191)));
        // The mean is 100: three times that.
        assert_eq!(freezes(&[100, 100, 100, 100, 100, 300]).0, 0);
        assert_eq!(freezes(&[100, 100, 100, 100, 100, 301]).0, 1);
    }

    #[test]
    fn freezes_add_up() {
        let gaps: Vec<u64> = (0..60).map(|n| if n % 20 == 19 { 400 } else { 40 }).collect();
        assert_eq!(freezes(&gaps), (3, Duration::from_millis(1200)));
    }

    #[test]
    fn the_first_gaps_say_nothing_yet() {
        assert_eq!(freezes(&[40, 40, 40, 40, 5000]).0, 0);
    }

    #[test]
    fn a_pause_in_sending_is_no_freeze() {
        let mut freezes = Freezes::default();
        let start = Instant::now();
        for frame in 0..50 {
            let pause = if frame < 25 { 0 } else { 60_000 };
            let at = start + Duration::from_millis(frame * 40 + pause);
            freezes.sent(at);
            freezes.came(at + Duration::from_millis(10));
        }
        assert_eq!(freezes.counted().0, 0);
    }
}
