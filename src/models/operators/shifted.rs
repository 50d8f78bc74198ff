//! A picture copied from elsewhere in another, cell by cell.
//!
//! A shift map (Pritch, Kav-Venaki and Peleg, "Shift-map image editing", 2009), given for the
//! middles of cells. Between middles that move together pixels are copied as they are; between
//! others both copies fade into each other.

use super::image::Image;
use super::wide::wide;

/// What the middle of a cell is copied from, in pixels off its own place, and what is added to
/// each channel, in 1/16 of a level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::models) struct Cell {
    pub shift: [i16; 2],
    pub light: [i16; 3],
    /// Whether anything is to be copied here.
    pub wanted: bool,
}

/// Copies `frame` to `out` where all cells around are wanted. Cells are `side` pixels wide, a power
/// of two up to 64; there is one for each begun `side`, row by row.
pub(in crate::models) fn shifted(frame: &Image, cells: &[Cell], side: usize, out: &mut Image) {
    match side {
        1 => copy::<1>(frame, cells, out),
        2 => copy::<2>(frame, cells, out),
        4 => copy::<4>(frame, cells, out),
        8 => copy::<8>(frame, cells, out),
        16 => copy::<16>(frame, cells, out),
        32 => copy::<32>(frame, cells, out),
        64 => copy::<64>(frame, cells, out),
        _ => unreachable!("cells of {side} pixels"),
    }
}

fn copy<const SIDE: usize>(frame: &Image, cells: &[Cell], out: &mut Image) {
    let (width, height) = (frame.width(), frame.height());
    let (columns, rows) = (width.div_ceil(SIDE), height.div_ceil(SIDE));
    assert_eq!(cells.len(), columns * rows);
    let from = |number: usize| number as isize * SIDE as isize + SIDE as isize / 2 - SIDE as isize;
    let range = |number: usize, size: usize| {
        (from(number).max(0) as usize).min(size)
            ..((from(number) as usize).wrapping_add(SIDE)).min(size)
    };
    // Blocks lie between the middles of four cells.
    for row in 0..=rows {
        let (upper, lower) = (row.saturating_sub(1), row.min(rows - 1));
        let [upper, lower] = [upper, lower].map(|row| &cells[row * columns..][..columns]);
        let mut column = 0;
        while column <= columns {
            let near = [column.saturating_sub(1), column.min(columns - 1)];
            let corners = [upper[near[0]], upper[near[1]], lower[near[0]], lower[near[1]]];
            let block = Block {
                columns: range(column, width),
                rows: range(row, height),
                corners,
                origin: (from(column), from(row)),
            };
            column += 1;
            if !corners.iter().all(|cell| cell.wanted) {
                continue;
            }
            if block.columns.len() < SIDE || !block.is_one() {
                block.fade::<SIDE>(frame, out);
                continue;
            }
            // All the cells to the right that move along.
            let along = |cell: &&Cell| cell.wanted && cell.shift == corners[0].shift;
            let most = width.saturating_sub(block.columns.start) / SIDE;
            let count =
                [upper, lower].map(|cells| cells[near[0]..].iter().take_while(along).count());
            let count = (count[0].min(count[1]) - 1).min(most);
            let pairs = [upper, lower].map(|cells| &cells[near[0]..=near[0] + count]);
            if count > 0 && block.run::<SIDE>(frame, pairs, out) {
                column += count - 1;
            } else {
                block.fade::<SIDE>(frame, out);
            }
        }
    }
}

struct Block {
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    corners: [Cell; 4],
    /// Where it begins, in or out of the picture.
    origin: (isize, isize),
}

/// How far a pixel is from the first middle to the second, in 1/128.
#[inline(always)]
const fn part(at: usize, origin: isize, side: usize) -> i32 {
    ((2 * (at as isize - origin) as i32 + (side > 1) as i32) * 64) / side as i32
}

/// What is added at a row between four middles: at the left ones, and 128 times how much more with
/// each 1/128.
#[inline(always)]
fn light(corners: [&Cell; 4], channel: usize, down: i32) -> (i32, i32) {
    let [a, b, c, d] = corners.map(|cell| i32::from(cell.light[channel]));
    let first = a * 128 + (c - a) * down;
    let last = b * 128 + (d - b) * down;
    (first, (last - first) >> 7)
}

