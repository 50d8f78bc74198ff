//! Taken away: filled smoothly with what surrounds it. It has no texture of its own.
//!
//! Pull and push after Gortler and others, "The lumigraph" (1996): on the way down a pyramid, colors
//! are means of what is there; on the way up, gaps take the colors of the level below.

use super::Edit;
use crate::models::operators::{Double, Image, Plane, halve, halve_image};
use crate::models::pipeline::Moment;

/// Half sizes at which the filling is done: fewer pixels, and nobody sees it in what is smooth.
const STEPS: usize = 2;

#[derive(Default)]
pub(super) struct Gone {
    colors: [Image; STEPS],
    masks: [Plane; STEPS],
    levels: Vec<Level>,
    double: Double,
}

/// Colors and how much of them is there, 0 to 1.
#[derive(Default)]
struct Level {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 4]>,
}

impl Level {
    fn fit(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(width * height, [0.0; 4]);
    }

    /// The means of two by two pixels of the level above.
    fn pull(&mut self, above: &Self) {
        self.fit(above.width.div_ceil(2), above.height.div_ceil(2));
        for y in 0..self.height {
            for x in 0..self.width {
                let mut sum = [0.0; 4];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (px, py) = ((2 * x + dx).min(above.width - 1), 2 * y + dy);
                    let [r, g, b, there] =
                        above.pixels[py.min(above.height - 1) * above.width + px];
                    for (sum, level) in sum.iter_mut().zip([r, g, b, 1.0]) {
                        *sum += level * there;
                    }
                }
                let part = 1.0 / sum[3].max(1e-6);
                let whole = sum[3].min(1.0);
                self.pixels[y * self.width + x] =
                    [sum[0] * part, sum[1] * part, sum[2] * part, whole];
            }
        }
    }

    /// Fills gaps with the level below, straight between its pixels.
    fn push(&mut self, below: &Self) {
        for y in 0..self.height {
            let (y0, y1, ty) = between(y, below.height);
            for x in 0..self.width {
                let pixel = &mut self.pixels[y * self.width + x];
                if pixel[3] >= 1.0 {
                    continue;
                }
                let (x0, x1, tx) = between(x, below.width);
                let at = |x: usize, y: usize| below.pixels[y * below.width + x];
                let corners = [at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1)];
                for c in 0..3 {
                    let upper = corners[0][c] + (corners[1][c] - corners[0][c]) * tx;
                    let lower = corners[2][c] + (corners[3][c] - corners[2][c]) * tx;
                    let level = upper + (lower - upper) * ty;
                    pixel[c] = level + (pixel[c] - level) * pixel[3];
                }
                pixel[3] = 1.0;
            }
        }
    }
}

/// The two pixels of the level below that a place lies between, and how far it is to the second.
fn between(at: usize, count: usize) -> (usize, usize, f32) {
    let (near, far) = if at.is_multiple_of(2) {
        (at / 2, (at / 2).saturating_sub(1))
    } else {
        (at / 2, at / 2 + 1)
    };
    (near.min(count - 1), far.min(count - 1), 0.25)
}

impl Gone {
    fn fill(&mut self) {
        let (colors, mask) = (&self.colors[STEPS - 1], &self.masks[STEPS - 1]);
        let mut depth = 1;
        let mut side = mask.width.max(mask.height);
        while side > 1 {
            side = side.div_ceil(2);
            depth += 1;
        }
        self.levels.resize_with(depth.max(self.levels.len()), Level::default);
        let first = &mut self.levels[0];
        first.fit(mask.width, mask.height);
        for (at, pixel) in first.pixels.iter_mut().enumerate() {
            let [r, g, b] = colors.planes.each_ref().map(|plane| f32::from(plane.data[at]));
            // What is a little masked is at the rim, and no longer what surrounds.
            *pixel = [r, g, b, if mask.data[at] > 6 { 0.0 } else { 1.0 }];
        }
        for at in 1..depth {
            let (above, below) = self.levels.split_at_mut(at);
            below[0].pull(&above[at - 1]);
        }
        for at in (1..depth).rev() {
            let (above, below) = self.levels.split_at_mut(at);
            above[at - 1].push(&below[0]);
        }
        let colors = &mut self.colors[STEPS - 1];
        for (at, pixel) in self.levels[0].pixels.iter().enumerate() {
            for (plane, level) in colors.planes.iter_mut().zip(pixel) {
                plane.data[at] = (level + 0.5) as u8;
            }
        }
    }
}

impl Edit for Gone {
    fn reach(&self) -> f32 {
        7.0
    }

    fn paint(&mut self, frame: &Image, mask: &Plane, _: Moment, out: &mut Image) {
        halve_image(frame, &mut self.colors[0]);
        halve(mask, &mut self.masks[0]);
        for step in 1..STEPS {
            let (above, below) = self.colors.split_at_mut(step);
            halve_image(&above[step - 1], &mut below[0]);
            let (above, below) = self.masks.split_at_mut(step);
            halve(&above[step - 1], &mut below[0]);
        }
        self.fill();
        for step in (1..STEPS).rev() {
            let (above, below) = self.colors.split_at_mut(step);
            let size = (above[step - 1].width(), above[step - 1].height());
            self.double.image(&below[0], &mut above[step - 1], size.0, size.1);
        }
        self.double.image(&self.colors[0], out, frame.width(), frame.height());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
