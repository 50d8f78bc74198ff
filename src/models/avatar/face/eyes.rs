//! The eyes: the centers by the gradients around them, the lids by their edges.

use super::crop::{Crop, median};
use super::marks::{Marks, Point};

/// How far the center may be from where the proportions have it.
const REACH_X: f32 = 0.17;
const REACH_Y: f32 = 0.15;
/// The grid on which centers are tried.
const GRID: f32 = 1.0 / 40.0;

/// The centers of both eyes, those of the picture: what gradients point away from, as in Timm and
/// Barth, "Accurate eye centre localisation by means of gradients", VISAPP 2011, held near the
/// place that the proportions give.
pub(super) fn centers(crop: &Crop) -> [Point; 2] {
    [-0.5_f32, 0.5].map(|side| {
        let (x, y) = center(crop, side);
        crop.place(x, y)
    })
}

fn center(crop: &Crop, side: f32) -> (f32, f32) {
    let mut gradients = Vec::new();
    let mut strongest = 0.0_f32;
    let (columns, rows) = ((2.0 * 0.30 / GRID) as usize, (2.0 * 0.22 / GRID) as usize);
    for row in 0..rows {
        for column in 0..columns {
            let x = side - 0.30 + column as f32 * GRID;
            let y = -0.22 + row as f32 * GRID;
            let gx = crop.light(x + GRID, y) - crop.light(x - GRID, y);
            let gy = crop.light(x, y + GRID) - crop.light(x, y - GRID);
            let size = gx.hypot(gy);
            strongest = strongest.max(size);
            gradients.push((x, y, gx, gy, size));
        }
    }
    gradients.retain(|gradient| gradient.4 > 0.25 * strongest);
    if gradients.is_empty() || strongest < 4.0 {
        return (side, 0.0);
    }
    let mut best = (f32::MIN, side, 0.0);
    let (columns, rows) = ((2.0 * REACH_X / GRID) as usize, (2.0 * REACH_Y / GRID) as usize);
    for row in 0..=rows {
        for column in 0..=columns {
            let x = side - REACH_X + column as f32 * GRID;
            let y = -REACH_Y + row as f32 * GRID;
            let mut sum = 0.0;
            for &(gx_at, gy_at, gx, gy, size) in &gradients {
                let (dx, dy) = (gx_at - x, gy_at - y);
                let distance = dx.hypot(dy);
                if distance > 1e-3 && distance < 0.22 {
                    let along = (dx * gx + dy * gy) / (distance * size);
                    sum += along.max(0.0).powi(2);
                }
            }
            let dark = (255.0 - darkness(crop, x, y)) / 255.0;
            let (px, py) = ((x - side) / 0.16, y / 0.13);
            let prior = (-0.5 * (px * px + py * py)).exp();
            let score = sum * dark * (0.25 + 0.75 * prior);
            if score > best.0 {
                best = (score, x, y);
            }
        }
    }
    (best.1, best.2)
}

fn darkness(crop: &Crop, x: f32, y: f32) -> f32 {
    let mut sum = 0.0;
    for step in 0..9 {
        let (dx, dy) = ((step % 3) as f32 - 1.0, (step / 3) as f32 - 1.0);
        sum += crop.light(x + dx * 0.03, y + dy * 0.03);
    }
    sum / 9.0
}

/// The edges of the lids: arcs along which it gets darker, and lighter again.
pub(super) fn lids(crop: &Crop, marks: &mut Marks) {
    for (eye, side) in marks.eyes.iter_mut().zip([-0.5_f32, 0.5]) {
        let edge = |height: f32, sign: f32| {
            let mut sum = 0.0;
            for step in -6..=6 {
                let u = step as f32 / 8.0;
                let (x, y) = (side + u * 0.23, sign * height * (1.0 - u * u));
                sum += crop.light(x, y + sign * 0.028) - crop.light(x, y - sign * 0.018);
            }
            sum / 13.0
        };
        let search = |low: f32, high: f32, usual: f32, sign: f32| {
            let mut best = (f32::MIN, usual);
            let mut height = low;
            while height <= high {
                let off = (height - usual) / 0.05;
                let score = edge(height, sign) * (-0.5 * off * off).exp();
                if score > best.0 {
                    best = (score, height);
                }
                height += 0.005;
            }
            if best.0 > 3.0 { best.1 } else { usual }
        };
        // The lashes go with the lid: its edge is where they end.
        let above = search(0.05, 0.19, 0.11, -1.0) - 0.008;
        let below = search(0.04, 0.15, 0.085, 1.0);
        eye.above = crop.pixels(above);
        eye.below = crop.pixels(below + 0.01);
        eye.half_width = crop.pixels_across(0.26);
    }
    // Both are alike: what one hides the other shows.
    let above = 0.5 * (marks.eyes[0].above + marks.eyes[1].above);
    let below = 0.5 * (marks.eyes[0].below + marks.eyes[1].below);
    // Rather too much than too little: a lid that covers too much is skin on skin.
    let (least_above, least_below) = (crop.pixels(0.085), crop.pixels(0.088));
    for eye in &mut marks.eyes {
        eye.above = (0.5 * (eye.above + above)).max(least_above);
        eye.below = (0.5 * (eye.below + below)).max(least_below);
    }
}

/// The brows: the darkest band above each eye.
pub(super) fn brows(crop: &Crop, marks: &mut Marks) {
    for (eye, side) in marks.eyes.iter_mut().zip([-0.5_f32, 0.5]) {
        let band = |y: f32| {
            let mut lights: Vec<f32> =
                (-5..=5).map(|step| crop.light(side * 1.04 + step as f32 * 0.04, y)).collect();
            median(&mut lights)
        };
        let mut best = (f32::MIN, -0.36);
        let mut y = -0.60;
        while y <= -0.20 {
            let depth = 0.5 * (band(y - 0.09) + band(y + 0.09)) - band(y);
            let off = (y + 0.36) / 0.14;
            let score = depth * (-0.5 * off * off).exp();
            if score > best.0 {
                best = (score, y);
            }
            y += 0.01;
        }
        eye.brow = crop.place(side * 1.04, if best.0 > 2.0 { best.1 } else { -0.36 });
    }
}
