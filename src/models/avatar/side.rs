//! A face that is seen from the side: what moves with what, and how far. In the same order as
//! `Weights::of` and `Moves::of` have it for a face that is seen from the front.
//!
//! The jaw turns about its joint before the ear, the lips part like a wedge from their corner to
//! the outline, and a nod is a turn in the picture. Lengths are in distances of the eyes: ahead is
//! where the face looks, and 0 at the eye.

use super::anatomy::smooth;
use super::face::{Facing, Point};
use super::moves::{COMMON, LIP, Moves, UPPER_PART, gap};
use super::pose::Pose;
use super::shape::Shape;
use super::weights::{ByEyes, Weights, bump, thick};

/// The joint of the jaw: how far ahead of the eye, and below it.
const JOINT: (f32, f32) = (-1.05, 0.70);
/// How far from the outline of the lips the picture is at rest again.
pub(super) const AHEAD: f32 = 0.75;
/// How far before the notch between the lips there is surely no lip.
const CLEAR: f32 = 0.18;

/// How far along the lips a place is: 0 at their corner, 1 at the outline.
pub(super) fn along(facing: Facing, u: f32) -> f32 {
    0.5 * (1.0 + facing.sign() * u)
}

/// How far the lips part there, in parts of what they part at the outline.
fn wedge(along: f32) -> f32 {
    1.0 - (1.0 - along.clamp(0.0, 1.0)).powf(1.5)
}

/// Where the lips meet at the outline.
fn front(shape: &Shape, facing: Facing) -> Point {
    match facing {
        Facing::Left => shape.marks.lips.left,
        Facing::Right => shape.marks.lips.right,
    }
}

fn joint(shape: &Shape, facing: Facing) -> Point {
    shape.marks.upright().place(facing.sign() * JOINT.0, JOINT.1)
}

/// The place at which what is behind a face is seen that comes into sight between parting lips: in
/// front of the outline, as far as the place itself is behind it.
pub(super) fn behind(shape: &Shape, facing: Facing, point: Point) -> Point {
    let frame = shape.marks.upright();
    let sign = facing.sign();
    let (x, _) = frame.inside(point);
    let outline = sign * frame.inside(front(shape, facing)).0 + CLEAR;
    let hidden = (outline - sign * x).max(0.0) * 2.0 * frame.unit * sign;
    Point::new(point.x + hidden * frame.cos, point.y + hidden * frame.sin)
}

impl Weights {
    pub(super) fn from_the_side(shape: &Shape, facing: Facing, point: Point) -> Self {
        let marks = &shape.marks;
        let (unit, frame, sign) = (shape.unit, marks.upright(), facing.sign());
        let (x, y) = frame.inside(point);
        let ahead = sign * x;
        let (u, v) = shape.by_mouth(point);
        let along = along(facing, u);
        let lips = &marks.lips;
        let chin = frame.inside(marks.chin).1;
        let line = frame.inside(shape.mouth).1;
        let nose = frame.inside(marks.nose).1;
        let outline = sign * frame.inside(front(shape, facing)).0;
        let corner = sign * frame.inside(corner(shape, facing)).0;
        let spot = |cx: f32, cy: f32, rx: f32, ry: f32| bump((ahead - cx) / rx, (y - cy) / ry);

        let away = ((ahead + 0.6) / 1.3).hypot((y - 0.2) / 2.0);
        let head = 1.0 - smooth((away - 0.85) / 0.95);
        let head = head * (1.0 - smooth((y - chin + 0.15) / 1.2));
        let (px, py) = (point.x - shape.pivot.x, point.y - shape.pivot.y);
        // How far it stands out towards who looks: what is at the outline does not.
        let (fx, fy) = ((ahead + 0.6) / 0.95, (y - 0.5) / 1.5);
        let depth = (1.0 - fx * fx - fy * fy).max(0.0).powf(1.5);

        let below = (v - Shape::edge(&lips.lower, u)) / unit;
        let ramp = smooth(below / 0.40);
        let back = smooth((ahead - JOINT.0) / 0.9);
        let under = 1.0 - smooth((y - chin - 0.02) / 0.85);
        let before = 1.0 - smooth((ahead - outline - 0.12) / (AHEAD - 0.15));
        let jaw = ramp * back * under * before;
        let joint = joint(shape, facing);
        let (qx, qy) = (point.x - joint.x, point.y - joint.y);

        let at_corner = spot(corner, line, 0.16, 0.20);
        let eyes = ByEyes::of(shape, point);
        let common = [
            head,
            -head * py,
            head * px,
            depth,
            -jaw * qy,
            at_corner,
            at_corner,
            0.0,
            spot(-0.2, 0.62, 0.28, 0.24),
            eyes.brows.min(1.0),
            eyes.squint.min(1.0),
            eyes.gaze.min(1.0),
            spot(0.16, -0.30, 0.16, 0.13),
            jaw * qx,
        ];

        let parting = wedge(along) * before;
        // At the corner both lips are one.
        let plump = spot(outline, line, 0.24, 0.30) * smooth(along);
        let above = (Shape::edge(&lips.upper, u) - v) / unit;
        let to_nose = (line - nose).max(0.22);
        let kept_up = 1.0 - smooth((above - 0.06) / (to_nose - 0.04));
        let kept_low = 1.0 - ramp;
        Self {
            common,
            upper: [parting * kept_up, plump * kept_up, 0.0, parting * thick(above, 0.09, to_nose)],
            lower: [parting * kept_low, plump * kept_low, 0.0, parting * thick(below, 0.12, 0.38)],
            lids: eyes.lids,
        }
    }
}

