//! What an encoder does with the rate that it may have: fewer pictures first, then smaller ones.

use std::time::{Duration, Instant};

/// Bits that a pixel needs, as a picture of a camera: below that it is better to have fewer.
const BITS_PER_PIXEL: f64 = 0.05;
/// Each is to be sent within a second divided by this, however seldom they come.
const SOON: f64 = 12.0;
/// Shares of the pictures, then of the sides. Each step needs about two thirds of the one before.
const STEPS: [Wanted; 8] = [
    Wanted::ALL,
    Wanted { pictures: 0.75, scale: (1, 1) },
    Wanted { pictures: 0.5, scale: (1, 1) },
    Wanted { pictures: 0.5, scale: (3, 4) },
    Wanted { pictures: 0.5, scale: (1, 2) },
    Wanted { pictures: 0.5, scale: (3, 8) },
    Wanted { pictures: 0.5, scale: (1, 4) },
    Wanted { pictures: 0.5, scale: (3, 16) },
];
/// A side is not made shorter than this.
const SHORTEST: u32 = 90;
/// Less frequent pictures are not made less frequent, a second.
const FEWEST: f64 = 7.0;
/// A step back up needs this much more than the step, for so long.
const ROOM: f64 = 1.5;
const STEADY: Duration = Duration::from_secs(2);
/// A step down to fewer or smaller pictures is not taken for a dip shorter than this.
const DIP: Duration = Duration::from_millis(150);

/// A key frame that takes longer than this to send, seconds, is one of a picture that needs more.
const KEY_FRAME: f64 = 0.25;
/// Key frames grow with the area of the picture to this power.
const KEY_FRAME_GROWTH: f64 = 0.75;
const MOST_HEAVY: f64 = 6.0;
/// So is one of which more than this share is held back because those before cost too much, in the
/// mean of about so many pictures; it needs so much more.
const HELD_BACK: f64 = 0.4;
const PICTURES: f64 = 25.0;
const HEAVIER: f64 = 1.5;
/// After so long half of that is forgotten.
const FORGOTTEN: f64 = 6.0;

/// How pictures are to be encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// The share of pictures.
    pub pictures: f64,
    /// Numerator and denominator of both sides.
    pub scale: (u32, u32),
}

impl Wanted {
    /// As they come.
    pub const ALL: Self = Self { pictures: 1.0, scale: (1, 1) };

    /// A side at this scale, even.
    pub fn side(&self, side: u32) -> u32 {
        let (numerator, denominator) = self.scale;
        if numerator == denominator {
            return side;
        }
        (side * numerator / denominator).next_multiple_of(2).max(16).min(side)
    }

    fn area(&self) -> f64 {
        (f64::from(self.scale.0) / f64::from(self.scale.1)).powi(2)
    }
}

/// Chooses the step for a rate.
#[derive(Debug)]
pub struct Thrift {
    step: usize,
    /// How much more than others these pictures need, and when that was looked at.
    heavy: f64,
    looked: Option<Instant>,
    /// The share of pictures that are held back.
    held_back: f64,
    /// Bytes of the last key frame, and its share of the picture.
    key_frame: (f64, f64),
    size: (u32, u32),
    per_second: f64,
    roomy_since: Option<Instant>,
    tight_since: Option<Instant>,
    /// Share of a picture that is owed.
    due: f64,
}

impl Default for Thrift {
    fn default() -> Self {
        Self {
            step: 0,
            heavy: 1.0,
            looked: None,
            held_back: 0.0,
            key_frame: (0.0, 1.0),
            size: (0, 0),
            per_second: 0.0,
            roomy_since: None,
            tight_since: None,
            due: 0.0,
        }
    }
}

impl Thrift {
    /// A key frame came out with so many bytes. Whether it is too large for the rate, and a smaller
    /// picture is to be encoded instead.
    pub fn is_too_large(&mut self, key_frame: usize, rate: f64, every: bool) -> bool {
        self.key_frame = (key_frame as f64, STEPS[self.step].area());
        let seconds = key_frame as f64 * 8.0 / rate.max(1.0);
        if seconds <= KEY_FRAME || self.heavy >= MOST_HEAVY {
            return false;
        }
        self.heavy = (self.heavy * seconds / KEY_FRAME).min(MOST_HEAVY);
        let smaller = self.first(rate, self.per_second, every);
        let found = smaller > self.step && STEPS[smaller].scale != STEPS[self.step].scale;
        if found {
            self.step = smaller;
        }
        found
    }

    /// Whether a picture was held back, or goes out.
    pub fn goes(&mut self, held_back: bool) {
        self.held_back += (f64::from(u8::from(held_back)) - self.held_back) / PICTURES;
        if self.held_back > HELD_BACK {
            self.held_back = 0.0;
            self.heavy = (self.heavy * HEAVIER).min(MOST_HEAVY);
        }
    }

