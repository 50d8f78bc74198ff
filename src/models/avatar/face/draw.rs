//! What was found, drawn over the picture, for people to look at.

use super::marks::{Front, Given, Marks, POINTS, Point, along};
use super::outline::Profile;
use crate::media::Picture;

const EYES: [u8; 3] = [40, 220, 255];
const LIPS: [u8; 3] = [255, 60, 90];
const INNER: [u8; 3] = [255, 230, 60];
const OTHER: [u8; 3] = [90, 255, 110];
const GIVEN: [u8; 3] = [255, 255, 255];

/// A copy of the picture with the marks on it.
pub fn draw(picture: &Picture, marks: &Marks) -> Picture {
    let mut drawn = picture.clone();
    let frame = marks.upright();
    let width = (frame.unit / 60.0).max(1.0);
    for eye in &marks.eyes {
        let (x, y) = frame.inside(eye.center);
        let arc = |height: f32| {
            (0..=16).map(move |step| {
                let u = step as f32 / 8.0 - 1.0;
                let half = eye.half_width / frame.unit;
                frame.place(x + u * half, y + height / frame.tall * (1.0 - u * u))
            })
        };
        line(&mut drawn, arc(-eye.above), EYES, width);
        line(&mut drawn, arc(eye.below), EYES, width);
        dot(&mut drawn, eye.center, EYES, 2.0 * width);
        let (bx, by) = frame.inside(eye.brow);
        line(&mut drawn, [-0.2, 0.0, 0.2].map(|d| frame.place(bx + d, by)), OTHER, width);
    }
    let lips = &marks.lips;
    let across = Across::new(lips.left, lips.right);
    let curve = |heights: &[f32; POINTS]| -> Vec<Point> {
        (0..POINTS).map(|at| across.place(along(at), heights[at])).collect()
    };
    for (heights, color) in
        [(&lips.top, LIPS), (&lips.bottom, LIPS), (&lips.upper, INNER), (&lips.lower, INNER)]
    {
        line(&mut drawn, curve(heights), color, width);
    }
    dot(&mut drawn, marks.nose, OTHER, 2.0 * width);
    line(&mut drawn, [marks.jaw[0], marks.chin, marks.jaw[1]], OTHER, width);
    drawn
}

/// Draws a cross at each place that was given.
pub fn draw_given(drawn: &mut Picture, given: &Given) {
    let (points, unit): (Vec<Point>, f32) = match given {
        Given::Front(Front { eyes, mouth, chin }) => {
            let points = eyes.iter().chain(mouth.iter().flatten()).chain(chin);
            (points.copied().collect(), eyes[0].distance(eyes[1]))
        }
        Given::Side(Profile { eye, front, corner, chin, .. }) => {
            (vec![*eye, *front, *corner, *chin], 0.9 * eye.distance(*corner))
        }
    };
    let arm = 0.09 * unit;
    let width = (arm / 7.0).max(1.0);
    for point in points {
        for (dx, dy) in [(arm, arm), (arm, -arm)] {
            let (from, to) = ((point.x - dx, point.y - dy), (point.x + dx, point.y + dy));
            line(drawn, [Point::new(from.0, from.1), Point::new(to.0, to.1)], GIVEN, width);
        }
    }
}

/// The line between the corners of the mouth.
struct Across {
    middle: Point,
    half: (f32, f32),
    down: (f32, f32),
}

impl Across {
    fn new(left: Point, right: Point) -> Self {
        let half = ((right.x - left.x) / 2.0, (right.y - left.y) / 2.0);
        let length = half.0.hypot(half.1).max(1e-3);
        Self { middle: left.between(right, 0.5), half, down: (-half.1 / length, half.0 / length) }
    }

    fn place(&self, u: f32, height: f32) -> Point {
        Point::new(
            self.middle.x + u * self.half.0 + height * self.down.0,
            self.middle.y + u * self.half.1 + height * self.down.1,
        )
    }
}

fn line(
    picture: &mut Picture,
    points: impl IntoIterator<Item = Point>,
    color: [u8; 3],
    width: f32,
) {
    let mut before: Option<Point> = None;
    for point in points {
        if let Some(before) = before {
            let steps = (before.distance(point) / width * 2.0).ceil().max(1.0) as usize;
            for step in 0..=steps {
                dot(picture, before.between(point, step as f32 / steps as f32), color, width);
            }
        }
        before = Some(point);
    }
}

fn dot(picture: &mut Picture, point: Point, color: [u8; 3], size: f32) {
    let radius = (0.5 * size).max(0.5);
    let (width, height) = (picture.width as isize, picture.height as isize);
    for y in (point.y - radius).floor() as isize..=(point.y + radius).ceil() as isize {
        for x in (point.x - radius).floor() as isize..=(point.x + radius).ceil() as isize {
            let off = (x as f32 - point.x).hypot(y as f32 - point.y);
            if off <= radius && (0..width).contains(&x) && (0..height).contains(&y) {
                let at = (y * width + x) as usize * 3;
                picture.data[at..at + 3].copy_from_slice(&color);
            }
        }
    }
}
