//! Which words tell what an instruction is about.

use super::plan::Target;
use super::vocabulary::{Joint, Meaning};

/// The parts of "the grass blue and the sky pink": each begins with the thing that it is about.
pub(super) fn parts(meanings: &[Meaning]) -> impl Iterator<Item = &[Meaning]> {
    let mut rest = meanings;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut named = false;
        let and = rest.iter().enumerate().position(|(at, meaning)| {
            named |= matches!(meaning, Meaning::Object(_) | Meaning::Whole);
            named
                && *meaning == Meaning::Joint(Joint::And)
                && rest.get(at + 1) != Some(meaning)
                && target(&rest[at + 1..]).0.object.is_some()
        });
        let at = and.unwrap_or(rest.len());
        let part = &rest[..at];
        rest = rest.get(at + 1..).unwrap_or_default();
        Some(part)
    })
}

/// The target that the words begin with, and how many of them tell it: "red car on the left".
pub(super) fn target(meanings: &[Meaning]) -> (Target, usize) {
    let mut target = Target::WHOLE;
    let mut used = 0;
    for (at, meaning) in meanings.iter().enumerate() {
        match *meaning {
            Meaning::Color(color) if target.object.is_none() && target.color.is_none() => {
                target.color = Some(color);
            }
            Meaning::Object(object) if target.object.is_none() => target.object = Some(object),
            // "the man's hair": the last of two is the thing.
            Meaning::Object(object) if matches!(meanings[at - 1], Meaning::Object(_)) => {
                target.object = Some(object);
            }
            Meaning::Place(place) if target.place.is_none() && target.object.is_some() => {
                target.place = Some(place);
            }
            Meaning::Whole if at == 0 => {}
            Meaning::Joint(Joint::And) if target.is_whole() => {}
            _ => break,
        }
        used = at + 1;
        if matches!(meaning, Meaning::Whole) {
            break;
        }
    }
    (target, used)
}

pub(super) fn trailing_place(meanings: &[Meaning]) -> Option<&'static str> {
    meanings.iter().rev().find_map(|meaning| match meaning {
        Meaning::Place(place) => Some(*place),
        _ => None,
    })
}

pub(super) fn degree_of(meanings: &[Meaning]) -> f32 {
    meanings.iter().fold(1.0, |degree, meaning| match meaning {
        Meaning::Degree(factor) => degree * factor,
        _ => degree,
    })
}

/// Whether a clause without a verb says what a thing becomes: "the sky pink", and after "make the
/// grass blue" also "the car much darker".
pub(super) fn tells(meanings: &[Meaning], makes: bool) -> bool {
    let (target, used) = target(meanings);
    let degrees = |meaning: &&Meaning| matches!(meaning, Meaning::Degree(_));
    let rest = &meanings[used..];
    let rest = &rest[rest.iter().take_while(degrees).count()..];
    match (target.object, rest) {
        (Some(_), [Meaning::Color(_)]) => true,
        (Some(_), [Meaning::Color(_) | Meaning::Material(..) | Meaning::Compare(..), ..]) => makes,
        _ => false,
    }
}
