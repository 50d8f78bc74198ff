//! The smoothed structure tensor and the flow along edges.
//!
//! After Brox, Weickert, Burgeth and Mrázek, "Nonlinear structure tensors" (2006), as used by
//! Kyprianidis and Döllner, "Image abstraction by structure adaptive filtering" (2008).

use super::image::Plane;
use super::scale::halve;
use super::wide::wide;

/// Directions along edges, at half the size of the plane that they were measured on.
#[derive(Default)]
pub(in crate::models) struct Flow {
    pub width: usize,
    pub height: usize,
    /// The unit vector along the edge, in 1/256, x and y; its sign is arbitrary.
    pub along: Vec<[i16; 2]>,
    /// How much the direction can be trusted, 0 to 255: 0 where the surroundings have none.
    pub sureness: Vec<u8>,
    /// Which of the [`BINS`] directions the vector is nearest to; see [`bin_vector`].
    pub bins: Vec<u8>,
    tensors: [Vec<f32>; 3],
    blurred: [Vec<f32>; 3],
    line: Vec<f32>,
}

impl Flow {
    /// Measures the directions of `plane`, averaged over about `2 * reach + 1` of the flow's own
    /// pixels, twice.
    pub fn measure(&mut self, plane: &Plane, reach: usize) {
        self.products(plane);
        for _ in 0..2 {
            for (from, to) in self.tensors.iter_mut().zip(&mut self.blurred) {
                box_blur(from, to, self.width, self.height, reach, &mut self.line);
                std::mem::swap(from, to);
            }
        }
        let count = self.width * self.height;
        self.along.resize(count, [0; 2]);
        self.sureness.resize(count, 0);
        self.bins.resize(count, 0);
        let [e, f, g] = &self.tensors;
        let places = e.iter().zip(f).zip(g);
        for (((&e, &f), &g), (along, sureness)) in
            places.zip(self.along.iter_mut().zip(&mut self.sureness))
        {
            (*along, *sureness) = direction(e, f, g);
        }
        for (bin, &along) in self.bins.iter_mut().zip(&self.along) {
            *bin = bin_of(along);
        }
    }

    /// The cell that a pixel of the measured plane lies in.
    #[inline(always)]
    pub fn cell(&self, x: usize, y: usize) -> usize {
        (y / 2).min(self.height - 1) * self.width + (x / 2).min(self.width - 1)
    }

