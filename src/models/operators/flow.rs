//! The direction in which edges run, from the smoothed structure tensor.

use super::{Blur, Gradient, Shape, Shrink, byte, fit};

/// How many directions are told apart over half a turn.
pub(in crate::models) const DIRECTIONS: usize = 16;

/// Directions of a gray picture, found at a smaller size.
pub(in crate::models) struct Flow {
    shrink: Shrink,
    gradient: Gradient,
    blur: Blur,
    small: Vec<u8>,
    // The three entries of the tensor as bytes around 128, packed like colours.
    tensor: Vec<u8>,
    smooth: Vec<u8>,
    // The direction for the upper five bits of each of the first two entries.
    numbers: Vec<u8>,
}

impl Default for Flow {
    fn default() -> Self {
        let level = |bits: i32| (bits - 16) as f32;
        Self {
            shrink: Shrink::default(),
            gradient: Gradient::default(),
            blur: Blur::default(),
            small: Vec::new(),
            tensor: Vec::new(),
            smooth: Vec::new(),
            numbers: (0..1024).map(|at| direction(level(at / 32), level(at % 32))).collect(),
        }
    }
}

impl Flow {
    /// Finds for each square of `factor` pixels the number of the direction along its edges:
    /// number `n` runs `n / DIRECTIONS` of half a turn from the x axis towards the y axis.
    /// Returns the shape of the result.
    pub fn directions(
        &mut self,
        gray: &[u8],
        shape: Shape,
        factor: usize,
        dst: &mut Vec<u8>,
    ) -> Shape {
        let small = self.shrink.by(factor, gray, shape, &mut self.small);
        let packed = Shape { channels: 3, ..small };
        fit(&mut self.tensor, packed.len());
        let tensor = &mut self.tensor;
        self.gradient.rows(&self.small, small, |y, across, down| {
            let out = &mut tensor[y * packed.row()..][..packed.row()];
            for ((out, &across), &down) in out.chunks_exact_mut(3).zip(across).zip(down) {
                let (across, down) = (i32::from(across), i32::from(down));
                let (cos, sin) = (across * across - down * down, 2 * across * down);
                // Strong edges are cut, without turning them, so that one of them does not rule
                // its whole neighbourhood.
                let cut = cos.abs().max(sin.abs()).max(127 << 8);
                out[0] = byte(128 + cos * 127 / cut);
                out[1] = byte(128 + sin * 127 / cut);
                out[2] = 0;
            }
        });
        self.blur.soft(&self.tensor, &mut self.smooth, packed, 3);
        fit(dst, small.len());
        for (out, tensor) in dst.iter_mut().zip(self.smooth.chunks_exact(3)) {
            *out = self.numbers[usize::from(tensor[0] >> 3) * 32 + usize::from(tensor[1] >> 3)];
        }
        small
    }
}

/// The number of the direction at right angles to the slope whose doubled angle is given.
fn direction(double_cos: f32, double_sin: f32) -> u8 {
    // Where nothing has a direction, a slant to the right looks like a hand at work.
    if double_cos == 0.0 && double_sin == 0.0 {
        return 13;
    }
    let along = double_sin.atan2(double_cos) / 2.0 + std::f32::consts::FRAC_PI_2;
    let number = (along / std::f32::consts::PI * DIRECTIONS as f32).round();
    (number as i32).rem_euclid(DIRECTIONS as i32) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_run_along_stripes() {
        let shape = Shape::gray(64, 64);
        for (dx, dy, want) in [(1, 0, 8), (0, 1, 0), (1, 1, 12), (1, -1, 4)] {
            let gray: Vec<u8> = (0..64 * 64i32)
                .map(|i| if ((i % 64 * dx + i / 64 * dy).rem_euclid(16)) < 8 { 90 } else { 150 })
                .collect();
            let mut dst = Vec::new();
            let small = Flow::default().directions(&gray, shape, 2, &mut dst);
            assert_eq!((small.width, small.height), (32, 32));
            for at in
                (0..32 * 32).filter(|at| (8..24).contains(&(at % 32)) && (256..768).contains(at))
            {
                assert_eq!(dst[at], want, "stripes ({dx}, {dy}) at {at}");
            }
        }
    }
}
