//! What styles are made of: each operation in a file of its own, on planes of bytes.
//!
//! Lengths are in pixels. Operations that look at neighbours repeat the border outward and accept
//! any size from 1x1. Buffers grow to the largest picture seen and are kept; large ones that one operation needs only while it
//! runs are [`Brief`].

mod blur;
mod brief;
mod cells;
mod coarse;
mod completion;
mod distance;
mod dither;
mod evened;
mod guided;
mod image;
mod kuwahara;
mod lines;
mod lut;
mod membrane;
mod noise;
mod oklab;
mod opening;
mod padded;
mod palette;
mod patches;
mod scale;
mod shade;
mod shifted;
mod splat;
mod steady;
mod strokes;
mod tensor;
mod texture;
mod wide;

pub(super) use blur::Blur;
pub(super) use brief::{Brief, free_all};
pub(super) use cells::Cells;
pub(super) use coarse::{Clouds, Coarse, noise as smooth_noise};
pub(super) use completion::{Completed, Completion};
pub(super) use distance::Distance;
pub(super) use dither::bayer;
pub(super) use evened::Evened;
pub(super) use guided::Guided;
pub(super) use image::{Image, Plane};
pub(super) use kuwahara::Kuwahara;
pub(super) use lines::{Along, Lines};
pub(super) use lut::Lut;
pub(super) use membrane::Membrane;
pub(super) use noise::{Tile, hash};
pub(super) use oklab::{Lab, from_lab, to_lab};
pub(super) use opening::Opening;
pub(super) use palette::{Palette, ink, rgb};
pub(super) use scale::{Double, halve, halve_image};
pub(super) use shade::{
    alter, blend, gradient, gray_of, mix, ramp, saturate, screen, shade, smooth,
};
pub(super) use shifted::{Cell, shifted};
pub(super) use splat::{dot, streak};
pub(super) use steady::Steady;
pub(super) use strokes::{Brush, Places, angle_of};
pub(super) use tensor::HalfFlow;
pub(super) use texture::{Texture, canvas, paper};
pub use wide::portably;
pub(super) use wide::wide;

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
