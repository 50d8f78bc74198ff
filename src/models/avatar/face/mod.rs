//! Faces: where their parts are, and how they are found.
//!
//! ```text
//! picture ─> locate (template of light and dark) ─> evidence ─> eyes, lips (upright) ─> Marks
//! ```
//!
//! Nothing is learned but how much each piece of evidence counts: a face is dark where eyes, nostrils and mouth are, light
//! between, alike on both sides, and built in proportion to the distance of its eyes. That holds for
//! photographs, drawings, statues and many animals. Who knows better gives [`Given`] points.

mod crop;
mod draw;
mod evidence;
mod eyes;
mod gray;
mod lips;
mod locate;
mod marks;
mod outline;
mod side;

use crate::media::Picture;

pub use draw::{draw, draw_given};
pub use marks::{Eye, Front, Given, Lips, Marks, POINTS, Point, Upright};
pub use outline::{Facing, Profile, profile};

use crop::Crop;
use locate::Located;

/// What has less evidence than this is taken for none.
const LEAST: f32 = 2.2;

/// The part of the evidence of the best that another face has at least.
const CLEAR: f32 = 0.7;

/// What is so surely a face from the side is none from the front, which then is not looked for. Of
/// pictures without a profile none had half as much.
const SURE: f32 = 6.0;

/// So much less evidence is enough for a face from the side: most of what speaks for it is rare.
const FROM_THE_SIDE: f32 = 3.0;

/// What was found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The face that is to speak; `None` if there is none.
    pub marks: Option<Marks>,
    /// How many faces there seem to be, 0 to 3.
    pub count: usize,
}

/// Finds the face of a portrait: of several the largest and clearest. Points that are `given` are
/// kept, and help to find the others.
pub fn find(picture: &Picture, given: Option<&Given>) -> Found {
    let one = |marks| Found { marks: Some(marks), count: 1 };
    match given {
        Some(Given::Side(profile)) => one(side::given(picture, profile)),
        Some(Given::Front(front)) => one(mark(picture, Located::given(front), Some(front))),
        None => search(picture),
    }
}

fn search(picture: &Picture) -> Found {
    let aside = profile(picture);
    // Whether a profile speaks, if a face from the front has so much evidence.
    let speaks = |front: f32| {
        let profile = aside.as_ref().filter(|it| it.evidence >= front - FROM_THE_SIDE)?;
        let likeness = likeness(profile.evidence);
        Some(Found { marks: Some(side::found(picture, profile, likeness)), count: 1 })
    };
    if let Some(found) = speaks(SURE + FROM_THE_SIDE) {
        return found;
    }
    let located = locate::locate(picture);
    let front = located.first().map_or(f32::MIN, |face| face.evidence);
    if let Some(found) = speaks(front) {
        return found;
    }
    let Some(clearest) = located.first().filter(|face| face.evidence >= LEAST) else {
        return Found { marks: None, count: 0 };
    };
    // Where one is clear, what is much less so, or much smaller, is something else.
    let clear = LEAST.max(CLEAR * clearest.evidence);
    let faces: Vec<&Located> = located.iter().filter(|face| face.evidence >= clear).collect();
    let best = **faces.iter().max_by(|a, b| a.unit().total_cmp(&b.unit())).unwrap_or(&clearest);
    let count = faces.iter().filter(|face| face.unit() > 0.5 * best.unit()).count();
    Found { marks: Some(mark(picture, best, None)), count }
}

/// How likely it is a face, 0 to 1.
fn likeness(evidence: f32) -> f32 {
    1.0 / (1.0 + (-0.5 * evidence).exp())
}

fn mark(picture: &Picture, located: Located, given: Option<&Front>) -> Marks {
    let [left, right] = located.eyes;
    let (eyes, tall) = match given {
        Some(given) => (given.eyes, given.tall()),
        None => (eyes::centers(&Crop::new(picture, left, right, 1.0)), 1.0),
    };
    let crop = Crop::new(picture, eyes[0], eyes[1], tall);
    let mut marks = Marks::built(eyes[0], eyes[1], tall, likeness(located.evidence));
    eyes::lids(&crop, &mut marks);
    eyes::brows(&crop, &mut marks);
    lips::lips(&crop, &mut marks, given.and_then(|given| given.mouth));
    if let Some(given) = given {
        given.apply(&mut marks);
    }
    marks
}
