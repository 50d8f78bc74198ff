//! Planes of another size: smaller before an encoder that has few bits, larger behind its decoder.

use super::picture::{I420, Planes};
use crate::error::Result;

/// Fractions of a pixel.
const ONE: u32 = 256;

/// Scales planes, and keeps its memory.
#[derive(Debug, Default)]
pub struct Scaler {
    /// One row, blended from two.
    row: Vec<u16>,
    columns: Vec<(u32, u16)>,
    /// On the way to less than half.
    halves: I420,
}

impl Scaler {
    /// Fills `to` with `planes`, scaled to this size by linear interpolation.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a size is zero or too large, or the planes are smaller than they say.
    pub fn scale(
        &mut self,
        planes: Planes<'_>,
        width: u32,
        height: u32,
        to: &mut I420,
    ) -> Result<()> {
        planes.check()?;
        // Two pixels are looked at each way, so that to less than half some would be passed over.
        if width * 2 < planes.width || height * 2 < planes.height {
            let mut halves = std::mem::take(&mut self.halves);
            let half = |side: u32| side.div_ceil(2).next_multiple_of(2);
            let scaled = self
                .scale(planes, half(planes.width), half(planes.height), &mut halves)
                .and_then(|()| self.scale(halves.planes(), width, height, to));
            self.halves = halves;
            return scaled;
        }
        to.resize(width, height)?;
        let (padded_width, padded_height) = (to.padded_width(), to.padded_height());
        let (w, h) = (planes.width, planes.height);
        let (y, u, v) = to.planes_mut();
        let luma = Plane { data: planes.y, stride: planes.y_stride, width: w, height: h };
        self.plane(luma, y, padded_width, padded_height);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        for (data, stride, to) in [(planes.u, planes.u_stride, u), (planes.v, planes.v_stride, v)] {
            let chroma = Plane { data, stride, width: cw, height: ch };
            self.plane(chroma, to, padded_width / 2, padded_height / 2);
        }
        Ok(())
    }

    fn plane(&mut self, from: Plane<'_>, to: &mut [u8], width: u32, height: u32) {
        self.columns.clear();
        self.columns.extend((0..width).map(|x| position(x, width, from.width)));
        let stride = from.width as usize;
        for (y, to) in to.chunks_exact_mut(width as usize).enumerate() {
            let (above, weight) = position(y as u32, height, from.height);
            let below = (above + 1).min(from.height - 1);
            let row = |y: u32| {
                let start = y as usize * from.stride;
                &from.data[start..start + stride]
            };
            let (upper, lower) = (ONE as u16 - weight, weight);
            self.row.clear();
            self.row.extend(
                row(above)
                    .iter()
                    .zip(row(below))
                    .map(|(&a, &b)| u16::from(a) * upper + u16::from(b) * lower),
            );
            // So that the last has a neighbour.
            if let Some(&last) = self.row.last() {
                self.row.push(last);
            }
            for (to, &(x, weight)) in to.iter_mut().zip(&self.columns) {
                let pair = &self.row[x as usize..x as usize + 2];
                let weight = u32::from(weight);
                let sum = u32::from(pair[0]) * (ONE - weight) + u32::from(pair[1]) * weight;
                *to = ((sum + ONE * ONE / 2) / (ONE * ONE)) as u8;
            }
        }
    }
}

struct Plane<'a> {
    data: &'a [u8],
    stride: usize,
    width: u32,
    height: u32,
}

/// The pixel left of the middle of the nth of `to`, and the weight of the one behind it.
fn position(nth: u32, to: u32, from: u32) -> (u32, u16) {
    // In halves of a pixel of `to`, from the middle of the first pixel.
    let exact = (u64::from(2 * nth + 1) * u64::from(from) * u64::from(ONE) / u64::from(to)) as u32;
    let exact = (exact / 2).saturating_sub(ONE / 2);
    let pixel = (exact / ONE).min(from - 1);
    (pixel, (exact % ONE) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(width: u32, height: u32) -> I420 {
        let mut picture = I420::new(width, height).unwrap();
        let stride = picture.padded_width() as usize;
        let (y, _, _) = picture.planes_mut();
        for (n, pixel) in y.iter_mut().enumerate() {
            let (x, y) = (n % stride, n / stride);
            *pixel = (x * 100 / stride + y * 100 * stride / (stride * height as usize)) as u8;
        }
        picture
    }

    fn scaled(picture: &I420, width: u32, height: u32) -> I420 {
        let mut to = I420::default();
        Scaler::default().scale(picture.planes(), width, height, &mut to).unwrap();
        to
    }

    #[test]
    fn one_colour_stays_what_it_is() {
        let mut picture = I420::new(64, 48).unwrap();
        picture.planes_mut().0.fill(200);
        for (width, height) in [(64, 48), (48, 36), (32, 24), (12, 10), (130, 98), (2, 2)] {
            let to = scaled(&picture, width, height);
            let planes = to.planes();
            assert!(planes.y.iter().all(|&pixel| pixel == 200), "{width}x{height}");
            assert!(planes.u.iter().chain(planes.v).all(|&pixel| pixel == 128));
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = slope(64, 48);
        assert_eq!(scaled(&picture, 64, 48).planes().y, picture.planes().y);
    }

    #[test]
    fn there_and_back_is_nearly_the_same() {
        let picture = slope(128, 96);
        for (width, height) in [(96, 72), (64, 48), (32, 24)] {
            let back = scaled(&scaled(&picture, width, height), 128, 96);
            let worst = picture
                .planes()
                .y
                .iter()
                .zip(back.planes().y)
                .map(|(a, b)| a.abs_diff(*b))
                .max()
                .unwrap();
            assert!(worst <= 4, "{width}x{height}: {worst}");
        }
    }

    #[test]
    fn nothing_is_passed_over() {
        // Every fourth column is white: a quarter of the width is a quarter of white.
        let mut picture = I420::new(64, 64).unwrap();
        for (n, pixel) in picture.planes_mut().0.iter_mut().enumerate() {
            *pixel = if n % 4 == 0 { 240 } else { 0 };
        }
        let to = scaled(&picture, 16, 16);
        assert!(to.planes().y.iter().all(|&pixel| pixel.abs_diff(60) <= 1));
    }
}
