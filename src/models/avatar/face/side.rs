//! The marks of a face that is seen from the side: one eye, and lips from their corner to the
//! outline.

use super::crop::Crop;
use super::marks::{Eye, Lips, Marks, POINTS, Point, Upright, along};
use super::outline::{Facing, Profile};
use crate::media::Picture;

/// How far the corner of a mouth is below the eye, in distances of the eyes.
const MOUTH: f32 = 1.15;
/// How far from the straight line between corner and outline the lips may meet, in steps of 0.01
/// distances of the eyes.
const REACH: usize = 7;
const STEPS: usize = 2 * REACH + 1;

impl Facing {
    /// -1 to the left, 1 to the right.
    pub fn sign(self) -> f32 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }
}

impl Profile {
    /// A profile whose places are known; without a chin it has that of most.
    pub fn given(
        facing: Facing,
        eye: Point,
        [front, corner]: [Point; 2],
        chin: Option<Point>,
    ) -> Self {
        let known = Self { facing, eye, front, corner, chin: corner, evidence: f32::INFINITY };
        let usual = || frame(&known).place(0.1 * facing.sign(), 1.86);
        Self { chin: chin.unwrap_or_else(usual), ..known }
    }
}

/// The marks of a profile that is known.
pub(super) fn given(picture: &Picture, profile: &Profile) -> Marks {
    marks(&crop(picture, profile), profile, 1.0)
}

/// The marks of a profile that was found, after a closer look at its eye and at the notch between
/// its lips.
pub(super) fn found(picture: &Picture, profile: &Profile, likeness: f32) -> Marks {
    let sign = profile.facing.sign();
    let crop = crop(picture, profile);
    let (eye, notch) = (eye(&crop, sign), notch(&crop, crop.inside(profile.front), sign));
    let eye = crop.place(eye.0, eye.1);
    let front = crop.place(notch.0, notch.1);
    marks(&crop, &Profile { eye, front, ..*profile }, likeness)
}

fn marks(crop: &Crop, profile: &Profile, likeness: f32) -> Marks {
    let sign = profile.facing.sign();
    let frame = frame(profile);
    let [left, right] = match profile.facing {
        Facing::Left => [profile.front, profile.corner],
        Facing::Right => [profile.corner, profile.front],
    };
    let line = line(crop, crop.inside(left), crop.inside(right), sign);
    let line = line.map(|by| crop.pixels(by));
    // From nothing at the corner to the whole lip at the outline.
    let full = |at: usize| (0.5 * (1.0 + sign * along(at))).max(0.0).powf(0.6) * frame.tall;
    let (x, y) = frame.inside(left.between(right, 0.5));
    Marks {
        // Narrower than from the front, and as tall.
        eyes: vec![Eye {
            center: profile.eye,
            half_width: 0.15 * frame.unit,
            above: 0.125 * frame.tall,
            below: 0.12 * frame.tall,
            brow: frame.place(0.05 * sign, -0.36),
        }],
        frame,
        nose: frame.place(x, y - 0.38),
        lips: Lips {
            left,
            right,
            top: std::array::from_fn(|at| line[at] - 0.09 * full(at)),
            upper: line,
            lower: line,
            bottom: std::array::from_fn(|at| line[at] + 0.12 * full(at)),
        },
        chin: profile.chin,
        jaw: [frame.place(-0.8 * sign, 1.3), frame.place(-0.3 * sign, 1.7)],
        likeness,
        facing: Some(profile.facing),
    }
}

/// The coordinates of a profile: the eye at their origin, the corner of the mouth below it.
fn frame(profile: &Profile) -> Upright {
    let (eye, corner) = (profile.eye, profile.corner);
    let down = eye.distance(corner).max(1.0);
    let unit = (down / MOUTH).max(1.0);
    Upright {
        origin: eye,
        unit,
        tall: unit,
        cos: (corner.y - eye.y) / down,
        sin: (eye.x - corner.x) / down,
    }
}

/// The face as if it had two eyes, with the one that is seen in their middle.
fn crop(picture: &Picture, profile: &Profile) -> Crop {
    let frame = frame(profile);
    Crop::new(picture, frame.place(-0.5, 0.0), frame.place(0.5, 0.0), 1.0)
}

