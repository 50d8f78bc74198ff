//! Values that must not be printed, and the masking of those inside a URL.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key, token or credential. It travels, but it does not print.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the wire and for comparisons. The name is long on purpose.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A session description. It prints as its length: it carries ICE passwords and certificate
/// fingerprints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sdp(String);

impl Sdp {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Sdp {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Sdp {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes sdp>", self.0.len())
    }
}

/// An encoded picture file in standard base64 without a `data:` prefix. Cheap to clone; prints as
/// its length.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncodedImage(Arc<str>);

impl EncodedImage {
    pub fn new(base64: impl Into<Arc<str>>) -> Self {
        Self(base64.into())
    }

    /// The base64 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Length of the base64 text in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for EncodedImage {
    fn from(base64: String) -> Self {
        Self(base64.into())
    }
}

impl From<&str> for EncodedImage {
    fn from(base64: &str) -> Self {
        Self(base64.into())
    }
}

impl fmt::Debug for EncodedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes base64>", self.0.len())
    }
}

impl Serialize for EncodedImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EncodedImage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Query parameters whose values are masked.
const SECRET_PARAMETERS: [&str; 5] = ["api_key", "apikey", "token", "access_token", "key"];

/// Masks keys, tokens and user information in a URL, or in a text that contains URLs.
pub fn redact_url(text: &str) -> String {
    mask_parameters(&mask_user_information(text))
}

fn mask_parameters(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name_start = rest[..at]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |i| i + rest[i..].chars().next().map_or(0, char::len_utf8));
        let name = rest[name_start..at].replace('-', "_").to_ascii_lowercase();
        masked.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if SECRET_PARAMETERS.contains(&name.as_str()) {
            let end = rest
                .find(|c: char| c.is_whitespace() || "&#\"'<>`)".contains(c))
                .unwrap_or(rest.len());
            if end > 0 {
                masked.push_str("***");
            }
            rest = &rest[end..];
        }
    }
    masked + rest
}

fn mask_user_information(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        masked.push_str(head);
        let end = tail
            .find(|c: char| c.is_whitespace() || "/?#\"'<>`)".contains(c))
            .unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(sign) => {
                masked.push_str("***");
                rest = &tail[sign..];
            }
            None => rest = tail,
        }
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_urls_are_masked_wherever_they_stand() {
        for (text, expected) in [
            ("wss://h/v1/stream?api_key=s3cr%2Bt&model=m", "wss://h/v1/stream?api_key=***&model=m"),
            ("wss://h/?model=m&api_key=abc#x", "wss://h/?model=m&api_key=***#x"),
            ("401, url='wss://h/?API_KEY=abc' failed", "401, url='wss://h/?API_KEY=***' failed"),
            ("wss://user:pw@h:1/?token=t", "wss://***@h:1/?token=***"),
            ("api-key=x&api_key=&model=key", "api-key=***&api_key=&model=key"),
            ("monkey=1&a=b=c é=d", "monkey=1&a=b=c é=d"),
            ("", ""),
        ] {
            assert_eq!(redact_url(text), expected);
        }
    }

    #[test]
    fn nothing_confidential_prints() {
        let image = EncodedImage::new("AAAA");
        let printed = format!("{:?} {} {image:?}", Secret::new("k"), Secret::new("k"));
        assert_eq!(printed, "*** *** <4 bytes base64>");
        assert_eq!(format!("{:?}", Sdp::from("a=ice-pwd:x")), "<11 bytes sdp>");
    }
}
