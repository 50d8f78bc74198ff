//! One row of RGB pixels taken apart into rows of levels.
//!
//! Packed pixels do not suit vector code that mixes colours with a value for each pixel. Apart,
//! they do, in 16-bit integers, which every processor has in eight lanes or more.

use super::fit;

#[derive(Default)]
pub(in crate::models) struct Bands {
    /// Red, green and blue; 0 to 255 after [`split`](Bands::split), anything before
    /// [`merge`](Bands::merge).
    pub levels: [Vec<i16>; 3],
    /// The brightness of each pixel as it was split, weighted as by `luma`.
    pub gray: Vec<i16>,
}

impl Bands {
    /// Takes a packed row apart.
    pub fn split(&mut self, rgb: &[u8]) {
        let width = rgb.len() / 3;
        let [red, green, blue] = &mut self.levels;
        fit(red, width);
        fit(green, width);
        fit(blue, width);
        for (((pixel, red), green), blue) in
            rgb.chunks_exact(3).zip(red.iter_mut()).zip(green.iter_mut()).zip(blue.iter_mut())
        {
            *red = i16::from(pixel[0]);
            *green = i16::from(pixel[1]);
            *blue = i16::from(pixel[2]);
        }
        fit(&mut self.gray, width);
        for (((gray, &red), &green), &blue) in
            self.gray.iter_mut().zip(&*red).zip(&*green).zip(&*blue)
        {
            *gray = ((77 * red as u16 + 150 * green as u16 + 29 * blue as u16 + 128) >> 8) as i16;
        }
    }

    /// Puts the row together again, each level cut to a byte.
    pub fn merge(&mut self, rgb: &mut [u8]) {
        for levels in &mut self.levels {
            for level in levels {
                *level = (*level).clamp(0, 255);
            }
        }
        let [red, green, blue] = &self.levels;
        for (((pixel, &red), &green), &blue) in
            rgb.chunks_exact_mut(3).zip(red).zip(green).zip(blue)
        {
            pixel[0] = red as u8;
            pixel[1] = green as u8;
            pixel[2] = blue as u8;
        }
    }

    /// Gives each pixel the brightness `tone` and `saturation` sixteenths of its colour, 0 to 64.
    pub fn grade(&mut self, tone: &[i16], saturation: i16) {
        for levels in &mut self.levels {
            for ((level, &gray), &tone) in levels.iter_mut().zip(&self.gray).zip(tone) {
                *level = tone + (((*level - gray) * saturation) >> 4);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::luma_of;
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was_and_cut_to_bytes() {
        let row: Vec<u8> = (0..60).map(|i| (i * i * 37) as u8).collect();
        let (mut bands, mut out) = (Bands::default(), vec![0; 60]);
        bands.split(&row);
        bands.merge(&mut out);
        assert_eq!(out, row);
        for (pixel, &gray) in row.chunks_exact(3).zip(&bands.gray) {
            assert_eq!(i16::from(luma_of(pixel[0], pixel[1], pixel[2])), gray);
        }
        bands.levels[0][0] = -7;
        bands.levels[2][0] = 300;
        bands.merge(&mut out);
        assert_eq!((out[0], out[2]), (0, 255));
    }

    #[test]
    fn grading_without_colour_leaves_the_tone() {
        let mut bands = Bands::default();
        bands.split(&[250, 3, 90, 1, 2, 3]);
        bands.grade(&[40, 200], 0);
        assert!(bands.levels.iter().all(|levels| levels == &[40, 200]));
    }
}
