//! A portrait made ready, and painted in any pose.
//!
//! Each pixel of the frame is looked up in the portrait: the mesh says from where. Inside the boxes
//! of mouth and eyes there are two layers, and between the lips the inside of the mouth.

use std::ops::Range;

use super::anatomy::{Anatomy, CELL, Field, Side};
use super::face::{Eye, Given, Marks, Point, find};
use super::inside::Inside;
use super::placing::{FINENESS, Placing, texture};
use super::pose::Pose;
use super::shape::Shape;
use super::texture::{POINT, Texture, levels, mix, packed};
use super::tones::Tones;
use crate::media::Picture;

/// A portrait in its frame, ready to be painted in any pose.
pub struct Stage {
    width: usize,
    height: usize,
    texture: Texture,
    /// The portrait as it is, in the size of the frame.
    still: Vec<u32>,
    face: Option<Face>,
    placing: Placing,
    /// How many faces there were.
    count: usize,
}

struct Face {
    anatomy: Anatomy,
    tones: Tones,
    /// Cells in which the lips are, and those of each eye.
    mouth_box: Cells,
    eye_boxes: [Cells; 2],
    upper: Mesh,
    lower: Mesh,
    lids: Mesh,
}

/// A part of the mesh, in cells from its corner.
#[derive(Debug, Clone)]
struct Cells {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// From where the points of the mesh are looked up at present.
#[derive(Default)]
struct Mesh {
    field: Field,
    /// In pixels of the frame.
    sources: Vec<[f32; 2]>,
}

impl Stage {
    /// Makes a portrait ready for frames of a size; a face is looked for unless its points are given.
    pub fn new(picture: &Picture, given: Option<&Given>, frame: (usize, usize)) -> Self {
        let found = find(picture, given);
        let size = (picture.width as usize, picture.height as usize);
        let placing = Placing::of(size, found.marks.as_ref(), frame);
        let texture = Texture {
            width: frame.0 * FINENESS,
            height: frame.1 * FINENESS,
            data: texture(picture, placing, frame),
        };
        let mut still = vec![0; frame.0 * frame.1];
        let half = 1 << (POINT - 1);
        for (y, row) in still.chunks_exact_mut(frame.0).enumerate() {
            for (x, out) in row.iter_mut().enumerate() {
                let place = |at: usize| ((at * FINENESS) as i32) << POINT;
                *out = texture.sample(place(x) + half, place(y) + half);
            }
        }
        let face = found.marks.map(|marks| {
            let marks = marks.moved(placing.scale, shifted(placing));
            Face::new(marks, &texture, frame)
        });
        Self { width: frame.0, height: frame.1, texture, still, face, placing, count: found.count }
    }

    /// The marks of the face in the portrait; `None` if none was found.
    pub fn marks(&self) -> Option<Marks> {
        let back = 1.0 / self.placing.scale;
        let by = shifted(self.placing);
        let by = Point::new(-by.x * back, -by.y * back);
        self.face.as_ref().map(|face| face.anatomy.shape.marks.moved(back, by))
    }

    /// The place between the eyes, in pixels of the frame.
    pub fn face_in_frame(&self) -> Option<Point> {
        self.face.as_ref().map(|face| face.anatomy.shape.marks.upright().origin)
    }

    /// The distance of the eyes, in pixels of the frame.
    pub fn unit_in_frame(&self) -> Option<f32> {
        self.face.as_ref().map(|face| face.anatomy.shape.unit)
    }

    /// How many faces there seem to be.
    pub fn faces(&self) -> usize {
        self.count
    }

