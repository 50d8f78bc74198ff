//! A frame that lies in somebody else's memory, wherever its strides put it.

use super::format::PixelFormat;
use crate::error::{Error, Result};

/// Longest side of a frame, in pixels.
pub const MAX_SIDE: u32 = 8192;

/// Largest area of a frame, in pixels: 7680×4320.
pub const MAX_PIXELS: u64 = 33_177_600;

/// Whether a picture of this size can be handled at all.
///
/// # Errors
///
/// `InvalidInput`, naming the limits and the size.
pub fn check_size(width: u32, height: u32) -> Result<()> {
    let fits = (1..=MAX_SIDE).contains(&width)
        && (1..=MAX_SIDE).contains(&height)
        && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "a frame must be 1 to {MAX_SIDE} pixels wide and high, with at most {MAX_PIXELS} pixels \
         in all; got {width}x{height}"
    ))
    .hint("make it smaller before you pass it"))
}

/// A borrowed frame: bytes and how to find the pixels in them.
///
/// Strides are in bytes and may be negative or zero, as those of array views are. Every byte
/// that they address is known to lie within the data.
#[derive(Debug, Clone, Copy)]
pub struct FrameView<'a> {
    format: PixelFormat,
    data: &'a [u8],
    offset: usize,
    width: u32,
    height: u32,
    row_stride: isize,
    pixel_stride: isize,
    channel_stride: isize,
}

impl<'a> FrameView<'a> {
    /// A view of bytes that are spread by strides.
    ///
    /// `offset` is where the first channel of the top left pixel lies. For I420, `width` and
    /// `height` are those of the picture, and the strides those of its (H × 3 / 2, W) array.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the size is out of range, if an I420 picture is odd, or if the strides
    /// leave the data.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of an array interface")]
    pub fn strided(
        format: PixelFormat,
        data: &'a [u8],
        offset: usize,
        width: u32,
        height: u32,
        row_stride: isize,
        pixel_stride: isize,
        channel_stride: isize,
    ) -> Result<Self> {
        check_frame(format, width, height)?;
        // Pictures of OpenCV are often passed on as `picture[..., ::-1]`: the twin format, as it lies.
        let swapped = match format {
            PixelFormat::Rgb24 => Some(PixelFormat::Bgr24),
            PixelFormat::Bgr24 => Some(PixelFormat::Rgb24),
            _ => None,
        };
        if let (Some(swapped), 3, -1, 2..) = (swapped, pixel_stride, channel_stride, offset) {
            return Self::strided(swapped, data, offset - 2, width, height, row_stride, 3, 1);
        }
        let (mut low, mut high) = (offset as i128, offset as i128);
        for (count, stride) in [
            (format.rows(height), row_stride),
            (width as usize, pixel_stride),
            (format.channels(), channel_stride),
        ] {
            let reach = (count as i128 - 1) * stride as i128;
            low += reach.min(0);
            high += reach.max(0);
        }
        if low < 0 || high >= data.len() as i128 {
            return Err(Error::invalid_input(format!(
                "a {width}x{height} {format} frame with these strides takes bytes {low} to \
                 {high}; got {} bytes",
                data.len()
            )));
        }
        Ok(Self { format, data, offset, width, height, row_stride, pixel_stride, channel_stride })
    }

    /// A view of bytes without gaps, rows from the top.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the size is out of range, if an I420 picture is odd, or if there are
    /// more or fewer bytes than the frame takes.
    pub fn packed(format: PixelFormat, data: &'a [u8], width: u32, height: u32) -> Result<Self> {
        check_frame(format, width, height)?;
        let expected = format.packed_len(width, height);
        if data.len() != expected {
            return Err(Error::invalid_input(format!(
                "a {width}x{height} {format} frame takes {expected} bytes; got {}",
                data.len()
            )));
        }
        let channels = format.channels() as isize;
        Self::strided(format, data, 0, width, height, width as isize * channels, channels, 1)
    }

    /// How the bytes are to be read: the format that was given, or its twin with red and blue
    /// exchanged if the strides exchange them back.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width of the picture in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the picture in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The frame with left and right exchanged; not for I420, whose rows hold more than one.
    pub(super) fn mirrored(&self) -> Self {
        debug_assert_ne!(self.format, PixelFormat::I420);
        let last = (self.width as isize - 1) * self.pixel_stride;
        Self {
            offset: self.offset.wrapping_add_signed(last),
            pixel_stride: -self.pixel_stride,
            ..*self
        }
    }

    /// Writes the frame without gaps over what is in `out`.
    pub fn pack_into(&self, out: &mut Vec<u8>) {
        let row_len = self.row_len();
        out.clear();
        out.reserve_exact(row_len * self.rows());
        if !self.has_packed_rows() {
            self.gather(out);
        } else if self.row_stride == row_len as isize {
            out.extend_from_slice(&self.data[self.offset..self.offset + row_len * self.rows()]);
        } else {
            for row in 0..self.rows() {
                let start = self.at(row, 0, 0);
                out.extend_from_slice(&self.data[start..start + row_len]);
            }
        }
    }

    /// The bytes from the first row on and their stride, if rows have no gaps within them, follow
    /// one another downwards, and the last is as long as the stride: the converters pass over a
    /// shorter one.
    pub(super) fn as_rows(&self) -> Option<(&'a [u8], usize)> {
        let row_len = self.row_len();
        // The stride of a single row can be anything.
        let stride = if self.rows() == 1 { row_len as isize } else { self.row_stride };
        let stride = usize::try_from(stride).ok()?;
        if !self.has_packed_rows() || stride < row_len {
            return None;
        }
        let rows = self.data.get(self.offset..)?.get(..stride * self.rows())?;
        Some((rows, stride))
    }

