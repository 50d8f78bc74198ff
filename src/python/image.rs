//! Reference images from Python: what they are made from, and what is sent.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::array::with_view;
use super::awaitable::awaitable_value;
use super::errors::to_exception;
use crate::client::{self, FetchOptions};
use crate::error::Error;
use crate::protocol::EncodedImage;

/// An image that was checked as far as it can be without waiting.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct ImageSource(Arc<client::ImageSource>);

/// An image that is ready to be sent.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct Image(pub(super) EncodedImage);

/// Who fetches images, and from where.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct FetchArguments {
    ca_file: Option<PathBuf>,
    user_agent: String,
    allow_private: bool,
}

impl From<FetchArguments> for FetchOptions {
    fn from(arguments: FetchArguments) -> Self {
        let FetchArguments { ca_file, user_agent, allow_private } = arguments;
        Self { ca_file, user_agent, allow_private }
    }
}

#[pymethods]
impl ImageSource {
    /// From the contents of a file. Looks at them and raises what is wrong.
    #[staticmethod]
    fn file(py: Python<'_>, contents: PyBackedBytes, operation: String) -> PyResult<Self> {
        Self::made(py, operation, py.detach(|| client::ImageSource::file(contents.to_vec())))
    }

    /// From such contents in base64.
    #[staticmethod]
    fn base64(py: Python<'_>, text: &str, operation: String) -> PyResult<Self> {
        Self::made(py, operation, py.detach(|| client::ImageSource::base64(text)))
    }

    /// From an http or https URL. It is asked for when the image is loaded.
    #[staticmethod]
    fn url(py: Python<'_>, text: &str, operation: String) -> PyResult<Self> {
        Self::made(py, operation, client::ImageSource::url(text))
    }

    /// From the pixels of an array, which are copied.
    #[staticmethod]
    fn pixels(
        array: &Bound<'_, PyUntypedArray>,
        format: &str,
        operation: String,
    ) -> PyResult<Self> {
        let made = format.parse().and_then(|format| {
            with_view(array, format, |view| Ok(client::ImageSource::pixels(view)))
        });
        let made = made.map_err(|mut error: Error| {
            error.message.insert_str(0, "image: ");
            error
        });
        Self::made(array.py(), operation, made)
    }

    /// Fetches or encodes what is to be sent. Awaitable.
    fn load<'py>(
        &self,
        py: Python<'py>,
        fetch: FetchArguments,
        operation: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let source = Arc::clone(&self.0);
        let fetch = FetchOptions::from(fetch);
        awaitable_value(py, async move {
            source.load(&fetch).await.map(Image).map_err(|error| error.during(operation))
        })
    }
}

impl ImageSource {
    fn made(
        py: Python<'_>,
        operation: String,
        made: crate::error::Result<client::ImageSource>,
    ) -> PyResult<Self> {
        made.map(|source| Self(Arc::new(source)))
            .map_err(|error: Error| to_exception(py, &error.during(operation)))
    }
}

#[pymethods]
impl Image {
    /// Length of what is sent, in bytes of base64.
    fn __len__(&self) -> usize {
        self.0.len()
    }
}
