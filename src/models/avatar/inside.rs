//! The inside of a mouth, painted: the dark, the tongue, the teeth, in the light of the portrait.

use super::mouth::Mouth;
use super::tones::Tones;

/// Where the gaps between the upper teeth are, in half widths of the mouth from the middle.
const GAPS: [f32; 6] = [0.0, 0.29, 0.52, 0.70, 0.84, 0.95];
/// Places between the middle and a corner at which it is known how much they are in a gap.
const PLACES: usize = 256;

/// What is painted at a moment.
pub(super) struct Inside {
    tones: Tones,
    mouth: Mouth,
    /// Pixels in a half width.
    half: f32,
    gaps: [f32; PLACES],
}

impl Inside {
    pub fn new(tones: Tones, mouth: Mouth, half: f32) -> Self {
        // Teeth touch: between them is a shade, and no line.
        let width = 0.8 / half + 0.012;
        let gaps = std::array::from_fn(|place| {
            let side = place as f32 / PLACES as f32;
            let near = GAPS.iter().map(|gap| (-((side - gap) / width).powi(2)).exp());
            near.fold(0.0, f32::max)
        });
        Self { tones, mouth, half, gaps }
    }

    /// How far lips that are rounded let teeth be seen.
    pub fn bared(&self) -> f32 {
        (1.0 - 1.3 * self.mouth.round).max(0.0)
    }

    /// The color at a place: along the mouth from corner to corner; half widths below where the
    /// lips of the portrait meet, for what goes with the skull and for what goes with the jaw; and
    /// pixels below the upper lip and above the lower lip.
    pub fn color(&self, u: f32, (skull, jaw): (f32, f32), under: f32, over: f32) -> [f32; 3] {
        let Self { tones, mouth, half, .. } = self;
        let soft = 1.6 / half;
        let side = u.abs();
        let mut color = tones.dark;

        // The tongue lies on the floor, and rises for front vowels.
        let (tu, tv) = (u / (0.66 - 0.1 * mouth.round), jaw + 0.06 + 0.13 * mouth.tongue);
        let hump = 0.27 + 0.08 * mouth.tongue;
        let lift = 1.0 - (tu * tu + (tv / hump).powi(2));
        let tongue = step(lift, 0.0, 0.5);
        if tongue > 0.0 {
            let shine = 0.42 + 0.40 * lift.clamp(0.0, 1.0);
            // Light falls in from the front and above.
            let depth = (over / (0.5 * half)).clamp(0.0, 1.0);
            let light = shine * (1.0 - 0.6 * depth) * (1.0 - 0.5 * mouth.round);
            blend(&mut color, tones.tongue.map(|level| level * light), tongue * 0.9);
        }

        // The lower teeth go with the jaw; the lip hides most of them.
        let low_edge = -0.055 + 0.12 * u * u;
        let low = step(jaw - low_edge, -soft, soft) * (1.0 - step(side, 0.42, 0.62));
        if low > 0.0 {
            let gap = self.gap(side * 1.45) * 0.2;
            let light = (0.56 - 0.5 * side * side) * (1.0 - gap);
            blend(&mut color, tones.teeth.map(|level| level * light), low * 0.8 * self.bared());
        }

        // The upper teeth stay with the skull; the outer are higher and in the shade of the cheek.
        let gaps = self.gap(side);
        let edge = 0.050 + 0.060 * mouth.teeth + 0.14 * mouth.tuck
            - 0.16 * mouth.round
            - 0.10 * side * side
            - 0.012 * gaps;
        let up = step(edge - skull, -soft, soft) * (1.0 - step(side, 0.72, 0.95));
        if up > 0.0 {
            // Rounder to the sides, a little glassy at the edge.
            let turned = 1.0 - 0.55 * side * side;
            let glass = 1.0 - 0.10 * step(skull - edge + 0.06, 0.0, 0.06);
            let light = 0.96 * turned * glass * (1.0 - 0.09 * gaps) * (1.0 - 0.4 * mouth.round);
            blend(&mut color, tones.teeth.map(|level| level * light), up);
        }
        let shade = self.shade(u, under, over);
        color = color.map(|level| level * shade);
        // Lips go on inward, and have no edge.
        let inner = |off: f32, reach: f32| 1.0 - step(off, -0.02 * half, reach * half);
        blend(&mut color, tones.lip.map(|level| level * 0.9), 0.85 * inner(over, 0.10));
        blend(&mut color, tones.lip.map(|level| level * 0.5), 0.5 * inner(under, 0.05));
        color
    }

    /// What the lips and the corners leave of the light.
    pub fn shade(&self, u: f32, under: f32, over: f32) -> f32 {
        let half = self.half;
        let upper = 0.55 + 0.45 * step(under, -0.01 * half, 0.13 * half);
        let lower = 0.75 + 0.25 * step(over, -0.01 * half, 0.07 * half);
        upper * lower * (1.0 - 0.5 * step(u.abs(), 0.55, 1.0))
    }

    /// How much a place is in the gap between two teeth.
    fn gap(&self, side: f32) -> f32 {
        self.gaps.get((side * PLACES as f32) as usize).copied().unwrap_or(0.0)
    }
}

fn step(value: f32, low: f32, high: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn blend(color: &mut [f32; 3], other: [f32; 3], part: f32) {
    for (level, other) in color.iter_mut().zip(other) {
        *level += (other - *level) * part;
    }
}
