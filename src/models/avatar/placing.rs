//! A portrait in the frame: the face on the upper third, never stretched, and a background where
//! the portrait ends.

use super::face::{Marks, Point};
use super::resample::{Scaled, scaled};
use crate::media::Picture;

/// The texture has this many pixels along each side of a pixel of the frame.
pub(super) const FINENESS: usize = 2;
/// The height of the eyes in the frame, in parts of its height.
const EYE_LINE: f32 = 0.385;
/// The distance of the eyes that is wanted, in parts of the height of the frame.
const WANTED: f32 = 0.165;
/// However small a portrait is, it is not enlarged more than this.
const MOST: f32 = 8.0;

/// Where a portrait comes to lie in the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placing {
    /// Pixels of the frame for a pixel of the portrait.
    pub scale: f32,
    /// The place of the portrait's corner in the frame.
    pub corner: Point,
}

impl Placing {
    /// Places a portrait of a size; without a face in the middle.
    pub fn of(size: (usize, usize), marks: Option<&Marks>, frame: (usize, usize)) -> Self {
        let (width, height) = (size.0 as f32, size.1 as f32);
        let (wide, tall) = (frame.0 as f32, frame.1 as f32);
        // No gap above or below: a face floats in the air where there is one.
        let filling = tall / height;
        let scale = match marks {
            Some(marks) => {
                let wanted = WANTED * tall / marks.upright().unit;
                wanted.min(MOST).max(filling)
            }
            // As much of the picture as there is.
            None => filling,
        };
        let face = marks.map_or(Point::new(width / 2.0, height * EYE_LINE), |marks| {
            Point::new(marks.upright().origin.x, marks.upright().origin.y)
        });
        let y = (EYE_LINE * tall - face.y * scale).clamp(tall - height * scale, 0.0);
        let across = wide - width * scale;
        let centered = wide / 2.0 - face.x * scale;
        let x = if across < 0.0 {
            centered.clamp(across, 0.0)
        } else {
            // The portrait stays in the frame: a face at its edge is not forced into the middle.
            centered.clamp(0.0, across)
        };
        Self { scale, corner: Point::new(x, y) }
    }
}

/// The portrait in its place, at [`FINENESS`] times the size of the frame, four bytes a pixel.
pub(super) fn texture(picture: &Picture, placing: Placing, frame: (usize, usize)) -> Vec<u32> {
    let fine = FINENESS as f32;
    let (width, height) = (frame.0 * FINENESS, frame.1 * FINENESS);
    let left = placing.corner.x * fine;
    let (from, to) = (
        left.round().max(0.0) as usize,
        (left + picture.width as f32 * placing.scale * fine).round().min(width as f32) as usize,
    );
    let region = Scaled {
        scale: placing.scale * fine,
        left: from as f32 - left,
        top: -placing.corner.y * fine,
        width: to - from,
        height,
    };
    let inner = scaled(picture, region);
    let mut texture = vec![0_u32; width * height];
    for y in 0..height {
        let row = &inner[y * region.width..][..region.width];
        texture[y * width + from..y * width + to].copy_from_slice(row);
    }
    if region.width < width {
        extend(&mut texture, (width, height), (from, to));
    }
    texture
}

/// Sizes of blur of the extended background, in quarter pixels of the frame.
const BLURS: [f32; 4] = [1.5, 5.0, 14.0, 34.0];
/// From where on each is shown, in parts of the frame's height from the edge of the portrait.
const FROM: [f32; 4] = [0.006, 0.035, 0.11, 0.26];
const REDUCTION: usize = 8;

