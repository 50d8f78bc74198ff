//! Carries the look of one picture over to another.
//!
//! Colors: optimal transport in Oklab by slices, after Pitié, Kokaram and Dahyot, "Automated colour
//! grading using colour distribution transfer" (2007), and Rabin, Delon and Gousseau, "Regularization
//! of transportation maps for color and contrast transfer" (2010): what the samples move by is
//! smoothed over the space of colors into a table, so that near colors stay near. Contrast: two bands
//! of the luma, each given the swing that it has in the reference.

use std::sync::Arc;

use super::study::{Contrast, SAMPLES, Study, measure, sample};
use crate::models::operators::{Blur, Brief, Image, Lab, Lut, Plane, alter, from_lab, to_lab};

/// Turns of the axes along which colors are moved.
const TURNS: usize = 9;
/// Nodes to a side of the table of moves.
const SIDE: usize = 17;
const NODES: usize = SIDE * SIDE * SIDE;
/// Frames between two looks at the video.
const INTERVAL: u32 = 24;
/// How much of the way to the newest table is gone with every frame.
const FOLLOW: f32 = 0.12;
/// The most that a band of contrast is weakened and strengthened.
const GAINS: (f32, f32) = (0.55, 1.9);

pub(in crate::models) struct Transfer {
    study: Arc<Study>,
    lut: Lut,
    /// The moves that are shown, and those that are aimed at.
    shown: Vec<Lab>,
    aim: Vec<Lab>,
    gains: [f32; 2],
    aimed_gains: [f32; 2],
    age: u32,
    own: Vec<Lab>,
    moved: Vec<Lab>,
    orders: [Vec<(f32, u32)>; 2],
    /// Sums of moves and of weights, by color.
    grid: Vec<[f32; 4]>,
    spare: Vec<[f32; 4]>,
    coarse: Vec<[f32; 4]>,
    blur: Blur,
}

impl Transfer {
    pub fn to(study: Arc<Study>) -> Self {
        Self {
            study,
            lut: Lut::of(|color| color),
            shown: vec![[0.0; 3]; NODES],
            aim: vec![[0.0; 3]; NODES],
            gains: [1.0; 2],
            aimed_gains: [1.0; 2],
            age: 0,
            own: Vec::with_capacity(SAMPLES),
            moved: Vec::with_capacity(SAMPLES),
            orders: [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)],
            grid: vec![[0.0; 4]; NODES],
            spare: vec![[0.0; 4]; NODES],
            coarse: vec![[0.0; 4]; NODES],
            blur: Blur::default(),
        }
    }

    /// Gives a picture the look of the reference.
    pub fn apply(&mut self, image: &mut Image) {
        let unit = image.width().max(image.height()) as f32 / 1280.0;
        let look = self.age.is_multiple_of(INTERVAL);
        if look {
            self.aim_at(image);
        }
        self.follow();
        self.lut.apply(image);
        let brief = || Brief::<Plane>::of(image.width(), image.height());
        let (luma, mut soft, mut base) = (Brief::luma_of(image), brief(), brief());
        let own = measure(&luma, unit, &mut self.blur, &mut soft, &mut base);
        if look {
            self.aimed_gains = gains(self.study.contrast, own);
            if self.age == 0 {
                self.gains = self.aimed_gains;
            }
        }
        self.age = self.age.wrapping_add(1).max(1);
        let [fine, wide] = self.gains.map(|gain| gain - 1.0);
        alter(
            image,
            [&luma, &soft, &base],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, color, [luma, soft, base]| {
                    let more = fine * (luma - soft) + wide * (soft - base);
                    [color[0] + more, color[1] + more, color[2] + more]
                }
            },
        );
    }

    /// Moves the colors of this frame onto those of the reference, and makes a table of it.
    fn aim_at(&mut self, frame: &Image) {
        sample(frame, &mut self.own);
        self.moved.clear();
        self.moved.extend_from_slice(&self.own);
        for turn in 0..TURNS {
            for axis in axes(turn) {
                self.slice(axis);
            }
        }
        self.spread();
    }

    /// Moves the samples along one axis so that they lie as those of the reference do.
    fn slice(&mut self, axis: [f32; 3]) {
        let along = |color: &Lab| color[0] * axis[0] + color[1] * axis[1] + color[2] * axis[2];
        let [own, wanted] = &mut self.orders;
        for (order, colors) in [(&mut *own, &self.moved), (&mut *wanted, &self.study.colors)] {
            order.clear();
            order.extend(colors.iter().zip(0..).map(|(color, at)| (along(color), at)));
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        for (&(from, at), &(to, _)) in own.iter().zip(wanted.iter()) {
            let color = &mut self.moved[at as usize];
            for c in 0..3 {
                color[c] += (to - from) * axis[c];
            }
        }
    }

    /// Smooths the moves of the samples over the space of colors.
    fn spread(&mut self) {
        self.grid.fill([0.0; 4]);
        for (own, moved) in self.own.iter().zip(&self.moved) {
            let node = node_of(from_lab(*own));
            for c in 0..3 {
                self.grid[node][c] += moved[c] - own[c];
            }
            self.grid[node][3] += 1.0;
        }
        for _ in 0..5 {
            blur(&mut self.grid, &mut self.spare);
        }
        self.coarse.copy_from_slice(&self.grid);
        for _ in 0..30 {
            blur(&mut self.coarse, &mut self.spare);
        }
        // Where the frame has few colors, the neighbours far around speak.
        let trust = 0.15 * SAMPLES as f32 / NODES as f32;
        for ((aim, near), far) in self.aim.iter_mut().zip(&self.grid).zip(&self.coarse) {
            let weight = near[3] + trust;
            for c in 0..3 {
                let mean = far[c] / (far[3] + 1e-9);
                aim[c] = (near[c] + trust * mean) / weight;
            }
        }
    }

    /// Goes a part of the way, so that nothing jumps.
    fn follow(&mut self) {
        let part = if self.age == 0 { 1.0 } else { FOLLOW };
        for (gain, aim) in self.gains.iter_mut().zip(self.aimed_gains) {
            *gain += (aim - *gain) * part;
        }
        let mut change: f32 = 0.0;
        for (shown, aim) in self.shown.iter_mut().zip(&self.aim) {
            for c in 0..3 {
                let step = aim[c] - shown[c];
                change = change.max(step.abs());
                shown[c] += step * part;
            }
        }
        if change < 2e-4 {
            return;
        }
        let shown = &self.shown;
        self.lut.remake(|color| {
            let lab = to_lab(color);
            let by = shown[node_of(color)];
            // Chroma is not driven beyond what the light allows.
            let light = (lab[0] + by[0]).clamp(0.0, 1.0);
            from_lab([light, lab[1] + by[1], lab[2] + by[2]])
        });
    }
}

