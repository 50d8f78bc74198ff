//! The borders of an estimate, looked at twice as large.
//!
//! Fingers and ears are thinner than the pixels of a small picture. Where the estimate changes, the
//! colors of both sides are asked again in the picture twice as large, and what they say is drawn to
//! its edges by a short walk as in [`super::walk`].

use super::barrier::Opponents;
use super::figure::Figure;
use super::mixture::Colors;
use crate::models::operators::{Image, mix};

/// Values within a pixel's neighbourhood differ at least so much at a border.
const BORDER: f32 = 0.2;
/// The most that colors say, as odds, and what the estimate counts.
const COLORS_SAY: f32 = 4.0;
const GAIN: f32 = 1.4;
const ESTIMATE: f32 = 1.0;
/// How strongly odds hold a pixel against its neighbours.
const HOLD: f32 = 0.25;
/// The contrast, squared, at which a neighbour counts half.
const CONTRAST: f32 = 160.0;
const SWEEPS: usize = 3;

#[derive(Default)]
pub(super) struct Finer {
    /// The estimate, 0 to 1, of the size of the larger picture.
    pub share: Vec<f32>,
    border: Vec<bool>,
    /// Pixels of the borders, their colors, what these cost, and what they are drawn to.
    places: Vec<u32>,
    colors: Vec<Opponents>,
    planes: Colors,
    costs: [Vec<f32>; 2],
    aim: Vec<f32>,
}

impl Finer {
    /// Takes `coarse`, of `width` pixels a row, to the size of `image`, which is twice as large.
    pub fn refine(
        &mut self,
        coarse: &[f32],
        width: usize,
        image: &Image,
        figure: &Figure,
        sure: f32,
    ) {
        let large = (image.width(), image.height());
        self.find_borders(coarse, width);
        self.grow(coarse, width, image, large);
        let opponents = |color: &Opponents, c: usize| f32::from(color[c]);
        for (c, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(self.places.iter().map(|&at| opponents(&self.colors[at as usize], c)));
        }
        figure.costs(&self.planes, &mut self.costs);
        let [ahead, behind] = &self.costs;
        self.aim.clear();
        for (&at, (&ahead, &behind)) in self.places.iter().zip(ahead.iter().zip(behind)) {
            let share = self.share[at as usize];
            let guess = ((share + 0.02) / (1.02 - share)).ln();
            let colors = (GAIN * (behind - ahead)).clamp(-COLORS_SAY, COLORS_SAY) * sure;
            self.aim.push(colors + ESTIMATE * guess);
        }
        for sweep in 0..SWEEPS {
            for step in 0..self.places.len() {
                let step = if sweep % 2 == 0 { step } else { self.places.len() - 1 - step };
                self.draw(step, large);
            }
        }
    }

    /// Marks where the coarse estimate changes.
    fn find_borders(&mut self, coarse: &[f32], width: usize) {
        let height = coarse.len() / width.max(1);
        self.border.clear();
        for y in 0..height {
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            for x in 0..width {
                let columns = x.saturating_sub(1)..(x + 2).min(width);
                let (mut least, mut most) = (1.0_f32, 0.0_f32);
                for row in rows.clone() {
                    for &value in &coarse[row * width..][columns.clone()] {
                        least = least.min(value);
                        most = most.max(value);
                    }
                }
                self.border.push(most - least > BORDER);
            }
        }
    }

    /// Brings the estimate to the larger size, straight between its pixels, and lists the borders.
    fn grow(&mut self, coarse: &[f32], width: usize, image: &Image, large: (usize, usize)) {
        let height = coarse.len() / width.max(1);
        self.places.clear();
        // Room for all, so that no later frame needs more.
        let count = large.0 * large.1;
        self.places.reserve(count);
        let lists = self.planes.iter_mut().chain(&mut self.costs);
        for list in lists.chain([&mut self.aim, &mut self.share]) {
            list.clear();
            list.reserve(count);
        }
        self.colors.resize(count, [0; 3]);
        let [red, green, blue] = &image.planes;
        for y in 0..large.1 {
            let (near_y, far_y) = pair(y, height);
            for x in 0..large.0 {
                let (near_x, far_x) = pair(x, width);
                let near = near_y * width + near_x;
                let upper = mix(coarse[near], coarse[near_y * width + far_x], 0.25);
                let lower =
                    mix(coarse[far_y * width + near_x], coarse[far_y * width + far_x], 0.25);
                self.share.push(mix(upper, lower, 0.25));
                let at = y * large.0 + x;
                self.colors[at] =
                    super::foreground::opponents([red.data[at], green.data[at], blue.data[at]]);
                if self.border[near] {
                    self.places.push(at as u32);
                }
            }
        }
    }

