//! Snow: flakes far and near, swaying as they fall, and what has fallen already lies on the ground,
//! on what grows and on ledges.
//!
//! Where it lies is guessed as by Fearing, "Computer modelling of fallen snow" (2000), without a
//! model of the scene: on what is low in the picture and lit, and below steps of the luma.

use super::{Modifier, Scene};
use crate::models::operators::{
    Blur, Double, Image, Plane, alter, dot, halve_image, hash, mix, ramp, saturate, smooth,
};

/// Flakes of a depth: how many, from which radius to which in pixels of a picture 1280 wide, how
/// opaque, and how quickly they fall, in heights a second.
struct Depth {
    count: f32,
    radius: (f32, f32),
    alpha: f32,
    speed: f32,
}

/// From far to near; the nearest are out of focus.
const DEPTHS: [Depth; 4] = [
    Depth { count: 900.0, radius: (1.0, 1.9), alpha: 0.75, speed: 0.09 },
    Depth { count: 420.0, radius: (2.0, 3.6), alpha: 0.92, speed: 0.15 },
    Depth { count: 120.0, radius: (4.0, 6.5), alpha: 0.9, speed: 0.23 },
    Depth { count: 26.0, radius: (9.0, 15.0), alpha: 0.5, speed: 0.34 },
];

pub(super) struct Snow {
    strength: f32,
    half: Image,
    quarter: Image,
    luma: Plane,
    soft: Plane,
    cover: Plane,
    between: Plane,
    lying: Plane,
    blur: Blur,
    double: Double,
}

impl Snow {
    pub fn new(strength: f32) -> Self {
        Self {
            strength,
            half: Image::default(),
            quarter: Image::default(),
            luma: Plane::default(),
            soft: Plane::default(),
            cover: Plane::default(),
            between: Plane::default(),
            lying: Plane::default(),
            blur: Blur::default(),
            double: Double::default(),
        }
    }

    /// Finds where it lies, at a quarter of the size, and brings that to the whole.
    fn settle(&mut self, scene: &Scene<'_>) {
        halve_image(scene.image, &mut self.half);
        halve_image(&self.half, &mut self.quarter);
        self.quarter.luma(&mut self.luma);
        self.blur.plane(&self.luma, &mut self.soft, scene.length(1.3));
        self.cover.fit_to(&self.luma);
        let [red, green, blue] = &self.quarter.planes;
        let (width, height) = (self.luma.width, self.luma.height);
        let ledge = scene.pixels(3.0) as isize;
        for y in 0..height {
            let v = (y as f32 + 0.5) / height as f32;
            let low = smooth(v, 0.42, 0.9);
            let (above, below) = (self.soft.near(y as isize - ledge), self.soft.row(y));
            let from = y * width..(y + 1) * width;
            let colors = red.data[from.clone()].iter().zip(&green.data[from.clone()]);
            let colors = colors.zip(&blue.data[from]).zip(self.luma.row(y));
            let steps = above.iter().zip(below);
            for ((((&r, &g), &b), &luma), ((&above, &below), cover)) in
                colors.zip(steps.zip(self.cover.row_mut(y)))
            {
                let [r, g, b, luma] = [r, g, b, luma].map(f32::from);
                let lit = ramp(luma, 30.0, 140.0);
                let plant = ramp(g - b, 8.0, 40.0) * ramp(g - r, -24.0, 2.0);
                let step = ramp((f32::from(above) - f32::from(below)).abs(), 14.0, 60.0);
                let lies = (low * lit).max(plant * (0.3 + 0.5 * low) * lit).max(step * 0.6);
                // It melts on skin, and brick and bark stand upright.
                let warm = ramp(r - b, 10.0, 32.0) * ramp(r - g, 2.0, 12.0);
                *cover = (255.0 * lies * (1.0 - 0.95 * warm)) as u8;
            }
        }
        self.blur.plane(&self.cover, &mut self.soft, scene.length(1.0));
        self.double.to(&self.soft, &mut self.between, self.half.width(), self.half.height());
        self.double.to(&self.between, &mut self.lying, scene.width(), scene.height());
    }
}

impl Modifier for Snow {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let s = self.strength.min(1.5);
        let pale = saturate(color, 1.0 - 0.35 * s);
        let (gain, lift) = ([0.2, 0.17, 0.13], [12.0, 14.0, 18.0]);
        std::array::from_fn(|c| pale[c] * (1.0 - gain[c] * s) + lift[c] * s)
    }

    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, scene: &Scene<'_>) {
        self.settle(scene);
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let part = 0.82 * self.strength.clamp(0.0, 1.2);
        alter(
            image,
            [&self.lying, scene.luma],
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b], [lying, luma]| {
                    let t = lying * part * (1.0 / 255.0);
                    // Light and shade of what lies below are seen in it.
                    let white = 176.0 + luma * 0.3;
                    [mix(r, white * 0.97, t), mix(g, white, t), mix(b, white * 1.04, t)]
                }
            },
        );
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let unit = scene.length(1.0).max(0.2);
        for (layer, depth) in (0_u32..).zip(&DEPTHS) {
            let count = (depth.count * self.strength.clamp(0.2, 2.0)) as u32;
            for flake in 0..count {
                let bytes = hash(31 + layer, flake, 9).to_le_bytes();
                let [a, b, c, d] = bytes.map(|byte| f32::from(byte) / 256.0);
                let radius = depth.radius.0 + (depth.radius.1 - depth.radius.0) * c;
                let fallen = a * 7.0 + d * 3.1 + scene.time * depth.speed * (0.8 + 0.4 * d);
                let swing = (4.0 + 3.0 * radius) * unit;
                let sway = (scene.time * (0.7 + d) + b * 40.0).sin() * swing;
                let margin = radius * unit + 1.0;
                let x = (b + fallen.floor() * 0.618 + d * 0.013).fract() * width + sway;
                let y = fallen.fract() * (height + 2.0 * margin) - margin;
                dot(image, (x, y), radius * unit, [250.0, 252.0, 255.0], depth.alpha);
            }
        }
    }
}
