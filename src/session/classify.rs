//! What the text of a service's `error` message means.
//!
//! The wire has no codes, so the text is all there is. Only texts that really came in an `error`
//! message are read this way: an exception of our own may contain a URL, and a URL anything.

use crate::error::{Error, ErrorCode};
use crate::protocol::redact_url;

/// Longer texts are cut, in characters.
const MAX_TEXT: usize = 1000;

/// Texts after which every client of this protocol stops trying.
const PERMANENT: [&str; 5] =
    ["permission denied", "not allowed", "invalid session", "invalid api key", "unauthorized"];

/// Gives a service's text a code. Only that of a model's failure, which no text tells for sure, is
/// taken from the message: a service must not talk a client into trying again for ever. The text is kept word for word, but for keys.
pub fn server_error(text: &str, code: Option<&str>) -> Error {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let error = |code| Error::new(code, said(text));
    if code == Some(ErrorCode::ModelFailed.as_str()) {
        error(ErrorCode::ModelFailed)
    } else if has(&["capacity", "session limit"]) {
        error(ErrorCode::AtCapacity).hint("the service is full; try again later")
    } else if has(&["unknown model", "model not found"]) {
        error(ErrorCode::ModelNotFound).hint("ask the service which models it serves")
    } else if has(&["invalid api key", "unauthorized", "permission denied"])
        || has_number(&lower, "401")
        || has_number(&lower, "403")
    {
        error(ErrorCode::InvalidApiKey).hint("check the API key and what it is allowed to do")
    } else if has(&["insufficient credits", "invalid session", "session expired"]) {
        error(ErrorCode::SessionEnded)
    } else {
        error(ErrorCode::Server).retryable(!has(&PERMANENT))
    }
}

/// What a service says of an error. Some say nothing.
fn said(text: &str) -> String {
    match text.trim() {
        "" => "the service reported an error and gave no reason".to_owned(),
        text => shown(text),
    }
}

/// A text of the other end, as it may be shown: of bounded length and without keys.
pub(super) fn shown(text: &str) -> String {
    redact_url(&text.chars().take(MAX_TEXT).collect::<String>())
}

/// Whether any client would stop trying after this text.
pub(super) fn is_permanent(text: &str) -> bool {
    let lower = text.to_lowercase();
    PERMANENT.iter().any(|words| lower.contains(words)) || lower.contains("401")
}

/// Whether `number` stands by itself: `4015 ms` is not a 401.
fn has_number(text: &str, number: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_words_says_that_it_has_none() {
        for text in ["", " \n"] {
            assert!(server_error(text, None).message.contains("gave no reason"), "{text:?}");
        }
    }

    #[test]
    fn texts_get_the_code_they_mean() {
        for (text, code, retryable) in [
            ("Invalid API key", ErrorCode::InvalidApiKey, false),
            ("HTTP 401: nope", ErrorCode::InvalidApiKey, false),
            ("took 4015 ms", ErrorCode::Server, true),
            ("Server at capacity. Please try again later.", ErrorCode::AtCapacity, true),
            ("Concurrent session limit reached.", ErrorCode::AtCapacity, true),
            ("invalid session: unknown model \"x\"", ErrorCode::ModelNotFound, false),
            ("Insufficient credits", ErrorCode::SessionEnded, false),
            ("invalid session: ended", ErrorCode::SessionEnded, false),
            ("this is not allowed here", ErrorCode::Server, false),
            ("CUDA out of memory", ErrorCode::Server, true),
        ] {
            let error = server_error(text, None);
            assert_eq!((error.code, error.retryable), (code, retryable), "{text}");
            assert_eq!(error.message, text);
        }
    }

    #[test]
    fn a_service_that_repeats_the_key_does_not_make_us_print_it() {
        let error = server_error("unauthorized: wss://h/?api_key=abc", None);
        assert_eq!(error.message, "unauthorized: wss://h/?api_key=***");
    }
}
