//! What happens to frames that come faster than they are taken, in either direction.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorCode};
use crate::media::Window;
use crate::transport::video::lock;

/// For one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// One frame waits; a newer one takes its place.
    #[default]
    Latest,
    /// So many frames wait. On the way out another is refused; on the way in the oldest makes room.
    All(usize),
    /// On the way out so many frames are under way, there and back, and another has to wait. On the
    /// way in so many frames wait, and the decoder waits for the reader.
    Wait(usize),
}

/// For both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    pub send: Policy,
    pub receive: Policy,
}

impl Policy {
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Wait(_))
    }

    /// Frames that may wait on this side.
    pub(super) fn capacity(self) -> usize {
        match self {
            Self::Latest => 1,
            Self::All(limit) | Self::Wait(limit) => limit,
        }
    }
}

/// Who waits for room for another frame on its way out, and the window if there is one.
pub(super) struct Room {
    window: Option<Mutex<Window>>,
    /// Somebody was told that there is no room, and wants to hear of some.
    wanted: AtomicBool,
    turn: Mutex<()>,
    changed: Condvar,
    tell: Box<dyn Fn() + Send + Sync>,
}

impl Room {
    /// `tell` is called, from any thread, when there may be room again. It must not block.
    pub(super) fn new(flow: Flow, tell: impl Fn() + Send + Sync + 'static) -> Self {
        let until_taken = matches!(flow.receive, Policy::Wait(_));
        let window = match flow.send {
            Policy::Wait(limit) => Some(Mutex::new(Window::new(limit, until_taken))),
            Policy::Latest | Policy::All(_) => None,
        };
        Self {
            window,
            wanted: AtomicBool::new(false),
            turn: Mutex::default(),
            changed: Condvar::new(),
            tell: Box::new(tell),
        }
    }

    /// Changes the window, if there is one, and tells.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut Window, Instant) -> R) -> Option<R> {
        let window = self.window.as_ref()?;
        let result = change(&mut lock(window), Instant::now());
        self.news();
        Some(result)
    }

    /// Looks at the window, or counts a frame in it.
    pub(super) fn window(&self) -> Option<MutexGuard<'_, Window>> {
        self.window.as_ref().map(lock)
    }

    /// Tells who waits that there may be room.
    pub(super) fn news(&self) {
        if self.wanted.swap(false, Ordering::SeqCst) {
            // With the lock, so that nobody is between looking and waiting.
            drop(lock(&self.turn));
            self.changed.notify_all();
            (self.tell)();
        }
    }

    /// What `full` says; if it is something, the next news are told.
    pub(super) fn look(&self, full: impl Fn() -> Option<Duration>) -> Option<Duration> {
        full()?;
        // Before another look: what happens after it is news.
        self.wanted.store(true, Ordering::SeqCst);
        full()
    }

    /// Waits while `full` says so, for at most `limit`. Whether there is room.
    pub(super) fn wait(&self, limit: Duration, full: impl Fn() -> Option<Duration>) -> bool {
        let deadline = Instant::now() + limit;
        let mut turn = lock(&self.turn);
        loop {
            let Some(longest) = self.look(&full) else { return true };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            turn = self
                .changed
                .wait_timeout(turn, longest.min(left))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// The error of a frame for which there is no room.
pub(super) fn queue_full(flow: Flow, connected: bool) -> Error {
    let message = match (connected, flow.send) {
        (false, _) => "there is no connection at present, and no frame may be dropped".to_owned(),
        (true, Policy::Wait(limit)) => format!("{limit} frames are under way, as many as may be"),
        (true, _) => {
            format!("{} frames wait to be encoded, as many as may", flow.send.capacity())
        }
    };
    Error::new(ErrorCode::QueueFull, message)
        .hint("wait for room with `await drain()`, or connect with flow=\"latest\" to drop frames")
}
