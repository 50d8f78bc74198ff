//! Fetches images from URLs that somebody else may have chosen.
//!
//! A URL is a way into the network of whoever fetches it. So private addresses are refused, for
//! names and for literals and after every redirect; what comes is bounded in bytes and in time, and
//! is looked at before it goes anywhere. No text here repeats a URL beyond its host: its path and
//! its query are often keys.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, LOCATION};
use url::{Host, Url};

use super::addresses::{PublicOnly, is_public, refused};
use super::http;
use crate::error::{Error, Result};
use crate::media::still::MAX_FILE_BYTES;

/// For all of it: names, redirects, contents.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;

/// How images are fetched.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// More certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    pub user_agent: String,
    /// Whether addresses of this machine and its network may be asked too.
    pub allow_private: bool,
}

/// An `http` or `https` URL with a host.
pub(super) fn checked_url(text: &str) -> Result<Url> {
    let expected = "image: expected an http:// or https:// URL with a host";
    let url = Url::parse(text.trim()).map_err(|error| {
        Error::invalid_input(format!("{expected}, got one that is not: {error}"))
    })?;
    check(&url).map(|_| ())?;
    Ok(url)
}

/// The host of a URL that may be fetched as far as its text can tell.
fn check(url: &Url) -> Result<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::invalid_input(format!(
            "image: expected an http:// or https:// URL, got one that starts with {}:",
            url.scheme()
        )));
    }
    url.host_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| Error::invalid_input("image: expected a URL with a host, got one without"))
}

/// The contents behind a URL.
pub(super) async fn fetch(url: &Url, options: &FetchOptions) -> Result<Vec<u8>> {
    let host = check(url)?;
    let fetched = tokio::time::timeout(TIME_LIMIT, follow(url.clone(), options)).await;
    fetched.unwrap_or_else(|_| {
        Err(Error::invalid_input(format!(
            "image: {host} did not deliver it within {} s",
            TIME_LIMIT.as_secs()
        ))
        .retryable(true))
    })
}

async fn follow(mut url: Url, options: &FetchOptions) -> Result<Vec<u8>> {
    let (ca_file, agent) = (options.ca_file.clone(), options.user_agent.clone());
    let built = tokio::task::spawn_blocking(move || http::builder(ca_file.as_deref(), &agent));
    let mut builder = built.await.map_err(|error| Error::invalid_input(error.to_string()))??;
    if !options.allow_private {
        builder = builder.dns_resolver(PublicOnly);
    }
    let client = http::build(builder)?;
    for _ in 0..=MAX_REDIRECTS {
        let host = check(&url)?;
        if !options.allow_private {
            check_literal(&url, &host)?;
        }
        let request = client.get(url.clone()).header(ACCEPT, "image/png, image/jpeg, image/webp");
        let response = request.send().await.map_err(|error| failed(&error, &host))?;
        if !response.status().is_redirection() {
            return contents(response, &host).await;
        }
        let next = response.headers().get(LOCATION).and_then(|next| next.to_str().ok());
        let next = next.and_then(|next| url.join(next).ok()).ok_or_else(|| {
            Error::invalid_input(format!("image: {host} redirects without saying where to"))
        })?;
        if url.scheme() == "https" && next.scheme() == "http" {
            return Err(Error::invalid_input(format!(
                "image: {host} redirects from https to http, where others can read along"
            )));
        }
        url = next;
    }
    Err(Error::invalid_input(format!("image: the URL redirects more than {MAX_REDIRECTS} times")))
}

/// A resolver never sees an address that stands in the URL itself.
fn check_literal(url: &Url, host: &str) -> Result<()> {
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(ip) { Ok(()) } else { Err(refused(host.trim_matches(['[', ']']), ip)) }
}

async fn contents(mut response: reqwest::Response, host: &str) -> Result<Vec<u8>> {
    let status = response.status();
    if status != StatusCode::OK {
        let later = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        return Err(Error::invalid_input(format!("image: {host} answers with HTTP {status}"))
            .retryable(later));
    }
    let too_large = || {
        Error::invalid_input(format!("image: {host} sends more than {MAX_FILE_BYTES} bytes"))
            .hint("make the image smaller")
    };
    let stated = response.content_length().unwrap_or(0);
    if stated > MAX_FILE_BYTES as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(stated as usize);
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error, host))? {
        if bytes.len() + chunk.len() > MAX_FILE_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Our own refusals come back from within the connection; the rest is the network's.
fn failed(error: &reqwest::Error, host: &str) -> Error {
    let mut cause: &dyn std::error::Error = error;
    loop {
        if let Some(ours) = cause.downcast_ref::<Error>() {
            return ours.clone();
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    let error = http::root(error);
    Error::invalid_input(format!("image: it cannot be fetched from {host}: {error}"))
        .retryable(true)
}
