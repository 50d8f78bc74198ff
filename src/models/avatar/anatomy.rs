//! The mesh over a face: how strongly each movement takes its points along, and where they go.
//!
//! The weights are smooth, and known at the points of a mesh. Over the lips and the lids there are
//! several meshes that agree everywhere else: above the line of the mouth and below it the face goes
//! different ways, and the lid goes over the eye.

use std::ops::Range;

use super::face::{Marks, Point};
use super::moves::{COMMON, LIP, Moves, jaw_drop};
use super::pose::Pose;
use super::shape::Shape;
use super::unfold::unfold;
use super::weights::Weights;
use crate::models::operators::wide;

/// The side of a cell of the mesh, in pixels of the frame: of usual faces, and of those whose eyes
/// are at least `LARGE` apart: their parts are larger, too.
const CELLS: [usize; 2] = [4, 8];
const LARGE: f32 = 170.0;

/// The weights of a face at the points of its mesh.
pub(super) struct Anatomy {
    /// The first cell in the frame, in cells.
    pub left: usize,
    pub top: usize,
    /// The side of a cell in pixels: 4 or 8.
    pub cell: usize,
    /// Points of the mesh.
    pub columns: usize,
    pub rows: usize,
    common: Planes<COMMON>,
    upper: Planes<LIP>,
    lower: Planes<LIP>,
    lids: Planes<1>,
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
    /// Of one row, across and down.
    sums: [Vec<f32>; 2],
}

/// Weights by row: all points of one movement, then those of the next.
#[derive(Default)]
struct Planes<const COUNT: usize> {
    data: Vec<f32>,
    columns: usize,
}

impl Anatomy {
    pub fn new(marks: Marks, (width, height): (usize, usize)) -> Self {
        let shape = Shape::new(marks);
        let cell = CELLS[usize::from(shape.unit >= LARGE)];
        let side = cell as f32;
        let frame = shape.marks.upright();
        let reach = 2.35 * shape.unit;
        // From the side most of a head is behind its eye.
        let middle = shape.marks.facing.map_or(0.0, |facing| -0.6 * facing.sign());
        let center = frame.place(middle, 0.45);
        let low = frame.place(middle, 3.25);
        let cells = |value: f32, last: usize| (value / side).clamp(0.0, last as f32) as usize;
        let (last_column, last_row) = (width / cell, height / cell);
        let left = cells(center.x - reach, last_column);
        let right = cells(center.x + reach + side, last_column);
        let top = cells(center.y - 1.25 * reach, last_row);
        let bottom = cells(low.y + side, last_row);
        let (columns, rows) = (right.max(left + 1) - left + 1, bottom.max(top + 1) - top + 1);
        let mut anatomy = Self {
            left,
            top,
            cell,
            columns,
            rows,
            common: Planes::default(),
            upper: Planes::default(),
            lower: Planes::default(),
            lids: Planes::default(),
            spans: Vec::with_capacity(rows),
            shape,
        };
        for row in 0..rows {
            anatomy.add_row(row, width);
        }
        anatomy
    }

    fn add_row(&mut self, row: usize, width: usize) {
        let weights: Vec<Weights> = (0..self.columns)
            .map(|column| {
                let point = self.point(column, row);
                Weights::of(&self.shape, point).faded(self.border(point, width))
            })
            .collect();
        let first = weights.iter().position(Weights::move_at_all);
        let last = weights.iter().rposition(Weights::move_at_all);
        // Sources are looked up between points: one more on each side stands still.
        self.spans.push(
            first.zip(last).map_or(0..0, |(first, last)| {
                first.saturating_sub(1)..(last + 2).min(self.columns)
            }),
        );
        self.common.push(&weights, |weights| weights.common);
        self.upper.push(&weights, |weights| weights.upper);
        self.lower.push(&weights, |weights| weights.lower);
        self.lids.push(&weights, |weights| [weights.lids]);
    }

    /// The place of a point of the mesh at rest.
    #[inline]
    pub fn point(&self, column: usize, row: usize) -> Point {
        let place = |cells: usize| (cells * self.cell) as f32;
        Point::new(place(self.left + column), place(self.top + row))
    }

    /// The cells of a row in which something moves.
    #[inline]
    pub fn covered(&self, row: usize) -> Range<usize> {
        let (above, below) = (&self.spans[row], &self.spans[row + 1]);
        let start = match (above.is_empty(), below.is_empty()) {
            (true, _) => below.start,
            (_, true) => above.start,
            _ => above.start.min(below.start),
        };
        start..above.end.max(below.end).min(self.columns - 1).max(start)
    }

