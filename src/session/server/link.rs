//! The media link of a server session.

use std::mem;
use std::time::Instant;

use super::{Phase, ServerEvent, ServerLinkEvent, ServerOutput, ServerSession};
use crate::error::{Error, ErrorCode};
use crate::protocol::{IceCandidate, Sdp, ServerMessage};
use crate::session::{MAX_SDP_BYTES, after};

/// Candidates that may wait for the offer.
const MAX_CANDIDATES: usize = 64;

#[derive(Debug)]
pub(super) enum Link {
    None,
    /// An offer was taken; media cannot flow yet.
    Negotiating {
        answered: bool,
        deadline: Instant,
    },
    Up,
    Interrupted {
        deadline: Instant,
    },
}

impl Link {
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::None | Self::Up => None,
            Self::Negotiating { deadline, .. } | Self::Interrupted { deadline } => Some(*deadline),
        }
    }
}

impl ServerSession {
    /// The first offer makes the link. A later one restarts it if it comes from the same peer, which
    /// the driver can tell, and replaces it otherwise.
    pub(super) fn offered(&mut self, now: Instant, sdp: Sdp) {
        if sdp.len() > MAX_SDP_BYTES {
            let text =
                format!("expected an offer of at most {MAX_SDP_BYTES} bytes, got {}", sdp.len());
            return self.fail(now, &Error::new(ErrorCode::Signaling, text), 1009);
        }
        if self.phase == Phase::Queued {
            // The newest is the one to answer; candidates of the one before are of no use to it.
            if self.waiting_offer.replace(sdp).is_some() {
                self.candidates.clear();
            }
            return;
        }
        self.pause(now);
        self.offer_deadline = None;
        let deadline = after(now, self.config.link_timeout);
        self.link = Link::Negotiating { answered: false, deadline };
        self.outputs.push_back(ServerOutput::OpenLink { offer: sdp.into_string() });
        for candidate in mem::take(&mut self.candidates) {
            self.outputs.push_back(ServerOutput::Candidate(candidate));
        }
    }

    pub(super) fn candidate(&mut self, candidate: Option<IceCandidate>) {
        if candidate.as_ref().is_some_and(|candidate| !candidate.fits()) {
            return;
        }
        if self.link.is_open() {
            self.outputs.push_back(ServerOutput::Candidate(candidate));
        } else if self.candidates.len() < MAX_CANDIDATES {
            self.candidates.push(candidate);
        }
    }

    pub(super) fn link_event(&mut self, now: Instant, event: ServerLinkEvent) {
        match (&mut self.link, event) {
            (Link::None, _) => {}
            (Link::Negotiating { answered, .. }, ServerLinkEvent::Answered(sdp)) => {
                if !mem::replace(answered, true) {
                    self.send(ServerMessage::Answer { sdp: sdp.into() });
                }
            }
            (Link::Negotiating { .. }, ServerLinkEvent::Up) => {
                self.link = Link::Up;
                self.resume(now);
                if !self.config.viewer {
                    self.send(ServerMessage::GenerationStarted);
                }
                self.outputs.push_back(ServerOutput::Event(ServerEvent::Started));
            }
            (Link::Interrupted { .. }, ServerLinkEvent::Up) => {
                self.link = Link::Up;
                self.resume(now);
                self.outputs.push_back(ServerOutput::Event(ServerEvent::Resumed));
            }
            (Link::Up, ServerLinkEvent::Interrupted) => {
                self.pause(now);
                self.link = Link::Interrupted { deadline: after(now, self.config.link_grace) };
                self.outputs.push_back(ServerOutput::Event(ServerEvent::Interrupted));
            }
            (_, ServerLinkEvent::Failed(error)) => {
                let code = if error.retryable { 1011 } else { 1008 };
                self.fail(now, &error, code);
            }
            (_, ServerLinkEvent::Lost(_)) => self.end(now, "disconnect", 1001),
            (
                _,
                ServerLinkEvent::Answered(_) | ServerLinkEvent::Up | ServerLinkEvent::Interrupted,
            ) => {}
        }
    }

    pub(super) fn link_overdue(&mut self, now: Instant) {
        if let Link::Interrupted { .. } = self.link {
            return self.end(now, "disconnect", 1001);
        }
        let seconds = self.config.link_timeout.as_secs_f64();
        let text = format!("no network path to the client was found within {seconds:.0} s");
        self.fail(now, &Error::new(ErrorCode::Ice, text), 1011);
    }

    fn resume(&mut self, now: Instant) {
        self.generating_since = Some(now);
        self.next_tick = self.tick_after(now);
    }

    /// Time without media is not counted.
    pub(super) fn pause(&mut self, now: Instant) {
        self.generated = self.generated(now);
        self.generating_since = None;
        self.next_tick = None;
    }
}
