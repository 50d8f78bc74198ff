//! What has to be added to pieces copied from elsewhere, so that no border of theirs is seen.
//!
//! Pérez, Gangnet and Blake, "Poisson image editing" (2003): between neighbors the picture is to
//! change as it does where it is copied from. Of a least squares problem that is the solution,
//! found by successive over-relaxation from that of the frame before. A step too large for a
//! change of light is the border of a thing, and stays.

use super::patches::{Patches, Shift};
use super::wide::wide;

/// A step of more levels is no light.
const LIGHT: f32 = 40.0;
/// The pull towards what is copied as it is.
const REST: f32 = 0.001;
/// Over-relaxation.
const OVER: f32 = 1.9;
/// A change by less is none: what is still comes to rest.
const STILL: f32 = 0.01;
/// The most that is added.
const MOST: f32 = 70.0;

/// What a value should be more than its neighbor's, in three channels, and how much that counts.
type Step = [f32; 4];

#[derive(Default)]
pub(in crate::models) struct Evened {
    values: Vec<[f32; 4]>,
    equations: Vec<Equation>,
}

/// What the value of a place follows from.
struct Equation {
    /// Neighbors, and in what parts their values count.
    near: [u32; 4],
    parts: [f32; 4],
    /// What is added to that.
    sum: [f32; 4],
}

impl Evened {
    /// Forgets what was found for the last frame.
    pub fn restart(&mut self) {
        self.values.clear();
    }

    /// Comes closer in some rounds. The result, of which the fourth value says nothing, is meant for
    /// the places of the hole.
    pub fn approach(
        &mut self,
        patches: &Patches,
        color: impl Fn(usize) -> [f32; 3],
        rounds: usize,
    ) -> &[[f32; 4]] {
        self.values.resize(patches.hole.len(), [0.0; 4]);
        for (value, &hole) in self.values.iter_mut().zip(&patches.hole) {
            if !hole {
                *value = [0.0; 4];
            }
        }
        self.equations.clear();
        self.equations.reserve(patches.hole.len());
        self.equations
            .extend(patches.places.iter().map(|&at| equation(patches, &color, at as usize)));
        let values = &mut self.values[..];
        wide(
            #[inline(always)]
            || {
                for _ in 0..rounds {
                    for (&at, equation) in patches.places.iter().zip(&self.equations) {
                        let mut wanted = equation.sum;
                        for (&near, part) in equation.near.iter().zip(equation.parts) {
                            let value = values[near as usize];
                            for c in 0..4 {
                                wanted[c] += part * value[c];
                            }
                        }
                        let value = &mut values[at as usize];
                        for c in 0..4 {
                            let change = OVER * (wanted[c] - value[c]);
                            let change = if change.abs() > STILL { change } else { 0.0 };
                            value[c] = (value[c] + change).max(-MOST).min(MOST);
                        }
                    }
                }
            },
        );
        &self.values
    }
}

fn equation(patches: &Patches, color: &impl Fn(usize) -> [f32; 3], at: usize) -> Equation {
    let (width, height) = (patches.width, patches.height);
    let (x, y) = (at % width, at / width);
    let neighbors = [
        (x > 0).then(|| at - 1),
        (x + 1 < width).then(|| at + 1),
        (y > 0).then(|| at - width),
        (y + 1 < height).then(|| at + width),
    ];
    let mut made = Equation { near: [at as u32; 4], parts: [0.0; 4], sum: [0.0; 4] };
    let mut whole = REST;
    for (number, near) in neighbors.into_iter().enumerate() {
        let Some(near) = near else { continue };
        let [r, g, b, part] = step(patches, color, at, near);
        made.near[number] = near as u32;
        made.parts[number] = part;
        for (sum, step) in made.sum.iter_mut().zip([r, g, b]) {
            *sum += step * part;
        }
        whole += part;
    }
    made.parts = made.parts.map(|part| part / whole);
    made.sum = made.sum.map(|sum| sum / whole);
    made
}

