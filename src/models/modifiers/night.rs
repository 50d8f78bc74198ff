//! Day for night: dark and blue under a sky with stars, and the lights that are there glow.
//!
//! After Thompson, Shirley and Ferwerda, "A spatial post-processing algorithm for images of night
//! scenes" (2002). Lights are what is bright and small (an opening tells), whatever their color; the
//! sky is what is bright, smooth, above, and of no warm color.

use super::Modifier;
use crate::models::operators::{
    Blur, Coarse, Double, Image, Opening, Plane, alter, blend, dot, gradient, gray_of, halve_image,
    hash, mix, ramp, saturate, screen, shade, smooth,
};
use crate::models::scene::Scene;

/// Half the width of the widest lights, in pixels of a picture 1280 wide.
const LIGHT: f32 = 14.0;
/// How far around a colored light the same color is looked for, as a standard deviation in pixels of
/// a picture 1280 wide.
const SURFACE: f32 = 40.0;
/// Stars in a sky that fills the picture.
const STARS: u32 = 420;
/// The sky of a night, from the top down.
const SKY: [[f32; 3]; 3] = [[7.0, 10.0, 30.0], [15.0, 21.0, 52.0], [34.0, 40.0, 76.0]];

pub(super) struct Night {
    strength: f32,
    half: Image,
    quarter: Image,
    top: Plane,
    surround: Plane,
    /// What has the color of a colored light, and how much of that is around.
    colored: Plane,
    common: Plane,
    opening: Opening,
    /// Light that is given off, at a quarter of the size, and that with its glow, at all of it.
    lights: Image,
    glow: Image,
    between: Image,
    shine: Image,
    sky: Sky,
    blur: Blur,
    double: Double,
}

impl Night {
    pub fn new(strength: f32) -> Self {
        Self {
            strength,
            half: Image::default(),
            quarter: Image::default(),
            top: Plane::default(),
            surround: Plane::default(),
            colored: Plane::default(),
            common: Plane::default(),
            opening: Opening::default(),
            lights: Image::default(),
            glow: Image::default(),
            between: Image::default(),
            shine: Image::default(),
            sky: Sky::default(),
            blur: Blur::default(),
            double: Double::default(),
        }
    }

    /// Finds what gives off light, and spreads it.
    fn light_up(&mut self, scene: &Scene<'_>) {
        let [r, g, b] = self.quarter.each();
        shade(
            [r, g, b],
            [&mut self.top, &mut self.colored],
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b]| {
                    let top = r.max(g).max(b);
                    let chroma = top - r.min(g).min(b);
                    // Strongly colored, as no plant is.
                    let colored = ramp(chroma, 80.0, 120.0) * ramp(g - r, 4.0, -8.0);
                    [top, 255.0 * colored]
                }
            },
        );
        let radius = scene.pixels(LIGHT / 4.0);
        let height = self.quarter.height() as f32;
        self.opening.apply(&self.top, &mut self.surround, radius);
        self.blur.plane(&self.colored, &mut self.common, scene.length(SURFACE) / 4.0);
        shade(
            [r, g, b, &self.surround, &self.colored, &self.common],
            self.lights.each_mut(),
            #[inline(always)]
            |y| {
                // Windows are above, and by day not brighter than walls in the sun.
                let bright = 172.0 + 43.0 * ramp(y as f32 / height, 0.2, 0.5);
                #[inline(always)]
                move |_, [r, g, b, surround, colored, common]| {
                    let top = r.max(g).max(b);
                    let chroma = top - r.min(g).min(b);
                    // Lamps are white, or colored; not what lies between the folds of a dress.
                    let white = ramp(chroma, 60.0, 30.0) * ramp(top, bright - 30.0, bright + 20.0);
                    let colored = colored * (1.0 / 255.0) * ramp(common, 90.0, 46.0);
                    let lit = ramp(top - surround, 44.0, 105.0) * white.max(colored);
                    // Those without a color burn warm.
                    let gain = 255.0 / top.max(1.0) * lit;
                    [r * gain, g * gain * (1.0 - 0.2 * white), b * gain * (1.0 - 0.52 * white)]
                }
            },
        );
        self.blur.image(&self.lights, &mut self.glow, scene.length(14.0) / 4.0);
        let [r, g, b] = self.lights.each();
        let [wide_r, wide_g, wide_b] = self.glow.each_mut();
        for (glow, light) in [wide_r, wide_g, wide_b].into_iter().zip([r, g, b]) {
            for (glow, &light) in glow.data.iter_mut().zip(&light.data) {
                let sum = u16::from(*glow) * 2 + u16::from(light) / 2;
                *glow = sum.min(255) as u8;
            }
        }
        let half = (self.half.width(), self.half.height());
        self.double.image(&self.glow, &mut self.between, half.0, half.1);
        let (width, height) = scene.size();
        self.double.image(&self.between, &mut self.shine, width, height);
    }
}

