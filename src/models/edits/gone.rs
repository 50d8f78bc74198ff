//! Taken away: completed by copying from elsewhere in the picture.
//!
//! Which place is copied to which is found on a small picture ([`Completion`]) and carried out on the
//! large one ([`shifted`]), as in Pritch, Kav-Venaki and Peleg, "Shift-map image editing" (2009).
//! The light of what is copied is evened out with what lies around ([`Evened`]). Where too little of
//! the picture is left to copy from, it is filled smoothly ([`Membrane`]).

use super::Edit;
use crate::models::operators::{
    Brief, Cell, Completed, Completion, Double, Evened, Image, Membrane, Plane, halve, shifted,
    wide,
};
use crate::models::pipeline::Moment;

/// The small picture is at most so wide or high.
const SMALL: usize = 160;
/// Cells of the largest pictures.
const MOST_STEPS: usize = 6;
/// Rounds in which the light of what is copied is evened out, for the first frame and for others.
const FIRST_ROUNDS: usize = 120;
const ROUNDS: usize = 6;

#[derive(Default)]
pub(super) struct Gone {
    small: Small,
    completion: Completion,
    evened: Evened,
    membrane: Membrane,
    cells: Vec<Cell>,
    filled: Image,
    double: Double,
}

/// A frame, its mask and its texture at a fraction of their size.
#[derive(Default)]
struct Small {
    colors: Image,
    mask: Plane,
    texture: Plane,
    hole: Vec<bool>,
    steps: usize,
}

impl Small {
    fn take(&mut self, frame: &Image, mask: &Plane) {
        let (width, height) = (frame.width(), frame.height());
        self.steps = 0;
        while self.steps < MOST_STEPS && (width.max(height) - 1) >> self.steps >= SMALL {
            self.steps += 1;
        }
        for (from, to) in frame.planes.iter().zip(&mut self.colors.planes) {
            reduce(from, to, self.steps);
        }
        reduce(mask, &mut self.mask, self.steps);
        if self.steps == 0 {
            self.texture.fit(width, height);
            self.texture.data.fill(0);
        } else {
            let mut range = Brief::<Plane>::of(width.div_ceil(2), height.div_ceil(2));
            ranges(&frame.planes[1], &mut range);
            reduce(&range, &mut self.texture, self.steps - 1);
        }
        // Pixels of a hole lie between the middles of cells, which are all to be of it.
        let (columns, rows) = (self.mask.width, self.mask.height);
        self.hole.clear();
        for y in 0..rows {
            for x in 0..columns {
                let near = x.saturating_sub(1)..(x + 2).min(columns);
                let rows = y.saturating_sub(1)..(y + 2).min(rows);
                let any = rows
                    .clone()
                    .any(|y| self.mask.row(y)[near.clone()].iter().any(|&level| level > 0));
                self.hole.push(any);
            }
        }
    }
}

/// Half the size, `steps` times.
fn reduce(from: &Plane, to: &mut Plane, steps: usize) {
    let size = |step: usize| {
        let half = |size: usize| (0..step).fold(size, |size, _| size.div_ceil(2));
        (half(from.width), half(from.height))
    };
    match steps {
        0 => to.copy_from(from),
        1 => halve(from, to),
        _ => {
            let (width, height) = size(1);
            let mut above = Brief::<Plane>::of(width, height);
            halve(from, &mut above);
            for step in 2..steps {
                let (width, height) = size(step);
                let mut below = Brief::<Plane>::of(width, height);
                halve(&above, &mut below);
                above = below;
            }
            halve(&above, to);
        }
    }
}

/// How far apart the levels of each square of two by two are, stretched.
fn ranges(from: &Plane, to: &mut Plane) {
    to.fit(from.width.div_ceil(2), from.height.div_ceil(2));
    let width = from.width / 2;
    for y in 0..to.height {
        let upper = from.row(2 * y);
        let lower = from.row((2 * y + 1).min(from.height - 1));
        let out = to.row_mut(y);
        wide(
            #[inline(always)]
            || {
                let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                for (out, (a, b)) in out.iter_mut().zip(pairs) {
                    let most = a[0].max(a[1]).max(b[0].max(b[1]));
                    let least = a[0].min(a[1]).min(b[0].min(b[1]));
                    *out = (most - least).saturating_mul(2);
                }
            },
        );
        if width < out.len() {
            out[width] = if width > 0 { out[width - 1] } else { 0 };
        }
    }
}

