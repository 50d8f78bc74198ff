//! The client's end of a session.
//!
//! A connection is made in steps, always the same and always all of them: open the socket, send
//! the state and await its acknowledgement, then make the media link, send its offer, hand it the
//! answer, and wait until media can flow. A link that falls silent is waited for, then restarted over
//! the same socket. A connection that is lost is made again in the same steps with the newest state.
//! Each attempt has a number, and what an older attempt still says is not heard.

mod attempt;
mod failure;
mod receive;
mod silence;
mod types;
mod updates;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use types::{
    Attempt, CallId, ClientConfig, ClientEvent, ClientInput, ClientOutput, Recoveries, StateChange,
    Timeouts,
};

use self::failure::{Failure, Step};
use self::silence::Silence;
use self::updates::Updates;
use super::{Backoff, ConnectionState, State, after, earliest};
use crate::error::{Error, ErrorCode};
use crate::protocol::IceCandidate;

/// Candidates, of either side, that may wait for their turn.
const MAX_CANDIDATES: usize = 256;

/// A session that is told the time so much later than it asked for has slept: the machine, or its
/// process, stood still.
const SLEPT: Duration = Duration::from_secs(10);

/// Where an attempt is.
#[derive(Debug)]
enum Phase {
    /// Before `Connect`.
    Idle,
    /// Between two attempts.
    Waiting {
        until: Instant,
    },
    Socket {
        deadline: Instant,
    },
    /// The state was sent and is not acknowledged yet.
    State {
        deadline: Instant,
    },
    /// The link is making its offer.
    Offer {
        deadline: Instant,
    },
    Answer {
        deadline: Instant,
    },
    /// The answer is with the link; media cannot flow yet.
    Link {
        deadline: Instant,
    },
    /// The service has said why it fails; its close code may still tell whether for good.
    Parting {
        deadline: Instant,
        failure: Failure,
    },
    Live {
        since: Instant,
    },
    Closed,
}

/// The media link of the present attempt.
#[derive(Debug, Default)]
struct Link {
    open: bool,
    up: bool,
    offered: bool,
    answered: bool,
    /// Our candidates, until our offer is sent.
    local: Vec<Option<IceCandidate>>,
    /// Theirs, until their answer is with the link.
    remote: Vec<Option<IceCandidate>>,
    /// What is done about an interruption.
    silence: Option<Silence>,
}

/// A connect, or a return after a loss, with all its attempts.
#[derive(Debug)]
struct Campaign {
    returning: bool,
    started: Instant,
    deadline: Instant,
}

/// One client session: one `Connect`, any number of updates, one end.
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    state: ConnectionState,
    phase: Phase,
    attempt: Attempt,
    backoff: Backoff,
    campaign: Option<Campaign>,
    /// Starts of the present attempt and of the step that is measured.
    attempt_started: Option<Instant>,
    step_started: Option<Instant>,
    socket_open: bool,
    link: Link,
    updates: Updates,
    connect_call: Option<CallId>,
    /// `generation_started` may come before media can flow, so it is kept until then.
    generating: bool,
    session_id: Option<String>,
    /// Position and size of the queue in which the client waits to be let in.
    queue: Option<(u32, Option<u32>)>,
    /// The last `error` of the service while connected, and when: the reason of a close after it.
    parting: Option<(Instant, Error)>,
    /// A frame that could not be read explains the step that then never ends.
    malformed: Option<String>,
    /// Whether no loss has happened yet; the first return is always immediate.
    unbroken: bool,
    /// Since when no connection lasts.
    losing_since: Option<Instant>,
    /// Since when nothing can flow.
    outage: Option<Instant>,
    recoveries: Recoveries,
    /// What ended the session, unless its user did.
    ended_with: Option<Error>,
    outputs: VecDeque<ClientOutput>,
}

