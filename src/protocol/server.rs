//! What a service says to a client.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::parse::{self, Message, body};
use super::{IceCandidate, PromptReport, Sdp, Secret, ServiceStats};
use crate::error::{Error, Result};

/// A message from a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerMessage {
    /// Names the session. Address and port let a viewer find the host; some services omit them.
    SessionId {
        session_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        server_ip: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        server_port: Option<u16>,
        /// Lets whoever has it watch, without a key. An addition of this package.
        #[serde(skip_serializing_if = "Option::is_none")]
        viewer_token: Option<Secret>,
    },
    /// Answers one `prompt`; `prompt` repeats its text byte for byte.
    PromptAck {
        prompt: String,
        success: bool,
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    /// Answers one `set_image`, in order.
    SetImageAck {
        success: bool,
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    Offer {
        sdp: Sdp,
    },
    Answer {
        sdp: Sdp,
    },
    #[serde(rename = "ice-candidate")]
    IceCandidate {
        candidate: Option<IceCandidate>,
    },
    GenerationStarted,
    /// Seconds generated so far in this session. Old clients accept whole numbers only.
    GenerationTick {
        #[serde(serialize_with = "whole_seconds")]
        seconds: f64,
        /// What the service says about its own work; an addition of this package.
        #[serde(skip_serializing_if = "Option::is_none")]
        service_stats: Option<Box<ServiceStats>>,
    },
    GenerationEnded {
        #[serde(serialize_with = "whole_seconds")]
        seconds: f64,
        /// `disconnect`, `timeout`, `moderation_violation`, `error`, `insufficient_credits`, …
        reason: String,
    },
    Error {
        error: String,
        /// The stable name of the failure. An addition of this package: others send and read the
        /// text alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Sent by old services; says nothing that a client waits for.
    Ready,
    /// Sent by old services to move a session to a relay.
    #[serde(rename = "ice-restart")]
    IceRestart {
        turn_config: TurnConfig,
    },
    Status {
        status: String,
    },
    /// Written with both names of the position that clients look for.
    #[serde(serialize_with = "queue_position")]
    QueuePosition {
        position: u32,
        size: Option<u32>,
    },
    /// What the service makes of the prompt in force. An addition of this package.
    PromptReport(Box<PromptReport>),
    /// A type this version does not know. `value` is the whole message, or null if it was large.
    #[serde(untagged)]
    Unknown {
        #[serde(skip)]
        kind: String,
        #[serde(flatten)]
        value: Value,
    },
}

/// A relay and the credential for it (RFC 8656).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnConfig {
    pub username: String,
    pub credential: Secret,
    pub server_url: String,
}

impl ServerMessage {
    /// The message for an error, with its code.
    pub fn error(error: &Error) -> Self {
        Self::Error { error: error.message.clone(), code: Some(error.code.as_str().to_owned()) }
    }

    /// Reads one text frame. The error says what was expected and repeats nothing confidential.
    pub fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }

    pub fn to_json(&self) -> String {
        parse::to_json(self)
    }
}

/// Whole numbers are written as integers: some clients refuse `2.0` where they expect `2`.
fn whole_seconds<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if seconds.fract() == 0.0 && seconds.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        serializer.serialize_i64(*seconds as i64)
    } else {
        serializer.serialize_f64(*seconds)
    }
}

#[expect(clippy::ref_option, reason = "the signature is given by serde")]
fn queue_position<S: Serializer>(
    position: &u32,
    size: &Option<u32>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("QueuePosition", 3)?;
    fields.serialize_field("position", position)?;
    fields.serialize_field("queue_position", position)?;
    match size {
        Some(size) => fields.serialize_field("queue_size", size)?,
        None => fields.skip_field("queue_size")?,
    }
    fields.end()
}

#[derive(Deserialize)]
struct SessionId {
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default, rename = "sessionId")]
    session_id_camel: Option<String>,
    #[serde(default)]
    server_ip: Option<String>,
    #[serde(default)]
    server_port: Option<u16>,
    #[serde(default)]
    viewer_token: Option<Secret>,
}

