//! The model's state from the session's.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::{Error, Result};
use crate::media::{Picture, still};
use crate::models::Control;
use crate::session::{EncodedImage, State};

/// The last reference image, decoded: most updates change the prompt alone.
pub(super) type DecodedImage = (EncodedImage, Arc<Picture>);

/// Decodes what has to be decoded. Takes a while for a large image: not for a task of the runtime.
pub(super) fn prepare(state: &State, known: Option<DecodedImage>) -> Result<Control> {
    let image = match (&state.image, known) {
        (None, _) => None,
        (Some(encoded), Some((same, picture))) if *encoded == same => Some(picture),
        (Some(encoded), _) => {
            let bytes = BASE64_STANDARD.decode(encoded.as_str()).map_err(|error| {
                Error::invalid_input(format!("image_data: expected standard base64: {error}"))
            })?;
            Some(Arc::new(still::decode(&bytes)?))
        }
    };
    Ok(Control {
        prompt: state.prompt.as_ref().map(|prompt| prompt.text.clone()),
        enhance: state.prompt.as_ref().is_some_and(|prompt| prompt.enhance),
        image,
    })
}
