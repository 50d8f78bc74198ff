//! The search of [`Patches`]: what a shift costs, and which one is best.

use super::{NEVER, Patches, RADIUS, SIDE, Shift};
use crate::models::operators::{hash, wide};

/// What is farther up or down the picture is less alike: mean squares for its whole height.
const UPRIGHT: f32 = 1500.0;
/// What it may cost to go the way of the neighbors.
const AGREED: (f32, f32) = (1.5, 60.0);
/// What a way of its own costs a place more than that of a neighbor.
const ALONE: (f32, f32) = (1.2, 10.0);

impl Patches {
    #[inline(always)]
    fn cost(&self, at: usize, shift: Shift) -> f32 {
        let stride = self.stride();
        let first = self.inner(at) - RADIUS * stride - RADIUS;
        let other =
            (first as isize + shift[1] as isize * stride as isize + shift[0] as isize) as usize;
        let (mut sum, mut whole) = (0, 0);
        for row in 0..SIDE {
            let a = self.pixels[first + row * stride..][..SIDE].as_flattened();
            let b = self.pixels[other + row * stride..][..SIDE].as_flattened();
            let weights = self.weights[first + row * stride..][..SIDE].as_flattened();
            for ((&a, &b), &weight) in a.iter().zip(b).zip(weights) {
                let off = i32::from(i16::from(a) - i16::from(b));
                sum += off * off * i32::from(weight);
                whole += i32::from(weight);
            }
        }
        let far = f32::from(shift[1].unsigned_abs()) / self.height as f32;
        4.0 * sum as f32 / whole.max(1) as f32 + UPRIGHT * far
    }

    /// Takes the costs of all shifts with the present estimates.
    pub fn measure(&mut self) {
        for number in 0..self.places.len() {
            let at = self.places[number] as usize;
            self.costs[at] = self.present_cost(at);
        }
    }

    /// What the shift of a place costs with the present estimates.
    pub fn present_cost(&self, at: usize) -> f32 {
        let shift = self.shifts[at];
        if self.leads(at, shift) {
            wide(
                #[inline(always)]
                || self.cost(at, shift),
            )
        } else {
            NEVER
        }
    }

    /// Looks for better shifts at those places that are wanted. `gain` is how much better one has to
    /// be, as a part of the cost. Forward or backward by the number of the `turn`.
    pub fn search(
        &mut self,
        turn: u32,
        reach: usize,
        gain: f32,
        wanted: impl Fn(&Self, usize) -> bool,
    ) {
        let (width, height) = (self.width, self.height);
        let backward = turn % 2 == 1;
        let step: isize = if backward { 1 } else { -1 };
        wide(
            #[inline(always)]
            || {
                for number in 0..self.places.len() {
                    let number = if backward { self.places.len() - 1 - number } else { number };
                    let at = self.places[number] as usize;
                    if !wanted(self, at) {
                        continue;
                    }
                    let (x, y) = ((at % width) as isize, (at / width) as isize);
                    let mut best = self.shifts[at];
                    let mut cost = self.costs[at];
                    let mut least = cost * gain;
                    for (dx, dy) in [(step, 0), (0, step)] {
                        let (nx, ny) = (x + dx, y + dy);
                        if nx < 0 || ny < 0 || nx >= width as isize || ny >= height as isize {
                            continue;
                        }
                        let near = ny as usize * width + nx as usize;
                        let shift = self.shifts[near];
                        if shift != best && self.hole[near] && self.leads(at, shift) {
                            let new = self.cost(at, shift);
                            if new < least {
                                (best, cost, least) = (shift, new, new);
                            }
                        }
                    }
                    let mut reach = reach as i32;
                    let mut bits = hash(turn.wrapping_mul(0x51ED_270B), at as u32, 17);
                    while reach >= 1 {
                        bits = hash(bits, at as u32, reach as u32);
                        let span = 2 * reach + 1;
                        let dx = (bits & 0xFFFF) as i32 % span - reach;
                        // Mostly of the same height.
                        let tall = reach.min(1 + reach / 2);
                        let dy = (bits >> 16) as i32 % (2 * tall + 1) - tall;
                        reach /= 2;
                        let shift = [
                            (i32::from(best[0]) + dx).clamp(-9999, 9999) as i16,
                            (i32::from(best[1]) + dy).clamp(-9999, 9999) as i16,
                        ];
                        if shift != best && self.leads(at, shift) {
                            let new = self.cost(at, shift);
                            // A way of its own has to be worth it.
                            if new * ALONE.0 + ALONE.1 < least {
                                (best, cost, least) = (shift, new, new);
                            }
                        }
                    }
                    self.shifts[at] = best;
                    self.costs[at] = cost;
                }
            },
        );
    }

