//! Pop art: four screen prints of the picture, each in its own loud inks.

use super::{Scene, Style};
use crate::models::operators::{Blur, Image, Plane, halve, ink};

/// Shadow, half tone, light and ground of each print.
const PRINTS: [[[f32; 3]; 4]; 4] = [
    [ink(0x26_1447), ink(0xe6_2e8b), ink(0xff_c21c), ink(0x3f_d0d4)],
    [ink(0x10_2a5c), ink(0x12_8fd6), ink(0xff_ee58), ink(0xf2_4a2e)],
    [ink(0x4a_0d3c), ink(0xf5_6a1d), ink(0xbf_f0e0), ink(0x8a_4be0)],
    [ink(0x0d_3b2e), ink(0x35_b05c), ink(0xff_a6cf), ink(0xfd_e13a)],
];

#[derive(Default)]
pub(super) struct PopArt {
    half: Plane,
    soft: Plane,
    wide: Plane,
    blur: Blur,
}

impl Style for PopArt {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        halve(scene.luma, &mut self.half);
        self.blur.plane(&self.half, &mut self.soft, scene.length(1.6));
        self.blur.plane(&self.half, &mut self.wide, scene.length(60.0));
        let (columns, rows) = (self.half.width, self.half.height);
        for y in 0..height {
            let (py, below) = if y < rows { (y, 0) } else { (y - rows, 2) };
            for side in 0..2 {
                let inks = &PRINTS[below + side];
                let (from, to) = if side == 0 { (0, columns) } else { (columns, width) };
                for x in from..to {
                    let at = py * columns + x - from;
                    let soft = f32::from(self.soft.data[at]);
                    let tone = soft + (118.0 - f32::from(self.wide.data[at])) * 0.55;
                    let color = print(inks, tone);
                    for (plane, level) in out.planes.iter_mut().zip(color) {
                        plane.data[y * width + x] = level as u8;
                    }
                }
            }
        }
    }
}

/// The ink at a tone, with edges a few levels soft.
#[inline(always)]
fn print(inks: &[[f32; 3]; 4], tone: f32) -> [f32; 3] {
    let mut color = inks[0];
    for (ink, from) in inks[1..].iter().zip([74.0, 122.0, 172.0]) {
        let t = ((tone - from) * 0.125).clamp(0.0, 1.0);
        color = std::array::from_fn(|c| color[c] + (ink[c] - color[c]) * t);
    }
    color
}
