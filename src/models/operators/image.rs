//! Pictures as planes: one buffer a channel, so that loops over pixels become vector code.

use super::wide::wide;

/// One channel of a picture, rows without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::models) struct Plane {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

impl Plane {
    /// A plane of one level.
    #[cfg(test)]
    pub fn filled(width: usize, height: usize, level: u8) -> Self {
        Self { width, height, data: vec![level; width * height] }
    }

    /// A plane whose levels follow from their places.
    #[cfg(test)]
    pub fn of(width: usize, height: usize, level: impl Fn(usize, usize) -> u8) -> Self {
        let data = (0..width * height).map(|at| level(at % width, at / width)).collect();
        Self { width, height, data }
    }

    /// Takes the size, keeping the memory. Contents are unspecified.
    pub fn fit(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.data.resize(width * height, 0);
    }

    /// Takes the size of `other`.
    pub fn fit_to(&mut self, other: &Self) {
        self.fit(other.width, other.height);
    }

    /// Makes this plane equal to `other`.
    pub fn copy_from(&mut self, other: &Self) {
        self.fit_to(other);
        self.data.copy_from_slice(&other.data);
    }

    #[inline]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    #[inline]
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.width..][..self.width]
    }

    /// The row nearest to `y` inside the plane.
    #[inline]
    pub fn near(&self, y: isize) -> &[u8] {
        self.row(y.clamp(0, self.height as isize - 1) as usize)
    }

    /// The level nearest to a place inside the plane.
    #[cfg(test)]
    pub fn at(&self, x: isize, y: isize) -> u8 {
        self.near(y)[x.clamp(0, self.width as isize - 1) as usize]
    }
}

/// Red, green and blue, all of one size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::models) struct Image {
    pub planes: [Plane; 3],
}

impl Image {
    pub fn width(&self) -> usize {
        self.planes[0].width
    }

    pub fn height(&self) -> usize {
        self.planes[0].height
    }

    pub fn fit(&mut self, width: usize, height: usize) {
        for plane in &mut self.planes {
            plane.fit(width, height);
        }
    }

    pub fn copy_from(&mut self, other: &Self) {
        for (plane, other) in self.planes.iter_mut().zip(&other.planes) {
            plane.copy_from(other);
        }
    }

    pub fn each(&self) -> [&Plane; 3] {
        self.planes.each_ref()
    }

    pub fn each_mut(&mut self) -> [&mut Plane; 3] {
        self.planes.each_mut()
    }

    /// The color at a place inside the picture.
    #[inline]
    pub fn color(&self, x: usize, y: usize) -> [f32; 3] {
        let at = y * self.width() + x;
        self.planes.each_ref().map(|plane| f32::from(plane.data[at]))
    }

    /// Takes packed RGB of this size apart.
    pub fn split(&mut self, packed: &[u8], width: usize, height: usize) {
        self.fit(width, height);
        let [red, green, blue] = &mut self.planes;
        wide(
            #[inline(always)]
            || {
                let planes = red.data.iter_mut().zip(&mut green.data).zip(&mut blue.data);
                for (((r, g), b), pixel) in planes.zip(packed.chunks_exact(3)) {
                    (*r, *g, *b) = (pixel[0], pixel[1], pixel[2]);
                }
            },
        );
    }

    /// Puts the planes together to packed RGB.
    pub fn merge(&self, packed: &mut [u8]) {
        let [red, green, blue] = &self.planes;
        wide(
            #[inline(always)]
            || {
                let planes = red.data.iter().zip(&green.data).zip(&blue.data);
                for (((&r, &g), &b), pixel) in planes.zip(packed.chunks_exact_mut(3)) {
                    pixel[0] = r;
                    pixel[1] = g;
                    pixel[2] = b;
                }
            },
        );
    }

    /// The luminance of BT.601 in full range.
    pub fn luma(&self, luma: &mut Plane) {
        luma.fit_to(&self.planes[0]);
        let [red, green, blue] = &self.planes;
        wide(
            #[inline(always)]
            || {
                let planes = red.data.iter().zip(&green.data).zip(&blue.data);
                for (((&r, &g), &b), luma) in planes.zip(&mut luma.data) {
                    let sum = u16::from(r) * 77 + u16::from(g) * 150 + u16::from(b) * 29 + 128;
                    *luma = (sum >> 8) as u8;
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_and_merging_give_back_the_bytes() {
        for (width, height) in [(1, 1), (7, 3), (64, 2), (33, 5)] {
            let packed: Vec<u8> = (0..width * height * 3).map(|at| (at * 37) as u8).collect();
            let mut image = Image::default();
            image.split(&packed, width, height);
            assert_eq!(image.color(0, 0), [0.0, 37.0, 74.0]);
            let mut again = vec![0; packed.len()];
            image.merge(&mut again);
            assert_eq!(again, packed);
        }
    }

    #[test]
    fn luma_weighs_the_channels_and_keeps_gray() {
        let mut image = Image::default();
        let grays: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
        image.split(&grays, 256, 1);
        let mut luma = Plane::default();
        image.luma(&mut luma);
        assert!(luma.data.iter().enumerate().all(|(level, &luma)| usize::from(luma) == level));
        image.split(&[255, 0, 0, 0, 255, 0, 0, 0, 255], 3, 1);
        image.luma(&mut luma);
        assert_eq!(luma.data, [77, 149, 29]);
    }
}
