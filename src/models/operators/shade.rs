//! The pixel loop: a function of the levels at one place, run over whole planes.

use super::image::{Image, Plane};
use super::wide::wide;

/// Computes `N` planes from `K` planes of one size, pixel by pixel.
///
/// `row` is called with the number of each row and gives the function of its pixels, which takes
/// the column and the levels, 0 to 255, and returns levels, which are rounded and cut. Mark both
/// closures `#[inline(always)]` and keep the inner one free of branches and of slices of unknown
/// length: the loop then becomes vector code. The column is an `i32`, since vectors turn no wider
/// integer into `f32` at once.
#[inline(always)]
pub(in crate::models) fn shade<const K: usize, const N: usize, P>(
    inputs: [&Plane; K],
    outputs: [&mut Plane; N],
    row: impl Fn(usize) -> P,
) where
    P: Fn(i32, [f32; K]) -> [f32; N],
{
    let (width, height) = inputs
        .first()
        .map_or_else(|| (outputs[0].width, outputs[0].height), |plane| (plane.width, plane.height));
    let mut outputs = outputs;
    for output in &mut outputs {
        output.fit(width, height);
    }
    wide(
        #[inline(always)]
        || {
            for y in 0..height {
                let pixel = row(y);
                let from = inputs.map(|plane| &plane.data[y * width..][..width]);
                let to = outputs.each_mut().map(|plane| &mut plane.data[y * width..][..width]);
                run_row(width, from, to, pixel);
            }
        },
    );
}

#[inline(always)]
fn run_row<const K: usize, const N: usize>(
    width: usize,
    from: [&[u8]; K],
    to: [&mut [u8]; N],
    pixel: impl Fn(i32, [f32; K]) -> [f32; N],
) {
    // Blocks through arrays on the stack: reads and writes of different planes can then not be
    // taken for overlapping ones.
    const BLOCK: usize = 32;
    let mut x = 0;
    while x + BLOCK <= width {
        let mut made = [[0_u8; BLOCK]; N];
        let given: [&[u8; BLOCK]; K] =
            from.map(|row| row[x..x + BLOCK].first_chunk().unwrap_or(&[0; BLOCK]));
        for i in 0..BLOCK {
            let levels = pixel((x + i) as i32, given.map(|block| f32::from(block[i])));
            for n in 0..N {
                made[n][i] = level(levels[n]);
            }
        }
        for n in 0..N {
            to[n][x..x + BLOCK].copy_from_slice(&made[n]);
        }
        x += BLOCK;
    }
    for x in x..width {
        let levels = pixel(x as i32, from.map(|row| f32::from(row[x])));
        for n in 0..N {
            to[n][x] = level(levels[n]);
        }
    }
}

/// Changes a picture in its place: like [`shade`], the inner closure gets the column, the color
/// and the levels of `extras` at the place, and returns the new color.
#[inline(always)]
pub(in crate::models) fn alter<const K: usize, P>(
    image: &mut Image,
    extras: [&Plane; K],
    row: impl Fn(usize) -> P,
) where
    P: Fn(i32, [f32; 3], [f32; K]) -> [f32; 3],
{
    const BLOCK: usize = 32;
    let (width, height) = (image.width(), image.height());
    let planes = &mut image.planes;
    wide(
        #[inline(always)]
        || {
            for y in 0..height {
                let pixel = row(y);
                let given = extras.map(|plane| &plane.data[y * width..][..width]);
                let [red, green, blue] =
                    planes.each_mut().map(|plane| &mut plane.data[y * width..][..width]);
                let mut x = 0;
                while x + BLOCK <= width {
                    let colors: [[u8; BLOCK]; 3] = [&*red, &*green, &*blue]
                        .map(|row| *row[x..x + BLOCK].first_chunk().unwrap_or(&[0; BLOCK]));
                    let blocks: [&[u8; BLOCK]; K] =
                        given.map(|row| row[x..x + BLOCK].first_chunk().unwrap_or(&[0; BLOCK]));
                    let mut made = [[0_u8; BLOCK]; 3];
                    for i in 0..BLOCK {
                        let color = [colors[0][i], colors[1][i], colors[2][i]].map(f32::from);
                        let color =
                            pixel((x + i) as i32, color, blocks.map(|block| f32::from(block[i])));
                        for c in 0..3 {
                            made[c][i] = level(color[c]);
                        }
                    }
                    red[x..x + BLOCK].copy_from_slice(&made[0]);
                    green[x..x + BLOCK].copy_from_slice(&made[1]);
                    blue[x..x + BLOCK].copy_from_slice(&made[2]);
                    x += BLOCK;
                }
                for x in x..width {
                    let color = [red[x], green[x], blue[x]].map(f32::from);
                    let color = pixel(x as i32, color, given.map(|row| f32::from(row[x])));
                    [red[x], green[x], blue[x]] = color.map(level);
                }
            }
        },
    );
}

