//! The box blur, and a soft one made of two.

use super::{Shape, fit, pad};

/// The largest radius whose rounding leaves a plain area exactly as it is.
const MAX_RADIUS: usize = 60;

/// Blurs buffers with any number of channels in one pass over the rows.
#[derive(Default)]
pub(in crate::models) struct Blur {
    sums: Vec<u16>,
    row: Vec<u8>,
    padded: Vec<u8>,
    powers: [Vec<u16>; 2],
    total: Vec<u16>,
    between: Vec<u8>,
}

impl Blur {
    /// Means over squares of `2 * radius + 1` pixels; the radius is cut to 60.
    pub fn mean(&mut self, src: &[u8], dst: &mut Vec<u8>, shape: Shape, radius: usize) {
        let radius = radius.min(MAX_RADIUS);
        fit(dst, shape.len());
        if radius == 0 {
            dst.copy_from_slice(&src[..shape.len()]);
            return;
        }
        let taps = 2 * radius as u16 + 1;
        self.sums.clear();
        self.sums.resize(shape.row(), taps / 2);
        for offset in 0..taps {
            let row = shape.near(src, 0, isize::from(offset as i16) - radius as isize);
            add(&mut self.sums, row);
        }
        fit(&mut self.row, shape.row());
        for y in 0..shape.height {
            if y > 0 {
                let enters = shape.near(src, y, radius as isize);
                let leaves = shape.near(src, y, -1 - radius as isize);
                for ((sum, &enter), &leave) in self.sums.iter_mut().zip(enters).zip(leaves) {
                    *sum = *sum + u16::from(enter) - u16::from(leave);
                }
            }
            divide(&self.sums, taps, &mut self.row);
            let out = &mut dst[y * shape.row()..][..shape.row()];
            self.across(shape, radius, out);
        }
    }

    /// Two box blurs in turn, close to a Gaussian of standard deviation `0.8 * radius`.
    pub fn soft(&mut self, src: &[u8], dst: &mut Vec<u8>, shape: Shape, radius: usize) {
        let mut between = std::mem::take(&mut self.between);
        self.mean(src, &mut between, shape, radius);
        self.mean(&between, dst, shape, radius);
        self.between = between;
    }

    /// Means of `self.row` along the row. Sums over powers of two make up the whole sum, so the
    /// work grows with the logarithm of the radius and every step is a plain vector addition.
    fn across(&mut self, shape: Shape, radius: usize, out: &mut [u8]) {
        let taps = 2 * radius + 1;
        pad(&self.row, shape.channels, radius, &mut self.padded);
        let [sums, doubled] = &mut self.powers;
        sums.clear();
        sums.extend(self.padded.iter().map(|&value| u16::from(value)));
        fit(doubled, sums.len());
        self.total.clear();
        self.total.extend(sums[..shape.row()].iter().map(|&value| value + taps as u16 / 2));
        // The first tap is in; of the others, an even number, each set bit takes its share.
        let (mut done, mut power) = (1, 1);
        while power * 2 <= taps {
            let reach = power * shape.channels;
            let len = sums.len() - reach;
            for ((double, &near), &far) in doubled.iter_mut().zip(&sums[..len]).zip(&sums[reach..])
            {
                *double = near + far;
            }
            std::mem::swap(sums, doubled);
            sums.truncate(len);
            doubled.truncate(len);
            power *= 2;
            if taps & power != 0 {
                let from = done * shape.channels;
                for (total, &part) in self.total.iter_mut().zip(&sums[from..]) {
                    *total += part;
                }
                done += power;
            }
        }
        divide(&self.total, taps as u16, out);
    }
}

fn add(sums: &mut [u16], row: &[u8]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += u16::from(value);
    }
}

fn divide(sums: &[u16], taps: u16, out: &mut [u8]) {
    let inverse = (65536 / u32::from(taps)) as u16;
    for (out, &sum) in out.iter_mut().zip(sums) {
        *out = ((u32::from(sum) * u32::from(inverse)) >> 16) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(src: &[u8], shape: Shape, radius: isize, x: usize, y: usize, c: usize) -> f64 {
        let mut sum = 0.0;
        for dy in -radius..=radius {
            let row = shape.near(src, y, dy);
            for dx in -radius..=radius {
                let x = x.saturating_add_signed(dx).min(shape.width - 1);
                sum += f64::from(row[x * shape.channels + c]);
            }
        }
        sum / ((2 * radius + 1) * (2 * radius + 1)) as f64
    }

    #[test]
    fn means_match_the_definition() {
        for (width, height, channels, radius) in
            [(1, 1, 3, 4), (7, 5, 1, 1), (13, 9, 3, 2), (20, 3, 3, 5), (5, 20, 1, 13)]
        {
            let shape = Shape { width, height, channels };
            let src: Vec<u8> = (0..shape.len()).map(|i| (i * i * 31 + i * 7) as u8).collect();
            let mut dst = Vec::new();
            Blur::default().mean(&src, &mut dst, shape, radius);
            for (i, &got) in dst.iter().enumerate() {
                let (pixel, c) = (i / channels, i % channels);
                let want = naive(&src, shape, radius as isize, pixel % width, pixel / width, c);
                assert!(
                    (f64::from(got) - want).abs() <= 1.6,
                    "{width}x{height}x{channels} radius {radius} at {i}: {got} for {want}"
                );
            }
        }
    }

    #[test]
    fn plain_areas_stay_as_they_are_at_every_radius() {
        let shape = Shape::rgb(9, 7);
        for radius in 0..=MAX_RADIUS + 3 {
            for value in [0, 1, 127, 254, 255] {
                let mut dst = Vec::new();
                Blur::default().soft(&vec![value; shape.len()], &mut dst, shape, radius);
                assert!(dst.iter().all(|&v| v == value), "radius {radius}, value {value}");
            }
        }
    }
}
