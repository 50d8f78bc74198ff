//! The picture as a relief in a material: marble, metals, ice, stone, wood, …
//!
//! Brightness is height; the surface is lit from the upper left with the model of Blinn, "Models of
//! light reflection for computer synthesized pictures" (1977), and colored by a ramp and a vein.

use super::{Scene, Style};
use crate::models::operators::{
    Blur, Image, Plane, Texture, gradient, ink, shade, smooth, smooth_noise, wide,
};

/// A material.
pub(super) struct Material {
    /// Colors from unlit to lit.
    ramp: [[f32; 3]; 4],
    /// What the veins lead the color to, and how strongly.
    vein: [f32; 3],
    vein_strength: f32,
    /// How much of the light comes from the slope, and how much from the brightness itself.
    relief: f32,
    tone: f32,
    /// The strength and sharpness of the highlight.
    shine: f32,
    gloss: f32,
    /// Whether the surface mirrors a horizon.
    mirrors: bool,
    veins: fn(f32, f32) -> f32,
}

pub(super) const MARBLE: Material = Material {
    ramp: [ink(0x4d_4a4c), ink(0x9c_9895), ink(0xdc_d8d2), ink(0xff_fdf8)],
    vein: ink(0x72_7480),
    vein_strength: 0.5,
    relief: 1.5,
    tone: 0.7,
    shine: 46.0,
    gloss: 190.0,
    mirrors: false,
    veins: |x, y| ridge(x * 0.006, y * 0.009, 201).powi(5),
};
pub(super) const BRONZE: Material = Material {
    ramp: [ink(0x14_0b06), ink(0x56_331a), ink(0xa8_6c34), ink(0xf0_c07a)],
    vein: ink(0x3c_5a4a),
    vein_strength: 0.3,
    relief: 1.9,
    tone: 0.6,
    shine: 130.0,
    gloss: 168.0,
    mirrors: false,
    veins: |x, y| (smooth_noise(203, x * 0.012, y * 0.012) - 0.35).max(0.0),
};
pub(super) const GOLD: Material = Material {
    ramp: [ink(0x2c_1402), ink(0x94_5e0c), ink(0xe8_b22c), ink(0xff_f3b0)],
    vein: ink(0xff_d870),
    vein_strength: 0.0,
    relief: 2.2,
    tone: 0.62,
    shine: 170.0,
    gloss: 162.0,
    mirrors: false,
    veins: |_, _| 0.0,
};
pub(super) const CHROME: Material = Material {
    ramp: [ink(0x0c_1018), ink(0x56_6270), ink(0xb4_c2d0), ink(0xfa_fdff)],
    vein: ink(0xff_ffff),
    vein_strength: 0.0,
    relief: 2.4,
    tone: 0.35,
    shine: 190.0,
    gloss: 170.0,
    mirrors: true,
    veins: |_, _| 0.0,
};
pub(super) const ICE: Material = Material {
    ramp: [ink(0x10_4a7c), ink(0x58_a4cf), ink(0xb8_e4f4), ink(0xfb_ffff)],
    vein: ink(0xf4_ffff),
    vein_strength: 0.75,
    relief: 1.7,
    tone: 0.55,
    shine: 150.0,
    gloss: 164.0,
    mirrors: false,
    veins: |x, y| {
        ridge(x * 0.011 + y * 0.004, y * 0.011 - x * 0.003, 207).powi(9)
            + ridge(x * 0.026, y * 0.022, 209).powi(14) * 0.7
    },
};
pub(super) const STONE: Material = Material {
    ramp: [ink(0x26_2420), ink(0x66_6058), ink(0x9c_968b), ink(0xd2_cdc2)],
    vein: ink(0x3c_3a36),
    vein_strength: 0.55,
    relief: 2.3,
    tone: 0.75,
    shine: 0.0,
    gloss: 200.0,
    mirrors: false,
    veins: |x, y| {
        smooth_noise(211, x * 0.4, y * 0.4) * 0.6 + smooth_noise(213, x * 0.08, y * 0.08) * 0.5
            - 0.2
    },
};
pub(super) const WOOD: Material = Material {
    ramp: [ink(0x2a_1508), ink(0x74_4420), ink(0xb0_7a40), ink(0xe2_b476)],
    vein: ink(0x4a_260e),
    vein_strength: 0.5,
    relief: 2.0,
    tone: 0.72,
    shine: 24.0,
    gloss: 180.0,
    mirrors: false,
    veins: |x, y| {
        let rings = y * 0.075 + smooth_noise(217, x * 0.004, y * 0.016) * 9.0;
        let ring = (rings.fract() - 0.5).abs() * 2.0;
        ring * ring * 0.8 + smooth_noise(219, x * 0.02, y * 0.7) * 0.4
    },
};
pub(super) const JADE: Material = Material {
    ramp: [ink(0x06_2a1c), ink(0x1f_6e48), ink(0x68_b486), ink(0xdc_f8e0)],
    vein: ink(0xc8_e8c0),
    vein_strength: 0.45,
    relief: 1.5,
    tone: 0.7,
    shine: 120.0,
    gloss: 168.0,
    mirrors: false,
    veins: |x, y| (smooth_noise(223, x * 0.01, y * 0.014) * 1.6 - 0.6).clamp(0.0, 1.0),
};
pub(super) const PORCELAIN: Material = Material {
    ramp: [ink(0x14_2c86), ink(0x4a_70be), ink(0xe6_ecf6), ink(0xff_ffff)],
    vein: ink(0xff_ffff),
    vein_strength: 0.0,
    relief: 0.7,
    tone: 1.15,
    shine: 120.0,
    gloss: 160.0,
    mirrors: false,
    veins: |_, _| 0.0,
};
pub(super) const PATINA: Material = Material {
    ramp: [ink(0x1c_120c), ink(0x5a_4030), ink(0x4f_9a86), ink(0xb4_ead4)],
    vein: ink(0x7a_4a2c),
    vein_strength: 0.55,
    relief: 1.4,
    tone: 0.6,
    shine: 30.0,
    gloss: 176.0,
    mirrors: false,
    veins: |x, y| (smooth_noise(227, x * 0.02, y * 0.008) * 2.0 - 1.0).max(0.0),
};

