//! The hair around a face: the colors that grow where hair is sure to, against those of the face
//! and of the clothes, drawn to the edges of the picture.
//!
//! As in [`super::figure`]: two mixtures of Gaussians after Rother, Kolmogorov and Blake, "GrabCut"
//! (2004), and a random walk instead of a cut.

use super::face::Face;
use super::mixture::{Colors, Mixture, costs};
use super::walk::Walk;
use crate::models::operators::{ramp, smooth};

/// The most that colors say, as odds, and how much the colors of a coarse picture are believed.
const COLORS_SAY: f32 = 4.0;
const GAIN: f32 = 1.2;
/// What is sure by its place, as odds.
const SURELY: f32 = 6.0;
/// How strongly odds hold a pixel against its neighbours, at the full odds.
const HOLD: f32 = 0.3;
/// Sweeps of the walk with a first look, and with later ones.
const SWEEPS: (usize, usize) = (12, 2);

#[derive(Default)]
pub(super) struct Hair {
    /// How far each pixel is hair, 0 to 1.
    pub share: Vec<f32>,
    hair: Mixture,
    other: Mixture,
    costs: [Vec<f32>; 2],
    weights: [Vec<f32>; 2],
    places: Vec<f32>,
    /// Where the figure begins in each column, below the middle of the face, in its heights.
    tops: Vec<f32>,
    aim: Vec<f32>,
    pull: Vec<f32>,
}

impl Hair {
    /// Looks for it around a face, within a figure, whose share of each pixel is given. `walk` knows
    /// the picture.
    pub fn find(
        &mut self,
        (colors, walk): (&Colors, &mut Walk),
        width: usize,
        face: Face,
        figure: &[f32],
    ) {
        let is_new = self.share.len() != figure.len();
        self.place(width, face, figure);
        let [grown, bare] = &self.weights;
        self.hair.learn(colors, grown, is_new);
        self.other.learn(colors, bare, is_new);
        costs([&self.hair, &self.other], colors, &mut self.costs);
        self.aim.clear();
        self.pull.clear();
        let [hair, other] = &self.costs;
        let costs = hair.iter().zip(other);
        for ((&place, &inside), (&hair, &other)) in self.places.iter().zip(figure).zip(costs) {
            let color = (GAIN * (other - hair)).clamp(-COLORS_SAY, COLORS_SAY);
            let odds = (place + color).min(SURELY * (2.0 * inside - 0.9));
            self.aim.push(1.0 / (1.0 + (-odds).exp()));
            self.pull.push(HOLD * odds.abs().min(SURELY) / SURELY);
        }
        if is_new {
            self.share.clone_from(&self.aim);
        }
        let sweeps = if is_new { SWEEPS.0 } else { SWEEPS.1 };
        walk.run(&mut self.share, &self.aim, &self.pull, width, sweeps);
    }

