//! Cross stitch: crossed threads of one color each on linen.

use super::pixel_art::squares;
use super::{Scene, Style};
use crate::models::operators::{Image, Texture, alter, hash, mix, saturate};

#[derive(Default)]
pub(super) struct Embroidery {
    row: Vec<[u32; 3]>,
    threads: Texture,
    linen: Texture,
}

impl Style for Embroidery {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let side = scene.pixels(12.0).max(4);
        squares(scene.image, out, side, &mut self.row, |x, y, color| {
            let uneven = f32::from(hash(45, x as u32, y as u32).to_le_bytes()[0]) - 127.5;
            // Threads come in a few shades.
            saturate(color, 1.45).map(|level| {
                let shade = ((level + uneven * 0.05) / 18.0).round() * 18.0;
                shade.clamp(0.0, 255.0) as u8
            })
        });
        self.threads.fit(width, height, |x, y| stitch(x % side, y % side, side));
        self.linen.fit(width, height, |x, y| {
            let weave = if (x / 2 + y / 2) % 2 == 0 { 12 } else { 0 };
            196 + weave + (hash(3, x as u32, y as u32) & 7) as u8
        });
        alter(
            out,
            [&self.threads.plane, &self.linen.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, color, [thread, linen]| {
                    let cover = (thread * (1.0 / 60.0)).min(1.0);
                    let light = 0.5 + thread * (0.72 / 255.0);
                    [
                        mix(linen * 0.82, color[0] * light, cover),
                        mix(linen * 0.77, color[1] * light, cover),
                        mix(linen * 0.66, color[2] * light, cover),
                    ]
                }
            },
        );
    }
}

/// How thick the thread lies at a place of a stitch: 0 where the linen shows.
fn stitch(x: usize, y: usize, side: usize) -> u8 {
    let (u, v) = ((x as f32 + 0.5) / side as f32, (y as f32 + 0.5) / side as f32);
    let thread = |across: f32| {
        let off = across.abs() / 0.27;
        if off >= 1.0 { 0.0 } else { (1.0 - off * off).sqrt() }
    };
    // Twisted yarn.
    let twist = |along: f32| 0.86 + 0.14 * (along * 26.0).sin();
    let upper = thread(u - v) * twist(u + v);
    let lower = thread(u + v - 1.0) * 0.78 * twist(u - v);
    let made = if upper > 0.28 { upper } else { lower };
    (made * 255.0) as u8
}
