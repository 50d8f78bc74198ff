//! Where the parts of a face lie in its frame, and places told by them.

use super::face::{Eye, Marks, Point};

/// Half the width of a mouth that is seen from the side, in distances of the eyes.
const SIDE_HALF: f32 = 0.40;

/// The face in its frame, in pixels.
pub(super) struct Shape {
    pub marks: Marks,
    /// The length by which movements down the face are measured: the distance of the eyes, but of
    /// those that look aside.
    pub unit: f32,
    /// The middle of the mouth, its direction, what is down from it, and half its width.
    pub mouth: Point,
    pub across: (f32, f32),
    pub down: (f32, f32),
    pub half: f32,
    /// Half the width of the mouth as it is seen from the front.
    pub wide: f32,
    /// How far the lips are parted in the portrait.
    pub gap: f32,
    /// How far the corners are above the middle of the closed lips: how much the portrait smiles.
    pub bow: f32,
    /// The direction of the line between the eyes.
    pub level: (f32, f32),
    pub plumb: (f32, f32),
    /// About which the head turns.
    pub pivot: Point,
}

impl Shape {
    pub fn new(marks: Marks) -> Self {
        let frame = marks.upright();
        let lips = &marks.lips;
        let half = (lips.left.distance(lips.right) / 2.0).max(2.0);
        let across = (
            (lips.right.x - lips.left.x) / (2.0 * half),
            (lips.right.y - lips.left.y) / (2.0 * half),
        );
        let middle = super::face::POINTS / 2;
        let gap = (lips.lower[middle] - lips.upper[middle]).max(0.0);
        let bow = (lips.upper[middle] + 0.3 * gap).clamp(0.0, 0.14 * frame.tall);
        Self {
            unit: frame.tall,
            mouth: lips.left.between(lips.right, 0.5),
            across,
            down: (-across.1, across.0),
            half,
            wide: if marks.facing.is_some() { SIDE_HALF * frame.tall } else { half },
            gap,
            bow,
            level: (frame.cos, frame.sin),
            plumb: (-frame.sin, frame.cos),
            pivot: match marks.facing {
                // Where the head sits on the spine.
                Some(facing) => frame.place(-0.9 * facing.sign(), 1.4),
                None => frame.place(0.0, 2.3),
            },
            marks,
        }
    }

    /// A place by the mouth: along it from corner (-1) to corner (1), and pixels below the line
    /// between the corners.
    pub fn by_mouth(&self, point: Point) -> (f32, f32) {
        let (x, y) = (point.x - self.mouth.x, point.y - self.mouth.y);
        ((x * self.across.0 + y * self.across.1) / self.half, x * self.down.0 + y * self.down.1)
    }

    /// A place by an eye: along it from corner to corner, and pixels below its center.
    pub fn by_eye(&self, eye: &Eye, point: Point) -> (f32, f32) {
        let (x, y) = (point.x - eye.center.x, point.y - eye.center.y);
        (
            (x * self.level.0 + y * self.level.1) / eye.half_width,
            x * self.plumb.0 + y * self.plumb.1,
        )
    }

    /// The height of an edge of the lips.
    pub fn edge(heights: &[f32], u: f32) -> f32 {
        let last = heights.len() - 1;
        let at = 0.5 * (u.max(-1.0).min(1.0) + 1.0) * last as f32;
        let from = (at as usize).min(last - 1);
        heights[from] + (heights[from + 1] - heights[from]) * (at - from as f32)
    }

    /// The height of a lid's edge: an arc that is fuller than a parabola.
    pub fn lid(height: f32, u: f32) -> f32 {
        height * (1.0 - u * u).max(0.0).powf(0.8)
    }
}