    /// Draws one of the pixels to its aim and its neighbours.
    fn draw(&mut self, step: usize, (width, height): (usize, usize)) {
        let (at, odds) = (self.places[step] as usize, self.aim[step]);
        let (x, y) = (at % width, at / width);
        let own = self.colors[at];
        let pull = HOLD * odds.abs();
        let mut sum = pull / (1.0 + (-odds).exp());
        let mut whole = pull;
        for (next, is_in) in [
            (at.wrapping_sub(1), x > 0),
            (at + 1, x + 1 < width),
            (at.wrapping_sub(width), y > 0),
            (at + width, y + 1 < height),
        ] {
            if is_in {
                let other = self.colors[next];
                let off: u32 = (0..3).map(|c| u32::from(own[c].abs_diff(other[c])).pow(2)).sum();
                let alike = CONTRAST / (CONTRAST + off as f32);
                sum += self.share[next] * alike;
                whole += alike;
            }
        }
        self.share[at] = sum / whole.max(1e-6);
    }
}

/// The coarse pixel that a fine one lies in, and the one it lies towards.
#[inline(always)]
fn pair(at: usize, count: usize) -> (usize, usize) {
    let near = (at / 2).min(count - 1);
    let far = if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(count - 1) };
    (near, far)
}

#[cfg(test)]
mod tests {
    use super::super::figure::Known;
    use super::*;
    use crate::models::operators::Plane;

    #[test]
    fn what_is_thin_gets_its_borders_back() {
        // A gray figure with an ear of three pixels on green ground.
        let inside =
            |x: usize, y: usize| (30..50).contains(&x) && y > 20 || (38..41).contains(&x) && y > 6;
        let level = |c: usize| {
            move |x: usize, y: usize| {
                if inside(x, y) { [150, 150, 152][c] } else { [80, 130, 50][c] }
            }
        };
        let image = Image { planes: std::array::from_fn(|c| Plane::of(80, 60, level(c))) };
        let at = |x: usize, y: usize| image.planes.each_ref().map(|plane| plane.row(y)[x]);
        let places = || (0..40 * 30).map(|at| (at % 40 * 2, at / 40 * 2));
        let colors: Vec<Opponents> =
            places().map(|(x, y)| super::super::foreground::opponents(at(x, y))).collect();
        // The coarse estimate is blurred.
        let coarse: Vec<f32> = places()
            .map(|(x, y)| {
                let around = (0..49).filter(|step| {
                    inside((x + step % 7).saturating_sub(3), (y + step / 7).saturating_sub(3))
                });
                around.count() as f32 / 49.0
            })
            .collect();
        let zeros = vec![0.0; coarse.len()];
        let mut figure = Figure::new();
        let known =
            Known { colors: &colors, width: 40, share: &coarse, seats: &coarse, bias: &zeros };
        figure.find(&known, 0.25);
        let mut finer = Finer::default();
        finer.refine(&coarse, 40, &image, &figure, 1.0);
        let wrong = (0..80 * 60).filter(|at| (finer.share[*at] > 0.5) != inside(at % 80, at / 80));
        let wrong = wrong.count();
        assert!(wrong < 40, "{wrong} pixels are on the wrong side");
    }

    #[test]
    fn any_size_is_taken() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 5)] {
            let coarse = vec![0.4; width * height];
            let plane = Plane::filled(width * 2 - 1, height * 2 - 1, 90);
            let image = Image { planes: std::array::from_fn(|_| plane.clone()) };
            let mut finer = Finer::default();
            finer.refine(&coarse, width, &image, &Figure::new(), 1.0);
            assert!(finer.share.iter().all(|share| (share - 0.4).abs() < 1e-5));
        }
    }
}