impl Modifier for Night {
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        let t = gray_of(color) / 255.0;
        let calm = saturate(color, 0.5);
        // Steep, so that light and shade stay apart.
        let light = 0.2 + 0.4 * t * t;
        let made = [calm[0] * light * 0.76, calm[1] * light * 0.92, calm[2] * light * 1.3 + 9.0];
        blend(color, made, self.strength.min(1.15))
    }

    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, scene: &Scene<'_>) {
        halve_image(scene.image, &mut self.half);
        halve_image(&self.half, &mut self.quarter);
        self.sky.find(&self.quarter, scene);
        self.light_up(scene);
    }

    fn paints(&self) -> bool {
        true
    }

    fn paint(&mut self, scene: &Scene<'_>, image: &mut Image) {
        let strength = self.strength.min(1.0);
        let height = scene.height() as f32;
        let [r, g, b] = self.shine.each();
        alter(
            image,
            [r, g, b, &self.sky.plane],
            #[inline(always)]
            |y| {
                let [red, green, blue] = gradient(&SKY, 1.4 * y as f32 / height);
                #[inline(always)]
                move |_, [r, g, b], [light_r, light_g, light_b, sky]| {
                    let sky = sky * (1.0 / 255.0) * strength;
                    let cloud = 0.6 + g * (0.6 / 255.0);
                    [
                        screen(mix(r, red * cloud, sky), light_r * strength),
                        screen(mix(g, green * cloud, sky), light_g * strength),
                        screen(mix(b, blue * cloud, sky), light_b * strength),
                    ]
                }
            },
        );
        self.sky.strew(scene, strength, image);
    }
}

/// Where the sky is.
#[derive(Default)]
struct Sky {
    small: Image,
    luma: Plane,
    mean: Plane,
    likely: Plane,
    reached: Plane,
    wide: Plane,
    blur: Blur,
    around: Coarse,
    plane: Plane,
}

impl Sky {
    fn find(&mut self, quarter: &Image, scene: &Scene<'_>) {
        halve_image(quarter, &mut self.small);
        self.small.luma(&mut self.luma);
        self.blur.plane(&self.luma, &mut self.mean, 2.0);
        let [r, _, b] = self.small.each();
        let height = self.luma.height as f32;
        shade(
            [r, b, &self.luma, &self.mean],
            [&mut self.likely],
            #[inline(always)]
            |y| {
                let above = smooth(y as f32 / height, 0.66, 0.46) * 255.0;
                #[inline(always)]
                move |_, [r, b, luma, mean]| {
                    let cool = ramp(r - b, 40.0, 22.0);
                    let plain = ramp((luma - mean).abs(), 16.0, 8.0);
                    [ramp(luma, 112.0, 140.0) * cool * plain * above]
                }
            },
        );
        self.reach();
        self.blur.plane(&self.reached, &mut self.wide, 1.6);
        let (wide, (columns, rows)) = (&self.wide, (self.wide.width, self.wide.height));
        self.around.make(scene.width(), scene.height(), |u, v| {
            let (x, y) = ((u * columns as f32) as usize, (v * rows as f32) as usize);
            let near = wide.row(y.min(rows - 1))[x.min(columns - 1)];
            255.0 * smooth(f32::from(near), 3.0, 45.0)
        });
        shade(
            [&self.around.plane, scene.luma],
            [&mut self.plane],
            #[inline(always)]
            |_| {
                #[inline(always)]
                // What stands before the sky is darker than it.
                |_, [around, luma]| [around * ramp(luma, 105.0, 150.0)]
            },
        );
    }

