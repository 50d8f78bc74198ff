//! Sessions without I/O: both ends of the protocol as state machines.
//!
//! **The invariant.** A session changes only in `handle(now, input)`; afterwards the driver drains
//! `poll()` until it is empty, and arms one timer for `next_timeout()`. Time is always an argument
//! and never runs backwards. The driver owns the socket, the media link and the clock:
//!
//! 1. `handle` an input;
//! 2. carry out every output that `poll` gives, in order;
//! 3. sleep until an input arrives or `next_timeout` passes;
//! 4. in the second case `handle` the input `Timeout`; go to 2.
//!
//! A session knows a *media link* (negotiating, up, interrupted, lost) and hands signals to it
//! without reading them, so another way for media changes nothing here.

mod backoff;
mod classify;
pub mod client;
mod link;
pub mod server;
mod setting;
mod state;

use std::time::{Duration, Instant};

pub use backoff::{Backoff, RetryPolicy};
pub use classify::server_error;
pub use client::{
    Attempt, CallId, ClientConfig, ClientEvent, ClientInput, ClientOutput, ClientSession,
    Recoveries, StateChange, Timeouts,
};
pub use link::{LinkEvent, LocalSignal, RemoteSignal};
pub use server::{
    ServerConfig, ServerEvent, ServerInput, ServerLinkEvent, ServerOutput, ServerSession,
    VIEWER_ENDED, close_reason, rejection,
};
pub use setting::{Change, EncodedImage, Landmarks, Prompt, ReferenceImage, Setting, State};
pub use state::{ConnectionState, TRANSITIONS};

/// The largest session description that either side takes, in bytes.
pub const MAX_SDP_BYTES: usize = 256 * 1024;

/// `now + delay`, at most a year ahead, so that no setting can overflow the clock.
fn after(now: Instant, delay: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now.checked_add(delay.min(YEAR)).unwrap_or(now)
}

fn earliest(times: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    times.into_iter().flatten().min()
}
