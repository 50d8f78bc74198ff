//! What moves with what: for every place of a face how strongly each movement takes it along.
//!
//! The weights are smooth, and known at the points of a mesh. Over the lips and the lids there are
//! several meshes that agree everywhere else: above the line of the mouth and below it the face goes
//! different ways, and the lid goes over the eye.

use std::ops::Range;

use super::face::{Marks, Point};
use super::pose::Pose;
use super::shape::Shape;

/// The side of a cell of the mesh, in pixels of the frame.
pub(super) const CELL: usize = 4;

/// Movements of all of the face.
const COMMON: usize = 12;
/// Movements of what is above the line of the mouth, and as many of what is below.
const LIP: usize = 3;
/// How far the lips part at the most, in distances of the eyes.
const GAPE: f32 = 0.29;
/// The part of the parting that the upper lip does.
const UPPER_PART: f32 = 0.14;

/// The weights of a face at the points of its mesh.
pub(super) struct Anatomy {
    /// The first cell in the frame, in cells.
    pub left: usize,
    pub top: usize,
    /// Points of the mesh.
    pub columns: usize,
    pub rows: usize,
    common: Vec<[f32; COMMON]>,
    upper: Vec<[f32; LIP]>,
    lower: Vec<[f32; LIP]>,
    lids: Vec<[f32; 2]>,
    /// The points of each row that move at all.
    pub spans: Vec<Range<usize>>,
    pub shape: Shape,
}

/// Which of the meshes that differ around mouth and eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Above the line of the mouth.
    Upper,
    /// Below the line of the mouth.
    Lower,
    /// The upper lids, and all else.
    Lids,
}

/// The displacement of the points of a mesh, in pixels.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub data: Vec<[f32; 2]>,
}

impl Anatomy {
    pub fn new(marks: Marks, (width, height): (usize, usize)) -> Self {
        let shape = Shape::new(marks);
        let frame = shape.marks.upright();
        let reach = 2.35 * shape.unit;
        let center = frame.place(0.0, 0.45);
        let low = frame.place(0.0, 3.25);
        let cells =
            |value: f32, last: usize| (value / CELL as f32).clamp(0.0, last as f32) as usize;
        let (last_column, last_row) = (width / CELL, height / CELL);
        let left = cells(center.x - reach, last_column);
        let right = cells(center.x + reach + CELL as f32, last_column);
        let top = cells(center.y - 1.25 * reach, last_row);
        let bottom = cells(low.y + CELL as f32, last_row);
        let (columns, rows) = (right.max(left + 1) - left + 1, bottom.max(top + 1) - top + 1);
        let mut anatomy = Self {
            left,
            top,
            columns,
            rows,
            common: Vec::with_capacity(columns * rows),
            upper: Vec::with_capacity(columns * rows),
            lower: Vec::with_capacity(columns * rows),
            lids: Vec::with_capacity(columns * rows),
            spans: Vec::with_capacity(rows),
            shape,
        };
        for row in 0..rows {
            let (mut first, mut last) = (columns, 0);
            for column in 0..columns {
                let point = anatomy.point(column, row);
                let border = anatomy.border(point, (width, height));
                let (common, upper, lower, lids) = anatomy.weights(point);
                // Turns have a lever: their weights are pixels.
                let moves = border > 0.0
                    && (common[0] > 1e-4 || common[3..].iter().any(|weight| weight.abs() > 2e-3));
                if moves {
                    (first, last) = (first.min(column), column + 1);
                }
                anatomy.common.push(common.map(|weight| weight * border));
                anatomy.upper.push(upper.map(|weight| weight * border));
                anatomy.lower.push(lower.map(|weight| weight * border));
                anatomy.lids.push(lids.map(|weight| weight * border));
            }
            // Sources are looked up between points: one more on each side stands still.
            anatomy
                .spans
                .push(first.saturating_sub(1)..(last + 1).min(columns).max(first.min(last)));
        }
        anatomy
    }

    /// The place of a point of the mesh at rest.
    #[inline]
    pub fn point(&self, column: usize, row: usize) -> Point {
        Point::new(((self.left + column) * CELL) as f32, ((self.top + row) * CELL) as f32)
    }

