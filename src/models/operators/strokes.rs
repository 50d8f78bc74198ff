//! Brush strokes laid over each other on a fixed, jittered grid.
//!
//! After Haeberli, "Paint by numbers: abstract image representations" (1990), and Litwinowicz,
//! "Processing images and video for an impressionist effect" (1997): strokes follow the flow, take
//! the color below them, and keep their places, so that only what moves is painted anew.

use super::image::Image;
use super::noise::hash;
use super::tensor::Flow;
use super::wide::wide;

const ANGLES: usize = 32;
/// Pixels that are covered at a time.
const BLOCK: usize = 16;
/// Rows of a picture that are painted together.
const BAND: u32 = 32;

/// A brush: the cover of a stroke at every angle.
#[derive(Default)]
pub(in crate::models) struct Brush {
    side: usize,
    /// Bytes from one row of a mask to the next: what lies between is zero.
    stride: usize,
    masks: Vec<Vec<u8>>,
    /// Where each row of a mask begins and ends.
    spans: Vec<Vec<(isize, isize)>>,
    made_for: (u32, u32),
}

impl Brush {
    /// Makes strokes of a length and width in pixels, unless they are there. `bristles`, 0 to 1,
    /// says how rough they are.
    pub fn fit(&mut self, length: f32, width: f32, bristles: f32) {
        if self.made_for == (length.to_bits(), width.to_bits()) {
            return;
        }
        self.made_for = (length.to_bits(), width.to_bits());
        self.side = (length.max(width) as usize + 3) | 1;
        self.stride = self.side + BLOCK;
        let middle = (self.side / 2) as f32;
        self.masks = (0..ANGLES)
            .map(|angle| {
                let (sin, cos) = (angle as f32 * std::f32::consts::PI / ANGLES as f32).sin_cos();
                (0..self.stride * self.side)
                    .map(|at| {
                        let (column, row) = (at % self.stride, at / self.stride);
                        if column >= self.side {
                            return 0;
                        }
                        let (dx, dy) = (column as f32 - middle, row as f32 - middle);
                        let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
                        let thread = hash(9, (across * 1.6 + 64.0) as u32, 4) % 256;
                        let rough = 1.0 - bristles * thread as f32 / 255.0;
                        // Bristles run dry at different places.
                        let end = (length * 0.5 * (0.72 + 0.28 * rough) - along.abs()) / 2.0;
                        let side = (width * 0.5 - across.abs() + 0.5).min(1.0);
                        let cover = end.clamp(0.0, 1.0) * side.max(0.0) * (0.55 + 0.45 * rough);
                        (cover * 255.0) as u8
                    })
                    .collect()
            })
            .collect();
        self.spans = self
            .masks
            .iter()
            .map(|mask| {
                let rows = mask.chunks_exact(self.stride);
                rows.map(|row| {
                    let first = row.iter().position(|&cover| cover > 0).unwrap_or(0);
                    let last = row.iter().rposition(|&cover| cover > 0).map_or(0, |at| at + 1);
                    (first as isize, last as isize)
                })
                .collect()
            })
            .collect();
    }

    /// Lays one stroke.
    #[inline]
    pub fn lay(&self, image: &mut Image, (cx, cy): (isize, isize), angle: usize, color: [u8; 3]) {
        let angle = angle % ANGLES;
        let (mask, spans) = (&self.masks[angle], &self.spans[angle]);
        let (width, height) = (image.width() as isize, image.height() as isize);
        let reach = (self.side / 2) as isize;
        wide(
            #[inline(always)]
            || {
                for (row, &(first, last)) in spans.iter().enumerate() {
                    let y = cy + row as isize - reach;
                    let left = (cx - reach + first).max(0);
                    let right = (cx - reach + last).min(width);
                    if y < 0 || y >= height || left >= right {
                        continue;
                    }
                    let from = (row * self.stride).wrapping_add_signed(left - cx + reach);
                    let count = (right - left) as usize;
                    let at = (y * width + left) as usize;
                    // Whole blocks, where the row has room for them: beyond the stroke they cover
                    // nothing.
                    let whole = count.next_multiple_of(BLOCK);
                    let count = if left + whole as isize <= width { whole } else { count };
                    let covers = &mask[from..from + count];
                    for (plane, color) in image.planes.iter_mut().zip(color) {
                        cover_row(&mut plane.data[at..at + count], covers, color);
                    }
                }
            },
        );
    }
}

