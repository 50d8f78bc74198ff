//! The looks that a picture can be given, one file each.
//!
//! A look says only how it paints; its name and words stand in the vocabulary. Whatever resembles
//! chance (grain, bristles, paper) is fixed to the picture and does not move from frame to frame.

mod anime;
mod cinematic;
mod comic;
mod neon;
mod noir;
mod oil;
mod pencil;
mod pixel;
mod thermal;
mod vintage;
mod vivid;
mod watercolour;

use super::operators::Shape;

pub(super) use anime::Anime;
pub(super) use cinematic::Cinematic;
pub(super) use comic::Comic;
pub(super) use neon::Neon;
pub(super) use noir::Noir;
pub(super) use oil::Oil;
pub(super) use pencil::Pencil;
pub(super) use pixel::Pixel;
pub(super) use thermal::Thermal;
pub(super) use vintage::Vintage;
pub(super) use vivid::Vivid;
pub(super) use watercolour::Watercolour;

/// One way to paint a picture.
pub(super) trait Look: Send {
    /// Paints the packed RGB pixels `input` to `output`; both fill `canvas`, which is at least
    /// one pixel.
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]);
}

/// The size of the picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
}

impl Canvas {
    pub const fn gray(self) -> Shape {
        Shape::gray(self.width, self.height)
    }

    pub const fn rgb(self) -> Shape {
        Shape::rgb(self.width, self.height)
    }

    /// A length given in pixels of a picture that is 1280 wide, for this picture: at least 1.
    pub fn length(self, at_1280: usize) -> usize {
        ((at_1280 * self.width.max(self.height) + 640) / 1280).max(1)
    }
}
