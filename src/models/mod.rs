//! The local models: image processing behind one trait.
//!
//! A model turns one picture into another under a [`Control`], the prompt and the reference image
//! that are in force. `mirage_v2` is [`Restyle`], which gives the picture one of the [`LOOKS`];
//! the other names of the catalog return their frames unchanged until they have a model of their
//! own. All of them are deterministic: the same picture under the same control gives the same
//! bytes, so a still scene stays still.

mod looks;
mod operators;
mod passthrough;
mod restyle;
mod vocabulary;

use std::sync::Arc;

use crate::catalog;
use crate::error::{Error, ErrorCode, Result};
use crate::media::Picture;

pub use passthrough::Passthrough;
pub use restyle::Restyle;
pub use vocabulary::{LOOKS, NEUTRAL, Row, choose};

/// What a model is asked to do, complete: a new control replaces the whole of the old one.
#[derive(Clone, Default)]
pub struct Control {
    /// What the result should look like; `None` leaves frames as they are.
    pub prompt: Option<String>,
    /// Whether the model may elaborate on the prompt.
    pub enhance: bool,
    /// The decoded reference image.
    pub image: Option<Arc<Picture>>,
}

/// One transformation of pictures, with the state that it needs from frame to frame.
pub trait Model: Send {
    /// Takes over a new state between two frames.
    fn set_control(&mut self, control: &Control) -> Result<()>;

    /// Whether frames pass unchanged under the present control: the caller may then skip the
    /// conversion of pixels.
    fn is_passthrough(&self) -> bool;

    /// Writes the transformed `input` to `output`, which takes the size of the result. Nothing is
    /// allocated while the size and the control stay the same.
    fn process(&mut self, input: &Picture, output: &mut Picture) -> Result<()>;
}

/// Makes the model that the catalog knows as `model_name`, by name or by alias.
pub fn create(model_name: &str) -> Result<Box<dyn Model>> {
    // The lookup is for its error, which lists the known names.
    catalog::find(model_name)?;
    Ok(match catalog::resolve_alias(model_name) {
        "mirage_v2" => Box::new(Restyle::default()),
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
