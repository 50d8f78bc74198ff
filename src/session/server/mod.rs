//! The service's end of a session.
//!
//! It takes the offer and the state in either order, because clients differ; it applies updates
//! one after the other and acknowledges each exactly once in the order in which they came; and it
//! says that it generates only while media can flow.

mod link;
mod reject;
mod types;
mod updates;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use reject::rejection;
pub use types::{ServerConfig, ServerEvent, ServerInput, ServerLinkEvent, ServerOutput};

use self::link::Link;
use self::updates::Updates;
use super::{State, after, earliest};
use crate::error::Error;
use crate::protocol::{ClientMessage, IceCandidate, ServerMessage};

/// Unreadable frames after which a client is sent away.
const MAX_MALFORMED: u32 = 16;

/// A close reason is a control frame's payload without its code (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Open,
    Closed,
}

/// One server session, from an open socket to its end.
#[derive(Debug)]
pub struct ServerSession {
    config: ServerConfig,
    phase: Phase,
    updates: Updates,
    link: Link,
    /// Candidates that came before the offer.
    candidates: Vec<Option<IceCandidate>>,
    offer_deadline: Option<Instant>,
    /// Time during which media could flow, without the present stretch.
    generated: Duration,
    generating_since: Option<Instant>,
    next_tick: Option<Instant>,
    next_ping: Option<Instant>,
    unanswered_pings: u32,
    malformed: u32,
    outputs: VecDeque<ServerOutput>,
}

impl ServerSession {
    pub fn new(config: ServerConfig) -> Self {
        Self {
            phase: Phase::New,
            updates: Updates::new(config.max_image_bytes, config.apply_timeout),
            link: Link::None,
            candidates: Vec::new(),
            offer_deadline: None,
            generated: Duration::ZERO,
            generating_since: None,
            next_tick: None,
            next_ping: None,
            unanswered_pings: 0,
            malformed: 0,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The only way to change a session. Drain `poll` afterwards.
    pub fn handle(&mut self, now: Instant, input: ServerInput) {
        match (self.phase, input) {
            (Phase::New, ServerInput::Opened) => self.opened(now),
            (Phase::Open, input) => self.handle_open(now, input),
            // Before it is open and after its end nothing concerns a session.
            (Phase::New | Phase::Closed, _) => {}
        }
        if self.phase == Phase::Open {
            self.updates.start(now, &mut self.outputs);
        }
    }

    /// What to do next, or `None` until there is another input.
    pub fn poll(&mut self) -> Option<ServerOutput> {
        self.outputs.pop_front()
    }

    /// When to `handle` a `Timeout`, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.phase != Phase::Open {
            return None;
        }
        earliest([
            self.offer_deadline,
            self.link.deadline(),
            self.next_tick,
            self.next_ping,
            self.updates.deadline(),
            self.end_of_time(),
        ])
    }

    /// The state that the model has taken.
    pub fn state(&self) -> &State {
        self.updates.state()
    }

    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// How long media could flow so far.
    pub fn generated(&self, now: Instant) -> Duration {
        let present =
            self.generating_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.generated + present
    }

    fn opened(&mut self, now: Instant) {
        self.phase = Phase::Open;
        self.offer_deadline = Some(after(now, self.config.offer_timeout));
        self.next_ping = self.ping_after(now);
        if !self.config.viewer {
            self.send(ServerMessage::SessionId {
                session_id: self.config.session_id.clone(),
                server_ip: Some(self.config.server_ip.clone()),
                server_port: Some(self.config.server_port),
            });
        }
    }

    fn handle_open(&mut self, now: Instant, input: ServerInput) {
        match input {
            ServerInput::Opened => {}
            ServerInput::Received(message) => {
                self.unanswered_pings = 0;
                self.received(now, message);
            }
            ServerInput::Malformed(error) => self.malformed(now, error),
            ServerInput::SocketClosed => self.finish(now, "disconnect", None),
            ServerInput::Pong => self.unanswered_pings = 0,
            ServerInput::Link(event) => self.link_event(now, event),
            ServerInput::Applied { update, result } => {
                self.updates.applied(update, result, &mut self.outputs);
            }
            ServerInput::Fail(error) => self.fail(now, &error, 1011),
            ServerInput::Report(error) => self.send(ServerMessage::error(&error)),
            ServerInput::End { reason, code } => self.end(now, &reason, code),
            ServerInput::Timeout => self.expire(now),
        }
    }

