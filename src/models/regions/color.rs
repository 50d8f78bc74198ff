//! Which pixels have a color that people would call by a name.

use crate::models::operators::{Image, Lab, Plane, ramp, smooth, to_lab};
use crate::models::prompt::Color;

/// Levels of a channel that share one entry of the table, as bits.
const DROPPED: u32 = 2;
const SIDE: usize = 256 >> DROPPED;
/// Places to a side at which a function is asked.
const NODES: usize = SIDE / 2 + 1;

/// What people call brown, which is not the reddish one of CSS.
const BROWN: [f32; 3] = [139.0, 92.0, 56.0];

/// How well each color fits, as a table: 0 not at all, 255 wholly.
pub(super) struct Members(Vec<u8>);

impl Members {
    /// The table of a function of color. The function is asked at every second entry, and what
    /// lies between is blended: it is slow, and a prompt must not hold up the picture.
    pub fn of(fits: impl Fn(Lab) -> f32) -> Self {
        let middle = (1 << DROPPED) as f32 / 2.0 - 0.5;
        let node = |at: usize| {
            let levels = [at / (NODES * NODES), at / NODES % NODES, at % NODES];
            let color = levels.map(|step| ((step * 2) << DROPPED) as f32 + middle);
            fits(to_lab(color.map(|level| level.min(255.0)))).clamp(0.0, 1.0)
        };
        let nodes: Vec<f32> = (0..NODES * NODES * NODES).map(node).collect();
        let entry = |at: usize| {
            let place = [at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE];
            let mut sum = 0.0;
            for corner in 0..8 {
                let at = [corner >> 2, corner >> 1 & 1, corner & 1];
                // Between two nodes it is the mean of both: one is taken twice on a node.
                let [r, g, b] = std::array::from_fn(|c| place[c].midpoint(at[c]));
                sum += nodes[(r * NODES + g) * NODES + b];
            }
            (sum * (255.0 / 8.0)).round() as u8
        };
        Self((0..SIDE * SIDE * SIDE).map(entry).collect())
    }

    /// Writes how well every pixel fits.
    pub fn measure(&self, image: &Image, fit: &mut Plane) {
        fit.fit(image.width(), image.height());
        let [red, green, blue] = image.each();
        let planes = red.data.iter().zip(&green.data).zip(&blue.data);
        for (((&r, &g), &b), fit) in planes.zip(&mut fit.data) {
            *fit = self.at([r, g, b]);
        }
    }

    /// [`Self::measure`] within what another plane leaves of it.
    pub fn measure_within(&self, image: &Image, whereabouts: &Plane, fit: &mut Plane) {
        const BLOCK: usize = 64;
        fit.fit(image.width(), image.height());
        let planes = image.each().map(|plane| plane.data.chunks(BLOCK));
        let [red, green, blue] = planes;
        let blocks = red.zip(green).zip(blue).zip(whereabouts.data.chunks(BLOCK));
        for ((((red, green), blue), within), fit) in blocks.zip(fit.data.chunks_mut(BLOCK)) {
            if within.iter().fold(0, |any, &level| any | level) == 0 {
                fit.fill(0);
                continue;
            }
            let pixels = red.iter().zip(green).zip(blue).zip(within);
            for ((((&r, &g), &b), &within), fit) in pixels.zip(fit) {
                let product = u32::from(self.at([r, g, b])) * u32::from(within) + 128;
                *fit = ((product * 257) >> 16) as u8;
            }
        }
    }

    #[inline(always)]
    fn at(&self, color: [u8; 3]) -> u8 {
        let [r, g, b] = color.map(|level| usize::from(level >> DROPPED));
        self.0.get((r * SIDE + g) * SIDE + b).copied().unwrap_or(0)
    }
}

/// How well a color would be called by the name of another, 0 to 1: by hue, and by lightness for
/// those without one.
pub(super) fn fits(color: Lab, named: Color) -> f32 {
    let target = to_lab(if named.name == "brown" { BROWN } else { named.levels() });
    let (chroma, own) = (color[1].hypot(color[2]), target[1].hypot(target[2]));
    let gray = 1.0 - smooth(chroma, 0.025, 0.05);
    if own < 0.03 {
        return gray * lightness(color[0], target[0]);
    }
    let dot = color[1] * target[1] + color[2] * target[2];
    let cross = target[1] * color[2] - target[2] * color[1];
    let turn = cross.atan2(dot).to_degrees();
    // Names cover more of the circle where people see fewer differences, as with green, and blue
    // reaches far towards cyan. Red, orange and yellow lie close together.
    let (back, forth, soft) = match target {
        [_, a, b] if a.abs() < 0.09 && b < -0.12 => (42.0, 20.0, 12.0),
        [_, a, _] if a < -0.07 => (40.0, 40.0, 14.0),
        [_, a, b] if b > 0.05 && a > 0.0 && a < 0.1 => (34.0, 16.0, 8.0),
        [_, a, b] if b > 0.05 && a > -0.07 && a < 0.1 => (20.0, 24.0, 10.0),
        [_, a, b] if b > 0.05 && a >= 0.1 => (20.0, 2.0, 7.0),
        _ => (27.0, 27.0, 14.0),
    };
    let width = if turn < 0.0 { back } else { forth };
    let hue = 1.0 - smooth(turn.abs(), width, width + soft);
    // Brown is a dark orange, and pink a pale red.
    let tone = match (target[0], color[0]) {
        (mine, l) if mine < 0.56 && own < 0.17 && target[1] > 0.0 => ramp(l, 0.74, 0.62),
        (mine, l) if mine > 0.8 && target[1] > 0.02 => ramp(l, 0.55, 0.68),
        _ => 1.0,
    };
    // A strong color is not that of skin.
    let (least, enough) = if own > 0.15 && target[1] > -0.07 && target[2] > 0.05 {
        (0.075, 0.115)
    } else {
        (0.03, 0.055)
    };
    hue * (1.0 - gray) * smooth(chroma, least, enough) * tone * ramp(color[0], 0.12, 0.22)
}

