//! Futures of ours as awaitables of asyncio.
//!
//! Done by pyo3-async-runtimes, on our runtime and through our gate.

use std::pin::Pin;

use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic::{self, ContextExt, Runtime};
use tokio::task::{JoinError, JoinHandle};

use super::errors::to_exception;
use super::gate;
use crate::error::Result;
use crate::transport::runtime;

/// The runtime of this package, as pyo3-async-runtimes wants to see one.
struct OurRuntime;

impl Runtime for OurRuntime {
    type JoinError = JoinError;
    type JoinHandle = JoinHandle<()>;

    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F) -> JoinHandle<()> {
        runtime::handle().spawn(future)
    }

    /// What comes here completes a Python future: it goes through the gate.
    fn spawn_blocking<F: FnOnce() + Send + 'static>(work: F) -> JoinHandle<()> {
        runtime::handle().spawn_blocking(|| gate::pass(work))
    }
}

impl ContextExt for OurRuntime {
    /// Our futures never call back into Python, so they have no use for its loop.
    fn scope<F, R>(_locals: TaskLocals, future: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(future)
    }

    fn get_task_locals() -> Option<TaskLocals> {
        None
    }
}

/// Becomes None or an exception only where the interpreter is at hand.
struct Outcome(Result<()>);

impl<'py> IntoPyObject<'py> for Outcome {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        match self.0 {
            Ok(()) => Ok(py.None().into_bound(py)),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}

/// An awaitable for the running loop. Cancelling it drops the future.
pub(super) fn awaitable<F>(py: Python<'_>, future: F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    generic::future_into_py::<OurRuntime, _, Outcome>(py, async move { Ok(Outcome(future.await)) })
}

/// An awaitable that has nothing to wait for.
pub(super) fn done(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("asyncio")?.call_method1("sleep", (0,))
}