/// The corner of the mouth.
fn corner(shape: &Shape, facing: Facing) -> Point {
    match facing {
        Facing::Left => shape.marks.lips.right,
        Facing::Right => shape.marks.lips.left,
    }
}

impl Moves {
    pub(super) fn from_the_side(shape: &Shape, facing: Facing, pose: &Pose) -> Self {
        let (unit, sign) = (shape.unit, facing.sign());
        let (level, plumb) = (shape.level, shape.plumb);
        let along = |direction: (f32, f32), length: f32| {
            (direction.0 * length * unit, direction.1 * length * unit)
        };
        let forward = (sign * level.0, sign * level.1);
        let mouth = &pose.mouth;
        let (smile, frown) = (pose.smile.max(0.0), (-pose.smile).max(0.0));
        // A lip under the teeth leaves nothing open that could be seen from here.
        let open = (gap(shape, pose) - shape.gap - 0.045 * mouth.tuck * unit).max(0.0);
        let (joint, front) = (joint(shape, facing), front(shape, facing));
        let lever = front.distance(joint).max(1.0);
        let down = (1.0 - UPPER_PART) * open;
        let angle = sign * down / lever;
        let turn = sign * pose.pitch;
        let round = 0.09 * mouth.round - 0.02 * mouth.spread;
        let corner = 0.05 * mouth.round - 0.05 * mouth.spread - 0.05 * smile - 0.02 * mouth.press;
        let gaze = 0.03 * (1.0 - 0.8 * pose.lids);
        let squint = (pose.squint + 0.5 * smile).min(1.0);
        let common: [(f32, f32); COMMON] = [
            (pose.shift.0 * unit, pose.shift.1 * unit),
            (turn, 0.0),
            (0.0, turn),
            along(level, 0.5 * pose.yaw),
            (angle, 0.0),
            along(forward, corner),
            along(plumb, -0.095 * smile + 0.05 * frown),
            (0.0, 0.0),
            along(plumb, -0.06 * smile - 0.02 * pose.squint),
            along(plumb, -0.13 * pose.brows.max(0.0) - 0.05 * pose.brows.min(0.0)),
            along(plumb, -0.042 * squint),
            along(
                (
                    level.0 * pose.gaze.0 + plumb.0 * pose.gaze.1,
                    level.1 * pose.gaze.0 + plumb.1 * pose.gaze.1,
                ),
                gaze,
            ),
            along((plumb.0 + 0.4 * forward.0, plumb.1 + 0.4 * forward.1), 0.06 * pose.frown),
            (0.0, angle),
        ];
        // The lips go with the jaw, as far as its lip does at the outline.
        let (qx, qy) = (front.x - joint.x, front.y - joint.y);
        let show = 0.02 * (mouth.teeth * (open / (0.08 * unit)).min(1.0) + mouth.tuck);
        let swell = 0.34 * mouth.round - 0.30 * mouth.press - 0.08 * mouth.open;
        let upper: [(f32, f32); LIP] = [
            along(plumb, -UPPER_PART * open / unit - show),
            along(forward, round - 0.02 * mouth.press),
            (0.0, 0.0),
            along(plumb, -0.09 * swell),
        ];
        let lower: [(f32, f32); LIP] = [
            (-qy * angle, qx * angle),
            along(forward, round - 0.02 * mouth.press - 0.09 * mouth.tuck),
            (0.0, 0.0),
            along(plumb, 0.12 * (swell - 0.25 * mouth.tuck).max(-0.30)),
        ];
        Self { common, upper, lower, lids: along(plumb, pose.lids), turn }
    }
}
