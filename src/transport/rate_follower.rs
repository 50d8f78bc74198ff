//! Makes an encoder follow the rate of its connection.
//!
//! Three things keep delay from growing: the encoder is told the rate; below what the picture needs
//! there are fewer pictures, then smaller ones; and what an encoder spends too much of all the same, a
//! key frame above all, is paid back before the next picture is encoded.

use std::time::{Duration, Instant};

use super::RateNow;
use crate::error::Result;
use crate::media::rate::{Thrift, Wanted};
use crate::media::{I420, Planes, Scaler};

/// A rate that differs by less is not told to the encoder: down, and up.
const LESS: f64 = 0.97;
const MORE: f64 = 1.05;
/// Nor is a rise so soon after the last news.
const RISE: Duration = Duration::from_millis(250);
/// It hears of the frame rate before it would count for itself.
const FRAME_RATE_NEWS: Duration = Duration::from_millis(800);
/// The encoder may be ahead of the rate by this, seconds; then the next picture waits. It is the first at
/// low rates, where each picture takes long, and more for each megabit, up to the third; by the last one
/// where the path is no longer too narrow.
const AHEAD: f64 = 0.03;
const AHEAD_PER_MEGABIT: f64 = 0.06;
const AHEAD_AT_MOST: f64 = 0.15;
const AHEAD_ON_WIDE: f64 = 0.3;
/// More is forgiven, seconds: a path that carried it at once was not too narrow then.
const MOST_AHEAD: f64 = 0.6;
/// A longer time between pictures is a pause.
const PAUSE: Duration = Duration::from_millis(500);
/// Key frames that are asked for come as often as this at least, seconds.
const MOST_BETWEEN_KEY_FRAMES: f64 = 2.0;
/// On a path that is too narrow one part in so many is not used, up to the second, bits per second:
/// pictures differ in size, and at what just fits each large one waits for those before it.
const SPARE: (u32, u32) = (4, 125_000);
const USUAL_INTERVAL: f64 = 1.0 / 30.0;

/// What one encoder may spend.
pub(super) struct RateFollower {
    /// Whether every picture is to be sent: then they wait instead of being left out.
    every: bool,
    thrift: Thrift,
    wanted: Wanted,
    told: Option<(u32, Instant)>,
    frame_rate_told: Option<Instant>,
    /// Whether the path is too narrow, and whether it ever was: until then nothing is saved.
    limited: bool,
    saves: bool,
    rate: f64,
    /// Bits that were spent and that the rate has not allowed for yet.
    debt: f64,
    paid: Option<Instant>,
    /// When a picture came last, and how many had come by then.
    last_picture: Option<(Instant, u64)>,
    /// Seconds from one picture to the next.
    interval: f64,
    /// Bytes of the last key frame, and the round trip.
    key_frame: usize,
    round_trip: Duration,
    scaler: Scaler,
    smaller: I420,
}

/// What an encoder is to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct News {
    pub(super) bitrate: Option<u32>,
    pub(super) frame_rate: Option<f32>,
}

impl RateFollower {
    pub(super) fn new(every: bool) -> Self {
        Self {
            every,
            thrift: Thrift::default(),
            wanted: Wanted::ALL,
            told: None,
            frame_rate_told: None,
            limited: false,
            saves: false,
            rate: 0.0,
            debt: 0.0,
            paid: None,
            last_picture: None,
            interval: USUAL_INTERVAL,
            key_frame: 0,
            round_trip: Duration::ZERO,
            scaler: Scaler::default(),
            smaller: I420::default(),
        }
    }

