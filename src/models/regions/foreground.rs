//! Where the person, or whatever the picture is about, is.
//!
//! No network: evidence is put together as odds. A seat in the middle, as people take it before a
//! camera; what stands out from the border (the barrier distance of Zhang and others, "Minimum
//! barrier salient object detection at 80 FPS" (2015)); skin; motion; and then what has the colors
//! of the one side or the other, by two color histograms as in Rother, Kolmogorov and Blake,
//! "GrabCut" (2004), without the cut. Histograms and the result follow their predecessors slowly,
//! so that the estimate is stable over time.

use super::color::{Members, hinted};
use crate::models::operators::{Blur, Double, Image, Plane, halve_image, ramp, smooth};

/// The width up to which a picture is halved before it is looked at.
const LOOKED_AT: usize = 240;
/// Bins to a channel.
const BINS: usize = 10;
const COLORS: usize = BINS * BINS * BINS;
/// How much of the new estimate is taken over with every frame.
const FOLLOW: f32 = 0.3;

pub(super) struct Foreground {
    /// 0 to 255, of the size of the frame.
    pub plane: Plane,
    /// What moves, likewise; filled on request.
    pub motion: Plane,
    steps: Vec<Image>,
    /// How many of `steps` belong to the present size.
    depth: usize,
    skin: Members,
    skin_fit: Plane,
    barrier: Vec<f32>,
    high: Vec<u8>,
    low: Vec<u8>,
    luma: Plane,
    usual: Vec<f32>,
    active: Vec<f32>,
    seat: Vec<f32>,
    odds: Vec<f32>,
    share: Vec<f32>,
    front: Vec<f32>,
    back: Vec<f32>,
    scratch: Vec<f32>,
    small: Plane,
    smoothed: Plane,
    grown: [Plane; 2],
    blur: Blur,
    double: Double,
}

impl Foreground {
    pub fn new() -> Self {
        Self {
            plane: Plane::default(),
            motion: Plane::default(),
            steps: Vec::new(),
            depth: 0,
            skin: Members::of(|lab| hinted("skin", lab).unwrap_or_default()),
            skin_fit: Plane::default(),
            barrier: Vec::new(),
            high: Vec::new(),
            low: Vec::new(),
            luma: Plane::default(),
            usual: Vec::new(),
            active: Vec::new(),
            seat: Vec::new(),
            odds: Vec::new(),
            share: Vec::new(),
            front: vec![0.0; COLORS],
            back: vec![0.0; COLORS],
            scratch: vec![0.0; COLORS],
            small: Plane::default(),
            smoothed: Plane::default(),
            grown: Default::default(),
            blur: Blur::default(),
            double: Double::default(),
        }
    }

    /// Looks at the next frame.
    pub fn measure(&mut self, frame: &Image) {
        self.shrink(frame);
        let is_new = self.share.len() != self.luma.data.len();
        if is_new {
            self.begin();
        }
        self.move_on(is_new);
        self.stand_out();
        self.weigh();
        for round in 0..2 {
            self.learn(is_new && round == 0);
            self.judge();
        }
        self.settle(is_new);
        let mut plane = std::mem::take(&mut self.plane);
        let small = std::mem::take(&mut self.small);
        self.grow(frame, &small, &mut plane);
        (self.plane, self.small) = (plane, small);
    }

    /// Fills `motion` after [`Self::measure`].
    pub fn measure_motion(&mut self, frame: &Image) {
        let mut small = std::mem::take(&mut self.smoothed);
        small.fit_to(&self.luma);
        for (level, &active) in small.data.iter_mut().zip(&self.active) {
            *level = (active * 510.0).min(255.0) as u8;
        }
        let mut plane = std::mem::take(&mut self.motion);
        self.grow(frame, &small, &mut plane);
        (self.motion, self.smoothed) = (plane, small);
    }

    /// Halves the frame until it is small.
    fn shrink(&mut self, frame: &Image) {
        let mut width = frame.width();
        let mut depth = 0;
        while depth == 0 || width > LOOKED_AT {
            if self.steps.len() <= depth {
                self.steps.push(Image::default());
            }
            let (above, below) = self.steps.split_at_mut(depth);
            halve_image(above.last().unwrap_or(frame), &mut below[0]);
            width = below[0].width();
            depth += 1;
        }
        let looked_at = &self.steps[depth - 1];
        looked_at.luma(&mut self.luma);
        self.skin.measure(looked_at, &mut self.skin_fit);
        self.depth = depth;
    }

    fn begin(&mut self) {
        let (width, height) = (self.luma.width, self.luma.height);
        let count = width * height;
        for values in [&mut self.barrier, &mut self.odds, &mut self.share, &mut self.active] {
            values.clear();
            values.resize(count, 0.0);
        }
        self.usual.clear();
        self.usual.extend(self.luma.data.iter().map(|&level| f32::from(level)));
        self.seat.clear();
        for y in 0..height {
            let v = (y as f32 + 0.5) / height as f32;
            for x in 0..width {
                let u = (x as f32 + 0.5) / width as f32 * 2.0 - 1.0;
                // Head and shoulders, wider towards the bottom.
                let reach = 0.3 + 0.34 * smooth(v, 0.3, 0.85);
                let inside = (-(u / reach).powi(2)).exp() * smooth(v, -0.12, 0.25);
                self.seat.push((inside * 4.4 - 2.7).clamp(-2.6, 1.7));
            }
        }
        self.front.fill(0.0);
        self.back.fill(0.0);
    }

