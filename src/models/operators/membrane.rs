//! Gaps filled smoothly with what lies around them.
//!
//! Pull and push after Gortler and others, "The lumigraph" (1996): on the way down a pyramid, values
//! are means of what is there; on the way up, gaps take the values of the level below.

/// Three values and how much of them is there, 0 to 1.
pub(in crate::models) type Known = [f32; 4];

#[derive(Default)]
pub(in crate::models) struct Membrane {
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    width: usize,
    height: usize,
    pixels: Vec<Known>,
}

impl Membrane {
    /// Takes what is known at each place of a picture, row by row, and fills the rest. What is there
    /// in part is kept in that part.
    pub fn fill(
        &mut self,
        width: usize,
        height: usize,
        known: impl Fn(usize) -> Known,
    ) -> &[Known] {
        let mut depth = 1;
        let mut side = width.max(height);
        while side > 1 {
            side = side.div_ceil(2);
            depth += 1;
        }
        self.levels.resize_with(depth.max(self.levels.len()), Level::default);
        let first = &mut self.levels[0];
        first.fit(width, height);
        for (at, pixel) in first.pixels.iter_mut().enumerate() {
            *pixel = known(at);
        }
        for at in 1..depth {
            let (above, below) = self.levels.split_at_mut(at);
            below[0].pull(&above[at - 1]);
        }
        for at in (1..depth).rev() {
            let (above, below) = self.levels.split_at_mut(at);
            above[at - 1].push(&below[0]);
        }
        &self.levels[0].pixels
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays_and_gaps_take_what_is_around() {
        let (width, height) = (40, 30);
        let inside =
            |at: usize| (10..30).contains(&(at % width)) && (8..22).contains(&(at / width));
        let known = |at: usize| {
            let level = (at % width) as f32;
            if inside(at) { [0.0; 4] } else { [level, 100.0 - level, 7.0, 1.0] }
        };
        let mut membrane = Membrane::default();
        for (at, pixel) in membrane.fill(width, height, known).iter().enumerate() {
            let [a, b, c, _] = known(at);
            if inside(at) {
                // Between what is left and right of it, and in one piece.
                assert!(
                    pixel[0] > 9.0 && pixel[0] < 31.0 && (pixel[0] + pixel[1] - 100.0).abs() < 1e-3
                );
                assert!((pixel[2] - 7.0).abs() < 1e-4);
            } else {
                assert_eq!(pixel[..3], [a, b, c]);
            }
        }
        let middle = membrane.levels[0].pixels[15 * width + 20][0];
        assert!((middle - 20.0).abs() < 4.0, "{middle}");
    }

    #[test]
    fn without_anything_known_all_is_nothing() {
        for (width, height) in [(1, 1), (5, 2), (1, 9)] {
            let filled = Membrane::default().fill(width, height, |_| [0.0; 4]).to_vec();
            assert!(filled.iter().all(|pixel| pixel[..3] == [0.0; 3]));
        }
    }
}
