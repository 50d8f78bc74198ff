//! Three-dimensional tables of colors, read with tetrahedral interpolation.
//!
//! After Kasson, Plouffe and Nin, "A tetrahedral interpolation technique for color space
//! conversion" (1993). The three channels lie in one word, so that one multiplication weighs all.

use super::image::{Image, Plane};
use super::wide::wide;

/// Nodes to a side: each stands for 16 levels.
const SIDE: usize = 17;
/// Room for all nodes, a power of two: any index is then made valid by a mask.
const NODES: usize = 8192;
/// Pixels that are graded or left out together.
const BLOCK: usize = 32;

#[derive(Clone)]
pub(in crate::models) struct Lut {
    nodes: Vec<u64>,
}

impl Lut {
    /// The table of a function of color, levels 0 to 255.
    pub fn of(grade: impl Fn([f32; 3]) -> [f32; 3]) -> Self {
        let mut made = Self { nodes: vec![0; NODES] };
        made.remake(grade);
        made
    }

    /// Makes it the table of another function, in the memory that it has.
    pub fn remake(&mut self, grade: impl Fn([f32; 3]) -> [f32; 3]) {
        let node = |index: usize| {
            let at = [index / (SIDE * SIDE), index / SIDE % SIDE, index % SIDE];
            // The last node lies one level beyond white, and half a level more is white still.
            let levels = at.map(|step| (step * 16) as f32);
            let color = grade(levels.map(|level| level.min(255.0)));
            let lanes: [u64; 3] = std::array::from_fn(|c| {
                let beyond = if levels[c] > 255.0 && color[c] > 250.0 { 1.0 } else { 0.0 };
                ((color[c].clamp(0.0, 255.0) + beyond).min(255.5) * 8.0).round() as u64
            });
            lanes[0] | lanes[1] << 16 | lanes[2] << 32
        };
        for (index, place) in self.nodes[..SIDE * SIDE * SIDE].iter_mut().enumerate() {
            *place = node(index);
        }
    }

    /// Grades a picture in its place where `mask` is above 0; elsewhere it may be graded or not.
    pub fn apply_where(&self, image: &mut Image, mask: &Plane) {
        self.run(
            image,
            #[inline(always)]
            |at, end| mask.data[at..end].iter().fold(0, |any, &level| any | level) > 0,
        );
    }

    /// Grades a whole picture in its place.
    pub fn apply(&self, image: &mut Image) {
        self.run(
            image,
            #[inline(always)]
            |_, _| true,
        );
    }

    /// Grades the blocks that are wanted, by where they begin and end.
    #[inline(always)]
    fn run(&self, image: &mut Image, wanted: impl Fn(usize, usize) -> bool) {
        // With their number in the type, an index below it needs no look.
        let Some(nodes) = self.nodes.first_chunk::<NODES>() else { return };
        let [red, green, blue] = image.each_mut().map(|plane| &mut plane.data[..]);
        let count = red.len();
        wide(
            #[inline(always)]
            || {
                for at in (0..count).step_by(BLOCK) {
                    let end = (at + BLOCK).min(count);
                    if !wanted(at, end) {
                        continue;
                    }
                    let (r, g, b) = (&mut red[at..end], &mut green[at..end], &mut blue[at..end]);
                    if let (Ok(r), Ok(g), Ok(b)) = (
                        <&mut [u8; BLOCK]>::try_from(&mut *r),
                        <&mut [u8; BLOCK]>::try_from(&mut *g),
                        <&mut [u8; BLOCK]>::try_from(&mut *b),
                    ) {
                        grade(nodes, r, g, b);
                        continue;
                    }
                    let mut rest = [[0; BLOCK]; 3];
                    for (rest, plane) in rest.iter_mut().zip([&*r, &*g, &*b]) {
                        rest[..plane.len()].copy_from_slice(plane);
                    }
                    let [one, two, three] = &mut rest;
                    grade(nodes, one, two, three);
                    for (rest, plane) in rest.iter().zip([r, g, b]) {
                        plane.copy_from_slice(&rest[..plane.len()]);
                    }
                }
            },
        );
    }
}

