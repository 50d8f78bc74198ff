//! Capture times, and which frame a capture time belongs to.
//!
//! The abs-capture-time RTP header extension carries a moment as an unsigned 32.32 fixed-point
//! number of seconds since 1900, as NTP has it (RFC 5905 §6). A stamp that no two frames share is
//! also a name for the frame, and comes back with whatever is made from it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds from 1900-01-01 to 1970-01-01.
const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;

/// Frames that may be on their way at once; older ones are forgotten.
pub const MAX_IN_FLIGHT: usize = 256;

/// A moment in NTP's 32.32 fixed-point seconds. It wraps in 2036; values before 1970 are read
/// as of the era after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From the time since 1970.
    pub fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(UNIX_EPOCH_IN_NTP) & 0xffff_ffff;
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// The time since 1970, to the nearest nanosecond.
    pub fn to_unix(self) -> Duration {
        let mut seconds = self.0 >> 32;
        if seconds < UNIX_EPOCH_IN_NTP {
            seconds += 1 << 32;
        }
        let nanos = ((self.0 & 0xffff_ffff) * 1_000_000_000 + (1 << 31)) >> 32;
        Duration::from_secs(seconds - UNIX_EPOCH_IN_NTP) + Duration::from_nanos(nanos)
    }

    /// From the system's clock; moments before 1970 become 1970.
    pub fn from_system(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    pub fn to_system(self) -> SystemTime {
        UNIX_EPOCH + self.to_unix()
    }
}

/// The system's clock without its jumps: it is read once, and time goes on from there as it passes.
///
/// A clock that is set, back or forward, would let frames stand still or leap for the codec's rate
/// control and for whoever plays them.
#[derive(Debug)]
pub struct SteadyClock(Mutex<(SystemTime, Instant)>);

impl Default for SteadyClock {
    fn default() -> Self {
        Self::new(SystemTime::now(), Instant::now())
    }
}

impl SteadyClock {
    pub fn new(time: SystemTime, now: Instant) -> Self {
        Self(Mutex::new((time, now)))
    }

    pub fn at(&self, now: Instant) -> SystemTime {
        let (time, then) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        time + now.saturating_duration_since(then)
    }

    pub fn now(&self) -> NtpTime {
        NtpTime::from_system(self.at(Instant::now()))
    }

    /// Goes forward to the system's clock, which went on while a machine slept. Never back.
    pub fn catch_up(&self, time: SystemTime, now: Instant) {
        if time > self.at(now) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (time, now);
        }
    }
}

/// Gives every frame a capture time of its own, later than all before, even if the clock stands
/// still or goes back.
#[derive(Debug, Default)]
pub struct CaptureClock {
    last: Option<NtpTime>,
}

impl CaptureClock {
    pub fn new() -> Self {
        Self::default()
    }

    /// The stamp of a frame captured at `time`, or the next free one after the last.
    pub fn stamp(&mut self, time: SystemTime) -> NtpTime {
        let wanted = NtpTime::from_system(time);
        let stamp = match self.last {
            // Compared around the wrap of 2036.
            Some(last) if wanted.0.wrapping_sub(last.0) as i64 <= 0 => {
                NtpTime(last.0.wrapping_add(1))
            }
            _ => wanted,
        };
        self.last = Some(stamp);
        stamp
    }
}

/// A frame that was sent and not yet answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InFlightFrame {
    pub stamp: NtpTime,
    /// The name under which the frame was sent.
    pub input_id: u64,
    pub sent: Instant,
    /// What the caller passed along; it means nothing here.
    pub timestamp: Option<f64>,
    pub width: u32,
    pub height: u32,
}

/// The newest [`MAX_IN_FLIGHT`] frames on their way, by stamp.
#[derive(Debug, Default)]
pub struct InFlight {
    /// Oldest first; [`CaptureClock`] makes the stamps increase.
    frames: VecDeque<InFlightFrame>,
    /// Whether the first of them has an answer.
    answered: bool,
}

impl InFlight {
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers a frame, and forgets the oldest if there are too many.
    pub fn insert(&mut self, frame: InFlightFrame) {
        if self.frames.len() == MAX_IN_FLIGHT {
            self.frames.pop_front();
            self.answered = false;
        }
        self.frames.push_back(frame);
    }

    /// The frame that a returned stamp belongs to.
    ///
    /// Frames sent before it are forgotten: answers come in order, so theirs never will. The
    /// frame itself stays, because two answers may be made from one input. An unknown stamp
    /// changes nothing.
    pub fn settle(&mut self, stamp: NtpTime) -> Option<InFlightFrame> {
        let found = self.frames.iter().position(|frame| frame.stamp == stamp)?;
        self.frames.drain(..found);
        self.answered = true;
        self.frames.front().copied()
    }

    /// Forgets a frame that will not come back, and says which it was.
    pub fn forget(&mut self, stamp: NtpTime) -> Option<u64> {
        let found = self.frames.iter().position(|frame| frame.stamp == stamp)?;
        self.answered &= found > 0;
        self.frames.remove(found).map(|frame| frame.input_id)
    }

