//! Real-time video transformation over WebRTC, as a client, as a service, and as a Python module.
//!
//! ```text
//! python/parhelion -> src/python -> src/client ──┐
//!                                └> src/server ──┴> src/transport -> src/session -> src/protocol
//!                                       │                │
//!                                   src/models ──────> src/media        (catalog, error: seen by all)
//! ```
//!
//! Arrows point one way. `protocol`, `session` and `media` are free of I/O, clocks and Python.
//!
//! **The invariant.** A session changes only in `handle(now, input)`; afterwards its driver drains
//! `poll()` until it is idle. Time is always an argument. All I/O belongs to the driver. So two
//! sessions can be run against each other in virtual time, with loss, delay and reordering, in
//! milliseconds.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod catalog;
pub mod client;
pub mod error;
pub mod media;
pub mod models;
pub mod protocol;
pub mod server;
pub mod session;
pub mod transport;

#[cfg(feature = "python")]
mod python;