/// Grades a block. Where to look, and how far along, is vector code; only the looks are not.
#[inline(always)]
fn grade(
    nodes: &[u64; NODES],
    red: &mut [u8; BLOCK],
    green: &mut [u8; BLOCK],
    blue: &mut [u8; BLOCK],
) {
    const LINE: u32 = SIDE as u32;
    let (mut origin, mut one) = ([0_u32; BLOCK], [0_u32; BLOCK]);
    let (mut two, mut three) = ([0_u32; BLOCK], [0_u32; BLOCK]);
    let (mut first, mut second, mut third) = ([0_u32; BLOCK], [0_u32; BLOCK], [0_u32; BLOCK]);
    for i in 0..BLOCK {
        let (r, g, b) = (u32::from(red[i]), u32::from(green[i]), u32::from(blue[i]));
        let place = (r >> 4) * (LINE * LINE) + (g >> 4) * LINE + (b >> 4);
        // How far along each axis, with the step to the next node below it: the largest goes first.
        let x = (r & 15) << 16 | (LINE * LINE);
        let y = (g & 15) << 16 | LINE;
        let z = (b & 15) << 16 | 1;
        let (low, high) = (x.min(y), x.max(y));
        let (most, rest) = (high.max(z), high.min(z));
        let (middle, least) = (rest.max(low), rest.min(low));
        origin[i] = place;
        one[i] = place + (most & 0xffff);
        two[i] = one[i] + (middle & 0xffff);
        three[i] = two[i] + (least & 0xffff);
        first[i] = most >> 16;
        second[i] = middle >> 16;
        third[i] = least >> 16;
    }
    for i in 0..BLOCK {
        let node = |place: u32| nodes[place as usize % NODES];
        let (start, mid) = (node(origin[i]), node(one[i]));
        let (later, end) = (node(two[i]), node(three[i]));
        // From node to node; that single lanes pass below 0 on the way does not show in the sum.
        let sum = (start << 4)
            .wrapping_add(u64::from(first[i]).wrapping_mul(mid.wrapping_sub(start)))
            .wrapping_add(u64::from(second[i]).wrapping_mul(later.wrapping_sub(mid)))
            .wrapping_add(u64::from(third[i]).wrapping_mul(end.wrapping_sub(later)))
            .wrapping_add(0x0040_0040_0040);
        red[i] = (sum >> 7) as u8;
        green[i] = (sum >> 23) as u8;
        blue[i] = (sum >> 39) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colors() -> Image {
        let level = |c: usize| {
            move |x: usize, y: usize| [(x * 5) as u8, (y * 7) as u8, ((x ^ y) * 3) as u8][c]
        };
        Image { planes: std::array::from_fn(|c| Plane::of(52, 37, level(c))) }
    }

    #[test]
    fn the_same_color_comes_out_of_a_table_of_itself() {
        let mut image = colors();
        let white = Image { planes: std::array::from_fn(|_| Plane::filled(3, 1, 255)) };
        Lut::of(|color| color).apply(&mut image);
        assert_eq!(image, colors());
        let mut still = white.clone();
        Lut::of(|color| color).apply(&mut still);
        assert_eq!(still, white);
    }

    #[test]
    fn what_is_masked_is_graded_like_all_else() {
        let lut = Lut::of(|color| color.map(|level| 255.0 - level));
        let mask = Plane::of(52, 37, |x, y| if x > 20 && y > 9 { 7 } else { 0 });
        let (mut whole, mut part) = (colors(), colors());
        lut.apply(&mut whole);
        lut.apply_where(&mut part, &mask);
        for y in 0..37 {
            for x in 0..52 {
                let wanted = if mask.row(y)[x] > 0 { whole.color(x, y) } else { part.color(x, y) };
                assert_eq!(part.color(x, y), wanted);
            }
        }
        assert_eq!(part.color(0, 0), colors().color(0, 0));
    }

    #[test]
    fn what_is_graded_to_white_or_black_stays_there() {
        for (level, lut) in [
            (255, Lut::of(|color| color.map(|level| level * 1.6 + 90.0))),
            (0, Lut::of(|color| color.map(|level| level - 300.0))),
        ] {
            let mut image = colors();
            for (at, plane) in image.planes.iter_mut().enumerate() {
                for level in &mut plane.data {
                    *level = level.saturating_add(150 + at as u8);
                }
            }
            lut.apply(&mut image);
            assert!(image.planes.iter().all(|plane| plane.data.iter().all(|&got| got == level)));
        }
    }

    #[test]
    fn a_smooth_grade_is_met_within_two_levels() {
        let grade = |[r, g, b]: [f32; 3]| {
            let gray = 0.3 * r + 0.6 * g + 0.1 * b;
            [gray * 0.5 + r * 0.5, 255.0 * (g / 255.0).powf(0.8), b * 0.7 + 30.0]
        };
        let mut image = colors();
        Lut::of(grade).apply(&mut image);
        for y in 0..37 {
            for x in 0..52 {
                let wanted = grade(colors().color(x, y));
                for (got, wanted) in image.color(x, y).iter().zip(wanted) {
                    assert!((got - wanted).abs() < 3.0, "{got} for {wanted}");
                }
            }
        }
    }
}