    /// Paints the portrait in a pose: four bytes a pixel, red first.
    pub fn paint(&mut self, pose: &Pose, out: &mut [u32]) {
        out.copy_from_slice(&self.still);
        let Some(face) = &mut self.face else { return };
        let pose = pose.limited();
        let mouth = face.mouth_box.rows.clone();
        face.upper.solve(&face.anatomy, &pose, Side::Upper, 0..mouth.end);
        face.lower.solve(&face.anatomy, &pose, Side::Lower, mouth.start..face.anatomy.rows);
        let painter =
            Painter { texture: &self.texture, face, width: self.width, height: self.height };
        painter.paint(&pose, out);
        if pose.lids > 0.004 {
            let rows = face.eye_boxes[0].rows.start.min(face.eye_boxes[1].rows.start)
                ..face.eye_boxes[0].rows.end.max(face.eye_boxes[1].rows.end);
            face.lids.solve(&face.anatomy, &pose, Side::Lids, rows);
            let painter =
                Painter { texture: &self.texture, face, width: self.width, height: self.height };
            for at in 0..2 {
                painter.lid(&pose, at, out);
            }
        }
    }
}

/// What is added to a scaled place of the portrait: pixels are counted by their centers.
fn shifted(placing: Placing) -> Point {
    let off = 0.5 * placing.scale - 0.5;
    Point::new(placing.corner.x + off, placing.corner.y + off)
}

impl Face {
    fn new(marks: Marks, texture: &Texture, frame: (usize, usize)) -> Self {
        let tones = Tones::seen(&marks, texture);
        let anatomy = Anatomy::new(marks, frame);
        let shape = &anatomy.shape;
        let unit = shape.unit;
        let cells = |from: Point, to: Point| {
            let columns = anatomy.column_of(from)..anatomy.column_of(to) + 1;
            let rows = anatomy.row_of(from)..anatomy.row_of(to) + 1;
            Cells {
                columns: columns.start..columns.end.min(anatomy.columns - 1),
                rows: rows.start..rows.end.min(anatomy.rows - 1),
            }
        };
        let wide = shape.half + 0.30 * unit;
        let mouth_box = cells(
            Point::new(shape.mouth.x - wide, shape.mouth.y - 0.42 * unit),
            Point::new(shape.mouth.x + wide, shape.mouth.y + 0.62 * unit),
        );
        let eye_boxes = std::array::from_fn(|at| {
            let eye = &shape.marks.eyes[at];
            let wide = 1.15 * eye.half_width + 0.18 * unit;
            cells(
                Point::new(eye.center.x - wide, eye.center.y - 0.62 * unit),
                Point::new(eye.center.x + wide, eye.center.y + 0.36 * unit),
            )
        });
        Self {
            mouth_box,
            eye_boxes,
            anatomy,
            tones,
            upper: Mesh::default(),
            lower: Mesh::default(),
            lids: Mesh::default(),
        }
    }
}

impl Mesh {
    /// Finds from where the points of the mesh come: the displacement of the place that a point is
    /// taken from leads back to the point.
    fn solve(&mut self, anatomy: &Anatomy, pose: &Pose, side: Side, rows: Range<usize>) {
        let rows = rows.start..(rows.end + 1).min(anatomy.rows);
        // What lies around is needed where points come from outside of the rows.
        let margin = 12;
        let wide = rows.start.saturating_sub(margin)..(rows.end + margin).min(anatomy.rows);
        anatomy.field(pose, side, wide.clone(), &mut self.field);
        let count = anatomy.columns * anatomy.rows;
        let fresh = self.sources.len() != count;
        if fresh {
            self.sources = (0..count)
                .map(|at| anatomy.point(at % anatomy.columns, at / anatomy.columns))
                .map(|point| [point.x, point.y])
                .collect();
        }
        // A lid is stretched so much that it takes small steps to find it.
        let (rounds, step) = match (side, fresh) {
            (Side::Lids, _) => (18, 0.38),
            (_, true) => (12, 0.75),
            (_, false) => (3, 0.75),
        };
        let low = wide.start as f32;
        let high = (wide.end - 1) as f32;
        let scale = 1.0 / CELL as f32;
        let corner = ((anatomy.left * CELL) as f32, (anatomy.top * CELL) as f32);
        for row in rows {
            for column in anatomy.spans[row].clone() {
                let at = row * anatomy.columns + column;
                let (px, py) = (column as f32, row as f32);
                let before = self.sources[at];
                let mut x = (before[0] - corner.0) * scale;
                let mut y = (before[1] - corner.1) * scale;
                for _ in 0..rounds {
                    let by = self.field.at(anatomy, x, y.clamp(low, high));
                    x += (px - by[0] * scale - x) * step;
                    y += (py - by[1] * scale - y) * step;
                }
                self.sources[at] = [x * CELL as f32 + corner.0, y * CELL as f32 + corner.1];
            }
        }
    }
}

impl Field {
    /// The displacement at a place between the points of the mesh.
    #[inline]
    fn at(&self, anatomy: &Anatomy, x: f32, y: f32) -> [f32; 2] {
        let x = x.max(0.0).min(anatomy.columns as f32 - 1.001);
        let y = y.max(0.0).min(anatomy.rows as f32 - 1.001);
        let (x0, y0) = (x as usize, y as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let at = y0 * anatomy.columns + x0;
        let (a, b) = (self.data[at], self.data[at + 1]);
        let (c, d) = (self.data[at + anatomy.columns], self.data[at + anatomy.columns + 1]);
        std::array::from_fn(|axis| {
            let above = a[axis] + (b[axis] - a[axis]) * fx;
            let below = c[axis] + (d[axis] - c[axis]) * fx;
            above + (below - above) * fy
        })
    }
}

struct Painter<'a> {
    texture: &'a Texture,
    face: &'a Face,
    width: usize,
    height: usize,
}

impl Painter<'_> {
    fn paint(&self, pose: &Pose, out: &mut [u32]) {
        let face = self.face;
        let anatomy = &face.anatomy;
        let mouth = &face.mouth_box;
        let all = 0..anatomy.columns - 1;
        self.fill(&face.upper, &all, &(0..mouth.rows.start), out);
        self.fill(&face.upper, &(0..mouth.columns.start), &mouth.rows, out);
        self.fill(&face.upper, &(mouth.columns.end..all.end), &mouth.rows, out);
        self.fill(&face.lower, &all, &(mouth.rows.end..anatomy.rows - 1), out);
        self.mouth(pose, out);
    }

