//! The reference image itself, at the size of a frame: as a backdrop, or what it is about.

use crate::media::Picture;
use crate::models::operators::{Image, Plane, smooth};
use crate::models::regions::foreground_of;

/// The longer side at which the subject of an image is looked for.
const SIDE: usize = 640;
/// How much of the height of a frame a subject takes.
const TALL: f32 = 0.72;
/// Less than this part of an image, or more than the rest of it, is no subject: the image is then
/// placed as a whole.
const LEAST: f32 = 0.03;

/// Fills a frame with the middle of the image.
pub(in crate::models) fn backdrop(picture: &Picture, out: &mut Image) {
    let (width, height) = (out.width(), out.height());
    let across = picture.width as f32 / width as f32;
    let down = picture.height as f32 / height as f32;
    let scale = across.min(down);
    let left = (picture.width as f32 - width as f32 * scale) * 0.5;
    let top = (picture.height as f32 - height as f32 * scale) * 0.5;
    for y in 0..height {
        for x in 0..width {
            let place = (left + (x as f32 + 0.5) * scale, top + (y as f32 + 0.5) * scale);
            put(out, x, y, color_at(picture, place, scale));
        }
    }
}

/// What an image is about, cut out.
pub(in crate::models) struct Subject {
    small: Image,
    mask: Plane,
    /// Left, top, right and bottom in the small picture.
    bounds: [usize; 4],
}

impl Subject {
    pub fn of(picture: &Picture) -> Self {
        let small = shrunk(picture, SIDE);
        let mut mask = foreground_of(&small);
        let bounds = bounds(&mask);
        let sum: u64 = mask.data.iter().map(|&level| u64::from(level)).sum();
        let part = sum as f32 / (mask.data.len() as f32 * 255.0);
        if (LEAST..=1.0 - LEAST).contains(&part)
            && let Some(bounds) = bounds
        {
            return Self { small, mask, bounds };
        }
        mask.data.fill(255);
        let bounds = [0, 0, mask.width, mask.height];
        Self { small, mask, bounds }
    }

    /// Draws the subject where it will stand: `middle` is where, from the left, and `low` whether
    /// it stands at the bottom. `alpha` is how much of it covers the frame.
    pub fn draw(&self, (middle, low): (f32, bool), out: &mut Image, alpha: &mut Plane) {
        let (width, height) = (out.width(), out.height());
        alpha.fit(width, height);
        alpha.data.fill(0);
        let [left, top, right, bottom] = self.bounds.map(|side| side as f32);
        let scale = ((bottom - top) / (TALL * height as f32))
            .max((right - left) / (0.9 * width as f32))
            .max(1e-3);
        let shown = ((right - left) / scale, (bottom - top) / scale);
        let x0 = (middle * width as f32 - shown.0 * 0.5)
            .clamp(0.0, width as f32 - shown.0.min(width as f32));
        let y0 = if low { height as f32 - shown.1 } else { 0.0 };
        for y in 0..height {
            for x in 0..width {
                let (dx, dy) = (x as f32 + 0.5 - x0, y as f32 + 0.5 - y0);
                if dx < 0.0 || dy < 0.0 || dx >= shown.0 || dy >= shown.1 {
                    continue;
                }
                let (px, py) = (left + dx * scale, top + dy * scale);
                put(out, x, y, std::array::from_fn(|c| level_at(&self.small.planes[c], (px, py))));
                // A soft line around what is placed as a whole.
                let rim = dx.min(shown.0 - dx).min(dy + if low { 0.0 } else { 9e9 }).max(0.0);
                let level = level_at(&self.mask, (px, py)) * smooth(rim, 0.0, 2.0);
                alpha.data[y * width + x] = level as u8;
            }
        }
    }
}

/// The smallest rectangle with all that is clearly inside; `None` if nothing is.
fn bounds(mask: &Plane) -> Option<[usize; 4]> {
    let mut found: Option<[usize; 4]> = None;
    for y in 0..mask.height {
        for (x, &level) in mask.row(y).iter().enumerate() {
            if level > 100 {
                let [l, t, r, b] = found.unwrap_or([x, y, x + 1, y + 1]);
                found = Some([l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)]);
            }
        }
    }
    found
}

/// The image at a side of at most `side` pixels.
fn shrunk(picture: &Picture, side: usize) -> Image {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let scale = (width.max(height) as f32 / side as f32).max(1.0);
    let mut small = Image::default();
    small.fit(
        ((width as f32 / scale).round() as usize).max(1),
        ((height as f32 / scale).round() as usize).max(1),
    );
    backdrop(picture, &mut small);
    small
}

