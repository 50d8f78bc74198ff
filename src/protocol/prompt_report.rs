//! What a service says it makes of a prompt: an addition of this package.
//!
//! Sent only to clients that know it, since some clients take an unknown message for a failure.

use serde::{Deserialize, Serialize};

/// Entries of a list, and bytes of a text, that are believed.
const MAX_ENTRIES: usize = 64;
const MAX_TEXT_BYTES: usize = 256;
const MAX_MESSAGE_BYTES: usize = 4096;

/// What became of the prompt and the image in force. The texts are for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromptReport {
    /// What was asked for and is done.
    pub applied: Vec<String>,
    /// What the service added because it may enhance the prompt.
    pub added: Vec<String>,
    /// What was understood and is not done, with the reason.
    pub ignored: Vec<String>,
    /// What must not be there: "without grain".
    pub refused: Vec<String>,
    /// Words that the service does not know.
    pub unknown: Vec<String>,
    /// Whether nothing was understood and a neutral look is shown.
    pub neutral: bool,
    /// Whether the end of the prompt was not read.
    pub truncated: bool,
    /// All of it in one line.
    pub message: String,
}

impl PromptReport {
    /// Keeps of a report from the network what a report can be.
    pub(super) fn bounded(mut self) -> Self {
        for list in [
            &mut self.applied,
            &mut self.added,
            &mut self.ignored,
            &mut self.refused,
            &mut self.unknown,
        ] {
            list.truncate(MAX_ENTRIES);
            for text in list {
                cut(text, MAX_TEXT_BYTES);
            }
        }
        cut(&mut self.message, MAX_MESSAGE_BYTES);
        self
    }
}

fn cut(text: &mut String, bytes: usize) {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ServerMessage;

    #[test]
    fn there_and_back() {
        let report = PromptReport {
            applied: vec!["oil painting".into()],
            unknown: vec!["blorp".into()],
            message: "applied: oil painting; unknown words: blorp".into(),
            ..PromptReport::default()
        };
        let message = ServerMessage::PromptReport(Box::new(report.clone()));
        let text = message.to_json();
        assert!(text.contains(r#""type":"prompt_report""#), "{text}");
        assert_eq!(ServerMessage::parse(&text).unwrap(), message);
        let bare = ServerMessage::parse(r#"{"type":"prompt_report","later":1}"#).unwrap();
        assert_eq!(bare, ServerMessage::PromptReport(Box::default()));
    }

    #[test]
    fn a_report_from_the_network_is_bounded() {
        let report = PromptReport {
            unknown: vec!["é".repeat(1000); 1000],
            message: "x".repeat(1 << 20),
            ..PromptReport::default()
        };
        let report = report.bounded();
        assert_eq!(report.unknown.len(), MAX_ENTRIES);
        assert_eq!(report.unknown[0].len(), MAX_TEXT_BYTES);
        assert_eq!(report.message.len(), MAX_MESSAGE_BYTES);
    }
}
