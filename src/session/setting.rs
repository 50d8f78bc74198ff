//! What a session should look like, as data: the state, and changes to it.

pub use crate::protocol::{EncodedImage, Landmarks};

/// One part of a change: left alone, cleared, or replaced. "Unset" and "clear" are different.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Setting<T> {
    /// Leave it as it is.
    #[default]
    Unset,
    Clear,
    Set(T),
}

impl<T: Clone> Setting<T> {
    fn apply_to(&self, slot: &mut Option<T>) {
        match self {
            Self::Unset => {}
            Self::Clear => *slot = None,
            Self::Set(value) => *slot = Some(value.clone()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Not blank.
    pub text: String,
    /// Whether the service may rewrite the text before it uses it.
    pub enhance: bool,
}

impl Prompt {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), enhance: true }
    }
}

/// A reference image, and what its giver knows of it: both go together, and are replaced together.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceImage {
    pub data: EncodedImage,
    /// Where a face is in it.
    pub landmarks: Option<Landmarks>,
}

impl<T: Into<EncodedImage>> From<T> for ReferenceImage {
    fn from(data: T) -> Self {
        Self { data: data.into(), landmarks: None }
    }
}

/// A change to the state, applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    pub prompt: Setting<Prompt>,
    pub image: Setting<ReferenceImage>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.prompt == Setting::Unset && self.image == Setting::Unset
    }
}

/// What a session transforms with. Empty means that the picture passes unchanged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    pub prompt: Option<Prompt>,
    pub image: Option<ReferenceImage>,
}

impl State {
    pub fn apply(&mut self, change: &Change) {
        change.prompt.apply_to(&mut self.prompt);
        change.image.apply_to(&mut self.image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_leaves_and_clear_clears() {
        let mut state = State { prompt: Some(Prompt::new("a")), image: Some("AA".into()) };
        state.apply(&Change { prompt: Setting::Clear, image: Setting::Unset });
        assert_eq!(state, State { prompt: None, image: Some("AA".into()) });
        state.apply(&Change { prompt: Setting::Set(Prompt::new("b")), image: Setting::Clear });
        assert_eq!(state, State { prompt: Some(Prompt::new("b")), image: None });
    }
}