    /// What is wanted of pictures of this size that come so many a second, for this many bits per
    /// second. `every`: none may be left out.
    pub fn choose(
        &mut self,
        now: Instant,
        size: (u32, u32),
        rate: f64,
        per_second: f64,
        every: bool,
    ) -> Wanted {
        if self.size != size {
            self.size = size;
            self.step = 0;
            (self.roomy_since, self.tight_since) = (None, None);
        }
        let elapsed = self.looked.replace(now).map_or(Duration::ZERO, |at| now - at);
        self.heavy = (self.heavy * 0.5_f64.powf(elapsed.as_secs_f64() / FORGOTTEN)).max(1.0);
        self.per_second = per_second;
        let now_fits = self.first(rate, per_second, every);
        if now_fits > self.step {
            self.roomy_since = None;
            let since = *self.tight_since.get_or_insert(now);
            if now >= since + DIP {
                self.step = now_fits;
                self.tight_since = None;
            }
        } else {
            self.tight_since = None;
            let roomy = self.first(rate / ROOM, per_second, every);
            let up = (roomy..self.step).find(|&step| self.affords_key_frame(step, rate));
            if let Some(step) = up {
                let since = *self.roomy_since.get_or_insert(now);
                if now >= since + STEADY {
                    self.step = step;
                    self.roomy_since = None;
                }
            } else {
                self.roomy_since = None;
            }
        }
        let mut wanted = STEPS[self.step];
        if every || per_second * wanted.pictures < FEWEST {
            wanted.pictures = Wanted::ALL.pictures;
        }
        wanted
    }

    /// Whether the key frame that a larger picture begins with could be sent in time.
    fn affords_key_frame(&self, step: usize, rate: f64) -> bool {
        let (bytes, area) = self.key_frame;
        let larger = STEPS[step].area() / area;
        larger <= 1.0 || bytes * larger.powf(KEY_FRAME_GROWTH) * 8.0 <= KEY_FRAME * rate
    }

    /// The scale that was chosen last.
    pub fn scale(&self) -> (u32, u32) {
        STEPS[self.step].scale
    }

    /// The first step that can be had, or the last that is allowed.
    fn first(&self, rate: f64, per_second: f64, every: bool) -> usize {
        let pixels = f64::from(self.size.0) * f64::from(self.size.1);
        let short = self.size.0.min(self.size.1);
        let mut found = 0;
        for (nth, step) in STEPS.iter().enumerate() {
            let smaller = step.scale.0 < step.scale.1;
            let frequent = step.pictures >= 1.0 || per_second * step.pictures >= FEWEST;
            if nth > 0 && !(frequent || smaller) || smaller && step.side(short) < SHORTEST {
                continue;
            }
            found = nth;
            let pictures = if every { 1.0 } else { step.pictures };
            let (share, per_second) = (pictures * step.area(), per_second.max(SOON / pictures));
            if pixels * per_second * BITS_PER_PIXEL * share * self.heavy <= rate {
                break;
            }
        }
        found
    }

    /// Whether the picture that comes now is one of those that are wanted.
    pub fn takes(&mut self, wanted: Wanted) -> bool {
        self.due += wanted.pictures;
        if self.due < 0.999 {
            return false;
        }
        self.due = (self.due - 1.0).min(1.0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (1280, 720);

    /// What is chosen in the end at a constant rate.
    fn settled(thrift: &mut Thrift, from: Instant, rate: f64) -> Wanted {
        let mut wanted = Wanted::ALL;
        for n in 0..100 {
            wanted = thrift.choose(from + n * Duration::from_millis(33), SIZE, rate, 30.0, false);
        }
        wanted
    }

    #[test]
    fn fewer_pictures_come_before_smaller_ones() {
        let start = Instant::now();
        let of = |rate| settled(&mut Thrift::default(), start, rate);
        assert_eq!(of(2.5e6), Wanted::ALL);
        assert_eq!(of(1.2e6), Wanted { pictures: 0.75, scale: (1, 1) });
        assert_eq!(of(0.8e6), Wanted { pictures: 0.5, scale: (1, 1) });
        assert_eq!(of(0.45e6), Wanted { pictures: 0.5, scale: (3, 4) });
        assert_eq!(of(0.25e6), Wanted { pictures: 0.5, scale: (1, 2) });
        assert_eq!(of(0.02e6), Wanted { pictures: 0.5, scale: (3, 16) });
    }

    #[test]
    fn where_none_may_be_left_out_they_get_smaller_at_once() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        for n in 0..100 {
            let now = start + n * Duration::from_millis(33);
            let wanted = thrift.choose(now, SIZE, 0.5e6, 30.0, true);
            assert!(wanted.pictures > 0.99);
        }
        assert_ne!(thrift.step, 0);
    }

    #[test]
    fn it_comes_back_up_when_there_is_room_for_a_while() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        assert_eq!(settled(&mut thrift, start, 0.45e6).scale, (3, 4));
        let later = start + Duration::from_secs(10);
        let wanted = thrift.choose(later, SIZE, 3e6, 30.0, false);
        assert_eq!(wanted.scale, (3, 4), "not at once");
        settled(&mut thrift, later, 3e6);
        let later = later + Duration::from_secs(10);
        assert_eq!(settled(&mut thrift, later, 3e6), Wanted::ALL);
    }

