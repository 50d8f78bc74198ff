//! The colors from which the inside of a mouth is painted.

use super::face::{Facing, Marks, Point};
use super::placing::FINENESS;
use super::shape::Shape;
use super::texture::{Texture, levels};

/// Colors of a portrait's mouth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tones {
    pub teeth: [f32; 3],
    pub tongue: [f32; 3],
    /// The wet inner side of the lips.
    pub lip: [f32; 3],
    pub dark: [f32; 3],
    /// The line of lashes.
    pub lash: [f32; 3],
}

impl Tones {
    /// The colors of a face in the frame.
    pub fn seen(marks: &Marks, texture: &Texture) -> Self {
        let shape = Shape::new(marks.clone());
        let frame = marks.upright();
        let at = |point: Point| {
            let fine = FINENESS as f32;
            let x = (point.x * fine + 0.5).clamp(0.0, (texture.width - 1) as f32) as usize;
            let y = (point.y * fine + 0.5).clamp(0.0, (texture.height - 1) as f32) as usize;
            texture.at(x, y)
        };
        let mut skin = Vec::new();
        let mut lips = Vec::new();
        let mut eyes = Vec::new();
        // From the side one is seen.
        let cheeks: &[f32] = match marks.facing {
            Some(Facing::Left) => &[0.45],
            Some(Facing::Right) => &[-0.45],
            None => &[-0.5, 0.5],
        };
        for step in 0..48 {
            let (a, b) = ((step % 8) as f32 / 7.0 - 0.5, (step / 8) as f32 / 5.0 - 0.5);
            for &side in cheeks {
                skin.push(at(frame.place(side + 0.3 * a, 0.55 + 0.3 * b)));
            }
            let place = |u: f32, height: f32| {
                Point::new(
                    shape.mouth.x + u * shape.half * shape.across.0 + height * shape.down.0,
                    shape.mouth.y + u * shape.half * shape.across.1 + height * shape.down.1,
                )
            };
            let u = 1.1 * a;
            let part = b + 0.5;
            let edge = |heights: &[f32]| Shape::edge(heights, u);
            let (top, upper) = (edge(&marks.lips.top), edge(&marks.lips.upper));
            let (lower, bottom) = (edge(&marks.lips.lower), edge(&marks.lips.bottom));
            lips.push(at(place(u, top + (upper - top) * (0.25 + 0.5 * part))));
            lips.push(at(place(u, lower + (bottom - lower) * (0.25 + 0.5 * part))));
            for eye in &marks.eyes {
                let (ex, ey) = frame.inside(eye.center);
                let (w, h) = (eye.half_width / frame.unit, eye.below / frame.tall);
                eyes.push(at(frame.place(ex + 1.5 * w * a, ey + 1.2 * h * b)));
            }
        }
        let mut teeth = Vec::new();
        if shape.gap > 3.0 {
            for step in 0..60 {
                let (u, part) = ((step % 12) as f32 / 11.0 - 0.5, (step / 12) as f32 / 5.0 + 0.1);
                let (upper, lower) =
                    (Shape::edge(&marks.lips.upper, u), Shape::edge(&marks.lips.lower, u));
                let height = upper + (lower - upper) * part;
                teeth.push(at(Point::new(
                    shape.mouth.x + u * shape.half * shape.across.0 + height * shape.down.0,
                    shape.mouth.y + u * shape.half * shape.across.1 + height * shape.down.1,
                )));
            }
        }
        let white = ranked(&mut eyes, 0.92);
        let white = luma(white);
        let dark = ranked(&mut eyes, 0.04);
        let skin = ranked(&mut skin, 0.5);
        let mut tones = Self::of(skin, ranked(&mut lips, 0.45), white, dark);
        let own = ranked(&mut teeth, 0.75);
        // Teeth that are seen say best how teeth are here.
        if teeth.len() > 4 && luma(own) > 0.8 * luma(tones.teeth) {
            tones.teeth = own;
        }
        tones
    }

    /// What a mouth is like in this light: from the skin, the lips, and the whitest and darkest of
    /// the eyes.
    fn of(skin: [f32; 3], lips: [f32; 3], white: f32, dark: [f32; 3]) -> Self {
        let skin_luma = luma(skin).max(8.0);
        // Teeth are as bright as the white of the eyes, and a little as warm as the light.
        let bright = (0.62 * white + 0.45 * skin_luma).clamp(70.0, 228.0);
        let cast = skin.map(|level| level / skin_luma);
        let warm = |part: f32| cast.map(|cast| 1.0 + (cast - 1.0) * part);
        let ivory = [1.03, 1.0, 0.93];
        let teeth = [0, 1, 2].map(|at| bright * warm(0.3)[at] * ivory[at]);
        let lip_luma = luma(lips).max(8.0);
        let tongue_luma = (0.42 * skin_luma + 0.25 * lip_luma).min(130.0);
        let tongue = red(lips.map(|level| {
            let tint = level / lip_luma;
            tongue_luma * (1.0 + (tint - 1.0) * 1.25)
        }));
        let depth = (0.13 * skin_luma).clamp(10.0, 30.0);
        let dark_inside = red(lips.map(|level| {
            let tint = level / lip_luma;
            depth * (1.0 + (tint - 1.0) * 2.2).max(0.3)
        }));
        let lip = red(lips.map(|level| level * 0.65));
        Self { teeth, tongue, lip, dark: dark_inside, lash: dark.map(|level| level * 0.8) }
    }
}

/// A color of the inside of a mouth: where lips are hardly redder than the skin, it is.
fn red([r, g, b]: [f32; 3]) -> [f32; 3] {
    [r.max(1.1 * luma([r, g, b])), g.min(0.72 * r), b.min(0.7 * r)]
}

/// How bright a color is.
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The color at a part of some colors, by brightness.
fn ranked(colors: &mut [u32], part: f32) -> [f32; 3] {
    if colors.is_empty() {
        return [128.0; 3];
    }
    colors.sort_by(|a, b| luma(levels(*a)).total_cmp(&luma(levels(*b))));
    let at = ((colors.len() - 1) as f32 * part).round() as usize;
    let near = &colors[at.saturating_sub(2)..(at + 3).min(colors.len())];
    let mut mean = [0.0; 3];
    for color in near {
        let color = levels(*color);
        (0..3).for_each(|channel| mean[channel] += color[channel] / near.len() as f32);
    }
    mean
}
