//! The outline of a figure row by row, and where on it a profile is.
//!
//! Outlines of faces are compared with a few drawn ones, freed of their place and slope. The best are
//! then looked at closely: nose, lips and chin have to be there, in this order.

use super::super::gray::Gray;
use super::drawn::{DEEP, Drawn, FIRST, LAST, PLACES, along, freed};

/// The smallest and largest distance of nasion and chin, in parts of the longer side.
const SMALLEST: f32 = 0.16;
const LARGEST: f32 = 0.85;
const STEP: f32 = 1.12;
/// The least agreement with a drawn profile.
const LIKE: f32 = 0.80;

/// A view of the picture that is turned about its middle.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub middle: (f32, f32),
    pub sin: f32,
    pub cos: f32,
}

impl View {
    pub fn new(width: usize, height: usize, turn: f32) -> Self {
        let middle = (0.5 * (width as f32 - 1.0), 0.5 * (height as f32 - 1.0));
        Self { middle, sin: turn.sin(), cos: turn.cos() }
    }

    /// The place in the picture.
    pub fn place(&self, u: f32, v: f32) -> (f32, f32) {
        (self.middle.0 + u * self.cos - v * self.sin, self.middle.1 + u * self.sin + v * self.cos)
    }

    /// The place in the view.
    fn inside(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x - self.middle.0, y - self.middle.1);
        (x * self.cos + y * self.sin, y * self.cos - x * self.sin)
    }
}

/// Where rows of a view, from its top, first meet the figure.
pub struct Contour {
    pub view: View,
    /// The row of the first.
    pub top: f32,
    /// Across; not a number where the figure is not met, or begins at the border.
    pub across: Vec<f32>,
}

/// A place where a contour is like a profile.
#[derive(Debug, Clone, Copy)]
pub struct Likeness {
    pub agreement: f32,
    /// The row of the nasion, and from there to the chin.
    pub nasion: f32,
    pub length: f32,
    /// How much farther forward than an upright one it comes with each row down.
    pub slope: f32,
}

impl Contour {
    pub fn new(figure: &Gray, turn: f32) -> Self {
        let view = View::new(figure.width, figure.height, turn);
        let (w, h) = (figure.width as f32, figure.height as f32);
        let half_width = 0.5 * (w * view.cos + h * view.sin.abs());
        let half_height = 0.5 * (h * view.cos + w * view.sin.abs());
        let rows = (2.0 * half_height) as usize;
        let top = -half_height + 0.5;
        let across = (0..rows).map(|row| {
            let v = top + row as f32;
            let steps = (2.0 * half_width) as usize;
            first(figure, &view, -half_width, v, steps)
                .map_or(f32::NAN, |step| between(figure, view, step as f32 - half_width, v))
        });
        let across = across.collect();
        Self { view, top, across }
    }

    /// Whether two are nearly the same.
    pub fn is_like(&self, other: &Self) -> bool {
        let both = self.across.iter().zip(&other.across);
        let off = both.filter(|(a, b)| (*a - *b).abs() > 0.6 || a.is_nan() != b.is_nan()).count();
        off * 25 < self.across.len()
    }

    /// How far across the outline is at a row.
    pub fn at(&self, v: f32) -> f32 {
        let row = v - self.top;
        if row < 0.0 || row >= self.across.len() as f32 - 1.0 {
            return f32::NAN;
        }
        let (first, part) = (row as usize, row.fract());
        self.across[first] + (self.across[first + 1] - self.across[first]) * part
    }

    /// Where it is like a profile, the best first, none within another.
    pub fn likenesses(&self, drawn: &[Drawn], longest: f32) -> Vec<Likeness> {
        let mut found: Vec<Likeness> = Vec::new();
        let mut length = SMALLEST * longest;
        while length < LARGEST * longest {
            let step = (length / 24.0).max(1.0);
            let mut nasion = self.top - FIRST * length;
            while nasion + LAST * length < self.top + self.across.len() as f32 {
                found.extend(self.likeness(drawn, nasion, length));
                nasion += step;
            }
            length *= STEP;
        }
        found.sort_by(|a, b| b.agreement.total_cmp(&a.agreement));
        let mut kept: Vec<Likeness> = Vec::new();
        for likeness in found {
            let apart = |other: &Likeness| {
                (likeness.nasion - other.nasion).abs() > 0.15 * other.length
                    || (likeness.length / other.length).ln().abs() > 0.2
            };
            if kept.iter().all(apart) {
                kept.push(likeness);
            }
            if kept.len() == 3 {
                break;
            }
        }
        kept
    }

