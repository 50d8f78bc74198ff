//! What goes into a client session and what comes out.

use std::time::Duration;

use crate::error::Error;
use crate::protocol::{ClientMessage, PromptReport, Secret, ServerMessage, ServiceStats};
use crate::session::{Change, ConnectionState, LinkEvent, RemoteSignal, RetryPolicy, State};

/// Names a call, so that its answer finds it. Chosen by the driver; unique in a session.
pub type CallId = u64;

/// Numbers the attempts of a session, from 1. Inputs of earlier attempts are ignored.
pub type Attempt = u32;

/// How long each step may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// A whole `connect`, with all its attempts. A return has the time of its [`RetryPolicy`].
    pub connect: Duration,
    /// Until the control socket is open.
    pub socket: Duration,
    /// The same when a lost connection is made again. A network that drops packets is asked anew
    /// rather sooner than TCP would.
    pub return_socket: Duration,
    /// Until the initial state is acknowledged.
    pub setup_ack: Duration,
    /// The timeout that a caller gives an update unless told otherwise.
    pub update_ack: Duration,
    /// The same for an update of the prompt alone.
    pub prompt: Duration,
    /// Until our link has made its offer, and again until the service has answered it.
    pub answer: Duration,
    /// From the answer until media can flow.
    pub link: Duration,
    /// How long an interrupted link may take to recover by itself.
    pub link_grace: Duration,
    /// Until the service has answered the offer of an ICE restart.
    pub restart_answer: Duration,
    /// From that answer until media can flow again.
    pub restart_link: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(300),
            socket: seconds(15),
            return_socket: seconds(5),
            setup_ack: seconds(30),
            update_ack: seconds(30),
            prompt: seconds(15),
            answer: seconds(30),
            link: seconds(30),
            link_grace: seconds(2),
            restart_answer: seconds(4),
            restart_link: seconds(8),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientConfig {
    /// What the session starts with. Empty means that the picture passes unchanged.
    pub initial: State,
    pub timeouts: Timeouts,
    pub retry: RetryPolicy,
    /// Seeds the jitter of the delays.
    pub seed: u64,
    /// A viewer: no initial state, the offer comes first, and updates are refused.
    pub receive_only: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ClientInput {
    /// Once in a session. Answered when media can flow or when all attempts have failed.
    Connect {
        call: CallId,
    },
    /// Answered when the service has acknowledged or refused the change, or after `timeout`.
    Update {
        call: CallId,
        change: Change,
        timeout: Duration,
    },
    /// From any state, any number of times.
    Disconnect {
        call: Option<CallId>,
    },
    SocketOpened {
        attempt: Attempt,
    },
    Received {
        attempt: Attempt,
        message: ServerMessage,
    },
    /// A frame that could not be read.
    Malformed {
        attempt: Attempt,
        error: Error,
    },
    SocketClosed {
        attempt: Attempt,
        code: Option<u16>,
        reason: String,
    },
    /// The socket could not be opened or broke. An error that is not retryable ends the session.
    SocketFailed {
        attempt: Attempt,
        error: Error,
    },
    Link {
        attempt: Attempt,
        event: LinkEvent,
    },
    /// The time that `next_timeout` gave has come.
    Timeout,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ClientOutput {
    OpenSocket {
        attempt: Attempt,
    },
    Send {
        attempt: Attempt,
        message: ClientMessage,
    },
    CloseSocket {
        attempt: Attempt,
    },
    /// Make a media link and let it make an offer.
    OpenLink {
        attempt: Attempt,
    },
    /// Let the link look for another path and make an offer of that (an ICE restart).
    RestartLink {
        attempt: Attempt,
    },
    Signal {
        attempt: Attempt,
        signal: RemoteSignal,
    },
    CloseLink {
        attempt: Attempt,
    },
    Event(ClientEvent),
    /// The one answer to a call.
    Answer {
        call: CallId,
        result: Result<(), Error>,
    },
}

#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    State(StateChange),
    Error(Error),
    /// Comes anew after each reconnect, or never, as the service likes.
    SessionId {
        session_id: String,
        server_ip: Option<String>,
        server_port: Option<u16>,
        /// Lets whoever has it watch, without a key; from a service of this package.
        viewer_token: Option<Secret>,
    },
    /// What the service says about its own work; comes before the tick that it came with.
    ServiceStats(Box<ServiceStats>),
    /// Seconds generated so far, as the service counts them.
    Tick {
        seconds: f64,
    },
    Ended {
        seconds: f64,
        reason: String,
    },
    QueuePosition {
        position: u32,
        size: Option<u32>,
    },
    /// A step is over: `websocket`, `avatar-image`, `initial-prompt`, `webrtc-handshake`, `total`.
    Phase {
        name: &'static str,
        duration: Duration,
        error: Option<String>,
    },
    /// An attempt to come back is over. `attempt` counts from 1. Without `max_attempts` there are as
    /// many as there is time for.
    Reconnect {
        attempt: u32,
        max_attempts: Option<u32>,
        duration: Duration,
        error: Option<String>,
    },
    /// An ICE restart is over. `attempt` counts from 1.
    Restart {
        attempt: u32,
        duration: Duration,
        error: Option<String>,
    },
    /// What the service makes of the prompt in force.
    PromptReport(Box<PromptReport>),
    /// A message of a type that this version does not know.
    Unknown {
        kind: String,
    },
}

/// A change of state, and what an operator wants to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    pub state: ConnectionState,
    /// Why, if it is not plain from the state.
    pub why: Option<String>,
    /// Which attempt of this connect or return it belongs to, from 1.
    pub attempt: u32,
    /// How long nothing could flow, when that is over.
    pub outage: Option<Duration>,
}

/// How often a session came back, and how long it was gone. What was noticed counts; the silence
/// before, by which it was noticed, does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recoveries {
    /// New sessions in place of lost ones.
    pub reconnects: u32,
    /// Paths that were found again within a session.
    pub ice_restarts: u32,
    pub last_outage: Option<Duration>,
    pub total_outage: Duration,
}