    /// The bytes of the frame, if they lie without any gap.
    pub(super) fn as_packed(&self) -> Option<&'a [u8]> {
        self.as_rows().filter(|&(_, stride)| stride == self.row_len()).map(|(rows, _)| rows)
    }

    fn rows(&self) -> usize {
        self.format.rows(self.height)
    }

    fn row_len(&self) -> usize {
        self.width as usize * self.format.channels()
    }

    fn has_packed_rows(&self) -> bool {
        let channels = self.format.channels();
        (channels == 1 || self.channel_stride == 1)
            && (self.width == 1 || self.pixel_stride == channels as isize)
    }

    fn at(&self, row: usize, column: usize, channel: usize) -> usize {
        let distance = row as isize * self.row_stride
            + column as isize * self.pixel_stride
            + channel as isize * self.channel_stride;
        self.offset.wrapping_add_signed(distance)
    }

    fn gather(&self, out: &mut Vec<u8>) {
        let (width, channels) = (self.width as usize, self.format.channels());
        for row in 0..self.rows() {
            for column in 0..width {
                for channel in 0..channels {
                    out.push(self.data[self.at(row, column, channel)]);
                }
            }
        }
    }
}

fn check_frame(format: PixelFormat, width: u32, height: u32) -> Result<()> {
    check_size(width, height)?;
    if format == PixelFormat::I420 && !(width.is_multiple_of(2) && height.is_multiple_of(2)) {
        return Err(Error::invalid_input(format!(
            "an i420 frame must be even in width and height; got {width}x{height}"
        ))
        .hint("crop or pad it by one pixel, or use another format"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed_of(view: &FrameView<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        view.pack_into(&mut out);
        out
    }

    #[test]
    fn sizes_out_of_range_name_the_limit_and_the_size() {
        for (w, h) in [(0, 10), (10, 0), (20_000, 20_000), (8192, 8192)] {
            let error = FrameView::packed(PixelFormat::Rgb24, &[], w, h).unwrap_err();
            assert!(error.message.contains("8192"), "{error}");
            assert!(error.message.contains("33177600"), "{error}");
            assert!(error.message.contains(&format!("{w}x{h}")), "{error}");
        }
        assert!(check_size(7680, 4320).is_ok());
        assert!(check_size(8192, 4050).is_ok());
    }

    #[test]
    fn a_wrong_length_names_both() {
        let error = FrameView::packed(PixelFormat::Rgb24, &[0; 5], 1, 2).unwrap_err();
        assert!(error.message.contains("takes 6 bytes; got 5"), "{error}");
    }

    #[test]
    fn odd_i420_is_refused() {
        let error = FrameView::packed(PixelFormat::I420, &[0; 9], 3, 2).unwrap_err();
        assert!(error.message.contains("3x2"), "{error}");
    }

    #[test]
    fn strides_may_not_leave_the_data() {
        let data = [0; 12];
        let view = |offset, row, pixel, channel| {
            FrameView::strided(PixelFormat::Rgb24, &data, offset, 2, 2, row, pixel, channel)
        };
        assert!(view(0, 6, 3, 1).is_ok());
        assert!(view(6, -6, 3, 1).is_ok());
        assert!(view(1, 6, 3, 1).is_err());
        assert!(view(5, -6, 3, 1).is_err());
        assert!(view(0, isize::MAX, 3, 1).is_err());
        assert!(view(0, isize::MIN, 3, 1).is_err());
        assert!(view(usize::MAX, 6, 3, 1).is_err());
    }

    #[test]
    fn flipped_mirrored_and_swapped_views_pack_right() {
        let data: Vec<u8> = (0..12).collect();
        let view = |offset, row, pixel, channel| {
            FrameView::strided(PixelFormat::Rgb24, &data, offset, 2, 2, row, pixel, channel)
                .unwrap()
        };
        assert_eq!(packed_of(&view(0, 6, 3, 1)), data);
        assert_eq!(packed_of(&view(6, -6, 3, 1)), [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]);
        assert_eq!(packed_of(&view(3, 6, -3, 1)), [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]);
        // The other order of colours is the other format, read where it lies.
        assert_eq!(view(2, 6, 3, -1).format(), PixelFormat::Bgr24);
        assert_eq!(packed_of(&view(2, 6, 3, -1)), data);
        assert_eq!(packed_of(&view(5, 6, -3, -1)), [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6]);
        assert_eq!(packed_of(&view(0, 0, 0, 1)), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        // Channels first: (3, H, W) seen as (H, W, 3).
        assert_eq!(packed_of(&view(0, 2, 1, 4)), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    }

    #[test]
    fn only_downward_gapless_rows_are_lent() {
        let data = [0; 64];
        let rows = |row, pixel| {
            FrameView::strided(PixelFormat::Gray, &data, 16, 4, 3, row, pixel, 1)
                .unwrap()
                .as_rows()
                .map(|(rows, stride)| (rows.len(), stride))
        };
        assert_eq!(rows(10, 1), Some((30, 10)));
        assert_eq!(rows(20, 1), None);
        assert_eq!(rows(-8, 1), None);
        assert_eq!(rows(10, 2), None);
        assert_eq!(rows(2, 1), None);
    }
}