    fn likeness(&self, drawn: &[Drawn], nasion: f32, length: f32) -> Option<Likeness> {
        let middle = self.at(nasion);
        // Without a nose there is no need to look closer.
        let chord = 0.5 * (middle + self.at(nasion + 0.8 * length));
        let tip = self.at(nasion + 0.32 * length).min(self.at(nasion + 0.40 * length));
        let nose = chord - tip;
        if nose.is_nan() || nose <= 0.05 * length {
            return None;
        }
        let mut forward = [0.0; PLACES];
        for (at, forward) in forward.iter_mut().enumerate() {
            let value = (middle - self.at(nasion + along(at) * length)) / length;
            if value.is_nan() {
                return None;
            }
            *forward = value.clamp(-DEEP, 0.5);
        }
        let slope = freed(&mut forward);
        if slope.abs() > 0.35 {
            return None;
        }
        let power: f32 = forward.iter().map(|value| value * value).sum();
        let one = |drawn: &Drawn| {
            let product: f32 = forward.iter().zip(&drawn.forward).map(|(a, b)| a * b).sum();
            let amount = product / drawn.power;
            let agreement = product / (power * drawn.power).sqrt().max(1e-6);
            let agreement = if (0.5..1.7).contains(&amount) { agreement } else { 0.0 };
            Likeness { agreement, nasion, length, slope: slope - drawn.slope }
        };
        let best = drawn.iter().map(one).max_by(|a, b| a.agreement.total_cmp(&b.agreement));
        best.filter(|best| best.agreement > LIKE)
    }
}

/// Steps from a place across to the figure; `None` where it is not met, or begins at the border: what
/// begins there has no outline that is seen.
fn first(figure: &Gray, view: &View, u: f32, v: f32, steps: usize) -> Option<usize> {
    /// Parts of a pixel.
    const FINE: f32 = 65_536.0;
    let (x, y) = view.place(u, v);
    let fine = |value: f32| (value * FINE) as i32;
    let (mut x, mut y) = (fine(x + 0.5), fine(y + 0.5));
    let mut before = false;
    for step in 0..steps {
        let (column, row) = ((x >> 16) as usize, (y >> 16) as usize);
        if column < figure.width && row < figure.height {
            if figure.get(column, row) > 0.5 {
                return before.then_some(step);
            }
            before = true;
        }
        (x, y) = (x + fine(view.cos), y + fine(view.sin));
    }
    None
}

/// The place between pixels at which the figure begins.
fn between(figure: &Gray, view: View, u: f32, v: f32) -> f32 {
    let value = |u: f32| {
        let (x, y) = view.place(u, v);
        figure.at(x, y)
    };
    let (before, after) = (value(u - 1.0), value(u));
    if before >= 0.5 || after <= before {
        return u - 0.5;
    }
    u - 1.0 + ((0.5 - before) / (after - before)).min(1.0)
}

/// The parts of a profile on its outline: rows and places across of a view.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub agreement: f32,
    pub length: f32,
    pub nasion: (f32, f32),
    pub stomion: (f32, f32),
    pub chin: (f32, f32),
    /// How far the nose stands out of the line from nasion to chin, in its length.
    pub nose: f32,
    /// How deep the notches under the nose, between the lips and above the chin are.
    pub notches: [f32; 3],
    /// How far the outline goes back under the chin.
    pub under: f32,
    /// How rough the outline is.
    pub rough: f32,
    /// How far the lips are from where they mostly are, in parts of the way from nose to chin.
    pub off: f32,
}

impl Contour {
    /// The same seen upright, as far as the likeness says how it is turned.
    pub fn upright(self, figure: &Gray, turn: f32, likeness: &Likeness) -> (Self, Likeness) {
        let more = likeness.slope.atan();
        let across = self.at(likeness.nasion);
        if more.abs() < 0.04 || across.is_nan() {
            return (self, *likeness);
        }
        let (x, y) = self.view.place(across, likeness.nasion);
        let new = Self::new(figure, turn + more);
        let nasion = new.view.inside(x, y).1;
        let length = likeness.length / more.cos();
        (new, Likeness { nasion, length, slope: 0.0, ..*likeness })
    }

