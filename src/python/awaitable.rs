//! Futures of ours as awaitables of asyncio.
//!
//! Done by pyo3-async-runtimes, on our runtime and through our gate.

use std::pin::Pin;

use pyo3::IntoPyObjectExt;
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

/// Becomes a value or an exception only where the interpreter is at hand.
struct Outcome<T>(Result<T>);

impl<'py, T: IntoPyObject<'py>> IntoPyObject<'py> for Outcome<T> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        match self.0 {
            Ok(value) => value.into_bound_py_any(py),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}

/// An awaitable of None for the running loop. Cancelling it drops the future.
pub(super) fn awaitable<F>(py: Python<'_>, future: F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    // The unit would be an empty tuple.
    awaitable_value(py, async move { future.await.map(|()| None::<bool>) })
}

/// The same of a value.
pub(super) fn awaitable_value<F, T>(py: Python<'_>, future: F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    // In a forked child nobody would complete it.
    runtime::check_process().map_err(|error| to_exception(py, &error))?;
    generic::future_into_py::<OurRuntime, _, Outcome<T>>(
        py,
        async move { Ok(Outcome(future.await)) },
    )
}

/// An awaitable that has nothing to wait for.
pub(super) fn done(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("asyncio")?.call_method1("sleep", (0,))
}
