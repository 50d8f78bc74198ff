//! The tokio runtime of the process.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Two workers carry several sessions: codecs and models have threads of their own.
const WORKERS: usize = 2;

/// The runtime that all sessions of this process share, started with the first use.
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .max_blocking_threads(4)
                .thread_name("parhelion-net")
                .enable_all()
                .build()
                .expect("the operating system grants two threads and an event queue")
        })
        .handle()
}
