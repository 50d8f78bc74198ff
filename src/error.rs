//! The one error type of the crate, and the one table of its codes.
//!
//! An error carries a stable code for programs, a sentence for people, the operation that failed,
//! whether trying again can help, and a hint that says what to do. The same object is the result
//! of a failed call and the payload of an `error` event.

use std::borrow::Cow;
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, retryable: $retryable:literal;)*) => {
        /// What went wrong, as a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[doc = $doc])* $name,)* }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The stable spelling, as it appears in Python and in logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// Whether the same call can succeed later without a change by the caller.
            pub const fn retryable(self) -> bool {
                match self { $(ErrorCode::$name => $retryable,)* }
            }
        }
    };
}

codes! {
    /// No key, an empty key, or one that the service refuses.
    InvalidApiKey = "INVALID_API_KEY", retryable: false;
    /// A base URL that cannot be parsed or has an unsupported scheme.
    InvalidBaseUrl = "INVALID_BASE_URL", retryable: false;
    /// A value of the wrong type, shape, size or range.
    InvalidInput = "INVALID_INPUT", retryable: false;
    /// Options that contradict each other or are out of range.
    InvalidOptions = "INVALID_OPTIONS", retryable: false;
    /// The model is in no catalog, or the service does not serve it.
    ModelNotFound = "MODEL_NOT_FOUND", retryable: false;
    /// The model raised, returned something unusable, or took too long.
    ModelFailed = "MODEL_FAILED", retryable: false;
    /// The call is not allowed in the present state.
    InvalidState = "INVALID_STATE", retryable: false;
    /// The session was closed by the caller while the call was pending.
    Disconnected = "DISCONNECTED", retryable: false;
    /// There is no room for another frame, and none may be dropped.
    QueueFull = "QUEUE_FULL", retryable: true;
    /// The service ended the session for good (credits, moderation, time limit).
    SessionEnded = "SESSION_ENDED", retryable: false;
    /// The service has no free place.
    AtCapacity = "AT_CAPACITY", retryable: true;
    /// The service reported an error of its own.
    Server = "WEBRTC_SERVER_ERROR", retryable: true;
    /// The control socket could not be opened or was lost.
    WebSocket = "WEBRTC_WEBSOCKET_ERROR", retryable: true;
    /// No network path to the peer was found, or it was lost.
    Ice = "WEBRTC_ICE_ERROR", retryable: true;
    /// A step did not finish in time.
    Timeout = "WEBRTC_TIMEOUT_ERROR", retryable: true;
    /// The peers do not understand each other: SDP, codecs, message order.
    Signaling = "WEBRTC_SIGNALING_ERROR", retryable: true;
    /// What gives the frames cannot be opened, raised, or gave something that is no frame.
    Source = "SOURCE_FAILED", retryable: false;
    /// The service gave no token.
    TokenCreate = "TOKEN_CREATE_ERROR", retryable: false;
    /// The encoder or the decoder failed.
    Codec = "CODEC_ERROR", retryable: false;
    /// A defect of this package.
    Internal = "INTERNAL_ERROR", retryable: false;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The stable name of the failure.
    pub code: ErrorCode,
    /// What was expected and what came.
    pub message: String,
    /// The operation that failed: `connect`, `set_prompt`, `send`, …
    pub operation: Option<Cow<'static, str>>,
    /// Whether trying again, unchanged, can help.
    pub retryable: bool,
    /// What the caller can do about it.
    pub hint: Option<Cow<'static, str>>,
}

impl Error {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            operation: None,
            retryable: code.retryable(),
            hint: None,
        }
    }

    /// Names the operation unless an inner layer has named it already.
    #[must_use]
    pub fn during(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.operation.get_or_insert_with(|| operation.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Overrides what the code says about trying again.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidInput, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn the_innermost_operation_is_kept() {
        let error = Error::new(ErrorCode::Ice, "no path").during("ice").during("connect");
        assert_eq!(error.operation.as_deref(), Some("ice"));
    }
}
