//! Pixel art: big square pixels in a small palette, with ordered dither between its colours.

use super::{Canvas, Look};
use crate::models::operators::{Shrink, byte, luma_of};

/// How many square pixels the longer side has.
const ACROSS: usize = 160;

/// Thresholds of ordered dither after Bayer, 0 to 15.
const BAYER: [[i32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// Colours of a made-up console: grays, and ramps from shadow to light whose hue drifts.
const PALETTE: [[u8; 3]; 42] = [
    [12, 12, 20],
    [44, 44, 58],
    [84, 86, 100],
    [132, 136, 146],
    [186, 190, 194],
    [246, 246, 238],
    [62, 16, 36],
    [116, 26, 40],
    [178, 46, 46],
    [228, 88, 66],
    [250, 150, 116],
    [255, 206, 176],
    [64, 36, 26],
    [110, 64, 34],
    [162, 102, 50],
    [212, 150, 72],
    [244, 202, 110],
    [255, 236, 164],
    [18, 44, 34],
    [30, 76, 44],
    [50, 112, 50],
    [88, 150, 54],
    [142, 188, 72],
    [204, 226, 120],
    [14, 30, 62],
    [24, 54, 110],
    [36, 88, 164],
    [58, 130, 210],
    [104, 176, 238],
    [176, 220, 250],
    [18, 58, 70],
    [32, 104, 112],
    [62, 154, 152],
    [124, 204, 190],
    [42, 22, 74],
    [86, 44, 126],
    [140, 76, 172],
    [200, 124, 206],
    [238, 184, 228],
    [66, 58, 56],
    [108, 96, 88],
    [152, 138, 126],
];

pub(in crate::models) struct Pixel {
    shrink: Shrink,
    small: Vec<u8>,
    // The palette entry for each colour of 5 bits a channel.
    nearest: Box<[u8]>,
}

impl Default for Pixel {
    fn default() -> Self {
        let nearest = (0..1 << 15).map(|color: usize| {
            let level = |shift: usize| (((color >> shift) & 31) * 255 / 31) as i32;
            let (red, green, blue) = (level(10), level(5), level(0));
            let distance = |entry: &[u8; 3]| {
                let [r, g, b] = entry.map(i32::from);
                3 * (r - red).pow(2) + 4 * (g - green).pow(2) + 2 * (b - blue).pow(2)
            };
            (0..PALETTE.len()).min_by_key(|&at| distance(&PALETTE[at])).unwrap_or(0) as u8
        });
        Self { shrink: Shrink::default(), small: Vec::new(), nearest: nearest.collect() }
    }
}

impl Look for Pixel {
    fn paint(&mut self, canvas: Canvas, input: &[u8], output: &mut [u8]) {
        let side = canvas.width.max(canvas.height).div_ceil(ACROSS);
        let small = self.shrink.by(side, input, canvas.rgb(), &mut self.small);
        for (y, row) in self.small.chunks_exact_mut(small.row()).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let gray = i32::from(luma_of(pixel[0], pixel[1], pixel[2]));
                let dither = BAYER[y % 4][x % 4] * 2 - 15;
                let channel = |level: u8| {
                    let tone = 128 + (gray - 128) * 9 / 8;
                    let strong = tone + (i32::from(level) - gray) * 21 / 16;
                    usize::from(byte(strong + dither) >> 3)
                };
                let color = channel(pixel[0]) << 10 | channel(pixel[1]) << 5 | channel(pixel[2]);
                pixel.copy_from_slice(&PALETTE[usize::from(self.nearest[color])]);
            }
        }
        let rows = output.chunks_mut(canvas.rgb().row() * side);
        for (block, row) in rows.zip(self.small.chunks_exact(small.row())) {
            let (first, others) = block.split_at_mut(canvas.rgb().row());
            for (square, pixel) in first.chunks_mut(side * 3).zip(row.chunks_exact(3)) {
                for out in square.chunks_exact_mut(3) {
                    out.copy_from_slice(pixel);
                }
            }
            for other in others.chunks_exact_mut(first.len()) {
                other.copy_from_slice(first);
            }
        }
    }
}