    /// The parts of a profile that is about there, for each notch that may be between the lips.
    pub fn parts(&self, likeness: &Likeness) -> Option<Vec<Parts>> {
        let Likeness { nasion, length, .. } = *likeness;
        let row = |t: f32| nasion + t * length;
        let tip = self.most(row(0.20), row(0.52), |u, _| -u)?;
        let root = self.most(tip.0 - 0.48 * length, tip.0 - 0.14 * length, |u, _| u)?;
        let chin = self.chin(row(0.80), row(1.12), length)?;
        let length = chin.0 - root.0;
        if length <= 0.0 {
            return None;
        }
        let part = |q: f32| tip.0 + q * (chin.0 - tip.0);
        let base = root.1 + (chin.1 - root.1) * (tip.0 - root.0) / length;
        let throat = self.most(chin.0, chin.0 + 0.07 * length, |u, _| u)?;
        let mut rough = 0.0;
        let rows = (root.0 - 0.15 * length) as isize..=(chin.0 - 0.06 * length) as isize;
        let count = rows.clone().count() as f32;
        for v in rows {
            let v = v as f32;
            let off = self.at(v - 2.0) - 2.0 * self.at(v) + self.at(v + 2.0);
            rough += off.abs().min(0.1 * length);
        }
        let one = |stomion: (f32, f32)| {
            // Parts of the way from the notch between the lips to the tip, and to the chin.
            let above = |q: f32| stomion.0 + q * (tip.0 - stomion.0);
            let below = |q: f32| stomion.0 + q * (chin.0 - stomion.0);
            let depth = |notches: Vec<(f32, (f32, f32))>| {
                notches.into_iter().map(|notch| notch.0).fold(-0.02 * length, f32::max) / length
            };
            let reach = 0.085 * length;
            let lips = self.notch(stomion.1, stomion.0, reach) / length;
            let off = (stomion.0 - tip.0) / (chin.0 - tip.0) - 0.41;
            Parts {
                agreement: likeness.agreement,
                length,
                nasion: root,
                stomion,
                chin,
                nose: (base - tip.1) / length,
                notches: [
                    depth(self.notches(above(0.92), above(0.24), reach)),
                    lips,
                    depth(self.notches(below(0.20), below(0.76), 0.13 * length)),
                ],
                under: ((throat.1 - chin.1) / length).min(0.4),
                rough: rough / count.max(1.0) / length.sqrt(),
                off,
            }
        };
        let lips = self.notches(part(0.26), part(0.58), 0.085 * length);
        Some(lips.into_iter().take(3).map(|notch| one(notch.1)).collect())
    }

    /// The row and place between two rows at which a value of them is largest.
    fn most(&self, from: f32, to: f32, value: impl Fn(f32, f32) -> f32) -> Option<(f32, f32)> {
        let mut best: Option<(f32, (f32, f32))> = None;
        let mut v = from;
        while v <= to {
            let u = self.at(v);
            if u.is_nan() {
                return None;
            }
            let value = value(u, v);
            if best.is_none_or(|best| value > best.0) {
                best = Some((value, (v, u)));
            }
            v += 0.5;
        }
        best.map(|best| best.1)
    }

    /// Notches between two rows with their depths, the deepest first.
    fn notches(&self, from: f32, to: f32, reach: f32) -> Vec<(f32, (f32, f32))> {
        let mut found: Vec<(f32, (f32, f32))> = Vec::new();
        let mut v = from;
        while v <= to {
            let u = self.at(v);
            let depth = self.notch(u, v, reach);
            let before = found.last_mut().filter(|last| v - last.1.0 < 0.5 * reach);
            match before {
                Some(last) if depth > last.0 => *last = (depth, (v, u)),
                None if depth > 0.0 => found.push((depth, (v, u))),
                _ => {}
            }
            v += 0.5;
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found
    }

    /// How deep the notch at a place is: next to the less forward of what is above and below within
    /// reach. Less than 0 where there is none.
    fn notch(&self, u: f32, v: f32, reach: f32) -> f32 {
        let beside = self.at(v - 0.2 * reach).max(self.at(v + 0.2 * reach));
        if beside.is_nan() || u.is_nan() || beside > u + 0.1 {
            return -1.0;
        }
        let before = self.most(v - reach, v, |u, _| -u);
        let after = self.most(v, v + reach, |u, _| -u);
        match (before, after) {
            (Some(before), Some(after)) => u - before.1.max(after.1),
            _ => -1.0,
        }
    }

    /// The lowest place of the chin: under it the outline goes back to the throat.
    fn chin(&self, from: f32, to: f32, length: f32) -> Option<(f32, f32)> {
        let mut forward = self.most(from - 0.06 * length, from, |u, _| -u)?.1;
        let mut v = from;
        while v < to {
            let next = self.at(v + 0.5);
            if next.is_nan() {
                return None;
            }
            forward = forward.min(next);
            if next - forward > 0.17 * length {
                let front = self.most(v - 0.14 * length, v, |u, _| -u)?.1;
                return Some((v, front + 0.09 * length));
            }
            v += 0.5;
        }
        None
    }
}
