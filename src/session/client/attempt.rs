//! The steps of one attempt, from opening the socket to media that can flow.

use std::mem;
use std::time::{Duration, Instant};

use super::updates::check;
use super::{
    Campaign, ClientEvent, ClientOutput, ClientSession, Failure, Link, MAX_CANDIDATES, Phase, Step,
};
use crate::error::{Error, ErrorCode};
use crate::protocol::{ClientMessage, IceCandidate, Sdp};
use crate::session::{ConnectionState, LinkEvent, LocalSignal, MAX_SDP_BYTES, RemoteSignal, after};

impl ClientSession {
    pub(super) fn connect(&mut self, now: Instant, call: super::CallId) {
        if !matches!(self.phase, Phase::Idle) {
            let error = Error::new(
                ErrorCode::InvalidState,
                format!("a session connects once, and this one is {}", self.state),
            )
            .during("connect")
            .hint("connect a new session");
            return self.answer(call, Err(error));
        }
        self.connect_call = Some(call);
        self.become_state(now, ConnectionState::Connecting, None);
        if let Err(error) = check(&self.config.initial) {
            return self.finish(now, Some(error.during("connect")));
        }
        self.start_campaign(now, false);
        self.begin_attempt(now);
    }

    pub(super) fn start_campaign(&mut self, now: Instant, returning: bool) {
        let limit = if returning {
            self.backoff.returns();
            self.config.retry.return_time
        } else {
            self.config.timeouts.connect
        };
        // A connection that did not last is part of the same return.
        let begun = if returning { *self.losing_since.get_or_insert(now) } else { now };
        let deadline = after(begun, limit);
        self.campaign = Some(Campaign { returning, started: now, deadline });
    }

    pub(super) fn begin_attempt(&mut self, now: Instant) {
        self.attempt = self.attempt.wrapping_add(1);
        self.attempt_started = Some(now);
        self.step_started = Some(now);
        self.link = Link::default();
        self.generating = false;
        self.session_id = None;
        self.queue = None;
        self.parting = None;
        self.malformed = None;
        self.socket_open = true;
        self.phase = Phase::Socket { deadline: after(now, self.socket_limit()) };
        self.outputs.push_back(ClientOutput::OpenSocket { attempt: self.attempt });
    }

    fn socket_limit(&self) -> Duration {
        let timeouts = &self.config.timeouts;
        if self.is_returning() { timeouts.return_socket } else { timeouts.socket }
    }