    /// What the place of each pixel says, and what is learned from.
    fn place(&mut self, width: usize, face: Face, figure: &[f32]) {
        let [grown, bare] = &mut self.weights;
        let tops = &mut self.tops;
        for list in [&mut self.places, &mut *tops, &mut *grown, &mut *bare] {
            list.clear();
        }
        for (at, &inside) in figure.iter().enumerate() {
            let (x, y) = ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
            let (dx, dy) = ((x - face.x) / face.tall, (y - face.y) / face.tall);
            let skull = (dx / 0.6).hypot((dy + 0.14) / 0.9);
            let mask = (dx / 0.38).hypot((dy - 0.1) / 0.62);
            // Below the eyes, brows and lips are dark as well; long hair hangs beside them.
            let features = (dx / 0.3).hypot((dy - 0.15) / 0.42);
            let mut odds = 1.5 * smooth(mask, 0.8, 1.25) - 0.5 - 3.0 * smooth(skull, 1.0, 1.3);
            odds -= SURELY * smooth(features, 1.0, 0.8);
            odds -= 2.0 * smooth(dy, 0.3, 0.6) + SURELY * smooth(dy, 1.0, 1.3);
            self.places.push(odds);
            let sure = ramp(inside, 0.6, 0.9);
            let below = smooth(dy, 0.5, 0.6) * smooth(dx.abs(), 0.3, 0.2);
            // Right under the outline of the head, also where it leans.
            if at < width {
                tops.push(f32::MAX);
            }
            let top = &mut tops[at % width];
            if inside > 0.8 {
                *top = top.min(dy);
            }
            let under = smooth(dy - *top, 0.24, 0.18) * smooth(*top, -0.15, -0.3);
            grown.push(under * smooth(dx.abs(), 0.45, 0.35) * sure);
            bare.push(smooth(features, 0.85, 0.75).max(below) * sure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::barrier::Opponents;
    use super::*;

    const WIDTH: usize = 160;
    const FACE: Face = Face { x: 70.0, y: 44.0, tall: 36.0 };

    /// A head that leans by `lean`: its parts, from a place in the picture.
    fn part(x: f32, y: f32, lean: f32) -> &'static str {
        let (dx, dy) = (x - 70.0, y - 44.0);
        let (sin, cos) = lean.sin_cos();
        let (dx, dy) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let eye = (dx.abs() - 6.0).hypot(dy + 3.0) < 2.0;
        let face = (dx / 13.0).hypot((dy - 3.0) / 18.0) < 1.0;
        let hair = (dx / 17.0).hypot((dy + 5.0) / 23.0) < 1.0 && dy < 8.0;
        match (eye, face, hair) {
            (true, ..) => "eye",
            (_, true, _) => "face",
            (.., true) => "hair",
            _ if dx.abs() < 8.0 && (18.0..26.0).contains(&dy) => "neck",
            _ if dy >= 26.0 && dx.abs() < 34.0 => "clothes",
            _ => "wall",
        }
    }

    fn look_at(hair: &mut Hair, colors: &[Opponents], width: usize, face: Face, figure: &[f32]) {
        let planes: Colors =
            std::array::from_fn(|c| colors.iter().map(|color| f32::from(color[c])).collect());
        let mut walk = Walk::default();
        walk.prepare(colors, width);
        hair.find((&planes, &mut walk), width, face, figure);
    }

    fn check(lean: f32, hair: Opponents) {
        let places =
            || (0..WIDTH * 88).map(|at| ((at % WIDTH) as f32 + 0.5, (at / WIDTH) as f32 + 0.5));
        let colors: Vec<Opponents> = places()
            .enumerate()
            .map(|(at, (x, y))| {
                let noise = (at * 7919 % 9) as u8;
                let [light, a, b] = match part(x, y, lean) {
                    "face" | "neck" => [168, 150, 160],
                    "hair" => hair,
                    "eye" => [50, 132, 134],
                    "clothes" => [40, 128, 128],
                    _ => [120, 126, 122],
                };
                [light + noise, a, b]
            })
            .collect();
        let figure: Vec<f32> =
            places().map(|(x, y)| if part(x, y, lean) == "wall" { 0.0 } else { 1.0 }).collect();
        let mut found = Hair::default();
        for look in 0..6 {
            look_at(&mut found, &colors, WIDTH, FACE, &figure);
            let mut wrong = [0, 0];
            let mut all = 0;
            for ((x, y), &share) in places().zip(&found.share) {
                let is_hair = part(x, y, lean) == "hair";
                all += usize::from(is_hair);
                wrong[usize::from(is_hair)] += usize::from((share > 0.5) != is_hair);
            }
            assert!(wrong[0] * 12 < all && wrong[1] * 12 < all, "{look}: {wrong:?} of {all}");
        }
    }

    #[test]
    fn dark_hair_is_found_and_dark_eyes_and_clothes_are_not() {
        check(0.0, [60, 134, 138]);
    }

    #[test]
    fn fair_hair_is_told_from_skin() {
        check(0.0, [140, 138, 172]);
    }

    #[test]
    fn cheeks_of_a_head_that_leans_are_no_hair() {
        for lean in [-0.3, 0.3] {
            check(lean, [60, 134, 138]);
        }
    }

    #[test]
    fn any_size_is_taken() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 5)] {
            let mut hair = Hair::default();
            let count = width * height;
            let face = Face { x: 2.0, y: 2.0, tall: 4.0 };
            for _ in 0..2 {
                look_at(&mut hair, &vec![[90; 3]; count], width, face, &vec![1.0; count]);
                assert!(hair.share.iter().all(|share| (0.0..=1.0).contains(share)));
            }
        }
    }
}