    /// Frames that have no answer yet.
    pub fn unanswered(&self) -> usize {
        self.frames.len() - usize::from(self.answered)
    }

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

    #[test]
    fn known_moments() {
        assert_eq!(NtpTime::from_unix(Duration::ZERO).0, 0x83aa_7e80_0000_0000);
        assert_eq!(NtpTime::from_unix(Duration::from_millis(500)).0, 0x83aa_7e80_8000_0000);
        // 2036-02-07 06:28:16 UTC, the first second of the next era.
        assert_eq!(NtpTime::from_unix(Duration::from_secs(2_085_978_496)).0, 0);
    }

    #[test]
    fn there_and_back_to_the_nanosecond() {
        for seconds in [0, 1_793_000_000, 2_085_978_495, 2_085_978_496, 3_000_000_000] {
            for nanos in [0, 1, 333_333_333, 999_999_999] {
                let time = Duration::new(seconds, nanos);
                assert_eq!(NtpTime::from_unix(time).to_unix(), time);
            }
        }
        let time = UNIX_EPOCH + Duration::from_millis(1_793_000_000_123);
        assert_eq!(NtpTime::from_system(time).to_system(), time);
    }

    #[test]
    fn stamps_increase_though_the_clock_does_not() {
        let mut clock = CaptureClock::new();
        let noon = UNIX_EPOCH + Duration::from_secs(1_793_000_000);
        let first = clock.stamp(noon);
        let same = clock.stamp(noon);
        let back = clock.stamp(noon - Duration::from_secs(3600));
        let later = clock.stamp(noon + Duration::from_millis(1));
        assert!(first < same && same < back && back < later);
        assert_eq!(later, NtpTime::from_system(noon + Duration::from_millis(1)));
    }

    #[test]
    fn a_clock_that_is_set_moves_no_frame() {
        let (noon, start) = (UNIX_EPOCH + Duration::from_secs(1_793_000_000), Instant::now());
        let hour = Duration::from_secs(3600);
        let frame_time = Duration::from_millis(40);
        let clock = SteadyClock::new(noon, start);
        // Whatever the system's clock says meanwhile, it is not asked.
        assert_eq!(clock.at(start + frame_time), noon + frame_time);
        clock.catch_up(noon - hour, start + 2 * frame_time);
        assert_eq!(clock.at(start + 2 * frame_time), noon + 2 * frame_time, "never back");
        // A machine that slept: the monotonic clock of some systems stood still with it.
        clock.catch_up(noon + hour, start + 3 * frame_time);
        assert_eq!(clock.at(start + 4 * frame_time), noon + hour + frame_time);
        assert_eq!(clock.at(start), noon + hour, "earlier moments are no reason to panic");
    }

    #[test]
    fn stamps_go_on_across_the_era() {
        let mut clock = CaptureClock::new();
        let last_second = UNIX_EPOCH + Duration::from_secs(2_085_978_495);
        assert_eq!(clock.stamp(last_second).0 >> 32, 0xffff_ffff);
        assert_eq!(clock.stamp(last_second + Duration::from_secs(1)).0, 0);
    }

    fn frame(id: u64, now: Instant) -> InFlightFrame {
        let stamp = NtpTime(id * 10);
        InFlightFrame { stamp, input_id: id, sent: now, timestamp: None, width: 4, height: 4 }
    }

    #[test]
    fn settling_forgets_older_frames_and_keeps_later_ones() {
        let now = Instant::now();
        let mut in_flight = InFlight::new();
        (1..=5).for_each(|id| in_flight.insert(frame(id, now)));
        assert_eq!(in_flight.settle(NtpTime(30)), Some(frame(3, now)));
        assert_eq!(in_flight.settle(NtpTime(30)), Some(frame(3, now)));
        assert_eq!(in_flight.settle(NtpTime(20)), None);
        assert_eq!(in_flight.settle(NtpTime(31)), None);
        assert_eq!(in_flight.unanswered(), 2);
        assert_eq!(in_flight.settle(NtpTime(50)), Some(frame(5, now)));
        assert_eq!((in_flight.len(), in_flight.unanswered()), (1, 0));
        in_flight.insert(frame(6, now));
        assert_eq!(in_flight.forget(NtpTime(50)), Some(5));
        assert_eq!((in_flight.len(), in_flight.unanswered()), (1, 1));
    }

    #[test]
    fn the_oldest_is_forgotten_when_too_many_are_unanswered() {
        let now = Instant::now();
        let mut in_flight = InFlight::new();
        let count = MAX_IN_FLIGHT as u64 + 10;
        (1..=count).for_each(|id| in_flight.insert(frame(id, now)));
        assert_eq!(in_flight.len(), MAX_IN_FLIGHT);
        assert_eq!(in_flight.settle(NtpTime(100)), None);
        assert_eq!(in_flight.settle(NtpTime(110)), Some(frame(11, now)));
    }
}
