//! For each place of a hole, where else in the picture it looks alike.
//!
//! Barnes, Shechtman, Finkelstein and Goldman, "PatchMatch" (2009): good guesses are handed on to
//! neighbors and tried out at random around, ever closer. What is compared are squares of known
//! pixels and of estimates, which follow from the guesses: the mean of what all squares over a place
//! would put there (Wexler, Shechtman and Irani, "Space-time completion of video", 2007). A fourth
//! value, of texture, tells apart what has one color (Newson and others, "Video inpainting of complex
//! scenes", 2014).

mod search;

/// Squares reach so far to each side.
const RADIUS: usize = 2;
const SIDE: usize = 2 * RADIUS + 1;
/// How much known pixels weigh; estimates weigh less the deeper they lie.
const SURE: f32 = 32.0;
/// Cost of what cannot be had.
pub(in crate::models) const NEVER: f32 = 1e9;

/// A way from a place of the hole to the one like it. Zero is none.
pub(in crate::models) type Shift = [i16; 2];

/// A pixel: three colors and texture.
pub(in crate::models) type Pixel = [u8; 4];

#[derive(Default)]
pub(in crate::models) struct Patches {
    pub width: usize,
    pub height: usize,
    /// What may be copied: all columns and rows from the second up to these.
    usable: (usize, usize),
    pub hole: Vec<bool>,
    pub shifts: Vec<Shift>,
    /// Mean square differences.
    pub costs: Vec<f32>,
    /// The places of the hole, in order.
    pub places: Vec<u32>,
    /// Whether all around a place is known.
    whole: Vec<bool>,
    depths: Vec<u8>,
    spare: Vec<bool>,
    // With a margin of RADIUS around:
    pixels: Vec<Pixel>,
    weights: Vec<Pixel>,
    ways: Vec<i32>,
    votes: Vec<f32>,
}

impl Patches {
    const fn stride(&self) -> usize {
        self.width + 2 * RADIUS
    }

    /// The place in what has a margin.
    const fn inner(&self, at: usize) -> usize {
        (at / self.width + RADIUS) * self.stride() + at % self.width + RADIUS
    }

    pub fn pixel(&self, at: usize) -> Pixel {
        self.pixels[self.inner(at)]
    }

    /// What a shift leads to.
    pub const fn source(&self, at: usize, shift: Shift) -> usize {
        (at as isize + shift[1] as isize * self.width as isize + shift[0] as isize) as usize
    }

    /// Takes a picture and its hole. Shifts are kept if it has the size of the last one, and so are
    /// estimates.
    pub fn set(
        &mut self,
        size: (usize, usize),
        usable: (usize, usize),
        pixel: impl Fn(usize) -> Pixel,
        hole: impl Fn(usize) -> bool,
    ) {
        let count = size.0 * size.1;
        if (self.width, self.height) != size {
            (self.width, self.height) = size;
            self.shifts.clear();
            self.shifts.resize(count, [0; 2]);
            self.costs.clear();
            self.costs.resize(count, NEVER);
            let padded = self.stride() * (size.1 + 2 * RADIUS);
            self.pixels.resize(padded, [0; 4]);
            // A hole may grow from frame to frame.
            self.places.clear();
            self.places.reserve(count);
            self.weights.clear();
            self.weights.resize(padded, [0; 4]);
            self.ways.clear();
            self.ways.resize(padded, 0);
            // Nothing votes from outside.
            self.votes.clear();
            self.votes.resize(padded, 0.0);
            self.depths.resize(count, 0);
            self.whole.resize(count, false);
            self.hole.resize(count, false);
        }
        self.usable = usable;
        self.places.clear();
        for at in 0..count {
            let inner = self.inner(at);
            self.hole[at] = hole(at);
            if self.hole[at] {
                self.places.push(at as u32);
            } else {
                self.pixels[inner] = pixel(at);
            }
        }
        self.pad();
        self.weigh();
        self.find_whole();
    }

    /// Repeats the border outward.
    fn pad(&mut self) {
        let (stride, height) = (self.stride(), self.height);
        for y in RADIUS..RADIUS + height {
            let row = &mut self.pixels[y * stride..][..stride];
            let (first, last) = (row[RADIUS], row[stride - RADIUS - 1]);
            row[..RADIUS].fill(first);
            row[stride - RADIUS..].fill(last);
        }
        for y in 0..RADIUS {
            self.pixels.copy_within(RADIUS * stride..(RADIUS + 1) * stride, y * stride);
            let last = (RADIUS + height - 1) * stride;
            self.pixels.copy_within(last..last + stride, last + (y + 1) * stride);
        }
    }

