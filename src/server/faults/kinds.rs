//! What can be made to go wrong, and what each is called in a list.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::protocol::ServerMessage;
use crate::transport::Direction;
use crate::transport::impairment::Conditions;

/// What a switch does while it is on.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Requests are answered with this HTTP status.
    Status(u16),
    /// Connections are accepted, told an error and closed with a code.
    Refuse { error: String, code: u16 },
    /// Connections get no further than this.
    Stall(Stage),
    /// Messages of one kind do not reach the client as they should.
    Message(MessageKind, Fate),
    /// No key is good any more.
    KeyExpired,
    /// Nobody may begin a session, because it cannot be paid for.
    NoCredits,
    /// The model does nothing.
    Freeze,
    /// The model takes longer for each frame.
    Slow(Duration),
    /// The model fails on a frame, or for good.
    Crash { fatal: bool },
    /// Packets suffer in one direction, or both.
    Packets { direction: Option<Direction>, conditions: Conditions, seed: u64 },
    /// No packet passes in one direction, or both.
    Blackout { direction: Option<Direction> },
}

/// What is done to a session at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Its socket is closed with this code, or cut off without a word. Nothing is said before.
    Close { code: Option<u16>, reason: String },
    /// It is told an error and that generation has ended, and closed.
    End { error: Option<Error>, reason: String, code: u16 },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close { code: Some(code), reason } => write!(f, "close({code}, {reason:?})"),
            Self::Close { code: None, .. } => f.write_str("close(None)"),
            Self::End { reason, .. } => write!(f, "end({reason:?})"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The request for a socket is not answered.
    Handshake,
    /// The socket is open and nothing is said.
    Session,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    Acknowledgement,
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Drop,
    Delay(Duration),
    /// Until the switch is off.
    Hold,
    Duplicate,
}

impl MessageKind {
    pub(in crate::server) fn of(message: &ServerMessage) -> Option<Self> {
        match message {
            ServerMessage::PromptAck { .. } | ServerMessage::SetImageAck { .. } => {
                Some(Self::Acknowledgement)
            }
            ServerMessage::Answer { .. } => Some(Self::Answer),
            _ => None,
        }
    }
}

/// In few words, for a list of what is switched on.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "refuse_http({status})"),
            Self::Refuse { error, code } => write!(f, "refuse({error:?}, code={code})"),
            Self::Stall(Stage::Handshake) => f.write_str("stall(\"handshake\")"),
            Self::Stall(Stage::Session) => f.write_str("stall(\"session\")"),
            Self::Message(kind, fate) => {
                let kind = match kind {
                    MessageKind::Acknowledgement => "acknowledgements",
                    MessageKind::Answer => "answers",
                };
                match fate {
                    Fate::Drop => write!(f, "drop_{kind}()"),
                    Fate::Delay(time) => write!(f, "delay_{kind}({})", time.as_secs_f64()),
                    Fate::Hold => write!(f, "stall(\"{}\")", kind.trim_end_matches('s')),
                    Fate::Duplicate => write!(f, "duplicate_{kind}()"),
                }
            }
            Self::KeyExpired => f.write_str("expire_key()"),
            Self::NoCredits => f.write_str("exhaust_credits()"),
            Self::Freeze => f.write_str("freeze_model()"),
            Self::Slow(time) => write!(f, "slow_model({})", time.as_secs_f64()),
            Self::Crash { fatal: false } => f.write_str("crash_model()"),
            Self::Crash { fatal: true } => f.write_str("crash_model(fatal=True)"),
            Self::Packets { direction, conditions, seed } => {
                f.write_str("packets(")?;
                describe(f, conditions)?;
                write!(f, "seed={seed}{})", named(*direction))
            }
            Self::Blackout { direction } => {
                write!(f, "blackout({})", named(*direction).trim_start_matches(", "))
            }
        }
    }
}

fn named(direction: Option<Direction>) -> &'static str {
    match direction {
        None => "",
        Some(Direction::Outgoing) => ", direction=\"to_client\"",
        Some(Direction::Incoming) => ", direction=\"to_service\"",
    }
}

fn describe(f: &mut fmt::Formatter<'_>, conditions: &Conditions) -> fmt::Result {
    let Conditions { loss, burst, delay, jitter, reorder, duplicate, rate, queue, .. } = conditions;
    for (name, value) in [
        ("loss", *loss),
        ("burst", burst.unwrap_or(0.0)),
        ("delay", delay.as_secs_f64()),
        ("jitter", jitter.as_secs_f64()),
        ("reorder", *reorder),
        ("duplicate", *duplicate),
    ] {
        if value != 0.0 {
            write!(f, "{name}={value}, ")?;
        }
    }
    match rate {
        Some(rate) => write!(f, "rate={rate}, queue={}, ", queue.as_secs_f64()),
        None => Ok(()),
    }
}
