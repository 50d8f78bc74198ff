//! Ordered dither: which of two levels a pixel shows, by its place.
//!
//! After Bayer, "An optimum method for two-level rendition of continuous-tone pictures" (1973).

/// The threshold at a place, -0.5 to 0.5, of a pattern of eight by eight.
#[inline]
pub(in crate::models) fn bayer(x: usize, y: usize) -> f32 {
    let mut threshold = 0;
    let (mixed, y) = (x ^ y, y);
    for bit in 0..3 {
        threshold = threshold << 2 | ((mixed >> bit) & 1) << 1 | ((y >> bit) & 1);
    }
    (threshold as f32 + 0.5) / 64.0 - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_stands_once_in_the_pattern() {
        let mut seen: Vec<i32> =
            (0..64).map(|at| ((bayer(at % 8, at / 8) + 0.5) * 64.0) as i32).collect();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..64));
    }

    #[test]
    fn neighbours_are_far_apart() {
        assert!((bayer(0, 0) - bayer(1, 0)).abs() > 0.4);
        assert!((bayer(0, 0) - bayer(1, 1)).abs() < 0.3);
    }
}