    /// Nothing moves at the border of the frame, but along its lower edge.
    fn border(&self, point: Point, (width, height): (usize, usize)) -> f32 {
        let away = point.x.min(width as f32 - point.x).min(point.y.max(0.0));
        let _ = height;
        smooth(away / (0.6 * self.shape.unit))
    }

    fn weights(&self, point: Point) -> ([f32; COMMON], [f32; LIP], [f32; LIP], [f32; 2]) {
        let shape = &self.shape;
        let (marks, unit) = (&shape.marks, shape.unit);
        let frame = marks.upright();
        let (x, y) = frame.inside(point);
        let (u, v) = shape.by_mouth(point);
        let lips = &marks.lips;
        let chin = frame.inside(marks.chin).1;
        let nose = frame.inside(marks.nose).1;
        let line = frame.inside(shape.mouth).1;
        let spot = |cx: f32, cy: f32, rx: f32, ry: f32| {
            let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
            (-0.5 * (dx * dx + dy * dy)).exp()
        };

        // The head: all of it moves, the neck less and less, what is around it hardly.
        let (hx, hy) = (x / 1.25, (y - 0.35) / if y < 0.35 { 1.75 } else { 1.85 });
        let away = hx.hypot(hy);
        let head = 1.0 - smooth((away - 0.85) / 0.95);
        let neck = 1.0 - smooth((y - chin + 0.15) / 1.2);
        let head = head * neck;
        let (px, py) = (point.x - shape.pivot.x, point.y - shape.pivot.y);
        // How far it stands out towards who looks.
        let (fx, fy) = (x / 1.35, (y - 0.5) / 1.75);
        let bulge = (1.0 - fx * fx - fy * fy).max(0.0);
        let depth = bulge * bulge.sqrt().min(1.0) + 0.16 * spot(0.0, nose - 0.08, 0.16, 0.22);

        // The jaw: from the line of the mouth to the chin, and under it into the neck.
        let below = (v - Shape::edge(&lips.lower, u)) / unit;
        let ramp = smooth(below / 0.40);
        let beside = 1.0 - smooth((x.abs() - 0.35) / 0.85);
        let under = 1.0 - smooth((y - chin - 0.02) / 0.85);
        let jaw = ramp * beside * under;

        // The corners: along the mouth, fading into the cheeks, nose and chin.
        let side =
            if u.abs() < 1.0 { u } else { u.signum() * (1.0 - smooth((u.abs() - 1.0) / 1.6)) };
        let tall = |off: f32, reach: f32| (-0.5 * (off / reach).powi(2)).exp();
        let corner_line = tall((y - line) / 1.0, 0.26);
        let corner = |sign: f32| {
            let off = ((u - sign) * shape.half / unit, v / unit);
            (-0.5 * ((off.0 / 0.24).powi(2) + (off.1 / 0.22).powi(2))).exp()
        };
        let corners = corner(-1.0) + corner(1.0);
        let out = corner(1.0) - corner(-1.0);
        let cheeks = spot(-0.56, 0.62, 0.24, 0.22) + spot(0.56, 0.62, 0.24, 0.22);

        let mut brows = 0.0;
        let mut squint = 0.0;
        let mut gaze = 0.0;
        let mut lids = [0.0; 2];
        for (at, eye) in marks.eyes.iter().enumerate() {
            let (bx, by) = frame.inside(eye.brow);
            brows += spot(bx, by, 0.30, if y < by { 0.24 } else { 0.115 });
            let (ex, ey) = frame.inside(eye.center);
            let below = eye.below / unit;
            squint += spot(ex, ey + below + 0.07, 0.26, 0.075);
            let (ue, ve) = shape.by_eye(eye, point);
            let opening = Shape::lid(eye.above, ue) + Shape::lid(eye.below, ue);
            let (up, down) = (ve + Shape::lid(eye.above, ue), Shape::lid(eye.below, ue) - ve);
            let inside = smooth((up.min(down) + 0.13 * unit) / (0.15 * unit));
            gaze += inside * (1.0 - smooth((ue.abs() - 0.2) / 1.0));
            // From the lid up to the brow the skin is drawn along.
            let over = -up / unit;
            let stretch = ((ey - by).abs() - eye.above / unit).max(0.14) * 0.95;
            // A little beyond the lower lid: skin on skin is not seen.
            lids[at] = 1.14 * opening * (1.0 - smooth(over / stretch)) / unit;
        }

        let common = [
            head,
            -head * py,
            head * px,
            depth,
            jaw,
            side * corner_line,
            corners,
            out,
            cheeks,
            brows.min(1.0),
            squint.min(1.0),
            gaze.min(1.0),
        ];

        let bow = (1.0 - u * u).max(0.0);
        let arch = bow.powf(0.85);
        let source_gap = (Shape::edge(&lips.lower, u) - Shape::edge(&lips.upper, u)).max(0.0);
        let source_gap = if u.abs() < 1.0 { source_gap / shape.gap.max(1.0) } else { 0.0 };
        // How far above the upper lip's edge, and below the lower's.
        let above = (Shape::edge(&lips.upper, u) - v) / unit;
        let thick_up = ((Shape::edge(&lips.upper, u) - Shape::edge(&lips.top, u)) / unit).max(0.02);
        let thick_low =
            ((Shape::edge(&lips.bottom, u) - Shape::edge(&lips.lower, u)) / unit).max(0.02);
        let to_nose = (line - nose).max(0.22);
        let kept_up = 1.0 - smooth((above - 0.7 * thick_up) / (to_nose - 0.5 * thick_up).max(0.12));
        let kept_low = 1.0 - ramp;
        let plump = bow.powf(0.8);
        let thick = |off: f32, thickness: f32, end: f32| {
            smooth(off / thickness) * (1.0 - smooth((off - thickness) / (end - thickness).max(0.1)))
        };
        let upper = [arch * kept_up, source_gap * kept_up, plump * thick(above, thick_up, to_nose)];
        let lower = [arch * kept_low, source_gap * kept_low, plump * thick(below, thick_low, 0.38)];
        (common, upper, lower, lids)
    }

