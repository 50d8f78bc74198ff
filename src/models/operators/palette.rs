//! A few colors instead of many: the nearest of a palette, in a space where distance is what
//! the eye sees (Ottosson, "Oklab", 2020).

use super::image::Image;
use super::oklab::to_lab;

/// Bits of each channel that the table of the nearest color keeps.
const BITS: u32 = 5;

pub(in crate::models) struct Palette {
    colors: Vec<[u8; 3]>,
    nearest: Vec<u8>,
}

impl Palette {
    /// At most 256 colors, as `0xRRGGBB`.
    pub fn new(colors: &[u32]) -> Self {
        Self::after(colors, |color| color)
    }

    /// A palette whose nearest color is looked up after `change`.
    pub fn after(colors: &[u32], change: impl Fn([f32; 3]) -> [f32; 3]) -> Self {
        let colors: Vec<[u8; 3]> = colors.iter().map(|&color| rgb(color)).collect();
        let labs: Vec<[f32; 3]> = colors.iter().map(|color| to_lab(color.map(f32::from))).collect();
        let nearest = (0..1_u32 << (3 * BITS)).map(|index| {
            let level = |shift: u32| {
                let step = (index >> (shift * BITS)) & ((1 << BITS) - 1);
                (step << (8 - BITS)) as f32 + 4.0
            };
            let lab = to_lab(change([level(2), level(1), level(0)]).map(|c| c.clamp(0.0, 255.0)));
            let distance =
                |other: &[f32; 3]| -> f32 { (0..3).map(|c| (lab[c] - other[c]).powi(2)).sum() };
            let best =
                (0..labs.len()).min_by(|&a, &b| distance(&labs[a]).total_cmp(&distance(&labs[b])));
            best.unwrap_or(0) as u8
        });
        Self { nearest: nearest.collect(), colors }
    }

    /// Replaces every color of a picture by the nearest one.
    pub fn apply(&self, image: &mut Image) {
        let [red, green, blue] = &mut image.planes;
        let planes = red.data.iter_mut().zip(&mut green.data).zip(&mut blue.data);
        for ((r, g), b) in planes {
            let step = |level: u8| usize::from(level >> (8 - BITS));
            let index = step(*r) << (2 * BITS) | step(*g) << BITS | step(*b);
            [*r, *g, *b] = self.colors[usize::from(self.nearest[index])];
        }
    }

    /// The color of the palette that is nearest to a color, levels 0 to 255.
    #[inline]
    pub fn nearest(&self, color: [f32; 3]) -> [u8; 3] {
        let step = |level: f32| (level.clamp(0.0, 255.0) as usize) >> (8 - BITS);
        let index = (step(color[0]) << (2 * BITS)) | (step(color[1]) << BITS) | step(color[2]);
        self.colors[usize::from(self.nearest[index])]
    }
}

/// `0xRRGGBB` as levels.
pub(in crate::models) const fn rgb(color: u32) -> [u8; 3] {
    let [_, red, green, blue] = color.to_be_bytes();
    [red, green, blue]
}

/// `0xRRGGBB` as levels for calculation.
pub(in crate::models) const fn ink(color: u32) -> [f32; 3] {
    let [red, green, blue] = rgb(color);
    [red as f32, green as f32, blue as f32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_and_black_are_the_ends_of_lightness() {
        assert!((to_lab([255.0; 3])[0] - 1.0).abs() < 1e-3);
        assert!(to_lab([0.0; 3])[0].abs() < 1e-3);
        let red = to_lab([255.0, 0.0, 0.0]);
        assert!((red[0] - 0.628).abs() < 2e-3 && (red[1] - 0.225).abs() < 2e-3, "{red:?}");
    }

    #[test]
    fn the_nearest_color_is_the_one_a_search_finds() {
        let colors = [0x00_0000, 0xFF_FFFF, 0xD0_3020, 0x30_80D0, 0x60_A040, 0xF0_D060];
        let palette = Palette::new(&colors);
        for step in 0..500_u32 {
            let color = [step * 37 % 256, step * 91 % 256, step * 13 % 256].map(|c| c as f32);
            let far = |rgb: [u8; 3]| -> f32 {
                let (a, b) = (to_lab(color), to_lab(rgb.map(f32::from)));
                (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f32>().sqrt()
            };
            let best = colors.iter().map(|&c| far(rgb(c))).fold(f32::MAX, f32::min);
            assert!(far(palette.nearest(color)) <= best + 0.03, "{color:?}");
        }
    }
}
