//! The operations that looks are made of.
//!
//! They work on whole rows of bytes with integers and tables, so that the compiler turns the
//! inner loops into vector code for any processor. All of them repeat the border outward and
//! accept any size from 1x1. Buffers grow to the largest picture seen and are kept.

mod bands;
mod blur;
mod curve;
mod flow;
mod gradient;
mod ink;
mod kuwahara;
mod luma;
mod noise;
mod scale;
mod vignette;

pub(super) use bands::Bands;
pub(super) use blur::Blur;
pub(super) use curve::Curve;
pub(super) use flow::{DIRECTIONS, Flow};
pub(super) use gradient::Gradient;
pub(super) use ink::Ink;
pub(super) use kuwahara::Kuwahara;
pub(super) use luma::{luma, luma_of};
pub(super) use noise::{TILE, Tile};
pub(super) use scale::{Grow, Shrink};
pub(super) use vignette::Vignette;

/// The layout of a packed buffer: `height` rows of `width` pixels of `channels` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}

impl Shape {
    pub const fn gray(width: usize, height: usize) -> Self {
        Self { width, height, channels: 1 }
    }

    pub const fn rgb(width: usize, height: usize) -> Self {
        Self { width, height, channels: 3 }
    }

    /// Bytes in a row.
    pub const fn row(&self) -> usize {
        self.width * self.channels
    }

    /// Bytes in the buffer.
    pub const fn len(&self) -> usize {
        self.row() * self.height
    }

    /// The row `offset` below `y`, kept inside the picture.
    pub fn near<'a>(&self, data: &'a [u8], y: usize, offset: isize) -> &'a [u8] {
        let y = y.saturating_add_signed(offset).min(self.height - 1);
        &data[y * self.row()..][..self.row()]
    }
}

/// Gives `buffer` the length `len`, keeping its memory. Its contents are unspecified.
pub(super) fn fit<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    buffer.resize(len, T::default());
}

/// The nearest byte.
#[inline]
pub(super) const fn byte(value: i32) -> u8 {
    if value < 0 {
        0
    } else if value > 255 {
        255
    } else {
        value as u8
    }
}

/// `a * b` where 255 stands for one, rounded.
#[inline]
pub(super) const fn scaled(a: u8, b: u8) -> u8 {
    let product = a as u16 * b as u16 + 128;
    ((product + (product >> 8)) >> 8) as u8
}

/// Copies `row` with `margin` repeated pixels on either side.
pub(super) fn pad(row: &[u8], channels: usize, margin: usize, padded: &mut Vec<u8>) {
    padded.clear();
    for _ in 0..margin {
        padded.extend_from_slice(&row[..channels]);
    }
    padded.extend_from_slice(row);
    for _ in 0..margin {
        padded.extend_from_slice(&row[row.len() - channels..]);
    }
}