    /// Where the movements of a pose take the points of a mesh: how far from where they are at rest.
    pub fn field(&self, pose: &Pose, side: Side, rows: Range<usize>, out: &mut Field) {
        // What never moves stays zero.
        out.data.resize(self.columns * self.rows, [0.0; 2]);
        let common = self.common_moves(pose);
        let [upper, lower] = self.lip_moves(pose);
        let lid = self.lid_moves(pose);
        let cells = rows.flat_map(|row| {
            let span = &self.spans[row];
            row * self.columns + span.start..row * self.columns + span.end
        });
        for at in cells {
            let weights = &self.common[at];
            let mut sum = [0.0_f32; 2];
            for (weight, by) in weights.iter().zip(&common) {
                sum[0] += weight * by.0;
                sum[1] += weight * by.1;
            }
            let (weights, moves) = match side {
                Side::Upper | Side::Lids => (&self.upper[at], &upper),
                Side::Lower => (&self.lower[at], &lower),
            };
            for (weight, by) in weights.iter().zip(moves) {
                sum[0] += weight * by.0;
                sum[1] += weight * by.1;
            }
            if side == Side::Lids {
                let weight = self.lids[at][0] + self.lids[at][1];
                sum[0] += weight * lid.0;
                sum[1] += weight * lid.1;
            }
            out.data[at] = sum;
        }
    }

    fn common_moves(&self, pose: &Pose) -> [(f32, f32); COMMON] {
        let shape = &self.shape;
        let unit = shape.unit;
        let along =
            |direction: (f32, f32), length: f32| (direction.0 * length, direction.1 * length);
        let (level, plumb) = (shape.level, shape.plumb);
        let turn = 1.25 * unit;
        let mouth = &pose.mouth;
        let wide = 0.075 * mouth.spread + 0.05 * pose.smile.max(0.0)
            - 0.27 * mouth.round
            - 0.05 * mouth.open * (1.0 - mouth.spread)
            - 0.02 * mouth.press;
        let gap = self.gap(pose);
        let up = -(0.075 * pose.smile.max(0.0) + 0.045 * pose.smile.min(0.0)) * unit;
        // Behind closed lids nobody looks.
        let seen = 0.06 * (1.0 - 0.8 * pose.lids);
        let gaze = (
            seen * (level.0 * pose.gaze.0 + plumb.0 * pose.gaze.1 * 0.4),
            seen * (level.1 * pose.gaze.0 + plumb.1 * pose.gaze.1 * 0.4),
        );
        [
            along((pose.shift.0, pose.shift.1), unit),
            (pose.roll, 0.0),
            (0.0, pose.roll),
            (
                (level.0 * pose.yaw + plumb.0 * pose.pitch) * turn,
                (level.1 * pose.yaw + plumb.1 * pose.pitch) * turn,
            ),
            along(shape.down, 0.74 * (gap - self.shape.gap).max(0.0)),
            along(shape.across, wide * shape.half),
            along(shape.down, up),
            along(shape.across, 0.03 * pose.smile.max(0.0) * unit),
            along(plumb, -0.045 * pose.smile.max(0.0) * unit - 0.02 * pose.squint * unit),
            along(plumb, -(0.10 * pose.brows.max(0.0) + 0.05 * pose.brows.min(0.0)) * unit),
            along(plumb, -0.035 * (pose.squint + 0.5 * pose.smile.max(0.0)).min(1.0) * unit),
            along(gaze, unit),
        ]
    }

