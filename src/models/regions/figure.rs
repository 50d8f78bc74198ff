//! The whole figure: from an estimate of where it is to what belongs to it.
//!
//! The way of GrabCut (Rother, Kolmogorov and Blake 2004): what is sure teaches the colors of both
//! sides, these and the estimate say of every pixel how likely it is in front, borders go to the
//! edges, and the answer teaches anew. Instead of a cut of a graph, which takes too long for a
//! frame, a random walk draws the borders.

use super::barrier::Opponents;
use super::islands::Islands;
use super::mixture::{Colors, Mixture, costs};
use super::walk::Walk;

/// Rounds of a first look, and of later ones, which begin where the last one ended.
const ROUNDS: (usize, usize) = (7, 1);
/// Sweeps of a walk, likewise.
const SWEEPS: (usize, usize) = (14, 2);
/// From where on an estimate is sure, for the one side and the other.
const SURE: (f32, f32) = (0.04, 0.64);
/// What is learned from: values above and below these.
const LEARNED: (f32, f32) = (0.38, 0.6);
/// The most that colors say, what the estimate counts, and what is sure is worth, as odds.
const COLORS_SAY: f32 = 5.0;
/// How much the colors of a coarse picture are believed.
const GAIN: f32 = 1.4;
const ESTIMATE: f32 = 0.5;
const SURELY: f32 = 4.5;
/// How strongly odds hold a pixel against its neighbours, at the full odds.
const HOLD: f32 = 0.3;
const FULL: f32 = 6.0;

/// Holes of up to such a part of the picture are no holes: something there looks like the ground.
const LAKE: f32 = 0.004;

pub(super) struct Figure {
    /// How far each pixel belongs to it, 0 to 1.
    pub share: Vec<f32>,
    planes: Colors,
    front: Mixture,
    back: Mixture,
    costs: [Vec<f32>; 2],
    weights: Vec<f32>,
    aim: Vec<f32>,
    pull: Vec<f32>,
    walk: Walk,
    islands: Islands,
}

/// What is known of a picture before its figure is looked for.
pub(super) struct Known<'a> {
    pub colors: &'a [Opponents],
    pub width: usize,
    /// The estimate, 0 to 1.
    pub share: &'a [f32],
    /// How well each place is one where things stand, 0 to 1, for the worth of islands.
    pub seats: &'a [f32],
    /// What else speaks for or against a place, as odds.
    pub bias: &'a [f32],
}

impl Figure {
    pub fn new() -> Self {
        Self {
            share: Vec::new(),
            planes: Colors::default(),
            front: Mixture::default(),
            back: Mixture::default(),
            costs: Default::default(),
            weights: Vec::new(),
            aim: Vec::new(),
            pull: Vec::new(),
            walk: Walk::default(),
            islands: Islands::over(1),
        }
    }

    /// Looks for it in the next picture. Pieces worth less than `least` parts of the best are let
    /// go.
    pub fn find(&mut self, known: &Known<'_>, least: f32) {
        let count = known.colors.len();
        let is_new = self.share.len() != count;
        for (c, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(known.colors.iter().map(|color| f32::from(color[c])));
        }
        if is_new {
            self.share.clear();
            self.share.extend_from_slice(known.share);
        }
        self.walk.prepare(known.colors, known.width);
        let pick = |(new, old): (usize, usize)| if is_new { new } else { old };
        for round in 0..pick(ROUNDS) {
            self.learn(is_new && round == 0);
            self.judge(known);
            self.walk.run(&mut self.share, &self.aim, &self.pull, known.width, pick(SWEEPS));
            self.islands.clear(&mut self.share, known.seats, known.width, least);
            let most = (LAKE * count as f32) as usize;
            self.islands.fill_lakes(&mut self.share, known.width, most);
        }
    }

    /// What colors cost in front and behind: the less, the more they are of that side.
    pub fn costs(&self, colors: &Colors, both: &mut [Vec<f32>; 2]) {
        costs([&self.front, &self.back], colors, both);
    }

