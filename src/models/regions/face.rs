//! A face before the camera, by its color and its shades.
//!
//! A window of skin with less skin beside and above it, whose eyes are darker than its cheeks and
//! than the bridge of the nose: contrasts of rectangles over tables of sums, as in Viola and Jones,
//! "Rapid object detection using a boosted cascade of simple features" (2001), without the cascade.

use crate::models::operators::{Plane, ramp};

/// The least height of a picture in which faces are looked for.
const LEAST: usize = 24;
/// What a face must be worth to be found, and to be kept.
const FOUND: f32 = 0.62;
const KEPT: f32 = 0.45;

/// Where a face is, in pixels: its middle, and its height from the brow to the chin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Face {
    pub x: f32,
    pub y: f32,
    pub tall: f32,
}

#[derive(Default)]
pub(super) struct Faces {
    skin: Sums,
    luma: Sums,
    last: Option<Face>,
}

impl Faces {
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The face in the picture. One that was found is followed, and kept on less evidence.
    pub fn find(&mut self, skin: &Plane, luma: &Plane) -> Option<Face> {
        if luma.height < LEAST {
            return None;
        }
        self.skin.take(skin);
        self.luma.take(luma);
        let mut best = (FOUND, None);
        if let Some(last) = self.last {
            let near = self.around(last);
            // The one that is known has to be outdone clearly.
            if near.0 > KEPT {
                best = (near.0 + 0.12, Some(near.1));
            }
        }
        let whole = luma.height as f32;
        let mut tall = 0.18 * whole;
        while tall < 0.8 * whole {
            let step = tall / 7.0;
            let (columns, rows) =
                ((luma.width as f32 / step) as usize, (whole * 0.95 / step) as usize);
            for row in 2..rows {
                for column in 1..columns {
                    let face = Face { x: column as f32 * step, y: row as f32 * step, tall };
                    let worth = self.worth(face);
                    if worth > best.0 {
                        best = (worth, Some(face));
                    }
                }
            }
            tall *= 1.2;
        }
        let found = best.1.map(|found| match self.last {
            Some(last) if (last.x - found.x).hypot(last.y - found.y) < last.tall * 0.5 => Face {
                x: last.x + (found.x - last.x) * 0.35,
                y: last.y + (found.y - last.y) * 0.35,
                tall: last.tall + (found.tall - last.tall) * 0.15,
            },
            _ => found,
        });
        self.last = found;
        found
    }

    /// The best place near a known face.
    fn around(&self, last: Face) -> (f32, Face) {
        let mut best = (0.0, last);
        for grown in [0.92, 1.0, 1.08] {
            for dy in -2..=2_i8 {
                for dx in -2..=2_i8 {
                    let step = last.tall / 12.0;
                    let face = Face {
                        x: last.x + f32::from(dx) * step,
                        y: last.y + f32::from(dy) * step,
                        tall: last.tall * grown,
                    };
                    let worth = self.worth(face);
                    if worth > best.0 {
                        best = (worth, face);
                    }
                }
            }
        }
        best
    }

    /// How much a window looks like a face, about 0 to 1.3.
    fn worth(&self, face: Face) -> f32 {
        let part = |sums: &Sums, left: f32, top: f32, right: f32, bottom: f32| {
            let at = |x: f32, y: f32| (face.x + x * face.tall, face.y + y * face.tall);
            sums.mean(at(left, top), at(right, bottom)) * (1.0 / 255.0)
        };
        let inside = part(&self.skin, -0.3, -0.42, 0.3, 0.42);
        if inside < 0.55 {
            return 0.0;
        }
        let beside =
            part(&self.skin, -0.64, -0.35, -0.42, 0.35) + part(&self.skin, 0.42, -0.35, 0.64, 0.35);
        let above = part(&self.skin, -0.3, -0.8, 0.3, -0.58);
        let eyes = part(&self.luma, -0.32, -0.22, 0.32, -0.04);
        let cheeks = part(&self.luma, -0.32, 0.04, 0.32, 0.22);
        let bridge = part(&self.luma, -0.06, -0.2, 0.06, -0.06);
        let eye = (part(&self.luma, -0.28, -0.2, -0.12, -0.06)
            + part(&self.luma, 0.12, -0.2, 0.28, -0.06))
            * 0.5;
        let light = cheeks.max(0.15);
        let off = (face.x / self.luma.width as f32 - 0.5).abs() * 2.0;
        let low = face.y / self.luma.height as f32;
        inside - 0.4 * beside - 0.2 * above
            + 0.25 * ((cheeks - eyes) / light * 9.0).clamp(-1.0, 1.0)
            + 0.15 * ((bridge - eye) / light * 9.0).clamp(-1.0, 1.0)
            - 0.22 * off
            - 0.3 * ramp(low, 0.5, 0.85)
    }
}

