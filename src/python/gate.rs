//! The way of our threads into the interpreter, which can be shut.
//!
//! CPython before 3.14 ends a thread that asks for the interpreter while it is being finalized, in
//! the middle of whatever the thread does; unwinding through Rust then crashes the process. So the
//! gate is shut, and those inside are waited for, before finalization begins.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

static SHUT: AtomicBool = AtomicBool::new(false);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// A model that does not return must not keep the process from ending.
const WAIT: Duration = Duration::from_secs(1);
const CHECK: Duration = Duration::from_millis(1);

struct Inside;

impl Inside {
    fn enter() -> Option<Self> {
        // In this order on both sides, so that one of them sees the other.
        INSIDE.fetch_add(1, Ordering::SeqCst);
        let inside = Self;
        (!SHUT.load(Ordering::SeqCst)).then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs `work` with the interpreter, or not at all if that is ending.
pub(super) fn attach<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> Option<R> {
    let _inside = Inside::enter()?;
    Python::try_attach(work)
}

/// Runs `work`, which will ask for the interpreter itself, or drops it if that is ending.
pub(super) fn pass(work: impl FnOnce()) {
    if let Some(_inside) = Inside::enter() {
        work();
    }
}

/// Shuts the gate and waits until nobody is inside. Called when the interpreter exits.
#[pyfunction]
pub(super) fn shut(py: Python<'_>) {
    SHUT.store(true, Ordering::SeqCst);
    py.detach(|| {
        let deadline = Instant::now() + WAIT;
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(CHECK);
        }
    });
}
