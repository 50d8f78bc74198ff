//! A reference image: the look of it (its palette, local contrast and texture), or itself as a
//! backdrop, or what it is about, placed in the picture.

mod study;
mod subject;
mod transfer;

pub(super) use study::Study;
pub(super) use subject::{Subject, backdrop};
pub(super) use transfer::Transfer;
