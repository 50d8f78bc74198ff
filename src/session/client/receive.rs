//! What the service says.

use std::time::Instant;

use super::failure::ENDING;
use super::updates::{Ack, Answers, Setup};
use super::{ClientEvent, ClientSession, Failure, Phase, Step};
use crate::error::{Error, ErrorCode};
use crate::protocol::ServerMessage;
use crate::session::{ConnectionState, after, server_error};

/// Reasons after which coming back cannot help.
const FINAL_REASONS: [&str; 3] = ["insufficient_credits", "moderation_violation", "timeout"];

impl ClientSession {
    pub(super) fn received(&mut self, now: Instant, message: ServerMessage) {
        // After the error that ends an attempt only the close code is of interest.
        if matches!(self.phase, Phase::Parting { .. } | Phase::Socket { .. }) {
            return;
        }
        match message {
            ServerMessage::SessionId { session_id, server_ip, server_port, viewer_token } => {
                self.admitted(now);
                self.session_id = Some(session_id.clone());
                let event =
                    ClientEvent::SessionId { session_id, server_ip, server_port, viewer_token };
                self.event(event);
            }
            ServerMessage::PromptAck { prompt, success, error, request_id } => {
                let result = if success { Ok(()) } else { Err(error.unwrap_or_default()) };
                self.acknowledged_by(now, Some(&prompt), request_id.as_deref(), result);
            }
            ServerMessage::SetImageAck { success, error, request_id } => {
                let result = if success { Ok(()) } else { Err(error.unwrap_or_default()) };
                self.acknowledged_by(now, None, request_id.as_deref(), result);
            }
            ServerMessage::Answer { sdp } => {
                self.admitted(now);
                self.remote_answer(now, sdp);
            }
            ServerMessage::IceCandidate { candidate } => self.remote_candidate(candidate),
            ServerMessage::GenerationStarted => {
                self.admitted(now);
                self.generating = true;
                self.show_generating(now);
            }
            ServerMessage::GenerationTick { seconds, service_stats } => {
                if let Some(stats) = service_stats {
                    self.event(ClientEvent::ServiceStats(stats));
                }
                self.event(ClientEvent::Tick { seconds });
            }
            ServerMessage::GenerationEnded { seconds, reason } => self.ended(now, seconds, reason),
            ServerMessage::Error { error, code } => {
                self.service_failed(now, server_error(&error, code.as_deref()));
            }
            ServerMessage::QueuePosition { position, size } => {
                self.queued(now, position, size);
            }
            ServerMessage::PromptReport(report) => self.event(ClientEvent::PromptReport(report)),
            ServerMessage::Unknown { kind, .. } => self.event(ClientEvent::Unknown { kind }),
            // The client makes the offers, and neither of the others asks for anything.
            ServerMessage::Offer { .. }
            | ServerMessage::Ready
            | ServerMessage::IceRestart { .. }
            | ServerMessage::Status { .. } => {}
        }
    }

    /// While the client stands in a queue, it is no fault of the service that a step takes long: the
    /// time for the whole connect is the only limit then.
    fn queued(&mut self, now: Instant, position: u32, size: Option<u32>) {
        if position == 0 {
            // Some services count those who stand before the client.
            self.admitted(now);
        } else if !matches!(self.phase, Phase::Live { .. }) {
            self.queue = Some((position, size));
        }
        self.event(ClientEvent::QueuePosition { position, size });
    }

    /// The client is let in, and the step that waited for it has its full time again.
    fn admitted(&mut self, now: Instant) {
        if self.queue.take().is_none() {
            return;
        }
        let timeouts = &self.config.timeouts;
        match &mut self.phase {
            Phase::State { deadline } => *deadline = after(now, timeouts.setup_ack),
            Phase::Answer { deadline } => *deadline = after(now, timeouts.answer),
            _ => {}
        }
    }

    fn acknowledged_by(
        &mut self,
        now: Instant,
        prompt: Option<&str>,
        request_id: Option<&str>,
        result: Result<(), String>,
    ) {
        let phase_name = self.setup_phase();
        let mut answers = Answers::new();
        let setup = self.updates.acknowledge(&Ack { prompt, request_id, result }, &mut answers);
        match setup {
            None => {}
            Some(Setup::Accepted) => {
                self.step_done(now, phase_name, None);
                self.open_link(now);
            }
            Some(Setup::Reduced) => self.send_setup(now),
            Some(Setup::Refused(text)) => {
                let text = if text.is_empty() { "no reason given" } else { &text };
                let error = server_error(text, None);
                // The same state would be refused again, unless it has been accepted before.
                let again = error.code == ErrorCode::AtCapacity || self.is_returning();
                let retryable = again && error.retryable;
                self.fail_attempt(
                    now,
                    Failure { step: Step::State, error: error.retryable(retryable) },
                );
            }
        }
        for (call, result) in answers {
            self.answer(call, result);
        }
    }

    fn ended(&mut self, now: Instant, seconds: f64, reason: String) {
        self.event(ClientEvent::Ended { seconds, reason: reason.clone() });
        self.generating = false;
        if FINAL_REASONS.contains(&reason.as_str()) {
            let text = format!("the service ended the session after {seconds} s: {reason}");
            let error = match self.parting_within(now, ENDING) {
                Some(parting) if !parting.retryable => parting,
                _ => Error::new(ErrorCode::SessionEnded, text)
                    .hint("settle that with the service, then open a new session"),
            };
            return self.lost(now, error.retryable(false));
        }
        if self.state == ConnectionState::Generating {
            let why = format!("the service ended the generation: {reason}");
            self.become_state(now, ConnectionState::Connected, Some(why));
        }
    }

    /// Before media flows an error ends the attempt; afterwards it fails what waits, and no more.
    fn service_failed(&mut self, now: Instant, error: Error) {
        if matches!(self.phase, Phase::Live { .. }) {
            self.event(ClientEvent::Error(error.clone()));
            if error.code == ErrorCode::ModelFailed {
                // One frame is lost; neither the session nor an update is.
                return;
            }
            for call in self.updates.abandon(now) {
                self.answer(call, Err(error.clone()));
            }
            self.parting = Some((now, error));
            return;
        }
        let refused = matches!(error.code, ErrorCode::InvalidApiKey | ErrorCode::AtCapacity);
        let step = if refused { Step::Authorisation } else { self.step() };
        self.part(now, Failure { step, error });
    }
}