    /// A picture of this size came, the last of so many; not all of them come as far as here. `rate`:
    /// what the connection says; none: `bitrate` is for ever.
    pub(super) fn came(
        &mut self,
        now: Instant,
        size: (u32, u32),
        count: u64,
        rate: Option<RateNow>,
        bitrate: u32,
    ) -> News {
        if let Some((last, before)) = self.last_picture.replace((now, count)) {
            let pictures = count.saturating_sub(before).clamp(1, 64) as i32;
            let gap = now.saturating_duration_since(last) / pictures.unsigned_abs();
            if gap < PAUSE {
                let share = 1.0 - 0.9_f64.powi(pictures);
                self.interval += (gap.as_secs_f64() - self.interval) * share;
            } else {
                // Who sends now and then is not to be thinned out.
                self.interval = gap.as_secs_f64();
            }
        }
        let allowed = rate.map_or(bitrate, |rate| rate.video);
        let limited = rate.is_some_and(|rate| rate.limited);
        let allowed = if limited { allowed - (allowed / SPARE.0).min(SPARE.1) } else { allowed };
        self.rate = f64::from(allowed);
        self.limited = limited;
        self.saves = rate.is_some_and(|rate| rate.was_limited);
        self.round_trip = rate.and_then(|rate| rate.round_trip).unwrap_or_default();
        let mut news = News::default();
        if self.is_news(now, allowed) {
            self.told = Some((allowed, now));
            news.bitrate = Some(allowed);
        }
        if !self.saves {
            self.wanted = Wanted::ALL;
            return news;
        }
        let per_second = 1.0 / self.interval.max(0.001);
        self.wanted = self.thrift.choose(now, size, allowed.into(), per_second, self.every);
        // Of those that are held back the encoder knows nothing, and would make the others larger.
        if !self.every && self.frame_rate_told.is_none_or(|at| now >= at + FRAME_RATE_NEWS) {
            self.frame_rate_told = Some(now);
            news.frame_rate = Some((per_second * self.wanted.pictures) as f32);
        }
        news
    }

    fn is_news(&self, now: Instant, allowed: u32) -> bool {
        let Some((told, at)) = self.told else { return true };
        let ratio = f64::from(allowed) / f64::from(told.max(1));
        ratio < LESS || (ratio > MORE && now >= at + RISE) || (ratio > 1.0 && now >= at + 4 * RISE)
    }

    /// Whether the picture that came is one of those that are encoded.
    pub(super) fn takes(&mut self) -> bool {
        self.thrift.takes(self.wanted)
    }