impl Block {
    fn is_one(&self) -> bool {
        self.corners.iter().all(|cell| cell.shift == self.corners[0].shift)
    }

    /// Copies as many blocks as there are pairs of `cells`, from this on to the right, which all move
    /// together; false if that leads out of the picture.
    fn run<const SIDE: usize>(&self, frame: &Image, cells: [&[Cell]; 2], out: &mut Image) -> bool {
        let [dx, dy] = self.corners[0].shift.map(isize::from);
        let height = frame.height() as isize;
        let left = self.columns.start;
        let count = (cells[0].len() - 1) * SIDE;
        let from = left as isize + dx;
        if from < 0 || from as usize + count > frame.width() {
            return false;
        }
        let across: [i32; SIDE] = std::array::from_fn(|at| part(at, 0, SIDE));
        wide(
            #[inline(always)]
            || {
                for y in self.rows.clone() {
                    let down = part(y, self.origin.1, SIDE);
                    let row = (y as isize + dy).clamp(0, height - 1) as usize;
                    for channel in 0..3 {
                        let src = &frame.planes[channel].row(row)[from as usize..][..count];
                        let to = &mut out.planes[channel].row_mut(y)[left..][..count];
                        let pairs = cells[0].windows(2).zip(cells[1].windows(2));
                        let blocks = to.as_chunks_mut::<SIDE>().0.iter_mut();
                        let blocks = blocks.zip(src.as_chunks::<SIDE>().0);
                        for ((to, src), (upper, lower)) in blocks.zip(pairs) {
                            let corners = [&upper[0], &upper[1], &lower[0], &lower[1]];
                            let (start, slope) = light(corners, channel, down);
                            for at in 0..SIDE {
                                let light = (start + slope * across[at] + 1024) >> 11;
                                to[at] = (i32::from(src[at]) + light).clamp(0, 255) as u8;
                            }
                        }
                    }
                }
            },
        );
        true
    }

    /// Copies along all ways that the corners go, each fading into the others.
    fn fade<const SIDE: usize>(&self, frame: &Image, out: &mut Image) {
        if self.columns.is_empty() || self.rows.is_empty() {
            return;
        }
        // Each way once, and the parts of the corners that go it.
        let mut ways = [self.corners[0].shift; 4];
        let mut count = 1;
        let way_of = self.corners.map(|cell| {
            let known = ways[..count].iter().position(|&way| way == cell.shift);
            known.unwrap_or_else(|| {
                ways[count] = cell.shift;
                count += 1;
                count - 1
            })
        });
        let is_inside = |way: &[i16; 2]| {
            let left = self.columns.start as isize + isize::from(way[0]);
            left >= 0 && left + self.columns.len() as isize <= frame.width() as isize
        };
        if self.columns.len() < SIDE || !ways[..count].iter().all(is_inside) {
            self.rows::<SIDE, false>(frame, &ways[..count], way_of, out);
        } else {
            self.rows::<SIDE, true>(frame, &ways[..count], way_of, out);
        }
    }

