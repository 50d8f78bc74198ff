//! A broken signal: channels apart, blocks out of place, changing in jumps.

use super::{Scene, Style};
use crate::models::operators::{Image, hash};

/// Jumps in a second.
const RATE: f32 = 7.0;

pub(super) struct Glitch;

impl Style for Glitch {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        let tick = (scene.time * RATE).floor().max(0.0) as u32;
        let unit = width as f32 / 1280.0;
        let [a, ..] = hash(181, tick / 3, 0).to_le_bytes();
        let apart = ((8.0 + f32::from(a) * 0.05) * unit).round() as isize;
        let mut y = 0;
        let mut slice = 0;
        while y < height {
            let [a, b, c, d] = hash(183, tick, slice).to_le_bytes();
            let tall = ((4.0 + f32::from(a) * 0.26) * unit) as usize + 1;
            let end = (y + tall).min(height);
            // Two slices of five are torn aside.
            let torn = if c < 100 { ((f32::from(b) - 127.5) * 0.9 * unit) as isize } else { 0 };
            let wild = if c < 26 { 3 } else { 1 };
            for (channel, side) in [(0, 1), (1, 0), (2, -1)] {
                let shift = torn + apart * side * wild;
                for row in y..end {
                    let from = scene.image.planes[channel].row(row);
                    rotate(from, out.planes[channel].row_mut(row), shift);
                }
            }
            if d < 16 {
                swap_channels(out, y, end);
            } else if d < 46 {
                coarsen(out, y, end, (18.0 * unit) as usize + 2);
            }
            y = end;
            slice += 1;
        }
        // Scan lines.
        for y in (0..height).filter(|y| y % 4 == 0) {
            for plane in &mut out.planes {
                for level in plane.row_mut(y) {
                    *level = (u16::from(*level) * 200 / 256) as u8;
                }
            }
        }
    }
}

fn rotate(from: &[u8], to: &mut [u8], by: isize) {
    let by = by.rem_euclid(from.len() as isize) as usize;
    to[by..].copy_from_slice(&from[..from.len() - by]);
    to[..by].copy_from_slice(&from[from.len() - by..]);
}

fn swap_channels(out: &mut Image, from: usize, to: usize) {
    let width = out.width();
    let [red, green, blue] = &mut out.planes;
    let range = from * width..to * width;
    red.data[range.clone()].swap_with_slice(&mut green.data[range.clone()]);
    for level in &mut blue.data[range] {
        *level = 255 - *level / 2;
    }
}

/// Blocks that hold their first pixel, as a lost macroblock does.
fn coarsen(out: &mut Image, from: usize, to: usize, side: usize) {
    for plane in &mut out.planes {
        let width = plane.width;
        for left in (0..width).step_by(side) {
            let level = plane.data[from * width + left];
            let right = (left + side).min(width);
            for y in from..to {
                plane.data[y * width + left..y * width + right].fill(level);
            }
        }
    }
}
