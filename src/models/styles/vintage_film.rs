//! An old film: brown tones, grain, dust and scratches, the picture weaving in the gate.

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Image, Plane, Texture, Tile, alter, dot, gradient, hash, ink, mix, shade, streak,
};

/// Frames of an old camera in a second: dirt and weave change this often.
const RATE: f32 = 16.0;

const TONES: [[f32; 3]; 4] = [ink(0x1e_120a), ink(0x6e_4c30), ink(0xc4_a078), ink(0xf8_ead0)];

pub(super) struct VintageFilm {
    soft: Image,
    woven: Image,
    blur: Blur,
    grain: Texture,
    tile: Tile,
    luma: Plane,
}

impl Default for VintageFilm {
    fn default() -> Self {
        Self {
            soft: Image::default(),
            woven: Image::default(),
            blur: Blur::default(),
            grain: Texture::default(),
            tile: Tile::grain(141),
            luma: Plane::default(),
        }
    }
}

impl Style for VintageFilm {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let tick = (scene.time * RATE).floor().max(0.0) as u32;
        let bytes = hash(151, tick, 0).to_le_bytes();
        let swing = |byte: u8| f32::from(byte) / 127.5 - 1.0;
        self.blur.image(scene.image, &mut self.soft, scene.length(0.9).max(0.3));
        let unit = scene.length(1.0).max(0.2);
        let weave = (
            (swing(bytes[0]) * 1.6 * unit).round() as isize,
            (swing(bytes[1]) * 1.2 * unit).round() as isize,
        );
        shift(&self.soft, &mut self.woven, weave);
        self.woven.luma(&mut self.luma);
        let corner = (bytes[2] as usize, bytes[3] as usize);
        self.grain.lay(&self.tile, width, height, corner);
        let grain = 0.34 * scene.grain();
        let flicker = 1.0 + swing(bytes[2]) * 0.022;
        let [r, g, b] = self.woven.each();
        shade(
            [r, g, b, &self.luma, &self.grain.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b, luma, noise]| {
                    let t = luma * (1.0 / 255.0);
                    let tone = gradient(&TONES, 0.04 + 0.94 * t * (1.2 - 0.2 * t));
                    let noise = (noise - 127.5) * grain;
                    [
                        (mix(r, tone[0], 0.8) + noise) * flicker,
                        (mix(g, tone[1], 0.8) + noise) * flicker,
                        (mix(b, tone[2], 0.84) + noise) * flicker,
                    ]
                }
            },
        );
        if !scene.refused.grain {
            dirt(out, tick, unit);
        }
        let corners = scene.corners(0.92);
        alter(
            out,
            [],
            #[inline(always)]
            |y| {
                #[inline(always)]
                move |x, color, []| {
                    let light = corners.light(x, y);
                    [color[0] * light, color[1] * light, color[2] * light]
                }
            },
        );
    }
}

/// Dust, hairs and scratches of one frame.
fn dirt(out: &mut Image, tick: u32, unit: f32) {
    let (width, height) = (out.width() as f32, out.height() as f32);
    for speck in 0..14 {
        let [a, b, c, d] = hash(161, tick, speck).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
        let color = if d > 0.5 { [236.0, 226.0, 206.0] } else { [30.0, 22.0, 16.0] };
        dot(out, (a * width, b * height), (0.6 + 2.2 * c * c) * unit, color, 0.7);
    }
    // A hair now and then, and scratches that stay for a second.
    let [a, b, c, d] = hash(163, tick / 3, 1).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
    if d > 0.6 {
        let along = (30.0 * unit * (a - 0.5) * 2.0, 40.0 * unit * (b - 0.2));
        streak(out, (a * width, c * height), along, [36.0, 26.0, 18.0], 0.8);
    }
    for scratch in 0..3 {
        let [a, b, c, d] =
            hash(167, tick / 14, scratch).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
        if d > 0.35 {
            let jump = f32::from(hash(169, tick, scratch).to_le_bytes()[0]) / 255.0;
            let x = a * width + jump * 2.0 * unit;
            let from = (b - 0.5) * height;
            let tall = height * (0.9 + c);
            streak(out, (x, from), (0.5 * unit, tall), [240.0, 230.0, 206.0], 0.5);
        }
    }
}

/// The picture moved by whole pixels, its border repeated.
fn shift(src: &Image, dst: &mut Image, (dx, dy): (isize, isize)) {
    let (width, height) = (src.width(), src.height());
    dst.fit(width, height);
    let gap = dx.unsigned_abs().min(width - 1);
    for (src, dst) in src.planes.iter().zip(&mut dst.planes) {
        for y in 0..height {
            let row = src.near(y as isize + dy);
            let out = dst.row_mut(y);
            if dx >= 0 {
                out[..width - gap].copy_from_slice(&row[gap..]);
                out[width - gap..].fill(row[width - 1]);
            } else {
                out[gap..].copy_from_slice(&row[..width - gap]);
                out[..gap].fill(row[0]);
            }
        }
    }
}
