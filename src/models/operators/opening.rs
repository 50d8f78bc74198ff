//! The lower envelope of a plane: what is left when all that is bright and small is taken away.
//!
//! The morphological opening of Serra, "Image analysis and mathematical morphology" (1982), with a
//! square: the least level around each place, and of that the greatest. A plane less its opening
//! shows its small lights, and nothing at the borders of what is large.

use super::brief::Brief;
use super::image::Plane;
use super::wide::wide;

#[derive(Default)]
pub(in crate::models) struct Opening {
    padded: Vec<u8>,
}

impl Opening {
    /// Takes away what is narrower than `2 * radius + 1` pixels and brighter than its surroundings.
    pub fn apply(&mut self, src: &Plane, dst: &mut Plane, radius: usize) {
        let mut least = Brief::<Plane>::like(src);
        self.square(src, &mut least, radius, u8::min);
        self.square(&least, dst, radius, u8::max);
    }

    /// Writes to `down` what is chosen from the square around each pixel.
    #[inline(always)]
    fn square(
        &mut self,
        src: &Plane,
        down: &mut Plane,
        radius: usize,
        choose: impl Fn(u8, u8) -> u8 + Copy,
    ) {
        let mut across = Brief::<Plane>::like(src);
        down.fit_to(src);
        let (width, height) = (src.width, src.height);
        self.padded.resize(width + 2 * radius, 0);
        let padded = &mut self.padded;
        wide(
            #[inline(always)]
            || {
                for y in 0..height {
                    let row = src.row(y);
                    padded[..radius].fill(row[0]);
                    padded[radius..radius + width].copy_from_slice(row);
                    padded[radius + width..].fill(row[width - 1]);
                    let out = across.row_mut(y);
                    out.copy_from_slice(row);
                    for step in 0..=2 * radius {
                        join(out, &padded[step..][..width], choose);
                    }
                }
                for y in 0..height {
                    let out = down.row_mut(y);
                    out.copy_from_slice(across.row(y));
                    let rows = y.saturating_sub(radius)..(y + radius + 1).min(height);
                    for row in rows {
                        join(out, across.row(row), choose);
                    }
                }
            },
        );
    }
}

#[inline(always)]
fn join(out: &mut [u8], row: &[u8], choose: impl Fn(u8, u8) -> u8) {
    for (out, &level) in out.iter_mut().zip(row) {
        *out = choose(*out, level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(src: &Plane, radius: isize, start: u8, choose: fn(u8, u8) -> u8) -> Plane {
        Plane::of(src.width, src.height, |x, y| {
            let mut level = start;
            for dy in -radius..=radius {
                for dx in -radius..=radius {
                    level = choose(level, src.at(x as isize + dx, y as isize + dy));
                }
            }
            level
        })
    }

    #[test]
    fn it_is_the_greatest_of_the_least() {
        for (width, height, radius) in [(1, 1, 3), (40, 25, 2), (33, 9, 5)] {
            let src = Plane::of(width, height, |x, y| (x * 37 + y * 91 + x * y * 13) as u8);
            let mut dst = Plane::default();
            Opening::default().apply(&src, &mut dst, radius);
            let least = plain(&src, radius as isize, 255, u8::min);
            assert_eq!(dst, plain(&least, radius as isize, 0, u8::max));
        }
    }

    #[test]
    fn small_lights_go_and_large_things_keep_their_borders() {
        let src = Plane::of(60, 40, |x, y| match (x, y) {
            (10..13, 20..22) => 250,
            (30..50, 10..30) => 200,
            _ => 40,
        });
        let mut dst = Plane::default();
        Opening::default().apply(&src, &mut dst, 3);
        assert_eq!(dst.row(21)[11], 40);
        assert!((30..50).all(|x| dst.row(10)[x] == 200 && dst.row(9)[x] == 40));
    }
}
