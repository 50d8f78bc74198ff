//! Pictures divided into cells that stand still: each has one color a frame.
//!
//! The borders are those of Voronoi, of seeds on a jittered grid, after Worley, "A cellular
//! texture basis function" (1996), or those of triangles between them.

use super::image::Image;
use super::noise::hash;

#[derive(Default)]
pub(in crate::models) struct Cells {
    /// The cell of each pixel.
    pub ids: Vec<u32>,
    /// The distance from the nearest border, in 1/16 pixel, cut to 255.
    pub borders: Vec<u8>,
    /// Red, green and blue of each cell, as last measured.
    pub colors: Vec<[f32; 3]>,
    sums: Vec<[u32; 4]>,
    made_for: (usize, usize, usize),
}

impl Cells {
    /// Voronoi cells about `side` pixels wide, `jitter` from 0, squares, to 1.
    pub fn voronoi(&mut self, width: usize, height: usize, side: usize, jitter: f32, seed: u32) {
        if self.made_for == (width, height, side) {
            return;
        }
        self.made_for = (width, height, side);
        let columns = width.div_ceil(side) + 2;
        let rows = height.div_ceil(side) + 2;
        let seeds: Vec<(f32, f32)> = (0..columns * rows)
            .map(|cell| {
                let (column, row) = (cell % columns, cell / columns);
                let [a, b, ..] = hash(seed, column as u32, row as u32).to_le_bytes();
                let off = |byte: u8| 0.5 + (f32::from(byte) / 255.0 - 0.5) * jitter;
                (
                    (column as f32 - 1.0 + off(a)) * side as f32,
                    (row as f32 - 1.0 + off(b)) * side as f32,
                )
            })
            .collect();
        self.ids.clear();
        self.borders.clear();
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let (column, row) = (x / side + 1, y / side + 1);
                let around = || {
                    (row - 1..=row + 1)
                        .flat_map(move |r| (column - 1..=column + 1).map(move |c| r * columns + c))
                        .filter(|&cell| cell < columns * rows)
                };
                let distance = |cell: usize| {
                    let (dx, dy) = (seeds[cell].0 - px, seeds[cell].1 - py);
                    dx * dx + dy * dy
                };
                let best = around()
                    .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
                    .unwrap_or_default();
                let (bx, by) = seeds[best];
                let border = around()
                    .filter(|&cell| cell != best)
                    .map(|cell| {
                        // The distance from the line half way between the two seeds.
                        let (sx, sy) = seeds[cell];
                        let (dx, dy) = (sx - bx, sy - by);
                        let middle = ((sx + bx) * 0.5 - px) * dx + ((sy + by) * 0.5 - py) * dy;
                        middle / dx.hypot(dy).max(1e-3)
                    })
                    .fold(f32::MAX, f32::min);
                self.ids.push(best as u32);
                self.borders.push((border * 16.0).clamp(0.0, 255.0) as u8);
            }
        }
        self.clear(columns * rows);
    }

    /// Two triangles to each square of a jittered grid.
    pub fn triangles(&mut self, width: usize, height: usize, side: usize, seed: u32) {
        if self.made_for == (width, height, side) {
            return;
        }
        self.made_for = (width, height, side);
        let (columns, rows) = (width.div_ceil(side) + 2, height.div_ceil(side) + 2);
        let corner = |column: usize, row: usize| {
            let [a, b, ..] = hash(seed, column as u32, row as u32).to_le_bytes();
            let off = |byte: u8| (f32::from(byte) / 255.0 - 0.5) * 0.75;
            // Every second row is moved, so that triangles are nearly even.
            let shift = if row.is_multiple_of(2) { 0.0 } else { 0.5 };
            (
                (column as f32 - 1.0 + shift + off(a)) * side as f32,
                (row as f32 - 0.5 + off(b)) * side as f32,
            )
        };
        self.ids.clear();
        self.ids.resize(width * height, 0);
        self.borders.clear();
        self.borders.resize(width * height, 255);
        for row in 0..rows {
            for column in 0..columns {
                let here = corner(column, row);
                let right = corner(column + 1, row);
                let below = corner(column, row + 1);
                let across = corner(column + 1, row + 1);
                let id = ((row * columns + column) * 2) as u32;
                let pairs = if row.is_multiple_of(2) {
                    [[here, right, below], [right, across, below]]
                } else {
                    [[here, right, across], [here, across, below]]
                };
                for (half, triangle) in pairs.into_iter().enumerate() {
                    self.fill(width, height, triangle, id + half as u32);
                }
            }
        }
        self.clear(columns * rows * 2);
    }

    fn fill(&mut self, width: usize, height: usize, triangle: [(f32, f32); 3], id: u32) {
        let bounds = |values: [f32; 3], limit: usize| {
            let low = values.into_iter().fold(f32::MAX, f32::min).floor().max(0.0) as usize;
            let high = values.into_iter().fold(0.0, f32::max).ceil().min(limit as f32) as usize;
            low..high.max(low)
        };
        let columns = bounds(triangle.map(|(x, _)| x), width);
        for y in bounds(triangle.map(|(_, y)| y), height) {
            for x in columns.clone() {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let inside = (0..3).all(|side| {
                    let ((ax, ay), (bx, by)) = (triangle[side], triangle[(side + 1) % 3]);
                    (bx - ax) * (py - ay) - (by - ay) * (px - ax) >= -0.01
                });
                if inside {
                    self.ids[y * width + x] = id;
                }
            }
        }
    }

    fn clear(&mut self, count: usize) {
        self.colors.clear();
        self.colors.resize(count, [0.0; 3]);
        self.sums.clear();
        self.sums.resize(count, [0; 4]);
    }

    /// Takes the mean color of every cell.
    pub fn measure(&mut self, image: &Image) {
        self.sums.fill([0; 4]);
        let [red, green, blue] = &image.planes;
        let planes = red.data.iter().zip(&green.data).zip(&blue.data);
        for (((&r, &g), &b), &id) in planes.zip(&self.ids) {
            let sum = &mut self.sums[id as usize];
            sum[0] += u32::from(r);
            sum[1] += u32::from(g);
            sum[2] += u32::from(b);
            sum[3] += 1;
        }
        for (color, sum) in self.colors.iter_mut().zip(&self.sums) {
            let inverse = 1.0 / sum[3].max(1) as f32;
            *color = [0, 1, 2].map(|c| sum[c] as f32 * inverse);
        }
    }

    /// Gives every pixel the color of its cell.
    pub fn paint(&self, image: &mut Image) {
        let [red, green, blue] = &mut image.planes;
        let planes = red.data.iter_mut().zip(&mut green.data).zip(&mut blue.data);
        for (((r, g), b), &id) in planes.zip(&self.ids) {
            let color = self.colors[id as usize];
            *r = color[0] as u8;
            *g = color[1] as u8;
            *b = color[2] as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::Plane;

    #[test]
    fn each_cell_gets_the_mean_of_its_pixels() {
        let image = Image {
            planes: std::array::from_fn(|c| {
                Plane::of(50, 40, |x, y| (x * 3 + y * 2 + c * 9) as u8)
            }),
        };
        for triangles in [false, true] {
            let mut cells = Cells::default();
            if triangles {
                cells.triangles(50, 40, 12, 3);
            } else {
                cells.voronoi(50, 40, 12, 0.8, 3);
            }
            cells.measure(&image);
            for id in 0..cells.colors.len() {
                let inside: Vec<f64> = (0..2000)
                    .filter(|&at| cells.ids[at] as usize == id)
                    .map(|at| f64::from(image.planes[1].data[at]))
                    .collect();
                if !inside.is_empty() {
                    let mean = inside.iter().sum::<f64>() / inside.len() as f64;
                    assert!((mean - f64::from(cells.colors[id][1])).abs() < 0.01);
                }
            }
        }
    }

    #[test]
    fn cells_are_those_of_the_nearest_seed_and_triangles_leave_no_gap() {
        let mut cells = Cells::default();
        cells.voronoi(60, 60, 15, 0.0, 1);
        assert_eq!(cells.ids[0], cells.ids[14]);
        assert_ne!(cells.ids[14], cells.ids[15]);
        assert!(cells.borders[14] <= 8 && cells.borders[7 + 7 * 60] > 100);
        cells.triangles(97, 61, 20, 5);
        let mut ids = cells.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() > 25, "{}", ids.len());
    }
}