    /// The colors of the picture, and how well its pixels are reached from their neighbors.
    pub fn seen(&mut self) -> (&Colors, &mut Walk) {
        (&self.planes, &mut self.walk)
    }

    fn learn(&mut self, is_first: bool) {
        let Self { share, planes, front, back, weights, .. } = self;
        weights.clear();
        weights.extend(share.iter().map(|&share| if share > LEARNED.1 { share } else { 0.0 }));
        front.learn(planes, weights, is_first);
        weights.clear();
        weights.extend(share.iter().map(
            |&share| {
                if share < LEARNED.0 { 1.0 - share } else { 0.0 }
            },
        ));
        back.learn(planes, weights, is_first);
    }

    /// What each pixel is drawn to, and how strongly.
    fn judge(&mut self, known: &Known<'_>) {
        let Self { planes, front, back, costs: both, aim, pull, .. } = self;
        costs([front, back], planes, both);
        let [ahead, behind] = &*both;
        aim.clear();
        pull.clear();
        let costs = ahead.iter().zip(behind);
        for ((&share, &bias), (&ahead, &behind)) in known.share.iter().zip(known.bias).zip(costs) {
            let guess = ((share + 0.01) / (1.01 - share)).ln();
            let colors = (GAIN * (behind - ahead)).clamp(-COLORS_SAY, COLORS_SAY);
            let mut odds = colors + ESTIMATE * guess + bias;
            if share > SURE.1 {
                odds = odds.max(SURELY);
            } else if share < SURE.0 {
                odds = odds.min(-SURELY);
            }
            aim.push(1.0 / (1.0 + (-odds).exp()));
            pull.push(HOLD / FULL * odds.abs().min(FULL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (80, 60);

    /// A gray figure that is darker below, before green ground with a gray stone in it.
    fn picture() -> (Vec<Opponents>, impl Fn(usize, usize) -> bool) {
        let figure = |x: usize, y: usize| {
            (30..50).contains(&x) && (10..40).contains(&y)
                || (40..52).contains(&y) && ((31..37).contains(&x) || (43..49).contains(&x))
        };
        let colors = (0..SIZE.0 * SIZE.1)
            .map(|at| {
                let (x, y) = (at % SIZE.0, at / SIZE.0);
                let noise = (at * 7919 % 11) as u8;
                let stone = (5..14).contains(&x) && (35..50).contains(&y);
                match (figure(x, y), stone) {
                    (true, _) => [165 - 3 * (y as u8 / 2) + noise, 128, 126],
                    (_, true) => [96 + noise, 128, 120],
                    _ => [90 + 3 * noise, 104, 170],
                }
            })
            .collect();
        (colors, figure)
    }

    #[test]
    fn legs_are_part_of_the_figure_and_a_stone_is_not() {
        let (colors, figure) = picture();
        // Only the upper part was found, and that with soft borders.
        let share: Vec<f32> = (0..colors.len())
            .map(|at| {
                let (x, y) = ((at % SIZE.0) as f32, (at / SIZE.0) as f32);
                let off = ((x - 40.0) / 15.0).hypot((y - 24.0) / 22.0);
                (1.35 - off).clamp(0.02, 0.98)
            })
            .collect();
        let zeros = vec![0.0; colors.len()];
        let known =
            Known { colors: &colors, width: SIZE.0, share: &share, seats: &share, bias: &zeros };
        let mut found = Figure::new();
        found.find(&known, 0.25);
        let (mut right, mut inside, mut outside) = (0, 0, 0);
        for (at, &share) in found.share.iter().enumerate() {
            match (figure(at % SIZE.0, at / SIZE.0), share > 0.5) {
                (true, true) => right += 1,
                (true, false) => inside += 1,
                (false, true) => outside += 1,
                _ => {}
            }
        }
        assert!(right > 680 && outside < 20, "{right} {inside} {outside}");
    }
}
