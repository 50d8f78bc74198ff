//! Addresses of the control socket.

use url::Url;

use super::{Secret, SubscribeToken, redact_url};
use crate::error::{Error, ErrorCode, Result};

/// The most that an error repeats of a base, in characters.
const MAX_SHOWN: usize = 80;

/// The address of a stream: `<base><path>?api_key=…&model=…[&resolution=…]&user_agent=…`.
///
/// `http` and `https` bases become `ws` and `wss`. Every value is percent-encoded down to the
/// unreserved characters of RFC 3986, so that it survives form decoding and plain decoding alike.
pub fn stream_url(
    base: &str,
    path: &str,
    api_key: &Secret,
    model: &str,
    resolution: Option<&str>,
    user_agent: &str,
) -> Result<Url> {
    let mut pairs = vec![("api_key", api_key.reveal()), ("model", model)];
    pairs.extend(resolution.map(|resolution| ("resolution", resolution)));
    pairs.push(("user_agent", user_agent));
    socket_url(base, path, &pairs)
}

/// The address at which a viewer joins the session that `token` names. A permission inside the token
/// is shown in place of the key.
pub fn subscribe_url(
    base: &str,
    token: &SubscribeToken,
    api_key: &Secret,
    user_agent: &str,
) -> Result<Url> {
    let port = token.server_port.to_string();
    let pairs = [
        ("IP", token.server_ip.as_str()),
        ("port", &port),
        ("api_key", token.viewer_token.as_ref().unwrap_or(api_key).reveal()),
        ("user_agent", user_agent),
    ];
    socket_url(base, &format!("/subscribe/{}", percent_encode(&token.session_id)), &pairs)
}

fn socket_url(base: &str, path: &str, pairs: &[(&str, &str)]) -> Result<Url> {
    let invalid = |what: &str| {
        Error::new(ErrorCode::InvalidBaseUrl, format!("invalid base URL {:?}: {what}", shown(base)))
            .hint("expected something like wss://host or http://127.0.0.1:8000")
    };
    let mut url = Url::parse(base.trim()).map_err(|error| invalid(&error.to_string()))?;
    let scheme = match url.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        other => {
            return Err(invalid(&format!(
                "expected the scheme ws, wss, http or https, got {:?}",
                other.chars().take(MAX_SHOWN).collect::<String>()
            )));
        }
    };
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("expected a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("user and password are not supported; pass the key separately"));
    }
    url.set_scheme(scheme).map_err(|()| invalid("the scheme cannot be changed"))?;
    url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/')));
    let given = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
    let query = given
        .into_iter()
        .chain(pairs.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))))
        .collect::<Vec<_>>()
        .join("&");
    url.set_query(Some(&query));
    url.set_fragment(None);
    Ok(url)
}

/// A base that is no URL may have a password anywhere before its last `@`.
fn shown(base: &str) -> String {
    let host =
        base.rsplit_once('@').map_or_else(|| base.to_owned(), |(_, host)| format!("***@{host}"));
    redact_url(&host.chars().take(MAX_SHOWN).collect::<String>())
}

fn percent_encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(base: &str, key: &str, model: &str) -> Result<Url> {
        stream_url(base, "/v1/stream", &Secret::new(key), model, None, "ua/1 x")
    }

    #[test]
    fn every_value_round_trips_through_both_kinds_of_decoding() {
        let hard = "a+b/c d&e=f%20#?é\"";
        let url = stream("ws://h:1", hard, hard).unwrap();
        let form: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(form, [hard, hard, "ua/1 x"]);
        assert!(!url.query().unwrap().contains('+'), "plain decoding keeps a plus sign");
    }

    #[test]
    fn order_and_spelling_of_the_query() {
        let url = stream_url(
            "https://h.example",
            "/v1/stream",
            &Secret::new("k"),
            "mirage_v2",
            Some("1080p"),
            "parhelion/0.1",
        )
        .unwrap();
        assert_eq!(
            url.as_str(),
            "wss://h.example/v1/stream?api_key=k&model=mirage_v2&resolution=1080p\
             &user_agent=parhelion%2F0.1"
        );
    }

    #[test]
    fn a_base_keeps_its_path_and_query() {
        let url = stream("http://h:80/prefix/?tenant=1#f", "k", "m").unwrap();
        assert!(url.as_str().starts_with("ws://h/prefix/v1/stream?tenant=1&api_key=k&model=m"));
    }

    #[test]
    fn a_viewer_is_routed_by_its_token() {
        let mut token = SubscribeToken {
            session_id: "s/1".into(),
            server_ip: "::1".into(),
            server_port: 7,
            viewer_token: None,
        };
        let url = subscribe_url("ws://h", &token, &Secret::new("k"), "ua").unwrap();
        assert_eq!(
            url.as_str(),
            "ws://h/subscribe/s%2F1?IP=%3A%3A1&port=7&api_key=k&user_agent=ua"
        );
        token.viewer_token = Some("vt".into());
        let url = subscribe_url("ws://h", &token, &Secret::new("k"), "ua").unwrap();
        assert!(
            url.as_str().contains("&api_key=vt&"),
            "the key is kept from whom it does not concern"
        );
    }

    #[test]
    fn bases_that_cannot_work_are_explained() {
        for (base, why) in [
            ("ftp://h", "scheme ws, wss, http or https, got \"ftp\""),
            ("nonsense", "relative URL without a base"),
            ("", "relative URL"),
            ("wss://user:pw@h", "pass the key separately"),
            ("user:pw@h/path", "got \"user\""),
            ("user pw@h", "\"***@h\""),
        ] {
            let error = stream(base, "k", "m").unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidBaseUrl);
            assert!(error.message.contains(why) && !error.message.contains("pw@"), "{error}");
            assert!(!error.message.contains("pw"), "{error}");
        }
    }
}