    fn received(&mut self, now: Instant, message: ClientMessage) {
        match message {
            ClientMessage::Offer { sdp } => self.offered(now, sdp),
            ClientMessage::IceCandidate { candidate } => self.candidate(candidate),
            message @ (ClientMessage::Prompt { .. } | ClientMessage::SetImage { .. }) => {
                if let Err(error) = self.updates.push(message, self.config.viewer) {
                    self.fail(now, &error, 1008);
                }
            }
            // The service makes no offers, and old or newer clients may say more.
            ClientMessage::Answer { .. }
            | ClientMessage::SwitchCamera { .. }
            | ClientMessage::Unknown { .. } => {}
        }
    }

    fn malformed(&mut self, now: Instant, error: Error) {
        self.malformed += 1;
        if self.malformed >= MAX_MALFORMED {
            return self.fail(now, &error, 1008);
        }
        self.send(ServerMessage::error(&error));
        self.outputs.push_back(ServerOutput::Event(ServerEvent::Malformed(error)));
    }

    fn expire(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.end_of_time()) {
            return self.end(now, "timeout", 1000);
        }
        if due(self.offer_deadline) {
            let seconds = self.config.offer_timeout.as_secs_f64();
            let error = Error::new(
                crate::error::ErrorCode::Timeout,
                format!("expected an offer within {seconds:.0} s"),
            );
            return self.fail(now, &error, 1008);
        }
        if due(self.link.deadline()) {
            return self.link_overdue(now);
        }
        if due(self.next_ping) {
            if self.unanswered_pings >= 2 {
                return self.finish(now, "disconnect", Some((1001, "no answer to pings")));
            }
            self.unanswered_pings += 1;
            self.next_ping = self.ping_after(now);
            self.outputs.push_back(ServerOutput::Ping);
        }
        if due(self.next_tick) {
            self.next_tick = self.tick_after(now);
            #[expect(clippy::cast_precision_loss, reason = "2^53 seconds are long enough")]
            let seconds = self.generated(now).as_secs() as f64;
            self.send(ServerMessage::GenerationTick { seconds });
        }
        self.updates.expire(now, &mut self.outputs);
    }

    /// Ends in order: tells the client why, and closes.
    fn end(&mut self, now: Instant, reason: &str, code: u16) {
        self.finish(now, reason, Some((code, reason)));
    }

    /// Ends because something failed: tells the client what, and closes.
    fn fail(&mut self, now: Instant, error: &Error, code: u16) {
        self.updates.refuse_all(&error.message, &mut self.outputs);
        self.send(ServerMessage::error(error));
        self.finish(now, "error", Some((code, &error.message)));
    }

    /// Everything ends here. Without a close the socket is gone and nothing is said.
    fn finish(&mut self, now: Instant, reason: &str, close: Option<(u16, &str)>) {
        #[expect(clippy::cast_precision_loss, reason = "2^53 seconds are long enough")]
        let whole = self.generated(now).as_secs() as f64;
        let seconds = self.generated(now).as_secs_f64();
        if close.is_some() {
            self.updates.refuse_all("the session has ended", &mut self.outputs);
            if !self.config.viewer {
                self.send(ServerMessage::GenerationEnded { seconds: whole, reason: reason.into() });
            }
        }
        if self.link.is_open() {
            self.outputs.push_back(ServerOutput::CloseLink);
        }
        self.link = Link::None;
        self.phase = Phase::Closed;
        self.pause(now);
        if let Some((code, text)) = close {
            self.outputs.push_back(ServerOutput::Close { code, reason: close_reason(text) });
        }
        self.outputs
            .push_back(ServerOutput::Event(ServerEvent::Ended { reason: reason.into(), seconds }));
    }

    fn end_of_time(&self) -> Option<Instant> {
        let left = self.config.max_duration?.saturating_sub(self.generated);
        self.generating_since.map(|since| after(since, left))
    }

    fn ping_after(&self, now: Instant) -> Option<Instant> {
        let interval = self.config.ping_interval;
        (!interval.is_zero()).then(|| after(now, interval))
    }

    fn tick_after(&self, now: Instant) -> Option<Instant> {
        let interval = self.config.tick_interval;
        (!interval.is_zero() && !self.config.viewer).then(|| after(now, interval))
    }

    fn send(&mut self, message: ServerMessage) {
        self.outputs.push_back(ServerOutput::Send(message));
    }
}

fn close_reason(text: &str) -> String {
    let mut end = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
