//! How many frames may be under way to a service and back.
//!
//! A service has one place before its model, and so has every encoder on the way: a sender that
//! wants to lose nothing must not send more than is taken. What comes back makes room. So that
//! nothing stalls for ever, a frame also counts as lost when a later one came back, when it was
//! dropped on this side, and when there was no news of any frame for too long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Without news for so long, what is under way is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// Before the first answer: a model may have to be loaded.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// A slow model is waited for twice as long as its last answer took, but not longer than this.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);

/// A frame that counts against the window.
#[derive(Debug)]
struct UnderWay {
    id: u64,
    sent: Instant,
    /// Came back, and waits for its reader.
    returned: bool,
}

/// Counts frames from being sent until they came back or are known as lost.
///
/// Time is an argument, as everywhere in this layer.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    /// Whether a frame counts until its reader took it, not only until it came back.
    until_taken: bool,
    /// Oldest first.
    frames: VecDeque<UnderWay>,
    /// When anything was last heard of any frame.
    news: Option<Instant>,
    patience: Duration,
    /// The newest frame that an answer named.
    answered: Option<u64>,
}

impl Window {
    /// An empty window for `limit` frames; 0 counts as 1.
    pub fn new(limit: usize, until_taken: bool) -> Self {
        Self {
            limit: limit.max(1),
            until_taken,
            frames: VecDeque::new(),
            news: None,
            patience: FIRST_PATIENCE,
            answered: None,
        }
    }

    /// Gives up what is lost. `None`: there is room. Otherwise how long to wait for it if nothing is
    /// heard meanwhile.
    pub fn full(&mut self, now: Instant) -> Option<Duration> {
        // What waits for its reader holds up what is behind it: that is not lost.
        let waiting = self.frames.iter().any(|frame| frame.returned);
        let patience = self.patience;
        let news = self.news;
        let left = |frame: &UnderWay| {
            let since = news.map_or(frame.sent, |news| news.max(frame.sent));
            patience.saturating_sub(now.saturating_duration_since(since))
        };
        if !waiting {
            self.frames.retain(|frame| !left(frame).is_zero());
        }
        if self.frames.len() < self.limit {
            return None;
        }
        let oldest = self.frames.front().filter(|_| !waiting);
        Some(oldest.map_or(patience, left))
    }

    /// Counts a frame that is sent now. Ids rise.
    pub fn enter(&mut self, id: u64, now: Instant) {
        self.frames.push_back(UnderWay { id, sent: now, returned: false });
    }

    /// A frame came back: which one, and when it was sent. A service that does not say so answers in
    /// order. False: that frame came back before.
    pub fn returned(&mut self, frame: Option<(u64, Instant)>, now: Instant) -> bool {
        self.news = Some(now);
        let place = match frame {
            Some((id, _)) if self.answered.is_some_and(|answered| id <= answered) => return false,
            Some((id, sent)) => {
                self.answered = Some(id);
                let latency = now.saturating_duration_since(sent);
                self.patience = (latency * 2).clamp(PATIENCE, LONGEST_PATIENCE);
                // Answers come in order: those before it that have none will never have one.
                self.frames.retain(|frame| frame.id >= id || frame.returned);
                self.frames.iter().position(|frame| frame.id == id)
            }
            // A service that names its inputs has made this one from none of ours.
            None if self.answered.is_some() => None,
            None => {
                self.patience = self.patience.min(PATIENCE);
                self.frames.iter().position(|frame| !frame.returned)
            }
        };
        match place {
            Some(place) if self.until_taken => self.frames[place].returned = true,
            Some(place) => drop(self.frames.remove(place)),
            None => {}
        }
        true
    }

    /// The reader took a frame that came back.
    pub fn taken(&mut self, id: Option<u64>, now: Instant) {
        self.news = Some(now);
        let place = match id {
            Some(id) => self.frames.iter().position(|frame| frame.id == id),
            None => self.frames.iter().position(|frame| frame.returned),
        };
        if let Some(place) = place.filter(|&place| self.frames[place].returned) {
            self.frames.remove(place);
        }
    }

