//! Rain: slanting streaks far and near under a dull sky, drops that burst, and ground that shines.
//!
//! Streaks after Garg and Nayar, "Photorealistic rendering of rain streaks" (2006), as blended
//! lines. Wet ground is darker and mirrors what stands above it: Jensen, Legakis and Dorsey,
//! "Rendering of wet materials" (1999), with the ground taken to be what is low in the picture.

use super::{Modifier, Scene};
use crate::models::operators::{
    Blur, Coarse, Image, Plane, alter, halve_image, hash, mix, ramp, saturate, shade, smooth,
    smooth_noise, streak,
};

/// Streaks of a depth: how many, how long in pixels of a picture 1280 wide, how opaque, how wide,
/// and how quickly they fall, in heights a second.
struct Depth {
    count: f32,
    long: f32,
    alpha: f32,
    wide: u32,
    speed: f32,
}

/// From far to near.
const DEPTHS: [Depth; 3] = [
    Depth { count: 900.0, long: 34.0, alpha: 0.36, wide: 1, speed: 1.5 },
    Depth { count: 420.0, long: 66.0, alpha: 0.5, wide: 2, speed: 2.2 },
    Depth { count: 80.0, long: 130.0, alpha: 0.5, wide: 3, speed: 3.1 },
];
const COLOR: [f32; 3] = [214.0, 223.0, 235.0];
/// How far streaks slant to the left, in parts of their length.
const SLANT: f32 = 0.16;
/// Drops that burst at a time.
const BURSTS: f32 = 190.0;
/// Where the ground begins, as part of the height.
const GROUND: f32 = 0.5;

pub(super) struct Rain {
    strength: f32,
    steps: [Image; 3],
    luma: Plane,
    mirror: Plane,
    flat: Plane,
    sheen: Coarse,
    blur: Blur,
}

impl Rain {
    pub fn new(strength: f32) -> Self {
        Self {
            strength,
            steps: std::array::from_fn(|_| Image::default()),
            luma: Plane::default(),
            mirror: Plane::default(),
            flat: Plane::default(),
            sheen: Coarse::default(),
            blur: Blur::default(),
        }
    }

    /// What the ground mirrors: light from above it, upside down and drawn out.
    fn shine(&mut self, scene: &Scene<'_>) {
        let [half, quarter, small] = &mut self.steps;
        halve_image(scene.image, half);
        halve_image(half, quarter);
        halve_image(quarter, small);
        small.luma(&mut self.luma);
        self.blur.plane(&self.luma, &mut self.mirror, 1.5);
        // Neither skin nor plants mirror anything.
        let [r, g, b] = small.each();
        shade(
            [r, g, b],
            [&mut self.flat],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b]| [255.0 * ramp(r.max(g).max(b) - r.min(g).min(b), 42.0, 18.0)]
            },
        );
        let (mirror, flat) = (&self.mirror, &self.flat);
        let (columns, rows) = (mirror.width, mirror.height);
        self.sheen.make(scene.width(), scene.height(), |u, v| {
            if v < GROUND {
                return 0.0;
            }
            // Puddles lie flat, and seen from the side they are wide.
            let wet = smooth(smooth_noise(17, u * 6.0, v * 22.0), 0.42, 0.7);
            let bent = u + 0.012 * (smooth_noise(19, u * 20.0, v * 60.0) - 0.5);
            let up = (2.0 * GROUND - v) * rows as f32;
            let x = ((bent * columns as f32) as usize).min(columns - 1);
            // Three places, as the mirror is rough.
            let light: f32 = [0.0, 3.0, 6.0]
                .map(|off| f32::from(mirror.row(((up - off).max(0.0)) as usize)[x]))
                .iter()
                .sum();
            let low = smooth(v, GROUND + 0.1, GROUND + 0.4);
            let here = ((u * columns as f32) as usize, (v * rows as f32) as usize);
            let flat = f32::from(flat.row(here.1.min(rows - 1))[here.0.min(columns - 1)]);
            flat * ramp(light * (1.0 / 3.0), 70.0, 230.0) * low * (0.2 + 0.8 * wet)
        });
    }

    /// Drops that burst on the ground: two sparks that fly apart.
    fn burst(&self, scene: &Scene<'_>, image: &mut Image, unit: f32) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        for drop in 0..(BURSTS * self.strength.clamp(0.2, 2.0)) as u32 {
            let bytes = hash(83, drop, 5).to_le_bytes();
            let [a, b, c, d] = bytes.map(|byte| f32::from(byte) / 256.0);
            let life = a + d * 0.004 + scene.time * 3.4;
            let (age, lap) = (life.fract(), life.floor());
            let x = (b + lap * 0.618).fract() * width;
            let low = (c + lap * 0.37).fract();
            let y = (GROUND + 0.1 + (0.9 - GROUND) * low) * height;
            let size = (3.0 + 6.0 * low) * (0.4 + age) * unit;
            let alpha = 0.75 * (1.0 - age);
            streak(image, (x, y), (-size, -size * 0.8), COLOR, alpha);
            streak(image, (x, y), (size, -size * 0.8), COLOR, alpha);
            streak(image, (x - size, y), (2.0 * size, 0.01), COLOR, alpha * 0.7);
        }
    }
}

impl Modifier for Rain {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.strength.min(1.5);
        let dull = saturate(color, 1.0 - 0.35 * s);
        [
            dull[0] * (1.0 - 0.3 * s),
            dull[1] * (1.0 - 0.24 * s),
            dull[2] * (1.0 - 0.15 * s) + 6.0 * s,
        ]
    }

    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, scene: &Scene<'_>) {
        self.shine(scene);
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let strength = self.strength.clamp(0.0, 1.3);
        alter(
            image,
            [&self.sheen.plane],
            #[inline(always)]
            |y| {
                let v = y as f32 / height;
                let veil = 0.2 * strength * (1.0 - v);
                let wet = 1.0 - 0.22 * strength * ramp(v, GROUND, GROUND + 0.25);
                #[inline(always)]
                move |_, [r, g, b], [sheen]| {
                    let light = sheen * 0.22 * strength;
                    [
                        mix(r * wet, 150.0, veil) + light * 0.86,
                        mix(g * wet, 160.0, veil) + light * 0.94,
                        mix(b * wet, 172.0, veil) + light,
                    ]
                }
            },
        );
        let unit = scene.length(1.0).max(0.2);
        for (layer, depth) in (0_u32..).zip(&DEPTHS) {
            let count = (depth.count * self.strength.clamp(0.2, 2.0)) as u32;
            for drop in 0..count {
                let bytes = hash(77 + layer, drop, 3).to_le_bytes();
                let [a, b, c, d] = bytes.map(|byte| f32::from(byte) / 256.0);
                let long = depth.long * (0.7 + 0.6 * c) * unit;
                let fall = a + d * 3.004 + scene.time * depth.speed * (0.85 + 0.3 * d);
                // Each fall is at another place.
                let x = (b + fall.floor() * 0.618).fract() * (width + 60.0 * unit) - 30.0 * unit;
                let y = fall.fract() * (height + 2.0 * long) - long;
                for line in 0..depth.wide {
                    let from = (x + line as f32, y);
                    streak(image, from, (-long * SLANT, long), COLOR, depth.alpha);
                }
            }
        }
        self.burst(scene, image, unit);
    }
}