    /// What moves against what is usually seen at its place.
    fn move_on(&mut self, is_new: bool) {
        if is_new {
            return;
        }
        for ((usual, active), &level) in
            self.usual.iter_mut().zip(&mut self.active).zip(&self.luma.data)
        {
            let change = f32::from(level) - *usual;
            *usual += change * 0.04;
            *active += (ramp(change.abs(), 8.0, 30.0) - *active) * 0.12;
        }
    }

    /// The minimum barrier distance from the upper, left and right border: how far the brightness
    /// has to swing on the best way there. Two sweeps down and up.
    fn stand_out(&mut self) {
        let (width, height) = (self.luma.width, self.luma.height);
        self.high.clear();
        self.high.extend_from_slice(&self.luma.data);
        self.low.clear();
        self.low.extend_from_slice(&self.luma.data);
        for (at, barrier) in self.barrier.iter_mut().enumerate() {
            let (x, y) = (at % width, at / width);
            let border = y == 0 || x == 0 || x + 1 == width;
            *barrier = if border { 0.0 } else { 1e9 };
        }
        let mut step = |at: usize, from: usize| {
            let level = self.luma.data[at];
            let (high, low) = (self.high[from].max(level), self.low[from].min(level));
            let cost = f32::from(high - low);
            if cost < self.barrier[at] {
                self.barrier[at] = cost;
                (self.high[at], self.low[at]) = (high, low);
            }
        };
        for _ in 0..2 {
            for y in 0..height {
                for x in 0..width {
                    let at = y * width + x;
                    if y > 0 {
                        step(at, at - width);
                    }
                    if x > 0 {
                        step(at, at - 1);
                    }
                }
            }
            for y in (0..height).rev() {
                for x in (0..width).rev() {
                    let at = y * width + x;
                    if y + 1 < height {
                        step(at, at + width);
                    }
                    if x + 1 < width {
                        step(at, at + 1);
                    }
                }
            }
        }
    }

    /// The odds by place, border, skin and motion.
    fn weigh(&mut self) {
        let moving = self.active.iter().sum::<f32>() / self.active.len() as f32;
        // When all moves it is the camera that does.
        let trust = 2.2 * ramp(moving, 0.4, 0.2) * ramp(moving, 0.002, 0.01);
        let most = self.barrier.iter().copied().fold(1.0, f32::max).max(40.0);
        for (at, odds) in self.odds.iter_mut().enumerate() {
            let apart = ramp(self.barrier[at] / most, 0.08, 0.7);
            let skin = f32::from(self.skin_fit.data[at]) / 255.0;
            let seat = self.seat[at];
            let near = ramp(seat, -2.6, -0.6);
            *odds =
                seat + 2.3 * (apart - 0.3) + 1.6 * skin * near + trust * (self.active[at] - 0.1);
        }
        for (share, &odds) in self.share.iter_mut().zip(&self.odds) {
            *share = chance(odds);
        }
    }

    /// The colors of both sides, as they are thought to be.
    fn learn(&mut self, is_first: bool) {
        let colors = &self.steps[self.depth - 1];
        let keep = if is_first { 0.0 } else { 0.8 };
        for (side, histogram) in [&mut self.front, &mut self.back].into_iter().enumerate() {
            for bin in histogram.iter_mut() {
                *bin *= keep;
            }
            let unit = (1.0 - keep) / self.share.len() as f32;
            for (at, &share) in self.share.iter().enumerate() {
                let part = if side == 0 { share } else { 1.0 - share };
                histogram[bin(colors, at)] += part * part * unit;
            }
        }
    }

    /// The odds with what the colors say.
    fn judge(&mut self) {
        let colors = &self.steps[self.depth - 1];
        let sum = |histogram: &[f32]| histogram.iter().sum::<f32>().max(1e-6);
        let (front, back) = (1.0 / sum(&self.front), 1.0 / sum(&self.back));
        for (at, ratio) in self.scratch.iter_mut().enumerate() {
            let (one, other) = (around(&self.front, at) * front, around(&self.back, at) * back);
            *ratio = ((one + 2e-4) / (other + 2e-4)).ln().clamp(-2.4, 2.4);
        }
        for (at, share) in self.share.iter_mut().enumerate() {
            *share = chance(0.8 * self.odds[at] + self.scratch[bin(colors, at)]);
        }
    }

