//! Offers that somebody changes before they are sent.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Listener;
use crate::error::{Error, ErrorCode, Result};
use crate::session::MAX_SDP_BYTES;

/// Who looks at an offer, and where the answer comes from.
pub(super) type Customizer = (Arc<dyn Listener>, oneshot::Receiver<Result<Option<String>>>);

/// What is sent in place of our own offer. That one is in force here in any case: what the
/// connection needs to work cannot be changed from outside.
pub(super) async fn customized(offer: String, customize: Option<Customizer>) -> Result<String> {
    let Some((listener, given)) = customize else { return Ok(offer) };
    listener.offer_made(offer.clone());
    let given = given.await.map_err(|_| {
        Error::new(ErrorCode::Signaling, "the connection ended while its offer was looked at")
    })?;
    let checked = given.and_then(|changed| match changed {
        Some(sdp) if !(1..=MAX_SDP_BYTES).contains(&sdp.len()) => Err(Error::new(
            ErrorCode::InvalidOptions,
            format!(
                "customize_offer() must return SDP of 1 to {MAX_SDP_BYTES} bytes, got {}",
                sdp.len()
            ),
        )),
        Some(sdp) => Ok(sdp),
        None => Ok(offer),
    });
    checked
        .map_err(|error| error.hint("customize_offer= is called with each offer before it is sent"))
}
