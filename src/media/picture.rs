//! Pictures in memory: planar on the codec's side, packed on the user's.

use std::fmt;

use super::frame::check_size;
use crate::error::{Error, Result};

/// Three borrowed planes, chroma halved both ways (odd sizes rounded up).
#[derive(Clone, Copy)]
pub struct Planes<'a> {
    /// Width of the luma plane in pixels.
    pub width: u32,
    /// Height of the luma plane in pixels.
    pub height: u32,
    pub y: &'a [u8],
    pub u: &'a [u8],
    pub v: &'a [u8],
    /// Bytes from one row to the next.
    pub y_stride: usize,
    pub u_stride: usize,
    pub v_stride: usize,
}

impl Planes<'_> {
    /// Whether the three slices hold every row that the size and the strides promise.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, naming the plane.
    pub fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        let (w, h) = (self.width as usize, self.height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        for (name, plane, stride, w, h) in [
            ("Y", self.y, self.y_stride, w, h),
            ("U", self.u, self.u_stride, cw, ch),
            ("V", self.v, self.v_stride, cw, ch),
        ] {
            let need = stride.checked_mul(h - 1).and_then(|n| n.checked_add(w));
            if stride < w || need.is_none_or(|need| plane.len() < need) {
                return Err(Error::invalid_input(format!(
                    "the {name} plane must hold {h} rows of {w} bytes; got {} bytes at a stride \
                     of {stride}",
                    plane.len()
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Planes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planes({}x{})", self.width, self.height)
    }
}

/// A planar picture that owns its bytes and is meant to be used again and again.
///
/// The planes are even in width and height, as 4:2:0 codecs want them; the picture itself may be
/// odd, and then the last column or row is there twice.
#[derive(Clone, Default)]
pub struct I420 {
    width: u32,
    height: u32,
    data: Vec<u8>,
    /// Room for packing rows that cannot be converted where they lie.
    pub(super) scratch: Vec<u8>,
}

impl I420 {
    /// A black picture.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the size is zero or too large.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let mut picture = Self::default();
        picture.resize(width, height)?;
        let luma = picture.luma_len();
        picture.data[..luma].fill(16);
        picture.data[luma..].fill(128);
        Ok(picture)
    }

    /// Changes the size. Contents are unspecified afterwards; memory is kept.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the size is zero or too large.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        check_size(width, height)?;
        (self.width, self.height) = (width, height);
        let luma = self.luma_len();
        self.data.resize(luma + luma / 2, 0);
        Ok(())
    }

    /// Width of the picture, without padding.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the picture, without padding.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width of the planes: the picture's, rounded up to even.
    pub fn padded_width(&self) -> u32 {
        self.width.next_multiple_of(2)
    }

    /// Height of the planes: the picture's, rounded up to even.
    pub fn padded_height(&self) -> u32 {
        self.height.next_multiple_of(2)
    }

    /// The planes with their padding, as an encoder takes them.
    pub fn planes(&self) -> Planes<'_> {
        let (y, u, v) = self.split();
        let stride = self.padded_width() as usize;
        Planes {
            width: self.padded_width(),
            height: self.padded_height(),
            y,
            u,
            v,
            y_stride: stride,
            u_stride: stride / 2,
            v_stride: stride / 2,
        }
    }

    /// The planes without the padding: what the picture shows.
    pub fn visible(&self) -> Planes<'_> {
        Planes { width: self.width, height: self.height, ..self.planes() }
    }

    /// The three planes for writing; strides are [`Self::padded_width`] and half of it.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let luma = self.luma_len();
        let (y, chroma) = self.data.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 4);
        (y, u, v)
    }

    /// Copies planes of any stride, padding them to even.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the planes are smaller than they say.
    pub fn copy_from(&mut self, planes: Planes<'_>) -> Result<()> {
        self.extend_from(planes, 1)
    }

    /// [`Self::copy_from`], repeating the last column and row until no side is shorter than
    /// `min_side`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the planes are smaller than they say.
    pub fn extend_from(&mut self, planes: Planes<'_>, min_side: u32) -> Result<()> {
        planes.check()?;
        self.resize(planes.width.max(min_side), planes.height.max(min_side))?;
        let (w, h) = (planes.width as usize, planes.height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let stride = self.padded_width() as usize;
        let (y, u, v) = self.planes_mut();
        extend_plane(planes.y, planes.y_stride, (w, h), y, stride);
        extend_plane(planes.u, planes.u_stride, (cw, ch), u, stride / 2);
        extend_plane(planes.v, planes.v_stride, (cw, ch), v, stride / 2);
        Ok(())
    }

    /// Exchanges left and right of a picture that is even in width.
    pub(super) fn mirror(&mut self) {
        let stride = self.padded_width() as usize;
        let (y, u, v) = self.planes_mut();
        for (plane, width) in [(y, stride), (u, stride / 2), (v, stride / 2)] {
            plane.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
    }

    /// Repeats the last column and row of an odd picture.
    pub(super) fn pad_luma(&mut self) {
        let (w, h) = (self.width as usize, self.height as usize);
        let stride = self.padded_width() as usize;
        let (y, _, _) = self.planes_mut();
        if w % 2 == 1 {
            for row in y.chunks_exact_mut(stride) {
                row[w] = row[w - 1];
            }
        }
        if h % 2 == 1 {
            y.copy_within((h - 1) * stride..h * stride, h * stride);
        }
    }

    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    fn luma_len(&self) -> usize {
        self.padded_width() as usize * self.padded_height() as usize
    }

    fn split(&self) -> (&[u8], &[u8], &[u8]) {
        let luma = self.luma_len();
        let (y, chroma) = self.data.split_at(luma);
        let (u, v) = chroma.split_at(luma / 4);
        (y, u, v)
    }
}

impl PartialEq for I420 {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height, &self.data) == (other.width, other.height, &other.data)
    }
}

