//! Noise that stands still: tiles that are made once and repeat without a seam.

use super::byte;

/// The side of a tile in pixels, a power of two.
pub(in crate::models) const TILE: usize = 256;

/// A square of levels that repeats without a seam.
#[derive(Clone)]
pub(in crate::models) struct Tile(Box<[u8]>);

impl Tile {
    pub fn of(level: impl Fn(usize, usize) -> u8) -> Self {
        Self((0..TILE * TILE).map(|at| level(at % TILE, at / TILE)).collect())
    }

    /// Independent levels, evenly spread.
    pub fn white(seed: u32) -> Self {
        Self::of(|x, y| (hash(seed, x as u32, y as u32) >> 24) as u8)
    }

    /// Levels in a bell shape around 128, close to the grain of film.
    pub fn grain(seed: u32) -> Self {
        Self::of(|x, y| {
            let bits = hash(seed, x as u32, y as u32).to_le_bytes();
            (bits.iter().map(|&part| u32::from(part)).sum::<u32>() / 4) as u8
        })
    }

    /// Smooth hills about `cell` pixels apart; `cell` is a power of two up to [`TILE`].
    pub fn hills(seed: u32, cell: usize) -> Self {
        let cells = TILE / cell;
        let corner =
            |x: usize, y: usize| (hash(seed, (x % cells) as u32, (y % cells) as u32) >> 24) as f32;
        Self::of(|x, y| {
            let (cx, cy) = (x / cell, y / cell);
            let ease = |t: f32| t * t * (3.0 - 2.0 * t);
            let (tx, ty) =
                (ease((x % cell) as f32 / cell as f32), ease((y % cell) as f32 / cell as f32));
            let top = corner(cx, cy) * (1.0 - tx) + corner(cx + 1, cy) * tx;
            let bottom = corner(cx, cy + 1) * (1.0 - tx) + corner(cx + 1, cy + 1) * tx;
            (top * (1.0 - ty) + bottom * ty).round() as u8
        })
    }

    /// The tile rubbed along a direction, `(x, y)` of length one, over `2 * reach + 1` pixels, and
    /// brought back to its old contrast: the marks of a brush or a pencil.
    pub fn rubbed(&self, direction: (f32, f32), reach: usize) -> Self {
        let taps: Vec<(usize, usize)> = (-(reach as i32)..=reach as i32)
            .map(|step| {
                let along = |part: f32| {
                    ((part * step as f32).round() as i32).rem_euclid(TILE as i32) as usize
                };
                (along(direction.0), along(direction.1))
            })
            .collect();
        let gain = (taps.len() as f32).sqrt();
        Self::of(|x, y| {
            let sum: i32 =
                taps.iter().map(|(dx, dy)| i32::from(self.at(x + dx, y + dy)) - 128).sum();
            byte(128 + (sum as f32 / gain) as i32)
        })
    }

    /// The levels of row `y`, which go on from the start after [`TILE`] pixels.
    #[inline]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.0[(y % TILE) * TILE..][..TILE]
    }

    #[inline]
    pub fn at(&self, x: usize, y: usize) -> u8 {
        self.0[(y % TILE) * TILE + x % TILE]
    }
}

/// 32 well mixed bits for a place: multiply and fold, so that each input bit reaches all others.
pub(in crate::models) fn hash(seed: u32, x: u32, y: u32) -> u32 {
    let mut bits = seed ^ x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
    for factor in [0x7FEB_352D, 0x846C_A68B_u32] {
        bits = (bits ^ (bits >> 16)).wrapping_mul(factor);
    }
    bits ^ (bits >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(tile: &Tile) -> f64 {
        tile.0.iter().map(|&v| f64::from(v)).sum::<f64>() / tile.0.len() as f64
    }

    #[test]
    fn noise_is_balanced_and_depends_on_the_seed() {
        for tile in [Tile::white(1), Tile::grain(1), Tile::white(1).rubbed((0.6, 0.8), 6)] {
            assert!((mean(&tile) - 127.5).abs() < 3.0, "mean {}", mean(&tile));
        }
        assert_ne!(Tile::white(1).0, Tile::white(2).0);
        assert_eq!(Tile::white(1).0, Tile::white(1).0);
    }

    #[test]
    fn hills_have_no_seam() {
        let tile = Tile::hills(3, 32);
        let jump = |a: u8, b: u8| i32::from(a).abs_diff(i32::from(b));
        for y in 0..TILE {
            assert!(jump(tile.at(TILE - 1, y), tile.at(TILE, y)) < 16);
            assert!(jump(tile.at(y, TILE - 1), tile.at(y, TILE)) < 16);
        }
    }
}