fn put(out: &mut Image, x: usize, y: usize, color: [f32; 3]) {
    let at = y * out.width() + x;
    for (plane, level) in out.planes.iter_mut().zip(color) {
        plane.data[at] = (level + 0.5).clamp(0.0, 255.0) as u8;
    }
}

/// The color at a place of the image: the mean of four places inside what a pixel stands for.
fn color_at(picture: &Picture, (x, y): (f32, f32), scale: f32) -> [f32; 3] {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let off = scale * 0.25;
    let mut sum = [0.0; 3];
    for (dx, dy) in [(-off, -off), (off, -off), (-off, off), (off, off)] {
        let (px, py) = ((x + dx - 0.5).max(0.0), (y + dy - 0.5).max(0.0));
        let (x0, y0) = ((px as usize).min(width - 1), (py as usize).min(height - 1));
        let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
        let (tx, ty) = ((px - x0 as f32).min(1.0), (py - y0 as f32).min(1.0));
        let level = |x: usize, y: usize, c: usize| f32::from(picture.data[(y * width + x) * 3 + c]);
        for (c, sum) in sum.iter_mut().enumerate() {
            let upper = level(x0, y0, c) * (1.0 - tx) + level(x1, y0, c) * tx;
            let lower = level(x0, y1, c) * (1.0 - tx) + level(x1, y1, c) * tx;
            *sum += (upper * (1.0 - ty) + lower * ty) * 0.25;
        }
    }
    sum
}

fn level_at(plane: &Plane, (x, y): (f32, f32)) -> f32 {
    let (px, py) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
    let (x0, y0) = ((px as usize).min(plane.width - 1), (py as usize).min(plane.height - 1));
    let (x1, y1) = ((x0 + 1).min(plane.width - 1), (y0 + 1).min(plane.height - 1));
    let (tx, ty) = ((px - x0 as f32).min(1.0), (py - y0 as f32).min(1.0));
    let level = |x: usize, y: usize| f32::from(plane.data[y * plane.width + x]);
    let upper = level(x0, y0) * (1.0 - tx) + level(x1, y0) * tx;
    let lower = level(x0, y1) * (1.0 - tx) + level(x1, y1) * tx;
    upper * (1.0 - ty) + lower * ty
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red ball before a gray wall.
    fn ball(width: u32, height: u32) -> Picture {
        let mut data = Vec::new();
        for y in 0..height as i32 {
            for x in 0..width as i32 {
                let (dx, dy) = (x - width as i32 / 2, y - height as i32 / 2);
                let inside = dx * dx + dy * dy < (height * height / 12) as i32;
                data.extend(if inside { [200, 30, 40] } else { [120, 124, 128] });
            }
        }
        Picture { width, height, data }
    }

    #[test]
    fn a_backdrop_fills_the_frame_and_is_not_stretched() {
        let mut out = Image::default();
        out.fit(160, 90);
        backdrop(&ball(600, 400), &mut out);
        assert_eq!(out.color(2, 2), [120.0, 124.0, 128.0]);
        assert_eq!(out.color(80, 45), [200.0, 30.0, 40.0]);
        let wide = (0..160).filter(|&x| out.color(x, 45)[0] > 160.0).count();
        let tall = (0..90).filter(|&y| out.color(80, y)[0] > 160.0).count();
        assert!(wide.abs_diff(tall) <= 2, "{wide} {tall}");
    }

    #[test]
    fn a_subject_stands_where_it_was_put_and_leaves_its_wall_behind() {
        let subject = Subject::of(&ball(600, 400));
        let (mut out, mut alpha) = (Image::default(), Plane::default());
        out.fit(320, 180);
        subject.draw((0.25, true), &mut out, &mut alpha);
        let at = |x: usize, y: usize| alpha.row(y)[x];
        assert!(at(80, 115) > 200, "{}", at(80, 115));
        assert!(at(250, 115) == 0 && at(80, 10) == 0);
        assert!(out.color(80, 115)[0] > 180.0);
    }

    #[test]
    fn any_image_can_be_placed() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (5000, 3)] {
            let picture = Picture { width, height, data: vec![90; (width * height * 3) as usize] };
            let subject = Subject::of(&picture);
            let (mut out, mut alpha) = (Image::default(), Plane::default());
            out.fit(64, 36);
            subject.draw((0.5, false), &mut out, &mut alpha);
            backdrop(&picture, &mut out);
            assert_eq!(out.color(30, 20), [90.0; 3]);
        }
    }
}
