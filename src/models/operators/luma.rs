//! Brightness of RGB pixels.

use super::fit;

/// The brightness of one pixel: the luma weights of ITU-R BT.601, full range.
#[inline]
pub(in crate::models) fn luma_of(red: u8, green: u8, blue: u8) -> u8 {
    ((77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue) + 128) >> 8) as u8
}

/// The brightness of every pixel of packed RGB.
pub(in crate::models) fn luma(rgb: &[u8], gray: &mut Vec<u8>) {
    fit(gray, rgb.len() / 3);
    for (gray, pixel) in gray.iter_mut().zip(rgb.chunks_exact(3)) {
        *gray = luma_of(pixel[0], pixel[1], pixel[2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grays_keep_their_value() {
        for value in 0..=255 {
            assert_eq!(luma_of(value, value, value), value);
        }
    }
}