#[inline(always)]
fn cover_row(row: &mut [u8], covers: &[u8], color: u8) {
    let mut blocks = row.chunks_exact_mut(BLOCK);
    let mut given = covers.chunks_exact(BLOCK);
    for (row, covers) in blocks.by_ref().zip(given.by_ref()) {
        let mut made = [0; BLOCK];
        for i in 0..BLOCK {
            made[i] = covered(row[i], covers[i], color);
        }
        row.copy_from_slice(&made);
    }
    for (level, &cover) in blocks.into_remainder().iter_mut().zip(given.remainder()) {
        *level = covered(*level, cover, color);
    }
}

/// A level below a color that covers it, 255 wholly.
#[inline(always)]
fn covered(level: u8, cover: u8, color: u8) -> u8 {
    let cover = u16::from(cover) + u16::from(cover >> 7);
    let sum = u16::from(level) * (256 - cover) + u16::from(color) * cover;
    ((sum + 127) >> 8) as u8
}

/// Where strokes lie: a grid of `side` pixels, jittered, in an order that is mixed and fixed.
#[derive(Default)]
pub(in crate::models) struct Places {
    pub places: Vec<(u32, u32)>,
    made_for: (usize, usize, usize),
}

impl Places {
    pub fn fit(&mut self, width: usize, height: usize, side: usize, seed: u32) {
        if self.made_for == (width, height, side) {
            return;
        }
        self.made_for = (width, height, side);
        self.places.clear();
        for row in 0..height.div_ceil(side) as u32 {
            for column in 0..width.div_ceil(side) as u32 {
                let bits = hash(seed, column, row);
                let off = |bits: u32| (bits & 255) * side as u32 / 256;
                self.places.push((
                    (column * side as u32 + off(bits)).min(width as u32 - 1),
                    (row * side as u32 + off(bits >> 8)).min(height as u32 - 1),
                ));
            }
        }
        // Mixed in bands whose borders are mixed as well: what is painted next is near in memory.
        self.places.sort_unstable_by_key(|&(x, y)| {
            let bits = hash(seed + 1, x, y);
            ((y + bits % BAND) / BAND, bits)
        });
    }
}

/// The angle of the flow at a pixel of the picture that is twice as large as the measured one, in
/// 1/32 of half a turn; where it has none, `fallback`.
pub(in crate::models) fn angle_of(flow: &Flow, x: usize, y: usize, fallback: usize) -> usize {
    let cell = flow.cell(x / 2, y / 2);
    if flow.sureness[cell] < 40 {
        return fallback;
    }
    let [dx, dy] = flow.along[cell].map(f32::from);
    let turn = dy.atan2(dx) / std::f32::consts::PI * ANGLES as f32;
    turn.round().rem_euclid(ANGLES as f32) as usize % ANGLES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::Plane;

    #[test]
    fn a_stroke_covers_its_length_and_no_more() {
        let mut brush = Brush::default();
        brush.fit(20.0, 6.0, 0.0);
        let mut image = Image { planes: std::array::from_fn(|_| Plane::filled(60, 60, 0)) };
        brush.lay(&mut image, (30, 30), 0, [200; 3]);
        assert_eq!(image.color(30, 30), [200.0; 3]);
        assert!(image.color(38, 30)[0] > 100.0 && image.color(30, 38)[0] < 1.0);
        assert!(image.color(45, 30)[0] < 1.0);
        // A quarter of a turn is the other way up; outside is nothing.
        let before = image.clone();
        brush.lay(&mut image, (-50, 900), 3, [200; 3]);
        assert_eq!(image, before);
        brush.lay(&mut image, (30, 30), ANGLES / 2, [200; 3]);
        assert!(image.color(30, 38)[0] > 100.0);
    }

    #[test]
    fn places_cover_the_picture_in_a_mixed_order() {
        let mut places = Places::default();
        places.fit(100, 60, 10, 3);
        assert_eq!(places.places.len(), 60);
        assert!(places.places.iter().all(|&(x, y)| x < 100 && y < 60));
        assert!(!places.places.is_sorted());
    }
}