    /// A frame was dropped on this side.
    pub fn lost(&mut self, id: u64) {
        self.frames.retain(|frame| frame.id != id);
    }

    /// The service failed on a frame and does not say on which, so none is given up; but its model
    /// need not be loaded any more.
    pub fn failed(&mut self) {
        self.patience = self.patience.min(PATIENCE);
    }

    /// Forgets what was sent over a connection that is gone.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.news = None;
        self.patience = FIRST_PATIENCE;
        self.answered = None;
    }

    /// Frames under way.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A window, and a clock that only we move.
    struct Bench {
        window: Window,
        start: Instant,
        now: Instant,
    }

    impl Bench {
        fn new(limit: usize, until_taken: bool) -> Self {
            let now = Instant::now();
            Self { window: Window::new(limit, until_taken), start: now, now }
        }

        fn after(&mut self, time: Duration) -> &mut Self {
            self.now += time;
            self
        }

        fn enter(&mut self, id: u64) {
            assert_eq!(self.window.full(self.now), None, "no room for {id}");
            self.window.enter(id, self.now);
        }

        fn returned(&mut self, id: u64, sent: Duration) -> bool {
            self.window.returned(Some((id, self.start + sent)), self.now)
        }

        fn full(&mut self) -> Option<Duration> {
            self.window.full(self.now)
        }
    }

    #[test]
    fn an_answer_makes_room_and_so_do_those_it_passed() {
        let mut bench = Bench::new(3, false);
        (0..3).for_each(|id| bench.enter(id));
        assert!(bench.full().is_some());
        assert!(bench.after(SECOND).returned(1, Duration::ZERO));
        assert_eq!(bench.window.len(), 1);
        (3..5).for_each(|id| bench.enter(id));
        assert!(bench.full().is_some());
    }

    #[test]
    fn what_was_dropped_here_makes_room() {
        let mut bench = Bench::new(1, false);
        bench.enter(7);
        bench.window.lost(6);
        assert!(bench.full().is_some());
        bench.window.lost(7);
        assert_eq!(bench.full(), None);
    }

    #[test]
    fn without_news_for_two_seconds_a_frame_is_lost() {
        let mut bench = Bench::new(2, false);
        bench.enter(0);
        bench.after(SECOND).returned(0, Duration::ZERO);
        bench.enter(1);
        bench.after(SECOND).enter(2);
        // One second since the first of the two was sent.
        assert_eq!(bench.full(), Some(SECOND));
        assert_eq!(bench.after(SECOND).full(), None);
        assert_eq!(bench.window.len(), 1);
    }

    #[test]
    fn news_of_another_frame_counts() {
        let mut bench = Bench::new(2, false);
        bench.enter(0);
        bench.enter(1);
        bench.after(SECOND).returned(0, Duration::ZERO);
        bench.enter(2);
        assert_eq!(bench.after(SECOND).full(), Some(SECOND));
        assert_eq!(bench.after(SECOND).full(), None);
        assert!(bench.window.is_empty());
    }

    #[test]
    fn a_slow_model_is_waited_for() {
        let mut bench = Bench::new(2, false);
        bench.enter(0);
        bench.enter(1);
        // It may have to be loaded before the first answer.
        assert!(bench.after(SECOND * 5).full().is_some());
        assert!(bench.returned(0, Duration::ZERO));
        bench.enter(2);
        assert!(bench.after(SECOND * 5).full().is_some());
        assert!(bench.returned(1, Duration::ZERO));
        assert!(bench.after(SECOND * 5).full().is_none());
        assert!(bench.returned(2, SECOND * 5));
    }

    #[test]
    fn patience_ends() {
        let mut bench = Bench::new(1, false);
        bench.enter(0);
        bench.after(SECOND * 9).full().unwrap();
        bench.after(SECOND * 100).returned(0, Duration::ZERO);
        bench.enter(1);
        assert_eq!(bench.full(), Some(LONGEST_PATIENCE));
        assert_eq!(bench.after(LONGEST_PATIENCE).full(), None);
    }

    #[test]
    fn a_late_answer_to_a_lost_frame_counts_once() {
        let mut bench = Bench::new(1, false);
        bench.enter(0);
        bench.after(FIRST_PATIENCE).enter(1);
        assert!(bench.returned(0, Duration::ZERO));
        assert!(bench.full().is_some());
        assert!(!bench.returned(0, Duration::ZERO));
        assert!(bench.returned(1, FIRST_PATIENCE));
        assert_eq!(bench.full(), None);
    }

    #[test]
    fn until_its_reader_takes_it_nothing_behind_is_lost() {
        let mut bench = Bench::new(2, true);
        bench.enter(0);
        bench.enter(1);
        bench.returned(0, Duration::ZERO);
        assert!(bench.after(SECOND * 3600).full().is_some());
        bench.window.taken(Some(0), bench.now);
        bench.enter(2);
        assert!(bench.full().is_some());
        // What has not come back cannot be taken.
        bench.window.taken(Some(1), bench.now);
        assert!(bench.full().is_some());
        bench.returned(2, SECOND * 3600);
        bench.window.taken(Some(2), bench.now);
        assert!(bench.window.is_empty());
    }

    #[test]
    fn a_service_that_names_nothing_answers_in_order() {
        let mut bench = Bench::new(2, true);
        (0..2).for_each(|id| bench.enter(id));
        assert!(bench.window.returned(None, bench.now));
        assert!(bench.full().is_some());
        bench.window.taken(None, bench.now);
        bench.enter(2);
        // One of its answers is lost: what is left over stops to count when nothing is heard.
        bench.window.returned(None, bench.now);
        bench.window.taken(None, bench.now);
        assert_eq!(bench.window.len(), 1);
        bench.after(PATIENCE).enter(3);
        assert_eq!(bench.window.len(), 1);
    }

    #[test]
    fn pictures_made_from_nothing_of_ours_make_no_room() {
        let mut bench = Bench::new(1, false);
        bench.enter(0);
        bench.returned(0, Duration::ZERO);
        bench.enter(1);
        assert!(bench.window.returned(None, bench.now));
        assert!(bench.full().is_some());
    }

    #[test]
    fn a_model_that_fails_is_not_waited_for_as_one_that_is_loaded() {
        let mut bench = Bench::new(1, false);
        bench.enter(0);
        assert_eq!(bench.full(), Some(FIRST_PATIENCE));
        bench.window.failed();
        assert_eq!(bench.full(), Some(PATIENCE));
    }

    #[test]
    fn a_new_connection_starts_with_an_empty_window() {
        let mut bench = Bench::new(1, true);
        bench.enter(5);
        bench.returned(5, Duration::ZERO);
        bench.window.clear();
        bench.enter(6);
        assert_eq!(bench.full(), Some(FIRST_PATIENCE));
    }

    #[test]
    fn the_window_never_overflows_and_never_stalls() {
        let seed = 0x5eed;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new(2, false);
        let mut under_way: VecDeque<(u64, Duration)> = VecDeque::new();
        let (mut id, mut sent) = (0, 0);
        while bench.now - bench.start < SECOND * 600 {
            bench.after(Duration::from_millis(random.u64(1..30)));
            if bench.full().is_none() {
                bench.enter(id);
                sent += 1;
                // A third is lost on the way.
                if random.u8(0..3) > 0 {
                    under_way.push_back((id, bench.now - bench.start));
                }
                id += 1;
            }
            assert!(bench.window.len() <= 2, "seed {seed:#x}");
            if random.bool()
                && let Some((id, at)) = under_way.pop_front()
            {
                assert!(bench.returned(id, at));
            }
        }
        // At worst two are lost in a row, two seconds each time.
        assert!(sent > 600, "{sent} with seed {seed:#x}");
    }
}