impl ClientSession {
    pub fn new(config: ClientConfig) -> Self {
        Self {
            state: ConnectionState::Disconnected,
            phase: Phase::Idle,
            attempt: 0,
            backoff: Backoff::new(config.retry.clone(), config.seed),
            campaign: None,
            attempt_started: None,
            step_started: None,
            socket_open: false,
            link: Link::default(),
            updates: Updates::new(config.initial.clone()),
            connect_call: None,
            generating: false,
            session_id: None,
            queue: None,
            parting: None,
            malformed: None,
            unbroken: true,
            losing_since: None,
            outage: None,
            recoveries: Recoveries::default(),
            ended_with: None,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The only way to change a session. Drain `poll` afterwards.
    pub fn handle(&mut self, now: Instant, input: ClientInput) {
        self.wake(now);
        match input {
            ClientInput::Connect { call } => self.connect(now, call),
            ClientInput::Update { call, change, timeout } => match self.may_update() {
                Ok(()) => {
                    if let Err(error) = self.updates.push(call, change, after(now, timeout)) {
                        self.answer(call, Err(error));
                    }
                }
                Err(error) => self.answer(call, Err(error)),
            },
            ClientInput::Disconnect { call } => self.disconnect(now, call),
            ClientInput::Timeout => self.expire(now),
            ClientInput::SocketOpened { attempt } if self.hears(attempt) => self.socket_opened(now),
            ClientInput::Received { attempt, message } if self.hears(attempt) => {
                self.received(now, message);
            }
            ClientInput::Malformed { attempt, error } if self.hears(attempt) => {
                self.malformed = Some(error.message.clone());
                self.event(ClientEvent::Error(error));
            }
            ClientInput::SocketClosed { attempt, code, reason } if self.hears(attempt) => {
                self.socket_open = false;
                self.socket_closed(now, code, &reason);
            }
            ClientInput::SocketFailed { attempt, error } if self.hears(attempt) => {
                self.socket_open = false;
                self.lost(now, error);
            }
            ClientInput::Link { attempt, event } if attempt == self.attempt && self.link.open => {
                self.link_event(now, event);
            }
            // What an earlier attempt still says.
            ClientInput::SocketOpened { .. }
            | ClientInput::Received { .. }
            | ClientInput::Malformed { .. }
            | ClientInput::SocketClosed { .. }
            | ClientInput::SocketFailed { .. }
            | ClientInput::Link { .. } => {}
        }
        while let Some(message) = self.updates.next() {
            self.send(message);
        }
    }

    /// What to do next, or `None` until there is another input.
    pub fn poll(&mut self) -> Option<ClientOutput> {
        self.outputs.pop_front()
    }

    /// When to `handle` a `Timeout`, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Idle | Phase::Live { .. } | Phase::Closed => None,
            Phase::Waiting { until } => Some(*until),
            Phase::State { .. } | Phase::Answer { .. } if self.queue.is_some() => None,
            Phase::Socket { deadline }
            | Phase::State { deadline }
            | Phase::Offer { deadline }
            | Phase::Answer { deadline }
            | Phase::Link { deadline }
            | Phase::Parting { deadline, .. } => Some(*deadline),
        };
        let campaign = self.campaign.as_ref().map(|campaign| campaign.deadline);
        let silence = self.link.silence.as_ref().map(Silence::deadline);
        earliest([phase, campaign, silence, self.updates.next_timeout()])
    }

    pub fn state(&self) -> ConnectionState {
        self.state
    }

    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// What the service has acknowledged on the present socket; empty until it has.
    pub fn acknowledged(&self) -> &State {
        self.updates.acknowledged()
    }

    /// What the session should look like when every waiting update has succeeded.
    pub fn desired(&self) -> State {
        self.updates.desired()
    }

    /// How often the session came back so far.
    pub fn recoveries(&self) -> Recoveries {
        self.recoveries
    }

    /// What ended the session; none while it goes on, and if its user did.
    pub fn ended_with(&self) -> Option<&Error> {
        self.ended_with.as_ref()
    }

