//! Control messages of both directions.

use std::fmt::Debug;

use parhelion::error::{Error, Result};
use parhelion::protocol::{ClientMessage, ServerMessage};

use super::Target;

pub const TARGET: Target = Target {
    name: "signalling",
    run,
    seeds: &["tests/golden"],
    words: &[
        "{\"type\":\"",
        "\"offer\"",
        "\"prompt_ack\"",
        "\"set_image\"",
        "\"session_id\"",
        "\"generation_tick\"",
        "\"service_stats\":{",
        "\"request_id\":\"",
        "\"candidate\":{",
        "null",
        "true",
        "1e999",
        "[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":",
        "\\ud800",
        "\\u0000",
        "\u{feff}",
        "\"type\":\"error\",",
    ],
    max_len: 64 << 10,
    // A tree of small values takes many times what their text does.
    memory: 16 << 20,
};

/// An error repeats little of what came.
const LONGEST_ERROR: usize = 1000;

fn run(data: &[u8]) {
    // The socket has seen to it that a text is one.
    let text = String::from_utf8_lossy(data);
    // Of unknown messages the type is all that is used; times are not always written as they came.
    there_and_back(&text, ClientMessage::parse, ClientMessage::to_json, |message| {
        !matches!(message, ClientMessage::Unknown { .. })
    });
    there_and_back(&text, ServerMessage::parse, ServerMessage::to_json, |message| {
        !matches!(
            message,
            ServerMessage::Unknown { .. }
                | ServerMessage::GenerationTick { .. }
                | ServerMessage::GenerationEnded { .. }
        )
    });
}

fn there_and_back<M: Debug + PartialEq>(
    text: &str,
    parse: impl Fn(&str) -> Result<M>,
    write: impl Fn(&M) -> String,
    is_kept: impl Fn(&M) -> bool,
) {
    match parse(text) {
        Ok(message) => {
            let json = write(&message);
            assert!(json.len() <= 2 * text.len() + 400, "{} bytes became {json}", text.len());
            if is_kept(&message) {
                assert_eq!(parse(&json).expect("what we write can be read"), message);
            }
        }
        Err(error) => explained(&error),
    }
}

pub fn explained(error: &Error) {
    let length = error.message.chars().count();
    assert!((1..LONGEST_ERROR).contains(&length), "an error of {length} characters: {error}");
}