    /// Nothing moves at the border of the frame, but along its lower edge.
    fn border(&self, point: Point, width: usize) -> f32 {
        let away = point.x.min(width as f32 - point.x).min(point.y.max(0.0));
        smooth(away / (0.6 * self.shape.unit))
    }

    /// Where the movements of a pose take the points of a mesh: how far from where they are at rest.
    pub fn field(&self, pose: &Pose, side: Side, rows: Range<usize>, out: &mut Field) {
        // What never moves stays zero.
        out.data.resize(self.columns * self.rows, [0.0; 2]);
        let moves = Moves::of(&self.shape, pose);
        let (lip, by) = match side {
            Side::Upper | Side::Lids => (&self.upper, &moves.upper),
            Side::Lower => (&self.lower, &moves.lower),
        };
        wide(
            #[inline(always)]
            || {
                for row in rows.clone() {
                    let span = self.spans[row].clone();
                    for sum in &mut out.sums {
                        sum.clear();
                        sum.resize(span.len(), 0.0);
                    }
                    self.common.add(row, &span, &moves.common, &mut out.sums);
                    lip.add(row, &span, by, &mut out.sums);
                    if side == Side::Lids {
                        self.lids.add(row, &span, &[moves.lids], &mut out.sums);
                    }
                    let [across, down] = &out.sums;
                    let points = &mut out.data[row * self.columns..][span];
                    for ((point, &x), &y) in points.iter_mut().zip(across).zip(down) {
                        *point = [x, y];
                    }
                }
            },
        );
        unfold(self, &rows, out);
    }

    /// How far the jaw has dropped, in half widths of the mouth.
    pub fn jaw_drop(&self, pose: &Pose) -> f32 {
        jaw_drop(&self.shape, pose)
    }

    /// How the bones of the head have moved at the mouth: by how much, and the turn.
    pub fn head_move(&self, pose: &Pose) -> ((f32, f32), f32) {
        let moves = Moves::of(&self.shape, pose);
        let weights = Weights::of(&self.shape, self.shape.mouth);
        let mut sum = (0.0, 0.0);
        for at in 0..4 {
            sum.0 += weights.common[at] * moves.common[at].0;
            sum.1 += weights.common[at] * moves.common[at].1;
        }
        (sum, moves.turn * weights.common[0])
    }

    pub fn row_of(&self, point: Point) -> usize {
        let row = (point.y / self.cell as f32).round() - self.top as f32;
        (row.max(0.0) as usize).min(self.rows - 1)
    }

    pub fn column_of(&self, point: Point) -> usize {
        let column = (point.x / self.cell as f32).round() - self.left as f32;
        (column.max(0.0) as usize).min(self.columns - 1)
    }
}

impl<const COUNT: usize> Planes<COUNT> {
    fn push(&mut self, row: &[Weights], of: impl Fn(&Weights) -> [f32; COUNT]) {
        self.columns = row.len();
        let start = self.data.len();
        self.data.resize(start + COUNT * row.len(), 0.0);
        for (column, weights) in row.iter().enumerate() {
            for (at, weight) in of(weights).into_iter().enumerate() {
                self.data[start + at * row.len() + column] = weight;
            }
        }
    }

