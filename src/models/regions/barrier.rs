//! What stands out from the border of the picture.
//!
//! The minimum barrier distance of Zhang and others, "Minimum barrier salient object detection at
//! 80 FPS" (2015): how far the colors have to swing on the best way to the border. Two sweeps down
//! and up.

/// A color as lightness and two opponents.
pub(super) type Opponents = [u8; 3];

#[derive(Default)]
pub(super) struct Barrier {
    /// The swing of all three, in levels, a pixel.
    pub cost: Vec<u16>,
    high: Vec<Opponents>,
    low: Vec<Opponents>,
}

impl Barrier {
    /// Measures a picture. Without `floor` the lower border counts for nothing, as where somebody
    /// is cut off by it.
    pub fn measure(&mut self, colors: &[Opponents], width: usize, floor: bool) {
        let height = colors.len() / width.max(1);
        self.high.clear();
        self.high.extend_from_slice(colors);
        self.low.clear();
        self.low.extend_from_slice(colors);
        self.cost.clear();
        self.cost.extend((0..colors.len()).map(|at| {
            let (x, y) = (at % width, at / width);
            let border = y == 0 || x == 0 || x + 1 == width || (floor && y + 1 == height);
            if border { 0 } else { u16::MAX }
        }));
        for _ in 0..2 {
            for y in 0..height {
                for at in y * width..(y + 1) * width {
                    if y > 0 {
                        self.step(colors, at, at - width);
                    }
                    if at > y * width {
                        self.step(colors, at, at - 1);
                    }
                }
            }
            for y in (0..height).rev() {
                for at in (y * width..(y + 1) * width).rev() {
                    if y + 1 < height {
                        self.step(colors, at, at + width);
                    }
                    if at + 1 < (y + 1) * width {
                        self.step(colors, at, at + 1);
                    }
                }
            }
        }
    }

    /// Tries the way over a neighbour.
    #[inline(always)]
    fn step(&mut self, colors: &[Opponents], at: usize, from: usize) {
        let color = colors[at];
        let (mut high, mut low) = (self.high[from], self.low[from]);
        let mut cost = 0;
        for c in 0..3 {
            high[c] = high[c].max(color[c]);
            low[c] = low[c].min(color[c]);
            cost += u16::from(high[c] - low[c]);
        }
        if cost < self.cost[at] {
            self.cost[at] = cost;
            (self.high[at], self.low[at]) = (high, low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_in_stands_out_and_what_reaches_the_border_does_not() {
        // A ring around a dot, and a bar that comes in from the left.
        let (width, height) = (40, 30);
        let colors: Vec<Opponents> = (0..width * height)
            .map(|at| {
                let (x, y) = (at % width, at / width);
                let inside = (20..30).contains(&x) && (10..20).contains(&y);
                let bar = x < 10 && (12..18).contains(&y);
                if inside || bar { [200, 128, 128] } else { [60, 128, 128] }
            })
            .collect();
        let mut barrier = Barrier::default();
        barrier.measure(&colors, width, true);
        let at = |x: usize, y: usize| barrier.cost[y * width + x];
        assert_eq!((at(25, 15), at(5, 15), at(15, 5)), (140, 0, 0));
    }

    #[test]
    fn the_lower_border_counts_if_it_is_wanted() {
        let (width, height) = (20, 20);
        let colors: Vec<Opponents> = (0..width * height)
            .map(|at| {
                let inside = (8..12).contains(&(at % width)) && at / width > 8;
                if inside { [10, 90, 128] } else { [80, 128, 128] }
            })
            .collect();
        let mut barrier = Barrier::default();
        barrier.measure(&colors, width, false);
        assert_eq!(barrier.cost[15 * width + 10], 70 + 38);
        barrier.measure(&colors, width, true);
        assert_eq!(barrier.cost[15 * width + 10], 0);
    }
}