    /// Smooths over the neighbourhood and over time.
    fn settle(&mut self, is_new: bool) {
        let mut made = std::mem::take(&mut self.smoothed);
        made.fit_to(&self.luma);
        for (level, share) in made.data.iter_mut().zip(&self.share) {
            *level = (share * 255.0) as u8;
        }
        let mut blurred = std::mem::take(&mut self.grown[0]);
        self.blur.plane(&made, &mut blurred, 1.6);
        self.small.fit_to(&self.luma);
        for (level, &new) in self.small.data.iter_mut().zip(&blurred.data) {
            let new = smooth(f32::from(new), 84.0, 170.0) * 255.0;
            let old = f32::from(*level);
            let step = if is_new { new - old } else { (new - old) * FOLLOW };
            // At least one level, or it would never arrive.
            let step =
                if step.abs() < 1.0 && (new - old).abs() >= 1.0 { step.signum() } else { step };
            *level = (old + step).clamp(0.0, 255.0) as u8;
        }
        self.smoothed = made;
        self.grown[0] = blurred;
    }

    /// Brings an estimate to the size of the frame.
    fn grow(&mut self, frame: &Image, small: &Plane, plane: &mut Plane) {
        self.grown[0].copy_from(small);
        for step in (0..self.depth).rev() {
            let (width, height) = match step {
                0 => (frame.width(), frame.height()),
                _ => (self.steps[step - 1].width(), self.steps[step - 1].height()),
            };
            let [from, to] = &mut self.grown;
            let to = if step == 0 { &mut *plane } else { to };
            self.double.to(from, to, width, height);
            self.grown.swap(0, 1);
        }
        // The borders of things are sharper than the small picture shows.
        for level in &mut plane.data {
            *level = (((i32::from(*level) - 128) * 3 >> 1) + 128).clamp(0, 255) as u8;
        }
    }
}

fn chance(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

/// The bin of a pixel: lightness and two opponent colors.
#[inline(always)]
fn bin(colors: &Image, at: usize) -> usize {
    let [r, g, b] = colors.planes.each_ref().map(|plane| i32::from(plane.data[at]));
    let part = |value: i32| ((value * BINS as i32) >> 8).clamp(0, BINS as i32 - 1) as usize;
    let light = part((r + 2 * g + b) >> 2);
    let (one, other) = (part(128 + (r - g)), part(128 + ((r + g) >> 1) - b));
    (light * BINS + one) * BINS + other
}

/// A bin with a part of its neighbours.
fn around(histogram: &[f32], at: usize) -> f32 {
    let mut sum = histogram[at];
    for step in [1, BINS, BINS * BINS] {
        let place = at / step % BINS;
        if place > 0 {
            sum += 0.4 * histogram[at - step];
        }
        if place + 1 < BINS {
            sum += 0.4 * histogram[at + step];
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody in a red pullover before a green wall.
    fn portrait(shift: usize) -> Image {
        let person = |x: usize, y: usize| {
            let x = x as f32 - 320.0 - shift as f32;
            let y = y as f32;
            let head = x.hypot(y - 130.0) < 70.0;
            let body = y > 190.0 && x.abs() < 60.0 + (y - 190.0) * 0.8;
            (head, body)
        };
        let level = |c: usize| {
            move |x: usize, y: usize| match person(x, y) {
                (true, _) => [224, 172, 140][c],
                (_, true) => [190, 40, 50][c],
                _ => [70, 120, 90][c] + ((x / 9 + y / 7) % 5) as u8,
            }
        };
        Image { planes: std::array::from_fn(|c| Plane::of(640, 360, level(c))) }
    }

    #[test]
    fn a_person_is_told_from_the_wall() {
        let mut foreground = Foreground::new();
        foreground.measure(&portrait(0));
        let at = |x: usize, y: usize| foreground.plane.row(y)[x];
        for (x, y) in [(320, 130), (300, 100), (320, 300), (260, 330)] {
            assert!(at(x, y) > 200, "{x} {y}: {}", at(x, y));
        }
        for (x, y) in [(40, 40), (600, 200), (320, 20), (60, 340)] {
            assert!(at(x, y) < 50, "{x} {y}: {}", at(x, y));
        }
    }

    #[test]
    fn the_estimate_is_stable_and_follows() {
        let mut foreground = Foreground::new();
        for _ in 0..12 {
            foreground.measure(&portrait(0));
        }
        let before = foreground.plane.clone();
        foreground.measure(&portrait(0));
        let change = |a: &Plane, b: &Plane| {
            let sum: u64 = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            sum as f64 / a.data.len() as f64
        };
        assert!(change(&before, &foreground.plane) < 0.5);
        for _ in 0..12 {
            foreground.measure(&portrait(60));
        }
        assert!(foreground.plane.row(130)[400] > 180);
    }

    #[test]
    fn any_size_is_looked_at() {
        for (width, height) in [(1, 1), (2, 2), (3, 700), (700, 3), (2000, 40)] {
            let mut foreground = Foreground::new();
            let image = Image {
                planes: std::array::from_fn(|_| Plane::of(width, height, |x, y| (x ^ y) as u8)),
            };
            foreground.measure(&image);
            foreground.measure(&image);
            assert_eq!((foreground.plane.width, foreground.plane.height), (width, height));
        }
    }
}
