//! The parts of a face as points of a picture.

use super::outline::{Facing, Profile};

/// A place in a picture in pixels, from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    pub fn between(self, other: Self, part: f32) -> Self {
        Self::new(self.x + (other.x - self.x) * part, self.y + (other.y - self.y) * part)
    }
}

/// Places along the lips at which their height is known, from corner to corner.
pub const POINTS: usize = 17;

/// The opening of one eye.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Eye {
    pub center: Point,
    /// From the center to a corner.
    pub half_width: f32,
    /// From the center to the edge of the upper lid.
    pub above: f32,
    /// From the center to the edge of the lower lid.
    pub below: f32,
    /// The center of the brow.
    pub brow: Point,
}

/// The lips. Heights are distances from the line between the corners, downward positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lips {
    pub left: Point,
    pub right: Point,
    /// The upper edge of the upper lip.
    pub top: [f32; POINTS],
    /// The lower edge of the upper lip.
    pub upper: [f32; POINTS],
    /// The upper edge of the lower lip; where the lips touch, that of the upper.
    pub lower: [f32; POINTS],
    /// The lower edge of the lower lip.
    pub bottom: [f32; POINTS],
}

/// Where the parts of a face are. Left is what is at the left of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Marks {
    /// Both, or the one that is seen from the side.
    pub eyes: Vec<Eye>,
    /// The middle of the base of the nose.
    pub nose: Point,
    pub lips: Lips,
    pub chin: Point,
    /// The jaw line at the height of the mouth, left and right.
    pub jaw: [Point; 2],
    /// How much it is like a face, 0 to 1.
    pub likeness: f32,
    /// Its coordinates: the eyes are at -0.5 and 0.5; the one that is seen from the side at 0.
    pub frame: Upright,
    /// Where it looks, if it is seen from the side: one end of the lips is at its outline then.
    pub facing: Option<Facing>,
}

/// Points that are known beforehand, in pixels of the portrait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given {
    Front(Front),
    Side(Profile),
}

/// Points of a face that is seen from the front.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Front {
    /// The centers of the eyes, that at the left of the picture first.
    pub eyes: [Point; 2],
    /// The corners of the mouth, that at the left of the picture first.
    pub mouth: Option<[Point; 2]>,
    pub chin: Option<Point>,
}

impl Marks {
    /// A face in proportion to the distance of its eyes.
    pub fn proportional(left: Point, right: Point, likeness: f32) -> Self {
        Self::built(left, right, 1.0, likeness)
    }

    /// A face in proportion to the distance of its eyes, so much taller than usual.
    pub fn built(left: Point, right: Point, tall: f32, likeness: f32) -> Self {
        let frame = Upright::built(left, right, tall);
        let eye = |x: f32| Eye {
            center: frame.place(x, 0.0),
            half_width: 0.25 * frame.unit,
            above: 0.105 * frame.tall,
            below: 0.085 * frame.tall,
            brow: frame.place(x * 1.04, -0.36),
        };
        let curve = |height: f32| {
            std::array::from_fn(|at| {
                let u = along(at);
                height * (1.0 - u * u) * frame.tall
            })
        };
        Self {
            eyes: vec![eye(-0.5), eye(0.5)],
            nose: frame.place(0.0, 0.76),
            lips: Lips {
                left: frame.place(-0.40, 1.15),
                right: frame.place(0.40, 1.15),
                top: curve(-0.09),
                upper: curve(0.01),
                lower: curve(0.01),
                bottom: curve(0.15),
            },
            chin: frame.place(0.0, 1.86),
            jaw: [frame.place(-0.95, 1.10), frame.place(0.95, 1.10)],
            likeness,
            frame,
            facing: None,
        }
    }

