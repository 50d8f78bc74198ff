//! The sessions that run here, by name: whom to tell when one is to end, and who watches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};

use super::faults::Action;
use super::session::Input;
use crate::error::{Error, ErrorCode, Result};
use crate::transport::video::{VideoSender, lock};

pub(super) struct Rooms {
    rooms: Mutex<HashMap<String, Room>>,
    /// For each room.
    max_viewers: usize,
    viewers: Arc<AtomicUsize>,
}

/// A session and those who watch it.
struct Room {
    inputs: mpsc::Sender<Input>,
    sender: Arc<VideoSender>,
    model: String,
    viewers: Arc<AtomicUsize>,
    /// Goes with the room: that is how viewers learn of its end.
    open: watch::Sender<()>,
}

/// What a viewer gets of a room.
pub(super) struct Visit {
    pub(super) sender: Arc<VideoSender>,
    pub(super) room: watch::Receiver<()>,
    _seat: Seat,
}

/// Counted in the room and in the service until dropped.
struct Seat([Arc<AtomicUsize>; 2]);

impl Drop for Seat {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Rooms {
    pub(super) fn new(max_viewers: usize) -> Self {
        Self { rooms: Mutex::default(), max_viewers, viewers: Arc::default() }
    }

    pub(super) fn open(
        &self,
        session_id: &str,
        inputs: mpsc::Sender<Input>,
        sender: Arc<VideoSender>,
        model: &str,
    ) {
        let room = Room {
            inputs,
            sender,
            model: model.to_owned(),
            viewers: Arc::default(),
            open: watch::Sender::new(()),
        };
        lock(&self.rooms).insert(session_id.to_owned(), room);
    }

    pub(super) fn close(&self, session_id: &str) {
        lock(&self.rooms).remove(session_id);
    }

    /// Lets a viewer in whose token allows that model, as `may_see` says.
    pub(super) fn enter(
        &self,
        session_id: &str,
        may_see: impl FnOnce(&str) -> Result<()>,
    ) -> Result<Visit> {
        let rooms = lock(&self.rooms);
        let Some(room) = rooms.get(session_id) else {
            return Err(Error::new(
                ErrorCode::SessionEnded,
                "invalid session: it has ended, or never ran on this service",
            ));
        };
        may_see(&room.model)?;
        if room.viewers.load(Ordering::Acquire) >= self.max_viewers {
            let text = format!("the room is at its capacity of {} viewers", self.max_viewers);
            return Err(Error::new(ErrorCode::AtCapacity, text));
        }
        // Nobody else enters meanwhile: the rooms are locked.
        let seat = Seat([Arc::clone(&room.viewers), Arc::clone(&self.viewers)]);
        for count in &seat.0 {
            count.fetch_add(1, Ordering::AcqRel);
        }
        Ok(Visit { sender: Arc::clone(&room.sender), room: room.open.subscribe(), _seat: seat })
    }

    /// The sessions by name, sorted.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = lock(&self.rooms).keys().cloned().collect();
        ids.sort();
        ids
    }

    /// Does something to one session, or to all. Returns to which.
    pub(super) fn act(&self, session_id: Option<&str>, action: &Action) -> Vec<String> {
        let rooms = lock(&self.rooms);
        rooms
            .iter()
            .filter(|(id, _)| session_id.is_none_or(|one| one == *id))
            .filter(|(_, room)| room.inputs.try_send(Input::Act(action.clone())).is_ok())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Those of all rooms.
    pub(super) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Acquire)
    }

    /// Asks a session to end. False: there is none of that name.
    pub(super) fn end(&self, session_id: &str, reason: &str) -> bool {
        let rooms = lock(&self.rooms);
        let Some(room) = rooms.get(session_id) else { return false };
        room.inputs.try_send(Input::End { reason: reason.to_owned() }).is_ok()
    }
}
