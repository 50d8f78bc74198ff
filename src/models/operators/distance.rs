//! The distance from each place to the nearest marked one.
//!
//! After Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (2012): the
//! lower envelope of parabolas, along the columns and then along the rows.

use super::image::Plane;

const FAR: f32 = 1e12;

#[derive(Default)]
pub(in crate::models) struct Distance {
    squares: Vec<f32>,
    line: Vec<f32>,
    made: Vec<f32>,
    vertices: Vec<usize>,
    borders: Vec<f32>,
}

impl Distance {
    /// Writes distances times `scale`, cut to 255; where nothing is marked at all, 255.
    pub fn from(
        &mut self,
        marked: &Plane,
        is_marked: impl Fn(u8) -> bool,
        dst: &mut Plane,
        scale: f32,
    ) {
        let (width, height) = (marked.width, marked.height);
        self.squares.clear();
        self.squares
            .extend(marked.data.iter().map(|&level| if is_marked(level) { 0.0 } else { FAR }));
        for x in 0..width {
            self.line.clear();
            self.line.extend((0..height).map(|y| self.squares[y * width + x]));
            self.envelope();
            for (y, &value) in self.made.iter().enumerate() {
                self.squares[y * width + x] = value;
            }
        }
        dst.fit_to(marked);
        for y in 0..height {
            self.line.clear();
            self.line.extend_from_slice(&self.squares[y * width..][..width]);
            self.envelope();
            for (out, &square) in dst.row_mut(y).iter_mut().zip(&self.made) {
                *out = (square.sqrt() * scale).min(255.0) as u8;
            }
        }
    }

    /// The lower envelope of the parabolas that stand on `self.line`.
    fn envelope(&mut self) {
        let (line, count) = (&self.line, self.line.len());
        self.vertices.clear();
        self.borders.clear();
        for at in 0..count {
            if line[at] >= FAR {
                continue;
            }
            let mut border = f32::NEG_INFINITY;
            while let Some(&last) = self.vertices.last() {
                border =
                    (line[at] - line[last]) / (2 * (at - last)) as f32 + (at + last) as f32 * 0.5;
                if border > *self.borders.last().unwrap_or(&f32::NEG_INFINITY) {
                    break;
                }
                self.vertices.pop();
                self.borders.pop();
                border = f32::NEG_INFINITY;
            }
            self.vertices.push(at);
            self.borders.push(border);
        }
        self.made.clear();
        let mut piece = 0;
        for at in 0..count {
            while piece + 1 < self.vertices.len() && self.borders[piece + 1] < at as f32 {
                piece += 1;
            }
            let value = self.vertices.get(piece).map_or(FAR, |&vertex| {
                let off = at as f32 - vertex as f32;
                off * off + line[vertex]
            });
            self.made.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_that_a_search_finds() {
        for (width, height, step) in [(1, 1, 1), (17, 11, 23), (30, 20, 71), (9, 40, 31)] {
            let marked = Plane::of(width, height, |x, y| u8::from((x * 7 + y * 13) % step == 0));
            let mut dst = Plane::default();
            Distance::default().from(&marked, |level| level == 1, &mut dst, 8.0);
            for y in 0..height {
                for x in 0..width {
                    let mut best = f64::MAX;
                    for at in 0..width * height {
                        if marked.data[at] == 1 {
                            let dx = (at % width) as f64 - x as f64;
                            let dy = (at / width) as f64 - y as f64;
                            best = best.min(dx.hypot(dy));
                        }
                    }
                    let wanted = (best * 8.0).min(255.0);
                    assert!((f64::from(dst.row(y)[x]) - wanted).abs() <= 1.0, "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn where_nothing_is_marked_everything_is_far() {
        let mut dst = Plane::default();
        Distance::default().from(&Plane::filled(5, 4, 0), |level| level > 0, &mut dst, 1.0);
        assert!(dst.data.iter().all(|&level| level == 255));
    }
}
