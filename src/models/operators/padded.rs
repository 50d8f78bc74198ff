//! A plane with a margin all around, so that neighbours are read without asking for the border.

#[derive(Default)]
pub(in crate::models) struct Padded<T> {
    /// Pixels in a row, with the margins.
    pub stride: usize,
    pub margin: usize,
    pub data: Vec<T>,
}

impl<T: Copy + Default> Padded<T> {
    /// Takes `width` by `height` values, rows without gaps, and repeats their border outward.
    pub fn fill(&mut self, values: &[T], width: usize, height: usize, margin: usize) {
        self.fill_rows(width, height, margin, |y, out| {
            out.copy_from_slice(&values[y * width..][..width]);
        });
    }

    /// [`Self::fill`] with rows that `make` writes.
    pub fn fill_rows(
        &mut self,
        width: usize,
        height: usize,
        margin: usize,
        mut make: impl FnMut(usize, &mut [T]),
    ) {
        self.stride = width + 2 * margin;
        self.margin = margin;
        self.data.resize(self.stride * (height + 2 * margin), T::default());
        for (y, row) in
            self.data.chunks_exact_mut(self.stride).skip(margin).take(height).enumerate()
        {
            make(y, &mut row[margin..margin + width]);
            let (first, last) = (row[margin], row[margin + width - 1]);
            row[..margin].fill(first);
            row[margin + width..].fill(last);
        }
        for y in (0..margin).chain(margin + height..2 * margin + height) {
            let from = y.clamp(margin, margin + height - 1) * self.stride;
            self.data.copy_within(from..from + self.stride, y * self.stride);
        }
    }

    /// The index of a pixel.
    #[inline(always)]
    pub fn at(&self, x: usize, y: usize) -> usize {
        (y + self.margin) * self.stride + x + self.margin
    }

    /// The distance between the indices of a pixel and of one that lies this far away.
    #[inline(always)]
    pub fn step(&self, dx: f32, dy: f32) -> isize {
        dy.round() as isize * self.stride as isize + dx.round() as isize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_is_repeated_in_every_direction() {
        let values: Vec<u8> = (0..12).collect();
        let mut padded = Padded::default();
        padded.fill(&values, 4, 3, 2);
        for y in -2..5_isize {
            for x in -2..6_isize {
                let at = padded.at(0, 0).wrapping_add_signed(padded.step(x as f32, y as f32));
                let wanted = values[(y.clamp(0, 2) * 4 + x.clamp(0, 3)) as usize];
                assert_eq!(padded.data[at], wanted);
            }
        }
    }
}
