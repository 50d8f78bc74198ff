//! Half and double size: the steps of a pyramid.

use super::image::{Image, Plane};
use super::wide::wide;

/// Each pixel of the result is the mean of a square of two by two; at an odd border, of what is
/// there.
pub(in crate::models) fn halve(src: &Plane, dst: &mut Plane) {
    dst.fit(src.width.div_ceil(2), src.height.div_ceil(2));
    let whole = src.width / 2;
    wide(
        #[inline(always)]
        || {
            for y in 0..dst.height {
                let upper = &src.data[2 * y * src.width..][..src.width];
                let below = (2 * y + 1).min(src.height - 1);
                let lower = &src.data[below * src.width..][..src.width];
                let out = &mut dst.data[y * dst.width..][..dst.width];
                let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                for (out, (a, b)) in out.iter_mut().zip(pairs) {
                    let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                    *out = ((sum + 2) >> 2) as u8;
                }
                if whole < dst.width {
                    let sum = u16::from(upper[src.width - 1]) + u16::from(lower[src.width - 1]);
                    out[whole] = ((sum + 1) >> 1) as u8;
                }
            }
        },
    );
}

/// [`halve`] for the three channels.
pub(in crate::models) fn halve_image(src: &Image, dst: &mut Image) {
    for (src, dst) in src.planes.iter().zip(&mut dst.planes) {
        halve(src, dst);
    }
}

/// Makes planes twice as large, with straight blends between the pixels.
#[derive(Default)]
pub(in crate::models) struct Double {
    row: Vec<u8>,
}

impl Double {
    /// Brings `src` to a size of twice its own, or one less.
    pub fn to(&mut self, src: &Plane, dst: &mut Plane, width: usize, height: usize) {
        assert!(src.width == width.div_ceil(2) && src.height == height.div_ceil(2));
        dst.fit(width, height);
        let padded = src.width + 2;
        self.row.resize(padded, 0);
        let row = &mut self.row[..padded];
        wide(
            #[inline(always)]
            || {
                for y in 0..height {
                    let at = y / 2;
                    let other = if y % 2 == 0 { at.saturating_sub(1) } else { at + 1 };
                    let near = &src.data[at * src.width..][..src.width];
                    let far = &src.data[other.min(src.height - 1) * src.width..][..src.width];
                    for ((out, &near), &far) in row[1..].iter_mut().zip(near).zip(far) {
                        *out = ((u16::from(near) * 3 + u16::from(far) + 2) >> 2) as u8;
                    }
                    row[0] = row[1];
                    row[padded - 1] = row[padded - 2];
                    let out = &mut dst.data[y * width..][..width];
                    spread(row, out);
                }
            },
        );
    }

    /// [`Self::to`] for the three channels.
    pub fn image(&mut self, src: &Image, dst: &mut Image, width: usize, height: usize) {
        for (src, dst) in src.planes.iter().zip(&mut dst.planes) {
            self.to(src, dst, width, height);
        }
    }
}

/// Two pixels between each three of `row`, which has one more at either end.
#[inline(always)]
fn spread(row: &[u8], out: &mut [u8]) {
    let len = row.len() - 2;
    let (left, centre, right) = (&row[..len], &row[1..=len], &row[2..]);
    for (((out, &l), &c), &r) in out.chunks_exact_mut(2).zip(left).zip(centre).zip(right) {
        let (l, c, r) = (u16::from(l), u16::from(c), u16::from(r));
        out[0] = ((c * 3 + l + 2) >> 2) as u8;
        out[1] = ((c * 3 + r + 2) >> 2) as u8;
    }
    if out.len() % 2 == 1 {
        let last = out.len() - 1;
        out[last] = ((u16::from(centre[len - 1]) * 3 + u16::from(left[len - 1]) + 2) >> 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(width: usize, height: usize) -> Plane {
        Plane::of(width, height, |x, y| (x * x * 31 + y * 17 + x * y) as u8)
    }

    #[test]
    fn halves_are_means() {
        for (width, height) in [(1, 1), (2, 2), (5, 3), (40, 7), (67, 2)] {
            let src = sample(width, height);
            let mut dst = Plane::default();
            halve(&src, &mut dst);
            for y in 0..dst.height {
                for x in 0..dst.width {
                    let mut sum = 0.0;
                    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        sum += f64::from(src.at((2 * x + dx) as isize, (2 * y + dy) as isize));
                    }
                    assert!((f64::from(dst.row(y)[x]) - sum / 4.0).abs() <= 0.51);
                }
            }
        }
    }

    #[test]
    fn doubles_are_straight_blends() {
        for (width, height) in [(1_usize, 1_usize), (2, 2), (5, 3), (80, 6), (67, 9)] {
            let src = sample(width.div_ceil(2), height.div_ceil(2));
            let mut dst = Plane::default();
            Double::default().to(&src, &mut dst, width, height);
            for y in 0..height {
                for x in 0..width {
                    let side = |at: usize| if at.is_multiple_of(2) { -1 } else { 1 };
                    let (cx, cy) = ((x / 2) as isize, (y / 2) as isize);
                    let level = |dx, dy| f64::from(src.at(cx + dx, cy + dy));
                    let (dx, dy) = (side(x), side(y));
                    let wanted =
                        level(0, 0) * 9.0 + level(dx, 0) * 3.0 + level(0, dy) * 3.0 + level(dx, dy);
                    let got = f64::from(dst.row(y)[x]);
                    assert!((got - wanted / 16.0).abs() <= 1.01, "{width}x{height} {x} {y}");
                }
            }
        }
    }
}