fn lightness(l: f32, target: f32) -> f32 {
    if target > 0.93 {
        smooth(l, 0.72, 0.86)
    } else if target < 0.2 {
        smooth(l, 0.36, 0.24)
    } else {
        1.0 - smooth((l - target).abs(), 0.16, 0.3)
    }
}

/// How well a color fits a hint of the vocabulary; `None` if it is not about color.
pub(super) fn hinted(hint: &str, color: Lab) -> Option<f32> {
    let named = |rgb: [u8; 3]| fits(color, Color { name: "", rgb });
    let [l, a, b] = color;
    let chroma = a.hypot(b);
    Some(match hint {
        "green" => green(color),
        "blue" => named([40, 110, 255]).max(named([110, 190, 255])),
        "red" => named([225, 40, 50]),
        "white" => smooth(l, 0.78, 0.9) * (1.0 - smooth(chroma, 0.03, 0.07)),
        "gray" => (1.0 - smooth(chroma, 0.025, 0.05)) * ramp(l, 0.15, 0.3) * ramp(l, 0.92, 0.8),
        "dark" => smooth(l, 0.42, 0.28),
        "bright" => smooth(l, 0.84, 0.93),
        "sky" => {
            let blue = named([40, 110, 255]).max(named([110, 190, 255]));
            (blue * ramp(l, 0.5, 0.62)).max(smooth(l, 0.72, 0.82) * ramp(chroma, 0.065, 0.04))
        }
        "asphalt" => (1.0 - smooth(chroma, 0.025, 0.05)) * ramp(l, 0.36, 0.48) * ramp(l, 0.92, 0.8),
        "skin" => skin(color),
        _ => return None,
    })
}

/// Plants: from yellow green to deep green.
fn green([l, a, b]: Lab) -> f32 {
    let chroma = a.hypot(b);
    let turn = b.atan2(a).to_degrees();
    smooth(turn, 94.0, 103.0)
        * smooth(turn, 172.0, 160.0)
        * smooth(chroma, 0.025, 0.06)
        * ramp(l, 0.1, 0.2)
}

/// Skin of all people: hues from red to orange, of limited chroma, which differs in lightness.
///
/// The narrow locus of skin in chromaticity: Störring, Andersen and Granum, "Skin colour detection
/// under changing lighting conditions" (1999).
fn skin([l, a, b]: Lab) -> f32 {
    let chroma = a.hypot(b);
    let turn = b.atan2(a).to_degrees();
    smooth(turn, 18.0, 32.0)
        * smooth(turn, 84.0, 70.0)
        * smooth(chroma, 0.022, 0.04)
        * smooth(chroma, 0.145, 0.115)
        * smooth(l, 0.25, 0.38)
        * smooth(l, 0.97, 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(color: [u8; 3], named: [u8; 3]) -> f32 {
        fits(to_lab(color.map(f32::from)), Color { name: "", rgb: named })
    }

    #[test]
    fn colors_are_called_by_their_names() {
        let (red, green, blue) = ([255, 0, 0], [0, 160, 0], [0, 0, 255]);
        for (color, named) in [
            ([200, 30, 40], red),
            ([120, 20, 20], red),
            ([60, 140, 40], green),
            ([30, 60, 200], blue),
            ([34, 84, 128], blue),
            ([250, 250, 250], [255, 255, 255]),
            ([20, 20, 22], [0, 0, 0]),
            ([255, 190, 200], [255, 192, 203]),
        ] {
            assert!(fit(color, named) > 0.8, "{color:?} is {named:?}: {}", fit(color, named));
        }
        for (color, named) in [
            ([128, 128, 128], red),
            ([230, 120, 30], blue),
            ([90, 140, 60], red),
            ([200, 30, 40], [255, 255, 255]),
            ([255, 120, 20], green),
            ([230, 110, 30], red),
            ([140, 40, 170], blue),
        ] {
            assert!(fit(color, named) < 0.1, "{color:?} is not {named:?}");
        }
    }

    #[test]
    fn skin_of_all_people_is_skin_and_other_things_are_not() {
        let fit = |color: [u8; 3]| hinted("skin", to_lab(color.map(f32::from))).unwrap();
        for color in [[241, 205, 180], [224, 172, 140], [172, 116, 86], [110, 70, 50]] {
            assert!(fit(color) > 0.6, "{color:?}: {}", fit(color));
        }
        for color in
            [[60, 120, 50], [70, 110, 200], [250, 250, 250], [128, 128, 128], [230, 60, 10]]
        {
            assert!(fit(color) < 0.25, "{color:?}: {}", fit(color));
        }
    }

    #[test]
    fn the_table_says_what_the_function_says() {
        let members = Members::of(|lab| lab[0]);
        let image =
            Image { planes: std::array::from_fn(|_| Plane::of(64, 2, |x, _| (x * 4) as u8)) };
        let mut fit = Plane::default();
        members.measure(&image, &mut fit);
        for x in 0..64 {
            let wanted = to_lab([(x * 4) as f32 + 1.5; 3])[0] * 255.0;
            assert!((f32::from(fit.data[x]) - wanted).abs() <= if x < 4 { 12.0 } else { 1.5 });
        }
    }
}
