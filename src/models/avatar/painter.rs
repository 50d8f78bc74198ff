//! The pixels of a face in a pose.
//!
//! Most of a face is in one mesh, and painted cell by cell in whole numbers. Only the cells in which
//! an edge of the lips or of a lid runs are looked at pixel by pixel.

use std::ops::Range;

use super::face::{Eye, Facing, Point};
use super::inside::Inside;
use super::mesh::Mesh;
use super::placing::FINENESS;
use super::pose::Pose;
use super::shape::Shape;
use super::side::{self, along};
use super::stage::{Cells, Face};
use super::texture::{POINT, Texture, levels, mix, packed};
use crate::models::operators::wide;

/// So far inside an edge nothing of it is seen, in pixels.
const CLEAR: f32 = 1.5;
/// How deep the edge of a lip is that turns away from the light, in parts of the line between lips.
const LIP_EDGE: f32 = 2.2;

pub(super) struct Painter<'a> {
    pub texture: &'a Texture,
    pub face: &'a Face,
    pub width: usize,
    pub height: usize,
}

/// What a cell by the mouth shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Upper,
    Lower,
    /// An edge of the lips, or what is between them.
    Edge,
}

impl Painter<'_> {
    /// All of the face but the lids.
    pub fn paint(&self, pose: &Pose, out: &mut [u32]) {
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

    /// The pixels of some cells.
    fn fill(&self, mesh: &Mesh, columns: &Range<usize>, rows: &Range<usize>, out: &mut [u32]) {
        wide(
            #[inline(always)]
            || {
                if self.face.anatomy.cell == 8 {
                    self.fill_cells::<8>(mesh, columns, rows, out);
                } else {
                    self.fill_cells::<4>(mesh, columns, rows, out);
                }
            },
        );
    }

    #[inline(always)]
    fn fill_cells<const CELL: usize>(
        &self,
        mesh: &Mesh,
        columns: &Range<usize>,
        rows: &Range<usize>,
        out: &mut [u32],
    ) {
        let anatomy = &self.face.anatomy;
        let by = |from: (i32, i32), to: (i32, i32), steps: usize| {
            let part = |from: i32, to: i32| from + (to - from) / CELL as i32 * steps as i32;
            (part(from.0, to.0), part(from.1, to.1))
        };
        for row in rows.clone() {
            // Outside of what moves the portrait is as it is.
            let covered = anatomy.covered(row);
            let first = columns.start.max(covered.start);
            let end = columns.end.min(covered.end);
            let top = (anatomy.top + row) * CELL;
            if first >= end || top >= self.height {
                continue;
            }
            let lines = CELL.min(self.height - top);
            let above = &mesh.sources[row * anatomy.columns..][..anatomy.columns];
            let below = &mesh.sources[(row + 1) * anatomy.columns..][..anatomy.columns];
            let mut left = (self.place(above[first]), self.place(below[first]));
            for column in first..end {
                let right = (self.place(above[column + 1]), self.place(below[column + 1]));
                let from = (anatomy.left + column) * CELL;
                for line in 0..lines {
                    let start = by(left.0, left.1, line);
                    let stop = by(right.0, right.1, line);
                    let step = by((0, 0), (stop.0 - start.0, stop.1 - start.1), 1);
                    let colors = self.texture.sample_row::<CELL>(start, step);
                    let pixels = &mut out[(top + line) * self.width..][from..self.width];
                    match pixels.first_chunk_mut() {
                        Some(pixels) => *pixels = colors,
                        None => pixels.copy_from_slice(&colors[..pixels.len()]),
                    }
                }
                left = right;
            }
        }
    }

    /// A place of the frame in the texture.
    #[inline(always)]
    fn place(&self, source: [f32; 2]) -> (i32, i32) {
        let limits = self.texture.limits();
        let fixed = (1 << POINT) as f32;
        let place = |source: f32, limit: f32| {
            ((source * FINENESS as f32 + 0.5).max(0.0).min(limit) * fixed) as i32
        };
        (place(source[0], limits.0), place(source[1], limits.1))
    }

    fn color(&self, source: Point) -> u32 {
        let (x, y) = self.place([source.x, source.y]);
        self.texture.sample(x, y)
    }

    /// Goes over the pixels of some cells with their sources in two meshes.
    fn each(
        &self,
        cells: &Cells,
        meshes: [&Mesh; 2],
        visit: &mut impl FnMut(usize, usize, [Point; 2]),
    ) {
        let anatomy = &self.face.anatomy;
        let cell = anatomy.cell;
        for row in cells.rows.clone() {
            for line in 0..cell {
                let y = (anatomy.top + row) * cell + line;
                if y >= self.height {
                    return;
                }
                let down = line as f32 / cell as f32;
                for column in cells.columns.clone() {
                    let at = row * anatomy.columns + column;
                    let left = (anatomy.left + column) * cell;
                    for pixel in 0..cell.min(self.width.saturating_sub(left)) {
                        let along = pixel as f32 / cell as f32;
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

    fn mouth(&self, pose: &Pose, out: &mut [u32]) {
        let face = self.face;
        let Cells { columns, rows } = &face.mouth_box;
        let lips = Lips::new(self, pose);
        let line = |row: usize| -> Vec<Corner> {
            let start = row * face.anatomy.columns;
            let corner = |column| {
                lips.corner(face.upper.sources[start + column], face.lower.sources[start + column])
            };
            (columns.start..=columns.end).map(corner).collect()
        };
        let clear = CLEAR + LIP_EDGE * lips.rim;
        let mut above = line(rows.start);
        for row in rows.clone() {
            let below = line(row + 1);
            let part = |column: usize| {
                let at = column - columns.start;
                let corners = [&above[at], &above[at + 1], &below[at], &below[at + 1]];
                if corners.iter().all(|corner| corner[OVER] > clear) {
                    Part::Upper
                } else if corners.iter().all(|c| c[UNDER] > clear && c[OVER] < -CLEAR) {
                    Part::Lower
                } else {
                    Part::Edge
                }
            };
            let mut from = columns.start;
            while from < columns.end {
                let kind = part(from);
                let to = (from..columns.end).find(|&column| part(column) != kind);
                let run = from..to.unwrap_or(columns.end);
                from = run.end;
                match kind {
                    Part::Upper => self.fill(&face.upper, &run, &(row..row + 1), out),
                    Part::Lower => self.fill(&face.lower, &run, &(row..row + 1), out),
                    Part::Edge => {
                        for column in run {
                            let at = column - columns.start;
                            let corners = [above[at], above[at + 1], below[at], below[at + 1]];
                            self.edge(&lips, (column, row), corners, out);
                        }
                    }
                }
            }
            above = below;
        }
    }

    /// A cell in which an edge of the lips runs.
    fn edge(&self, lips: &Lips, cell: (usize, usize), corners: [Corner; 4], out: &mut [u32]) {
        let anatomy = &self.face.anatomy;
        let (left, top) =
            ((anatomy.left + cell.0) * anatomy.cell, (anatomy.top + cell.1) * anatomy.cell);
        let scale = 1.0 / anatomy.cell as f32;
        let between = |from: &Corner, to: &Corner, part: f32| -> Corner {
            std::array::from_fn(|at| from[at] + (to[at] - from[at]) * part)
        };
        let [a, b, c, d] = &corners;
        for y in top..(top + anatomy.cell).min(self.height) {
            let part = (y - top) as f32 * scale;
            let (mut here, end) = (between(a, c, part), between(b, d, part));
            let step: Corner = std::array::from_fn(|at| (end[at] - here[at]) * scale);
            for x in left..(left + anatomy.cell).min(self.width) {
                out[y * self.width + x] = lips.color(x, y, &here);
                for (value, step) in here.iter_mut().zip(step) {
                    *value += step;
                }
            }
        }
    }

    /// The upper lid of an eye, over it.
    pub fn lid(&self, pose: &Pose, at: usize, out: &mut [u32]) {
        let face = self.face;
        let shape = &face.anatomy.shape;
        let eye: &Eye = &shape.marks.eyes[at];
        let lash = packed(face.tones.lash);
        let line = 0.009 * shape.unit + 0.4;
        self.each(&face.eye_boxes[at], [&face.lids, &face.upper], &mut |x, y, [source, rest]| {
            let moved = (source.x - rest.x).abs() + (source.y - rest.y).abs();
            if moved < 0.06 {
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
            if over < 3.0 * line {
                let near = (-(over / line).powi(2)).exp() * (1.0 - u * u).max(0.0).sqrt();
                let dark = near * 0.5 * (pose.lids * 1.6 - 0.5).clamp(0.0, 1.0);
                color = mix(color, lash, (dark * 256.0) as u32);
            }
            let out = &mut out[y * self.width + x];
            *out = mix(*out, color, part);
        });
    }
}

/// The lips in a pose, and what is between them.
struct Lips<'a> {
    painter: &'a Painter<'a>,
    inside: Inside,
    /// Where the bones are.
    moved: (f32, f32),
    sin_cos: (f32, f32),
    drop: f32,
    /// 1 where the lips are clearly apart, 0 at rest.
    parted: f32,
    /// Near the corners the lips lie on each other.
    seal: f32,
    /// What is so near to the line of closed lips is that line, and no lip, in pixels.
    rim: f32,
}

/// What the lips are like at a point of the mesh: how many pixels it is beyond the edge of the upper
/// lip and of the lower; along both, from corner to corner of the mouth; and the sources in both.
type Corner = [f32; 8];
const OVER: usize = 0;
const UNDER: usize = 1;

impl<'a> Lips<'a> {
    fn new(painter: &'a Painter<'a>, pose: &Pose) -> Self {
        let face = painter.face;
        let shape = &face.anatomy.shape;
        let (moved, turn) = face.anatomy.head_move(pose);
        let drop = face.anatomy.jaw_drop(pose);
        Self {
            painter,
            inside: Inside::new(face.tones, pose.mouth, shape.wide),
            moved,
            sin_cos: turn.sin_cos(),
            drop,
            parted: (drop * shape.wide / (0.04 * shape.unit)).clamp(0.0, 1.0),
            seal: 0.035 * shape.half,
            // Where teeth show in the portrait, they meet the lips in a blur.
            rim: if shape.gap > 3.0 { 0.042 } else { 0.03 } * shape.unit,
        }
    }

    fn corner(&self, above: [f32; 2], below: [f32; 2]) -> Corner {
        let shape = &self.painter.face.anatomy.shape;
        let lips = &shape.marks.lips;
        let (uu, vu) = shape.by_mouth(Point::new(above[0], above[1]));
        let (ul, vl) = shape.by_mouth(Point::new(below[0], below[1]));
        let sealed = |u: f32| {
            // At an outline lips do not lie on each other.
            let u = shape.marks.facing.map_or(u.abs(), |facing| (-facing.sign() * u).max(0.0));
            if u >= 1.0 { 1.0 + self.seal } else { self.seal * u.powi(4) }
        };
        let over = Shape::edge(&lips.upper, uu) - vu + sealed(uu);
        // What hangs over from the upper lip before the outline does not go down with the lower.
        let hanging = shape.marks.facing.map_or(0.0, |facing| {
            let ahead = (along(facing, ul) - 1.0) * 2.0 * shape.half;
            self.parted * (0.7 * ahead + 0.02 * shape.unit).clamp(0.0, 0.055 * shape.unit)
        });
        let under = vl - Shape::edge(&lips.lower, ul) + sealed(ul) - hanging;
        [over, under, uu, ul, above[0], above[1], below[0], below[1]]
    }

    fn color(&self, x: usize, y: usize, place: &Corner) -> u32 {
        let &[over, under, uu, ul, ax, ay, bx, by] = place;
        let (upper, lower) = (cover(over), cover(under));
        // How far the lips are apart here.
        let gap = -(over + under);
        let upper_lip = || self.lip(Point::new(ax, ay), uu, (over, gap), -1.0);
        let lower_lip = || self.lip(Point::new(bx, by), ul, (under, gap), 1.0);
        if upper >= 256 {
            return upper_lip();
        }
        let color = if lower >= 256 {
            lower_lip()
        } else {
            let color = self.between(x, y, (-over, -under), (uu, ul));
            if lower > 0 { mix(color, lower_lip(), lower) } else { color }
        };
        if upper > 0 { mix(color, upper_lip(), upper) } else { color }
    }

    /// A lip at a depth from its edge. What was the line between the lips is drawn out over them as
    /// they part: the lip goes on into it instead, and turns away from the light.
    fn lip(&self, source: Point, u: f32, (depth, gap): (f32, f32), down: f32) -> u32 {
        let shape = &self.painter.face.anatomy.shape;
        let rim = self.rim;
        let near = 1.0 - depth.max(0.0) / (LIP_EDGE * rim);
        if near <= 0.0 {
            return self.painter.color(source);
        }
        let parted = if shape.gap > 3.0 { 1.0 } else { (gap / (1.5 * rim)).clamp(0.0, 1.0) };
        let parted = parted * (5.0 * (1.04 - u.abs())).clamp(0.0, 1.0);
        let near = near * parted;
        let by = near * rim * down;
        let deeper = Point::new(source.x + by * shape.down.0, source.y + by * shape.down.1);
        let round = 1.0 - 0.30 * near * near;
        packed(levels(self.painter.color(deeper)).map(|level| level * round))
    }

    /// What is seen between the lips, so far below the upper and above the lower.
    fn between(
        &self,
        x: usize,
        y: usize,
        (under, over): (f32, f32),
        (upper_u, lower_u): (f32, f32),
    ) -> u32 {
        let shape = &self.painter.face.anatomy.shape;
        let lips = &shape.marks.lips;
        // Where the bones have this place.
        let (sin, cos) = self.sin_cos;
        let px = x as f32 - shape.mouth.x - self.moved.0;
        let py = y as f32 - shape.mouth.y - self.moved.1;
        let skull =
            Point::new(shape.mouth.x + px * cos + py * sin, shape.mouth.y + py * cos - px * sin);
        let (u, v) = shape.by_mouth(skull);
        let (upper_line, lower_line) = (Shape::edge(&lips.upper, u), Shape::edge(&lips.lower, u));
        if let Some(facing) = shape.marks.facing {
            let part = under / (under + over).max(1e-3);
            let along = along(facing, upper_u + (lower_u - upper_u) * part);
            let height = (v - upper_line) / shape.wide;
            return self.side_view(facing, skull, (along, height), (under, over));
        }
        let teeth = ((v - upper_line) / shape.half, (v - lower_line) / shape.half - self.drop);
        let mut color = self.inside.color(u, teeth, under, over);
        // What is seen of the teeth in the portrait is better than any that are painted.
        let own = (v - upper_line).min(lower_line - v);
        if shape.gap > 3.0 && own > 0.0 && u.abs() < 1.0 {
            let shade =
                self.inside.shade(0.8 * u, under, over).sqrt() * (0.7 + 0.3 * self.inside.bared());
            // Lips that are rounded cover them from below.
            let depth = (v - upper_line) / (lower_line - upper_line).max(1.0);
            let bared = (5.0 * self.inside.bared() - 4.0 * depth).clamp(0.0, 1.0);
            let part = (own / 3.0).min(1.0) * bared;
            for (level, seen) in color.iter_mut().zip(levels(self.painter.color(skull))) {
                *level += (seen * shade - *level) * part;
            }
        }
        packed(color)
    }

    /// What is seen between the lips from the side: as far as the teeth the inside of the mouth, and
    /// before them what is behind the face.
    fn side_view(
        &self,
        facing: Facing,
        skull: Point,
        (along, height): (f32, f32),
        (under, over): (f32, f32),
    ) -> u32 {
        let shape = &self.painter.face.anatomy.shape;
        let part = cover((TEETH - along) * 2.0 * shape.half - 0.5);
        let behind = || self.painter.color(side::behind(shape, facing, skull));
        if part == 0 {
            return behind();
        }
        let side = (1.0 - along / TEETH).clamp(0.0, 1.0);
        let drop = self.drop * (0.5 + 0.5 * along.clamp(0.0, 1.0));
        let inside = self.inside.color(side, (height, height - drop), under, over);
        if part >= 256 { packed(inside) } else { mix(behind(), packed(inside), part) }
    }
}

/// How far along the lips the teeth begin that are seen from the side.
const TEETH: f32 = 0.80;

/// How much of a pixel is covered whose center is so many pixels inside an edge, of 256.
fn cover(inside: f32) -> u32 {
    ((inside * 0.9 + 1.1).clamp(0.0, 1.0) * 256.0) as u32
}