    /// The pixels of a row of the frame that are in these cells, with their sources in the frame.
    fn fill(&self, mesh: &Mesh, columns: &Range<usize>, rows: &Range<usize>, out: &mut [u32]) {
        let anatomy = &self.face.anatomy;
        let (limit_x, limit_y) = self.texture.limits();
        let fixed = (1 << POINT) as f32;
        let place = |source: f32, limit: f32| {
            ((source * FINENESS as f32 + 0.5).max(0.0).min(limit) * fixed) as i32
        };
        for row in rows.clone() {
            for line in 0..CELL {
                let y = (anatomy.top + row) * CELL + line;
                if y >= self.height {
                    return;
                }
                let part = line as f32 / CELL as f32;
                let above = &mesh.sources[row * anatomy.columns..][..anatomy.columns];
                let below = &mesh.sources[(row + 1) * anatomy.columns..][..anatomy.columns];
                let at = |column: usize| {
                    let (a, b) = (above[column], below[column]);
                    let x = a[0] + (b[0] - a[0]) * part;
                    let y = a[1] + (b[1] - a[1]) * part;
                    (place(x, limit_x), place(y, limit_y))
                };
                let start = y * self.width;
                // Outside of what moves the portrait is as it is.
                let (above, below) = (&anatomy.spans[row], &anatomy.spans[row + 1]);
                let first = columns.start.max(above.start.min(below.start));
                let end = columns.end.min(above.end.max(below.end));
                if first >= end {
                    continue;
                }
                let mut from = at(first);
                for column in first..end {
                    let to = at(column + 1);
                    let left = (anatomy.left + column) * CELL;
                    let step = ((to.0 - from.0) / CELL as i32, (to.1 - from.1) / CELL as i32);
                    let right = (left + CELL).min(self.width);
                    let (mut x, mut y) = from;
                    if left < right {
                        for pixel in &mut out[start + left..start + right] {
                            *pixel = self.texture.sample(x, y);
                            x += step.0;
                            y += step.1;
                        }
                    }
                    from = to;
                }
            }
        }
    }

    /// Goes over the pixels of some cells with their sources in one or two meshes.
    fn each(
        &self,
        cells: &Cells,
        meshes: [&Mesh; 2],
        mut visit: impl FnMut(usize, usize, [Point; 2]),
    ) {
        let anatomy = &self.face.anatomy;
        for row in cells.rows.clone() {
            for line in 0..CELL {
                let y = (anatomy.top + row) * CELL + line;
                if y >= self.height {
                    return;
                }
                let down = line as f32 / CELL as f32;
                for column in cells.columns.clone() {
                    let at = row * anatomy.columns + column;
                    let left = (anatomy.left + column) * CELL;
                    for pixel in 0..CELL.min(self.width.saturating_sub(left)) {
                        let along = pixel as f32 / CELL as f32;
                        let sources = meshes.map(|mesh| {
                            let (a, b) = (mesh.sources[at], mesh.sources[at + 1]);
                            let next = at + anatomy.columns;
                            let (c, d) = (mesh.sources[next], mesh.sources[next + 1]);
                            let axis = |axis: usize| {
                                let above = a[axis] + (b[axis] - a[axis]) * along;
                                let below = c[axis] + (d[axis] - c[axis]) * along;
                                above + (below - above) * down
                            };
                            Point::new(axis(0), axis(1))
                        });
                        visit(left + pixel, y, sources);
                    }
                }
            }
        }
    }

