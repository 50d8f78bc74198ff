//! The token with which a viewer finds a running session.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::error::{Error, Result};

/// Where a session runs: base64 of JSON with the keys `sid`, `ip` and `port`. That opens nothing by
/// itself: whoever shows it needs a key of the service, too.
///
/// A service of this package adds the key `viewer_token`, a signed permission to watch for a while.
/// Other clients ignore it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeToken {
    #[serde(rename = "sid")]
    pub session_id: String,
    #[serde(rename = "ip")]
    pub server_ip: String,
    /// 1 to 65535; clients refuse 0.
    #[serde(rename = "port")]
    pub server_port: u16,
    /// Shown in place of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer_token: Option<Secret>,
}

/// Longer tokens are refused unread.
const MAX_TOKEN_BYTES: usize = 4096;

impl SubscribeToken {
    /// Encodes with the standard alphabet, which every client can read.
    pub fn encode(&self) -> String {
        BASE64_STANDARD.encode(serde_json::to_string(self).unwrap_or_default())
    }

    /// Decodes either base64 alphabet, padded or not.
    pub fn decode(token: &str) -> Result<Self> {
        let invalid = |what: &str| {
            Error::invalid_input(format!("invalid subscribe token: {what}"))
                .hint("use the subscribe_token of a connected session")
        };
        let token = token.trim();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid("expected at most 4096 characters"));
        }
        let standard = token.replace('-', "+").replace('_', "/");
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let bytes = GeneralPurpose::new(&alphabet::STANDARD, config)
            .decode(standard)
            .map_err(|_| invalid("expected base64"))?;
        let token: Self = serde_json::from_slice(&bytes)
            .map_err(|_| invalid("expected the keys sid, ip and port inside"))?;
        if token.session_id.is_empty() || token.server_ip.is_empty() || token.server_port == 0 {
            return Err(invalid("sid, ip and port must not be empty or zero"));
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_and_spaced_json_decode() {
        let token = SubscribeToken {
            session_id: "a?>~b".into(),
            server_ip: "10.0.0.1".into(),
            server_port: 8080,
            viewer_token: None,
        };
        let encoded = token.encode();
        assert_eq!(SubscribeToken::decode(&encoded).unwrap(), token);
        let url_safe = encoded.replace('+', "-").replace('/', "_").replace('=', "");
        assert_eq!(SubscribeToken::decode(&url_safe).unwrap(), token);
        let spaced = BASE64_STANDARD.encode(r#"{"sid": "a?>~b", "ip": "10.0.0.1", "port": 8080}"#);
        assert_eq!(SubscribeToken::decode(&spaced).unwrap(), token);
    }

    #[test]
    fn a_permission_travels_with_the_address_and_is_not_printed() {
        let token = SubscribeToken {
            session_id: "s".into(),
            server_ip: "10.0.0.1".into(),
            server_port: 1,
            viewer_token: Some("vt_secret".into()),
        };
        assert_eq!(SubscribeToken::decode(&token.encode()).unwrap(), token);
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn unusable_tokens_say_why() {
        for (text, why) in [
            ("%%%", "base64"),
            ("e30=", "sid, ip and port"),
            (&BASE64_STANDARD.encode(r#"{"sid":"a","ip":"b","port":0}"#), "zero"),
            (&"A".repeat(5000), "4096"),
        ] {
            let error = SubscribeToken::decode(text).unwrap_err();
            assert!(error.message.contains(why), "{error}");
        }
    }
}