    /// Products of the derivatives, means of two by two pixels.
    fn products(&mut self, plane: &Plane) {
        (self.width, self.height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
        let count = self.width * self.height;
        for (tensor, blurred) in self.tensors.iter_mut().zip(&mut self.blurred) {
            tensor.resize(count, 0.0);
            blurred.resize(count, 0.0);
        }
        let [e, f, g] = &mut self.tensors;
        let width = self.width;
        wide(
            #[inline(always)]
            || {
                for y in 0..self.height {
                    let rows: [&[u8]; 4] = [-1, 0, 1, 2].map(|dy| plane.near(2 * y as isize + dy));
                    let inner = (plane.width.saturating_sub(2)) / 2;
                    for x in 0..width {
                        let mut columns = [2 * x, 2 * x + 1, 2 * x + 2, 2 * x + 3];
                        if x == 0 || x >= inner {
                            columns = columns.map(|c| c.saturating_sub(1).min(plane.width - 1));
                        } else {
                            columns = columns.map(|c| c - 1);
                        }
                        let level = |r: usize, c: usize| f32::from(rows[r][columns[c]]);
                        // Derivatives across the middle of the four by four pixels.
                        let dx = level(1, 2) + level(2, 2) - level(1, 1) - level(2, 1)
                            + 0.5 * (level(1, 3) + level(2, 3) - level(1, 0) - level(2, 0));
                        let dy = level(2, 1) + level(2, 2) - level(1, 1) - level(1, 2)
                            + 0.5 * (level(3, 1) + level(3, 2) - level(0, 1) - level(0, 2));
                        let at = y * width + x;
                        e[at] = dx * dx;
                        f[at] = dx * dy;
                        g[at] = dy * dy;
                    }
                }
            },
        );
    }
}

/// The minor eigenvector of the tensor and how far its eigenvalues differ.
#[inline(always)]
fn direction(e: f32, f: f32, g: f32) -> ([i16; 2], u8) {
    let root = ((e - g) * (e - g) + 4.0 * f * f).sqrt();
    let major = 0.5 * (e + g + root);
    // Two forms of the same vector; the longer one is the better conditioned.
    let (x, y) = if e > g { (-f, major - g) } else { (major - e, -f) };
    let length = (x * x + y * y).sqrt();
    if length < 1e-3 {
        return ([256, 0], 0);
    }
    let sureness = root / (e + g + 4.0);
    ([(x / length * 256.0) as i16, (y / length * 256.0) as i16], (sureness * 255.0) as u8)
}

/// Directions that are told apart: parts of half a turn, as a vector and its opposite are one.
pub(in crate::models) const BINS: usize = 64;

/// The bin of a vector in 1/256: even parts of a diamond instead of a circle, which takes no arc
/// tangent.
#[inline(always)]
fn bin_of([x, y]: [i16; 2]) -> u8 {
    let (x, y) = if y < 0 { (-i32::from(x), -i32::from(y)) } else { (i32::from(x), i32::from(y)) };
    let half = BINS as i32 / 2;
    let turn = if x >= 0 {
        y * half / (x + y).max(1)
    } else {
        2 * half - (y * half + y - x - 1) / (y - x).max(1)
    };
    (turn as usize % BINS) as u8
}

/// The unit vector in the middle of a bin.
pub(in crate::models) fn bin_vector(bin: usize) -> (f32, f32) {
    let t = (bin as f32 + 0.5) * 2.0 / BINS as f32;
    let (x, y) = if t < 1.0 { (1.0 - t, t) } else { (1.0 - t, 2.0 - t) };
    let length = x.hypot(y);
    (x / length, y / length)
}

/// Means over squares, the border repeated.
fn box_blur(
    src: &[f32],
    dst: &mut [f32],
    width: usize,
    height: usize,
    reach: usize,
    line: &mut Vec<f32>,
) {
    let taps = 1.0 / (2 * reach + 1) as f32;
    line.resize(width + 2 * reach, 0.0);
    wide(
        #[inline(always)]
        || {
            for y in 0..height {
                let out = &mut line[reach..reach + width];
                out.fill(0.0);
                for dy in 0..=2 * reach {
                    let row = (y + dy).saturating_sub(reach).min(height - 1);
                    for (out, &value) in out.iter_mut().zip(&src[row * width..][..width]) {
                        *out += value;
                    }
                }
                let (first, last) = (out[0], out[width - 1]);
                line[..reach].fill(first);
                line[reach + width..].fill(last);
                let out = &mut dst[y * width..][..width];
                out.fill(0.0);
                for dx in 0..=2 * reach {
                    for (out, &value) in out.iter_mut().zip(&line[dx..][..width]) {
                        *out += value;
                    }
                }
                for out in out {
                    *out *= taps * taps;
                }
            }
        },
    );
}

/// A plane at half and at quarter size, with the flow of the half one: what most styles that
/// draw or paint begin with.
#[derive(Default)]
pub(in crate::models) struct HalfFlow {
    pub half: Plane,
    pub flow: Flow,
}

impl HalfFlow {
    pub fn measure(&mut self, luma: &Plane, reach: usize) {
        halve(luma, &mut self.half);
        self.flow.measure(&self.half, reach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_runs_along_edges_of_every_direction() {
        for step in 0..16 {
            let angle = std::f32::consts::PI * step as f32 / 16.0;
            let (nx, ny) = (-angle.sin(), angle.cos());
            let plane = Plane::of(64, 64, |x, y| {
                (127.5 + 100.0 * ((x as f32 * nx + y as f32 * ny) * 0.35).sin()) as u8
            });
            let mut flow = Flow::default();
            flow.measure(&plane, 2);
            let [x, y] = flow.along[flow.cell(32, 32)].map(f32::from);
            let cosine = (x * angle.cos() + y * angle.sin()).abs() / 256.0;
            assert!(cosine > 0.985, "{angle}: {x} {y}");
            assert!(flow.sureness[flow.cell(32, 32)] > 200);
        }
    }

    #[test]
    fn the_vector_of_a_bin_is_close_to_what_falls_into_it() {
        for step in 0..256 {
            let (sin, cos) = (step as f32 * std::f32::consts::TAU / 256.0).sin_cos();
            let (x, y) = bin_vector(bin_of([(cos * 256.0) as i16, (sin * 256.0) as i16]).into());
            assert!((x * cos + y * sin).abs() > 0.997, "{step}");
        }
    }

    #[test]
    fn a_plain_area_has_no_direction() {
        for (width, height) in [(1, 1), (2, 2), (9, 5)] {
            let mut flow = Flow::default();
            flow.measure(&Plane::filled(width, height, 90), 2);
            assert!(flow.sureness.iter().all(|&sureness| sureness == 0));
        }
    }

    #[test]
    fn box_means_match_the_definition() {
        let (width, height, reach) = (11, 7, 2);
        let src: Vec<f32> = (0..width * height).map(|at| ((at * 37) % 101) as f32).collect();
        let mut dst = vec![0.0; src.len()];
        box_blur(&src, &mut dst, width, height, reach, &mut Vec::new());
        for y in 0..height {
            for x in 0..width {
                let mut sum = 0.0;
                for dy in 0..=2 * reach {
                    for dx in 0..=2 * reach {
                        let row = (y + dy).saturating_sub(reach).min(height - 1);
                        let column = (x + dx).saturating_sub(reach).min(width - 1);
                        sum += src[row * width + column];
                    }
                }
                assert!((dst[y * width + x] - sum / 25.0).abs() < 0.01);
            }
        }
    }
}
