//! Decodes the reference images that clients send.

use std::io::Cursor;

use image::{ImageError, ImageReader, Limits};

use crate::error::{Error, Result};
use crate::media::Picture;

/// Longest side in pixels.
const MAX_SIDE: u32 = 8192;
/// Memory that decoding may take: an 8192 x 8192 RGBA picture just fits.
const MAX_BYTES: u64 = 256 << 20;

/// Decodes PNG, JPEG or WebP, told apart by their first bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| {
            Error::invalid_input(format!("image: {} bytes cannot be read: {error}", bytes.len()))
        })?;
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| match error {
        ImageError::Unsupported(_) => Error::invalid_input(format!(
            "image: expected PNG, JPEG or WebP, got {} bytes of something else",
            bytes.len()
        )),
        ImageError::Limits(_) => Error::invalid_input(format!(
            "image: expected at most {MAX_SIDE} x {MAX_SIDE} pixels: {error}"
        )),
        other => Error::invalid_input(format!("image: damaged or truncated: {other}")),
    })?;
    let rgb = decoded.into_rgb8();
    Ok(Picture { width: rgb.width(), height: rgb.height(), data: rgb.into_raw() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        image::RgbImage::from_pixel(width, height, image::Rgb([9, 8, 7]))
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
            .unwrap();
        bytes
    }

    #[test]
    fn a_png_becomes_rgb() {
        let picture = decode(&png(3, 2)).unwrap();
        assert_eq!((picture.width, picture.height), (3, 2));
        assert_eq!(picture.data, [9, 8, 7].repeat(6));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let error = decode(&png(MAX_SIDE + 1, 1)).unwrap_err();
        assert!(error.message.contains("8192"), "{}", error.message);
    }

    #[test]
    fn what_is_no_image_is_named_so() {
        assert!(decode(b"hello").unwrap_err().message.contains("PNG, JPEG or WebP"));
        let png = png(64, 64);
        assert!(decode(&png[..png.len() / 2]).unwrap_err().message.contains("truncated"));
    }
}
