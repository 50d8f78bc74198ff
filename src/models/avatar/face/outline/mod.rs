//! Faces that are seen from the side, by their outline.
//!
//! ```text
//! picture ─> figure, ground ─> outline ─> like a drawn profile? ─> parts ─> eye, mouth inside ─> Profile
//! ```
//!
//! Nothing is learned but how much each piece of evidence counts. The ground has to be plain enough
//! to be told from the face.

mod contour;
mod drawn;
mod ground;
mod inside;

use super::gray::Gray;
use super::marks::Point;
use crate::media::Picture;

use contour::{Contour, Likeness, Parts};
use drawn::Drawn;
use ground::Colors;
use inside::{Inside, Measured};

/// The longer side of the picture whose outline is searched: half of that in which parts are found.
const LONGEST: usize = 168;
/// The shorter side of a picture that is searched.
const SMALLEST: usize = 48;
/// How much colors of the ground may differ.
const TOLERANCES: [f32; 4] = [5.0, 9.0, 17.0, 32.0];
/// Turns of the head on the shoulder, in degrees.
const TURNS: [f32; 3] = [0.0, -16.0, 16.0];
/// Outlines that are looked at again, and those that are looked into.
const AGAIN: usize = 12;
const CLOSELY: usize = 3;
/// What has less evidence than this is taken for none.
const LEAST: f32 = 2.0;

/// Where a face looks that is seen from the side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facing {
    /// To the left of the picture.
    Left,
    /// To the right of the picture.
    Right,
}

/// The parts of a face that is seen from the side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    pub facing: Facing,
    /// The middle of the eye that is seen.
    pub eye: Point,
    /// Where the lips meet at the outline: the notch between them.
    pub front: Point,
    /// The corner of the mouth that is seen.
    pub corner: Point,
    /// The lowest place of the chin.
    pub chin: Point,
    /// What speaks for a profile, 0 where it is as likely as none.
    pub evidence: f32,
}

/// The profile of a picture; `None` where there is none.
pub fn profile(picture: &Picture) -> Option<Profile> {
    let (colors, scale) = Colors::reduced(picture, 2 * LONGEST);
    if colors.width.min(colors.height) < SMALLEST {
        return None;
    }
    let left = looking_left(&colors);
    let right = looking_left(&colors.mirrored());
    let profile = |side: Side, facing: Facing| {
        let point = |(v, u): (f32, f32)| {
            let (x, y) = side.contour.view.place(u, v);
            let [x, y] = [x, y].map(|at| (at + 0.5) * 2.0 * scale - 0.5);
            match facing {
                Facing::Left => Point::new(x, y),
                Facing::Right => Point::new((picture.width - 1) as f32 - x, y),
            }
        };
        Profile {
            facing,
            eye: point(side.measured.eye),
            front: point(side.parts.stomion),
            corner: point(side.measured.corner),
            chin: point(side.parts.chin),
            evidence: side.evidence,
        }
    };
    let left = left.map(|side| profile(side, Facing::Left));
    let right = right.map(|side| profile(side, Facing::Right));
    let best = [left, right].into_iter().flatten().max_by(|a, b| a.evidence.total_cmp(&b.evidence));
    best.filter(|best| best.evidence >= LEAST)
}

/// The best of one side.
struct Side {
    contour: Contour,
    parts: Parts,
    measured: Measured,
    evidence: f32,
}

/// The best of a picture, of what looks to the left.
fn looking_left(fine: &Colors) -> Option<Side> {
    let colors = fine.halved();
    let longest = colors.width.max(colors.height) as f32;
    let drawn = Drawn::all();
    let figures = TOLERANCES.map(|tolerance| colors.figure(tolerance));
    let mut places = Vec::new();
    for turn in TURNS {
        let turn = turn.to_radians();
        let mut contours: Vec<Contour> = Vec::new();
        for figure in &figures {
            let contour = Contour::new(figure, turn);
            if contours.iter().any(|other| contour.is_like(other)) {
                continue;
            }
            for likeness in contour.likenesses(&drawn, longest) {
                places.push((likeness, figure, turn));
            }
            contours.push(contour);
        }
    }
    places.sort_by(|a, b| b.0.agreement.total_cmp(&a.0.agreement));
    places.truncate(AGAIN);
    // Upright, as far as the outline says how it is turned.
    let again = |(likeness, figure, turn): (Likeness, &Gray, f32)| {
        let (contour, likeness) = Contour::new(figure, turn).upright(figure, turn, &likeness);
        let parts = contour.parts(&likeness)?;
        Some((contour, parts))
    };
    let mut places: Vec<(Contour, Vec<Parts>)> = places.into_iter().filter_map(again).collect();
    let best = |parts: &[Parts]| parts.iter().map(shape).fold(f32::MIN, f32::max);
    places.sort_by(|a, b| best(&b.1).total_cmp(&best(&a.1)));
    places.truncate(CLOSELY);
    let luma = fine.luma();
    let close = |(contour, all): (Contour, Vec<Parts>)| {
        let inside = Inside::new(&luma, 2.0, &contour, all.first()?);
        let measured = all.into_iter().map(|parts| {
            let measured = inside.measure(&colors, &contour, &parts);
            (evidence(&parts, &measured), parts, measured)
        });
        let (evidence, parts, measured) = measured.max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Side { contour, parts, measured, evidence })
    };
    places.into_iter().filter_map(close).max_by(|a, b| a.evidence.total_cmp(&b.evidence))
}

/// What the outline says for a profile: about the logarithm of how much likelier one is than none.
/// How much each counts was fitted to some hundred pictures with a profile, modelled and drawn, and
/// as many without.
fn shape(parts: &Parts) -> f32 {
    let [under_nose, lips, over_chin] = parts.notches;
    49.9 * parts.agreement.max(0.8) + 21.9 * parts.nose.min(0.2)
        - 8.28 * (parts.nose - 0.33).max(0.0)
        + 89.2 * under_nose.clamp(-0.02, 0.05)
        + 93.0 * lips.clamp(-0.02, 0.03)
        - 21.9 * (lips - 0.06).max(0.0)
        + 33.9 * over_chin.clamp(-0.02, 0.03)
        - 8.98 * (over_chin - 0.1).max(0.0)
        + 21.7 * parts.under.min(0.25)
        - 12.1 * parts.rough.min(0.3)
        - 6.45 * parts.off.abs().min(0.15)
        - 64.3
}

/// The same, together with what is inside of it.
fn evidence(parts: &Parts, measured: &Measured) -> f32 {
    shape(parts)
        + 2.23 * measured.dark.clamp(0.0, 1.0)
        + 3.60 * measured.line.clamp(0.0, 0.8)
        + 4.79 * measured.sharp
}