impl Gone {
    /// What is to be copied to each cell of the hole, and how it is lit.
    fn plan(&mut self, rounds: usize) {
        let patches = self.completion.patches();
        let (width, height) = (patches.width, patches.height);
        let side = 1_i16 << self.small.steps;
        let colors = &self.small.colors;
        let color = |at: usize| colors.planes.each_ref().map(|plane| f32::from(plane.data[at]));
        let lights = self.evened.approach(patches, color, rounds);
        self.cells.clear();
        self.cells.resize(width * height, Cell::default());
        for &at in &patches.places {
            let at = at as usize;
            let shift = patches.shifts[at];
            let cell = &mut self.cells[at];
            if !patches.leads(at, shift) {
                continue;
            }
            cell.light = std::array::from_fn(|c| (lights[at][c] * 16.0).round() as i16);
            cell.shift = shift.map(|step| step * side);
            cell.wanted = true;
        }
    }

    /// Fills the hole smoothly.
    fn smooth(&mut self, frame: &Image, out: &mut Image) {
        let Small { colors, mask, steps, .. } = &self.small;
        let (width, height) = (mask.width, mask.height);
        let filled = self.membrane.fill(width, height, |at| {
            let [r, g, b] = colors.planes.each_ref().map(|plane| f32::from(plane.data[at]));
            // What is a little masked is at the rim, and no longer what surrounds.
            [r, g, b, if mask.data[at] > 6 { 0.0 } else { 1.0 }]
        });
        self.filled.fit(width, height);
        for (at, pixel) in filled.iter().enumerate() {
            for (plane, level) in self.filled.planes.iter_mut().zip(pixel) {
                plane.data[at] = (level + 0.5) as u8;
            }
        }
        for (from, to) in self.filled.planes.iter().zip(&mut out.planes) {
            enlarge(&mut self.double, from, to, *steps, (frame.width(), frame.height()));
        }
    }
}

/// Twice the size, `steps` times, to a `size`.
fn enlarge(double: &mut Double, from: &Plane, to: &mut Plane, steps: usize, size: (usize, usize)) {
    if steps == 0 {
        to.copy_from(from);
        return;
    }
    let halved = |step: usize| {
        let half = |size: usize| (0..step).fold(size, |size, _| size.div_ceil(2));
        (half(size.0), half(size.1))
    };
    let mut last = Brief::<Plane>::of(from.width, from.height);
    last.copy_from(from);
    for step in (1..steps).rev() {
        let (width, height) = halved(step);
        let mut larger = Brief::<Plane>::of(width, height);
        double.to(&last, &mut larger, width, height);
        last = larger;
    }
    double.to(&last, to, size.0, size.1);
}

impl Edit for Gone {
    fn reach(&self) -> f32 {
        10.0
    }