    /// Whether the session is over and only answers calls, with an error.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn hears(&self, attempt: Attempt) -> bool {
        attempt == self.attempt && self.socket_open
    }

    fn may_update(&self) -> Result<(), Error> {
        let refuse =
            |message: String, hint| Err(Error::new(ErrorCode::InvalidState, message).hint(hint));
        if self.config.receive_only {
            return refuse(
                "a viewer cannot change the session".into(),
                "update from the publisher",
            );
        }
        match self.phase {
            Phase::Idle => refuse(
                "the session is disconnected: it was not connected yet".into(),
                "allowed now: connect, disconnect",
            ),
            Phase::Closed => refuse(
                "the session is disconnected for good".into(),
                "allowed now: disconnect; connect a new session for more",
            ),
            _ => Ok(()),
        }
    }

    /// The one place where the state changes.
    fn become_state(&mut self, now: Instant, next: ConnectionState, why: Option<String>) {
        if self.state == next {
            return;
        }
        debug_assert!(self.state.can_become(next), "{} cannot become {next}", self.state);
        if self.state.can_become(next) {
            let outage = match next {
                ConnectionState::Connected | ConnectionState::Disconnected => self.outage.take(),
                _ => None,
            }
            .map(|since| now.saturating_duration_since(since));
            if let Some(outage) = outage {
                self.recoveries.last_outage = Some(outage);
                self.recoveries.total_outage += outage;
            }
            self.state = next;
            let attempt = self.backoff.attempt();
            self.event(ClientEvent::State(StateChange { state: next, why, attempt, outage }));
        }
    }

    /// Time that a machine slept through is not time in which it was tried to come back.
    fn wake(&mut self, now: Instant) {
        let late =
            self.next_timeout().map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        if late >= SLEPT
            && let Some(campaign) = &mut self.campaign
        {
            campaign.deadline = after(campaign.deadline, late);
            self.losing_since = self.losing_since.map(|since| after(since, late));
        }
    }

    fn event(&mut self, event: ClientEvent) {
        self.outputs.push_back(ClientOutput::Event(event));
    }

    fn answer(&mut self, call: CallId, result: Result<(), Error>) {
        self.outputs.push_back(ClientOutput::Answer { call, result });
    }

    fn send(&mut self, message: crate::protocol::ClientMessage) {
        self.outputs.push_back(ClientOutput::Send { attempt: self.attempt, message });
    }

    /// Whatever was due at `now`.
    fn expire(&mut self, now: Instant) {
        for call in self.updates.expire(now) {
            let error = Error::new(
                ErrorCode::Timeout,
                "the service did not acknowledge the update in time",
            )
            .hint("the update may still take effect; look at the state of the connection");
            self.answer(call, Err(error));
        }
        if self.campaign.as_ref().is_some_and(|campaign| campaign.deadline <= now) {
            let failure = self.overdue(true);
            return self.give_up(now, failure);
        }
        if self.link.silence.as_ref().is_some_and(|silence| silence.deadline() <= now) {
            return self.still_silent(now);
        }
        match &self.phase {
            Phase::Waiting { until } if *until <= now => self.begin_attempt(now),
            Phase::Parting { deadline, failure } if *deadline <= now => {
                let failure = failure.clone();
                self.fail_attempt(now, failure);
            }
            Phase::State { .. } | Phase::Answer { .. } if self.queue.is_some() => {}
            Phase::Socket { deadline }
            | Phase::State { deadline }
            | Phase::Offer { deadline }
            | Phase::Answer { deadline }
            | Phase::Link { deadline }
                if *deadline <= now =>
            {
                let failure = self.overdue(false);
                self.fail_attempt(now, failure);
            }
            _ => {}
        }
    }

    /// The step that the present phase belongs to.
    fn step(&self) -> Step {
        match &self.phase {
            Phase::State { .. } => Step::State,
            Phase::Offer { .. } => Step::Offer,
            Phase::Answer { .. } => Step::Answer,
            Phase::Link { .. } | Phase::Live { .. } => Step::Ice,
            Phase::Parting { failure, .. } => failure.step,
            Phase::Idle | Phase::Waiting { .. } | Phase::Socket { .. } | Phase::Closed => {
                Step::Socket
            }
        }
    }
}