/// What `at` should be more than `near`.
fn step(patches: &Patches, color: &impl Fn(usize) -> [f32; 3], at: usize, near: usize) -> Step {
    let copied = |at: usize, shift: Shift| color(patches.source(at, shift));
    let leads = |at: usize| patches.hole[at] && patches.leads(at, patches.shifts[at]);
    let (a, b) = (patches.shifts[at], patches.shifts[near]);
    let step = match (leads(at), leads(near)) {
        (true, true) if a == b => return [0.0, 0.0, 0.0, 1.0],
        (true, true) => {
            let (here, there) = (copied(at, a), copied(near, b));
            let (other, another) = (copied(near, a), copied(at, b));
            std::array::from_fn::<_, 3, _>(|c| {
                0.5 * (here[c] - other[c] + another[c] - there[c]) - (here[c] - there[c])
            })
        }
        (true, false) if !patches.hole[near] => {
            let (known, instead) = (color(near), copied(near, a));
            std::array::from_fn(|c| known[c] - instead[c])
        }
        _ => return [0.0; 4],
    };
    let most = step.iter().fold(0.0_f32, |most, step| most.max(step.abs()));
    // What hardly counts would take long to have its way.
    let part = 1.0 - most / LIGHT;
    [step[0], step[1], step[2], if part > 0.1 { part } else { 0.0 }]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (30, 24);

    /// A hole of two pieces: the left one is copied from 11 to the left, the right one from 10 to the
    /// right.
    fn pieces(color: impl Fn(usize) -> [f32; 3]) -> Patches {
        let mut patches = Patches::default();
        let inside =
            |at: usize| (12..19).contains(&(at % SIZE.0)) && (8..15).contains(&(at / SIZE.0));
        let pixel = |at: usize| {
            let [r, g, b] = color(at).map(|level| level as u8);
            [r, g, b, 0]
        };
        patches.set(SIZE, SIZE, pixel, inside);
        for at in 0..SIZE.0 * SIZE.1 {
            if inside(at) {
                patches.shifts[at] = if at % SIZE.0 < 16 { [-9, 0] } else { [8, 0] };
            }
        }
        patches
    }

    #[test]
    fn a_slope_of_light_goes_on() {
        let color = |at: usize| [60.0 + (at % SIZE.0) as f32, 100.0, 160.0 - (at / SIZE.0) as f32];
        let patches = pieces(color);
        let mut evened = Evened::default();
        let values = evened.approach(&patches, color, 200);
        for &at in &patches.places {
            let at = at as usize;
            let copied = color(patches.source(at, patches.shifts[at]));
            for c in 0..3 {
                let made = copied[c] + values[at][c];
                assert!((made - color(at)[c]).abs() < 0.5, "{at}: {made}");
            }
        }
    }

    #[test]
    fn the_border_of_a_thing_is_no_light() {
        // Much brighter on the right.
        let color = |at: usize| [if at % SIZE.0 < 19 { 50.0 } else { 200.0 }; 3];
        let patches = pieces(color);
        let mut evened = Evened::default();
        let values = evened.approach(&patches, color, 200);
        for &at in &patches.places {
            assert!(values[at as usize][0].abs() < 1.0, "{at}");
        }
    }

    #[test]
    fn it_comes_to_the_solution_of_the_equations_and_stays() {
        let color = |at: usize| [((at * 7) % 23) as f32 + 90.0, ((at * 5) % 17) as f32, 7.0];
        let patches = pieces(color);
        let mut evened = Evened::default();
        evened.approach(&patches, color, 300);
        let values = evened.values.clone();
        for &at in &patches.places {
            // What every value is by its neighbors'.
            let at = at as usize;
            let (mut sum, mut whole) = ([0.0; 3], REST);
            for near in [at - 1, at + 1, at - SIZE.0, at + SIZE.0] {
                let [r, g, b, part] = step(&patches, &color, at, near);
                for (c, step) in [r, g, b].into_iter().enumerate() {
                    sum[c] += part * (values[near][c] + step);
                }
                whole += part;
            }
            for c in 0..3 {
                assert!((values[at][c] - sum[c] / whole).abs() < 0.01, "{at}");
            }
        }
        assert!(evened.approach(&patches, color, 4) == values);
    }
}