/// The nearest byte. Adding 2²³ leaves the whole number in the lowest bits, which takes no
/// conversion and becomes vector code.
#[inline(always)]
pub(in crate::models) fn level(value: f32) -> u8 {
    (value.max(0.0).min(255.0) + 8_388_608.0).to_bits() as u8
}

/// `a` where `t` is 0, `b` where it is 1.
#[inline(always)]
pub(in crate::models) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 up to `low`, 1 from `high`, straight in between; falls if `high` is less than `low`.
#[inline(always)]
pub(in crate::models) fn ramp(value: f32, low: f32, high: f32) -> f32 {
    ((value - low) * (1.0 / (high - low))).max(0.0).min(1.0)
}

/// Like [`ramp`], with soft ends.
#[inline(always)]
pub(in crate::models) fn smooth(value: f32, low: f32, high: f32) -> f32 {
    let t = ramp(value, low, high);
    t * t * (3.0 - 2.0 * t)
}

/// The luminance of a color.
#[inline(always)]
pub(in crate::models) fn gray_of(color: [f32; 3]) -> f32 {
    color[0] * 0.299 + color[1] * 0.587 + color[2] * 0.114
}

/// The color `amount` times as far from its gray.
#[inline(always)]
pub(in crate::models) fn saturate(color: [f32; 3], amount: f32) -> [f32; 3] {
    let gray = gray_of(color);
    color.map(|level| gray + (level - gray) * amount)
}

/// Both colors in parts.
#[inline(always)]
pub(in crate::models) fn blend(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)]
}

/// `screen` of two levels: as two lights on one wall.
#[inline(always)]
pub(in crate::models) fn screen(a: f32, b: f32) -> f32 {
    a + b - a * b * (1.0 / 255.0)
}

/// A gradient through colors at even steps, for `t` from 0 to 1.
#[inline(always)]
pub(in crate::models) fn gradient<const N: usize>(colors: &[[f32; 3]; N], t: f32) -> [f32; 3] {
    let place = t.max(0.0).min(1.0) * (N - 1) as f32;
    let mut color = colors[0];
    for step in 1..N {
        let part = (place - (step - 1) as f32).max(0.0).min(1.0);
        color = blend(color, colors[step], part);
    }
    color
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_the_nearest_bytes() {
        for (value, byte) in
            [(-5.0, 0), (0.4, 0), (0.6, 1), (127.2, 127), (254.9, 255), (300.0, 255)]
        {
            assert_eq!(level(value), byte, "{value}");
        }
    }

    #[test]
    fn every_pixel_is_computed_at_its_place() {
        for width in [1, 31, 32, 33, 100] {
            let a = Plane::of(width, 3, |x, y| (x + y * 10) as u8);
            let b = Plane::of(width, 3, |x, _| (x * 2) as u8);
            let (mut sum, mut place) = (Plane::default(), Plane::default());
            shade(
                [&a, &b],
                [&mut sum, &mut place],
                #[inline(always)]
                |y| {
                    #[inline(always)]
                    move |x, [a, b]| [a + b, x as f32 + y as f32]
                },
            );
            for y in 0..3 {
                for x in 0..width {
                    assert_eq!(sum.row(y)[x], level((x + y * 10 + x * 2) as f32));
                    assert_eq!(place.row(y)[x], (x + y) as u8);
                }
            }
        }
    }

    #[test]
    fn gradients_meet_their_colors() {
        let colors = [[0.0; 3], [100.0, 0.0, 50.0], [200.0; 3]];
        assert_eq!(gradient(&colors, 0.5), colors[1]);
        assert_eq!(gradient(&colors, 2.0), colors[2]);
        assert_eq!(gradient(&colors, 0.25), [50.0, 0.0, 25.0]);
    }
}
