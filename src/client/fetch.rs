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

use super::addresses::{Allowed, Only, is_public, refused};
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
    let allowed: Allowed = if options.allow_private { |_| true } else { is_public };
    fetch_within(url, options, allowed, TIME_LIMIT).await
}

async fn fetch_within(
    url: &Url,
    options: &FetchOptions,
    allowed: Allowed,
    limit: Duration,
) -> Result<Vec<u8>> {
    let host = check(url)?;
    let fetched = tokio::time::timeout(limit, follow(url.clone(), options, allowed)).await;
    fetched.unwrap_or_else(|_| {
        let seconds = limit.as_secs_f64();
        Err(Error::invalid_input(format!("image: {host} did not deliver it within {seconds:.0} s"))
            .retryable(true))
    })
}

async fn follow(mut url: Url, options: &FetchOptions, allowed: Allowed) -> Result<Vec<u8>> {
    let (ca_file, agent) = (options.ca_file.clone(), options.user_agent.clone());
    let built = tokio::task::spawn_blocking(move || http::builder(ca_file.as_deref(), &agent));
    let builder = built.await.map_err(|error| Error::invalid_input(error.to_string()))??;
    let client = http::build(builder.dns_resolver(Only(allowed)))?;
    for _ in 0..=MAX_REDIRECTS {
        let host = check(&url)?;
        check_literal(&url, allowed)?;
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
fn check_literal(url: &Url, allowed: Allowed) -> Result<()> {
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if allowed(ip) { Ok(()) } else { Err(refused(&ip.to_string(), ip)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const NO_BODY: &str = "content-length: 0\r\nconnection: close\r\n\r\n";

    /// Answers each request by its path; returns the port on which it listens at every address.
    async fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let len = socket.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..len]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let _ = socket.write_all(answer(path).as_bytes()).await;
            }
        });
        port
    }

    fn redirect(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\n{NO_BODY}")
    }

    async fn get(url: &str, allowed: Allowed) -> Result<Vec<u8>> {
        let url = checked_url(url)?;
        fetch_within(&url, &FetchOptions::default(), allowed, Duration::from_secs(5)).await
    }

    /// The first address of this machine stands for the internet, all others for its network.
    const FIRST: Allowed = |ip| ip == IpAddr::from([127, 0, 0, 1]);
    const SECOND: Allowed = |ip| ip == IpAddr::from([127, 0, 0, 2]);

    #[tokio::test]
    async fn a_redirect_does_not_lead_where_a_url_may_not() {
        let port = serve(move |path| match path.split_once("?to=") {
            Some((_, to)) => redirect(to),
            None => "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfile".to_owned(),
        })
        .await;
        let open = format!("http://127.0.0.1:{port}/");
        assert_eq!(get(&format!("{open}?to=/file"), FIRST).await.unwrap(), b"file");
        assert_eq!(get(&format!("{open}?to={open}"), FIRST).await.unwrap(), b"file");
        for to in [
            format!("http://127.0.0.2:{port}/"),
            format!("//127.0.0.3:{port}/"),
            format!("http://2130706434:{port}/"),
            format!("http://0x7f.2:{port}/"),
            format!("http://[::1]:{port}/"),
            format!("http://[::ffff:127.0.0.2]:{port}/"),
            format!("http://0.0.0.0:{port}/"),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
        ] {
            let error = get(&format!("{open}?to={to}"), FIRST).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{to}: {error}");
            assert!(error.message.contains("public internet"), "{to}: {error}");
            assert!(error.hint.unwrap().contains("allow_private_image_urls"));
        }
        // A name counts as what it leads to.
        let error =
            get(&format!("http://127.0.0.2:{port}/?to=http://localhost:{port}/"), SECOND).await;
        let error = error.unwrap_err();
        assert!(error.message.contains("of localhost is not on it"), "{error}");
        assert_eq!(get(&format!("http://localhost:{port}/"), FIRST).await.unwrap(), b"file");
        for to in ["ftp://host/file", "file:///etc/passwd", "data:,file"] {
            let error = get(&format!("{open}?to={to}"), FIRST).await.unwrap_err();
            assert!(error.message.contains("http:// or https://"), "{to}: {error}");
        }
    }

    #[tokio::test]
    async fn redirects_end() {
        let port = serve(|path| redirect(&format!("{path}x"))).await;
        let error = get(&format!("http://127.0.0.1:{port}/"), FIRST).await.unwrap_err();
        assert!(error.message.contains("more than 5 times"), "{error}");
        let port = serve(|_| format!("HTTP/1.1 302 Found\r\n{NO_BODY}")).await;
        let error = get(&format!("http://127.0.0.1:{port}/"), FIRST).await.unwrap_err();
        assert!(error.message.contains("without saying where to"), "{error}");
    }

    #[tokio::test]
    async fn more_bytes_than_fit_are_not_read() {
        let stated = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", MAX_FILE_BYTES + 1);
        let port = serve(move |_| stated.clone()).await;
        let error = get(&format!("http://127.0.0.1:{port}/"), FIRST).await.unwrap_err();
        assert!(error.message.contains("more than 20971520 bytes"), "{error}");
        // One that does not say how much will come.
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MAX_FILE_BYTES + 1));
        let port = serve(move |_| endless.clone()).await;
        let error = get(&format!("http://127.0.0.1:{port}/"), FIRST).await.unwrap_err();
        assert!(error.message.contains("more than 20971520 bytes"), "{error}");
        assert!(!error.retryable);
    }

    #[tokio::test]
    async fn a_server_that_stalls_is_left() {
        // The contents that it promises never come.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").await.unwrap();
            socket.read(&mut [0; 9]).await
        });
        let url = checked_url(&format!("http://127.0.0.1:{port}/")).unwrap();
        let limit = Duration::from_millis(300);
        let error = fetch_within(&url, &FetchOptions::default(), FIRST, limit).await.unwrap_err();
        assert!(error.message.contains("127.0.0.1 did not deliver it within"), "{error}");
        assert!(error.retryable);
        assert!(matches!(held.await.unwrap(), Ok(0) | Err(_)), "the connection is closed");
    }

    #[tokio::test]
    async fn no_text_repeats_more_of_a_url_than_its_host() {
        let port = serve(|_| format!("HTTP/1.1 403 Forbidden\r\n{NO_BODY}")).await;
        let secret = "s3cr3t";
        for (host, retryable) in
            [(format!("127.0.0.1:{port}"), false), ("127.0.0.1:1".into(), true)]
        {
            let url = format!("http://user:{secret}@{host}/{secret}?key={secret}#{secret}");
            let error = get(&url, FIRST).await.unwrap_err();
            assert!(!format!("{error:?}").contains(secret), "{error}");
            assert!(error.message.contains("127.0.0.1"), "{error}");
            assert_eq!(error.retryable, retryable, "{error}");
        }
        for url in [format!("http:///{secret}:9:9"), format!("http://{secret}:99999/")] {
            let error = checked_url(&url).unwrap_err();
            assert!(!error.message.contains("99999"), "{error}");
        }
    }
}
