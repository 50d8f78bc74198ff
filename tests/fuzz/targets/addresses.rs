//! Addresses, keys and tokens: a base URL, a token, a key and the rest, a line each.

use parhelion::protocol::{Secret, SubscribeToken, redact_url, stream_url, subscribe_url};

use super::Target;
use super::signalling::explained;

pub const TARGET: Target = Target {
    name: "addresses",
    run,
    seeds: &[],
    words: &[
        "wss://",
        "http://",
        "@",
        "[::1]",
        ":65536",
        "%2f",
        "%",
        "?",
        "&api_key=",
        "#",
        "..",
        "eyJzaWQiOi",
        "\u{202e}",
        "xn--",
        "\t",
        "\0",
    ],
    max_len: 8 << 10,
    memory: 4 << 20,
};

fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines().chain(std::iter::repeat(""));
    let [base, token, key, model] = [(); 4].map(|()| lines.next().unwrap_or_default());
    match SubscribeToken::decode(token) {
        Ok(decoded) => {
            assert!(!decoded.session_id.is_empty() && decoded.server_port > 0);
            assert_eq!(SubscribeToken::decode(&decoded.encode()).as_ref(), Ok(&decoded));
            if let Err(error) = subscribe_url(base, &decoded, &Secret::new(key), model) {
                explained(&error);
            }
        }
        Err(error) => explained(&error),
    }
    match stream_url(base, "/v1/stream", &Secret::new(key), model, None, "ua") {
        Ok(url) => {
            assert!(matches!(url.scheme(), "ws" | "wss") && url.has_host());
            let ours = url.query_pairs().filter(|(name, _)| name == "api_key").last();
            assert_eq!(ours.map(|(_, key)| key.into_owned()).as_deref(), Some(key));
            // Where the base looks like a key as well, more than the key is hidden.
            if !base.contains(['=', '&']) && !key.is_empty() {
                let shown = redact_url(url.as_str());
                assert!(shown.contains("api_key=***&model="), "{shown}");
            }
        }
        Err(error) => explained(&error),
    }
    assert!(redact_url(&text).len() <= 3 * text.len() + 3);
}