#[derive(Deserialize)]
struct PromptAck {
    prompt: String,
    success: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct SetImageAck {
    success: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
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
struct Tick {
    seconds: f64,
    #[serde(default)]
    service_stats: Option<Value>,
}

#[derive(Deserialize)]
struct Ended {
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    code: Option<String>,
}

/// Another service may give its codes as numbers; they mean nothing here.
fn text_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

#[derive(Deserialize)]
struct IceRestart {
    turn_config: TurnConfig,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
struct QueuePosition {
    #[serde(default)]
    position: Option<u32>,
    #[serde(default)]
    queue_position: Option<u32>,
    #[serde(default)]
    queue_size: Option<u32>,
}

fn missing<E: serde::de::Error>(field: &'static str) -> impl FnOnce() -> E {
    move || E::missing_field(field)
}

impl Message for ServerMessage {
    const SHAPES: &'static [(&'static str, &'static str)] = &[
        ("session_id", "{session_id: string, server_ip: string, server_port: 0..=65535}"),
        ("prompt_ack", "{prompt: string, success: boolean, error: string or null}"),
        ("set_image_ack", "{success: boolean, error: string or null}"),
        ("offer", "{sdp: string}"),
        ("answer", "{sdp: string}"),
        ("ice-candidate", "{candidate: {candidate, sdpMid, sdpMLineIndex} or null}"),
        ("generation_started", "no fields"),
        ("generation_tick", "{seconds: number}"),
        ("generation_ended", "{seconds: number, reason: string}"),
        ("error", "{error: string}"),
        ("ready", "no fields"),
        ("ice-restart", "{turn_config: {username, credential, server_url}}"),
        ("status", "{status: string}"),
        ("queue_position", "{position: integer, queue_size: integer}"),
        ("prompt_report", "{applied, added, ignored, refused, unknown: [string]}"),
    ];

    /// An acknowledgement repeats its prompt.
    const LONG: &'static [&'static str] = &["offer", "answer", "prompt_ack"];

    fn read<'de, D: Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        Ok(match kind {
            "session_id" => {
                let named: SessionId = body(from)?;
                Self::SessionId {
                    session_id: named
                        .session_id
                        .or(named.session_id_camel)
                        .ok_or_else(missing("session_id"))?,
                    server_ip: named.server_ip,
                    server_port: named.server_port,
                    viewer_token: named.viewer_token,
                }
            }
            "prompt_ack" => {
                let PromptAck { prompt, success, error, request_id } = body(from)?;
                Self::PromptAck { prompt, success, error, request_id }
            }
            "set_image_ack" => {
                let SetImageAck { success, error, request_id } = body(from)?;
                Self::SetImageAck { success, error, request_id }
            }
            "offer" => Self::Offer { sdp: body::<Description, D>(from)?.sdp },
            "answer" => Self::Answer { sdp: body::<Description, D>(from)?.sdp },
            "ice-candidate" => {
                Self::IceCandidate { candidate: body::<Candidate, D>(from)?.candidate }
            }
            "generation_started" => Self::GenerationStarted,
            "generation_tick" => {
                let Tick { seconds, service_stats } = body(from)?;
                let service_stats = service_stats.and_then(ServiceStats::read);
                Self::GenerationTick { seconds, service_stats }
            }
            "generation_ended" => {
                let Ended { seconds, reason } = body(from)?;
                Self::GenerationEnded {
                    seconds: seconds.unwrap_or_default(),
                    reason: reason.unwrap_or_default(),
                }
            }
            "error" => {
                let Failure { error, message, code } = body(from)?;
                Self::Error { error: error.or(message).ok_or_else(missing("error"))?, code }
            }
            "ready" => Self::Ready,
            "ice-restart" => {
                Self::IceRestart { turn_config: body::<IceRestart, D>(from)?.turn_config }
            }
            "status" => Self::Status { status: body::<Status, D>(from)?.status },
            "queue_position" => {
                let QueuePosition { position, queue_position, queue_size } = body(from)?;
                Self::QueuePosition {
                    position: position.or(queue_position).ok_or_else(missing("position"))?,
                    size: queue_size,
                }
            }
            "prompt_report" => {
                Self::PromptReport(Box::new(body::<PromptReport, D>(from)?.bounded()))
            }
            other => Self::unknown(other.to_owned(), body(from)?),
        })
    }

    fn unknown(kind: String, value: Value) -> Self {
        Self::Unknown { kind, value }
    }
}

impl<'de> Deserialize<'de> for ServerMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse::deserialize(deserializer)
    }
}
