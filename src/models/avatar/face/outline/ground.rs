//! The figure of a picture: what is left when the ground is filled from the side it looks to.

use super::super::gray::{Gray, luma, reduced};
use crate::media::Picture;

/// How fast the color of the ground follows while it is filled: a slope of light is followed, an
/// edge is not, however soft.
const FOLLOWS: f32 = 0.15;
/// How far the ground strays from what it is at the border, in tolerances: what is beyond came
/// through a gap in the outline.
const STRAYS: f32 = 3.0;
/// The part of the border, from above, at which the ground is looked for: below are shoulders.
const SEEN: f32 = 0.75;

/// A small picture in colors.
#[derive(Debug, Clone)]
pub struct Colors {
    pub width: usize,
    pub height: usize,
    pub data: Vec<[f32; 3]>,
}

impl Colors {
    /// A picture whose longer side is at most `longest`, and by how much it was reduced.
    pub fn reduced(picture: &Picture, longest: usize) -> (Self, f32) {
        // Edges are to be sharp: more pixels than a mean needs.
        let (data, (width, height), scale) = reduced(picture, longest, 1.5);
        (Self { width, height, data }, scale)
    }

    pub fn mirrored(&self) -> Self {
        let mut data = self.data.clone();
        for row in data.chunks_exact_mut(self.width) {
            row.reverse();
        }
        Self { data, ..*self }
    }

    /// Half as large, each pixel the mean of four.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.data[y * self.width + x];
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (x, y) = (2 * x, 2 * y);
                let four = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                data.push(std::array::from_fn(|channel| {
                    0.25 * four.iter().map(|color| color[channel]).sum::<f32>()
                }));
            }
        }
        Self { width, height, data }
    }

    pub fn luma(&self) -> Gray {
        let data = self.data.iter().map(|&color| luma(color)).collect();
        Gray { width: self.width, height: self.height, data }
    }

    /// The pixel next to a place; that of the border outside.
    pub fn near(&self, x: f32, y: f32) -> [f32; 3] {
        let x = (x.round().max(0.0) as usize).min(self.width - 1);
        let y = (y.round().max(0.0) as usize).min(self.height - 1);
        self.data[y * self.width + x]
    }

    /// 1 where the figure is, 0 on the ground: the ground is what is reached from the left border
    /// over colors that differ by less than the tolerance from those before.
    pub fn figure(&self, tolerance: f32) -> Gray {
        let (width, height) = (self.width, self.height);
        let mut figure = Gray { width, height, data: vec![1.0; width * height] };
        let seeds = (0..(SEEN * height as f32) as usize).map(|y| y * width);
        // Where it is, what the ground is like there, and at the border it comes from.
        let seed = |at: usize| (at, self.data[at], self.data[at]);
        let mut open: Vec<(usize, [f32; 3], [f32; 3])> = seeds.map(seed).collect();
        for &(at, ..) in &open {
            figure.data[at] = 0.0;
        }
        let mut next = Vec::new();
        while !open.is_empty() {
            for (at, ground, border) in open.drain(..) {
                each_beside(at, width, height, |beside| {
                    let own = self.data[beside];
                    let is_ground = figure.data[beside] != 0.0
                        && apart(own, ground) < tolerance
                        && apart(own, border) < STRAYS * tolerance;
                    if !is_ground {
                        return;
                    }
                    figure.data[beside] = 0.0;
                    let follow = |channel: usize| {
                        ground[channel] + FOLLOWS * (own[channel] - ground[channel])
                    };
                    next.push((beside, std::array::from_fn(follow), border));
                });
            }
            std::mem::swap(&mut open, &mut next);
        }
        largest(&mut figure);
        figure
    }
}

/// How much two colors differ.
pub fn apart(one: [f32; 3], other: [f32; 3]) -> f32 {
    let off = |channel: usize| (one[channel] - other[channel]).abs();
    off(0).max(off(1)).max(off(2))
}

/// Keeps of the figure the largest piece: specks of the ground are not part of it.
fn largest(figure: &mut Gray) {
    let (width, height) = (figure.width, figure.height);
    let mut piece = vec![0_u32; width * height];
    let (mut pieces, mut best, mut open) = (0, (0, 0), Vec::new());
    for start in 0..piece.len() {
        if figure.data[start] == 0.0 || piece[start] != 0 {
            continue;
        }
        pieces += 1;
        piece[start] = pieces;
        open.push(start);
        let mut size = 0;
        while let Some(at) = open.pop() {
            size += 1;
            each_beside(at, width, height, |beside| {
                if figure.data[beside] != 0.0 && piece[beside] == 0 {
                    piece[beside] = pieces;
                    open.push(beside);
                }
            });
        }
        if size > best.0 {
            best = (size, pieces);
        }
    }
    for (value, piece) in figure.data.iter_mut().zip(piece) {
        *value = f32::from(u8::from(piece == best.1 && piece != 0));
    }
}

fn each_beside(at: usize, width: usize, height: usize, mut visit: impl FnMut(usize)) {
    let (x, y) = (at % width, at / width);
    if x > 0 {
        visit(at - 1);
    }
    if x + 1 < width {
        visit(at + 1);
    }
    if y > 0 {
        visit(at - width);
    }
    if y + 1 < height {
        visit(at + width);
    }
}
