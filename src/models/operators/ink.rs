//! Drawn outlines: dark where a fine blur is darker than a coarse one.

use super::{Blur, Curve, Shape, byte, fit};

#[derive(Default)]
pub(in crate::models) struct Ink {
    blur: Blur,
    fine: Vec<u8>,
    coarse: Vec<u8>,
}

impl Ink {
    /// The coarse blur of the picture drawn last: its forms without their details.
    pub fn form(&self) -> &[u8] {
        &self.coarse
    }

    /// Draws the outlines of a gray picture: 0 for full ink, 255 for none. Lines are about
    /// `radius` pixels wide; `pressure` maps 128 less the difference of the blurs to ink.
    pub fn draw(
        &mut self,
        gray: &[u8],
        dst: &mut Vec<u8>,
        shape: Shape,
        radius: usize,
        pressure: &Curve,
    ) {
        self.blur.mean(gray, &mut self.fine, shape, (radius / 2).max(1));
        self.blur.soft(gray, &mut self.coarse, shape, radius.max(1) * 2);
        fit(dst, shape.len());
        for ((out, &fine), &coarse) in dst.iter_mut().zip(&self.fine).zip(&self.coarse) {
            *out = pressure.at(byte(128 + i32::from(fine) - i32::from(coarse)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_gets_a_line_on_its_dark_side_only() {
        let shape = Shape::gray(40, 5);
        let gray: Vec<u8> = (0..200).map(|i| if i % 40 < 20 { 60 } else { 180 }).collect();
        let mut dst = Vec::new();
        Ink::default().draw(&gray, &mut dst, shape, 2, &Curve::ramp(108.0, 124.0));
        let row = &dst[80..120];
        assert!(row[..10].iter().chain(&row[20..]).all(|&v| v == 255), "{row:?}");
        assert!(row[17..20].contains(&0), "{row:?}");
    }
}
