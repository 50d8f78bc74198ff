//! Pictures of one channel as numbers: what the search for faces works on.

use super::super::resample::turned;
use crate::media::Picture;

/// One channel; rows without gaps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Gray {
    pub width: usize,
    pub height: usize,
    pub data: Vec<f32>,
}

impl Gray {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// Blurred by a Gaussian: the true one where it is narrow, three boxes where it is wide.
    pub fn blurred(&self, sigma: f32) -> Self {
        let down = |gray: &Self| {
            if sigma < 2.0 {
                let reach = (2.5 * sigma).ceil() as isize;
                let weights: Vec<f32> =
                    (-reach..=reach).map(|at| (-0.5 * (at as f32 / sigma).powi(2)).exp()).collect();
                return gray.weighed(&weights);
            }
            let radius = ((sigma - 0.5).round() as usize).max(1);
            gray.boxed(radius).boxed(radius).boxed(radius)
        };
        // Down only: whole rows are added up, which is fast.
        down(&down(self).turned()).turned()
    }

    /// A row; beyond the border that of the border.
    fn row(&self, y: isize) -> &[f32] {
        let y = y.clamp(0, self.height as isize - 1) as usize;
        &self.data[y * self.width..][..self.width]
    }

    fn weighed(&self, weights: &[f32]) -> Self {
        let mut out = Self::new(self.width, self.height);
        let reach = (weights.len() / 2) as isize;
        let total: f32 = weights.iter().sum();
        for (y, out) in out.data.chunks_exact_mut(self.width).enumerate() {
            for (at, weight) in weights.iter().enumerate() {
                let row = self.row(y as isize + at as isize - reach);
                let weight = weight / total;
                for (out, value) in out.iter_mut().zip(row) {
                    *out += value * weight;
                }
            }
        }
        out
    }

    pub fn less(&self, other: &Self) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(a, b)| a - b).collect();
        Self { data, ..*self }
    }

    pub fn times(&self, other: &Self) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(a, b)| a * b).collect();
        Self { data, ..*self }
    }

    fn boxed(&self, radius: usize) -> Self {
        let mut out = Self::new(self.width, self.height);
        let part = 1.0 / (2 * radius + 1) as f32;
        let radius = radius as isize;
        let mut sums = vec![0.0; self.width];
        for y in -radius..=radius {
            for (sum, value) in sums.iter_mut().zip(self.row(y)) {
                *sum += value;
            }
        }
        for (y, out) in out.data.chunks_exact_mut(self.width).enumerate() {
            let y = y as isize;
            let (come, gone) = (self.row(y + radius + 1), self.row(y - radius));
            for (((out, sum), come), gone) in out.iter_mut().zip(&mut sums).zip(come).zip(gone) {
                *out = *sum * part;
                *sum += come - gone;
            }
        }
        out
    }

    fn turned(&self) -> Self {
        let data = turned(&self.data, self.width);
        Self { width: self.height, height: self.width, data }
    }

    /// Half as large, each pixel the mean of four.
    pub fn halved(&self) -> Self {
        let mut out = Self::new(self.width / 2, self.height / 2);
        let width = out.width;
        for (y, out) in out.data.chunks_exact_mut(width).enumerate() {
            let above = &self.data[2 * y * self.width..][..2 * width];
            let below = &self.data[(2 * y + 1) * self.width..][..2 * width];
            for (out, (a, b)) in out.iter_mut().zip(above.chunks(2).zip(below.chunks(2))) {
                *out = 0.25 * (a[0] + a[1] + b[0] + b[1]);
            }
        }
        out
    }

    /// The value at a place between pixels; outside that of the border.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let row = |y: usize| {
            let row = &self.data[y * self.width..][..self.width];
            row[x0] + (row[x1] - row[x0]) * fx
        };
        let (above, below) = (row(y0), row(y1));
        above + (below - above) * fy
    }

    #[inline]
    pub fn get(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }
}

/// The mean colors of a picture whose longer side is at most `longest`, of at least so many pixels
/// along each side; its size; and by how much it was reduced.
pub(super) fn reduced(
    picture: &Picture,
    longest: usize,
    least: f32,
) -> (Vec<[f32; 3]>, (usize, usize), f32) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let scale = (width.max(height) as f32 / longest as f32).max(1.0);
    let to = |side: usize| ((side as f32 / scale).round() as usize).max(1);
    let (small_width, small_height) = (to(width), to(height));
    let mut sums = vec![[0_u32; 4]; small_width * small_height];
    // Of a large picture not every pixel is needed for a mean.
    let stride = ((scale / least) as usize).max(1);
    let columns: Vec<usize> = (0..width).map(|x| x * small_width / width).collect();
    for y in (0..height).step_by(stride) {
        let row = &picture.data[y * width * 3..][..width * 3];
        let to_row = (y * small_height / height) * small_width;
        for x in (0..width).step_by(stride) {
            let sum = &mut sums[to_row + columns[x]];
            for channel in 0..3 {
                sum[channel] += u32::from(row[3 * x + channel]);
            }
            sum[3] += 1;
        }
    }
    let mean = |[r, g, b, count]: [u32; 4]| [r, g, b].map(|sum| sum as f32 / count.max(1) as f32);
    (sums.into_iter().map(mean).collect(), (small_width, small_height), scale)
}

/// Luma and the likeness to skin of a picture whose longer side is at most `longest`, and by how
/// much it was reduced.
pub(super) fn study(picture: &Picture, longest: usize) -> (Gray, Gray, f32) {
    let (colors, (width, height), scale) = reduced(picture, longest, 4.0);
    let gray = |of: fn([f32; 3]) -> f32| Gray {
        width,
        height,
        data: colors.iter().map(|&color| of(color)).collect(),
    };
    (gray(luma), gray(skin_likeness), scale)
}

/// How bright a color is.
pub(super) fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// How much a color is like skin, 0 to 1, by its chroma: that of people of every tone lies close
/// together.
pub(super) fn skin_likeness(color: [f32; 3]) -> f32 {
    let (luma, [r, _, b]) = (luma(color), color);
    let bright = luma.max(30.0);
    let (red, blue) = ((r - luma) / bright, (b - luma) / bright);
    let x = (red - 0.24) / 0.17;
    let y = (blue + 0.26) / 0.22;
    (-0.5 * (x * x + y * y)).exp() * ((luma - 15.0) / 30.0).clamp(0.0, 1.0)
}
