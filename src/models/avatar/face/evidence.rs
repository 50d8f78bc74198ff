//! What speaks for a face where something looks like one: a closer look at each place.
//!
//! In stone, leaves and letters there is always some place that is light and dark as a face is.
//! That there are two eyes with skin between them, a line for a mouth that ends on both sides,
//! nostrils, and brows darker than a chin is rarer. How much each counts was fitted to some hundred
//! pictures with a face and as many without.

use super::gray::{Gray, study};
use super::marks::{Point, Upright};
use crate::media::Picture;

/// The distance of the eyes in the sample, in pixels.
const UNIT: f32 = 20.0;
/// The part of a face that is sampled, in distances of the eyes from between them.
const LEFT: f32 = -1.3;
const TOP: f32 = -0.95;
const WIDTH: usize = 52;
const HEIGHT: usize = 62;
/// The longer side of the finest picture that is sampled.
const LONGEST: usize = 416;
/// Faces whose eyes are closer, in parts of the longer side, are less likely meant.
const SMALL: f32 = 0.085;

/// An oval in the face: its center and radii, in distances of the eyes.
type Oval = (f32, f32, f32, f32);

const FACE: Oval = (0.0, 0.55, 1.0, 1.35);
const EYES: [Oval; 2] = [(-0.5, 0.0, 0.16, 0.09), (0.5, 0.0, 0.16, 0.09)];
const SOCKETS: [Oval; 2] = [(-0.5, 0.0, 0.20, 0.16), (0.5, 0.0, 0.20, 0.16)];
const BROWS: [Oval; 2] = [(-0.52, -0.30, 0.20, 0.07), (0.52, -0.30, 0.20, 0.07)];
const CHEEKS: [Oval; 2] = [(-0.52, 0.55, 0.17, 0.15), (0.52, 0.55, 0.17, 0.15)];
const BRIDGE: Oval = (0.0, -0.02, 0.10, 0.13);
const NOSTRILS: Oval = (0.0, 0.80, 0.20, 0.06);
const MOUTH: Oval = (0.0, 1.19, 0.26, 0.07);
const CHIN: Oval = (0.0, 1.70, 0.28, 0.09);

/// A picture at several sizes, each half as large as the one before.
pub(super) struct Evidence {
    levels: Vec<Gray>,
    /// By how much the first is reduced.
    scale: f32,
    size: (f32, f32),
}

impl Evidence {
    pub fn new(picture: &Picture) -> Self {
        let (finest, _, scale) = study(picture, LONGEST);
        let mut levels = vec![finest];
        while let Some(last) = levels.last()
            && last.width.min(last.height) > 16
        {
            levels.push(last.halved());
        }
        Self { levels, scale, size: (picture.width as f32, picture.height as f32) }
    }

    /// What speaks for a face with these eyes, by how much it looks like one: about the logarithm
    /// of how much likelier a face is than none.
    pub fn of(&self, eyes: [Point; 2], likeness: f32) -> f32 {
        let unit = eyes[0].distance(eyes[1]);
        let inside = |eye: &Point| {
            let off = (-eye.x).max(-eye.y).max(eye.x - self.size.0).max(eye.y - self.size.1);
            off < 0.05 * unit
        };
        if !eyes.iter().all(inside) {
            return NEVER;
        }
        let sample = Sample::new(&self.upright(eyes));
        let eyes = EYES.map(|eye| sample.light(eye));
        let bridge = sample.light(BRIDGE);
        let brows = 0.5 * (sample.light(BROWS[0]) + sample.light(BROWS[1]));
        let cheeks = 0.5 * (sample.edges(CHEEKS[0]) + sample.edges(CHEEKS[1]));
        let line = [-0.24, -0.12, 0.0, 0.12, 0.24].map(|x| sample.line(x, (1.0, 1.38)));
        let beside = [-0.72, -0.62, 0.62, 0.72].map(|x| sample.line(x, (1.0, 1.38)));
        let under = [-0.2, 0.0, 0.2].map(|x| sample.line(x, (1.5, 1.8)));
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let small = (SMALL * self.size.0.max(self.size.1) / unit).ln().max(0.0);
        18.9 * likeness
            + 1.9 * bridge
            + 0.76 * (bridge - eyes[0].max(eyes[1]))
            + 2.8 * SOCKETS.map(|socket| sample.spot(socket)).into_iter().fold(f32::MAX, f32::min)
            + 1.57 * sample.edges(NOSTRILS)
            + 2.2 * cheeks
            + 1.4 * sample.level(MOUTH)
            + 1.97 * line.into_iter().fold(f32::MAX, f32::min)
            - 0.77 * mean(&beside)
            + 1.17 * mean(&under)
            - 1.6 * brows
            - 0.53 * sample.light(NOSTRILS)
            - 1.07 * sample.light(CHIN)
            - 1.95 * small
            - 19.3
    }

