//! A face turned upright, at one size: where its parts are looked for.

use super::gray::Gray;
use super::marks::{Point, Upright};
use crate::media::Picture;

/// The distance of the eyes, in pixels of the crop.
pub(super) const UNIT: f32 = 96.0;
/// The part of the face that is seen, in distances of the eyes from between them.
const LEFT: f32 = -1.3;
const TOP: f32 = -0.9;
const WIDTH: usize = 250;
const HEIGHT: usize = 320;
/// Samples for a pixel along each side, at most.
const MOST_SAMPLES: usize = 8;

/// The face of a picture. Places are in distances of the eyes.
pub(super) struct Crop {
    frame: Upright,
    pub luma: Gray,
    /// How red it is next to how bright it is.
    pub red: Gray,
}

impl Crop {
    /// The face whose eyes are there, and which is so much taller than usual.
    pub fn new(picture: &Picture, left: Point, right: Point, tall: f32) -> Self {
        let frame = Upright::built(left, right, tall);
        let (mut luma, mut red) = (Gray::new(WIDTH, HEIGHT), Gray::new(WIDTH, HEIGHT));
        let samples = ((frame.unit.max(frame.tall) / UNIT).ceil() as usize).clamp(1, MOST_SAMPLES);
        let part = 1.0 / samples as f32;
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let mut sum = [0.0; 3];
                for sample in 0..samples * samples {
                    let dx = (x as f32) + ((sample % samples) as f32 + 0.5) * part - 0.5;
                    let dy = (y as f32) + ((sample / samples) as f32 + 0.5) * part - 0.5;
                    let color = color(picture, frame.place(LEFT + dx / UNIT, TOP + dy / UNIT));
                    (0..3).for_each(|channel| sum[channel] += color[channel]);
                }
                let [r, g, b] = sum.map(|sum| sum * part * part);
                let at = y * WIDTH + x;
                luma.data[at] = 0.299 * r + 0.587 * g + 0.114 * b;
                red.data[at] = (r - g) / (r + g + b + 24.0);
            }
        }
        Self { frame, luma, red }
    }

    /// The place in the picture.
    pub fn place(&self, x: f32, y: f32) -> Point {
        self.frame.place(x, y)
    }

    /// The place in the crop, of a point of the picture.
    pub fn inside(&self, point: Point) -> (f32, f32) {
        self.frame.inside(point)
    }

    /// Pixels of the picture for a length down the face.
    pub fn pixels(&self, length: f32) -> f32 {
        length * self.frame.tall
    }

    /// Pixels of the picture for a length across the face.
    pub fn pixels_across(&self, length: f32) -> f32 {
        length * self.frame.unit
    }

    pub fn light(&self, x: f32, y: f32) -> f32 {
        self.luma.at((x - LEFT) * UNIT, (y - TOP) * UNIT)
    }

    pub fn redness(&self, x: f32, y: f32) -> f32 {
        self.red.at((x - LEFT) * UNIT, (y - TOP) * UNIT)
    }

    /// The mean light and redness of the cheeks.
    pub fn cheeks(&self) -> (f32, f32) {
        let mut light = Vec::new();
        let mut red = Vec::new();
        for side in [-1.0, 1.0] {
            for step in 0..25 {
                let x = side * (0.42 + 0.06 * (step % 5) as f32);
                let y = 0.48 + 0.06 * (step / 5) as f32;
                light.push(self.light(x, y));
                red.push(self.redness(x, y));
            }
        }
        (median(&mut light), median(&mut red))
    }
}

/// The color at the pixel nearest to a place.
fn color(picture: &Picture, point: Point) -> [f32; 3] {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let x = (point.x.round().max(0.0) as usize).min(width - 1);
    let y = (point.y.round().max(0.0) as usize).min(height - 1);
    let at = (y * width + x) * 3;
    [0, 1, 2].map(|channel| f32::from(picture.data[at + channel]))
}

pub(super) fn median(values: &mut [f32]) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
