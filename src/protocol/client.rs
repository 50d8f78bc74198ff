//! What a client says to a service.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::parse::{self, Message, body};
use super::{EncodedImage, Field, IceCandidate, Landmarks, Sdp};
use crate::error::Result;

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientMessage {
    Offer {
        sdp: Sdp,
    },
    /// Only in reply to an offer of the service.
    Answer {
        sdp: Sdp,
    },
    /// A candidate, or `None` after the last one.
    #[serde(rename = "ice-candidate")]
    IceCandidate {
        candidate: Option<IceCandidate>,
    },
    /// Replaces the prompt and leaves the image alone.
    Prompt {
        prompt: String,
        /// Whether the service may rewrite the prompt; true when the peer leaves it out.
        enhance_prompt: bool,
        /// Echoed in the acknowledgement by services that know it, ignored by others.
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    /// Replaces image and prompt together. What is absent stays, what is null is cleared.
    SetImage {
        #[serde(skip_serializing_if = "Field::is_absent")]
        image_data: Field<EncodedImage>,
        #[serde(skip_serializing_if = "Field::is_absent")]
        prompt: Field<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        enhance_prompt: Option<bool>,
        /// Where in the image a face is. Only beside an image; ignored by those who do not know it.
        #[serde(skip_serializing_if = "Option::is_none")]
        landmarks: Option<Landmarks>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    /// Sent by old clients when the camera turns; has no acknowledgement.
    SwitchCamera {
        #[serde(rename = "rotateY")]
        rotate_y: i64,
    },
    /// A type this version does not know. `value` is the whole message, or null if it was large.
    #[serde(untagged)]
    Unknown {
        #[serde(skip)]
        kind: String,
        #[serde(flatten)]
        value: Value,
    },
}

impl ClientMessage {
    /// The initial message that asks for the picture to pass unchanged.
    pub fn passthrough() -> Self {
        Self::SetImage {
            image_data: Field::Null,
            prompt: Field::Null,
            enhance_prompt: None,
            landmarks: None,
            request_id: None,
        }
    }

    /// Reads one text frame. The error says what was expected and repeats nothing confidential.
    pub fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }

    pub fn to_json(&self) -> String {
        parse::to_json(self)
    }
}

#[derive(Deserialize)]
struct Description {
    sdp: Sdp,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(default)]
    candidate: Option<IceCandidate>,
}

#[derive(Deserialize)]
struct Prompt {
    prompt: String,
    #[serde(default)]
    enhance_prompt: Option<bool>,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct SetImage {
    #[serde(default)]
    image_data: Field<EncodedImage>,
    #[serde(default)]
    prompt: Field<String>,
    #[serde(default)]
    enhance_prompt: Option<bool>,
    #[serde(default)]
    landmarks: Option<Landmarks>,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct SwitchCamera {
    #[serde(rename = "rotateY")]
    rotate_y: i64,
}

impl Message for ClientMessage {
    const SHAPES: &'static [(&'static str, &'static str)] = &[
        ("offer", "{sdp: string}"),
        ("answer", "{sdp: string}"),
        ("ice-candidate", "{candidate: {candidate, sdpMid, sdpMLineIndex} or null}"),
        ("prompt", "{prompt: string, enhance_prompt: boolean}"),
        (
            "set_image",
            "{image_data: base64 string or null, prompt?: string or null, \
             landmarks?: {left_eye?: [x, y], right_eye?: [x, y], mouth_left?, mouth_right?, chin?}}",
        ),
        ("switch_camera", "{rotateY: 0 or 2}"),
    ];

    const LONG: &'static [&'static str] = &["offer", "answer", "prompt", "set_image"];

    fn read<'de, D: Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        Ok(match kind {
            "offer" => Self::Offer { sdp: body::<Description, D>(from)?.sdp },
            "answer" => Self::Answer { sdp: body::<Description, D>(from)?.sdp },
            "ice-candidate" => {
                Self::IceCandidate { candidate: body::<Candidate, D>(from)?.candidate }
            }
            "prompt" => {
                let Prompt { prompt, enhance_prompt, request_id } = body(from)?;
                Self::Prompt { prompt, enhance_prompt: enhance_prompt.unwrap_or(true), request_id }
            }
            "set_image" => {
                let SetImage { image_data, prompt, enhance_prompt, landmarks, request_id } =
                    body(from)?;
                Self::SetImage { image_data, prompt, enhance_prompt, landmarks, request_id }
            }
            "switch_camera" => {
                Self::SwitchCamera { rotate_y: body::<SwitchCamera, D>(from)?.rotate_y }
            }
            other => Self::unknown(other.to_owned(), body(from)?),
        })
    }

    fn unknown(kind: String, value: Value) -> Self {
        Self::Unknown { kind, value }
    }
}

impl<'de> Deserialize<'de> for ClientMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse::deserialize(deserializer)
    }
}