    fn weigh(&mut self) {
        let (width, height) = (self.width, self.height);
        for at in 0..width * height {
            let mut depth = 0;
            if self.hole[at] {
                let left = if at.is_multiple_of(width) { 254 } else { self.depths[at - 1] };
                let up = if at < width { 254 } else { self.depths[at - width] };
                depth = left.min(up).min(253) + 1;
            }
            self.depths[at] = depth;
        }
        for at in (0..width * height).rev() {
            if self.hole[at] {
                let right = if at % width == width - 1 { 254 } else { self.depths[at + 1] };
                let down = if at / width == height - 1 { 254 } else { self.depths[at + width] };
                self.depths[at] = self.depths[at].min(right.min(down).min(253) + 1);
            }
        }
        self.reveal(u8::MAX);
    }

    /// How deep the hole is.
    pub fn depth(&self) -> u8 {
        self.depths.iter().copied().max().unwrap_or(0)
    }

    pub fn depth_at(&self, at: usize) -> u8 {
        self.depths[at]
    }

    /// Lets only those estimates count that lie less deep in the hole.
    pub fn reveal(&mut self, depth: u8) {
        for at in 0..self.hole.len() {
            let weight = if !self.hole[at] {
                SURE
            } else if self.depths[at] < depth {
                (SURE * 0.6 * 0.93_f32.powi(i32::from(self.depths[at]))).max(4.0)
            } else {
                0.0
            };
            let inner = self.inner(at);
            self.weights[inner] = [weight as u8; 4];
        }
    }

    fn find_whole(&mut self) {
        let (width, height) = (self.width, self.height);
        self.spare.clear();
        for y in 0..height {
            let row = &self.hole[y * width..][..width];
            for x in 0..width {
                let near = &row[x.saturating_sub(RADIUS)..(x + RADIUS + 1).min(width)];
                self.spare.push(!near.contains(&true));
            }
        }
        for y in 0..height {
            let rows = y.saturating_sub(RADIUS)..(y + RADIUS + 1).min(height);
            for x in 0..width {
                self.whole[y * width + x] = rows.clone().all(|row| self.spare[row * width + x]);
            }
        }
    }

    /// Whether this may be copied.
    pub fn is_source(&self, x: isize, y: isize) -> bool {
        let within = x >= 1
            && y >= 1
            && x < self.usable.0.min(self.width) as isize
            && y < self.usable.1.min(self.height) as isize;
        within && self.whole[y as usize * self.width + x as usize]
    }

    /// Whether a shift leads to what may be copied.
    pub fn leads(&self, at: usize, shift: Shift) -> bool {
        shift != [0; 2]
            && self.is_source(
                (at % self.width) as isize + shift[0] as isize,
                (at / self.width) as isize + shift[1] as isize,
            )
    }

    /// How many places may be copied.
    pub fn sources(&self) -> usize {
        let (width, height) = (self.width as isize, self.height as isize);
        let rows = (0..height).map(|y| (0..width).filter(|&x| self.is_source(x, y)).count());
        rows.sum()
    }

    /// Estimates the hole from its shifts: of `count` places that which has the number `turn`, and so
    /// on.
    pub fn vote(&mut self, turn: usize, count: usize) {
        for at in 0..self.hole.len() {
            let inner = self.inner(at);
            let shift = self.shifts[at];
            let counts = self.hole[at] && shift != [0; 2];
            self.ways[inner] = i32::from(shift[1]) * self.stride() as i32 + i32::from(shift[0]);
            let sure = f32::from(self.weights[inner][0]);
            let doubt = self.costs[at].min(2e4) + 20.0;
            self.votes[inner] = if counts { sure * 1e4 / (doubt * doubt) } else { 0.0 };
        }
        let stride = self.stride();
        for &at in self.places.iter().skip(turn).step_by(count) {
            let inner = self.inner(at as usize);
            let first = inner - RADIUS * stride - RADIUS;
            let (mut sum, mut whole) = ([0.0; 4], 0.0);
            for row in 0..SIDE {
                let ways = &self.ways[first + row * stride..][..SIDE];
                let votes = &self.votes[first + row * stride..][..SIDE];
                for (&way, &vote) in ways.iter().zip(votes) {
                    if vote > 0.0 {
                        let pixel = self.pixels[(inner as isize + way as isize) as usize];
                        for (sum, level) in sum.iter_mut().zip(pixel) {
                            *sum += f32::from(level) * vote;
                        }
                        whole += vote;
                    }
                }
            }
            if whole > 0.0 {
                self.pixels[inner] = sum.map(|sum| (sum / whole + 0.5) as u8);
            }
        }
    }

