//! Keeps a mesh from folding: where a face is built so that two movements would push its skin over
//! itself, the skin gives way around that place.

use std::ops::Range;

use super::anatomy::{Anatomy, Field};
use crate::models::operators::wide;

/// A triangle keeps at least this part of its size.
const LEAST: f32 = 0.06;
/// Rounds after which it is left as it is; tests need fewer, with faces that nobody has.
const ROUNDS: usize = 80;

/// Evens out the displacement of rows of points where a triangle is turned over, or nearly so.
pub(super) fn unfold(anatomy: &Anatomy, rows: &Range<usize>, field: &mut Field) {
    let mut folds = Vec::new();
    for round in 0..ROUNDS {
        folds.clear();
        for row in rows.start..rows.end - 1 {
            let columns = anatomy.covered(row);
            // Nearly always there are none: counted first, with wide vectors.
            let count = wide(
                #[inline(always)]
                || {
                    columns
                        .clone()
                        .map(|column| is_folded(anatomy, field, column, row))
                        .sum::<u32>()
                },
            );
            if count > 0 {
                let folded = |column: &usize| is_folded(anatomy, field, *column, row) > 0;
                folds.extend(columns.filter(folded).map(|column| (column, row)));
            }
        }
        if folds.is_empty() {
            return;
        }
        // What folds still gives way in a wider ring.
        let ring = 1 + round / 12;
        for &(column, row) in &folds {
            for y in (row + 1).saturating_sub(ring).max(rows.start)..(row + 1 + ring).min(rows.end)
            {
                // What never moves stays where it is.
                let span = &anatomy.spans[y];
                let first = (column + 1).saturating_sub(ring).max(span.start);
                for x in first..(column + 1 + ring).min(span.end) {
                    even_out(anatomy, field, x, y);
                }
            }
        }
    }
}

/// 1 if a triangle of a cell is turned over, or nearly so.
#[inline(always)]
fn is_folded(anatomy: &Anatomy, field: &Field, column: usize, row: usize) -> u32 {
    let side = anatomy.cell as f32;
    let at = row * anatomy.columns + column;
    let next = at + anatomy.columns;
    let (a, b) = (field.data[at], field.data[at + 1]);
    let (c, d) = (field.data[next], field.data[next + 1]);
    let area = |across: [f32; 2], down: [f32; 2]| across[0] * down[1] - across[1] * down[0];
    let across = |from: [f32; 2], to: [f32; 2]| [side + to[0] - from[0], to[1] - from[1]];
    let down = |from: [f32; 2], to: [f32; 2]| [to[0] - from[0], side + to[1] - from[1]];
    let least = LEAST * side * side;
    let upper = area(across(a, b), down(a, c)) < least;
    let lower = area(across(c, d), down(b, d)) < least;
    u32::from(upper | lower)
}

/// Moves a point half of the way to where its neighbours would have it.
fn even_out(anatomy: &Anatomy, field: &mut Field, column: usize, row: usize) {
    let at = |x: usize, y: usize| y * anatomy.columns + x;
    let left = field.data[at(column.saturating_sub(1), row)];
    let right = field.data[at((column + 1).min(anatomy.columns - 1), row)];
    let above = field.data[at(column, row.saturating_sub(1))];
    let below = field.data[at(column, (row + 1).min(anatomy.rows - 1))];
    let own = &mut field.data[at(column, row)];
    for axis in 0..2 {
        let around = 0.25 * (left[axis] + right[axis] + above[axis] + below[axis]);
        own[axis] += 0.5 * (around - own[axis]);
    }
}
