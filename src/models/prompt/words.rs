//! Text as plain words.

/// Bytes that are read of a prompt.
pub(super) const MAX_BYTES: usize = 4096;

/// The words of a text: lower case, spelled one way, with the places where a sentence breaks.
#[derive(Default)]
pub(super) struct Words {
    text: String,
    /// Where each word stands in `text`, and whether punctuation stands before it.
    spans: Vec<Span>,
    pub truncated: bool,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    after_break: bool,
}

impl Words {
    /// Reads at most [`MAX_BYTES`] of a text.
    pub fn read(&mut self, text: &str) {
        let mut end = text.len().min(MAX_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.truncated = !text[end..].trim().is_empty();
        let mut word = String::new();
        let mut after_break = false;
        for c in text[..end].chars() {
            match kind(c) {
                Kind::Letter => word.extend(c.to_lowercase()),
                Kind::Nothing => {}
                Kind::Space => self.push(&mut word, &mut after_break),
                Kind::Break => {
                    self.push(&mut word, &mut after_break);
                    after_break = true;
                }
                Kind::Sign => {
                    self.push(&mut word, &mut after_break);
                    word.push(c);
                    self.push(&mut word, &mut after_break);
                }
            }
        }
        self.push(&mut word, &mut after_break);
    }

    fn push(&mut self, word: &mut String, after_break: &mut bool) {
        if word.is_empty() {
            return;
        }
        let spelled = if word.is_ascii() {
            word.replace("colour", "color").replace("grey", "gray")
        } else {
            word.clone()
        };
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(&spelled);
        self.spans.push(Span { start, end: self.text.len(), after_break: *after_break });
        *after_break = false;
        word.clear();
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// All words with single spaces between.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `count` words from `first` on, if there are so many before the sentence breaks.
    pub fn phrase(&self, first: usize, count: usize) -> Option<&str> {
        let spans = self.spans.get(first..first + count)?;
        if spans[1..].iter().any(|span| span.after_break) {
            return None;
        }
        Some(&self.text[spans[0].start..spans[count - 1].end])
    }

    pub fn after_break(&self, word: usize) -> bool {
        self.spans[word].after_break
    }
}

enum Kind {
    Letter,
    Space,
    /// Ends a part of a sentence.
    Break,
    /// A word of its own: an emoji, a hieroglyph.
    Sign,
    Nothing,
}

fn kind(c: char) -> Kind {
    match c {
        '#' => Kind::Letter,
        '\'' | '\u{2019}' | '\u{fe0f}' | '\u{200d}' => Kind::Nothing,
        ',' | '.' | ';' | ':' | '!' | '?' | '\n' | '|' | '(' | ')' => Kind::Break,
        _ if c.is_alphanumeric() => Kind::Letter,
        _ if c.is_ascii() || c.is_whitespace() || c.is_control() => Kind::Space,
        // General punctuation, dashes, quotes.
        '\u{a0}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' => Kind::Break,
        '\u{fffd}' => Kind::Space,
        _ => Kind::Sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        let mut words = Words::default();
        words.read(text);
        words
    }

    #[test]
    fn case_hyphens_and_spelling_do_not_count() {
        assert_eq!(words("  Cel-Shaded; GREY colours… ÉTÉ ").text(), "cel shaded gray colors été");
        assert_eq!(words("van Gogh's ❄️snow").text(), "van goghs ❄ snow");
        assert_eq!(words("?! \u{0}\u{1}").len(), 0);
    }

    #[test]
    fn phrases_do_not_reach_over_a_break() {
        let words = words("oil, painting in oil");
        assert_eq!(words.phrase(0, 1), Some("oil"));
        assert_eq!(words.phrase(0, 2), None);
        assert_eq!(words.phrase(1, 3), Some("painting in oil"));
        assert_eq!(words.phrase(3, 2), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let words = words(&"é".repeat(5000));
        assert!(words.truncated && words.len() == 1);
        assert_eq!(words.text().len(), MAX_BYTES);
    }
}