    /// How far the lips are apart in the middle, in pixels.
    fn gap(&self, pose: &Pose) -> f32 {
        let mouth = &pose.mouth;
        (GAPE * mouth.open * (1.0 - 0.25 * mouth.round) + 0.02 * mouth.tuck) * self.shape.unit
    }

    fn lip_moves(&self, pose: &Pose) -> [[(f32, f32); LIP]; 2] {
        let (shape, mouth) = (&self.shape, &pose.mouth);
        let unit = shape.unit;
        let gap = self.gap(pose);
        // What is open in the portrait closes first; what opens further opens as an arc.
        let close = (shape.gap - gap).max(0.0);
        let open = (gap - shape.gap).max(0.0);
        let show = 0.022 * mouth.teeth * (gap / (0.08 * unit)).min(1.0) * unit;
        let lips = &shape.marks.lips;
        let middle = super::face::POINTS / 2;
        let thick_up = (lips.upper[middle] - lips.top[middle]).max(0.0);
        let thick_low = (lips.bottom[middle] - lips.lower[middle]).max(0.0);
        let swell = 0.28 * mouth.round - 0.24 * mouth.press - 0.08 * mouth.open;
        let by = |length: f32| (shape.down.0 * length, shape.down.1 * length);
        [
            [by(-UPPER_PART * open - show), by(0.3 * close), by(-thick_up * swell)],
            [
                by((1.0 - UPPER_PART) * open),
                by(-0.7 * close),
                by(thick_low * (swell - 0.25 * mouth.tuck).max(-0.24)),
            ],
        ]
    }

    fn lid_moves(&self, pose: &Pose) -> (f32, f32) {
        let length = pose.lids * self.shape.unit;
        (self.shape.plumb.0 * length, self.shape.plumb.1 * length)
    }

    /// How far the jaw has dropped, in half widths of the mouth.
    pub fn jaw_drop(&self, pose: &Pose) -> f32 {
        let open = (self.gap(pose) - self.shape.gap).max(0.0);
        let close = (self.shape.gap - self.gap(pose)).max(0.0);
        ((1.0 - UPPER_PART) * open - 0.7 * close) / self.shape.half
    }

    /// How the bones of the head have moved at the mouth: by how much, and the turn.
    pub fn head_move(&self, pose: &Pose) -> ((f32, f32), f32) {
        let shape = &self.shape;
        let moves = self.common_moves(pose);
        let (row, column) = (self.row_of(shape.mouth), self.column_of(shape.mouth));
        let weights = &self.common[row * self.columns + column];
        let mut sum = (0.0, 0.0);
        for at in 0..4 {
            sum.0 += weights[at] * moves[at].0;
            sum.1 += weights[at] * moves[at].1;
        }
        (sum, pose.roll * weights[0])
    }

    pub fn row_of(&self, point: Point) -> usize {
        let row = (point.y / CELL as f32).round() - self.top as f32;
        (row.max(0.0) as usize).min(self.rows - 1)
    }

    pub fn column_of(&self, point: Point) -> usize {
        let column = (point.x / CELL as f32).round() - self.left as f32;
        (column.max(0.0) as usize).min(self.columns - 1)
    }
}