    /// Fills the estimates of the hole with something.
    #[cfg(test)]
    pub fn guess(&mut self, pixel: impl Fn(usize) -> Pixel) {
        for &at in &self.places {
            let inner = self.inner(at as usize);
            self.pixels[inner] = pixel(at as usize);
        }
    }

    /// The picture of half the size, of which everything is hole that is so in part.
    pub fn halve_to(&self, half: &mut Self) {
        let size = (self.width.div_ceil(2), self.height.div_ceil(2));
        let usable = (self.usable.0 / 2, self.usable.1 / 2);
        let four = |at: usize| {
            let (x, y) = (2 * (at % size.0), 2 * (at / size.0));
            let (right, below) = ((x + 1).min(self.width - 1), (y + 1).min(self.height - 1));
            [(x, y), (right, y), (x, below), (right, below)].map(|(x, y)| y * self.width + x)
        };
        half.width = 0;
        half.set(
            size,
            usable,
            |at| {
                let four = four(at).map(|at| self.pixel(at));
                std::array::from_fn(|c| {
                    (four.iter().map(|pixel| u16::from(pixel[c])).sum::<u16>() / 4) as u8
                })
            },
            |at| four(at).iter().any(|&at| self.hole[at]),
        );
    }

    /// Takes over shifts and estimates from the picture of half the size.
    pub fn refine_from(&mut self, half: &Self) {
        for number in 0..self.places.len() {
            let at = self.places[number] as usize;
            let (x, y) = (at % self.width, at / self.width);
            let near = (y / 2) * half.width + x / 2;
            self.shifts[at] = half.shifts[near].map(|step| step * 2);
            self.costs[at] = half.costs[near];
            let inner = self.inner(at);
            self.pixels[inner] = half.pixel(near);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::models::operators::hash;

    pub const SIZE: (usize, usize) = (40, 30);

    pub fn inside(at: usize) -> bool {
        (14..25).contains(&(at % SIZE.0)) && (10..21).contains(&(at / SIZE.0))
    }

    /// Tiles of 6 by 5 pixels, each of another color.
    pub fn tiled(at: usize) -> Pixel {
        let place = (at % SIZE.0 % 6 + 6 * (at / SIZE.0 % 5)) as u32;
        hash(3, place, 1).to_le_bytes()
    }

    pub fn patches() -> Patches {
        let mut patches = Patches::default();
        patches.set(SIZE, SIZE, tiled, inside);
        patches
    }

    #[test]
    fn nothing_leads_into_the_hole_or_to_the_border() {
        let patches = patches();
        let reach = RADIUS as isize;
        for y in 0..SIZE.1 as isize {
            for x in 0..SIZE.0 as isize {
                let known = (-reach..=reach).all(|dy| {
                    (-reach..=reach).all(|dx| {
                        let (px, py) = (x + dx, y + dy);
                        let outside =
                            px < 0 || py < 0 || px >= SIZE.0 as isize || py >= SIZE.1 as isize;
                        outside || !inside(py as usize * SIZE.0 + px as usize)
                    })
                });
                assert_eq!(patches.is_source(x, y), known && x >= 1 && y >= 1, "{x} {y}");
            }
        }
    }

    #[test]
    fn estimates_are_means_of_what_all_squares_would_put_there() {
        let mut patches = patches();
        for at in 0..SIZE.0 * SIZE.1 {
            if inside(at) {
                patches.shifts[at] = if at % 3 == 0 { [-11, 0] } else { [12, 1] };
                patches.costs[at] = (at % 7) as f32 * 100.0;
            }
        }
        patches.vote(0, 1);
        let at = 15 * SIZE.0 + 19;
        let (mut sum, mut whole) = ([0.0; 4], 0.0);
        for dy in 0..SIDE {
            for dx in 0..SIDE {
                let near = at + dy * SIZE.0 + dx - RADIUS * SIZE.0 - RADIUS;
                let vote = patches.votes[patches.inner(near)];
                let source = tiled(patches.source(at, patches.shifts[near]));
                for (sum, level) in sum.iter_mut().zip(source) {
                    *sum += f32::from(level) * vote;
                }
                whole += vote;
            }
        }
        let wanted = sum.map(|sum| sum / whole);
        for (made, wanted) in patches.pixel(at).into_iter().zip(wanted) {
            assert!((f32::from(made) - wanted).abs() < 0.51, "{made} {wanted}");
        }
    }
}