    pub(super) fn socket_opened(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Socket { .. }) {
            return;
        }
        self.step_done(now, "websocket", None);
        if self.config.receive_only {
            self.open_link(now);
        } else {
            self.send_setup(now);
        }
    }

    /// Sends everything that is desired. Nothing else happens until it is acknowledged, so that
    /// no picture is ever seen without the effect.
    pub(super) fn send_setup(&mut self, now: Instant) {
        let message = self.updates.setup();
        self.phase = Phase::State { deadline: after(now, self.config.timeouts.setup_ack) };
        self.send(message);
    }

    pub(super) fn setup_phase(&self) -> &'static str {
        if self.updates.desired().image.is_some() { "avatar-image" } else { "initial-prompt" }
    }

    pub(super) fn open_link(&mut self, now: Instant) {
        self.phase = Phase::Offer { deadline: after(now, self.config.timeouts.answer) };
        self.link.open = true;
        self.outputs.push_back(ClientOutput::OpenLink { attempt: self.attempt });
    }

    pub(super) fn link_event(&mut self, now: Instant, event: LinkEvent) {
        match event {
            LinkEvent::Signal(LocalSignal::Offer(sdp)) => self.local_offer(now, sdp),
            LinkEvent::Signal(LocalSignal::Candidate(candidate)) => self.local_candidate(candidate),
            LinkEvent::Up => {
                self.link.up = true;
                if matches!(self.phase, Phase::Link { .. }) {
                    self.go_live(now);
                }
                self.heard_again(now);
            }
            LinkEvent::Interrupted => self.interrupted(now),
            LinkEvent::Lost(why) if self.restart_failed(now, &why) => {}
            LinkEvent::Lost(why) => {
                let text = format!("the media link was lost: {why}");
                self.lost(now, Error::new(ErrorCode::Ice, text));
            }
            LinkEvent::Failed(error) if self.restart_failed(now, &error.message) => {}
            LinkEvent::Failed(error) => self.lost(now, error),
        }
    }

    /// The first offer belongs to the handshake; a later one renegotiates a link that lives.
    fn local_offer(&mut self, now: Instant, sdp: String) {
        if matches!(self.phase, Phase::Parting { .. }) {
            return;
        }
        if matches!(self.phase, Phase::Offer { .. }) {
            self.phase = Phase::Answer { deadline: after(now, self.config.timeouts.answer) };
        }
        self.link.offered = true;
        self.link.answered = false;
        self.send(ClientMessage::Offer { sdp: sdp.into() });
        for candidate in mem::take(&mut self.link.local) {
            self.send(ClientMessage::IceCandidate { candidate });
        }
    }

    fn local_candidate(&mut self, candidate: Option<IceCandidate>) {
        if matches!(self.phase, Phase::Parting { .. }) {
            return;
        }
        if self.link.offered {
            self.send(ClientMessage::IceCandidate { candidate });
        } else if self.link.local.len() < MAX_CANDIDATES {
            self.link.local.push(candidate);
        }
    }

    pub(super) fn remote_answer(&mut self, now: Instant, sdp: Sdp) {
        if !self.link.offered || self.link.answered {
            return;
        }
        if sdp.len() > MAX_SDP_BYTES {
            let text =
                format!("expected an answer of at most {MAX_SDP_BYTES} bytes, got {}", sdp.len());
            return self.lost(now, Error::new(ErrorCode::Signaling, text));
        }
        self.link.answered = true;
        self.signal(RemoteSignal::Answer(sdp.into_string()));
        for candidate in mem::take(&mut self.link.remote) {
            self.signal(RemoteSignal::Candidate(candidate));
        }
        self.restart_answered(now);
        if matches!(self.phase, Phase::Answer { .. }) {
            self.phase = Phase::Link { deadline: after(now, self.config.timeouts.link) };
            if self.link.up {
                self.go_live(now);
            }
        }
    }

    /// A candidate before the answer would break the link, so it waits.
    pub(super) fn remote_candidate(&mut self, candidate: Option<IceCandidate>) {
        if candidate.as_ref().is_some_and(|candidate| !candidate.fits()) {
            return;
        }
        if self.link.answered {
            self.signal(RemoteSignal::Candidate(candidate));
        } else if self.link.remote.len() < MAX_CANDIDATES {
            self.link.remote.push(candidate);
        }
    }

    fn signal(&mut self, signal: RemoteSignal) {
        self.outputs.push_back(ClientOutput::Signal { attempt: self.attempt, signal });
    }

    fn go_live(&mut self, now: Instant) {
        self.phase = Phase::Live { since: now };
        self.step_done(now, "webrtc-handshake", None);
        let total = self.attempt_started.map_or_else(Default::default, |at| now - at);
        self.event(ClientEvent::Phase { name: "total", duration: total, error: None });
        if self.campaign.take().is_some_and(|campaign| campaign.returning) {
            self.report_return(total, None);
            self.recoveries.reconnects += 1;
        }
        self.become_state(now, ConnectionState::Connected, None);
        self.show_generating(now);
        if let Some(call) = self.connect_call.take() {
            self.answer(call, Ok(()));
        }
    }

    pub(super) fn report_return(&mut self, duration: Duration, error: Option<String>) {
        self.event(ClientEvent::Reconnect {
            attempt: self.backoff.attempt(),
            max_attempts: self.backoff.max_attempts(),
            duration,
            error,
        });
    }

    /// Generating means that the service has said so and that media can flow.
    pub(super) fn show_generating(&mut self, now: Instant) {
        let live = matches!(self.phase, Phase::Live { .. });
        if self.generating && live && self.state != ConnectionState::Reconnecting {
            self.become_state(now, ConnectionState::Generating, None);
        }
    }

    pub(super) fn step_done(&mut self, now: Instant, name: &'static str, error: Option<String>) {
        let duration = self.step_started.map_or_else(Default::default, |at| now - at);
        self.step_started = Some(now);
        self.event(ClientEvent::Phase { name, duration, error });
    }

    /// What a step that did not end in time looks like. `overall`: no time is left for any other.
    pub(super) fn overdue(&self, overall: bool) -> Failure {
        let timeouts = &self.config.timeouts;
        let (code, limit, what) = match self.step() {
            Step::Socket | Step::Authorisation => {
                (ErrorCode::Timeout, self.socket_limit(), "the control socket did not open")
            }
            Step::State => (
                ErrorCode::Timeout,
                timeouts.setup_ack,
                "the service did not acknowledge the initial state",
            ),
            Step::Offer => (ErrorCode::Timeout, timeouts.answer, "the media link made no offer"),
            Step::Answer => {
                (ErrorCode::Timeout, timeouts.answer, "the service did not answer the offer")
            }
            Step::Ice => (ErrorCode::Ice, timeouts.link, "no network path for media was found"),
        };
        let whole =
            if self.is_returning() { self.config.retry.return_time } else { timeouts.connect };
        let (code, limit) = if overall { (ErrorCode::Timeout, whole) } else { (code, limit) };
        let mut text = format!("{what} within {:.1} s", limit.as_secs_f64());
        let mut hint = None;
        if let Some((position, size)) = self.queue {
            let size = size.map_or_else(String::new, |size| format!(" of {size}"));
            text = format!(
                "the service is full: still at position {position}{size} of its queue after {:.1} s",
                limit.as_secs_f64()
            );
            hint = Some("wait longer with timeout=, or try again later");
        }
        if let Phase::Parting { failure, .. } = &self.phase {
            text.clone_from(&failure.error.message);
        }
        if let Some(malformed) = &self.malformed {
            text = format!("{text}; the last message could not be read: {malformed}");
        }
        let mut error = Error::new(code, text);
        error.hint = hint.map(Into::into);
        Failure { step: self.step(), error }
    }
}