    fn color(&self, source: Point) -> u32 {
        let (limit_x, limit_y) = self.texture.limits();
        let fixed = (1 << POINT) as f32;
        let place = |source: f32, limit: f32| {
            ((source * FINENESS as f32 + 0.5).max(0.0).min(limit) * fixed) as i32
        };
        self.texture.sample(place(source.x, limit_x), place(source.y, limit_y))
    }

    fn mouth(&self, pose: &Pose, out: &mut [u32]) {
        let face = self.face;
        let shape = &face.anatomy.shape;
        let lips = &shape.marks.lips;
        let (moved, turn) = face.anatomy.head_move(pose);
        let (sin, cos) = turn.sin_cos();
        let drop = face.anatomy.jaw_drop(pose);
        // Near the corners the lips lie on each other.
        let seal = 0.035 * shape.half;
        let inside = Inside { tones: face.tones, mouth: pose.mouth, half: shape.half };
        self.each(&face.mouth_box, [&face.upper, &face.lower], |x, y, [above, below]| {
            let out = &mut out[y * self.width + x];
            let (uu, vu) = shape.by_mouth(above);
            let (ul, vl) = shape.by_mouth(below);
            // Pixels by which the place is beyond the edge of each lip.
            let over = Shape::edge(&lips.upper, uu) - vu;
            let under = vl - Shape::edge(&lips.lower, ul);
            let sealed = |u: f32| if u.abs() >= 1.0 { 1.0 + seal } else { seal * u.powi(4) };
            let upper = cover(over + sealed(uu));
            let lower = cover(under + sealed(ul));
            if upper >= 256 {
                *out = self.color(above);
                return;
            }
            if lower >= 256 {
                let color = self.color(below);
                *out = if upper > 0 { mix(color, self.color(above), upper) } else { color };
                return;
            }
            // Where the bones have this place.
            let (px, py) = (x as f32 - shape.mouth.x - moved.0, y as f32 - shape.mouth.y - moved.1);
            let skull = Point::new(
                shape.mouth.x + px * cos + py * sin,
                shape.mouth.y + py * cos - px * sin,
            );
            let (u, v) = shape.by_mouth(skull);
            let (upper_line, lower_line) =
                (Shape::edge(&lips.upper, u), Shape::edge(&lips.lower, u));
            let teeth = ((v - upper_line) / shape.half, (v - lower_line) / shape.half - drop);
            let mut color = packed(inside.color(u, teeth, -over, -under));
            // What is seen of the teeth in the portrait is better than any that are painted.
            let own = (v - upper_line).min(lower_line - v);
            if shape.gap > 3.0 && own > 0.0 && u.abs() < 1.0 {
                let shade = inside.shade(0.8 * u, -over, -under).sqrt();
                let seen = packed(levels(self.color(skull)).map(|level| level * shade));
                color = mix(color, seen, ((own / 3.0).min(1.0) * 256.0) as u32);
            }
            if lower > 0 {
                color = mix(color, self.color(below), lower);
            }
            *out = if upper > 0 { mix(color, self.color(above), upper) } else { color };
        });
    }

    /// The upper lid of an eye, over it.
    fn lid(&self, pose: &Pose, at: usize, out: &mut [u32]) {
        let face = self.face;
        let shape = &face.anatomy.shape;
        let eye: &Eye = &shape.marks.eyes[at];
        let lash = packed(face.tones.lash);
        let line = 0.009 * shape.unit + 0.4;
        self.each(&face.eye_boxes[at], [&face.lids, &face.upper], |x, y, [source, rest]| {
            let moved = (source.x - rest.x).abs() + (source.y - rest.y).abs();
            if moved < 0.02 {
                return;
            }
            let (u, v) = shape.by_eye(eye, source);
            let over = -Shape::lid(eye.above, u) - v;
            let part = cover(over + 0.3);
            if part == 0 {
                return;
            }
            let mut color = self.color(source);
            // Closed lids meet in a dark line.
            let near = (-(over / line).powi(2)).exp() * (1.0 - u * u).max(0.0).sqrt();
            let dark = near * 0.5 * (pose.lids * 1.6 - 0.5).clamp(0.0, 1.0);
            color = mix(color, lash, (dark * 256.0) as u32);
            let out = &mut out[y * self.width + x];
            *out = mix(*out, color, part);
        });
    }
}

/// How much of a pixel is covered whose center is so many pixels inside an edge, of 256.
fn cover(inside: f32) -> u32 {
    ((inside * 0.9 + 1.1).clamp(0.0, 1.0) * 256.0) as u32
}
