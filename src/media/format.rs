//! How the bytes of a frame are to be read.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The layout of the pixels of a frame. All are 8 bits a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Red, green, blue. Array shape (H, W, 3).
    Rgb24,
    /// Blue, green, red, as OpenCV has it. Array shape (H, W, 3).
    Bgr24,
    /// Red, green, blue, alpha. Array shape (H, W, 4).
    Rgba,
    /// Blue, green, red, alpha. Array shape (H, W, 4).
    Bgra,
    /// Luminance, 0 black to 255 white. Array shape (H, W).
    Gray,
    /// Planes Y, U, V one below the other, BT.601 limited range, chroma halved both ways.
    /// Array shape (H × 3 / 2, W), W and H even.
    I420,
}

impl PixelFormat {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Rgb24, Self::Bgr24, Self::Rgba, Self::Bgra, Self::Gray, Self::I420];

    /// The name that [`FromStr`] reads.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rgb24 => "rgb24",
            Self::Bgr24 => "bgr24",
            Self::Rgba => "rgba",
            Self::Bgra => "bgra",
            Self::Gray => "gray",
            Self::I420 => "i420",
        }
    }

    /// Bytes a pixel in a row of the array; 1 for the planes of I420.
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb24 | Self::Bgr24 => 3,
            Self::Rgba | Self::Bgra => 4,
            Self::Gray | Self::I420 => 1,
        }
    }

    /// Rows of the array that holds a picture of this height.
    pub const fn rows(self, height: u32) -> usize {
        let height = height as usize;
        match self {
            Self::I420 => height + height / 2,
            _ => height,
        }
    }

    /// Bytes of a packed frame of this size.
    pub const fn packed_len(self, width: u32, height: u32) -> usize {
        self.rows(height) * width as usize * self.channels()
    }

    /// Whether the last channel is alpha.
    pub const fn has_alpha(self) -> bool {
        matches!(self, Self::Rgba | Self::Bgra)
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PixelFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            let shown: String = name.chars().take(40).collect();
            Error::invalid_input(format!("the format must be one of {known}; got {shown:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in PixelFormat::ALL {
            assert_eq!(format.as_str().parse::<PixelFormat>(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "yuv9".parse::<PixelFormat>().unwrap_err();
        for format in PixelFormat::ALL {
            assert!(error.message.contains(format.as_str()), "{error}");
        }
        assert!(error.message.contains("yuv9"));
    }

    #[test]
    fn packed_lengths() {
        assert_eq!(PixelFormat::Rgb24.packed_len(3, 2), 18);
        assert_eq!(PixelFormat::Bgra.packed_len(3, 2), 24);
        assert_eq!(PixelFormat::I420.packed_len(4, 2), 12);
    }
}
