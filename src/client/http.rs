//! HTTP: one way to make a client for it, which trusts what the control socket trusts.

use std::path::Path;

use crate::error::{Error, ErrorCode, Result};
use crate::transport::tls;

/// A client that follows no proxy of the environment, keeps no connection open, and leaves
/// redirects to whoever builds it. Reads the system's certificates: not for a task of the runtime.
pub(super) fn builder(ca_file: Option<&Path>, user_agent: &str) -> Result<reqwest::ClientBuilder> {
    let tls = tls::client_config(ca_file)?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .pool_max_idle_per_host(0))
}

/// The client that a builder makes.
pub(super) fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client> {
    builder.build().map_err(|error| {
        Error::new(ErrorCode::Internal, format!("the HTTP client cannot be made: {}", root(&error)))
    })
}

/// What is at the bottom of an error. The upper layers repeat the URL, which may hold secrets.
pub(super) fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, error) {
        "the request failed".to_owned()
    } else {
        cause.to_string()
    }
}
