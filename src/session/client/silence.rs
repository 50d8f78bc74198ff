//! A link on which nothing arrives any more, though nobody has ended it.
//!
//! Most silences end by themselves, so a short one is waited out. Then another path is looked for
//! over the control socket that is still there (an ICE restart, RFC 8445 section 9): session, state
//! and encryption stay as they are. Only if that leads nowhere is the session given up for a new one.

use std::time::Instant;

use super::{ClientEvent, ClientOutput, ClientSession, Phase};
use crate::error::{Error, ErrorCode};
use crate::session::{ConnectionState, after};

/// Restarts of one link before a new session is tried.
const MAX_RESTARTS: u32 = 2;

/// What is done about a silence, and for how long.
#[derive(Debug)]
pub(super) enum Silence {
    Grace { until: Instant },
    Restart { tries: u32, began: Instant, deadline: Instant },
}

impl Silence {
    pub fn deadline(&self) -> Instant {
        match self {
            Self::Grace { until } => *until,
            Self::Restart { deadline, .. } => *deadline,
        }
    }
}

impl ClientSession {
    pub(super) fn interrupted(&mut self, now: Instant) {
        self.link.up = false;
        if matches!(self.phase, Phase::Live { .. }) && self.link.silence.is_none() {
            let until = after(now, self.config.timeouts.link_grace);
            self.link.silence = Some(Silence::Grace { until });
            self.outage = Some(now);
        }
    }

    /// The link speaks again after a silence.
    pub(super) fn heard_again(&mut self, now: Instant) {
        match self.link.silence {
            None => {}
            Some(Silence::Grace { .. }) => {
                self.link.silence = None;
                self.outage = None;
            }
            // Before the answer it is the old path that speaks, which our end has left.
            Some(Silence::Restart { .. }) if !self.link.answered => self.link.up = false,
            Some(Silence::Restart { tries, began, .. }) => {
                self.link.silence = None;
                self.recoveries.ice_restarts += 1;
                self.report_restart(now, tries, began, None);
                let why = format!("ICE restart {tries} found a path");
                self.become_state(now, ConnectionState::Connected, Some(why));
                self.show_generating(now);
            }
        }
    }

    /// The answer to a restart is there: the path has its own time.
    pub(super) fn restart_answered(&mut self, now: Instant) {
        if let Some(Silence::Restart { deadline, .. }) = &mut self.link.silence {
            *deadline = after(now, self.config.timeouts.restart_link);
        }
    }

    /// The time for what was done about a silence is over.
    pub(super) fn still_silent(&mut self, now: Instant) {
        match self.link.silence {
            None => {}
            Some(Silence::Grace { .. }) => self.restart_link(now, 1),
            Some(Silence::Restart { tries, began, .. }) => {
                let why = if self.link.answered {
                    let seconds = self.config.timeouts.restart_link.as_secs_f64();
                    format!("no network path for media was found within {seconds:.1} s")
                } else {
                    let seconds = self.config.timeouts.restart_answer.as_secs_f64();
                    format!("the service did not answer the ICE restart within {seconds:.1} s")
                };
                self.report_restart(now, tries, began, Some(why.clone()));
                // A service that answers is there, so it is the path alone that is missing.
                if self.link.answered && tries < MAX_RESTARTS {
                    return self.restart_link(now, tries + 1);
                }
                let text = format!("the media link fell silent, and {why}");
                self.lost(now, Error::new(ErrorCode::Ice, text));
            }
        }
    }

    /// The link itself says that a restart leads nowhere. A new session may do better.
    pub(super) fn restart_failed(&mut self, now: Instant, why: &str) -> bool {
        let Some(Silence::Restart { tries, began, .. }) = self.link.silence else { return false };
        self.report_restart(now, tries, began, Some(why.to_owned()));
        let text = format!("the media link fell silent, and its ICE restart failed: {why}");
        self.lost(now, Error::new(ErrorCode::Ice, text));
        true
    }

    fn restart_link(&mut self, now: Instant, tries: u32) {
        let deadline = after(now, self.config.timeouts.restart_answer);
        self.link.silence = Some(Silence::Restart { tries, began: now, deadline });
        // Candidates wait for the new offer, and for its answer.
        self.link.offered = false;
        self.link.answered = false;
        self.link.local.clear();
        self.link.remote.clear();
        let seconds = self.outage.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let why =
            format!("nothing arrives; no end of it after {seconds:.1} s, so ICE is restarted");
        self.become_state(now, ConnectionState::Reconnecting, Some(why));
        self.outputs.push_back(ClientOutput::RestartLink { attempt: self.attempt });
    }

    fn report_restart(&mut self, now: Instant, tries: u32, began: Instant, error: Option<String>) {
        let duration = now.saturating_duration_since(began);
        self.event(ClientEvent::Restart { attempt: tries, duration, error });
    }
}