/// Sums of all levels above and to the left of a place.
#[derive(Default)]
struct Sums {
    width: usize,
    height: usize,
    sums: Vec<u32>,
}

impl Sums {
    fn take(&mut self, plane: &Plane) {
        (self.width, self.height) = (plane.width, plane.height);
        let row = plane.width + 1;
        self.sums.clear();
        self.sums.resize(row, 0);
        for y in 0..plane.height {
            let mut sum = 0;
            self.sums.push(0);
            for (x, &level) in plane.row(y).iter().enumerate() {
                sum += u32::from(level);
                let above = self.sums[y * row + x + 1];
                self.sums.push(above + sum);
            }
        }
    }

    /// The mean level between two corners, of what of it lies inside the plane.
    fn mean(&self, (left, top): (f32, f32), (right, bottom): (f32, f32)) -> f32 {
        let x = |place: f32| (place.max(0.0) as usize).min(self.width);
        let y = |place: f32| (place.max(0.0) as usize).min(self.height);
        let (left, top) = (x(left), y(top));
        let (right, bottom) = (x(right).max(left + 1), y(bottom).max(top + 1));
        if right > self.width || bottom > self.height {
            return 0.0;
        }
        let row = self.width + 1;
        let at = |x: usize, y: usize| self.sums[y * row + x];
        let sum = at(right, bottom) + at(left, top) - at(right, top) - at(left, bottom);
        sum as f32 / ((right - left) * (bottom - top)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An oval of skin with eyes, and what is to be told from it: an arm and a wall.
    fn picture(middle: (f32, f32)) -> (Plane, Plane) {
        let inside = |x: usize, y: usize| {
            let (dx, dy) = ((x as f32 - middle.0) / 12.0, (y as f32 - middle.1) / 16.0);
            (dx, dy, dx * dx + dy * dy < 1.0)
        };
        let arm = |x: usize, y: usize| (20..26).contains(&x) && y > 30;
        let skin = Plane::of(160, 88, |x, y| if inside(x, y).2 || arm(x, y) { 240 } else { 10 });
        let luma = Plane::of(160, 88, |x, y| {
            let (dx, dy, face) = inside(x, y);
            let eye = (0.25..0.75).contains(&dx.abs()) && (-0.42..-0.14).contains(&dy);
            match (face, eye) {
                (true, true) => 90,
                (true, false) => 180,
                _ => 120,
            }
        });
        (skin, luma)
    }

    #[test]
    fn a_face_is_found_and_followed() {
        let mut faces = Faces::default();
        for (at, x) in [(0, 70.0), (1, 70.0), (2, 73.0), (3, 76.0)] {
            let (skin, luma) = picture((x, 34.0));
            let face = faces.find(&skin, &luma).unwrap();
            assert!((face.x - x).abs() < 6.0 && (face.y - 34.0).abs() < 7.0, "{at}: {face:?}");
            assert!((20.0..42.0).contains(&face.tall), "{face:?}");
        }
    }

    #[test]
    fn what_is_not_a_face_is_none() {
        let plain = Plane::filled(160, 88, 255);
        let (_, luma) = picture((70.0, 34.0));
        assert_eq!(Faces::default().find(&plain, &plain), None);
        assert_eq!(Faces::default().find(&Plane::filled(160, 88, 0), &luma), None);
        for (width, height) in [(1, 1), (3, 200), (200, 3)] {
            let plane = Plane::filled(width, height, 200);
            Faces::default().find(&plane, &plane);
        }
    }

    #[test]
    fn sums_are_means() {
        let plane = Plane::of(9, 7, |x, y| (x * 20 + y * 3) as u8);
        let mut sums = Sums::default();
        sums.take(&plane);
        let mut sum = 0.0;
        for y in 2..5 {
            for x in 3..8 {
                sum += f32::from(plane.row(y)[x]);
            }
        }
        assert!((sums.mean((3.0, 2.0), (8.0, 5.0)) - sum / 15.0).abs() < 1e-3);
    }
}
