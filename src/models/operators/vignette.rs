//! Darkening towards the corners.

use super::fit;

#[derive(Default)]
pub(in crate::models) struct Vignette {
    columns: Vec<u16>,
    row: Vec<i16>,
    size: (usize, usize),
    strength: u16,
}

impl Vignette {
    /// `strength` is what the corners lose, in 1/4096 of the light, 0 to 4096.
    pub fn new(strength: u16) -> Self {
        Self { strength: strength.min(4096), ..Self::default() }
    }

    /// The light that row `y` of a picture keeps, pixel by pixel, in 1/256.
    pub fn row(&mut self, width: usize, height: usize, y: usize) -> &[i16] {
        let strength = f32::from(self.strength);
        // The centre stays clear: the loss grows with the fourth power in each direction and the
        // second in both.
        let loss = |at: usize, len: usize| {
            let off = (2 * at + 1) as f32 / len as f32 - 1.0;
            (off * off * (0.35 + 0.65 * off * off) * strength / 2.0) as u16
        };
        if self.size != (width, height) {
            self.size = (width, height);
            self.columns.clear();
            self.columns.extend((0..width).map(|x| loss(x, width)));
            fit(&mut self.row, width);
        }
        let kept = 4096 - loss(y, height);
        for (row, &column) in self.row.iter_mut().zip(&self.columns) {
            *row = ((kept - column) >> 4) as i16;
        }
        &self.row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_lose_the_strength_and_the_centre_nothing() {
        let mut vignette = Vignette::new(2048);
        assert_eq!(vignette.row(101, 101, 50)[50], 256);
        let corner = vignette.row(101, 101, 0)[0];
        assert!((128..140).contains(&corner), "{corner}");
        let edge = vignette.row(101, 101, 50)[0];
        assert!((190..205).contains(&edge), "{edge}");
    }
}
