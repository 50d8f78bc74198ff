//! The slope of brightness, by the Sobel operator.

use super::{Shape, byte, fit, pad};

/// Slopes of gray pictures.
#[derive(Default)]
pub(in crate::models) struct Gradient {
    rows: [Vec<u8>; 3],
    smooth: Vec<i16>,
    step: Vec<i16>,
    across: Vec<i16>,
    down: Vec<i16>,
}

impl Gradient {
    /// Calls `visit` with each row's number, its slopes to the right and its slopes downward,
    /// which are 8 times the change of level per pixel, -1020 to 1020.
    pub fn rows(
        &mut self,
        gray: &[u8],
        shape: Shape,
        mut visit: impl FnMut(usize, &[i16], &[i16]),
    ) {
        let width = shape.width;
        fit(&mut self.across, width);
        fit(&mut self.down, width);
        for y in 0..shape.height {
            for (row, offset) in self.rows.iter_mut().zip(-1..) {
                pad(shape.near(gray, y, offset), 1, 1, row);
            }
            let [up, mid, low] = &self.rows;
            self.smooth.clear();
            self.step.clear();
            let columns = up.iter().zip(mid).zip(low);
            self.smooth
                .extend(columns.map(|((&up, &mid), &low)| {
                    i16::from(up) + 2 * i16::from(mid) + i16::from(low)
                }));
            self.step.extend(up.iter().zip(low).map(|(&up, &low)| i16::from(low) - i16::from(up)));
            for ((across, &left), &right) in
                self.across.iter_mut().zip(&self.smooth[..width]).zip(&self.smooth[2..])
            {
                *across = right - left;
            }
            let (left, mid, right) = (&self.step[..width], &self.step[1..], &self.step[2..]);
            for (((down, &left), &mid), &right) in
                self.down.iter_mut().zip(left).zip(mid).zip(right)
            {
                *down = left + 2 * mid + right;
            }
            visit(y, &self.across, &self.down);
        }
    }

    /// The steepness of every pixel: both slopes together, halved `halvings` times, as a byte.
    pub fn steepness(&mut self, gray: &[u8], dst: &mut Vec<u8>, shape: Shape, halvings: u32) {
        fit(dst, shape.len());
        self.rows(gray, shape, |y, across, down| {
            let out = &mut dst[y * shape.width..][..shape.width];
            for ((out, &across), &down) in out.iter_mut().zip(across).zip(down) {
                *out = byte(i32::from((across.abs() + down.abs()) >> halvings));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_point_from_dark_to_bright() {
        let shape = Shape::gray(5, 4);
        let gray: Vec<u8> = (0..20).map(|i| (i % 5 * 10 + i / 5 * 3) as u8).collect();
        Gradient::default().rows(&gray, shape, |y, across, down| {
            if (1..3).contains(&y) {
                assert_eq!((across[2], down[2]), (80, 24));
            }
        });
    }

    #[test]
    fn a_plain_picture_is_flat() {
        let mut dst = Vec::new();
        Gradient::default().steepness(&[77; 21], &mut dst, Shape::gray(7, 3), 1);
        assert_eq!(dst, [0; 21]);
    }
}
