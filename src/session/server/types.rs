//! What goes into a server session and what comes out.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::protocol::{
    ClientMessage, IceCandidate, MAX_MESSAGE_BYTES, PromptReport, Secret, ServerMessage,
};
use crate::session::State;

#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Letters, digits and dashes, so that every client can decode the token made from it.
    pub session_id: String,
    pub server_ip: String,
    /// 1 to 65535.
    pub server_port: u16,
    /// Between two ticks; zero means none.
    pub tick_interval: Duration,
    /// Until a client has made an offer.
    pub offer_timeout: Duration,
    /// From the offer until media can flow.
    pub link_timeout: Duration,
    /// How long an interrupted link may take to recover, or its client to restart it.
    pub link_grace: Duration,
    /// Between two pings; a client silent for two of them is gone. Zero means none. While somebody
    /// waits for its place, a client is pinged every second and gone after four of silence.
    pub ping_interval: Duration,
    /// How long a model may take to apply a state. Clients give up after 15 s.
    pub apply_timeout: Duration,
    /// The longest time that a session may generate.
    pub max_duration: Option<Duration>,
    /// The longest image, in bytes of base64.
    pub max_image_bytes: usize,
    /// Whether the model looks for a face in its image, so that it can be told where one is.
    pub takes_landmarks: bool,
    /// A viewer of another session: no id, no generation messages, and no updates.
    pub viewer: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            session_id: String::new(),
            server_ip: "127.0.0.1".into(),
            server_port: 1,
            tick_interval: seconds(1),
            offer_timeout: seconds(60),
            link_timeout: seconds(30),
            link_grace: seconds(15),
            ping_interval: seconds(20),
            apply_timeout: seconds(12),
            max_duration: None,
            max_image_bytes: MAX_MESSAGE_BYTES,
            takes_landmarks: true,
            viewer: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ServerInput {
    /// The socket is open, but the service is full: the client stands at that place, counted from
    /// 1, of so many who wait. Again whenever that changes, until `Opened`.
    Queued {
        position: u32,
        size: u32,
    },
    /// The socket is open and the client is let in.
    Opened,
    Received(ClientMessage),
    /// A frame that could not be read.
    Malformed(Error),
    SocketClosed,
    Pong,
    /// Media came from the client, last at that time. Needed before a `Timeout` only.
    MediaSeen {
        at: Instant,
    },
    /// Whether somebody waits for the place of this session.
    Wanted(bool),
    /// Lets whoever has it watch this session. Handed to the client with the name of the session,
    /// and again when there is a newer one.
    ViewerToken(Secret),
    /// From the newest link only: the driver drops what an older one still says.
    Link(ServerLinkEvent),
    /// The model has taken the state of that update, or says why not.
    Applied {
        update: u64,
        result: Result<(), String>,
    },
    /// The model failed and the session cannot go on.
    Fail(Error),
    /// The model failed on one frame: the client is told, the session goes on.
    Report(Error),
    /// What the model makes of the prompt that it has taken.
    Understood(Box<PromptReport>),
    /// End the session in order. `code` is the close code of the socket (RFC 6455, section 7.4).
    End {
        reason: String,
        code: u16,
    },
    /// The time that `next_timeout` gave has come.
    Timeout,
}

/// What the media link of a server session reports.
#[derive(Clone, PartialEq)]
pub enum ServerLinkEvent {
    /// The complete answer, with every candidate inside.
    Answered(String),
    /// Could not be set up.
    Failed(Error),
    Up,
    Interrupted,
    Lost(String),
}

#[derive(Clone, PartialEq)]
pub enum ServerOutput {
    Send(ServerMessage),
    /// Hand the complete new state to the model; it takes all of it or none.
    Apply {
        update: u64,
        state: State,
    },
    /// Make a media link from this offer, in place of the present one if there is one. If the offer
    /// comes from the same peer as that, restart it instead (RFC 8445 section 9).
    OpenLink {
        offer: String,
    },
    /// A candidate of the client for the newest link, or `None` after the last one.
    Candidate(Option<IceCandidate>),
    CloseLink,
    Ping,
    /// The last output that matters: close the socket (RFC 6455, section 7.4).
    Close {
        code: u16,
        reason: String,
    },
    Event(ServerEvent),
}

#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Media can flow; repeated for each link that is new or restarted.
    Started,
    /// Nothing arrives from the client.
    Interrupted,
    /// Media flows again by itself.
    Resumed,
    Applied {
        update: u64,
    },
    Refused {
        update: u64,
        reason: String,
    },
    Malformed(Error),
    /// `seconds` is the time during which media could flow.
    Ended {
        reason: String,
        seconds: f64,
    },
}

/// Session descriptions carry passwords, so they print as their length.
impl fmt::Debug for ServerLinkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(sdp) => write!(f, "Answered(<{} bytes sdp>)", sdp.len()),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Up => f.write_str("Up"),
            Self::Interrupted => f.write_str("Interrupted"),
            Self::Lost(why) => f.debug_tuple("Lost").field(why).finish(),
        }
    }
}

impl fmt::Debug for ServerOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(message) => f.debug_tuple("Send").field(message).finish(),
            Self::Apply { update, state } => {
                f.debug_struct("Apply").field("update", update).field("state", state).finish()
            }
            Self::OpenLink { offer } => write!(f, "OpenLink(<{} bytes sdp>)", offer.len()),
            Self::Candidate(candidate) => f.debug_tuple("Candidate").field(candidate).finish(),
            Self::CloseLink => f.write_str("CloseLink"),
            Self::Ping => f.write_str("Ping"),
            Self::Close { code, reason } => {
                f.debug_struct("Close").field("code", code).field("reason", reason).finish()
            }
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}
