//! Errors across the border. The exception classes are Python's; this looks them up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error::Error;

static MAKE_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception object for an error, of the class that fits its code.
pub(super) fn to_object<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let make = MAKE_ERROR.get_or_try_init(py, || {
        py.import("parhelion.errors")?.getattr("make_error").map(Bound::unbind)
    })?;
    make.bind(py).call1((
        error.code.as_str(),
        &error.message,
        error.operation.as_deref(),
        error.retryable,
        error.hint.as_deref(),
    ))
}

pub(super) fn to_exception(py: Python<'_>, error: &Error) -> PyErr {
    match to_object(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(problem) => problem,
    }
}
