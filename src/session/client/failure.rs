//! How attempts fail, connections are lost and sessions end.

use std::time::{Duration, Instant};

use super::{CallId, ClientEvent, ClientOutput, ClientSession, Link, Phase};
use crate::error::{Error, ErrorCode};
use crate::session::{ConnectionState, after, server_error};

/// How long a service that reported an error may take to close the socket, and how old an error
/// may be to count as the reason of a close.
const PARTING: Duration = Duration::from_millis(500);

/// The same for a session that the service ends with a reason.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// How long a connection must last to count as good. One that does not must not become a tight loop.
const LASTING: Duration = Duration::from_secs(5);

/// The longest pause between two tries to reach a service that cannot be reached: they cost it
/// nothing, and somebody waits for it to be back.
const UNREACHED: Duration = Duration::from_secs(1);

/// The steps of a connect, as its errors name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Socket,
    Authorisation,
    State,
    Offer,
    Answer,
    Ice,
}

impl Step {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Authorisation => "authorisation",
            Self::State => "state",
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Ice => "ice",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Socket => "check the base URL, and that the service runs and can be reached",
            Self::Authorisation => "check the API key and the limits of the account",
            Self::State => "check the initial prompt and image, or connect without them",
            Self::Offer => "check that this machine has a usable network interface",
            Self::Answer => "the service may be overloaded or not speak this protocol; try again",
            Self::Ice => {
                "ICE found no way for UDP, which may be blocked: try another network, or ice_servers="
            }
        }
    }
}

/// A failed attempt. Whether another is made depends on `error.retryable`.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub step: Step,
    pub error: Error,
}

impl ClientSession {
    pub(super) fn is_returning(&self) -> bool {
        self.campaign.as_ref().is_some_and(|campaign| campaign.returning)
    }

    /// The service's last error, if it is recent enough to explain what happens now.
    pub(super) fn recent_parting(&self, now: Instant) -> Option<Error> {
        self.parting_within(now, PARTING)
    }

    pub(super) fn parting_within(&self, now: Instant, limit: Duration) -> Option<Error> {
        let (at, error) = self.parting.as_ref()?;
        (now.saturating_duration_since(*at) <= limit).then(|| error.clone())
    }

    /// A close is final if its code says so, or if the service has just said so in words.
    pub(super) fn socket_closed(&mut self, now: Instant, code: Option<u16>, reason: &str) {
        let said = match &self.phase {
            Phase::Parting { failure, .. } => Some(failure.error.clone()),
            _ => self.recent_parting(now),
        };
        let spoken = said.is_some();
        let mut error = said.unwrap_or_else(|| {
            let code =
                code.map_or_else(|| "without a code".into(), |code| format!("with code {code}"));
            let reason = if reason.is_empty() { "no reason given" } else { reason };
            let classified = server_error(reason, None);
            let code_of_error = match classified.code {
                ErrorCode::Server => ErrorCode::WebSocket,
                other => other,
            };
            let text =
                format!("the service closed the control socket {code}: {}", classified.message);
            Error::new(code_of_error, text)
        });
        match code {
            Some(1008 | 4000..=4999) => {
                if !spoken && error.code == ErrorCode::WebSocket {
                    error.code = ErrorCode::SessionEnded;
                }
                error.retryable = false;
            }
            Some(1013) => error.code = ErrorCode::AtCapacity,
            _ => {}
        }
        let full = code == Some(1013) && matches!(self.phase, Phase::Live { .. });
        self.socket_lost(now, error, full);
    }

    /// The connection is gone, before or after it was up.
    pub(super) fn lost(&mut self, now: Instant, error: Error) {
        self.socket_lost(now, error, false);
    }

    fn socket_lost(&mut self, now: Instant, error: Error, final_when_live: bool) {
        let Phase::Live { since } = self.phase else {
            let step = match &self.phase {
                Phase::Parting { failure, .. } => failure.step,
                _ if error.code == ErrorCode::InvalidApiKey => Step::Authorisation,
                _ => self.step(),
            };
            return self.fail_attempt(now, Failure { step, error });
        };
        if final_when_live || !error.retryable {
            let said = self.parting_within(now, ENDING);
            let told = said.is_some_and(|said| said.message == error.message);
            self.close_both();
            if told {
                self.finish_quietly(now, &error);
                self.ended_with = Some(error);
                return;
            }
            return self.finish(now, Some(error));
        }
        self.close_both();
        self.updates.detach();
        self.outage.get_or_insert(now);
        let good = self.unbroken || after(since, LASTING) <= now;
        if good {
            self.unbroken = false;
            self.losing_since = None;
            self.backoff.reset();
        }
        self.start_campaign(now, true);
        self.become_state(now, ConnectionState::Reconnecting, Some(error.message.clone()));
        if good {
            return self.begin_attempt(now);
        }
        match self.backoff.next_delay(Duration::MAX) {
            Some(delay) => self.phase = Phase::Waiting { until: after(now, delay) },
            None => self.finish(now, Some(self.explain(now, Failure { step: Step::Ice, error }))),
        }
    }

