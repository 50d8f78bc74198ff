//! What became of a prompt, for the person who wrote it.

use super::prompt::{Origin, Plan, Step};

/// What a model does with the prompt in force.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// What was asked for and is done, in the words of the vocabulary.
    pub applied: Vec<String>,
    /// What a completed prompt does besides.
    pub added: Vec<String>,
    /// What was understood and is not done, with the reason.
    pub ignored: Vec<String>,
    /// What must not be there.
    pub refused: Vec<String>,
    /// Words that the vocabulary does not have.
    pub unknown: Vec<String>,
    /// Whether nothing was understood, so that a mild neutral look is shown.
    pub is_neutral: bool,
    /// Whether the end of the prompt was not read.
    pub truncated: bool,
}

impl Report {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            refused: plan.refused.iter().map(ToString::to_string).collect(),
            unknown: plan.unknown.clone(),
            ignored: plan
                .mentioned
                .iter()
                .map(|target| format!("{target}: nothing is said to do with it"))
                .collect(),
            is_neutral: plan.is_neutral(),
            truncated: plan.truncated,
            ..Self::default()
        }
    }

    pub(super) fn carry_out(&mut self, step: &Step) {
        let list = match step.origin {
            Origin::Said | Origin::Neutral => &mut self.applied,
            Origin::Added => &mut self.added,
        };
        list.push(step.to_string());
    }

    pub(super) fn ignore(&mut self, step: &Step, reason: &str) {
        self.ignored.push(format!("{step}: {reason}"));
    }

    /// Whether there is anything that the person should know of.
    pub fn is_remarkable(&self) -> bool {
        !(self.added.is_empty() && self.ignored.is_empty() && self.unknown.is_empty())
            || self.is_neutral
            || self.truncated
    }

    /// One line of text.
    pub fn message(&self) -> String {
        let mut parts = Vec::new();
        let mut say = |name: &str, words: &[String]| {
            if !words.is_empty() {
                parts.push(format!("{name}: {}", words.join(", ")));
            }
        };
        say("applied", &self.applied);
        say("added", &self.added);
        say("left out", &self.refused);
        say("ignored", &self.ignored);
        say("unknown words", &self.unknown);
        if self.is_neutral {
            parts.push("nothing was understood, a neutral look is shown".to_owned());
        }
        if self.truncated {
            parts.push("the end of the prompt was not read".to_owned());
        }
        parts.join("; ")
    }
}
