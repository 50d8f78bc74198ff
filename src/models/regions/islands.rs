//! Takes away islands, pieces of an estimate that are worth much less than the best one, and fills
//! small lakes.
//!
//! Connected components, by filling each from its first pixel.

/// From where on a value is land.
const SHORE: f32 = 0.4;

#[derive(Default)]
pub(super) struct Islands {
    /// How far apart land still hangs together, in pixels; touching is 1.
    strait: usize,
    /// The island of each pixel, from 1; 0 is none.
    labels: Vec<u32>,
    worths: Vec<f32>,
    open: Vec<u32>,
}

impl Islands {
    /// Islands whose land hangs together over so many pixels: 1 if it has to touch.
    pub fn over(strait: usize) -> Self {
        Self { strait, ..Self::default() }
    }

    /// Sets to 0 what belongs to islands of less than `least` parts of the best. An island is worth
    /// the sum of its pixels.
    pub fn clear(&mut self, values: &mut [f32], worth: &[f32], width: usize, least: f32) {
        self.find(values, width, |value| value > SHORE, |at| worth[at]);
        let bound = self.worths.iter().copied().fold(0.0, f32::max) * least;
        for (value, &label) in values.iter_mut().zip(&self.labels) {
            if label > 0 && self.worths[label as usize] < bound {
                *value = 0.0;
            }
        }
    }

    /// Sets to 1 what lies below the shore in lakes of at most `most` pixels, which reach no border.
    pub fn fill_lakes(&mut self, values: &mut [f32], width: usize, most: usize) {
        let height = values.len() / width.max(1);
        let size = |at: usize| {
            let (x, y) = (at % width, at / width);
            let is_border = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
            if is_border { f32::INFINITY } else { 1.0 }
        };
        self.find(values, width, |value| value <= SHORE, size);
        for (value, &label) in values.iter_mut().zip(&self.labels) {
            if label > 0 && self.worths[label as usize] <= most as f32 {
                *value = 1.0;
            }
        }
    }

    /// Labels the pieces of what is `land`, and sums what their pixels are worth.
    fn find(
        &mut self,
        values: &[f32],
        width: usize,
        land: impl Fn(f32) -> bool,
        worth: impl Fn(usize) -> f32,
    ) {
        self.labels.clear();
        self.labels.resize(values.len(), 0);
        self.worths.clear();
        self.worths.push(0.0);
        // Room for all, so that no later frame needs more.
        self.worths.reserve(values.len());
        self.open.reserve(values.len());
        for start in 0..values.len() {
            if land(values[start]) && self.labels[start] == 0 {
                let sum = self.flood(values, width, start, &land, &worth);
                self.worths.push(sum);
            }
        }
    }

    /// Labels all that hangs together with a pixel; returns what that is worth.
    fn flood(
        &mut self,
        values: &[f32],
        width: usize,
        start: usize,
        land: impl Fn(f32) -> bool,
        worth: impl Fn(usize) -> f32,
    ) -> f32 {
        let height = values.len() / width.max(1);
        let label = self.worths.len() as u32;
        let mut sum = 0.0;
        self.labels[start] = label;
        self.open.push(start as u32);
        while let Some(at) = self.open.pop() {
            let at = at as usize;
            sum += worth(at);
            let (x, y) = (at % width, at / width);
            for row in y.saturating_sub(self.strait)..(y + self.strait + 1).min(height) {
                for column in x.saturating_sub(self.strait)..(x + self.strait + 1).min(width) {
                    let next = row * width + column;
                    if land(values[next]) && self.labels[next] == 0 {
                        self.labels[next] = label;
                        self.open.push(next as u32);
                    }
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 30;

    /// Two lands with a strait of a pixel between them, a third that is nearly as large, and two specks.
    fn lands() -> Vec<f32> {
        let land = |x: usize, y: usize| match (x, y) {
            (2..=8, 2..=11) | (10..=13, 12..=17) => 0.9,
            (18..26, 4..12) => 0.7,
            (29, 4) => 0.8,
            (0, 19) => 1.0,
            _ => 0.2,
        };
        (0..WIDTH * 20).map(|at| land(at % WIDTH, at / WIDTH)).collect()
    }

    #[test]
    fn small_islands_go_and_large_ones_stay() {
        let mut values = lands();
        let worth = vec![1.0; values.len()];
        Islands::over(2).clear(&mut values, &worth, WIDTH, 0.4);
        let at = |x: usize, y: usize| values[y * WIDTH + x];
        assert_eq!((at(5, 5), at(11, 15), at(20, 6)), (0.9, 0.9, 0.7));
        assert_eq!((at(29, 4), at(0, 19)), (0.0, 0.0));
        assert_eq!(at(16, 1), 0.2);
    }

    #[test]
    fn islands_at_places_of_little_worth_go() {
        let mut values = lands();
        let worth: Vec<f32> =
            (0..values.len()).map(|at| if at % WIDTH < 15 { 1.0 } else { 0.3 }).collect();
        Islands::over(2).clear(&mut values, &worth, WIDTH, 0.4);
        assert_eq!((values[5 * WIDTH + 5], values[6 * WIDTH + 20]), (0.9, 0.0));
    }

    #[test]
    fn small_lakes_are_filled() {
        let lake = |x: usize, y: usize| match (x, y) {
            // A small one, a large one, a bay, and a pond that reaches the border.
            (4..6, 4..6) | (12..20, 6..14) | (24..30, 8) | (3, 18..20) => 0.1,
            _ => 0.9,
        };
        let mut values: Vec<f32> = (0..WIDTH * 20).map(|at| lake(at % WIDTH, at / WIDTH)).collect();
        Islands::over(1).fill_lakes(&mut values, WIDTH, 20);
        let at = |x: usize, y: usize| values[y * WIDTH + x];
        assert_eq!((at(4, 5), at(15, 10), at(25, 8), at(3, 18)), (1.0, 0.1, 0.1, 0.1));
    }

    #[test]
    fn any_size_is_taken() {
        for (width, height) in [(1, 1), (1, 9), (9, 1)] {
            let mut values = vec![1.0; width * height];
            let worth = values.clone();
            Islands::over(2).clear(&mut values, &worth, width, 0.5);
            assert!(values.iter().all(|&value| value == 1.0));
            values.fill(0.0);
            Islands::over(1).fill_lakes(&mut values, width, 99);
            assert!(values.iter().all(|&value| value == 0.0));
        }
    }
}