    /// Adds what each movement does to the points of a row.
    #[inline(always)]
    fn add(
        &self,
        row: usize,
        span: &Range<usize>,
        by: &[(f32, f32); COUNT],
        [across, down]: &mut [Vec<f32>; 2],
    ) {
        for (at, &(x, y)) in by.iter().enumerate() {
            if x == 0.0 && y == 0.0 {
                continue;
            }
            let weights = &self.data[(row * COUNT + at) * self.columns..][span.clone()];
            for ((sum_x, sum_y), weight) in across.iter_mut().zip(&mut *down).zip(weights) {
                *sum_x += weight * x;
                *sum_y += weight * y;
            }
        }
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
    use crate::media::Picture;
    use crate::models::avatar::face::{Facing, Front, Given, POINTS, Profile, Upright, find};

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
        // From both sides, as flat and as deep as the lips of a profile can be.
        let side = |facing: Facing, deep: f32| {
            let sign = facing.sign();
            let (eye, corner) = (Point::new(640.0, 280.0), Point::new(640.0 + 12.0 * sign, 418.0));
            let front = Point::new(corner.x + sign * deep, corner.y - 3.0);
            let profile = Profile::given(facing, eye, [front, corner], None);
            let even = Picture { width: 1280, height: 720, data: vec![120; 1280 * 720 * 3] };
            find(&even, Some(&Given::Side(profile))).marks.unwrap()
        };
        let (left, right) = (side(Facing::Left, 8.0), side(Facing::Right, 60.0));
        vec![plain, laughing, small, large, left, right]
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
        let frown = part();
        let squint = part();
        let lids = part();
        let mut both = || 2.0 * part() - 1.0;
        Pose {
            mouth,
            smile: both(),
            brows: both(),
            frown,
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

    /// Faces as they may be given: whatever the check of landmarks lets pass.
    fn any_given(random: &mut fastrand::Rng) -> Marks {
        let mut within = |least: f32, most: f32| least + (most - least) * random.f32();
        let unit = within(30.0, 320.0);
        let turn = within(-0.6, 0.6);
        let frame = Upright::new(
            Point::new(640.0 - 0.5 * unit * turn.cos(), 280.0 - 0.5 * unit * turn.sin()),
            Point::new(640.0 + 0.5 * unit * turn.cos(), 280.0 + 0.5 * unit * turn.sin()),
        );
        let (below, beside) = (within(0.5, 2.2), within(-0.5, 0.5));
        let width = within(0.4, 1.6);
        let slope = 0.5 * width * within(-0.4, 0.4);
        let corner = |side: f32| frame.place(beside + 0.5 * side * width, below + side * slope);
        let given = Front {
            eyes: [frame.place(-0.5, 0.0), frame.place(0.5, 0.0)],
            mouth: Some([corner(-1.0), corner(1.0)]),
            chin: Some(frame.place(within(-0.8, 0.8), below + within(0.2, 2.5))),
        };
        let even = Picture { width: 1280, height: 720, data: vec![120; 1280 * 720 * 3] };
        let mut marks = find(&even, Some(&Given::Front(given))).marks.unwrap();
        // Some are open.
        let open = within(-0.2, 0.2).max(0.0) * frame.unit;
        for at in 0..POINTS {
            let bow = 1.0 - (at as f32 / (POINTS - 1) as f32 * 2.0 - 1.0).powi(2);
            marks.lips.lower[at] += open * bow;
            marks.lips.bottom[at] += open * bow;
        }
        marks
    }

    /// Profiles as they may be given.
    fn any_profile(random: &mut fastrand::Rng) -> Marks {
        let mut within = |least: f32, most: f32| least + (most - least) * random.f32();
        let facing = if within(0.0, 1.0) < 0.5 { Facing::Left } else { Facing::Right };
        let (unit, turn) = (within(30.0, 320.0), within(-0.6, 0.6));
        let (cos, sin) = (turn.cos() * unit, turn.sin() * unit);
        let frame = Upright::new(
            Point::new(640.0 - 0.5 * cos, 280.0 - 0.5 * sin),
            Point::new(640.0 + 0.5 * cos, 280.0 + 0.5 * sin),
        );
        let sign = facing.sign();
        let (ahead, below) = (within(0.05, 0.6), within(-0.3, 0.3));
        let mouth = [frame.place(sign * ahead, 1.15 + below), frame.place(0.0, 1.15)];
        let chin = frame.place(sign * within(-1.0, 1.0), 1.15 + within(0.2, 2.5));
        let even = Picture { width: 1280, height: 720, data: vec![120; 1280 * 720 * 3] };
        let profile = Profile::given(facing, frame.place(0.0, 0.0), mouth, Some(chin));
        find(&even, Some(&Given::Side(profile))).marks.unwrap()
    }

    #[test]
    fn no_triangle_is_turned_over_in_a_face_that_was_given() {
        let seed = 23;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut worst = Vec::new();
        for number in 0..100 {
            let marks = if number < 60 { any_given(&mut random) } else { any_profile(&mut random) };
            let anatomy = Anatomy::new(marks, (1280, 720));
            let mut field = Field::default();
            for round in 0..12 {
                let pose = any_pose(&mut random);
                for side in [Side::Upper, Side::Lower, Side::Lids] {
                    anatomy.field(&pose, side, 0..anatomy.rows, &mut field);
                    let smallest = smallest_triangle(&anatomy, &field, side);
                    if smallest.0 <= 0.0 {
                        worst.push(format!("face {number}, round {round}, {side:?}: {smallest:?}"));
                    }
                }
            }
        }
        assert!(worst.is_empty(), "seed {seed}: {} folds: {worst:#?}", worst.len());
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
                let here = area(a, b, c).min(area(b, d, c)) / (anatomy.cell * anatomy.cell) as f32;
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
        let reach = 1.5 * anatomy.cell as f32;
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
