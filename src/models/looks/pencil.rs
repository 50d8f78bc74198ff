//! Graphite on paper: outlines, and hatching that crosses where it is dark.

use super::{Canvas, Look};
use crate::models::operators::{Blur, Curve, Grow, Shrink, Tile, luma};

pub(in crate::models) struct Pencil {
    shrink: Shrink,
    blur: Blur,
    grow: Grow,
    gray: Vec<u8>,
    fine: Vec<u8>,
    small: Vec<u8>,
    soft: Vec<u8>,
    around: Vec<u8>,
    hatch: Tile,
    cross: Tile,
    tooth: Tile,
    // 255 * 256 / (level + 1).
    inverse: [u16; 256],
    line: Curve,
    first: Curve,
    second: Curve,
    marks: [Vec<i16>; 3],
}

impl Default for Pencil {
    fn default() -> Self {
        let slant = std::f32::consts::FRAC_1_SQRT_2;
        Self {
            shrink: Shrink::default(),
            blur: Blur::default(),
            grow: Grow::default(),
            gray: Vec::new(),
            fine: Vec::new(),
            small: Vec::new(),
            soft: Vec::new(),
            around: Vec::new(),
            hatch: Tile::white(0x0031).rubbed((slant, -slant), 14),
            cross: Tile::white(0x0032).rubbed((0.94, 0.34), 14),
            tooth: Tile::grain(0x0033),
            inverse: std::array::from_fn(|level| (255 * 256 / (level + 1)) as u16),
            line: Curve::ramp(120.0, 246.0).then(&Curve::through(&[(0, 40), (255, 255)])),
            // How hard the pencil is pressed at each brightness, in the first hatching and in the
            // one that crosses it.
            first: Curve::through(&[(0, 190), (60, 150), (130, 84), (190, 30), (225, 0)]),
            second: Curve::through(&[(0, 190), (40, 140), (90, 60), (130, 0)]),
            marks: Default::default(),
        }
    }
}

impl Look for Pencil {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let (shape, width) = (canvas.gray(), canvas.width);
        luma(input, &mut self.gray);
        self.blur.mean(&self.gray, &mut self.fine, shape, 1);
        let small = self.shrink.by(2, &self.gray, shape, &mut self.small);
        self.blur.soft(&self.small, &mut self.soft, small, canvas.length(4));
        self.grow.to(shape, &self.soft, small, &mut self.around);
        let rows = self.fine.chunks_exact(width).zip(self.around.chunks_exact(width));
        let outs = output.chunks_exact_mut(canvas.rgb().row());
        for (y, (out, (fine, around))) in outs.zip(rows).enumerate() {
            let [hatch, cross, tooth] = &mut self.marks;
            self.hatch.spread(y, width, hatch);
            self.cross.spread(y, width, cross);
            self.tooth.spread(y, width, tooth);
            for ((hatch, cross), &around) in hatch.iter_mut().zip(&*cross).zip(around) {
                // Strokes of uneven weight: each hatching varies between none and twice its mean.
                let press = |curve: &Curve, mark: i16| {
                    ((u16::from(curve.at(around)) * (128 + mark) as u16) >> 8) as i16
                };
                *hatch = press(&self.first, *hatch) + press(&self.second, *cross);
            }
            for ((hatch, &tooth), (&fine, &around)) in
                hatch.iter_mut().zip(&*tooth).zip(fine.iter().zip(around))
            {
                // Dividing by the surroundings leaves white paper and the outlines.
                let dodged = (u32::from(fine) * u32::from(self.inverse[usize::from(around)])) >> 8;
                let line = u16::from(self.line.at(dodged.min(255) as u8));
                let drawn = (((246 - *hatch).max(34) as u16 * (line + 1)) >> 8) as i16;
                // Graphite stays on the tooth of the paper.
                *hatch = (drawn + ((tooth * ((270 - drawn) >> 1)) >> 8)).clamp(5, 255);
            }
            for (out, &level) in out.chunks_exact_mut(3).zip(&*hatch) {
                out.copy_from_slice(&[level as u8, (level - 1) as u8, (level - 5) as u8]);
            }
        }
    }
}
