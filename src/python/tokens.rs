//! Tokens for clients, asked for by the package's Python side.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;

use super::awaitable::awaitable_value;
use super::errors::to_exception;
use crate::client::{TokenOptions, create_token as create};
use crate::error::{Error, ErrorCode};
use crate::protocol::Secret;
use crate::transport::runtime;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct TokenArguments {
    base_url: String,
    api_key: String,
    body: String,
    timeout: f64,
    ca_file: Option<PathBuf>,
    user_agent: String,
}

/// Asks a service for a token. Awaitable of its answer, (status, body).
#[pyfunction]
pub(super) fn create_token(py: Python<'_>, options: TokenArguments) -> PyResult<Bound<'_, PyAny>> {
    runtime::check_process().map_err(|error| to_exception(py, &error.during("tokens.create")))?;
    awaitable_value(py, async move {
        let during = |error: Error| error.during("tokens.create");
        let timeout = Duration::try_from_secs_f64(options.timeout).map_err(|_| {
            during(Error::new(ErrorCode::InvalidOptions, "timeout: expected seconds above 0"))
        })?;
        let answer = create(TokenOptions {
            base_url: options.base_url,
            api_key: Secret::from(options.api_key),
            body: options.body,
            timeout,
            ca_file: options.ca_file,
            user_agent: options.user_agent,
        });
        answer.await.map(|answer| (answer.status, answer.body)).map_err(during)
    })
}
