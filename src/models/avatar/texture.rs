//! Reading a texture of four bytes a pixel between its pixels.

/// Bits behind the point of a place.
pub(super) const POINT: u32 = 16;

/// A texture, rows without gaps.
pub(super) struct Texture {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u32>,
}

impl Texture {
    /// The color at a place in steps of 2^-16 pixels; the place and its right and lower neighbours
    /// have to be inside.
    #[inline(always)]
    pub fn sample(&self, x: i32, y: i32) -> u32 {
        let at = (y >> POINT) as usize * self.width + (x >> POINT) as usize;
        let (fx, fy) = ((x >> (POINT - 8)) as u64 & 255, (y >> (POINT - 8)) as u64 & 255);
        let above = &self.data[at..at + 2];
        let below = &self.data[at + self.width..at + self.width + 2];
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
