//! A portrait made ready, and painted in any pose.
//!
//! Each pixel of the frame is looked up in the portrait: the mesh says from where. Inside the boxes
//! of mouth and eyes there are two layers, and between the lips the inside of the mouth.

use std::ops::Range;

use super::anatomy::{Anatomy, Side};
use super::face::{Facing, Given, Marks, Point, find};
use super::mesh::Mesh;
use super::painter::Painter;
use super::placing::{FINENESS, Placing, texture};
use super::pose::Pose;
use super::side::AHEAD;
use super::texture::{POINT, Texture};
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

pub(super) struct Face {
    pub anatomy: Anatomy,
    pub tones: Tones,
    /// Cells in which the lips are, and those of each eye.
    pub mouth_box: Cells,
    pub eye_boxes: Vec<Cells>,
    pub upper: Mesh,
    pub lower: Mesh,
    pub lids: Mesh,
}

/// A part of the mesh, in cells from its corner.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}

impl Stage {
    /// Makes a portrait ready for frames of a size; a face is looked for unless its points are given.
    pub fn new(picture: &Picture, given: Option<&Given>, frame: (usize, usize)) -> Self {
        let found = find(picture, given);
        let size = (picture.width as usize, picture.height as usize);
        let placing = Placing::of(size, found.marks.as_ref(), frame);
        let texture = Texture::new(frame.0 * FINENESS, &texture(picture, placing, frame));
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
        let Some(face) = &mut self.face else {
            out.copy_from_slice(&self.still);
            return;
        };
        keep_still(&face.anatomy, &self.still, self.width, out);
        let pose = pose.limited();
        let mouth = face.mouth_box.rows.clone();
        face.upper.solve(&face.anatomy, &pose, Side::Upper, 0..mouth.end);
        face.lower.solve(&face.anatomy, &pose, Side::Lower, mouth.start..face.anatomy.rows);
        let painter =
            Painter { texture: &self.texture, face, width: self.width, height: self.height };
        painter.paint(&pose, out);
        if pose.lids > 0.004 {
            let rows = face.eye_boxes.iter().map(|cells| cells.rows.clone());
            let rows = rows.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
            face.lids.solve(&face.anatomy, &pose, Side::Lids, rows.unwrap_or_default());
            let painter =
                Painter { texture: &self.texture, face, width: self.width, height: self.height };
            for at in 0..face.eye_boxes.len() {
                painter.lid(&pose, at, out);
            }
        }
    }
}

/// Copies what does not move.
fn keep_still(anatomy: &Anatomy, still: &[u32], width: usize, out: &mut [u32]) {
    let rows = still.chunks_exact(width).zip(out.chunks_exact_mut(width));
    for (y, (still, out)) in rows.enumerate() {
        let row = (y / anatomy.cell).checked_sub(anatomy.top);
        let moves = match row {
            Some(row) if row + 1 < anatomy.rows => anatomy.covered(row),
            _ => 0..0,
        };
        let place = |column: usize| ((anatomy.left + column) * anatomy.cell).min(width);
        let (from, to) =
            if moves.is_empty() { (width, width) } else { (place(moves.start), place(moves.end)) };
        out[..from].copy_from_slice(&still[..from]);
        out[to..].copy_from_slice(&still[to..]);
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
        // Before an outline the picture parts as well.
        let [left, right] = match shape.marks.facing {
            Some(Facing::Left) => [wide + AHEAD * unit, wide],
            Some(Facing::Right) => [wide, wide + AHEAD * unit],
            None => [wide; 2],
        };
        let mouth_box = cells(
            Point::new(shape.mouth.x - left, shape.mouth.y - 0.42 * unit),
            Point::new(shape.mouth.x + right, shape.mouth.y + 0.62 * unit),
        );
        let eye_boxes = shape.marks.eyes.iter().map(|eye| {
            let wide = 1.15 * eye.half_width + 0.18 * unit;
            cells(
                Point::new(eye.center.x - wide, eye.center.y - 0.62 * unit),
                Point::new(eye.center.x + wide, eye.center.y + 0.36 * unit),
            )
        });
        let eye_boxes = eye_boxes.collect();
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
