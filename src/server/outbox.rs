//! Messages of a session that are held back on purpose. Those of one kind keep their order.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::time::sleep_until;

use super::faults::{Fate, Faults, MessageKind};
use crate::protocol::ServerMessage;

struct Held {
    kind: MessageKind,
    /// None: until the switch is off.
    due: Option<Instant>,
    switch: u64,
    message: ServerMessage,
}

#[derive(Default)]
pub(super) struct Outbox(VecDeque<Held>);

impl Outbox {
    /// What of a message goes out now: nothing, once, or twice.
    pub(super) fn pass(
        &mut self,
        message: ServerMessage,
        faults: &Faults,
        session: &str,
    ) -> Vec<ServerMessage> {
        let Some(kind) = MessageKind::of(&message) else { return vec![message] };
        let (switch, fate) = match faults.fate(kind, session) {
            Some((switch, fate)) => (switch, Some(fate)),
            None => (0, None),
        };
        let due = match fate {
            Some(Fate::Drop) => return Vec::new(),
            Some(Fate::Duplicate) => return vec![message.clone(), message],
            Some(Fate::Hold) => None,
            Some(Fate::Delay(time)) => Some(Instant::now() + time),
            None if self.0.iter().any(|held| held.kind == kind) => Some(Instant::now()),
            None => return vec![message],
        };
        self.0.push_back(Held { kind, due, switch, message });
        Vec::new()
    }

    /// Waits for the next message whose time has come. May be dropped while it waits.
    pub(super) async fn next(&mut self, faults: &Faults) -> ServerMessage {
        let mut news = faults.news();
        loop {
            news.mark_unchanged();
            let now = Instant::now();
            let mut seen = Vec::new();
            let mut wake = None;
            let mut ready = None;
            for (place, held) in self.0.iter().enumerate() {
                if seen.contains(&held.kind) {
                    continue; // one of its kind goes first
                }
                seen.push(held.kind);
                if !faults.is_on(held.switch) || held.due.is_some_and(|due| due <= now) {
                    ready = Some(place);
                    break;
                }
                wake = wake.into_iter().chain(held.due).min();
            }
            if let Some(held) = ready.and_then(|place| self.0.remove(place)) {
                return held.message;
            }
            let due = async {
                match wake {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                _ = news.changed() => {}
            }
        }
    }
}
