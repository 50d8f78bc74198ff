//! The table of words, parsed once.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::plan::{Color, Object};

/// The words, for everybody to extend; its head says how.
const TABLE: &str = include_str!("vocabulary.txt");

/// The most words in a phrase.
pub(super) const MAX_PHRASE: usize = 6;

/// What a phrase means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Style(&'static str),
    Modifier(&'static str),
    Material(&'static str, Color),
    /// Mood and manner of a face.
    Manner(&'static str),
    /// Several styles and modifiers.
    Mix(&'static str),
    /// A modifier relative to what is there, and by how much.
    Compare(&'static str, f32),
    Degree(f32),
    Object(Object),
    Whole,
    Scene(&'static str),
    Place(&'static str),
    Verb(Verb),
    Joint(Joint),
    Color(Color),
    Filler,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Make,
    Replace,
    Blur,
    Remove,
    Keep,
    Add,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    Not,
    Except,
    Only,
    With,
    And,
}

/// The table, ready for use.
pub(super) struct Vocabulary {
    pub phrases: HashMap<String, Meaning>,
    /// What phrases of section `mix` mean, and what completes a style or modifier.
    mixes: HashMap<&'static str, Vec<(&'static str, f32)>>,
    completions: HashMap<&'static str, Vec<(&'static str, f32)>>,
    /// The lines that cannot be used, for the test.
    pub faults: Vec<String>,
}

pub(super) static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::parse(TABLE));

impl Vocabulary {
    pub fn mix(&self, name: &str) -> &[(&'static str, f32)] {
        self.mixes.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn completion(&self, name: &str) -> &[(&'static str, f32)] {
        self.completions.get(name).map_or(&[], Vec::as_slice)
    }

    fn parse(table: &'static str) -> Self {
        let mut words = Self {
            phrases: HashMap::with_capacity(2048),
            mixes: HashMap::new(),
            completions: HashMap::new(),
            faults: Vec::new(),
        };
        let mut section = "";
        for line in table.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
                continue;
            }
            let (head, phrases) = line.split_once('=').unwrap_or((line, ""));
            let (name, detail) = head.split_once(':').unwrap_or((head, ""));
            let (name, detail) = (name.trim(), detail.trim());
            let Some(meaning) = words.meaning(section, name, detail) else {
                if section != "enhance" {
                    words.faults.push(format!("[{section}] {line}"));
                }
                continue;
            };
            for phrase in std::iter::once(name).chain(phrases.split(',')) {
                words.add(section, phrase, meaning);
            }
        }
        words
    }

    fn add(&mut self, section: &str, phrase: &str, meaning: Meaning) {
        let phrase = normal(phrase);
        if phrase.is_empty() {
            return;
        }
        if phrase.split(' ').count() > MAX_PHRASE {
            self.faults.push(format!("[{section}] {phrase:?} has too many words"));
        }
        if self.phrases.insert(phrase.clone(), meaning).is_some_and(|before| before != meaning) {
            self.faults.push(format!("[{section}] {phrase:?} stands in two places"));
        }
    }

    fn meaning(
        &mut self,
        section: &str,
        name: &'static str,
        detail: &'static str,
    ) -> Option<Meaning> {
        Some(match section {
            "style" => Meaning::Style(name),
            "modifier" => Meaning::Modifier(name),
            "manner" => Meaning::Manner(name),
            "material" => Meaning::Material(name, Color { name, rgb: hex(detail)? }),
            "mix" => {
                self.mixes.insert(name, parts(detail)?);
                Meaning::Mix(name)
            }
            "enhance" => {
                self.completions.insert(name, parts(detail)?);
                return None;
            }
            "compare" => {
                let (name, amount) = *parts(detail)?.first()?;
                Meaning::Compare(name, amount)
            }
            "degree" => Meaning::Degree(detail.parse().ok()?),
            "object" => Meaning::Object(Object { name, hints: detail }),
            "whole" => Meaning::Whole,
            "scene" => Meaning::Scene(name),
            "place" => Meaning::Place(detail),
            "verb" => Meaning::Verb(match detail {
                "make" => Verb::Make,
                "replace" => Verb::Replace,
                "blur" => Verb::Blur,
                "remove" => Verb::Remove,
                "keep" => Verb::Keep,
                "add" => Verb::Add,
                _ => return None,
            }),
            "joint" => Meaning::Joint(match detail {
                "not" => Joint::Not,
                "except" => Joint::Except,
                "only" => Joint::Only,
                "with" => Joint::With,
                "and" => Joint::And,
                _ => return None,
            }),
            "color" => Meaning::Color(Color { name, rgb: hex(detail)? }),
            "filler" => Meaning::Filler,
            _ => return None,
        })
    }
}

/// `night*0.6 + rain` as names and strengths.
fn parts(text: &'static str) -> Option<Vec<(&'static str, f32)>> {
    text.split('+')
        .map(|part| {
            let (name, amount) = part.split_once('*').unwrap_or((part, "1"));
            Some((name.trim(), amount.trim().parse().ok()?))
        })
        .collect()
}

/// `#rrggbb` as red, green and blue.
pub(super) fn hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

/// A phrase as it is looked up.
fn normal(text: &str) -> String {
    let mut words = super::words::Words::default();
    words.read(text);
    words.text().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{modifiers, styles};

    #[test]
    fn every_line_of_the_table_can_be_used() {
        assert!(VOCABULARY.faults.is_empty(), "{:#?}", VOCABULARY.faults);
    }

    #[test]
    fn the_table_has_words_of_every_kind() {
        let count = |wanted: fn(&Meaning) -> bool| {
            VOCABULARY.phrases.values().filter(|meaning| wanted(meaning)).count()
        };
        assert!(VOCABULARY.phrases.len() >= 1000, "{}", VOCABULARY.phrases.len());
        assert!(count(|m| matches!(m, Meaning::Style(_))) >= 250);
        assert!(count(|m| matches!(m, Meaning::Modifier(_))) >= 200);
        assert!(count(|m| matches!(m, Meaning::Color(_))) >= 148);
        assert!(count(|m| matches!(m, Meaning::Object(_))) >= 100);
        assert!(count(|m| matches!(m, Meaning::Material(..))) >= 30);
        assert!(count(|m| matches!(m, Meaning::Mix(_))) >= 60);
        assert!(count(|m| matches!(m, Meaning::Degree(_))) >= 40);
    }

    #[test]
    fn every_name_stands_for_something_that_is_there() {
        let known = |name: &str| styles::find(name).is_some() || modifiers::find(name).is_some();
        for meaning in VOCABULARY.phrases.values() {
            match meaning {
                Meaning::Style(name) | Meaning::Material(name, _) => {
                    assert!(styles::find(name).is_some(), "no style {name:?}");
                }
                Meaning::Modifier(name) | Meaning::Compare(name, _) => {
                    assert!(modifiers::find(name).is_some(), "no modifier {name:?}");
                }
                _ => {}
            }
        }
        for (name, parts) in VOCABULARY.mixes.iter().chain(&VOCABULARY.completions) {
            for (part, strength) in parts {
                assert!(known(part), "{name:?} names {part:?}");
                assert!((0.05..=2.0).contains(strength), "{name:?}: {strength}");
            }
        }
        for name in VOCABULARY.completions.keys() {
            assert!(known(name), "completion of {name:?}");
        }
    }

    #[test]
    fn every_style_and_modifier_can_be_asked_for_by_its_name() {
        for name in styles::names().chain(modifiers::names()) {
            assert!(VOCABULARY.phrases.contains_key(&normal(name)), "{name:?} has no row");
        }
    }

    #[test]
    fn every_color_of_css_is_there() {
        for (name, rgb) in [("rebeccapurple", [102, 51, 153]), ("Slate Grey", [112, 128, 144])] {
            assert!(
                matches!(VOCABULARY.phrases[&normal(name)], Meaning::Color(color) if color.rgb == rgb),
                "{name}"
            );
        }
    }
}
