//! From text to message, for both directions.
//!
//! The type is read first and the body second, each straight from the text. A generic JSON tree is
//! built only for small messages: as a tree, a hostile frame of [`MAX_MESSAGE_BYTES`] would take many
//! times its size.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;

use super::MAX_MESSAGE_BYTES;
use crate::error::{Error, ErrorCode, Result};

/// A message that carries no description, prompt or picture is not longer. One of unknown type is
/// kept whole up to this many bytes.
const MAX_SHORT_BYTES: usize = 64 * 1024;

/// The most that an error or an unknown type may repeat of what came, in characters.
const MAX_ECHO: usize = 100;

/// One direction of the protocol.
pub(super) trait Message: Sized {
    /// Every type this direction knows, with the fields it expects.
    const SHAPES: &'static [(&'static str, &'static str)];

    /// The types that carry a description, a prompt or a picture.
    const LONG: &'static [&'static str];

    /// Reads the body of a message of a known type.
    fn read<'de, D: Deserializer<'de>>(kind: &str, body: D) -> Result<Self, D::Error>;

    fn unknown(kind: String, value: Value) -> Self;
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

pub(super) fn parse<M: Message>(text: &str) -> Result<M> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(signaling(format!(
            "expected a message of at most {MAX_MESSAGE_BYTES} bytes, got {}",
            text.len()
        )));
    }
    let tag: Tag<'_> = serde_json::from_str(text).map_err(|error| {
        signaling(format!(
            "expected a JSON object with a string field `type`: {}",
            describe(&error)
        ))
    })?;
    let malformed = |shape: &str, error: &serde_json::Error| {
        signaling(format!(
            "malformed `{}` message: expected {shape}: {}",
            shorten(&tag.kind),
            describe(error)
        ))
    };
    match shape::<M>(&tag.kind) {
        Some(_) if text.len() > MAX_SHORT_BYTES && !M::LONG.contains(&&*tag.kind) => {
            Err(signaling(format!(
                "expected a `{}` message of at most {MAX_SHORT_BYTES} bytes, got {}",
                tag.kind,
                text.len()
            )))
        }
        Some(shape) => M::read(&tag.kind, &mut serde_json::Deserializer::from_str(text))
            .map_err(|error| malformed(shape, &error)),
        None if text.len() > MAX_SHORT_BYTES => Ok(M::unknown(shorten(&tag.kind), Value::Null)),
        None => serde_json::from_str(text)
            .map(|value| M::unknown(shorten(&tag.kind), value))
            .map_err(|error| malformed("a JSON object", &error)),
    }
}

/// The same for a caller that has its own deserializer.
pub(super) fn deserialize<'de, M: Message, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<M, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let kind = value
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| D::Error::custom("expected an object with a string field `type`"))?;
    if shape::<M>(kind).is_some() {
        M::read(kind, &value).map_err(|error| D::Error::custom(describe(&error)))
    } else {
        Ok(M::unknown(shorten(kind), value))
    }
}

/// Serialising plain strings, numbers and maps with string keys cannot fail.
pub(super) fn to_json<M: serde::Serialize>(message: &M) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// Reads a body of one fixed shape.
pub(super) fn body<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}

fn shape<M: Message>(kind: &str) -> Option<&'static str> {
    M::SHAPES.iter().find(|(known, _)| *known == kind).map(|(_, shape)| *shape)
}

fn signaling(message: String) -> Error {
    Error::new(ErrorCode::Signaling, message)
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}

/// What is wrong, without the offending value: that may be a picture or a key.
fn describe(error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    if !error.is_data() {
        return format!("not valid JSON {place}");
    }
    let text = error.to_string();
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return text;
    }
    // serde says "invalid type: string "…", expected u32 at line …"; the value is peer's text.
    match text.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let found = found.split_once(": ").map_or(found, |(_, value)| value);
            let found = found.split(['"', '`']).next().unwrap_or_default().trim();
            format!("expected {}, got {}", shorten(expected), shorten(found))
        }
        None => format!("a field has the wrong type {place}"),
    }
}