    /// Lets those places that are wanted go the way that most of their neighbors go, where it costs
    /// little more; one that goes its way alone in any case.
    pub fn agree(&mut self, wanted: impl Fn(usize) -> bool) {
        let (width, height) = (self.width as isize, self.height as isize);
        for number in 0..self.places.len() {
            let at = self.places[number] as usize;
            if !wanted(at) {
                continue;
            }
            let (x, y) = (at as isize % width, at as isize / width);
            let mut near = [[0; 2]; 8];
            let mut count = 0;
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)] {
                let (nx, ny) = (x + dx, y + dy);
                if nx >= 0 && ny >= 0 && nx < width && ny < height {
                    let other = (ny * width + nx) as usize;
                    if self.hole[other] {
                        near[count] = self.shifts[other];
                        count += 1;
                    }
                }
            }
            let near = &near[..count];
            let votes = |shift: Shift| near.iter().filter(|&&other| other == shift).count();
            let own = votes(self.shifts[at]);
            let Some(&most) = near.iter().max_by_key(|&&shift| votes(shift)) else { continue };
            if votes(most) > own && self.leads(at, most) {
                let cost = self.cost(at, most);
                let alone = own == 0 && votes(most) > 2;
                if alone || cost < self.costs[at] * AGREED.0 + AGREED.1 {
                    self.shifts[at] = most;
                    self.costs[at] = cost;
                }
            }
        }
    }

    /// Gives every place of the hole without a shift one at random, if there is any.
    pub fn scatter(&mut self, turn: u32) {
        for &at in &self.places {
            let at = at as usize;
            if self.leads(at, self.shifts[at]) {
                continue;
            }
            self.shifts[at] = [0; 2];
            self.costs[at] = NEVER;
            for attempt in 0..64 {
                let bits = hash(turn, at as u32, attempt);
                let x = (bits & 0xFFFF) as isize % self.width as isize;
                // Near its height first.
                let y = (at / self.width) as isize;
                let off = (bits >> 16) as isize % (2 * self.height as isize) - self.height as isize;
                let y = y + off * (attempt as isize + 1) / 64;
                if self.is_source(x, y) {
                    let from = ((at % self.width) as isize, (at / self.width) as isize);
                    self.shifts[at] = [(x - from.0) as i16, (y - from.1) as i16];
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SIZE, patches, tiled};
    use super::*;

    #[test]
    fn costs_are_weighted_mean_squares() {
        let mut patches = patches();
        patches.guess(|at| [at as u8; 4]);
        let clamped = |x: isize, y: isize| {
            let (x, y) = (x.clamp(0, SIZE.0 as isize - 1), y.clamp(0, SIZE.1 as isize - 1));
            patches.pixel(y as usize * SIZE.0 + x as usize)
        };
        for (at, shift) in [(15 * SIZE.0 + 20, [-12, 0]), (10 * SIZE.0 + 14, [-13, 5_i16])] {
            let (x, y) = ((at % SIZE.0) as isize, (at / SIZE.0) as isize);
            let (mut sum, mut whole) = (0.0, 0.0);
            let reach = RADIUS as isize;
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let (px, py) = (x + dx, y + dy);
                    let weight = f64::from(
                        patches.weights[patches.inner(py as usize * SIZE.0 + px as usize)][0],
                    );
                    let (a, b) = (
                        clamped(px, py),
                        clamped(px + isize::from(shift[0]), py + isize::from(shift[1])),
                    );
                    for (a, b) in a.into_iter().zip(b) {
                        sum += weight * (f64::from(a) - f64::from(b)).powi(2);
                    }
                    whole += weight;
                }
            }
            let far = f64::from(shift[1].unsigned_abs()) / SIZE.1 as f64;
            let wanted = sum / whole + f64::from(UPRIGHT) * far;
            let cost = f64::from(patches.cost(at, shift));
            assert!((cost - wanted).abs() < 1e-4 * wanted, "{cost} {wanted}");
        }
    }

    #[test]
    fn what_repeats_is_found() {
        let mut patches = patches();
        patches.scatter(1);
        for layer in 1..=patches.depth() {
            patches.reveal(layer);
            patches.measure();
            for turn in 0..6 {
                patches.search(turn, 40, 1.0, |patches, at| patches.depth_at(at) == layer);
            }
            patches.reveal(layer + 1);
            patches.vote(0, 1);
        }
        patches.reveal(u8::MAX);
        for turn in 0..6 {
            patches.measure();
            patches.search(turn, 40, 1.0, |_, _| true);
            patches.agree(|_| true);
            patches.vote(0, 1);
        }
        let right = |&&at: &&u32| patches.pixel(at as usize) == tiled(at as usize);
        let found = patches.places.iter().filter(right).count();
        assert!(found * 10 > patches.places.len() * 9, "{found} of {}", patches.places.len());
    }
}