    #[test]
    fn a_larger_picture_waits_for_a_rate_that_carries_its_key_frame() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        assert_eq!(settled(&mut thrift, start, 0.15e6).scale, (3, 8));
        // A quarter of a second at 320 kb/s; of a picture seven times as large it is 1.4 Mb/s.
        assert!(!thrift.is_too_large(10_000, 0.4e6, false));
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(settled(&mut thrift, after(4), 0.35e6).scale, (3, 8));
        assert_eq!(settled(&mut thrift, after(8), 1e6).scale, (3, 4), "not all at once");
        let mut thrift = Thrift::default();
        settled(&mut thrift, start, 0.15e6);
        assert!(!thrift.is_too_large(10_000, 0.4e6, false));
        assert_eq!(settled(&mut thrift, after(8), 3e6), Wanted::ALL, "at once");
    }

    #[test]
    fn no_picture_takes_long_to_send_however_seldom_they_come() {
        let (mut thrift, start) = (Thrift::default(), Instant::now());
        let mut wanted = Wanted::ALL;
        for n in 0..20 {
            let now = start + n * Duration::from_millis(250);
            wanted = thrift.choose(now, SIZE, 0.2e6, 4.0, false);
        }
        let pixels = wanted.side(1280) * wanted.side(720);
        assert!(f64::from(pixels) * BITS_PER_PIXEL / 0.2e6 < 0.1, "{wanted:?}");
    }

    #[test]
    fn a_short_dip_changes_nothing() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        settled(&mut thrift, start, 3e6);
        let dip = start + Duration::from_secs(10);
        assert_eq!(thrift.choose(dip, SIZE, 0.1e6, 30.0, false), Wanted::ALL);
        assert_eq!(settled(&mut thrift, dip, 3e6), Wanted::ALL);
    }

    #[test]
    fn half_of_the_pictures_is_every_other_one() {
        let mut thrift = Thrift::default();
        let wanted = Wanted { pictures: 0.5, scale: (1, 1) };
        let taken = (0..100).filter(|_| thrift.takes(wanted)).count();
        assert_eq!(taken, 50);
        let wanted = Wanted { pictures: 0.75, scale: (1, 1) };
        let taken = (0..100).filter(|_| thrift.takes(wanted)).count();
        assert_eq!(taken, 75);
    }

    #[test]
    fn a_key_frame_that_takes_too_long_makes_pictures_smaller_at_once() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        assert_eq!(settled(&mut thrift, start, 0.45e6).scale, (3, 4));
        assert!(!thrift.is_too_large(12_000, 0.45e6, false));
        assert!(thrift.is_too_large(60_000, 0.45e6, false));
        let now = start + Duration::from_secs(4);
        let wanted = thrift.choose(now, SIZE, 0.45e6, 30.0, false);
        assert!(wanted.side(720) < 540, "{wanted:?}");
    }

    #[test]
    fn pictures_that_cost_too_much_get_smaller() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        assert_eq!(settled(&mut thrift, start, 0.45e6).scale, (3, 4));
        // One in six goes out: it could be six times the share that was thought to do.
        (0..100).for_each(|n| thrift.goes(n % 6 > 0));
        let wanted = settled(&mut thrift, start + Duration::from_secs(4), 0.45e6);
        assert!(wanted.side(720) <= 270, "{wanted:?}");
        // As soon as they all do, they grow again.
        (0..100).for_each(|_| thrift.goes(false));
        let mut wanted = wanted;
        for n in 0..20 {
            wanted = settled(&mut thrift, start + Duration::from_secs(10 + 4 * n), 0.45e6);
        }
        assert!(wanted.side(720) >= 360, "{wanted:?}");
    }

    #[test]
    fn small_pictures_stay_as_they_are() {
        let mut thrift = Thrift::default();
        let start = Instant::now();
        for n in 0..100 {
            let now = start + n * Duration::from_millis(33);
            let wanted = thrift.choose(now, (64, 64), 10e3, 10.0, false);
            assert_eq!(wanted, Wanted::ALL);
        }
    }

    #[test]
    fn sides_stay_even() {
        let wanted = Wanted { pictures: 1.0, scale: (3, 8) };
        assert_eq!((wanted.side(1280), wanted.side(720), wanted.side(854)), (480, 270, 320));
        assert_eq!(Wanted::ALL.side(853), 853);
    }
}
