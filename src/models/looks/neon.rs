//! Neon: edges as glowing tubes in the dark.

use super::{Canvas, Look};
use crate::models::operators::{Blur, Curve, Gradient, Grow, Shrink, byte, luma, scaled};

/// The colours that the tubes run through from left to right and back.
const TUBES: [[i32; 3]; 4] = [[255, 40, 190], [150, 60, 255], [30, 200, 255], [60, 255, 170]];

pub(in crate::models) struct Neon {
    blur: Blur,
    gradient: Gradient,
    shrink: Shrink,
    grow: Grow,
    gray: Vec<u8>,
    smooth: Vec<u8>,
    steep: Vec<u8>,
    tubes: Vec<u8>,
    small: Vec<u8>,
    halo: Vec<u8>,
    glow: Vec<u8>,
    // The light of a tube at each steepness, and what its white-hot middle adds.
    lights: Vec<(u8, u8)>,
    hues: Vec<[u8; 3]>,
}

impl Default for Neon {
    fn default() -> Self {
        let edge = Curve::ramp(26.0, 150.0);
        let lights = (0..=255).map(|steep| {
            let light = edge.at(steep);
            (light, light.saturating_sub(170))
        });
        Self {
            blur: Blur::default(),
            gradient: Gradient::default(),
            shrink: Shrink::default(),
            grow: Grow::default(),
            gray: Vec::new(),
            smooth: Vec::new(),
            steep: Vec::new(),
            tubes: Vec::new(),
            small: Vec::new(),
            halo: Vec::new(),
            glow: Vec::new(),
            lights: lights.collect(),
            hues: Vec::new(),
        }
    }
}

impl Neon {
    /// The colour of the tubes at each step of the diagonal.
    fn hues(&mut self, steps: usize) {
        if self.hues.len() == steps {
            return;
        }
        self.hues.clear();
        self.hues.extend((0..steps).map(|step| {
            let place = step * 256 * TUBES.len() / steps;
            let (from, to) = (TUBES[place / 256], TUBES[(place / 256 + 1) % TUBES.len()]);
            let part = (place % 256) as i32;
            std::array::from_fn(|c| byte((from[c] * (256 - part) + to[c] * part) >> 8))
        }));
    }
}

impl Look for Neon {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let shape = canvas.gray();
        luma(input, &mut self.gray);
        self.blur.soft(&self.gray, &mut self.smooth, shape, canvas.length(2));
        self.gradient.steepness(&self.smooth, &mut self.steep, shape, 0);
        self.hues(canvas.width + canvas.height);
        self.tubes.resize(input.len(), 0);
        for (y, out) in self.tubes.chunks_exact_mut(canvas.rgb().row()).enumerate() {
            let steep = &self.steep[y * canvas.width..];
            let hues = &self.hues[y..];
            for ((out, &steep), hue) in out.chunks_exact_mut(3).zip(steep).zip(hues) {
                let (light, core) = self.lights[usize::from(steep)];
                for (out, &hue) in out.iter_mut().zip(hue) {
                    *out = scaled(hue, light).saturating_add(core);
                }
            }
        }
        let small = self.shrink.by(4, &self.tubes, canvas.rgb(), &mut self.small);
        self.blur.soft(&self.small, &mut self.halo, small, canvas.length(5));
        for (halo, &near) in self.halo.iter_mut().zip(&self.small) {
            *halo = byte(i32::from(*halo) * 5 / 4 + i32::from(near) / 4);
        }
        self.grow.to(canvas.rgb(), &self.halo, small, &mut self.glow);

        let row = canvas.rgb().row();
        let rows = output.chunks_exact_mut(row).zip(self.tubes.chunks_exact(row));
        let plans = self.glow.chunks_exact(row).zip(self.gray.chunks_exact(canvas.width));
        for ((out, tubes), (glow, gray)) in rows.zip(plans) {
            for ((out, &tube), &glow) in out.iter_mut().zip(tubes).zip(glow) {
                *out = tube.saturating_add(glow);
            }
            for (out, &gray) in out.chunks_exact_mut(3).zip(gray) {
                let night = gray / 8;
                out[0] = out[0].saturating_add(night);
                out[1] = out[1].saturating_add(night);
                out[2] = out[2].saturating_add(night + 18);
            }
        }
    }
}
