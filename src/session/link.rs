//! What passes between a client session and its media link.

use std::fmt;

use crate::error::Error;
use crate::protocol::IceCandidate;

/// What the media link reports.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Something for the other side.
    Signal(LocalSignal),
    /// Media can flow, for the first time or again.
    Up,
    /// Nothing arrives at present; it may recover by itself.
    Interrupted,
    /// Gone for good, and why.
    Lost(String),
    /// Could not be set up. An error that is not retryable ends the session.
    Failed(Error),
}

/// A signal from our link to the other side.
#[derive(Clone, PartialEq)]
pub enum LocalSignal {
    /// A session description. One that follows the first renegotiates the same link.
    Offer(String),
    /// A candidate, or `None` after the last one.
    Candidate(Option<IceCandidate>),
}

/// A signal from the other side to our link. The answer always comes before any candidate.
#[derive(Clone, PartialEq)]
pub enum RemoteSignal {
    Answer(String),
    Candidate(Option<IceCandidate>),
}

/// Session descriptions carry passwords, so they print as their length.
impl fmt::Debug for LocalSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer(sdp) => write!(f, "Offer(<{} bytes sdp>)", sdp.len()),
            Self::Candidate(candidate) => f.debug_tuple("Candidate").field(candidate).finish(),
        }
    }
}

impl fmt::Debug for RemoteSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(sdp) => write!(f, "Answer(<{} bytes sdp>)", sdp.len()),
            Self::Candidate(candidate) => f.debug_tuple("Candidate").field(candidate).finish(),
        }
    }
}
