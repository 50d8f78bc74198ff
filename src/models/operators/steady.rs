//! Keeps still what only the noise of a camera moves.
//!
//! A recursive temporal filter whose strength follows the change, after Dubois and Sabri, "Noise
//! reduction in image sequences using motion-compensated temporal filtering" (1984), without
//! compensation: where there is motion it lets the frame through.

use super::brief::Brief;
use super::image::{Image, Plane};
use super::shade::{ramp, shade};

/// Changes up to this many levels are taken for noise, and from [`MOTION`] on for motion.
const NOISE: f32 = 4.0;
const MOTION: f32 = 13.0;
/// The part of a change that is taken over from noise.
const PART: f32 = 0.22;

#[derive(Default)]
pub(in crate::models) struct Steady {
    last: Image,
}

impl Steady {
    /// Replaces `frame` by the steadied one. A still picture comes out as it went in.
    pub fn apply(&mut self, frame: &mut Image) {
        self.look(frame);
        frame.copy_from(&self.last);
    }

    /// Takes the next frame; [`Self::seen`] is then the steadied one.
    pub fn look(&mut self, frame: &Image) {
        if (self.last.width(), self.last.height()) != (frame.width(), frame.height()) {
            self.last.copy_from(frame);
            return;
        }
        let mut made = Brief::<Plane>::like(&frame.planes[0]);
        for (frame, last) in frame.planes.iter().zip(&mut self.last.planes) {
            shade(
                [frame, &*last],
                [&mut made],
                #[inline(always)]
                |_| {
                    #[inline(always)]
                    |_, [new, old]| {
                        let change = new - old;
                        let part = PART + (1.0 - PART) * ramp(change.abs(), NOISE, MOTION);
                        [old + change * part]
                    }
                },
            );
            std::mem::swap(last, &mut made);
        }
    }

    pub fn seen(&self) -> &Image {
        &self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(level: impl Fn(usize) -> u8) -> Image {
        Image { planes: std::array::from_fn(|_| Plane::of(40, 3, |x, _| level(x))) }
    }

    #[test]
    fn still_pictures_stay_and_moving_ones_pass() {
        let mut steady = Steady::default();
        for _ in 0..4 {
            let mut frame = gray(|x| (x * 6) as u8);
            steady.apply(&mut frame);
            assert_eq!(frame, gray(|x| (x * 6) as u8));
        }
        let mut other = gray(|x| 255 - (x * 3) as u8);
        steady.apply(&mut other);
        let far = |x: usize| (255 - x as i32 * 3 - x as i32 * 6).abs() > 16;
        let wanted = gray(|x| 255 - (x * 3) as u8);
        for x in (0..40).filter(|&x| far(x)) {
            assert!((other.color(x, 1)[0] - wanted.color(x, 1)[0]).abs() <= 1.0);
        }
    }

    #[test]
    fn noise_becomes_less() {
        let mut steady = Steady::default();
        let mut swings = [0_u32; 2];
        let mut before = [0_u8; 2];
        for tick in 0..60_u32 {
            let noise = (tick.wrapping_mul(2_654_435_761) >> 24 & 3) as u8;
            let mut frame = gray(|_| 100 + noise);
            steady.apply(&mut frame);
            let now = [100 + noise, frame.planes[0].data[0]];
            if tick > 10 {
                for at in 0..2 {
                    swings[at] += u32::from(now[at].abs_diff(before[at]));
                }
            }
            before = now;
        }
        assert!(swings[1] * 3 < swings[0], "{swings:?}");
    }
}