fn gains(wanted: Contrast, own: Contrast) -> [f32; 2] {
    // A plain frame has nothing to strengthen.
    let gain = |wanted: f32, own: f32| ((wanted + 0.3) / (own + 0.3)).clamp(GAINS.0, GAINS.1);
    [gain(wanted.fine, own.fine), gain(wanted.wide, own.wide)]
}

/// The nearest node of a color, levels 0 to 255.
fn node_of(color: [f32; 3]) -> usize {
    let [r, g, b] = color.map(|level| ((level / 16.0).round() as usize).min(SIDE - 1));
    (r * SIDE + g) * SIDE + b
}

/// Three axes at right angles, others for every turn.
fn axes(turn: usize) -> [[f32; 3]; 3] {
    if turn == 0 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    // A rotation by three angles that never repeat.
    let at = turn as f32;
    let (sa, ca) = (at * 2.399_963).sin_cos();
    let (sb, cb) = (at * 1.148_7 + 0.3).sin_cos();
    let (sc, cc) = (at * 0.754_9 + 0.7).sin_cos();
    [
        [ca * cb, ca * sb * sc - sa * cc, ca * sb * cc + sa * sc],
        [sa * cb, sa * sb * sc + ca * cc, sa * sb * cc - ca * sc],
        [-sb, cb * sc, cb * cc],
    ]
}

/// One pass of a short bell along each axis; sums are kept.
fn blur(grid: &mut Vec<[f32; 4]>, spare: &mut Vec<[f32; 4]>) {
    for step in [1, SIDE, SIDE * SIDE] {
        for (at, out) in spare.iter_mut().enumerate() {
            let place = at / step % SIDE;
            let before = if place > 0 { at - step } else { at };
            let after = if place + 1 < SIDE { at + step } else { at };
            for c in 0..4 {
                out[c] = 0.25 * (grid[before][c] + grid[after][c]) + 0.5 * grid[at][c];
            }
        }
        std::mem::swap(grid, spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(color: impl Fn(usize) -> [u8; 3]) -> Vec<u8> {
        (0..120 * 80).flat_map(color).collect()
    }

    fn frame() -> Image {
        let mut image = Image::default();
        let colors = packed(|at| [(at % 120 * 2) as u8, (at / 120 * 3) as u8, 90]);
        image.split(&colors, 120, 80);
        image
    }

    fn means(image: &Image) -> [f32; 3] {
        let count = image.planes[0].data.len() as f32;
        image
            .planes
            .each_ref()
            .map(|plane| plane.data.iter().map(|&level| f32::from(level)).sum::<f32>() / count)
    }

    #[test]
    fn the_palette_becomes_that_of_the_reference() {
        let reference =
            packed(|at| [180 + (at % 60) as u8, 120 + (at % 50) as u8, (at % 40) as u8]);
        let mut wanted = Image::default();
        wanted.split(&reference, 120, 80);
        let study = Arc::new(Study::of(&reference, 120, 80));
        let mut transfer = Transfer::to(study);
        let mut out = frame();
        transfer.apply(&mut out);
        for (got, wanted) in means(&out).into_iter().zip(means(&wanted)) {
            assert!((got - wanted).abs() < 16.0, "{got} for {wanted}");
        }
    }

    #[test]
    fn a_frame_is_its_own_reference() {
        let mut pixels = vec![0; 120 * 80 * 3];
        frame().merge(&mut pixels);
        let mut transfer = Transfer::to(Arc::new(Study::of(&pixels, 120, 80)));
        let mut out = frame();
        transfer.apply(&mut out);
        let off: u64 = (0..3)
            .flat_map(|c| {
                out.planes[c].data.clone().into_iter().zip(frame().planes[c].data.clone())
            })
            .map(|(a, b)| u64::from(a.abs_diff(b)))
            .sum();
        assert!(off < 4 * 120 * 80 * 3, "{}", off as f64 / (120.0 * 80.0 * 3.0));
    }

    #[test]
    fn a_still_frame_comes_to_rest() {
        let study = Arc::new(Study::of(&packed(|at| [(at % 200) as u8, 40, 160]), 120, 80));
        let mut transfer = Transfer::to(study);
        let mut out = frame();
        transfer.apply(&mut out);
        let first = out;
        for _ in 0..30 {
            let mut out = frame();
            transfer.apply(&mut out);
            assert_eq!(out, first);
        }
    }
}