    /// How long to wait for another picture instead of one that is not taken.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs_f64((self.interval * 1.5).min(PAUSE.as_secs_f64()))
    }

    /// How long until a picture may be encoded; none: now.
    pub(super) fn owes(&mut self, now: Instant) -> Option<Duration> {
        self.pay(now);
        if !self.saves {
            return None;
        }
        let narrow = (AHEAD_PER_MEGABIT * self.rate / 1e6).clamp(AHEAD, AHEAD_AT_MOST);
        let ahead = if self.limited { narrow } else { AHEAD_ON_WIDE };
        let too_much = self.debt - ahead * self.rate;
        (too_much > 0.0).then(|| Duration::from_secs_f64(too_much / self.rate.max(1.0)))
    }

    /// An encoded picture goes out.
    pub(super) fn spent(&mut self, now: Instant, bytes: usize) {
        self.pay(now);
        self.debt += bytes as f64 * 8.0;
        self.thrift.goes(false);
    }

    /// A picture does not go out, or not yet, because of those before it.
    pub(super) fn held_back(&mut self) {
        self.thrift.goes(true);
    }

    /// A key frame came out. Whether it would take too long to send, and a smaller one is to be made.
    pub(super) fn is_too_large(&mut self, key_frame: usize) -> bool {
        self.key_frame = key_frame;
        self.saves && {
            let too_large = self.thrift.is_too_large(key_frame, self.rate, self.every);
            self.wanted.scale = if too_large { self.thrift.scale() } else { self.wanted.scale };
            too_large
        }
    }

    /// How soon after a key frame there may be another: not before the other end can have it.
    pub(super) fn key_frame_interval(&self, least: Duration) -> Duration {
        if !self.saves {
            return least;
        }
        let sending = 1.5 * self.key_frame as f64 * 8.0 / self.rate.max(1.0);
        let sending = Duration::from_secs_f64(sending.min(MOST_BETWEEN_KEY_FRAMES));
        least.max(sending + self.round_trip)
    }

    fn pay(&mut self, now: Instant) {
        let elapsed =
            self.paid.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let most = MOST_AHEAD * self.rate;
        self.debt = (self.debt - elapsed.as_secs_f64() * self.rate).clamp(0.0, most.max(0.0));
    }

    /// The picture in the size that is to be encoded. Whether it is smaller than it came.
    pub(super) fn sized<'a>(&'a mut self, planes: Planes<'a>) -> Result<(Planes<'a>, bool)> {
        let (width, height) = (self.wanted.side(planes.width), self.wanted.side(planes.height));
        if (width, height) == (planes.width, planes.height) {
            return Ok((planes, false));
        }
        self.scaler.scale(planes, width, height, &mut self.smaller)?;
        Ok((self.smaller.planes(), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rate::Trend;

    const MS: Duration = Duration::from_millis(1);
    const SIZE: (u32, u32) = (1280, 720);

    fn rate(video: u32, limited: bool) -> RateNow {
        let trend = Trend::Hold;
        let (was_limited, round_trip) = (limited, None);
        RateNow { video, max: video, estimate: video, trend, limited, was_limited, round_trip }
    }

    #[test]
    fn the_encoder_hears_of_a_fall_at_once_and_of_a_rise_later() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        let mut told = |after: u32, video| {
            follower
                .came(start + after * MS, SIZE, u64::from(after / 33), Some(rate(video, false)), 0)
                .bitrate
        };
        assert_eq!(told(0, 2_000_000), Some(2_000_000));
        assert_eq!(told(33, 1_960_000), None);
        assert_eq!(told(66, 1_500_000), Some(1_500_000));
        assert_eq!(told(99, 1_700_000), None, "so soon");
        assert_eq!(told(330, 1_700_000), Some(1_700_000));
    }

    #[test]
    fn without_an_estimate_the_rate_is_what_was_set() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        assert_eq!(follower.came(start, SIZE, 1, None, 700_000).bitrate, Some(700_000));
        follower.spent(start, 1_000_000);
        assert_eq!(follower.owes(start), None);
        assert!(follower.takes() && follower.takes());
    }

    #[test]
    fn a_key_frame_is_paid_back_before_the_next_picture() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        follower.came(start, SIZE, 1, Some(rate(1_000_000, true)), 0);
        follower.spent(start, 40_000);
        // 320 kbit, of which 46 may be ahead, at 875 kb/s.
        assert_eq!(follower.owes(start).unwrap().as_millis(), 313);
        assert_eq!(follower.owes(start + 314 * MS), None);
    }

    #[test]
    fn where_the_path_was_too_narrow_before_more_may_be_ahead() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        let wide = RateNow { was_limited: true, ..rate(1_000_000, false) };
        follower.came(start, SIZE, 1, Some(wide), 0);
        follower.spent(start, 40_000);
        // 320 kbit, of which 300 may be ahead.
        assert_eq!(follower.owes(start).unwrap().as_millis(), 20);
    }

    #[test]
    fn the_encoder_hears_how_many_come_not_how_many_it_gets() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        let wide = RateNow { was_limited: true, ..rate(3_000_000, false) };
        let mut told = Vec::new();
        for n in 0..60 {
            // Every other one is held back.
            let news = follower.came(start + n * 67 * MS, SIZE, u64::from(n) * 2, Some(wide), 0);
            told.extend(news.frame_rate);
        }
        assert!(told.len() >= 4, "{told:?}");
        assert!(told[1..].iter().all(|rate| (rate - 30.0).abs() < 1.0), "{told:?}");
    }

    #[test]
    fn who_sends_now_and_then_is_not_thinned_out() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        for n in 0..100 {
            follower.came(start + n * 33 * MS, SIZE, n.into(), Some(rate(300_000, true)), 0);
        }
        assert!(follower.wanted.pictures < 1.0);
        follower.came(start + 60_000 * MS, SIZE, 100, Some(rate(300_000, true)), 0);
        assert!(follower.takes() && follower.takes());
    }

    #[test]
    fn pictures_that_were_displaced_before_they_came_here_count() {
        let mut follower = RateFollower::new(false);
        let start = Instant::now();
        for n in 0..20 {
            // Thirty a second come, and one in twenty comes as far as here.
            let limited = Some(rate(300_000, true));
            follower.came(start + n * 667 * MS, SIZE, u64::from(n) * 20, limited, 0);
        }
        assert!((follower.interval - 1.0 / 30.0).abs() < 0.001, "{}", follower.interval);
        assert!(follower.wanted.side(720) < 720);
    }

    #[test]
    fn pictures_get_smaller_and_keep_their_shape() {
        let mut follower = RateFollower::new(true);
        let start = Instant::now();
        for n in 0..100 {
            follower.came(start + n * 33 * MS, SIZE, n.into(), Some(rate(300_000, true)), 0);
        }
        let picture = I420::new(SIZE.0, SIZE.1).unwrap();
        let (planes, smaller) = follower.sized(picture.planes()).unwrap();
        assert!(smaller);
        assert_eq!((planes.width, planes.height), (480, 270));
    }
}
