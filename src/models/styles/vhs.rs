//! Video tape: color smeared to the right, scan lines, noise of the head at the bottom.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, hash, shade};

/// Fields in a second at which the noise changes.
const RATE: f32 = 12.0;

#[derive(Default)]
pub(super) struct Vhs {
    blue: Plane,
    red: Plane,
    soft: [Plane; 2],
    moved: [Plane; 2],
    sharp: Plane,
    wide: Plane,
    blur: Blur,
}

impl Style for Vhs {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let [r, _, b] = scene.image.each();
        shade(
            [r, b, scene.luma],
            [&mut self.red, &mut self.blue],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, b, luma]| [128.0 + (r - luma) * 0.7, 128.0 + (b - luma) * 0.55]
            },
        );
        let sigma = scene.length(8.0);
        self.blur.plane(&self.red, &mut self.soft[0], sigma);
        self.blur.plane(&self.blue, &mut self.soft[1], sigma);
        self.blur.plane(scene.luma, &mut self.sharp, scene.length(1.9));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(5.0));
        let tick = (scene.time * RATE).floor().max(0.0) as u32;
        // Chroma comes late, each line a little differently.
        let late = scene.pixels(13.0);
        for (soft, moved) in self.soft.iter().zip(&mut self.moved) {
            moved.fit(width, height);
            for y in 0..height {
                let shake = (hash(171, tick, (y / 3) as u32) & 1) as usize;
                move_right(soft.row(y), moved.row_mut(y), late + shake);
            }
        }
        self.displace(scene, tick);
        let lines = scene.pixels(3.0);
        let grain = 0.22 * scene.grain();
        let seed = tick.wrapping_mul(0x9E37_79B1);
        shade(
            [&self.sharp, &self.wide, &self.moved[0], &self.moved[1]],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let scan = if (y / lines).is_multiple_of(2) { 1.0 } else { 0.74 };
                let line = seed ^ (y as u32).wrapping_mul(0x85EB_CA77);
                #[inline(always)]
                move |x, [sharp, wide, red, blue]| {
                    let mut bits = line ^ (x as u32 / 2).wrapping_mul(0x7FEB_352D);
                    bits = (bits ^ (bits >> 15)).wrapping_mul(0x846C_A68B);
                    let noise = (((bits >> 20) & 255) as i32 as f32 - 127.5) * grain;
                    let luma = (sharp + (sharp - wide) * 1.1 + noise) * 0.86 + 26.0;
                    let (red, blue) = ((red - 128.0) * 1.9, (blue - 128.0) * 2.3);
                    [
                        (luma + red + 6.0) * scan,
                        (luma - red * 0.51 - blue * 0.19) * scan,
                        (luma + blue + 10.0) * scan,
                    ]
                }
            },
        );
        head_noise(scene, tick, out);
    }
}

impl Vhs {
    /// Lines of the lower border and of one running band are pulled aside.
    fn displace(&mut self, scene: &Scene<'_>, tick: u32) {
        let (width, height) = scene.size();
        let band = (scene.time * 0.13).fract() * 1.3;
        for y in 0..height {
            let v = y as f32 / height as f32;
            let low = ((v - 0.955) / 0.045).max(0.0);
            let pull = (1.0 - (v - band).abs() / 0.025).max(0.0) * 0.4 + low;
            if pull <= 0.0 {
                continue;
            }
            let chance = f32::from(hash(173, tick, y as u32).to_le_bytes()[1]) / 255.0;
            let shift = (pull * (10.0 + 60.0 * chance) * width as f32 / 1280.0) as usize;
            let [late, later] = &mut self.moved;
            for plane in [&mut self.sharp, &mut self.wide, late, later] {
                let row = plane.row_mut(y);
                let shift = shift.min(row.len() - 1);
                row.rotate_right(shift);
            }
        }
    }
}

/// White dashes where the head switches.
fn head_noise(scene: &Scene<'_>, tick: u32, out: &mut Image) {
    let (width, height) = scene.size();
    for y in (height * 96 / 100)..height {
        for dash in 0..6 {
            let [a, b, c, _] = hash(177 + dash, tick, y as u32).to_le_bytes();
            let from = usize::from(a) * width / 256;
            let to = (from + usize::from(b) * width / 4000 + 1).min(width);
            if c > 90 {
                for plane in &mut out.planes {
                    plane.data[y * width + from..y * width + to].fill(150 + c / 4);
                }
            }
        }
    }
}

fn move_right(from: &[u8], to: &mut [u8], by: usize) {
    let by = by.min(from.len() - 1);
    to[by..].copy_from_slice(&from[..from.len() - by]);
    to[..by].fill(from[0]);
}
