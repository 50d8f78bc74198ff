//! Asks a service for a token that a browser, say, may have instead of the key.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::http;
use crate::error::{Error, ErrorCode, Result};
use crate::protocol::Secret;

const PATH: &str = "/v1/client/tokens";
/// A token and what is said about it.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub struct TokenOptions {
    /// `http://` or `https://`; `ws://` and `wss://` mean the same.
    pub base_url: String,
    pub api_key: Secret,
    /// What is asked for, JSON.
    pub body: String,
    pub timeout: Duration,
    /// More certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    pub user_agent: String,
}

/// What a service answers, whatever it is.
#[derive(Debug)]
pub struct TokenAnswer {
    pub status: u16,
    pub body: String,
}

/// Asks for a token. Fails if there is no answer, or none that could be one.
pub async fn create_token(options: TokenOptions) -> Result<TokenAnswer> {
    let url = url(&options.base_url)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let TokenOptions { api_key, body, timeout, ca_file, user_agent, .. } = options;
    // Reads the system's certificates.
    let client = tokio::task::spawn_blocking(move || {
        http::builder(ca_file.as_deref(), &user_agent)
            .and_then(|builder| http::build(builder.timeout(timeout)))
    });
    let client = client.await.map_err(|error| {
        Error::new(ErrorCode::Internal, format!("the HTTP client cannot be made: {error}"))
    })??;
    let mut key = reqwest::header::HeaderValue::from_str(api_key.reveal()).map_err(|_| {
        Error::new(ErrorCode::InvalidApiKey, "the key has characters that no header can carry")
    })?;
    key.set_sensitive(true);
    let sent = client
        .post(url)
        .header("X-API-KEY", key)
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await;
    let failed = |error: &reqwest::Error| {
        let what = if error.is_timeout() {
            format!("did not answer within {:.1} s", timeout.as_secs_f64())
        } else {
            format!("could not be asked: {}", http::root(error))
        };
        failure(format!("{host} {what}")).retryable(true)
    };
    let mut answer = sent.map_err(|error| failed(&error))?;
    let status = answer.status().as_u16();
    let mut content = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| failed(&error))? {
        content.extend_from_slice(&piece);
        if content.len() > MAX_ANSWER_BYTES {
            return Err(failure(format!(
                "{host} answered with more than {MAX_ANSWER_BYTES} bytes"
            )));
        }
    }
    Ok(TokenAnswer { status, body: String::from_utf8_lossy(&content).into_owned() })
}

fn failure(message: String) -> Error {
    Error::new(ErrorCode::TokenCreate, message)
}

fn url(base: &str) -> Result<Url> {
    let invalid = |what: &str| {
        let base = crate::protocol::redact_url(base);
        Error::new(ErrorCode::InvalidBaseUrl, format!("invalid base URL {base:?}: {what}"))
            .hint("expected something like https://host or http://127.0.0.1:8000")
    };
    let mut url = Url::parse(base.trim()).map_err(|error| invalid(&error.to_string()))?;
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        other => {
            return Err(invalid(&format!(
                "expected the scheme https, http, wss or ws, got {other:?}"
            )));
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("user and password are not supported; pass the key separately"));
    }
    url.set_scheme(scheme).map_err(|()| invalid("the scheme cannot be changed"))?;
    url.set_path(&format!("{}{PATH}", url.path().trim_end_matches('/')));
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_the_socket_is_one_for_http() {
        for (base, expected) in [
            ("ws://127.0.0.1:9", "http://127.0.0.1:9/v1/client/tokens"),
            ("wss://h/prefix/", "https://h/prefix/v1/client/tokens"),
            ("https://h?tenant=1#x", "https://h/v1/client/tokens?tenant=1"),
        ] {
            assert_eq!(url(base).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn bases_that_cannot_work_are_explained() {
        for (base, why) in
            [("ftp://h", "got \"ftp\""), ("", "relative URL"), ("ws://u:pw@h", "key")]
        {
            let error = url(base).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidBaseUrl);
            assert!(error.message.contains(why) && !error.message.contains("pw@"), "{error}");
        }
    }
}