    /// `WHOLE` if all rows are as wide as a cell, here and where they are copied from.
    fn rows<const SIDE: usize, const WHOLE: bool>(
        &self,
        frame: &Image,
        ways: &[[i16; 2]],
        way_of: [usize; 4],
        out: &mut Image,
    ) {
        let (width, height) = (frame.width() as isize, frame.height() as isize);
        let (left, count) = (self.columns.start, self.columns.len());
        let across: [i32; SIDE] = std::array::from_fn(|at| part(left + at, self.origin.0, SIDE));
        wide(
            #[inline(always)]
            || {
                for y in self.rows.clone() {
                    let down = part(y, self.origin.1, SIDE);
                    let mut parts = [[0; SIDE]; 4];
                    for corner in 0..4 {
                        let tall = if corner < 2 { 128 - down } else { down };
                        for (part, &across) in parts[way_of[corner]].iter_mut().zip(&across) {
                            let near = if corner % 2 == 0 { 128 - across } else { across };
                            *part += tall * near;
                        }
                    }
                    for channel in 0..3 {
                        let src = &frame.planes[channel];
                        let mut sums = [1 << 13; SIDE];
                        for (way, parts) in ways.iter().zip(&parts) {
                            let [dx, dy] = way.map(isize::from);
                            let row = src.row((y as isize + dy).clamp(0, height - 1) as usize);
                            let from = left as isize + dx;
                            let levels: [u8; SIDE] = if WHOLE {
                                *row[from as usize..].first_chunk().unwrap_or(&[0; SIDE])
                            } else {
                                std::array::from_fn(|at| {
                                    row[(from + at as isize).clamp(0, width - 1) as usize]
                                })
                            };
                            for ((sum, level), part) in sums.iter_mut().zip(levels).zip(parts) {
                                *sum += part * i32::from(level);
                            }
                        }
                        let (start, slope) = light(self.corners.each_ref(), channel, down);
                        let mut made = [0; SIDE];
                        for ((made, sum), across) in made.iter_mut().zip(sums).zip(across) {
                            let light = start + slope * across + 1024;
                            *made = ((sum >> 14) + (light >> 11)).clamp(0, 255) as u8;
                        }
                        let to = &mut out.planes[channel].row_mut(y)[left..];
                        if WHOLE {
                            to[..SIDE].copy_from_slice(&made);
                        } else {
                            to[..count].copy_from_slice(&made[..count]);
                        }
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::{Plane, hash};

    /// What a pixel should be, by the blend of its four cells.
    fn plain(frame: &Image, cells: &[Cell], side: usize, x: usize, y: usize, c: usize) -> f64 {
        let (width, height) = (frame.width(), frame.height());
        let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
        let middle = |at: usize| (at as f64 + 0.5) / side as f64 - 0.5;
        let (u, v) = (middle(x), middle(y));
        let mut level = 0.0;
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let (column, row) = (u.floor() as isize + dx, v.floor() as isize + dy);
            let part = |at: f64, place: isize| 1.0 - (at - place as f64).abs();
            let near = |at: isize, count: usize| at.clamp(0, count as isize - 1) as usize;
            let cell = cells[near(row, rows) * columns + near(column, columns)];
            let from = |at: usize, by: i16| at as isize + isize::from(by);
            let copied = frame.planes[c].at(from(x, cell.shift[0]), from(y, cell.shift[1]));
            level += part(u, column)
                * part(v, row)
                * (f64::from(copied) + f64::from(cell.light[c]) / 16.0);
        }
        level.clamp(0.0, 255.0)
    }

    #[test]
    fn pixels_are_blends_of_what_their_cells_copy() {
        for (width, height, side) in
            [(1, 1, 1), (21, 13, 1), (33, 18, 4), (64, 40, 8), (37, 50, 16), (9, 70, 64)]
        {
            let frame = Image {
                planes: std::array::from_fn(|c| {
                    Plane::of(width, height, |x, y| (40 + x * 3 + y * (2 + c)) as u8)
                }),
            };
            let count = width.div_ceil(side) * height.div_ceil(side);
            let cells: Vec<Cell> = (0..count as u32)
                .map(|at| {
                    // Some go together, and some lead out of the picture.
                    let step = |kind: u32| (hash(kind, at / 3, 0) % 21) as i16 - 10;
                    let light = [1, 2, 3].map(|c| (hash(c, at, 1) % 320) as i16 - 160);
                    Cell { shift: [step(7), step(8)], light, wanted: true }
                })
                .collect();
            let mut out = Image::default();
            out.copy_from(&frame);
            shifted(&frame, &cells, side, &mut out);
            for (c, plane) in out.planes.iter().enumerate() {
                for y in 0..height {
                    for x in 0..width {
                        let wanted = plain(&frame, &cells, side, x, y, c);
                        let made = f64::from(plane.row(y)[x]);
                        assert!((made - wanted).abs() < 1.6, "{side}: {x} {y}: {made} {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_wanted_stays() {
        let frame = Image { planes: std::array::from_fn(|_| Plane::of(64, 64, |x, _| x as u8)) };
        let mut cells = vec![Cell { shift: [8, 0], ..Cell::default() }; 64];
        cells[9].wanted = true;
        let mut out = Image::default();
        out.copy_from(&frame);
        shifted(&frame, &cells, 8, &mut out);
        assert!(out == frame);
    }
}
