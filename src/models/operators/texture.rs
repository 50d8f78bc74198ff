//! Grain, paper and other textures as planes of the picture's size, made when the size changes.

use std::sync::LazyLock;

use super::image::Plane;
use super::noise::{TILE, Tile};

#[derive(Default)]
pub(in crate::models) struct Texture {
    pub plane: Plane,
    place: Option<(usize, usize)>,
}

impl Texture {
    /// Makes the texture for a picture of this size, unless it is there. `level` gives the level
    /// at each place.
    pub fn fit(&mut self, width: usize, height: usize, level: impl Fn(usize, usize) -> u8) {
        if (self.plane.width, self.plane.height) != (width, height) {
            self.plane.fit(width, height);
            for y in 0..height {
                for (x, out) in self.plane.row_mut(y).iter_mut().enumerate() {
                    *out = level(x, y);
                }
            }
            self.place = None;
        }
    }

    /// Lays `tile` over the picture with its corner moved, unless it lies there.
    pub fn lay(&mut self, tile: &Tile, width: usize, height: usize, corner: (usize, usize)) {
        let corner = (corner.0 % TILE, corner.1 % TILE);
        let same = (self.plane.width, self.plane.height) == (width, height);
        if same && self.place == Some(corner) {
            return;
        }
        self.plane.fit(width, height);
        self.place = Some(corner);
        for y in 0..height {
            let row = tile.row(y + corner.1);
            let mut out = self.plane.row_mut(y);
            let mut from = corner.0;
            while !out.is_empty() {
                let count = (TILE - from).min(out.len());
                let (part, rest) = out.split_at_mut(count);
                part.copy_from_slice(&row[from..from + count]);
                (out, from) = (rest, 0);
            }
        }
    }
}

/// What all papers are made of: hills of three sizes, grain and fibres. Made once, as it takes
/// longer than a frame.
static PULP: LazyLock<[Tile; 5]> = LazyLock::new(|| {
    [
        Tile::hills(5, 4),
        Tile::hills(9, 8),
        Tile::hills(33, 32),
        Tile::grain(1),
        Tile::white(6).rubbed((0.8, 0.6), 6),
    ]
});

/// Rough paper, mean 128. The seed says which part of a large sheet it is.
pub(in crate::models) fn paper(seed: u32, scale: f32) -> impl Fn(usize, usize) -> u8 {
    let [small, middle, large, grain, fibres] = &*PULP;
    let (left, top) = (seed as usize * 37, seed as usize * 59);
    move |x, y| {
        let (sx, sy) = ((x as f32 / scale) as usize + left, (y as f32 / scale) as usize + top);
        let part = |tile: &Tile, weight: f32| (f32::from(tile.at(sx, sy)) - 128.0) * weight;
        let sum = part(small, 0.35)
            + part(middle, 0.3)
            + part(large, 0.15)
            + part(fibres, 0.25)
            + (f32::from(grain.at(x + left, y + top)) - 128.0) * 0.4;
        (128.0 + sum).clamp(0.0, 255.0) as u8
    }
}

/// How evenly a canvas is woven.
static HILLS: LazyLock<Tile> = LazyLock::new(|| Tile::hills(4, 16));

/// The weave of a canvas, mean 128: threads over and under.
pub(in crate::models) fn canvas(scale: f32) -> impl Fn(usize, usize) -> u8 {
    let hills = &*HILLS;
    move |x, y| {
        let (fx, fy) = (x as f32 / scale, y as f32 / scale);
        let over = ((fx * 0.5).floor() + (fy * 0.5).floor()) as i32 % 2 == 0;
        let bend = |t: f32| ((t * std::f32::consts::PI * 0.5).sin()).abs();
        let thread = if over { bend(fx) } else { bend(fy) };
        let soft = (f32::from(hills.at(x, y)) - 128.0) * 0.15;
        (90.0 + 76.0 * thread + soft).clamp(0.0, 255.0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_goes_on_without_a_seam_wherever_its_corner_is() {
        let tile = Tile::white(3);
        let mut texture = Texture::default();
        for corner in [(0, 0), (5, 250), (300, 7)] {
            texture.lay(&tile, 300, 40, corner);
            for (x, y) in [(0, 0), (299, 39), (251, 6), (255, 1)] {
                assert_eq!(texture.plane.row(y)[x], tile.at(x + corner.0, y + corner.1));
            }
        }
    }

    #[test]
    fn paper_and_canvas_are_balanced() {
        let mean = |texture: &dyn Fn(usize, usize) -> u8| {
            (0..10_000).map(|at| f64::from(texture(at % 100, at / 100))).sum::<f64>() / 10_000.0
        };
        assert!((mean(&paper(1, 1.0)) - 128.0).abs() < 8.0);
        assert!((mean(&canvas(1.0)) - 135.0).abs() < 15.0);
    }
}
