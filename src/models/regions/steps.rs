//! A frame halved until it is small enough to be looked at as a whole, and the way back.

use crate::models::operators::{Double, Image, Plane, halve_image};

/// The number of pixels up to which a frame is halved.
const LOOKED_AT: usize = 36_000;

#[derive(Default)]
pub(super) struct Steps {
    images: Vec<Image>,
    /// How many of `images` belong to the present size.
    depth: usize,
    size: (usize, usize),
}

impl Steps {
    pub fn make(&mut self, frame: &Image) {
        self.size = (frame.width(), frame.height());
        self.depth = 0;
        let mut pixels = usize::MAX;
        while pixels > LOOKED_AT {
            if self.images.len() <= self.depth {
                self.images.push(Image::default());
            }
            let (above, below) = self.images.split_at_mut(self.depth);
            halve_image(above.last().unwrap_or(frame), &mut below[0]);
            pixels = below[0].planes[0].data.len();
            self.depth += 1;
        }
    }

    /// The smallest of all.
    pub fn small(&self) -> &Image {
        &self.images[self.depth - 1]
    }

    /// The one twice as large, unless that is the frame itself.
    pub fn second(&self) -> Option<&Image> {
        self.images[..self.depth].iter().nth_back(1)
    }

    /// How many times the frame was halved.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many pixels of the frame are one of the smallest, to a side.
    pub fn scale(&self) -> f32 {
        (1 << self.depth) as f32
    }
}

/// Brings planes of the smallest size to that of the frame.
#[derive(Default)]
pub(super) struct Stairs {
    planes: [Plane; 2],
    double: Double,
}

impl Stairs {
    pub fn up(&mut self, small: &Plane, steps: &Steps, plane: &mut Plane) {
        self.up_from(steps.depth, small, steps, plane);
    }

    /// [`Self::up`] from the size that the frame has after `depth` halvings.
    pub fn up_from(&mut self, depth: usize, small: &Plane, steps: &Steps, plane: &mut Plane) {
        if depth == 0 {
            plane.copy_from(small);
        }
        let [from, to] = &mut self.planes;
        for step in (0..depth).rev() {
            let source = if step + 1 == depth { small } else { &*from };
            if step == 0 {
                self.double.to(source, plane, steps.size.0, steps.size.1);
            } else {
                let above = &steps.images[step - 1];
                self.double.to(source, to, above.width(), above.height());
                std::mem::swap(from, to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_down_comes_up() {
        for (width, height) in [(1, 1), (2, 2), (321, 175), (1280, 704), (3, 900)] {
            let ramp = Plane::of(width, height, |x, y| ((x + y) / 8) as u8);
            let frame = Image { planes: std::array::from_fn(|_| ramp.clone()) };
            let (mut steps, mut stairs) = (Steps::default(), Stairs::default());
            steps.make(&frame);
            let mut back = Plane::default();
            stairs.up(&steps.small().planes[0], &steps, &mut back);
            assert_eq!((back.width, back.height), (width, height));
            let off = ramp.data.iter().zip(&back.data).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(4), "{width} {height}: {off:?}");
        }
    }
}
