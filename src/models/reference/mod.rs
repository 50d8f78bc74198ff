//! The look of a reference image: its palette, its local contrast, and its texture.

mod study;
mod transfer;

pub(super) use study::Study;
pub(super) use transfer::Transfer;
