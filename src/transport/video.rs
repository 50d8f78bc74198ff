//! What both pipelines between pictures and a peer have: in `video_send` encode and send, in
//! `video_receive` receive and decode.
//!
//! Each has one OS thread and one mailbox in front of it. The threads outlive a connection: a reconnect
//! exchanges the peer under them and starts over with a key frame.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::SharedPeer;
use crate::error::{Error, ErrorCode, Result};

pub use super::video_receive::{ReceiverStats, VideoReceiver};
pub use super::video_send::{Lost, OutgoingFrame, SenderQueue, SenderStats, VideoSender};

/// The peer that is in use now, if any.
#[derive(Default)]
pub struct CurrentPeer(Mutex<Option<SharedPeer>>);

impl CurrentPeer {
    pub fn set(&self, peer: Option<SharedPeer>) -> Option<SharedPeer> {
        std::mem::replace(&mut *lock(&self.0), peer)
    }

    pub fn get(&self) -> Option<SharedPeer> {
        lock(&self.0).clone()
    }
}

/// What both pipelines count.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) frames: AtomicU64,
    pub(super) key_frames: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) nanos: AtomicU64,
    pub(super) width: AtomicU32,
    pub(super) height: AtomicU32,
}

impl Counters {
    pub(super) fn time(&self, began: Instant) {
        self.nanos.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

/// The thread of a pipeline. It ends when the queue before it is closed.
pub(super) struct Work {
    thread: Mutex<Option<JoinHandle<()>>>,
    close: Box<dyn Fn() + Send + Sync>,
}

impl Work {
    /// `close` closes that queue.
    pub(super) fn start(
        name: &str,
        run: impl FnOnce() + Send + 'static,
        close: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self> {
        let thread = Mutex::new(Some(spawn(name, run)?));
        Ok(Self { thread, close: Box::new(close) })
    }

    /// Ends the thread; the handle lets a caller wait for it.
    pub(super) fn stop(&self) -> Option<JoinHandle<()>> {
        (self.close)();
        lock(&self.thread).take()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        (self.close)();
    }
}

/// Starts a named OS thread.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        Error::new(ErrorCode::Internal, format!("the thread {name} could not be started: {error}"))
    })
}

/// A panic on another thread leaves counters and spare buffers, nothing that can be half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
