//! What is inside of an outline: the eye, the line of the mouth.

use super::super::gray::Gray;
use super::contour::{Contour, Parts};
use super::ground::{Colors, apart};

/// Pixels of the sample from nasion to chin.
const UNIT: f32 = 100.0;
/// What is sampled, in these: before the nasion, behind it, above and below.
const BEFORE: f32 = 0.35;
const BEHIND: f32 = 0.60;
const ABOVE: f32 = 0.40;
const BELOW: f32 = 1.15;

/// A face seen from the side, turned upright.
pub struct Inside {
    light: Gray,
    soft: Gray,
    spread: f32,
    length: f32,
    origin: (f32, f32),
}

/// What is measured there.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Rows and places across of the view.
    pub eye: (f32, f32),
    pub corner: (f32, f32),
    /// How much darker than its surroundings the eye is, and the line of the mouth.
    pub dark: f32,
    pub line: f32,
    /// How sharply the outline parts the face from an even ground.
    pub sharp: f32,
}

impl Inside {
    /// Samples a picture that is so much larger than the view.
    pub fn new(luma: &Gray, scale: f32, contour: &Contour, parts: &Parts) -> Self {
        let width = ((BEFORE + BEHIND) * UNIT) as usize;
        let height = ((ABOVE + BELOW) * UNIT) as usize;
        let mut light = Gray::new(width, height);
        let origin =
            (parts.nasion.1 - BEFORE * parts.length, parts.nasion.0 - ABOVE * parts.length);
        let step = parts.length / UNIT;
        for row in 0..height {
            for column in 0..width {
                let (u, v) = (origin.0 + column as f32 * step, origin.1 + row as f32 * step);
                let (x, y) = contour.view.place(u, v);
                light.data[row * width + column] =
                    luma.at((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5);
            }
        }
        // Before the outline all is as light as just behind it: the ground is no part of the face.
        let of_outline = |row: usize| {
            let u = contour.at(origin.1 + row as f32 * step);
            ((u - origin.0) / step + 3.0).clamp(0.0, width as f32 - 1.0) as usize
        };
        for (row, light) in light.data.chunks_exact_mut(width).enumerate() {
            let first = of_outline(row);
            let own = light[first];
            light[..first].fill(own);
        }
        let light = light.blurred(1.0);
        let soft = light.blurred(1.6);
        let mut new = Self { light, soft, spread: 1.0, length: parts.length, origin };
        // How much light and dark differ in the face.
        let (mut sum, mut power, mut count) = (0.0, 0.0, 0.0);
        for row in new.row(parts.nasion.0)..new.row(parts.chin.0) {
            let v = new.back(row);
            let first = new.column(contour.at(v)) + 3;
            for column in first..(first + 30).min(width) {
                let value = new.light.get(column, row);
                (sum, power, count) = (sum + value, power + value * value, count + 1.0);
            }
        }
        let mean: f32 = sum / f32::max(count, 1.0);
        new.spread = (power / f32::max(count, 1.0) - mean * mean).max(0.0).sqrt() + 6.0;
        new
    }

    fn row(&self, v: f32) -> usize {
        let row = (v - self.origin.1) / self.length * UNIT;
        (row.round().max(1.0) as usize).min(self.light.height - 2)
    }

    fn column(&self, u: f32) -> usize {
        let column = (u - self.origin.0) / self.length * UNIT;
        (column.round().max(1.0) as usize).min(self.light.width - 2)
    }

    fn back(&self, row: usize) -> f32 {
        self.origin.1 + row as f32 / UNIT * self.length
    }

    fn across(&self, column: usize) -> f32 {
        self.origin.0 + column as f32 / UNIT * self.length
    }

    /// How strong the edge at a pixel is.
    fn edge(&self, column: usize, row: usize) -> f32 {
        let across = self.light.get(column + 1, row) - self.light.get(column - 1, row);
        let down = self.light.get(column, row + 1) - self.light.get(column, row - 1);
        0.5 * across.hypot(down)
    }

    /// Measures the parts; `colors` are those that the contour was found in.
    pub fn measure(&self, colors: &Colors, contour: &Contour, parts: &Parts) -> Measured {
        let (eye, dark) = self.eye(contour, parts);
        let (corner, line) = self.mouth(parts);
        Measured { eye, corner, dark, line, sharp: sharp(colors, contour, parts) }
    }

    /// How much darker a place is than all that is around: a spot, not the edge of hair.
    fn spot(&self, column: usize, row: usize) -> f32 {
        let (width, height) = (self.soft.width, self.soft.height);
        let at =
            |column: usize, row: usize| self.soft.get(column.min(width - 1), row.min(height - 1));
        let aside = at(column.saturating_sub(12), row).min(at(column + 12, row));
        let down = 0.5 * (at(column, row.saturating_sub(8)) + at(column, row + 10));
        0.5 * (aside + down) - at(column, row)
    }

    /// The eye: its middle, and how dark its darkest spot is.
    fn eye(&self, contour: &Contour, parts: &Parts) -> ((f32, f32), f32) {
        let usual = {
            let by_nose = parts.nasion.0 + 0.08 * parts.length;
            let by_mouth = parts.stomion.0 - 1.5 * (parts.chin.0 - parts.stomion.0);
            by_nose + 0.4 * (by_mouth - by_nose)
        };
        let rows = self.row(usual - 0.14 * parts.length)..self.row(usual + 0.14 * parts.length);
        let mut best = (f32::MIN, (0, 0));
        for row in rows.clone() {
            let first = self.column(contour.at(self.back(row)) + 0.06 * parts.length);
            for column in first..self.column(parts.nasion.1 + 0.36 * parts.length) {
                let off = (row as f32 - self.row(usual) as f32) / 10.0;
                let aside = (self.across(column) - parts.nasion.1) / parts.length - 0.17;
                let value = self.spot(column, row) / self.spread - off * off - 12.0 * aside * aside;
                if value > best.0 {
                    best = (value, (column, row));
                }
            }
        }
        // The darkest is mostly a lid or the pupil: the middle of what is busy there and below.
        let (column, row) = best.1;
        let dark = self.spot(column, row) / self.spread;
        let mut edges = Vec::new();
        for near in row.saturating_sub(5).max(1)..=(row + 9).min(self.light.height - 2) {
            let first = self.column(contour.at(self.back(near)) + 0.05 * parts.length);
            let last = (column + 14).min(self.light.width - 2);
            for beside in column.saturating_sub(8).max(first)..=last {
                edges.push((self.edge(beside, near), beside, near));
            }
        }
        let usual = edges.iter().map(|edge| edge.0).sum::<f32>() / edges.len().max(1) as f32;
        let (mut sum, mut x, mut y) = (1e-3, 1e-3 * self.across(column), 1e-3 * self.back(row));
        for (edge, column, row) in edges {
            let edge = (edge - 0.6 * usual).max(0.0);
            sum += edge;
            x += edge * self.across(column);
            y += edge * self.back(row);
        }
        ((y / sum, x / sum), dark)
    }

    /// The corner of the mouth: where the dark line ends that begins between the lips.
    fn mouth(&self, parts: &Parts) -> ((f32, f32), f32) {
        let (front, mut row) = (self.column(parts.stomion.1), self.row(parts.stomion.0));
        // Darker than a little above and below.
        let line = |column: usize, row: usize| {
            let away = |rows: usize| {
                let above = self.light.get(column, row.saturating_sub(rows));
                let below = self.light.get(column, (row + rows).min(self.light.height - 1));
                above.min(below)
            };
            away(3).max(away(5)) - self.light.get(column, row)
        };
        let mut strengths = Vec::new();
        let mut rows = Vec::new();
        for column in front + 2..(front + 28).min(self.light.width - 1) {
            let reach = if column < front + 5 { 3 } else { 1 };
            let near = row.saturating_sub(reach)..=(row + reach).min(self.light.height - 2);
            row = near.max_by(|&a, &b| line(column, a).total_cmp(&line(column, b))).unwrap_or(row);
            strengths.push(line(column, row).max(0.0));
            rows.push(row);
        }
        let strongest = {
            let first = &strengths[..strengths.len().min(10)];
            first.iter().sum::<f32>() / first.len().max(1) as f32
        };
        let least = (0.3 * strongest).max(1.0);
        let mut end = 6;
        let mut gap = 0;
        for (at, &strength) in strengths.iter().enumerate().skip(6) {
            gap = if strength < least { gap + 1 } else { 0 };
            if gap > 2 {
                break;
            }
            if gap == 0 {
                end = at;
            }
        }
        let end = end.min(strengths.len().saturating_sub(1)).min(24);
        let row = rows.get(end).copied().unwrap_or(row);
        let corner = (self.back(row), self.across(front + 2 + end));
        (corner, strongest / self.spread)
    }
}

/// How sharply the outline parts the face from an even ground, -1 to 1.
fn sharp(colors: &Colors, contour: &Contour, parts: &Parts) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    let mut v = parts.nasion.0 - 0.1 * parts.length;
    while v < parts.chin.0 {
        let u = contour.at(v);
        let color = |off: f32| {
            let (x, y) = contour.view.place(u + off, v);
            colors.near(x, y)
        };
        let across = apart(color(-1.5), color(2.5));
        let before = apart(color(-2.0), color(-6.0));
        sum += ((across - 1.5 * before) / 24.0).clamp(-1.0, 1.0);
        count += 1.0;
        v += 1.0;
    }
    sum / f32::max(count, 1.0)
}