    /// The service has reported why it fails. Unless that settles it, its close code may.
    pub(super) fn part(&mut self, now: Instant, failure: Failure) {
        if failure.error.retryable {
            self.phase = Phase::Parting { deadline: after(now, PARTING), failure };
        } else {
            self.fail_attempt(now, failure);
        }
    }

    pub(super) fn fail_attempt(&mut self, now: Instant, failure: Failure) {
        self.report_failure(now, &failure);
        self.close_both();
        self.updates.detach();
        if !failure.error.retryable {
            return self.finish(now, Some(self.explain(now, failure)));
        }
        let deadline = self.campaign.as_ref().map(|campaign| campaign.deadline);
        let unreached = self.is_returning() && failure.step == Step::Socket;
        let longest = if unreached { UNREACHED } else { Duration::MAX };
        let until = self.backoff.next_delay(longest).map(|delay| after(now, delay));
        match until {
            Some(until) if deadline.is_none_or(|deadline| until < deadline) => {
                self.phase = Phase::Waiting { until };
            }
            _ => self.finish(now, Some(self.explain(now, failure))),
        }
    }

    /// The time for the whole connect is over.
    pub(super) fn give_up(&mut self, now: Instant, failure: Failure) {
        if !matches!(self.phase, Phase::Waiting { .. }) {
            self.report_failure(now, &failure);
        }
        self.close_both();
        self.finish(now, Some(self.explain(now, failure)));
    }

    fn report_failure(&mut self, now: Instant, failure: &Failure) {
        let text = failure.error.message.clone();
        let name = match (&self.phase, failure.step) {
            (Phase::Socket { .. }, _) | (_, Step::Socket) => "websocket",
            (Phase::State { .. }, _) | (_, Step::State | Step::Authorisation) => self.setup_phase(),
            _ => "webrtc-handshake",
        };
        self.step_done(now, name, Some(text.clone()));
        let total = self.attempt_started.map_or(Duration::ZERO, |at| now - at);
        self.event(ClientEvent::Phase {
            name: "total",
            duration: total,
            error: Some(text.clone()),
        });
        if self.is_returning() {
            self.report_return(total, Some(text));
        }
    }

    /// The failure as the caller sees it: which step, after how long, and what to try.
    fn explain(&self, now: Instant, failure: Failure) -> Error {
        let Failure { step, error } = failure;
        let operation = if self.is_returning() { "reconnect" } else { "connect" };
        let elapsed = self
            .campaign
            .as_ref()
            .map_or(0.0, |campaign| now.saturating_duration_since(campaign.started).as_secs_f64());
        let attempts = match self.backoff.attempt() {
            1 => String::new(),
            attempts => format!(" and {attempts} attempts"),
        };
        let message = format!(
            "{operation} failed at the {} step after {elapsed:.1} s{attempts}: {}",
            step.as_str(),
            error.message
        );
        let hint = error.hint.unwrap_or_else(|| step.hint().into());
        Error::new(error.code, message).during(operation).hint(hint).retryable(error.retryable)
    }

    /// Closes what is open, the link first: it needs no socket to end.
    fn close_both(&mut self) {
        if self.link.open {
            self.outputs.push_back(ClientOutput::CloseLink { attempt: self.attempt });
        }
        if self.socket_open {
            self.outputs.push_back(ClientOutput::CloseSocket { attempt: self.attempt });
        }
        self.link = Link::default();
        self.socket_open = false;
        self.generating = false;
        self.queue = None;
    }

    /// From any state, any number of times.
    pub(super) fn disconnect(&mut self, now: Instant, call: Option<CallId>) {
        self.close_both();
        self.finish(now, None);
        if let Some(call) = call {
            self.answer(call, Ok(()));
        }
    }

    /// Ends the session: one error if there is one, then `disconnected`, then the waiting calls.
    pub(super) fn finish(&mut self, now: Instant, error: Option<Error>) {
        match error {
            Some(error) => {
                self.event(ClientEvent::Error(error.clone()));
                self.finish_quietly(now, &error);
                self.ended_with.get_or_insert(error);
            }
            None => self.finish_quietly(
                now,
                &Error::new(ErrorCode::Disconnected, "the session was disconnected by its user")
                    .hint("connect a new session"),
            ),
        }
    }

    /// The same when the error has been reported already.
    fn finish_quietly(&mut self, now: Instant, error: &Error) {
        self.phase = Phase::Closed;
        self.campaign = None;
        self.become_state(now, ConnectionState::Disconnected, Some(error.message.clone()));
        self.updates.detach();
        let mut calls: Vec<CallId> = self.connect_call.take().into_iter().collect();
        calls.extend(self.updates.drain());
        for call in calls {
            self.answer(call, Err(error.clone()));
        }
    }
}
