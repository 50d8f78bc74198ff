//! From where the points of the mesh are looked up.

use std::ops::Range;

use super::anatomy::{Anatomy, Field, Side};
use super::pose::Pose;
use crate::models::operators::wide;

/// What comes so near is found, in pixels.
const CLOSE: f32 = 0.03;

/// From where the points of the mesh are looked up at present.
#[derive(Default)]
pub(super) struct Mesh {
    field: Field,
    /// In pixels of the frame.
    pub sources: Vec<[f32; 2]>,
}

impl Mesh {
    /// Finds from where the points of the mesh come: the displacement of the place that a point is
    /// taken from leads back to the point.
    pub fn solve(&mut self, anatomy: &Anatomy, pose: &Pose, side: Side, rows: Range<usize>) {
        let rows = rows.start..(rows.end + 1).min(anatomy.rows);
        // What lies around is needed where points come from outside of the rows.
        let margin = 48 / anatomy.cell;
        let around = rows.start.saturating_sub(margin)..(rows.end + margin).min(anatomy.rows);
        anatomy.field(pose, side, around.clone(), &mut self.field);
        let count = anatomy.columns * anatomy.rows;
        let fresh = self.sources.len() != count;
        if fresh {
            self.sources = (0..count)
                .map(|at| anatomy.point(at % anatomy.columns, at / anatomy.columns))
                .map(|point| [point.x, point.y])
                .collect();
        }
        // A lid is stretched so much that it takes small steps to find it. All else begins where it
        // was in the last picture.
        let (rounds, step) = match (side, fresh) {
            (Side::Lids, _) => (18, 0.38),
            (_, true) => (12, 0.75),
            (_, false) => (3, 0.75),
        };
        let (field, sources) = (&self.field, &mut self.sources);
        wide(
            #[inline(always)]
            || search(anatomy, field, sources, (rows, around), (rounds, step)),
        );
    }
}

#[inline(always)]
fn search(
    anatomy: &Anatomy,
    field: &Field,
    sources: &mut [[f32; 2]],
    (rows, around): (Range<usize>, Range<usize>),
    (rounds, step): (usize, f32),
) {
    let (low, high) = (around.start as f32, (around.end - 1) as f32);
    let cell = anatomy.cell as f32;
    let scale = 1.0 / cell;
    let corner = (anatomy.left as f32 * cell, anatomy.top as f32 * cell);
    let close = CLOSE * scale;
    for row in rows {
        for column in anatomy.spans[row].clone() {
            let at = row * anatomy.columns + column;
            let (px, py) = (column as f32, row as f32);
            let before = sources[at];
            let mut x = (before[0] - corner.0) * scale;
            let mut y = (before[1] - corner.1) * scale;
            for _ in 0..rounds {
                let by = field.at(anatomy, x, y.max(low).min(high));
                let off = (px - by[0] * scale - x, py - by[1] * scale - y);
                x += off.0 * step;
                y += off.1 * step;
                if off.0.abs().max(off.1.abs()) < close {
                    break;
                }
            }
            sources[at] = [x * cell + corner.0, y * cell + corner.1];
        }
    }
}

impl Field {
    /// The displacement at a place between the points of the mesh.
    #[inline(always)]
    fn at(&self, anatomy: &Anatomy, x: f32, y: f32) -> [f32; 2] {
        let x = x.max(0.0).min(anatomy.columns as f32 - 1.001);
        let y = y.max(0.0).min(anatomy.rows as f32 - 1.001);
        let (x0, y0) = (x as u32 as usize, y as u32 as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let at = y0 * anatomy.columns + x0;
        let above = &self.data[at..at + 2];
        let below = &self.data[at + anatomy.columns..at + anatomy.columns + 2];
        std::array::from_fn(|axis| {
            let high = above[0][axis] + (above[1][axis] - above[0][axis]) * fx;
            let low = below[0][axis] + (below[1][axis] - below[0][axis]) * fx;
            high + (low - high) * fy
        })
    }
}