/// Thin bright ridges where smooth noise crosses its middle, 0 to 1.
fn ridge(x: f32, y: f32, seed: u32) -> f32 {
    let bend = smooth_noise(seed + 1, x * 2.3, y * 2.3) * 0.7
        + smooth_noise(seed + 2, x * 6.0, y * 6.0) * 0.25;
    let value = smooth_noise(seed, x + bend, y + bend);
    1.0 - (value - 0.5).abs() * 2.0
}

pub(super) struct Sculpture {
    material: &'static Material,
    height: Plane,
    wide: Plane,
    slope: Plane,
    veins: Texture,
    blur: Blur,
}

impl Sculpture {
    pub fn new(material: &'static Material) -> Self {
        Self {
            material,
            height: Plane::default(),
            wide: Plane::default(),
            slope: Plane::default(),
            veins: Texture::default(),
            blur: Blur::default(),
        }
    }
}

impl Style for Sculpture {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let material = self.material;
        let scale = scene.length(1.0).max(0.2);
        self.veins.fit(width, height, |x, y| {
            ((material.veins)(x as f32 / scale, y as f32 / scale) * 255.0).clamp(0.0, 255.0) as u8
        });
        self.blur.plane(scene.luma, &mut self.height, scene.length(1.9));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(40.0));
        slope(&self.height, &mut self.slope, scene.pixels(2.0));
        let (vein, strength) = (material.vein, material.vein_strength / 255.0);
        let (relief, tone) = (material.relief, material.tone);
        let (shine, gloss) = (material.shine, material.gloss);
        let mirror = if material.mirrors { 1.0 } else { 0.0 };
        let ramp = material.ramp;
        shade(
            [&self.height, &self.wide, &self.slope, &self.veins.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [height, wide, slope, veins]| {
                    let form = height + (118.0 - wide) * 0.5;
                    let lit = 128.0 + (form - 118.0) * tone + (slope - 128.0) * relief;
                    // Metal mirrors: dark at the horizon, bright above and below it.
                    let band = (slope + height * 0.6) * (1.0 / 85.0);
                    let wave = (band - band.floor() - 0.5).abs() * 2.0;
                    let lit = lit + mirror * (wave - 0.5) * 120.0;
                    let base = gradient(&ramp, lit * (1.0 / 255.0));
                    let part = veins * strength;
                    let glint = smooth(slope, gloss - 22.0, gloss + 30.0) * shine;
                    [
                        base[0] + (vein[0] - base[0]) * part + glint,
                        base[1] + (vein[1] - base[1]) * part + glint,
                        base[2] + (vein[2] - base[2]) * part + glint,
                    ]
                }
            },
        );
    }
}

/// How the surface faces the light in the upper left, around 128.
fn slope(height: &Plane, out: &mut Plane, step: usize) {
    out.fit_to(height);
    let (width, rows) = (height.width, height.height);
    let facing = |above: u8, below: u8| {
        let fall = i16::from(below) - i16::from(above);
        (128 + fall.clamp(-100, 100)) as u8
    };
    // Columns with a neighbor on both sides.
    let border = step.min(width);
    let inner = border..(width - border).max(border);
    wide(
        #[inline(always)]
        || {
            for y in 0..rows {
                let above = &height.data[y.saturating_sub(step) * width..][..width];
                let below = &height.data[(y + step).min(rows - 1) * width..][..width];
                let out = &mut out.data[y * width..][..width];
                let middle = &mut out[inner.clone()];
                let pairs = above.iter().zip(below.get(2 * step..).unwrap_or_default());
                for (out, (&above, &below)) in middle.iter_mut().zip(pairs) {
                    *out = facing(above, below);
                }
                for x in (0..inner.start).chain(inner.end..width) {
                    let (left, right) = (x.saturating_sub(step), (x + step).min(width - 1));
                    out[x] = facing(above[left], below[right]);
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_neighbors_also_at_the_border() {
        for (width, step) in [(1, 2), (3, 2), (4, 2), (5, 2), (70, 3)] {
            let height = Plane::of(width, 6, |x, y| (x * 37 + y * 91 + x * y * 13) as u8);
            let mut made = Plane::default();
            slope(&height, &mut made, step);
            for y in 0..6_usize {
                for x in 0..width {
                    let above = height.row(y.saturating_sub(step))[x.saturating_sub(step)];
                    let below = height.row((y + step).min(5))[(x + step).min(width - 1)];
                    let fall = (i32::from(below) - i32::from(above)).clamp(-100, 100);
                    assert_eq!(i32::from(made.row(y)[x]), 128 + fall, "{width} {step} {x} {y}");
                }
            }
        }
    }
}
