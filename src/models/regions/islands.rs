//! Takes away islands: pieces of an estimate that are much smaller than the largest one.
//!
//! Connected components, by filling each from its first pixel.

/// From where on a value is land.
const SHORE: f32 = 0.4;

#[derive(Default)]
pub(super) struct Islands {
    /// The island of each pixel, from 1; 0 is none.
    labels: Vec<u32>,
    areas: Vec<u32>,
    open: Vec<u32>,
}

impl Islands {
    /// Sets to 0 what belongs to islands of less than `least` parts of the largest.
    pub fn clear(&mut self, values: &mut [f32], width: usize, least: f32) {
        self.labels.clear();
        self.labels.resize(values.len(), 0);
        self.areas.clear();
        self.areas.push(0);
        // Room for all, so that no later frame needs more.
        self.areas.reserve(values.len());
        self.open.reserve(values.len());
        for start in 0..values.len() {
            if values[start] > SHORE && self.labels[start] == 0 {
                let area = self.fill(values, width, start);
                self.areas.push(area);
            }
        }
        let bound = self.areas.iter().copied().max().unwrap_or(0) as f32 * least;
        for (value, &label) in values.iter_mut().zip(&self.labels) {
            if label > 0 && (self.areas[label as usize] as f32) < bound {
                *value = 0.0;
            }
        }
    }

    /// Labels all that hangs together with a pixel; returns how many that are.
    fn fill(&mut self, values: &[f32], width: usize, start: usize) -> u32 {
        let label = self.areas.len() as u32;
        let mut area = 0;
        self.labels[start] = label;
        self.open.push(start as u32);
        while let Some(at) = self.open.pop() {
            let at = at as usize;
            area += 1;
            let x = at % width;
            let neighbours = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                at.checked_sub(width),
                Some(at + width).filter(|&below| below < values.len()),
            ];
            for next in neighbours.into_iter().flatten() {
                if values[next] > SHORE && self.labels[next] == 0 {
                    self.labels[next] = label;
                    self.open.push(next as u32);
                }
            }
        }
        area
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_islands_go_and_large_ones_stay() {
        let width = 30;
        // Two lands that touch only at a corner, a third that is nearly as large, and two specks.
        let land = |x: usize, y: usize| match (x, y) {
            (2..10, 2..12) | (10..14, 12..18) => 0.9,
            (18..26, 4..12) => 0.7,
            (28, 2..4) => 0.8,
            (0, 19) => 1.0,
            _ => 0.2,
        };
        let mut values: Vec<f32> = (0..30 * 20).map(|at| land(at % width, at / width)).collect();
        Islands::default().clear(&mut values, width, 0.4);
        let at = |x: usize, y: usize| values[y * width + x];
        assert_eq!((at(5, 5), at(20, 6)), (0.9, 0.7));
        assert_eq!((at(28, 3), at(0, 19), at(12, 15)), (0.0, 0.0, 0.0));
        assert_eq!(at(16, 1), 0.2);
    }

    #[test]
    fn any_size_is_taken() {
        for (width, height) in [(1, 1), (1, 9), (9, 1)] {
            let mut values = vec![1.0; width * height];
            Islands::default().clear(&mut values, width, 0.5);
            assert!(values.iter().all(|&value| value == 1.0));
        }
    }
}
