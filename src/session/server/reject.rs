//! Turning a client away before there is a session.

use super::close_reason;
use crate::error::{Error, ErrorCode};
use crate::protocol::ServerMessage;
use crate::session::classify::is_permanent;

/// What to say to a client that is not let in, and how to close: messages, close code, reason.
///
/// The socket is accepted first, because a browser cannot see why an upgrade was refused. Clients
/// decide by words in the text whether to try again, so errors that stay carry one of those words
/// and errors that pass carry none.
pub fn rejection(error: &Error) -> (Vec<ServerMessage>, u16, String) {
    let message = error.message.as_str();
    let worded = |prefix: &str| {
        if is_permanent(message) { message.to_owned() } else { format!("{prefix}: {message}") }
    };
    let passing = |instead: &str| {
        if is_permanent(message) { instead.to_owned() } else { message.to_owned() }
    };
    let (code, text) = match error.code {
        ErrorCode::InvalidApiKey if message.to_lowercase().contains("invalid api key") => {
            (1008, message.to_owned())
        }
        ErrorCode::InvalidApiKey => (1008, format!("invalid api key: {message}")),
        ErrorCode::AtCapacity => (1013, at_capacity(message)),
        _ if error.retryable => (1011, passing("The service failed. Please try again later.")),
        _ => (1008, worded("invalid session")),
    };
    let reason = close_reason(&text);
    let code_name = Some(error.code.as_str().to_owned());
    (vec![ServerMessage::Error { error: text, code: code_name }], code, reason)
}

fn at_capacity(message: &str) -> String {
    if is_permanent(message) || message.is_empty() {
        "Server at capacity. Please try again later.".into()
    } else if message.to_lowercase().contains("capacity") {
        message.to_owned()
    } else {
        format!("Server at capacity: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::server_error;

    #[test]
    fn every_client_understands_whether_to_try_again() {
        for (error, code, permanent) in [
            (Error::new(ErrorCode::InvalidApiKey, "the key is not known"), 1008, true),
            (Error::new(ErrorCode::InvalidApiKey, "Invalid API key"), 1008, true),
            (Error::new(ErrorCode::AtCapacity, "all 4 places are taken"), 1013, false),
            (Error::new(ErrorCode::AtCapacity, "401 sessions at capacity"), 1013, false),
            (Error::new(ErrorCode::ModelNotFound, "unknown model \"x\""), 1008, true),
            (Error::new(ErrorCode::Internal, "defect").retryable(true), 1011, false),
        ] {
            let (messages, close_code, _) = rejection(&error);
            let [ServerMessage::Error { error: text, code: _ }] = messages.as_slice() else {
                panic!("{messages:?}")
            };
            assert_eq!((close_code, is_permanent(text)), (code, permanent), "{text}");
            let understood = server_error(text, None);
            assert_eq!(understood.retryable, !permanent, "{text}");
            if error.code != ErrorCode::Internal {
                assert_eq!(understood.code, error.code, "{text}");
            }
        }
    }

    #[test]
    fn a_long_reason_fits_into_a_close_frame() {
        let error = Error::new(ErrorCode::ModelNotFound, "é".repeat(200));
        assert!(rejection(&error).2.len() <= 123);
    }
}