/// 0 below 0, 1 above 1, smooth between.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces() -> Vec<Marks> {
        let plain = Marks::proportional(Point::new(580.0, 280.0), Point::new(700.0, 280.0), 1.0);
        let mut laughing =
            Marks::proportional(Point::new(560.0, 300.0), Point::new(700.0, 270.0), 1.0);
        for at in 0..laughing.lips.lower.len() {
            let bow = laughing.lips.upper[at] / 0.01;
            laughing.lips.lower[at] = 0.13 * bow;
            laughing.lips.bottom[at] = 0.26 * bow;
        }
        let small = Marks::proportional(Point::new(600.0, 300.0), Point::new(640.0, 302.0), 1.0);
        let large = Marks::proportional(Point::new(500.0, 260.0), Point::new(760.0, 260.0), 1.0);
        vec![plain, laughing, small, large]
    }

    fn any_pose(random: &mut fastrand::Rng) -> Pose {
        // The ends of what can be reached are reached often.
        let mut part = || {
            let value: f32 = random.f32() * 1.6 - 0.3;
            value.clamp(0.0, 1.0)
        };
        let mouth = crate::models::avatar::Mouth {
            open: part(),
            spread: part(),
            round: part(),
            teeth: part(),
            tongue: part(),
            press: part(),
            tuck: part(),
        };
        let squint = part();
        let lids = part();
        let mut both = || 2.0 * part() - 1.0;
        Pose {
            mouth,
            smile: both(),
            brows: both(),
            squint,
            lids,
            gaze: (both(), both()),
            yaw: both(),
            pitch: both(),
            roll: both(),
            shift: (both(), both()),
        }
        .limited()
    }

    #[test]
    fn every_triangle_keeps_its_orientation_in_every_pose() {
        let seed = 11;
        let mut random = fastrand::Rng::with_seed(seed);
        for (number, marks) in faces().into_iter().enumerate() {
            let anatomy = Anatomy::new(marks, (1280, 720));
            let mut field = Field::default();
            for round in 0..60 {
                let pose = any_pose(&mut random);
                for side in [Side::Upper, Side::Lower, Side::Lids] {
                    anatomy.field(&pose, side, 0..anatomy.rows, &mut field);
                    let smallest = smallest_triangle(&anatomy, &field, side);
                    assert!(
                        smallest.0 > 0.0,
                        "seed {seed}, face {number}, round {round}, {side:?}: {smallest:?} in {pose:?}"
                    );
                }
            }
        }
    }

    /// The smallest of all triangles, in parts of their size at rest; below zero it is turned over.
    /// And where in the face that is.
    fn smallest_triangle(anatomy: &Anatomy, field: &Field, side: Side) -> (f32, (f32, f32)) {
        let place = |column: usize, row: usize| {
            let (rest, by) =
                (anatomy.point(column, row), field.data[row * anatomy.columns + column]);
            (rest.x + by[0], rest.y + by[1])
        };
        let area = |a: (f32, f32), b: (f32, f32), c: (f32, f32)| {
            (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
        };
        let mut smallest = (f32::MAX, (0.0, 0.0));
        let frame = anatomy.shape.marks.upright();
        for row in 0..anatomy.rows - 1 {
            for column in 0..anatomy.columns - 1 {
                let (a, b) = (place(column, row), place(column + 1, row));
                let (c, d) = (place(column, row + 1), place(column + 1, row + 1));
                let here = area(a, b, c).min(area(b, d, c)) / (CELL * CELL) as f32;
                if here < smallest.0 && is_used(anatomy, anatomy.point(column, row), side) {
                    smallest = (here, frame.inside(anatomy.point(column, row)));
                }
            }
        }
        smallest
    }

    /// Whether anything is looked up in a mesh at a place of the portrait.
    fn is_used(anatomy: &Anatomy, point: Point, side: Side) -> bool {
        let shape = &anatomy.shape;
        let (u, v) = shape.by_mouth(point);
        let reach = 1.5 * CELL as f32;
        match side {
            Side::Upper => v < Shape::edge(&shape.marks.lips.upper, u) + reach,
            Side::Lower => v > Shape::edge(&shape.marks.lips.lower, u) - reach,
            Side::Lids => shape.marks.eyes.iter().any(|eye| {
                let (u, v) = shape.by_eye(eye, point);
                let over = -Shape::lid(eye.above, u) - v;
                u.abs() < 1.6 && over > -reach && over < 0.5 * shape.unit
            }),
        }
    }
}
