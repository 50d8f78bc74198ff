//! The service's end of a session.
//!
//! It takes the offer and the state in either order, because clients differ; it applies updates
//! one after the other and acknowledges each exactly once in the order in which they came; and it
//! says that it generates only while media can flow.
//!
//! A session may have to wait for a place. Meanwhile its client is told where it stands and its
//! state is taken, so that no client gives up for want of an acknowledgement; its offer is answered
//! when the place is there.

mod link;
mod presence;
mod reject;
mod types;
mod updates;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use reject::rejection;
pub use types::{ServerConfig, ServerEvent, ServerInput, ServerLinkEvent, ServerOutput};

use self::link::Link;
use self::presence::Presence;
use self::updates::Updates;
use super::{State, after, earliest};
use crate::error::Error;
use crate::protocol::{ClientMessage, IceCandidate, Sdp, Secret, ServerMessage};

/// Unreadable frames after which a client is sent away.
const MAX_MALFORMED: u32 = 16;

/// A close reason is a control frame's payload without its code (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// How a viewer's socket is closed when there is nothing left to watch (RFC 6455, section 7.4.2).
pub const VIEWER_ENDED: u16 = 4000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    /// Waiting for a place.
    Queued,
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
    /// None before the session is open.
    presence: Option<Presence>,
    /// What the client was last told of the queue.
    position: Option<(u32, u32)>,
    /// An offer that waits for a place.
    waiting_offer: Option<Sdp>,
    viewer_token: Option<Secret>,
    malformed: u32,
    outputs: VecDeque<ServerOutput>,
}

impl ServerSession {
    pub fn new(config: ServerConfig) -> Self {
        Self {
            phase: Phase::New,
            updates: Updates::new(
                config.max_image_bytes,
                config.takes_landmarks,
                config.apply_timeout,
            ),
            link: Link::None,
            candidates: Vec::new(),
            offer_deadline: None,
            generated: Duration::ZERO,
            generating_since: None,
            next_tick: None,
            presence: None,
            position: None,
            waiting_offer: None,
            viewer_token: None,
            malformed: 0,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The only way to change a session. Drain `poll` afterwards.
    pub fn handle(&mut self, now: Instant, input: ServerInput) {
        match (self.phase, input) {
            (Phase::New | Phase::Queued, ServerInput::Opened) => self.opened(now),
            (Phase::New | Phase::Queued, ServerInput::Queued { position, size }) => {
                self.queued(now, position, size);
            }
            (Phase::New | Phase::Queued, ServerInput::ViewerToken(token)) => {
                self.viewer_token = Some(token);
            }
            (Phase::Open | Phase::Queued, input) => self.handle_open(now, input),
            // Before it is open and after its end nothing concerns a session.
            (Phase::New | Phase::Closed, _) => {}
        }
        if self.is_running() {
            self.updates.start(now, &mut self.outputs);
        }
    }

    /// What to do next, or `None` until there is another input.
    pub fn poll(&mut self) -> Option<ServerOutput> {
        self.outputs.pop_front()
    }

    /// When to `handle` a `Timeout`, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        if !self.is_running() {
            return None;
        }
        earliest([
            self.offer_deadline,
            self.link.deadline(),
            self.next_tick,
            self.presence.as_ref().and_then(Presence::deadline),
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

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Queued | Phase::Open)
    }

    fn queued(&mut self, now: Instant, position: u32, size: u32) {
        self.phase = Phase::Queued;
        let interval = self.config.ping_interval;
        self.presence.get_or_insert_with(|| Presence::new(now, interval)).queued(now);
        if self.position.replace((position, size)) != Some((position, size)) {
            self.send(ServerMessage::QueuePosition { position, size: Some(size) });
        }
    }

    /// Somebody who waited gets the place, or there was one at once.
    fn opened(&mut self, now: Instant) {
        self.phase = Phase::Open;
        self.offer_deadline = Some(after(now, self.config.offer_timeout));
        let interval = self.config.ping_interval;
        self.presence.get_or_insert_with(|| Presence::new(now, interval)).wanted(now, false);
        self.send_session_id();
        if let Some(offer) = self.waiting_offer.take() {
            self.offered(now, offer);
        }
    }

    fn send_session_id(&mut self) {
        if !self.config.viewer {
            self.send(ServerMessage::SessionId {
                session_id: self.config.session_id.clone(),
                server_ip: Some(self.config.server_ip.clone()),
                server_port: Some(self.config.server_port),
                viewer_token: self.viewer_token.clone(),
            });
        }
    }

    fn handle_open(&mut self, now: Instant, input: ServerInput) {
        match input {
            ServerInput::Opened | ServerInput::Queued { .. } => {}
            ServerInput::Received(message) => {
                self.sign(now);
                self.received(now, message);
            }
            ServerInput::Malformed(error) => self.malformed(now, error),
            ServerInput::SocketClosed => self.finish(now, "disconnect", None),
            ServerInput::Pong => self.sign(now),
            ServerInput::MediaSeen { at } => self.sign(at),
            ServerInput::Wanted(wanted) => self.wanted(now, wanted),
            ServerInput::ViewerToken(token) => {
                self.viewer_token = Some(token);
                self.send_session_id();
            }
            ServerInput::Link(event) => self.link_event(now, event),
            ServerInput::Applied { update, result } => {
                self.updates.applied(update, result, &mut self.outputs);
            }
            ServerInput::Fail(error) => self.fail(now, &error, 1011),
            ServerInput::Report(error) => self.send(ServerMessage::error(&error)),
            ServerInput::Understood(report) => self.send(ServerMessage::PromptReport(report)),
            ServerInput::End { reason, code } => self.end(now, &reason, code),
            ServerInput::Timeout => self.expire(now),
        }
    }

    fn wanted(&mut self, now: Instant, wanted: bool) {
        if self.phase == Phase::Open
            && let Some(presence) = &mut self.presence
        {
            presence.wanted(now, wanted);
        }
    }

    fn sign(&mut self, at: Instant) {
        if let Some(presence) = &mut self.presence {
            presence.sign(at);
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
            // A viewer hears of no reason, so the code has to say that it is for good.
            let code = if self.config.viewer { VIEWER_ENDED } else { 1000 };
            return self.end(now, "timeout", code);
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
        if let Some(presence) = &mut self.presence {
            if presence.is_gone(now) {
                return self.finish(now, "disconnect", Some((1001, "no answer to pings")));
            }
            if presence.ping_is_due(now) {
                self.outputs.push_back(ServerOutput::Ping);
            }
        }
        if due(self.next_tick) {
            self.next_tick = self.tick_after(now);
            #[expect(clippy::cast_precision_loss, reason = "2^53 seconds are long enough")]
            let seconds = self.generated(now).as_secs() as f64;
            self.send(ServerMessage::GenerationTick { seconds, service_stats: None });
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

    fn tick_after(&self, now: Instant) -> Option<Instant> {
        let interval = self.config.tick_interval;
        (!interval.is_zero() && !self.config.viewer).then(|| after(now, interval))
    }

    fn send(&mut self, message: ServerMessage) {
        self.outputs.push_back(ServerOutput::Send(message));
    }
}

/// As much of a text as a close frame holds.
pub fn close_reason(text: &str) -> String {
    let mut end = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