    /// Keeps of what is likely what can be reached from the upper border over nothing else.
    fn reach(&mut self) {
        let (width, height) = (self.likely.width, self.likely.height);
        self.reached.fit_to(&self.likely);
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                let is_rim = y == 0 || (x == 0 || x + 1 == width) && 2 * y < height;
                self.reached.data[at] = if is_rim { self.likely.data[at] } else { 0 };
            }
        }
        for _ in 0..2 {
            for at in 1..width * height {
                self.go(at, at - 1);
                self.go(at, at.saturating_sub(width));
            }
            for at in (0..width * height - 1).rev() {
                self.go(at, at + 1);
                self.go(at, (at + width).min(width * height - 1));
            }
        }
    }

    #[inline(always)]
    fn go(&mut self, at: usize, from: usize) {
        let way = self.reached.data[from].min(self.likely.data[at]);
        self.reached.data[at] = self.reached.data[at].max(way);
    }

    /// Stars, where it is surely the sky.
    fn strew(&self, scene: &Scene<'_>, strength: f32, image: &mut Image) {
        let (width, height) = (scene.width() as f32, scene.height() as f32);
        let unit = scene.length(1.0).max(0.2);
        for star in 0..STARS {
            let [a, b, c, d] = hash(91, star, 7).to_le_bytes().map(|byte| f32::from(byte) / 256.0);
            let [e, f, ..] = hash(92, star, 7).to_le_bytes().map(|byte| f32::from(byte) / 256.0);
            let (x, y) = ((a + e / 256.0) * width, (b + f / 256.0) * height);
            let sky = f32::from(self.plane.row(y as usize)[x as usize]);
            let seen = ramp(sky, 150.0, 240.0) * strength * (0.4 + 0.6 * c * c);
            if seen > 0.05 {
                let color = [224.0 + 30.0 * d, 234.0, 255.0];
                dot(image, (x, y), (0.5 + 1.3 * c * c * c) * unit, color, seen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORANGE: [u8; 3] = [240, 110, 50];

    /// The light that is found in a dark picture with something orange in it.
    fn lights_of(is_orange: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        let (width, height) = (640, 352);
        let packed: Vec<u8> = (0..width * height)
            .flat_map(|at| if is_orange(at % width, at / width) { ORANGE } else { [18; 3] })
            .collect();
        let (mut image, mut luma) = (Image::default(), Plane::default());
        image.split(&packed, width, height);
        image.luma(&mut luma);
        let mut night = Night::new(1.0);
        let refused = crate::models::scene::Refused::default();
        night.look(&Scene { image: &image, luma: &luma, time: 0.0, fine: true, refused });
        night.lights.planes[0].data.clone()
    }

    #[test]
    fn a_lamp_shines_and_a_dress_with_folds_does_not() {
        let lamp = lights_of(|x, y| (x as f32 - 320.0).hypot(y as f32 - 200.0) < 6.0);
        assert!(lamp.iter().any(|&level| level > 200), "{:?}", lamp.iter().max());
        let folds = lights_of(|x, y| y > 120 && x % 16 > 4);
        assert!(folds.iter().all(|&level| level < 40), "{:?}", folds.iter().max());
    }
}