/// The middle of the eye: of the edges around where it was found, but those of the outline.
fn eye(crop: &Crop, sign: f32) -> (f32, f32) {
    let mut middle = (0.0, 0.0);
    for _ in 0..4 {
        let mut sums = [0.0_f32; 3];
        for row in -9..=9 {
            for column in -11..=8 {
                let x = middle.0 + sign * 0.02 * column as f32;
                let y = middle.1 + 0.02 * row as f32;
                if sign * x > 0.16 {
                    continue;
                }
                let across = crop.light(x + 0.015, y) - crop.light(x - 0.015, y);
                let down = crop.light(x, y + 0.015) - crop.light(x, y - 0.015);
                // What is strong counts for more: lids, lashes and the white, not folds.
                let strong = (across.hypot(down) - 6.0).clamp(0.0, 120.0).powi(2);
                sums = [sums[0] + strong, sums[1] + strong * x, sums[2] + strong * y];
            }
        }
        if sums[0] < 1600.0 {
            break;
        }
        middle = (sums[1] / sums[0], sums[2] / sums[0]);
    }
    middle
}

/// The notch between the lips: where around the place that was found the outline lies deepest.
fn notch(crop: &Crop, front: (f32, f32), sign: f32) -> (f32, f32) {
    const STEP: f32 = 0.01;
    let color = |x: f32, y: f32| (crop.light(x, y), crop.redness(x, y));
    let mut depths = Vec::new();
    for row in -7..=7 {
        let y = front.1 + STEP * row as f32;
        let start = front.0 + 0.30 * sign;
        let (light, red) = color(start, y);
        let differs = |x: f32| {
            let (other, other_red) = color(x, y);
            (other - light).abs() + 300.0 * (other_red - red).abs() > 24.0
        };
        let x = (0..45).map(|step| start - sign * STEP * step as f32).find(|&x| differs(x));
        depths.extend(x.map(|x| (sign * x, y)));
    }
    let deepest = depths.iter().map(|depth| depth.0).fold(f32::MAX, f32::min);
    depths.retain(|depth| depth.0 < deepest + 0.5 * STEP);
    // The middle of where it is about as deep.
    depths.get(depths.len() / 2).map_or(front, |&(x, y)| (sign * x, y))
}

/// The line in which the lips meet: how far below the straight one between its ends it is at each
/// place along it. The darkest that is smooth.
fn line(crop: &Crop, left: (f32, f32), right: (f32, f32), sign: f32) -> [f32; POINTS] {
    let off = |step: usize| (step as f32 - REACH as f32) * 0.01;
    let skin = crop.cheeks().0.max(40.0);
    let own = |at: usize, step: usize| {
        let part = 0.5 * (along(at) + 1.0);
        let (x, y) = (left.0 + (right.0 - left.0) * part, left.1 + (right.1 - left.1) * part);
        let y = y + off(step);
        let around = crop.light(x, y - 0.045).min(crop.light(x, y + 0.045));
        let valley = (around - crop.light(x, y)).max(0.0) / skin;
        // At the outline it is the notch.
        let held = if sign * along(at) > 0.8 { 8.0 } else { 1.0 };
        held * (off(step) / 0.06).powi(2) * 0.05 - valley.min(0.5)
    };
    let mut costs = [[0.0_f32; STEPS]; POINTS];
    for at in 0..POINTS {
        for step in 0..STEPS {
            let before = if at == 0 {
                0.0
            } else {
                (0..STEPS)
                    .map(|from| costs[at - 1][from] + 0.03 * from.abs_diff(step).pow(2) as f32)
                    .fold(f32::MAX, f32::min)
            };
            costs[at][step] = own(at, step) + before;
        }
    }
    let mut heights = [0.0; POINTS];
    let mut behind: Option<usize> = None;
    for at in (0..POINTS).rev() {
        let cost = |step: &usize| {
            costs[at][*step] + behind.map_or(0.0, |to| 0.03 * step.abs_diff(to).pow(2) as f32)
        };
        let best = (0..STEPS).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(REACH);
        heights[at] = off(best);
        behind = Some(best);
    }
    heights
}
