//! Smaller and larger versions of a picture.

use super::{Shape, fit};

/// Makes pictures smaller by a whole factor.
#[derive(Default)]
pub(in crate::models) struct Shrink {
    sums: Vec<u32>,
}

impl Shrink {
    /// Each pixel of the result is the mean of a square of `factor` pixels, or of what is left of
    /// it at the right and lower border. Returns the shape of the result.
    pub fn by(&mut self, factor: usize, src: &[u8], shape: Shape, dst: &mut Vec<u8>) -> Shape {
        let factor = factor.max(1);
        let small = Shape {
            width: shape.width.div_ceil(factor),
            height: shape.height.div_ceil(factor),
            ..shape
        };
        fit(dst, small.len());
        for (y, out) in dst.chunks_exact_mut(small.row()).enumerate() {
            let rows = factor.min(shape.height - y * factor);
            self.sums.clear();
            self.sums.resize(shape.row(), 0);
            for row in src[y * factor * shape.row()..].chunks_exact(shape.row()).take(rows) {
                for (sum, &value) in self.sums.iter_mut().zip(row) {
                    *sum += u32::from(value);
                }
            }
            match (shape.channels, factor) {
                (1, 2) => means::<1>(&self.sums, 2, rows, out),
                (1, 4) => means::<1>(&self.sums, 4, rows, out),
                (3, 2) => means::<3>(&self.sums, 2, rows, out),
                (3, 4) => means::<3>(&self.sums, 4, rows, out),
                (1, _) => means::<1>(&self.sums, factor, rows, out),
                _ => means::<3>(&self.sums, factor, rows, out),
            }
        }
        small
    }
}

/// The means of blocks of `factor` pixels, given as sums over `rows` rows. Inlined so that the
/// common factors are constants inside.
#[inline]
fn means<const C: usize>(sums: &[u32], factor: usize, rows: usize, out: &mut [u8]) {
    let full = factor * rows;
    let inverse = (1 << 32) / full as u64;
    let blocks = sums.chunks_exact(factor * C);
    let rest = blocks.remainder();
    let whole = sums.len() / (factor * C);
    for (out, block) in out.chunks_exact_mut(C).zip(blocks) {
        for (c, out) in out.iter_mut().enumerate() {
            let sum: u32 = (0..factor).map(|pixel| block[pixel * C + c]).sum();
            *out = (((u64::from(sum) + full as u64 / 2) * inverse) >> 32) as u8;
        }
    }
    if !rest.is_empty() {
        let count = (rest.len() / C * rows) as u32;
        for (c, out) in out[whole * C..].iter_mut().enumerate() {
            let sum: u32 = rest[c..].iter().step_by(C).sum();
            *out = ((sum + count / 2) / count) as u8;
        }
    }
}

/// Makes pictures larger, with straight blends between the pixels.
#[derive(Default)]
pub(in crate::models) struct Grow {
    columns: Vec<(u32, u16)>,
    made_for: (usize, usize, usize),
    row: Vec<u16>,
}

impl Grow {
    /// Brings `src` to the size `shape`; the numbers of channels are equal.
    pub fn to(&mut self, shape: Shape, src: &[u8], small: Shape, dst: &mut Vec<u8>) {
        fit(dst, shape.len());
        match shape.channels {
            1 => self.channels::<1>(shape, src, small, dst),
            _ => self.channels::<3>(shape, src, small, dst),
        }
    }

    fn channels<const C: usize>(&mut self, shape: Shape, src: &[u8], small: Shape, dst: &mut [u8]) {
        if self.made_for != (shape.width, small.width, C) {
            self.made_for = (shape.width, small.width, C);
            self.columns.clear();
            self.columns.extend((0..shape.width).map(|x| {
                let (left, part) = place(x, shape.width, small.width);
                ((left * C) as u32, part)
            }));
        }
        for (y, out) in dst.chunks_exact_mut(shape.width * C).enumerate() {
            let (top, part) = place(y, shape.height, small.height);
            let (upper, lower) = (small.near(src, top, 0), small.near(src, top, 1));
            self.row.clear();
            // Levels times 64: times another 256 they still fit into 24 bits.
            self.row.extend(
                upper
                    .iter()
                    .zip(lower)
                    .map(|(&a, &b)| (u16::from(a) * (256 - part) + u16::from(b) * part) >> 2),
            );
            // One more pixel, so that the last one has a right neighbour.
            self.row.extend_from_within(self.row.len() - C..);
            for (out, &(left, part)) in out.chunks_exact_mut(C).zip(&self.columns) {
                let pair = &self.row[left as usize..][..2 * C];
                for c in 0..C {
                    let (a, b) = (u32::from(pair[c]), u32::from(pair[C + c]));
                    let part = u32::from(part);
                    out[c] = ((a * (256 - part) + b * part + 8192) >> 14) as u8;
                }
            }
        }
    }
}

/// The source pixel before the centre of target pixel `at`, and how far in 1/256 the centre lies
/// from it towards the next one.
fn place(at: usize, target: usize, source: usize) -> (usize, u16) {
    let centre = ((2 * at + 1) * source * 128 / target).saturating_sub(128);
    ((centre / 256).min(source - 1), (centre % 256) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_takes_means_and_keeps_the_rest_at_the_border() {
        let shape = Shape::gray(3, 3);
        let mut dst = Vec::new();
        let small = Shrink::default().by(2, &[10, 20, 30, 10, 20, 50, 80, 90, 7], shape, &mut dst);
        assert_eq!((small.width, small.height), (2, 2));
        assert_eq!(dst, [15, 40, 85, 7]);
    }

    #[test]
    fn growing_keeps_plain_areas_and_rising_rows() {
        let (shape, small) = (Shape::rgb(17, 9), Shape::rgb(4, 2));
        let mut dst = Vec::new();
        Grow::default().to(shape, &vec![255; small.len()], small, &mut dst);
        assert!(dst.iter().all(|&value| value == 255));

        let (shape, small) = (Shape::gray(40, 3), Shape::gray(5, 1));
        Grow::default().to(shape, &[0, 50, 100, 150, 200], small, &mut dst);
        assert!(dst[..40].is_sorted());
        assert_eq!((dst[0], dst[39], dst[119]), (0, 200, 200));
    }
}
