//! Reading a texture of four bytes a pixel between its pixels.

/// Bits behind the point of a place.
pub(super) const POINT: u32 = 16;

/// Columns of a strip, as a power of two.
const STRIP: u32 = 4;
/// What lies between a row of a strip and the next: its columns, and the first of the next strip.
const PITCH: usize = (1 << STRIP) + 1;

/// A texture. It lies in memory in strips of 16 columns, from top to bottom: what is near to each
/// other in the picture is so in memory too.
pub(super) struct Texture {
    pub width: usize,
    pub height: usize,
    data: Vec<u32>,
}

impl Texture {
    /// A texture of rows of a width.
    pub fn new(width: usize, rows: &[u32]) -> Self {
        let height = rows.len() / width;
        let mut data = vec![0; width.div_ceil(1 << STRIP) * height * PITCH];
        for (at, strip) in data.chunks_exact_mut(height * PITCH).enumerate() {
            let from = at << STRIP;
            let to = (from + PITCH).min(width);
            for (row, strip) in rows.chunks_exact(width).zip(strip.chunks_exact_mut(PITCH)) {
                strip[..to - from].copy_from_slice(&row[from..to]);
            }
        }
        Self { width, height, data }
    }

    /// Where a pixel is; its right and lower neighbours are 1 and `PITCH` behind it.
    #[inline(always)]
    fn place(&self, x: usize, y: usize) -> usize {
        ((x >> STRIP) * self.height + y) * PITCH + (x & ((1 << STRIP) - 1))
    }

    /// The color of a pixel.
    pub fn at(&self, x: usize, y: usize) -> u32 {
        self.data[self.place(x, y)]
    }

    /// The color at a place in steps of 2^-16 pixels; the place and its right and lower neighbours
    /// have to be inside.
    #[inline(always)]
    pub fn sample(&self, x: i32, y: i32) -> u32 {
        let at = self.place((x >> POINT) as usize, (y >> POINT) as usize);
        let (fx, fy) = ((x >> (POINT - 8)) as u64 & 255, (y >> (POINT - 8)) as u64 & 255);
        let above = &self.data[at..at + 2];
        let below = &self.data[at + PITCH..at + PITCH + 2];
        // Four weights that add up to 256.
        let both = (fx * fy) >> 8;
        let (right, low) = (fx - both, fy - both);
        let sum = apart(above[0]) * (256 - fx - low)
            + apart(above[1]) * right
            + apart(below[0]) * low
            + apart(below[1]) * both
            + 0x0080_0080_0080_0080;
        together(sum >> 8)
    }

    /// The colors at places in a row, from one on in even steps.
    #[inline(always)]
    pub fn sample_row<const COUNT: usize>(
        &self,
        (x, y): (i32, i32),
        step: (i32, i32),
    ) -> [u32; COUNT] {
        const EVEN: u32 = 0x00ff_00ff;
        let mut corners = [[0_u32; COUNT]; 4];
        let mut parts = [[0_u32; COUNT]; 2];
        for at in 0..COUNT {
            let (x, y) = (x + step.0 * at as i32, y + step.1 * at as i32);
            let place = self.place((x >> POINT) as usize, (y >> POINT) as usize);
            let above = &self.data[place..place + 2];
            let below = &self.data[place + PITCH..place + PITCH + 2];
            (corners[0][at], corners[1][at]) = (above[0], above[1]);
            (corners[2][at], corners[3][at]) = (below[0], below[1]);
            parts[0][at] = (x >> (POINT - 8)) as u32 & 255;
            parts[1][at] = (y >> (POINT - 8)) as u32 & 255;
        }
        let mut colors = [0; COUNT];
        for at in 0..COUNT {
            let both = (parts[0][at] * parts[1][at]) >> 8;
            let (right, low) = (parts[0][at] - both, parts[1][at] - both);
            let weights = [256 - parts[0][at] - low, right, low, both];
            let (mut even, mut odd) = (0x0080_0080, 0x0080_0080);
            for (corner, weight) in corners.iter().zip(weights) {
                even += (corner[at] & EVEN) * weight;
                odd += ((corner[at] >> 8) & EVEN) * weight;
            }
            colors[at] = ((even >> 8) & EVEN) | (odd & !EVEN);
        }
        colors
    }

    /// The largest place at which can be sampled.
    pub fn limits(&self) -> (f32, f32) {
        ((self.width - 2) as f32, (self.height - 2) as f32)
    }
}

/// The channels of a color with a byte of room above each.
#[inline(always)]
fn apart(color: u32) -> u64 {
    let color = u64::from(color);
    (color | (color << 24)) & 0x00ff_00ff_00ff_00ff
}

/// The color of channels that stand apart.
#[inline(always)]
fn together(channels: u64) -> u32 {
    let channels = channels & 0x00ff_00ff_00ff_00ff;
    (channels | (channels >> 24)) as u32
}

/// A color between two, `part` of 256 of the way.
#[inline(always)]
pub(super) fn mix(from: u32, to: u32, part: u32) -> u32 {
    const EVEN: u32 = 0x00ff_00ff;
    let (low, high) = (from & EVEN, (from >> 8) & EVEN);
    let low = low.wrapping_add(
        (to & EVEN).wrapping_sub(low).wrapping_mul(part).wrapping_add(0x0080_0080) >> 8,
    ) & EVEN;
    let high = high.wrapping_add(
        ((to >> 8) & EVEN).wrapping_sub(high).wrapping_mul(part).wrapping_add(0x0080_0080) >> 8,
    ) & EVEN;
    low | high << 8
}

/// Red, green and blue as numbers.
#[inline(always)]
pub(super) fn levels(color: u32) -> [f32; 3] {
    let [r, g, b, _] = color.to_le_bytes();
    [f32::from(r), f32::from(g), f32::from(b)]
}

/// A color of numbers.
#[inline(always)]
pub(super) fn packed(levels: [f32; 3]) -> u32 {
    let [r, g, b] = levels.map(|level| (level + 0.5).max(0.0).min(255.0) as u8);
    u32::from_le_bytes([r, g, b, 255])
}
