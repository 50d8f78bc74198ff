//! The wire protocol: one JSON object per WebSocket text frame, told apart by its `type`.
//!
//! Both directions are here, because this package is a client and a service. A message that is
//! understood is a variant; one that is not is kept as `Unknown` and never an error, since newer
//! peers may say more. Nothing in this layer prints a key, a credential or a picture.
//!
//! Session descriptions follow RFC 8866, ICE candidates RFC 8839.

mod client;
mod field;
mod landmarks;
mod parse;
mod prompt_report;
mod redact;
mod server;
mod service_stats;
mod token;
mod url;

use serde::{Deserialize, Serialize};

pub use client::ClientMessage;
pub use field::Field;
pub use landmarks::{Landmarks, Place};
pub use prompt_report::PromptReport;
pub use redact::{EncodedImage, Sdp, Secret, redact_url};
pub use server::{ServerMessage, TurnConfig};
pub use service_stats::ServiceStats;
pub use token::SubscribeToken;
pub use url::{stream_url, subscribe_url};

/// The largest text frame that either side accepts, in bytes. A photograph travels inside one.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// The longest candidate that either side keeps or tries, in bytes. Real ones take about a hundred.
const MAX_CANDIDATE_BYTES: usize = 1024;

/// An ICE candidate in the form browsers give it (`RTCIceCandidateInit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// The candidate attribute, starting with `candidate:` (RFC 8839, section 5.1).
    pub candidate: String,
    #[serde(default)]
    pub sdp_mid: Option<String>,
    #[serde(default, rename = "sdpMLineIndex")]
    pub sdp_m_line_index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl IceCandidate {
    /// Whether it is short enough to be kept and tried. Those that come early wait by the hundred.
    pub fn fits(&self) -> bool {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = self.candidate.len() + length(&self.sdp_mid) + length(&self.username_fragment);
        bytes <= MAX_CANDIDATE_BYTES
    }
}
