//! A portrait in the frame: the face on the upper third, never stretched, and a background where
//! the portrait ends.

use super::face::{Marks, Point};
use super::resample::{Scaled, scaled, turned};
use super::texture::{levels, packed};
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
                let wanted = WANTED * tall / marks.upright().tall;
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
    let right = left + picture.width as f32 * placing.scale * fine;
    // A thread of a picture has a column too.
    let from = (left.round().max(0.0) as usize).min(width - 1);
    let to = (right.round().min(width as f32) as usize).max(from + 1);
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
    let columns: Vec<Beside> = (0..from)
        .chain(to..width)
        .map(|x| {
            let away = if x < from { from - x } else { x + 1 - to } as f32 / height as f32;
            Beside::of(x, mirrored(x), away)
        })
        .collect();
    let mut rows = blurs.each_ref().map(|_| vec![[0.0; 3]; small_width]);
    for (y, line) in texture.chunks_exact_mut(width).enumerate() {
        for (blurred, row) in blurs.iter().zip(&mut rows) {
            blurred.row((y as f32 + 0.5) / REDUCTION as f32 - 0.5, row);
        }
        for column in &columns {
            let mut color = match column.soft {
                Some(blur) => between(&rows[blur], column.place),
                None => levels(line[column.mirrored]),
            };
            if column.part > 0.0 {
                let softer = between(&rows[column.softer], column.place);
                for (level, softer) in color.iter_mut().zip(softer) {
                    *level += (softer - *level) * column.part;
                }
            }
            line[column.x] = packed(color.map(|level| level * column.light));
        }
    }
}

/// A column beside the portrait: what it is made of, the same in all rows.
struct Beside {
    x: usize,
    /// The column of the portrait that it mirrors.
    mirrored: usize,
    /// The place in the blurred rows.
    place: f32,
    /// Which of the blurs is seen, if not the portrait itself; which comes next, and how much of it.
    soft: Option<usize>,
    softer: usize,
    part: f32,
    light: f32,
}

impl Beside {
    /// The column so far away from the portrait, in parts of the frame's height.
    fn of(x: usize, mirrored: usize, away: f32) -> Self {
        let past = FROM.iter().filter(|&&from| away >= from).count();
        let start = if past > 0 { FROM[past - 1] } else { 0.0 };
        let softer = past.min(FROM.len() - 1);
        let part = if past < FROM.len() { (away - start) / (FROM[past] - start) } else { 0.0 };
        Self {
            x,
            mirrored,
            place: (x as f32 + 0.5) / REDUCTION as f32 - 0.5,
            soft: past.checked_sub(1),
            softer,
            part,
            // Away from the portrait it is a little darker: the eye stays with the face.
            light: 1.0 - 0.15 * (away * 1.6).min(1.0),
        }
    }
}

/// The color at a place of a row, between its pixels.
#[inline]
fn between(row: &[[f32; 3]], x: f32) -> [f32; 3] {
    let x = x.clamp(0.0, (row.len() - 1) as f32);
    let from = x as usize;
    let (a, b) = (row[from], row[(from + 1).min(row.len() - 1)]);
    let part = x - from as f32;
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * part)
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

    /// A row at a height between those that there are.
    fn row(&self, y: f32, out: &mut [[f32; 3]]) {
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let from = y as usize;
        let above = &self.data[from * self.width..][..self.width];
        let below = &self.data[(from + 1).min(self.height - 1) * self.width..][..self.width];
        let part = y - from as f32;
        for ((out, above), below) in out.iter_mut().zip(above).zip(below) {
            *out = std::array::from_fn(|channel| {
                above[channel] + (below[channel] - above[channel]) * part
            });
        }
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
        let data = turned(&self.data, self.width);
        Self { width: self.height, height: self.width, data }
    }
}
