//! Another color, with the light and shade of the old one.
//!
//! In Oklab (Ottosson, 2020): the hue is that of the new color. Lightness moves so far that the
//! middle of the region comes close to the new color, and keeps its differences around it. Chroma
//! follows the triangle that the colors of one hue fill, from black over the new color to white, so
//! that shade is a deeper paint and light a paler one, and never a color that no screen can show.

use super::Edit;
use crate::models::operators::{Image, Lab, Lut, Plane, from_lab, to_lab};
use crate::models::pipeline::Moment;
use crate::models::prompt::Color;

/// Pixels between those that are looked at.
const STRIDE: usize = 8;
/// Changes of the middle that are let be, and the most that it moves with a frame: what comes and
/// goes in the region must not make its color pulse.
const REST: f32 = 0.025;
const STEP: f32 = 0.004;

pub(super) struct Recolored {
    target: Lab,
    /// Lightness and chroma of the middle of the region.
    middle: Option<[f32; 2]>,
    moving: bool,
    lut: Lut,
}

impl Recolored {
    pub fn new(color: Color) -> Self {
        let target = to_lab(color.levels());
        Self { target, middle: None, moving: false, lut: Lut::of(|color| color) }
    }

    fn follow(&mut self, seen: [f32; 2]) {
        let middle = match self.middle {
            None => seen,
            Some(middle) => {
                let far = seen.iter().zip(middle).any(|(seen, middle)| {
                    (seen - middle).abs() > if self.moving { STEP } else { REST }
                });
                self.moving = far;
                if !far {
                    return;
                }
                std::array::from_fn(|c| middle[c] + (seen[c] - middle[c]).clamp(-STEP, STEP))
            }
        };
        self.middle = Some(middle);
        let target = self.target;
        self.lut.remake(|color| from_lab(painted(to_lab(color), middle, target)));
    }
}

/// An old color in the new paint.
fn painted([l, a, b]: Lab, [light, chroma]: [f32; 2], target: Lab) -> Lab {
    let aim = light + (target[0] - light) * 0.85;
    // Shade stays black at its end; light does not become white, which would have no color.
    let contrast = if l < light {
        (aim / light.max(0.05)).clamp(0.6, 1.5)
    } else {
        (0.6 * (1.0 - aim) / (1.0 - light).max(0.05)).clamp(0.3, 1.5)
    };
    let lightness = (aim + (l - light) * contrast).clamp(0.0, 1.0);
    // What is grayer than the rest of the thing shines, or belongs to something else.
    let own = a.hypot(b);
    let relative = if chroma > 0.04 { (own / chroma).min(1.2) } else { 1.0 };
    let room = if lightness < target[0] {
        lightness / target[0].max(0.01)
    } else {
        (1.0 - lightness) / (1.0 - target[0]).max(0.01)
    };
    let part = 0.85 * (0.2 + 0.8 * relative) * room.clamp(0.0, 1.0);
    [lightness, target[1] * part, target[2] * part]
}

/// Lightness and chroma of what lies under the mask; `None` if nothing does.
fn middle_of(frame: &Image, mask: &Plane) -> Option<[f32; 2]> {
    let (mut sum, mut total) = ([0.0_f32; 3], 0.0_f32);
    let mut chroma = 0.0_f32;
    for y in (STRIDE / 2..mask.height.max(STRIDE / 2 + 1)).step_by(STRIDE) {
        let y = y.min(mask.height - 1);
        for x in (0..mask.width).step_by(STRIDE) {
            let weight = f32::from(mask.row(y)[x]);
            if weight > 0.0 {
                let color = frame.color(x, y);
                for (sum, level) in sum.iter_mut().zip(color) {
                    *sum += level * weight;
                }
                chroma += (color[0].max(color[1]).max(color[2])
                    - color[0].min(color[1]).min(color[2]))
                    * weight;
                total += weight;
            }
        }
    }
    if total < 1.0 {
        return None;
    }
    let mean = sum.map(|sum| sum / total);
    let [light, a, b] = to_lab(mean);
    let spread = mean[0].max(mean[1]).max(mean[2]) - mean[0].min(mean[1]).min(mean[2]);
    // Hues that differ cancel each other in a mean, and chroma does not.
    let gain = if spread > 4.0 { (chroma / total / spread).clamp(1.0, 2.0) } else { 1.0 };
    Some([light, a.hypot(b) * gain])
}

impl Edit for Recolored {
    fn paint(&mut self, frame: &Image, mask: &Plane, _: Moment, out: &mut Image) {
        if let Some(seen) = middle_of(frame, mask) {
            self.follow(seen);
        }
        out.copy_from(frame);
        self.lut.apply_where(out, mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paint_has_its_color_in_the_middle_and_keeps_light_and_shade() {
        let (red, white) = (to_lab([255.0, 0.0, 0.0]), to_lab([240.0, 240.0, 238.0]));
        let middle = [white[0], white[1].hypot(white[2])];
        let lit = painted(white, middle, red);
        let shaded = painted(to_lab([150.0, 150.0, 150.0]), middle, red);
        assert!(lit[1] > 0.12 && lit[0] < 0.8, "{lit:?}");
        assert!(shaded[0] < lit[0] - 0.1 && shaded[1] > 0.08, "{shaded:?}");
    }

    #[test]
    fn colors_can_be_shown() {
        for target in [[0.0, 0.0, 255.0], [255.0, 255.0, 0.0], [0.0, 0.0, 0.0], [255.0; 3]] {
            let target = to_lab(target);
            for step in 0..=10 {
                let old = [step as f32 / 10.0, 0.05, 0.05];
                let made = painted(old, [0.5, 0.1], target);
                let back = to_lab(from_lab(made));
                for (got, wanted) in back.into_iter().zip(made) {
                    assert!((got - wanted).abs() < 0.05, "{old:?}: {got} for {wanted}");
                }
            }
        }
    }
}
