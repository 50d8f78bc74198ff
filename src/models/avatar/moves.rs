//! How far each movement goes in a pose, at the places that it takes along wholly.

use super::face::POINTS;
use super::pose::Pose;
use super::shape::Shape;

/// Movements of all of the face: see [`Moves::of`] and `Weights::of`, which list them in one order.
pub(super) const COMMON: usize = 14;
/// Movements of what is above the line of the mouth, and as many of what is below.
pub(super) const LIP: usize = 4;
/// How far the lips part at the most, in distances of the eyes.
const GAPE: f32 = 0.29;
/// The part of the parting that the upper lip does.
pub(super) const UPPER_PART: f32 = 0.14;

/// The movements of a pose, in pixels.
pub(super) struct Moves {
    pub common: [(f32, f32); COMMON],
    pub upper: [(f32, f32); LIP],
    pub lower: [(f32, f32); LIP],
    pub lids: (f32, f32),
    /// The turn of the head in the picture, in radians.
    pub turn: f32,
}

impl Moves {
    pub fn of(shape: &Shape, pose: &Pose) -> Self {
        if let Some(facing) = shape.marks.facing {
            return Self::from_the_side(shape, facing, pose);
        }
        let [upper, lower] = lips(shape, pose);
        let lids = pose.lids * shape.unit;
        Self {
            common: common(shape, pose),
            upper,
            lower,
            lids: (shape.plumb.0 * lids, shape.plumb.1 * lids),
            turn: pose.roll,
        }
    }
}

fn common(shape: &Shape, pose: &Pose) -> [(f32, f32); COMMON] {
    let unit = shape.unit;
    let along = |direction: (f32, f32), length: f32| (direction.0 * length, direction.1 * length);
    let (level, plumb) = (shape.level, shape.plumb);
    let turn = 1.25 * unit;
    let mouth = &pose.mouth;
    let (smile, frown) = (pose.smile.max(0.0), (-pose.smile).max(0.0));
    // A portrait that smiles stops smiling: for whom is serious, and for lips that are rounded.
    let sober = (2.0 * frown).max(0.8 * mouth.round).min(1.0);
    let bow = shape.bow / unit;
    let wide = 0.075 * mouth.spread + 0.07 * smile
        - 0.38 * mouth.round
        - 0.05 * mouth.open * (1.0 - mouth.spread)
        - 0.02 * mouth.press
        - 0.9 * bow * sober * (1.0 - mouth.round);
    let corners = -0.095 * smile + 0.05 * frown + 0.9 * bow * sober;
    let cheeks = -0.06 * smile - 0.02 * pose.squint + 0.25 * bow * sober;
    let gap = gap(shape, pose);
    // Behind closed lids nobody looks.
    let seen = 0.06 * (1.0 - 0.8 * pose.lids) * unit;
    let gaze = (
        seen * (level.0 * pose.gaze.0 + plumb.0 * pose.gaze.1 * 0.4),
        seen * (level.1 * pose.gaze.0 + plumb.1 * pose.gaze.1 * 0.4),
    );
    [
        along(pose.shift, unit),
        (pose.roll, 0.0),
        (0.0, pose.roll),
        (
            (level.0 * pose.yaw + plumb.0 * pose.pitch) * turn,
            (level.1 * pose.yaw + plumb.1 * pose.pitch) * turn,
        ),
        along(shape.down, 0.74 * (gap - shape.gap).max(0.0)),
        along(shape.across, wide * shape.half),
        along(shape.down, corners * unit),
        along(shape.across, 0.03 * smile * unit),
        along(plumb, cheeks * unit),
        along(plumb, -(0.13 * pose.brows.max(0.0) + 0.05 * pose.brows.min(0.0)) * unit),
        along(plumb, -0.042 * (pose.squint + 0.5 * smile).min(1.0) * unit),
        gaze,
        along(plumb, 0.07 * pose.frown * unit),
        along(level, 0.035 * pose.frown * unit),
    ]
}

/// How far the lips are apart in the middle, in pixels.
pub(super) fn gap(shape: &Shape, pose: &Pose) -> f32 {
    let mouth = &pose.mouth;
    (GAPE * mouth.open * (1.0 - 0.25 * mouth.round) + 0.045 * mouth.tuck) * shape.unit
}

fn lips(shape: &Shape, pose: &Pose) -> [[(f32, f32); LIP]; 2] {
    let mouth = &pose.mouth;
    let unit = shape.unit;
    let gap = gap(shape, pose);
    // What is open in the portrait closes first; what opens further opens as an arc, and between
    // rounded lips as an oval.
    let close = (shape.gap - gap).max(0.0);
    let open = (gap - shape.gap).max(0.0);
    let show = (0.022 * mouth.teeth * (gap / (0.08 * unit)).min(1.0) * (1.0 - mouth.round)
        + 0.02 * mouth.tuck)
        * unit;
    let lips = &shape.marks.lips;
    let middle = POINTS / 2;
    let thick_up = (lips.upper[middle] - lips.top[middle]).max(0.0);
    let thick_low = (lips.bottom[middle] - lips.lower[middle]).max(0.0);
    let swell = 0.34 * mouth.round - 0.24 * mouth.press - 0.08 * mouth.open;
    let by = |length: f32| (shape.down.0 * length, shape.down.1 * length);
    let (arc, oval) = (1.0 - mouth.round, mouth.round);
    let (up, down) = (-UPPER_PART * open, (1.0 - UPPER_PART) * open);
    [
        [by(up * arc - show), by(up * oval), by(0.3 * close), by(-thick_up * swell)],
        [
            by(down * arc),
            by(down * oval),
            by(-0.7 * close),
            by(thick_low * (swell - 0.25 * mouth.tuck).max(-0.30)),
        ],
    ]
}

/// How far the jaw has dropped, in half widths of a mouth.
pub(super) fn jaw_drop(shape: &Shape, pose: &Pose) -> f32 {
    let gap = gap(shape, pose);
    let (open, close) = ((gap - shape.gap).max(0.0), (shape.gap - gap).max(0.0));
    ((1.0 - UPPER_PART) * open - 0.7 * close) / shape.wide
}
