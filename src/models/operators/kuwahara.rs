//! Flat areas with sharp edges: the filter of Kuwahara, in a form made for speed.
//!
//! Every pixel takes the mean colour of the calmest of nine neighbouring squares, so colours never
//! mix across an edge. Calm means little steepness of brightness, which is a byte where the
//! variance of the original filter takes four.

use super::{Blur, Gradient, Shape, fit, luma};

/// Where the centres of the squares lie, in units of the radius: column and row, each 0 to 2.
const PLACES: [(usize, usize); 9] =
    [(1, 1), (1, 0), (2, 0), (1, 2), (2, 2), (0, 1), (2, 1), (0, 0), (0, 2)];

#[derive(Default)]
pub(in crate::models) struct Kuwahara {
    blur: Blur,
    gradient: Gradient,
    gray: Vec<u8>,
    steep: Vec<u8>,
    unrest: Vec<u8>,
    mean: Vec<u8>,
    // Both with a margin of one radius at the ends of their rows, and the unrest of a pixel once
    // for each of its channels, so that their bytes line up.
    unrests: Vec<u8>,
    means: Vec<u8>,
    least: Vec<u8>,
}

impl Kuwahara {
    /// The brightness of the picture flattened last, as it was before.
    pub fn gray(&self) -> &[u8] {
        &self.gray
    }

    /// Flattens packed RGB with squares of `2 * radius + 1` pixels; the radius is at least 1.
    pub fn flatten(&mut self, rgb: &[u8], dst: &mut Vec<u8>, shape: Shape, radius: usize) {
        let radius = radius.max(1);
        let plane = Shape { channels: 1, ..shape };
        luma(rgb, &mut self.gray);
        self.gradient.steepness(&self.gray, &mut self.steep, plane, 2);
        self.blur.mean(&self.steep, &mut self.unrest, plane, radius);
        self.blur.mean(rgb, &mut self.mean, shape, radius);
        let wide = Shape { width: shape.width + 2 * radius, ..shape };
        widen(&self.unrest, 1, wide, radius, &mut self.unrests);
        widen(&self.mean, 3, wide, radius, &mut self.means);
        fit(dst, shape.len());
        fit(&mut self.least, shape.row());
        for (y, out) in dst.chunks_exact_mut(shape.row()).enumerate() {
            self.least.fill(u8::MAX);
            for (column, row) in PLACES {
                let offset = (row as isize - 1) * radius as isize;
                let unrests = &wide.near(&self.unrests, y, offset)[column * radius * 3..];
                let means = &wide.near(&self.means, y, offset)[column * radius * 3..];
                take_calmer(&mut self.least, out, unrests, means);
            }
        }
    }
}

/// Writes rows of `from` channels to `dst` with three channels and a margin on either side.
fn widen(src: &[u8], from: usize, wide: Shape, margin: usize, dst: &mut Vec<u8>) {
    fit(dst, wide.len());
    let width = wide.width - 2 * margin;
    for (out, row) in dst.chunks_exact_mut(wide.row()).zip(src.chunks_exact(width * from)) {
        let (left, rest) = out.split_at_mut(margin * 3);
        let (middle, right) = rest.split_at_mut(width * 3);
        if from == 3 {
            middle.copy_from_slice(row);
        } else {
            for (out, &level) in middle.chunks_exact_mut(3).zip(row) {
                out.copy_from_slice(&[level; 3]);
            }
        }
        for out in left.chunks_exact_mut(3) {
            out.copy_from_slice(&middle[..3]);
        }
        for out in right.chunks_exact_mut(3) {
            out.copy_from_slice(&middle[middle.len() - 3..]);
        }
    }
}

/// Replaces a level where the unrest of its square is the least so far. On its own, so that the
/// compiler knows the slices to be apart and can use vectors.
#[inline(never)]
fn take_calmer(least: &mut [u8], out: &mut [u8], unrests: &[u8], means: &[u8]) {
    for (((least, out), &unrest), &mean) in least.iter_mut().zip(out).zip(unrests).zip(means) {
        // Not `<`: the processor compares bytes for equality only, and the first square, with
        // nothing before it, has to win even when its unrest is the greatest possible.
        let calmest = unrest.min(*least);
        let mask = u8::from(calmest == unrest).wrapping_neg();
        *out = (mean & mask) | (*out & !mask);
        *least = calmest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_stays_where_it_is_and_noise_goes() {
        let shape = Shape::rgb(32, 12);
        let mut rgb = Vec::new();
        for pixel in 0..32 * 12 {
            let level = if pixel % 32 < 16 { 40 } else { 200 };
            rgb.extend([level + (pixel * 7 % 5) as u8; 3]);
        }
        let mut dst = Vec::new();
        Kuwahara::default().flatten(&rgb, &mut dst, shape, 3);
        for (pixel, value) in dst.chunks_exact(3).enumerate() {
            let level = if pixel % 32 < 16 { 42 } else { 202 };
            assert!(value[0].abs_diff(level) <= 3, "{} at {pixel}", value[0]);
        }
    }
}
