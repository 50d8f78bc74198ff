//! A hole in a small picture, completed by copying from elsewhere in it.
//!
//! Coarse to fine after Wexler, Shechtman and Irani, "Space-time completion of video" (2007), with the
//! search of [`Patches`]. What was found is kept from frame to frame: places are looked at again when
//! what they copy has gone, or no longer fits.

use super::patches::{NEVER, Patches, Pixel};

/// Pictures are halved down to this height or width.
const SMALLEST: usize = 20;
/// With less of the picture to copy from, nothing is copied.
const LEAST: f32 = 0.02;
/// A shift is worse than it was when it costs this many times as much, and so much more.
const WORSE: (f32, f32) = (1.6, 60.0);
/// In so many frames all places are looked at.
const PARTS: usize = 4;
/// Rounds of search on each picture, from the finest.
const ROUNDS: [u32; 3] = [1, 3, 8];
/// How far is searched around what was found on a smaller picture.
const NEAR: usize = 4;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::models) enum Completed {
    /// There is too little to copy from.
    Not,
    /// From nothing.
    Anew,
    /// As the frame before, but for what changed.
    Again,
}

#[derive(Default)]
pub(in crate::models) struct Completion {
    levels: Vec<Patches>,
    worse: Vec<bool>,
    turn: u32,
    begun: bool,
}

impl Completion {
    /// Takes the next frame. `usable` are the columns and rows that may be copied.
    pub fn update(
        &mut self,
        size: (usize, usize),
        usable: (usize, usize),
        pixel: impl Fn(usize) -> Pixel,
        hole: impl Fn(usize) -> bool,
    ) -> Completed {
        if self.levels.is_empty() {
            self.levels.push(Patches::default());
        }
        let finest = &mut self.levels[0];
        let fresh = !self.begun || (finest.width, finest.height) != size;
        finest.set(size, usable, pixel, hole);
        let count = finest.hole.len();
        if finest.places.len() * 4 > count * 3 || (finest.sources() as f32) < LEAST * count as f32 {
            self.begun = false;
            return Completed::Not;
        }
        if finest.places.is_empty() || (!fresh && self.follow()) {
            return Completed::Again;
        }
        self.begin();
        self.begun = true;
        Completed::Anew
    }

    /// The places of the hole, their shifts, and what they should look like.
    pub fn patches(&self) -> &Patches {
        &self.levels[0]
    }

    /// Completes from nothing.
    fn begin(&mut self) {
        let mut depth = 1;
        loop {
            let (above, below) = self.levels.split_at_mut(depth);
            let above = &above[depth - 1];
            if depth >= ROUNDS.len() || above.width.min(above.height) < 2 * SMALLEST {
                break;
            }
            if let Some(half) = below.first_mut() {
                above.halve_to(half);
            } else {
                let mut half = Patches::default();
                above.halve_to(&mut half);
                self.levels.push(half);
            }
            if self.levels[depth].sources() == 0 {
                break;
            }
            depth += 1;
        }
        for at in (0..depth).rev() {
            let (level, below) = self.levels[at..].split_first_mut().unwrap();
            let all = level.width.max(level.height);
            let reach = if at == depth - 1 { all } else { NEAR };
            if at == depth - 1 {
                level.shifts.fill([0; 2]);
                level.scatter(7);
                // From the border inward: what is found there is known to what lies deeper.
                for layer in 1..=level.depth() {
                    level.reveal(layer);
                    level.measure();
                    for turn in 0..4 {
                        level.search(turn, all, 1.0, |level, at| level.depth_at(at) == layer);
                    }
                    level.reveal(layer + 1);
                    level.vote(0, 1);
                }
                level.reveal(u8::MAX);
            } else {
                level.refine_from(&below[0]);
                level.scatter(7);
            }
            for round in 0..ROUNDS[at] {
                level.measure();
                level.search(2 * round, reach, 1.0, |_, _| true);
                level.search(2 * round + 1, reach, 1.0, |_, _| true);
                level.vote(0, 1);
            }
            for _ in 0..2 {
                level.measure();
                for _ in 0..3 {
                    level.agree(|_| true);
                }
                level.vote(0, 1);
            }
            // Until costs and estimates fit each other.
            for _ in 0..3 {
                level.measure();
                level.vote(0, 1);
            }
        }
        self.turn = 0;
    }

