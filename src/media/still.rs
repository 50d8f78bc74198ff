//! Still pictures: files that are recognised by their bytes, measured before they are unpacked,
//! and decoded within bounds; and pixels that become such files.
//!
//! A client looks at a file before it sends it, a service before it decodes it, with the same
//! eyes: neither trusts a name, a header of somebody's, or the other end.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, Limits};

use super::color;
use super::format::PixelFormat;
use super::frame::{FrameView, MAX_SIDE};
use super::picture::Picture;
use crate::error::{Error, ErrorCode, Result};

/// The longest file, in bytes: its base64 fits a control message.
pub const MAX_FILE_BYTES: usize = 20 << 20;
/// The largest area, in pixels: 8192 x 6144, a photograph of 50 megapixels.
pub const MAX_STILL_PIXELS: u64 = 50_331_648;
/// What a decoder may take for the pixels, in bytes: the largest area with alpha and some more.
const MAX_DECODED_BYTES: u64 = 256 << 20;
/// A larger PNG, as those of 4K photographs are, takes seconds on its way to a service.
const MAX_PNG_BYTES: usize = 8 << 20;
const JPEG_QUALITY: u8 = 95;
const TOO_LONG: &str = "make the picture smaller, or store it as a JPEG";
/// Photographs have about ten. Each costs a pass over the whole picture, and takes a few bytes.
const MAX_SCANS: usize = 100;

/// A kind of file that can be sent and decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillFormat {
    Png,
    Jpeg,
    WebP,
}

impl StillFormat {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        }
    }

    /// What the first bytes say.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }
}

/// What can be known of a file without unpacking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillInfo {
    pub format: StillFormat,
    /// As the pixels are stored: the file may ask to be turned when it is shown.
    pub width: u32,
    pub height: u32,
}

/// Looks at a file without unpacking it: kind, size, bounds, and whether its end is there.
///
/// # Errors
///
/// `InvalidInput` that says what was expected and what came.
pub fn inspect(bytes: &[u8]) -> Result<StillInfo> {
    let format = check_file(bytes)?;
    let (width, height) = decoder(bytes, format)?.dimensions();
    Ok(StillInfo { format, width, height })
}

/// Width and height as a file is shown: turned as its EXIF data asks, as [`decode`] does.
///
/// # Errors
///
/// As [`inspect`].
pub fn shown_size(bytes: &[u8]) -> Result<(u32, u32)> {
    use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let format = check_file(bytes)?;
    let mut decoder = decoder(bytes, format)?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().map_err(|error| damaged(format, &error))?;
    let lies = matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH);
    Ok(if lies { (height, width) } else { (width, height) })
}

/// Decodes a file to RGB: turned as its EXIF data asks, 16 bits to 8, and what is transparent on
/// white. Of several pictures the first is taken. Takes a while: not for a task of the runtime.
///
/// # Errors
///
/// As [`inspect`], and if the contents are damaged.
pub fn decode(bytes: &[u8]) -> Result<Picture> {
    let format = check_file(bytes)?;
    let mut decoder = decoder(bytes, format)?;
    let orientation = decoder.orientation().map_err(|error| damaged(format, &error))?;
    let mut decoded =
        DynamicImage::from_decoder(decoder).map_err(|error| damaged(format, &error))?;
    decoded.apply_orientation(orientation);
    let rgb = if decoded.color().has_alpha() { on_white(decoded) } else { decoded.into_rgb8() };
    Ok(Picture { width: rgb.width(), height: rgb.height(), data: rgb.into_raw() })
}

/// The pixels of a frame as a file: PNG, which loses nothing, keeps alpha and takes a third of the
/// time; JPEG if that would be long on its way and there is no alpha. Takes a while: not for a task
/// of the runtime.
///
/// # Errors
///
/// `InvalidInput` if the frame is too large or has more or fewer bytes than it takes.
pub fn encode(format: PixelFormat, pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let (target, color) = match format {
        PixelFormat::Rgba | PixelFormat::Bgra => (PixelFormat::Rgba, ExtendedColorType::Rgba8),
        PixelFormat::Gray => (PixelFormat::Gray, ExtendedColorType::L8),
        _ => (PixelFormat::Rgb24, ExtendedColorType::Rgb8),
    };
    let view = FrameView::packed(format, pixels, width, height)?;
    let mut converted = Vec::new();
    let pixels = if format == target {
        pixels
    } else {
        converted.resize(target.packed_len(width, height), 0);
        color::convert(&view, target, &mut converted)?;
        &converted
    };
    let mut file = png(pixels, width, height, color)?;
    if file.len() > MAX_PNG_BYTES && target != PixelFormat::Rgba {
        file.clear();
        JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
            .write_image(pixels, width, height, color)
            .map_err(|error| failed(&error))?;
    }
    Ok(file)
}

/// A picture as a PNG file, however long that is.
///
/// # Errors
///
/// `Internal` if the picture is not what it says.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>> {
    png(&picture.data, picture.width, picture.height, ExtendedColorType::Rgb8)
}

fn png(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Result<Vec<u8>> {
    let mut file = Vec::with_capacity(pixels.len() / 2);
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, width, height, color)
        .map_err(|error| failed(&error))?;
    Ok(file)
}

fn failed(error: &ImageError) -> Error {
    Error::new(ErrorCode::Internal, format!("encoding an image: {error}"))
}