impl Eq for I420 {}

impl fmt::Debug for I420 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I420({}x{})", self.width, self.height)
    }
}

/// A packed RGB24 picture.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// `width × height × 3` bytes, rows from the top, no padding.
    pub data: Vec<u8>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

pub(super) fn copy_rows(
    from: &[u8],
    from_stride: usize,
    to: &mut [u8],
    to_stride: usize,
    width: usize,
    height: usize,
) {
    if from_stride == width && to_stride == width {
        to[..width * height].copy_from_slice(&from[..width * height]);
        return;
    }
    for (to, from) in to.chunks_mut(to_stride).zip(from.chunks(from_stride)).take(height) {
        to[..width].copy_from_slice(&from[..width]);
    }
}

/// Copies a plane into a larger one and repeats its last column and row.
fn extend_plane(
    from: &[u8],
    from_stride: usize,
    (width, height): (usize, usize),
    to: &mut [u8],
    to_stride: usize,
) {
    copy_rows(from, from_stride, to, to_stride, width, height);
    if width < to_stride {
        for row in to.chunks_exact_mut(to_stride).take(height) {
            let last = row[width - 1];
            row[width..].fill(last);
        }
    }
    let (filled, rest) = to.split_at_mut(height * to_stride);
    let last = &filled[(height - 1) * to_stride..];
    for row in rest.chunks_exact_mut(to_stride) {
        row.copy_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_picture_repeats_its_edge() {
        let planes = Planes {
            width: 3,
            height: 1,
            y: &[1, 2, 3],
            u: &[4, 5],
            v: &[6, 7],
            y_stride: 3,
            u_stride: 2,
            v_stride: 2,
        };
        let mut picture = I420::default();
        picture.copy_from(planes).unwrap();
        assert_eq!((picture.padded_width(), picture.padded_height()), (4, 2));
        assert_eq!(picture.planes().y, [1, 2, 3, 3, 1, 2, 3, 3]);
        assert_eq!(picture.planes().u, [4, 5]);
        assert_eq!(picture.visible().width, 3);

        picture.extend_from(planes, 6).unwrap();
        assert_eq!((picture.width(), picture.height()), (6, 6));
        assert!(picture.planes().y.chunks(6).all(|row| row == [1, 2, 3, 3, 3, 3]));
        assert!(picture.planes().v.chunks(3).all(|row| row == [6, 7, 7]));
    }

    #[test]
    fn short_planes_are_refused() {
        let picture = I420::new(4, 4).unwrap();
        assert!(picture.planes().check().is_ok());
        let planes = Planes { v: &[0; 3], ..picture.planes() };
        assert!(planes.check().unwrap_err().message.contains("V plane"));
    }

    #[test]
    fn resizing_keeps_the_memory() {
        let mut picture = I420::new(64, 64).unwrap();
        let address = picture.planes().y.as_ptr();
        picture.resize(32, 32).unwrap();
        picture.resize(64, 64).unwrap();
        assert_eq!(picture.planes().y.as_ptr(), address);
        assert!(picture.resize(0, 4).is_err());
        assert_eq!(picture.width(), 64);
    }
}