    /// Goes on with what was found for the last frame; false if little of that is left.
    fn follow(&mut self) -> bool {
        let level = &mut self.levels[0];
        let all = level.width.max(level.height);
        self.turn = self.turn.wrapping_add(1);
        self.worse.clear();
        self.worse.resize(level.hole.len(), false);
        let mut lost = 0;
        for &at in &level.places {
            let at = at as usize;
            if !level.leads(at, level.shifts[at]) {
                level.shifts[at] = [0; 2];
                level.costs[at] = NEVER;
                self.worse[at] = true;
                lost += 1;
            }
        }
        if lost * 2 > level.places.len() {
            return false;
        }
        if lost > 0 {
            for turn in 0..2 {
                level.search(self.turn + turn, all, 1.0, |level, at| level.costs[at] >= NEVER);
            }
            level.scatter(self.turn);
            let worse = &self.worse;
            level.agree(|at| worse[at]);
        }
        // Some of the places at a time.
        let turn = self.turn as usize % PARTS;
        level.vote(turn, PARTS);
        let (mut worse, mut count) = (0, 0);
        for &at in level.places.iter().skip(turn).step_by(PARTS) {
            let at = at as usize;
            let cost = level.present_cost(at);
            if cost > level.costs[at] * WORSE.0 + WORSE.1 {
                self.worse[at] = true;
                level.costs[at] = cost;
                worse += 1;
            }
            count += 1;
        }
        if worse > 0 {
            if worse * 3 > count * 2 {
                return false;
            }
            let worse = &self.worse;
            for turn in 0..2 {
                level.search(self.turn + turn, all, 0.75, |_, at| worse[at]);
            }
            level.agree(|at| worse[at]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::hash;

    const SIZE: (usize, usize) = (96, 64);

    /// Stripes on the left, noise on the right, moved by `tick`.
    fn pixel(at: usize, tick: usize) -> Pixel {
        let (x, y) = ((at % SIZE.0 + tick) as u32, (at / SIZE.0) as u32);
        if x < 60 { [if y % 8 < 4 { 60 } else { 180 }; 4] } else { hash(1, x, y).to_le_bytes() }
    }

    fn hole(at: usize) -> bool {
        (20..45).contains(&(at % SIZE.0)) && (18..50).contains(&(at / SIZE.0))
    }

    fn off(completion: &Completion, tick: usize) -> f64 {
        let patches = completion.patches();
        let sum: u32 = patches
            .places
            .iter()
            .map(|&at| {
                let at = at as usize;
                u32::from(patches.pixel(at)[0].abs_diff(pixel(at, tick)[0]))
            })
            .sum();
        f64::from(sum) / patches.places.len() as f64
    }

    #[test]
    fn what_is_around_goes_on_and_is_kept_for_the_next_frame() {
        let mut completion = Completion::default();
        assert_eq!(completion.update(SIZE, SIZE, |at| pixel(at, 0), hole), Completed::Anew);
        assert!(off(&completion, 0) < 10.0, "{}", off(&completion, 0));
        let shifts = completion.patches().shifts.clone();
        assert_eq!(completion.update(SIZE, SIZE, |at| pixel(at, 0), hole), Completed::Again);
        assert_eq!(completion.patches().shifts, shifts);
        assert_eq!(completion.update(SIZE, SIZE, |at| pixel(at, 2), hole), Completed::Again);
        assert!(off(&completion, 2) < 10.0);
    }

    #[test]
    fn another_picture_is_completed_anew() {
        let mut completion = Completion::default();
        completion.update(SIZE, SIZE, |at| pixel(at, 0), hole);
        let other = |at: usize| [if at % 12 < 6 { 250 } else { 10 }; 4];
        assert_eq!(completion.update(SIZE, SIZE, other, hole), Completed::Anew);
    }

    #[test]
    fn a_hole_that_moves_takes_nothing_from_where_it_has_come_to() {
        let mut completion = Completion::default();
        for tick in 0..20 {
            let moved = |at: usize| at >= tick && hole(at - tick);
            let done = completion.update(SIZE, SIZE, |at| pixel(at, 0), moved);
            assert_eq!(done == Completed::Anew, tick == 0, "{tick}");
            let patches = completion.patches();
            for &at in &patches.places {
                let at = at as usize;
                assert!(patches.leads(at, patches.shifts[at]), "{tick}: {at}");
            }
        }
    }

    #[test]
    fn with_little_to_copy_from_nothing_is_done() {
        let mut completion = Completion::default();
        let hole = |at: usize| !at.is_multiple_of(6);
        assert_eq!(completion.update(SIZE, SIZE, |at| pixel(at, 0), hole), Completed::Not);
        for size in [(1, 1), (7, 1), (1, 9)] {
            assert_eq!(
                completion.update(size, size, |at| pixel(at, 0), |at| at == 0),
                Completed::Not
            );
        }
        assert_eq!(completion.update(SIZE, SIZE, |at| pixel(at, 0), |_| false), Completed::Again);
    }
}