    fn paint(&mut self, frame: &Image, mask: &Plane, _: Moment, out: &mut Image) {
        self.small.take(frame, mask);
        let side = 1 << self.small.steps;
        // What is copied lies up to one and a half cells around the middle of one.
        let usable = [frame.width(), frame.height()].map(|size| (size / side).saturating_sub(1));
        let Small { colors, texture, hole, .. } = &self.small;
        let size = (colors.width(), colors.height());
        let [r, g, b] = colors.planes.each_ref().map(|plane| &plane.data);
        let pixel = |at: usize| [r[at], g[at], b[at], texture.data[at]];
        let usable = (usable[0], usable[1]);
        let rounds = match self.completion.update(size, usable, pixel, |at| hole[at]) {
            Completed::Not => return self.smooth(frame, out),
            Completed::Anew => {
                self.evened.restart();
                FIRST_ROUNDS
            }
            Completed::Again => ROUNDS,
        };
        out.copy_from(frame);
        self.plan(rounds);
        shifted(frame, &self.cells, side, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::{hash, portably};

    const NOW: Moment = Moment { time: 0.0, fine: true };

    #[test]
    fn a_gap_takes_the_colors_around_it() {
        // A slope from dark to bright with a red square in it.
        let inside = |x: usize, y: usize| (50..110).contains(&x) && (30..90).contains(&y);
        let level = |c: usize| {
            move |x: usize, y: usize| if inside(x, y) { [250, 10, 10][c] } else { 40 + x as u8 }
        };
        let frame = Image { planes: std::array::from_fn(|c| Plane::of(160, 120, level(c))) };
        let mask = Plane::of(160, 120, |x, y| if inside(x, y) { 255 } else { 0 });
        let mut out = Image::default();
        Gone::default().paint(&frame, &mask, NOW, &mut out);
        for (x, wanted) in [(56, 96.0), (80, 120.0), (104, 144.0)] {
            let [r, g, b] = out.color(x, 60);
            assert!((r - wanted).abs() < 22.0 && r == g && g == b, "{x}: {r} {g} {b}");
        }
    }

    #[test]
    fn steps_are_not_seen_in_the_filling() {
        let frame = Image {
            planes: std::array::from_fn(|_| Plane::of(200, 160, |x, y| (60 + x / 2 + y / 2) as u8)),
        };
        let mask = Plane::of(200, 160, |x, y| {
            if (40..160).contains(&x) && (30..130).contains(&y) { 255 } else { 0 }
        });
        let mut out = Image::default();
        Gone::default().paint(&frame, &mask, NOW, &mut out);
        let row = out.planes[0].row(80);
        for x in 60..140 {
            assert!(row[x].abs_diff(row[x - 1]) <= 3, "{x}: {} {}", row[x - 1], row[x]);
        }
    }

    #[test]
    fn any_size_is_filled() {
        for (width, height) in [(1, 1), (2, 5), (7, 1), (33, 17)] {
            let frame = Image { planes: std::array::from_fn(|_| Plane::filled(width, height, 90)) };
            let mut out = Image::default();
            let mut gone = Gone::default();
            for level in [0, 255] {
                gone.paint(&frame, &Plane::filled(width, height, level), NOW, &mut out);
                assert_eq!((out.width(), out.height()), (width, height));
            }
        }
    }

    fn gray(level: impl Fn(usize, usize) -> u8) -> Image {
        Image { planes: std::array::from_fn(|_| Plane::of(640, 352, &level)) }
    }

    fn removed(frame: &Image, mask: &Plane) -> Image {
        let mut out = Image::default();
        Gone::default().paint(frame, mask, NOW, &mut out);
        out
    }

    /// The mean error inside, and how much neighbors differ on average.
    fn judged(made: &Image, truth: &Image, mask: &Plane) -> (f64, f64) {
        let (made, truth) = (&made.planes[0], &truth.planes[0]);
        let (mut error, mut change, mut count) = (0.0, 0.0, 0.0);
        for (at, &level) in mask.data.iter().enumerate() {
            if level == 255 {
                error += f64::from(made.data[at].abs_diff(truth.data[at]));
                change += f64::from(made.data[at].abs_diff(made.data[at - 1]));
                count += 1.0;
            }
        }
        (error / count, change / count)
    }

    fn stripes(_: usize, y: usize) -> u8 {
        if y % 32 < 16 { 70 } else { 190 }
    }

    fn bricks(x: usize, y: usize) -> u8 {
        let shifted = x + y / 32 % 2 * 32;
        if y % 32 < 4 || shifted % 64 < 4 { 200 } else { 110 + (y / 32 * 5 % 3) as u8 }
    }

    fn noise(x: usize, y: usize) -> u8 {
        90 + (hash(4, x as u32, y as u32) >> 26) as u8
    }

    /// In the middle, at the lower and at the right border.
    fn holes() -> [Plane; 3] {
        [(240..380, 110..240), (200..330, 230..352), (520..640, 90..220)].map(|(xs, ys)| {
            Plane::of(640, 352, |x, y| if xs.contains(&x) && ys.contains(&y) { 255 } else { 0 })
        })
    }

    #[test]
    fn structure_goes_on_through_the_hole() {
        for (name, texture) in [("stripes", stripes as fn(usize, usize) -> u8), ("bricks", bricks)]
        {
            let truth = gray(texture);
            for (number, mask) in holes().iter().enumerate() {
                let mut gone = Gone::default();
                let mut smooth = Image::default();
                gone.small.take(&truth, mask);
                gone.smooth(&truth, &mut smooth);
                let (plain, _) = judged(&smooth, &truth, mask);
                let (error, _) = judged(&removed(&truth, mask), &truth, mask);
                assert!(error * 3.0 < plain, "{name} {number}: {error:.1} of {plain:.1}");
            }
        }
    }

    #[test]
    fn texture_goes_on_through_the_hole() {
        let truth = gray(noise);
        for mask in &holes() {
            let (_, wanted) = judged(&truth, &truth, mask);
            let (_, change) = judged(&removed(&truth, mask), &truth, mask);
            assert!(change > 0.8 * wanted && change < 1.2 * wanted, "{change:.1} of {wanted:.1}");
        }
    }

    #[test]
    fn rough_goes_on_as_rough_and_smooth_as_smooth() {
        // Of one mean, and a border between them in the hole.
        let truth = gray(|x, y| if y < 176 { 121 } else { noise(x, y) });
        let [mask, ..] = holes();
        let made = removed(&truth, &mask);
        for (rows, rough) in [(120..165, false), (190..230, true)] {
            for y in rows {
                let row = &made.planes[0].row(y)[250..370];
                let change: u32 =
                    row.windows(2).map(|two| u32::from(two[0].abs_diff(two[1]))).sum();
                assert_eq!(change > 600, rough, "{y}: {change}");
            }
        }
    }

    #[test]
    fn nothing_is_copied_from_what_is_removed() {
        let mask = &holes()[0];
        let mut frame = gray(noise);
        for (at, &level) in mask.data.iter().enumerate() {
            if level > 0 {
                (frame.planes[0].data[at], frame.planes[2].data[at]) = (255, 0);
            }
        }
        let made = removed(&frame, mask);
        for y in 110..240 {
            for x in 240..380 {
                let [r, g, b] = made.color(x, y);
                assert!(r - g < 4.0 && g - b < 4.0, "{x} {y}: {r} {g} {b}");
            }
        }
    }

    #[test]
    fn a_slope_of_light_has_no_seam() {
        // Nowhere else is it as bright as in the hole.
        let slope = |x: usize, y: usize| 40.0 + x as f64 * 0.2 + y as f64 * 0.1;
        let truth = gray(|x, y| slope(x, y) as u8);
        for mask in &holes() {
            let (error, _) = judged(&removed(&truth, mask), &truth, mask);
            assert!(error < 3.0, "{error:.1}");
        }
    }

    #[test]
    fn the_same_is_made_of_the_same() {
        let [mask, ..] = holes();
        let frame = gray(bricks);
        assert!(removed(&frame, &mask) == removed(&frame, &mask));
        assert!(removed(&frame, &mask) == portably(|| removed(&frame, &mask)));
    }

    #[test]
    fn still_input_gives_still_output() {
        let [mask, ..] = holes();
        let frame = gray(|x, y| noise(x, y) / 2 + bricks(x, y) / 2 + (x / 8) as u8);
        let (mut gone, mut first, mut made) = (Gone::default(), Image::default(), Image::default());
        gone.paint(&frame, &mask, NOW, &mut first);
        for _ in 0..20 {
            gone.paint(&frame, &mask, NOW, &mut made);
        }
        let mut last = Image::default();
        gone.paint(&frame, &mask, NOW, &mut last);
        assert!(last == made);
        // It came to rest close to where it began.
        let moved = made.planes[0].data.iter().zip(&first.planes[0].data);
        assert!(moved.map(|(a, b)| a.abs_diff(*b)).max() <= Some(3));
    }

    #[test]
    fn it_trembles_no_more_than_the_frame() {
        let [mask, ..] = holes();
        let (mut gone, mut before) = (Gone::default(), Image::default());
        for tick in 0..12_u32 {
            let frame = gray(|x, y| bricks(x, y) + (hash(tick, x as u32, y as u32) >> 29) as u8);
            let mut made = Image::default();
            gone.paint(&frame, &mask, NOW, &mut made);
            if tick > 0 {
                let (change, _) = judged(&made, &before, &mask);
                assert!(change < 3.3, "{tick}: {change:.1}");
            }
            before = made;
        }
    }

    #[test]
    fn where_little_is_left_it_is_filled_smoothly() {
        let frame = gray(stripes);
        let mask = Plane::of(640, 352, |x, _| if (1..600).contains(&x) { 255 } else { 0 });
        let (_, change) = judged(&removed(&frame, &mask), &frame, &mask);
        assert!(change < 0.5, "{change:.2}");
    }
}
