//! The tokio runtime of the process.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorCode, Result};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static VIEWERS: OnceLock<Runtime> = OnceLock::new();

/// Two workers carry several sessions: codecs and models have threads of their own.
const WORKERS: usize = 2;
/// For what may wait: name lookups, decoding images, completing futures of Python. They are started
/// when needed and end when idle.
const MAX_WAITING: usize = 64;
/// One carries some 80 viewers of 720p.
const MAX_VIEWER_WORKERS: usize = 4;

/// The process that started the runtime.
static OWNER: OnceLock<u32> = OnceLock::new();

/// The runtime that all sessions of this process share, started with the first use.
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            OWNER.get_or_init(std::process::id);
            Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .max_blocking_threads(MAX_WAITING)
                .thread_name("parhelion-net")
                .enable_all()
                .build()
                .expect("the operating system grants two threads and an event queue")
        })
        .handle()
}

/// The runtime that carries the viewers of rooms. It is another one, so that a picture for a
/// publisher never waits behind those for fifty viewers: between threads the system is fair.
pub fn viewers() -> &'static Handle {
    VIEWERS
        .get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            Builder::new_multi_thread()
                .worker_threads((cores / 2).clamp(1, MAX_VIEWER_WORKERS))
                .max_blocking_threads(1)
                .thread_name("parhelion-view")
                .enable_all()
                .build()
                .expect("the operating system grants a thread and an event queue")
        })
        .handle()
}

/// Whether the runtime is alive here: a forked child inherits it without its threads.
pub fn check_process() -> Result<()> {
    match OWNER.get() {
        Some(owner) if *owner != std::process::id() => Err(Error::new(
            ErrorCode::InvalidState,
            "this process was forked from one that uses parhelion, and has none of its threads",
        )
        .hint("start processes with the method spawn or forkserver")),
        _ => Ok(()),
    }
}