/// The kind of a file, if it is one of ours and whole.
fn check_file(bytes: &[u8]) -> Result<StillFormat> {
    let len = bytes.len();
    if !(1..=MAX_FILE_BYTES).contains(&len) {
        return Err(Error::invalid_input(format!(
            "image: expected a file of 1 to {MAX_FILE_BYTES} bytes, got {len}"
        ))
        .hint(if len == 0 { "the file is empty: make it anew" } else { TOO_LONG }));
    }
    let format = StillFormat::sniff(bytes).ok_or_else(|| {
        Error::invalid_input(format!(
            "image: expected a PNG, JPEG or WebP file, got {len} bytes of {}",
            other_kind(bytes)
        ))
        .hint("convert it, or open it yourself and pass its pixels: a PIL image or an array")
    })?;
    let whole = match format {
        StillFormat::Png => png_is_whole(bytes),
        StillFormat::Jpeg => match jpeg_scans(bytes) {
            Some(scans) if scans > MAX_SCANS => {
                return Err(Error::invalid_input(format!(
                    "image: a JPEG of {scans} scans takes too long to decode; expected at most \
                     {MAX_SCANS}"
                )));
            }
            scans => scans.is_some(),
        },
        StillFormat::WebP => {
            let stated = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            len as u64 >= u64::from(stated) + 8
        }
    };
    if whole {
        return Ok(format);
    }
    Err(Error::invalid_input(format!(
        "image: the {} file of {len} bytes is truncated: its end is missing",
        format.as_str()
    ))
    .hint("copy or download it again"))
}

/// A decoder that has read the header and found the picture within bounds.
fn decoder(bytes: &[u8], format: StillFormat) -> Result<Box<dyn ImageDecoder + '_>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let file = Cursor::new(bytes);
    let opened: Result<Box<dyn ImageDecoder + '_>, ImageError> = match format {
        StillFormat::Png => {
            PngDecoder::with_limits(file, limits).map(|decoder| Box::new(decoder) as _)
        }
        StillFormat::Jpeg => JpegDecoder::new(file).map(|decoder| Box::new(decoder) as _),
        StillFormat::WebP => WebPDecoder::new(file).map(|decoder| Box::new(decoder) as _),
    };
    let decoder = opened.map_err(|error| damaged(format, &error))?;
    let (width, height) = decoder.dimensions();
    let sides = 1..=MAX_SIDE;
    let fits = sides.contains(&width)
        && sides.contains(&height)
        && u64::from(width) * u64::from(height) <= MAX_STILL_PIXELS
        && decoder.total_bytes() <= MAX_DECODED_BYTES;
    if fits { Ok(decoder) } else { Err(too_large(&format!("{width} x {height}"))) }
}

fn too_large(got: &str) -> Error {
    Error::invalid_input(format!(
        "image: expected at most {MAX_SIDE} x {MAX_SIDE} and {MAX_STILL_PIXELS} pixels, {} MiB \
         unpacked; got {got}",
        MAX_DECODED_BYTES >> 20
    ))
    .hint("make it smaller: no model looks at so many pixels")
}

fn damaged(format: StillFormat, error: &ImageError) -> Error {
    let format = format.as_str();
    match error {
        ImageError::Limits(error) => too_large(&format!("a {format} that is larger: {error}")),
        ImageError::Unsupported(error) => {
            Error::invalid_input(format!("image: this kind of {format} is not supported: {error}"))
                .hint("save it as an ordinary PNG")
        }
        other => Error::invalid_input(format!("image: the {format} is damaged: {other}")),
    }
}

fn on_white(picture: DynamicImage) -> image::RgbImage {
    let picture = picture.into_rgba8();
    let mut rgb = image::RgbImage::new(picture.width(), picture.height());
    for (to, from) in rgb.chunks_exact_mut(3).zip(picture.chunks_exact(4)) {
        let alpha = u16::from(from[3]);
        for (to, &from) in to.iter_mut().zip(from) {
            let sum = u16::from(from) * alpha + 255 * (255 - alpha);
            *to = ((sum + 127) / 255) as u8;
        }
    }
    rgb
}

/// Whether the chunks follow one another up to the last (PNG, section 5.3).
fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = &bytes[8..];
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        // Behind the contents there are four bytes of checksum.
        let len = u32::from_be_bytes([a, b, c, d]) as usize + 4;
        let Some(next) = body.get(len..) else { return false };
        if &kind == b"IEND" {
            return true;
        }
        rest = next;
    }
    false
}

/// How many scans there are up to the end of the image, if that is there (ITU-T T.81, annex B).
fn jpeg_scans(bytes: &[u8]) -> Option<usize> {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    let mut scans = 0;
    let mut rest = &bytes[2..];
    loop {
        // Compressed data and fill bytes; a zero or a restart marker belongs to the data.
        let at = rest.windows(2).position(|pair| {
            pair[0] == 0xff && !matches!(pair[1], 0x00 | 0x01 | 0xd0..=0xd7 | 0xff)
        })?;
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            END_OF_IMAGE => return Some(scans),
            START_OF_SCAN => scans += 1,
            _ => {}
        }
        let len = rest.first_chunk::<2>().map(|len| usize::from(u16::from_be_bytes(*len)))?;
        rest = rest.get(len..)?;
    }
}

/// A name for what is often taken for one of ours.
fn other_kind(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    match bytes {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'B', b'M', ..] => "a BMP",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a HEIF, AVIF or MP4",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        _ if text.starts_with(b"<") => "HTML, XML or SVG",
        _ if text.starts_with(b"{") => "JSON",
        _ => "something else",
    }
}