    /// The marks in a picture that was scaled and then moved.
    pub fn moved(&self, scale: f32, by: Point) -> Self {
        let point = |p: Point| Point::new(p.x * scale + by.x, p.y * scale + by.y);
        let heights = |heights: [f32; POINTS]| heights.map(|height| height * scale);
        let eye = |eye: Eye| Eye {
            center: point(eye.center),
            half_width: eye.half_width * scale,
            above: eye.above * scale,
            below: eye.below * scale,
            brow: point(eye.brow),
        };
        let lips = &self.lips;
        Self {
            eyes: self.eyes.iter().map(|&it| eye(it)).collect(),
            nose: point(self.nose),
            lips: Lips {
                left: point(lips.left),
                right: point(lips.right),
                top: heights(lips.top),
                upper: heights(lips.upper),
                lower: heights(lips.lower),
                bottom: heights(lips.bottom),
            },
            chin: point(self.chin),
            jaw: self.jaw.map(point),
            likeness: self.likeness,
            frame: Upright {
                origin: point(self.frame.origin),
                unit: self.frame.unit * scale,
                tall: self.frame.tall * scale,
                ..self.frame
            },
            facing: self.facing,
        }
    }

    /// The frame of the face.
    pub fn upright(&self) -> Upright {
        self.frame
    }

    /// How tall the face is: 1 as in [`Marks::proportional`], more where the eyes are nearer to each
    /// other than to the mouth, as in a head that is turned aside.
    pub fn tall(&self) -> f32 {
        self.frame.tall / self.frame.unit
    }
}

/// Where the mouths of most faces are, in distances of the eyes below them.
const USUAL_MOUTH: (f32, f32) = (0.95, 1.25);

impl Front {
    /// How tall the face is, by where its mouth is.
    pub(super) fn tall(&self) -> f32 {
        let Some([left, right]) = self.mouth else { return 1.0 };
        let below = Upright::new(self.eyes[0], self.eyes[1]).inside(left.between(right, 0.5)).1;
        let (least, most) = USUAL_MOUTH;
        (below / below.clamp(least, most)).clamp(0.5, 2.0)
    }

    /// Puts what is known over what was found.
    pub(super) fn apply(&self, marks: &mut Marks) {
        if let Some([left, right]) = self.mouth {
            (marks.lips.left, marks.lips.right) = (left, right);
        }
        if let Some(chin) = self.chin {
            marks.chin = chin;
        }
    }
}

/// Where the place `at` of a lip lies between the corners, -1 to 1.
pub(in crate::models::avatar) fn along(at: usize) -> f32 {
    at as f32 / (POINTS - 1) as f32 * 2.0 - 1.0
}

/// Coordinates of a face: the origin between the eyes, x along them in their distances, y down the
/// face in as many pixels, but in a face that is taller than usual in more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Upright {
    pub origin: Point,
    /// Pixels of the distance of the eyes.
    pub unit: f32,
    /// Pixels of the same length down the face.
    pub tall: f32,
    pub cos: f32,
    pub sin: f32,
}

impl Upright {
    pub fn new(left: Point, right: Point) -> Self {
        Self::built(left, right, 1.0)
    }

    /// The frame of a face that is so much taller than usual.
    pub fn built(left: Point, right: Point, tall: f32) -> Self {
        let unit = left.distance(right).max(1.0);
        let (cos, sin) = ((right.x - left.x) / unit, (right.y - left.y) / unit);
        Self { origin: left.between(right, 0.5), unit, tall: tall * unit, cos, sin }
    }

    /// The place in the picture.
    pub fn place(&self, x: f32, y: f32) -> Point {
        let (x, y) = (x * self.unit, y * self.tall);
        Point::new(
            self.origin.x + x * self.cos - y * self.sin,
            self.origin.y + x * self.sin + y * self.cos,
        )
    }

    /// The place in the face.
    pub fn inside(&self, point: Point) -> (f32, f32) {
        let (x, y) = (point.x - self.origin.x, point.y - self.origin.y);
        ((x * self.cos + y * self.sin) / self.unit, (y * self.cos - x * self.sin) / self.tall)
    }
}