    /// The face turned upright, from the level that is about as fine.
    fn upright(&self, [left, right]: [Point; 2]) -> Gray {
        let frame = Upright::new(left, right);
        let (mut level, mut scale) = (0, self.scale);
        while level + 1 < self.levels.len() && frame.unit / scale > 2.0 * UNIT {
            (level, scale) = (level + 1, 2.0 * scale);
        }
        let mut sample = Gray::new(WIDTH, HEIGHT);
        for row in 0..HEIGHT {
            for column in 0..WIDTH {
                let (x, y) = place(column, row);
                let point = frame.place(x, y);
                sample.data[row * WIDTH + column] = self.levels[level]
                    .at((point.x + 0.5) / scale - 0.5, (point.y + 0.5) / scale - 0.5);
            }
        }
        sample
    }
}

/// What speaks for a face that is none.
pub(super) const NEVER: f32 = -12.0;

/// The place of a pixel of the sample in the face.
fn place(column: usize, row: usize) -> (f32, f32) {
    (LEFT + (column as f32 + 0.5) / UNIT, TOP + (row as f32 + 0.5) / UNIT)
}

/// A face turned upright, and what is measured in it.
struct Sample {
    light: Gray,
    /// How much darker each place is than what is a little around, and than what is farther.
    spots: Gray,
    mean: f32,
    /// How much light and dark differ in the face.
    spread: f32,
    /// How strong edges are in the face.
    strength: f32,
}

impl Sample {
    fn new(sample: &Gray) -> Self {
        let light = sample.blurred(0.8);
        let spots = sample.blurred(3.5).less(&sample.blurred(1.3));
        let mut new = Self { light, spots, mean: 0.0, spread: 1.0, strength: 1.0 };
        new.mean = average(FACE, |at| new.light.data[at]);
        let power = average(FACE, |at| (new.light.data[at] - new.mean).powi(2));
        new.spread = power.sqrt() + 6.0;
        new.strength = average(FACE, |at| new.edge(at)) + 1.0;
        new
    }

    /// How light an oval is, next to the face.
    fn light(&self, oval: Oval) -> f32 {
        (average(oval, |at| self.light.data[at]) - self.mean) / self.spread
    }

    /// How strong the edges in an oval are, next to those of the face.
    fn edges(&self, oval: Oval) -> f32 {
        average(oval, |at| self.edge(at)) / self.strength
    }

    fn edge(&self, at: usize) -> f32 {
        let (across, down) = self.slopes(at);
        across.hypot(down)
    }

    fn slopes(&self, at: usize) -> (f32, f32) {
        let light = &self.light.data;
        let (column, row) = (at % WIDTH, at / WIDTH);
        if column == 0 || column + 1 == WIDTH || row == 0 || row + 1 == HEIGHT {
            return (0.0, 0.0);
        }
        (0.5 * (light[at + 1] - light[at - 1]), 0.5 * (light[at + WIDTH] - light[at - WIDTH]))
    }

    /// How level the edges in an oval lie, 0 to 1.
    fn level(&self, oval: Oval) -> f32 {
        let across = average(oval, |at| self.slopes(at).0.abs());
        let down = average(oval, |at| self.slopes(at).1.abs());
        down / (across + down + 0.5)
    }

    /// How dark the darkest spot in an oval is.
    fn spot(&self, oval: Oval) -> f32 {
        let mut most = f32::MIN;
        within(oval, |at| most = most.max(self.spots.data[at]));
        most / self.spread
    }

    /// How dark a level line is that passes so far from the middle, between two heights.
    fn line(&self, x: f32, (top, bottom): (f32, f32)) -> f32 {
        /// Rows to what is above the line and below it.
        const AWAY: usize = 4;
        let column = ((x - LEFT) * UNIT) as usize;
        let row = |y: f32| ((y - TOP) * UNIT) as usize;
        let mut most = 0.0_f32;
        for row in row(top)..=row(bottom) {
            for column in column - 1..=column + 1 {
                let beside =
                    self.light.get(column, row - AWAY).min(self.light.get(column, row + AWAY));
                most = most.max(beside - self.light.get(column, row));
            }
        }
        most / self.spread
    }
}

/// The mean over an oval.
fn average(oval: Oval, value: impl Fn(usize) -> f32) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    within(oval, |at| {
        sum += value(at);
        count += 1.0;
    });
    sum / f32::max(count, 1.0)
}

/// Visits the pixels of an oval.
fn within((cx, cy, rx, ry): Oval, mut visit: impl FnMut(usize)) {
    let first = |center: f32, radius: f32, start: f32| ((center - radius - start) * UNIT) as usize;
    let end =
        |center: f32, radius: f32, start: f32| ((center + radius - start) * UNIT) as usize + 1;
    for row in first(cy, ry, TOP)..end(cy, ry, TOP).min(HEIGHT) {
        for column in first(cx, rx, LEFT)..end(cx, rx, LEFT).min(WIDTH) {
            let (x, y) = place(column, row);
            if ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0 {
                visit(row * WIDTH + column);
            }
        }
    }
}