/// Continues the background to both sides: mirrored, and the softer the farther from the portrait,
/// so that nobody sees where it begins, and nobody sees a second head.
fn extend(texture: &mut [u32], (width, height): (usize, usize), (from, to): (usize, usize)) {
    let mirrored = |x: usize| mirror(x, from, to);
    let (small_width, small_height) = (width / REDUCTION, height / REDUCTION);
    let mut small = Rgb::new(small_width, small_height);
    for y in 0..small_height {
        for x in 0..small_width {
            let mut sum = [0.0; 3];
            for part in 0..16 {
                let px = mirrored(x * REDUCTION + part % 4 * 2);
                let pixel = texture[(y * REDUCTION + part / 4 * 2) * width + px].to_le_bytes();
                (0..3).for_each(|channel| sum[channel] += f32::from(pixel[channel]) / 16.0);
            }
            small.set(x, y, sum);
        }
    }
    let blurs = BLURS.map(|sigma| small.blurred(sigma * 4.0 / REDUCTION as f32 * FINENESS as f32));
    for y in 0..height {
        for x in (0..from).chain(to..width) {
            let away = if x < from { from - x } else { x + 1 - to } as f32 / height as f32;
            let sharp = texture[y * width + mirrored(x)].to_le_bytes();
            let mut color = [sharp[0], sharp[1], sharp[2]].map(f32::from);
            let mut start = 0.0;
            for (blurred, from) in blurs.iter().zip(FROM) {
                let part = ((away - start) / (from - start)).clamp(0.0, 1.0);
                if part <= 0.0 {
                    break;
                }
                let other = blurred.at(
                    (x as f32 + 0.5) / REDUCTION as f32 - 0.5,
                    (y as f32 + 0.5) / REDUCTION as f32 - 0.5,
                );
                (0..3).for_each(|channel| {
                    color[channel] += (other[channel] - color[channel]) * part;
                });
                start = from;
            }
            // Away from the portrait it is a little darker: the eye stays with the face.
            let light = 1.0 - 0.15 * (away * 1.6).min(1.0);
            let [r, g, b] = color.map(|level| (level * light + 0.5) as u8);
            texture[y * width + x] = u32::from_le_bytes([r, g, b, 255]);
        }
    }
}

/// A place outside of a stretch, folded back into it.
fn mirror(x: usize, from: usize, to: usize) -> usize {
    let length = (to - from) as isize;
    let away = (x as isize - from as isize).rem_euclid(2 * length);
    from + (if away < length { away } else { 2 * length - 1 - away }) as usize
}

/// Three channels as numbers.
struct Rgb {
    width: usize,
    height: usize,
    data: Vec<[f32; 3]>,
}

impl Rgb {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![[0.0; 3]; width * height] }
    }

    fn set(&mut self, x: usize, y: usize, color: [f32; 3]) {
        self.data[y * self.width + x] = color;
    }

    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let pixel = |x: usize, y: usize| self.data[y * self.width + x];
        let (a, b, c, d) = (pixel(x0, y0), pixel(x1, y0), pixel(x0, y1), pixel(x1, y1));
        std::array::from_fn(|channel| {
            let above = a[channel] + (b[channel] - a[channel]) * fx;
            let below = c[channel] + (d[channel] - c[channel]) * fx;
            above + (below - above) * fy
        })
    }

    fn blurred(&self, sigma: f32) -> Self {
        let radius = (sigma.round() as usize).max(1);
        let mut now = Self { data: self.data.clone(), ..*self };
        for _ in 0..3 {
            now = now.boxed(radius).turned().boxed(radius).turned();
        }
        now
    }

    fn boxed(&self, radius: usize) -> Self {
        let mut out = Self::new(self.width, self.height);
        let last = self.width as isize - 1;
        let size = (2 * radius + 1) as f32;
        let radius = radius as isize;
        for (row, out) in self.data.chunks(self.width).zip(out.data.chunks_mut(self.width)) {
            let near = |x: isize| row[x.clamp(0, last) as usize];
            let mut sum = [0.0; 3];
            for x in -radius..=radius {
                (0..3).for_each(|channel| sum[channel] += near(x)[channel]);
            }
            for (x, out) in out.iter_mut().enumerate() {
                *out = sum.map(|sum| sum / size);
                let (come, gone) = (near(x as isize + radius + 1), near(x as isize - radius));
                (0..3).for_each(|channel| sum[channel] += come[channel] - gone[channel]);
            }
        }
        out
    }

    fn turned(&self) -> Self {
        let mut out = Self::new(self.height, self.width);
        for y in 0..self.height {
            for x in 0..self.width {
                out.data[x * self.height + y] = self.data[y * self.width + x];
            }
        }
        out
    }
}
