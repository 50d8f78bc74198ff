//! The plan: what a prompt asks for, in types.

use std::fmt::{self, Write as _};

/// What a prompt asks for: steps in the order in which they were said, and what was not
/// understood. Models carry out the steps that they can and report the others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Names of styles and modifiers that must not be there: "without grain".
    pub refused: Vec<&'static str>,
    /// Things that were spoken of without a word on what to do with them.
    pub mentioned: Vec<Target>,
    /// Words that the vocabulary does not have, in the order of the prompt; at most
    /// [`MAX_UNKNOWN`].
    pub unknown: Vec<String>,
    /// Whether the prompt was longer than what is read of it.
    pub truncated: bool,
}

/// Unknown words that a plan keeps.
pub const MAX_UNKNOWN: usize = 24;
/// Steps that a plan keeps.
pub const MAX_STEPS: usize = 24;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub action: Action,
    pub target: Target,
    /// 1 is as said plainly; "slightly" is less, "very" more, up to 2. Below zero, down to -1, it
    /// is the opposite.
    pub strength: f32,
    pub origin: Origin,
}

/// Who asked for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The prompt.
    Said,
    /// The completion of a short prompt.
    Added,
    /// Nobody: no word of the prompt was understood.
    Neutral,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Give the look of a style of the table of styles.
    Style(&'static str),
    /// Change light, weather, color or finish: a modifier of the table of modifiers.
    Modify(&'static str),
    /// Lead all colors towards one.
    Tint(Color),
    /// Use two colors only, the first for what is dark.
    Duotone(Color, Color),
    /// Give the target this color.
    Recolor(Color),
    /// Make the target of a material.
    Material(&'static str, Color),
    /// Put a scene where the target is.
    Replace(Scene),
    /// Take the color of everything but the target.
    KeepColor,
    /// Leave nothing but the target.
    KeepOnly,
    /// Blur the target.
    Blur,
    /// Take the target away.
    Remove,
    /// Put a thing into the picture, at the place of the target.
    Add(&'static str),
    /// Hold face and head so: mood, manner, where to look.
    Manner(&'static str),
}

/// The reference image as a scene, or as a thing to add.
pub const REFERENCE: &str = "reference image";

/// What comes into the place of something else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scene {
    /// A scene of the vocabulary.
    Named(&'static str),
    /// A plain color.
    Plain(Color),
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Target {
    /// `None` is the whole picture.
    pub object: Option<Object>,
    /// The color that tells the target from others: the red car.
    pub color: Option<Color>,
    /// The part of the picture, as the vocabulary names it: `far`, `left`, `above`, …
    pub place: Option<&'static str>,
}

impl Target {
    pub const WHOLE: Self = Self { object: None, color: None, place: None };

    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }
}

/// A thing of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    pub name: &'static str,
    /// Where and in what color it is usually found, words with spaces between: `below green`.
    pub hints: &'static str,
}

/// A color with the name that it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    pub name: &'static str,
    pub rgb: [u8; 3],
}

impl Color {
    pub fn levels(self) -> [f32; 3] {
        self.rgb.map(f32::from)
    }
}

impl Plan {
    /// The strength at which a style or modifier is asked for, over the whole picture.
    pub fn strength_of(&self, name: &str) -> Option<f32> {
        self.steps
            .iter()
            .find(|step| step.target.is_whole() && step.name() == name)
            .map(|s| s.strength)
    }

    /// Whether a style or modifier was refused: "without grain".
    pub fn refuses(&self, name: &str) -> bool {
        self.refused.contains(&name)
    }

    /// Whether nothing of the prompt was understood.
    pub fn is_neutral(&self) -> bool {
        self.steps.iter().any(|step| step.origin == Origin::Neutral)
    }
}

impl Step {
    /// The name of the style, modifier or operation.
    pub fn name(&self) -> &'static str {
        match self.action {
            Action::Style(name)
            | Action::Modify(name)
            | Action::Add(name)
            | Action::Manner(name)
            | Action::Material(name, _) => name,
            Action::Tint(_) => "tint",
            Action::Duotone(..) => "duotone",
            Action::Recolor(_) => "recolor",
            Action::Replace(_) => "replace",
            Action::KeepColor => "keep the color of",
            Action::KeepOnly => "keep only",
            Action::Blur => "blur",
            Action::Remove => "remove",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match self.action {
            Action::Add(name) => write!(text, "add {name}")?,
            Action::Tint(color) => write!(text, "{} tint", color.name)?,
            Action::Duotone(a, b) => write!(text, "{} and {} only", a.name, b.name)?,
            Action::Recolor(color) => write!(text, "color {}", color.name)?,
            Action::Replace(Scene::Named(name)) => write!(text, "replace by {name}")?,
            Action::Replace(Scene::Plain(color)) => write!(text, "replace by {}", color.name)?,
            _ => text.push_str(self.name()),
        }
        if !self.target.is_whole() {
            write!(text, " ({})", self.target)?;
        }
        if (self.strength - 1.0).abs() > 0.01 {
            write!(text, " x{:.2}", self.strength)?;
        }
        f.write_str(&text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words =
            [self.color.map(|color| color.name), self.object.map(|object| object.name), self.place];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        f.write_str(if words.is_empty() { "everything" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}
