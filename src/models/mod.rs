//! The local models: image processing behind one trait.
//!
//! A model turns one picture into another under a [`Control`], the prompt and the reference image
//! that are in force. All but `live_avatar`, which has no frames to transform and is in [`avatar`], are [`Prompted`]: a
//! prompt becomes a [`prompt::Plan`]; `mirage` and `mirage_v2` make of it a chain of the styles and
//! modifiers that it names, `lucy_v2v_720p_rt` edits of parts of the picture, and `lucy_2_rt` the
//! same after it has carried over the look of the reference image.
//!
//! All of them are deterministic: the same pictures at the same times under the same control give
//! the same bytes. No clock is read: who has one says the time with [`Model::set_time`].
//!
//! ```text
//! prompt ──────> plan ──> pipeline ──> styles, modifiers ──> operators
//! vocabulary.txt          report       one file each         planes, tested alone
//! ```

// Loops become vector code only if all that they call is inlined, and if cutting is done with the
// two instructions that exist for it.
#![allow(clippy::inline_always, clippy::manual_clamp, clippy::needless_range_loop)]
// Tests compare levels, which are whole numbers.
#![cfg_attr(test, allow(clippy::float_cmp))]

pub mod avatar;
mod editor;
mod edits;
mod modifiers;
mod operators;
mod passthrough;
mod pipeline;
pub mod prompt;
mod prompted;
mod reference;
mod regions;
mod report;
mod scene;
mod styles;

use std::sync::Arc;
use std::time::Duration;

use crate::catalog;
use crate::error::{Error, ErrorCode, Result};
use crate::media::Picture;

pub use operators::portably;
pub use passthrough::Passthrough;
pub use prompted::Prompted;
pub use report::Report;
pub use styles::{StyleInfo, styles};

/// The names of all modifiers: light, weather, color and finish.
pub fn modifier_names() -> impl Iterator<Item = &'static str> {
    modifiers::names()
}

/// What a model is asked to do, complete: a new control replaces the whole of the old one.
#[derive(Clone, Default)]
pub struct Control {
    /// What the result should look like; `None` leaves frames as they are.
    pub prompt: Option<String>,
    /// Whether the model may elaborate on the prompt.
    pub enhance: bool,
    /// The decoded reference image.
    pub image: Option<Arc<Picture>>,
    /// Where in it a face is, if its giver knows.
    pub face: Option<avatar::face::Given>,
}

/// One transformation of pictures, with the state that it needs from frame to frame.
pub trait Model: Send {
    /// Takes over a new state between two frames.
    fn set_control(&mut self, control: &Control) -> Result<()>;

    /// Says when the next frame was captured, since any fixed moment. Looks fade and snow falls
    /// by it; a model that is not told takes its frames for 40 ms apart.
    fn set_time(&mut self, _time: Duration) {}

    /// Whether frames pass unchanged under the present control: the caller may then skip the
    /// conversion of pixels.
    fn is_passthrough(&self) -> bool;

    /// What became of the prompt in force; `None` without one. It changes in
    /// [`set_control`](Self::set_control) only.
    fn report(&self) -> Option<&Report> {
        None
    }

    /// Transforms a picture where it lies. Nothing is allocated while the size and the control stay
    /// the same.
    fn transform(&mut self, picture: &mut Picture) -> Result<()>;
}

/// Makes the model that the catalog knows as `model_name`, by name or by alias.
pub fn create(model_name: &str) -> Result<Box<dyn Model>> {
    // The lookup is for its error, which lists the known names.
    catalog::find(model_name)?;
    Ok(match catalog::resolve_alias(model_name) {
        "mirage_v2" => Box::new(Prompted::restyle(true)),
        "mirage" => Box::new(Prompted::restyle(false)),
        "lucy_v2v_720p_rt" => Box::new(Prompted::edit()),
        "lucy_2_rt" => Box::new(Prompted::reference()),
        _ => Box::new(Passthrough),
    })
}

/// The picture's size as `(width, height)`, once its data are known to fill exactly that size.
fn checked_size(picture: &Picture) -> Result<(usize, usize)> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
    if width == 0 || height == 0 || expected != Some(picture.data.len()) {
        return Err(Error::new(
            ErrorCode::InvalidInput,
            format!(
                "expected {width}x{height} pixels of packed RGB, at least 1x1; got {} bytes",
                picture.data.len()
            ),
        ));
    }
    Ok((width, height))
}
