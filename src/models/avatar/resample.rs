//! A part of a picture at another size, and rows that become columns.

use crate::media::Picture;

/// What is wanted of a picture: pixels of the scaled picture, from a place in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaled {
    pub scale: f32,
    pub left: f32,
    pub top: f32,
    pub width: usize,
    pub height: usize,
}

/// The weights of the source pixels that make one pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Scales a part of a picture: by the cubic of Catmull and Rom up, over the area down. Four bytes a
/// pixel, red first.
pub(super) fn scaled(picture: &Picture, wanted: Scaled) -> Vec<u32> {
    // Far down by whole numbers first: most pixels of a large portrait are only added up.
    let reduction = (0.5 / wanted.scale).floor().max(1.0) as usize;
    if reduction > 1 {
        let small = reduced(picture, reduction);
        return resized(&small, Scaled { scale: wanted.scale * reduction as f32, ..wanted });
    }
    resized(picture, wanted)
}

fn resized(picture: &Picture, wanted: Scaled) -> Vec<u32> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let columns = taps(wanted.width, wanted.left, wanted.scale, width);
    let rows = taps(wanted.height, wanted.top, wanted.scale, height);
    let row_length = wanted.width * 3;
    let first = rows.iter().map(|taps| taps.first).min().unwrap_or(0);
    let last = rows.iter().map(|taps| taps.first + taps.weights.len()).max().unwrap_or(1);
    let mut narrow = vec![0.0_f32; (last - first) * row_length];
    for (y, out) in (first..last).zip(narrow.chunks_exact_mut(row_length)) {
        let row = &picture.data[y * width * 3..][..width * 3];
        for (out, taps) in out.chunks_exact_mut(3).zip(&columns) {
            let mut sum = [0.0; 3];
            let pixels = row[taps.first * 3..].chunks_exact(3);
            for (pixel, weight) in pixels.zip(&taps.weights) {
                sum[0] += f32::from(pixel[0]) * weight;
                sum[1] += f32::from(pixel[1]) * weight;
                sum[2] += f32::from(pixel[2]) * weight;
            }
            out.copy_from_slice(&sum);
        }
    }
    let mut made = vec![0_u32; wanted.width * wanted.height];
    let mut sums = vec![0.0_f32; row_length];
    for (out, taps) in made.chunks_exact_mut(wanted.width).zip(&rows) {
        sums.fill(0.5);
        for (at, &weight) in taps.weights.iter().enumerate() {
            let row = &narrow[(taps.first + at - first) * row_length..][..row_length];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
        for (out, color) in out.iter_mut().zip(sums.chunks_exact(3)) {
            let byte = |level: f32| level.max(0.0).min(255.0) as u8;
            *out = u32::from_le_bytes([byte(color[0]), byte(color[1]), byte(color[2]), 255]);
        }
    }
    made
}

fn taps(count: usize, start: f32, scale: f32, length: usize) -> Vec<Taps> {
    // Going down, the kernel is as wide as a pixel of the result.
    let stretch = (1.0 / scale).max(1.0);
    let reach = if stretch > 1.0 { stretch } else { 2.0 };
    (0..count)
        .map(|at| {
            let center = (start + at as f32 + 0.5) / scale - 0.5;
            let from = (center - reach).ceil() as isize;
            let to = (center + reach).floor() as isize;
            let limit = length as isize - 1;
            let low = from.clamp(0, limit);
            let high = to.clamp(0, limit);
            let mut weights = vec![0.0; (high - low + 1) as usize];
            for source in from..=to {
                let off = ((source as f32 - center) / stretch).abs();
                let weight = if stretch > 1.0 { (1.0 - off).max(0.0) } else { cubic(off) };
                weights[(source.clamp(0, limit) - low) as usize] += weight;
            }
            let sum: f32 = weights.iter().sum();
            if sum.abs() > 1e-6 {
                for weight in &mut weights {
                    *weight /= sum;
                }
            } else {
                weights[0] = 1.0;
            }
            Taps { first: low as usize, weights }
        })
        .collect()
}

fn cubic(x: f32) -> f32 {
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The mean of squares of `by` pixels.
fn reduced(picture: &Picture, by: usize) -> Picture {
    let width = picture.width as usize;
    let (small_width, small_height) = ((width / by).max(1), (picture.height as usize / by).max(1));
    let mut data = Vec::with_capacity(small_width * small_height * 3);
    let mut sums = vec![0_u32; small_width * 3];
    let (across, down) = (by.min(width), by.min(picture.height as usize));
    let count = (across * down) as u32;
    for y in 0..small_height {
        sums.fill(0);
        for line in 0..down {
            let row = &picture.data[(y * by + line) * width * 3..][..small_width * across * 3];
            for (sum, pixels) in sums.chunks_exact_mut(3).zip(row.chunks_exact(across * 3)) {
                for pixel in pixels.chunks_exact(3) {
                    sum[0] += u32::from(pixel[0]);
                    sum[1] += u32::from(pixel[1]);
                    sum[2] += u32::from(pixel[2]);
                }
            }
        }
        data.extend(sums.iter().map(|&sum| ((sum + count / 2) / count) as u8));
    }
    Picture { width: small_width as u32, height: small_height as u32, data }
}

/// Rows of so many values as columns.
pub(super) fn turned<T: Copy>(rows: &[T], width: usize) -> Vec<T> {
    let height = rows.len() / width;
    let mut columns = Vec::with_capacity(rows.len());
    for x in 0..width {
        columns.extend((0..height).map(|y| rows[y * width + x]));
    }
    columns
}
