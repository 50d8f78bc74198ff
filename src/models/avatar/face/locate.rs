//! Where in a picture a face is: the place and size at which a template of light and dark agrees.
//!
//! The template is drawn, not learned. The picture is first freed of its light: each part by its own
//! mean and contrast, so a face half in the shade is as good as another.

use super::evidence::{Evidence, NEVER};
use super::gray::{Gray, study};
use super::marks::{Front, Point, Upright};
use crate::media::Picture;

/// The longer side of the picture that is searched.
const LONGEST: usize = 208;
/// The distance of the eyes in the template, in pixels.
const UNIT: f32 = 10.0;
/// The part of a face that the template covers, in distances of the eyes from between them.
const LEFT: f32 = -1.15;
const TOP: f32 = -0.75;
const COLUMNS: usize = 23;
const ROWS: usize = 28;
/// The smallest and largest distance of the eyes, in parts of the longer side.
const SMALLEST: f32 = 0.045;
const LARGEST: f32 = 0.50;
const STEP: f32 = 1.19;
/// Turns of the head on the shoulder, in degrees.
const TURNS: [f32; 3] = [0.0, -15.0, 15.0];
/// Places that are looked at again, and those that are looked at closely.
const AGAIN: usize = 100;
const CLOSELY: usize = 24;
/// How far places are apart of which neither is within the other, in distances of the eyes.
const APART: f32 = 1.2;
/// What is seen around the template, in its pixels: edges need their surroundings.
const MARGIN: usize = 8;

/// A place that looks like a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Located {
    pub eyes: [Point; 2],
    /// What speaks for a face, 0 where it is as likely as none.
    pub evidence: f32,
}

impl Located {
    pub fn given(given: &Front) -> Self {
        Self { eyes: given.eyes, evidence: f32::INFINITY }
    }

    /// The distance of the eyes.
    pub fn unit(&self) -> f32 {
        self.eyes[0].distance(self.eyes[1])
    }

    fn middle(&self) -> Point {
        self.eyes[0].between(self.eyes[1], 0.5)
    }
}

/// A candidate in the searched picture.
#[derive(Debug, Clone, Copy)]
struct Pose {
    x: f32,
    y: f32,
    unit: f32,
    turn: f32,
    score: f32,
}

/// Places that look like faces, the best first, none within another; at most three.
pub(super) fn locate(picture: &Picture) -> Vec<Located> {
    if picture.width < 24 || picture.height < 24 {
        return Vec::new();
    }
    let (luma, skin, scale) = study(picture, LONGEST);
    let template = Template::new();
    let longest = luma.width.max(luma.height) as f32;
    let colorful = {
        let mean = skin.data.iter().sum::<f32>() / skin.data.len() as f32;
        skin.data.iter().any(|&likeness| likeness > 0.6) && mean < 0.75
    };
    let soft = luma.blurred(1.0);
    let search =
        Search { template: &template, luma: &luma, soft: &soft, skin: colorful.then_some(&skin) };
    let mut candidates = Vec::new();
    let mut unit = (SMALLEST * longest).max(6.0);
    while unit <= LARGEST * longest {
        let scale = unit / UNIT;
        let source = if scale > 1.6 { luma.blurred(scale * 0.4) } else { luma.clone() };
        for turn in TURNS {
            search.coarse(&source, unit, turn.to_radians(), &mut candidates);
        }
        unit *= STEP;
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut close: Vec<Pose> = Vec::new();
    for candidate in candidates {
        let same = close.iter().any(|other| {
            let apart = (candidate.x - other.x).hypot(candidate.y - other.y);
            apart < 0.35 * other.unit && (candidate.unit / other.unit).ln().abs() < 0.2
        });
        if !same {
            close.push(candidate);
        }
        if close.len() == AGAIN {
            break;
        }
    }
    let evidence = Evidence::new(picture);
    let weighed = |pose: Pose| {
        let eyes = pose.eyes(scale);
        (pose, Located { eyes, evidence: evidence.of(eyes, pose.score) })
    };
    let mut close: Vec<(Pose, Located)> =
        close.into_iter().map(|pose| weighed(search.refined(pose, 1))).collect();
    close.sort_by(|a, b| b.1.evidence.total_cmp(&a.1.evidence));
    close.truncate(CLOSELY);
    let mut places: Vec<Located> =
        close.into_iter().map(|(pose, _)| weighed(search.refined(pose, 3)).1).collect();
    places.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    apart(places)
}

/// The best places of which none is within another. Where many are about as good none of them is
/// a face: what the fourth has speaks against all.
fn apart(places: Vec<Located>) -> Vec<Located> {
    let mut kept: Vec<Located> = Vec::new();
    for place in places {
        let apart = |other: &Located| {
            let reach = APART * other.unit().max(place.unit());
            place.middle().distance(other.middle()) > reach
        };
        if kept.iter().all(apart) {
            kept.push(place);
        }
    }
    let usual = kept.get(3).map_or(NEVER, |place| place.evidence.max(NEVER));
    kept.truncate(3);
    for place in &mut kept {
        place.evidence += 0.5 * (place.evidence - usual);
    }
    kept
}

impl Pose {
    /// The eyes in a picture that is so much larger.
    fn eyes(&self, scale: f32) -> [Point; 2] {
        let (sin, cos) = self.turn.sin_cos();
        [-0.5, 0.5].map(|side: f32| {
            Point::new(
                (self.x + side * self.unit * cos + 0.5) * scale - 0.5,
                (self.y + side * self.unit * sin + 0.5) * scale - 0.5,
            )
        })
    }
}

/// What a face looks like: light and dark, and where edges lie level. Each of mean 0 and of length
/// 1 under the weights.
struct Template {
    light: Vec<f32>,
    edges: Vec<f32>,
    weights: Vec<f32>,
    total: f32,
}

impl Template {
    fn new() -> Self {
        let mut light = Vec::with_capacity(COLUMNS * ROWS);
        let mut edges = Vec::with_capacity(COLUMNS * ROWS);
        let mut weights = Vec::with_capacity(COLUMNS * ROWS);
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let (x, y) = place(column, row);
                light.push(face_light(x, y));
                edges.push(face_edges(x, y));
                // The outline of heads differs; what is inside does not.
                let (dx, dy) = (x / 1.1, (y - 0.55) / 1.3);
                weights.push((1.4 - dx.powi(4) - dy.powi(4)).clamp(0.0, 1.0));
            }
        }
        let total: f32 = weights.iter().sum();
        for values in [&mut light, &mut edges] {
            let mean = values.iter().zip(&weights).map(|(v, w)| v * w).sum::<f32>() / total;
            for value in values.iter_mut() {
                *value -= mean;
            }
            let length = values.iter().zip(&weights).map(|(v, w)| v * v * w).sum::<f32>().sqrt();
            for value in values.iter_mut() {
                *value /= length;
            }
        }
        Self { light, edges, weights, total }
    }

    /// The agreement with a part of a picture, -1 to 1.
    fn agreement(&self, channels: &Channels, left: usize, top: usize) -> f32 {
        let light = self.one(&self.light, &channels.light, left, top);
        // Both have to agree: a little of one cannot be made up for.
        if light < 0.15 {
            return 0.0;
        }
        0.55 * light + 0.45 * self.one(&self.edges, &channels.edges, left, top)
    }

    /// How much the left side of a part of a picture is like its right, -1 to 1.
    fn alike(&self, channels: &Channels, left: usize, top: usize) -> f32 {
        let mut sums = [[0.0_f32; COLUMNS]; 3];
        let [products, all, squares] = &mut sums;
        for (row, weights) in self.weights.chunks_exact(COLUMNS).enumerate() {
            let own = &channels.light.data[(top + row) * channels.light.width + left..][..COLUMNS];
            for column in 0..COLUMNS {
                let weighed = own[column] * weights[column];
                products[column] += weighed * own[COLUMNS - 1 - column];
                all[column] += weighed;
                squares[column] += weighed * own[column];
            }
        }
        let [product, sum, squares] = sums.map(|sums| sums.iter().sum::<f32>());
        let total = self.total;
        let mean = sum / total;
        (product / total - mean * mean) / (squares / total - mean * mean).max(0.05)
    }

    fn one(&self, values: &[f32], gray: &Gray, left: usize, top: usize) -> f32 {
        // A sum for each column: they are added up side by side.
        let mut sums = [[0.0_f32; COLUMNS]; 3];
        let [products, all, squares] = &mut sums;
        let weights = self.weights.chunks_exact(COLUMNS);
        for (row, (values, weights)) in values.chunks_exact(COLUMNS).zip(weights).enumerate() {
            let own = &gray.data[(top + row) * gray.width + left..][..COLUMNS];
            for column in 0..COLUMNS {
                let weighed = own[column] * weights[column];
                products[column] += weighed * values[column];
                all[column] += weighed;
                squares[column] += weighed * own[column];
            }
        }
        let [product, sum, squares] = sums.map(|sums| sums.iter().sum::<f32>());
        let spread = squares - sum * sum / self.total;
        product / spread.max(0.02 * self.total).sqrt()
    }
}

/// The place of a field of the template in the face.
fn place(column: usize, row: usize) -> (f32, f32) {
    (LEFT + (column as f32 + 0.5) / UNIT, TOP + (row as f32 + 0.5) / UNIT)
}

/// A spot on both sides, round about 1 in its middle.
fn spot(x: f32, y: f32, center: (f32, f32), radii: (f32, f32)) -> f32 {
    let (dx, dy) = ((x.abs() - center.0) / radii.0, (y - center.1) / radii.1);
    (-0.5 * (dx * dx + dy * dy)).exp()
}

/// How light a face is at a place, next to what is around.
fn face_light(x: f32, y: f32) -> f32 {
    let spot = |cx: f32, cy: f32, rx: f32, ry: f32| spot(x, y, (cx, cy), (rx, ry));
    let dark = spot(0.5, 0.0, 0.23, 0.12)
        + 0.30 * spot(0.55, -0.20, 0.22, 0.08)
        + 0.45 * spot(0.0, 0.82, 0.22, 0.08)
        + 0.50 * spot(0.30, 1.20, 0.18, 0.08)
        + 0.25 * spot(0.0, 1.22, 0.20, 0.06)
        + 0.45 * spot(1.12, 0.70, 0.12, 0.70);
    let light = 0.50 * spot(0.72, 0.52, 0.16, 0.20)
        + 0.40 * spot(0.0, -0.40, 0.60, 0.15)
        + 0.30 * spot(0.0, 0.35, 0.14, 0.25)
        + 0.45 * spot(0.0, 1.72, 0.30, 0.10)
        + 0.35 * spot(0.60, 1.30, 0.12, 0.30);
    light - dark
}

/// How much edges lie level at a place: over and under the eyes, at nose, mouth and chin.
fn face_edges(x: f32, y: f32) -> f32 {
    let spot = |cx: f32, cy: f32, rx: f32, ry: f32| spot(x, y, (cx, cy), (rx, ry));
    let level = spot(0.50, -0.23, 0.22, 0.08)
        + spot(0.55, 0.20, 0.20, 0.08)
        + 0.45 * spot(0.0, 0.80, 0.12, 0.12)
        + 0.45 * spot(0.0, 1.15, 0.25, 0.12)
        + 0.30 * spot(0.0, 1.85, 0.30, 0.08);
    let other = 0.40 * spot(0.0, 0.15, 0.14, 0.20)
        + 0.45 * spot(1.05, 0.40, 0.12, 0.60)
        + 0.20 * spot(0.55, 0.60, 0.15, 0.12);
    level - other
}

struct Search<'a> {
    template: &'a Template,
    luma: &'a Gray,
    soft: &'a Gray,
    skin: Option<&'a Gray>,
}

impl Search<'_> {
    /// All places at one size and turn, every second pixel.
    fn coarse(&self, source: &Gray, unit: f32, turn: f32, candidates: &mut Vec<Pose>) {
        let level = Level::new(source, unit, turn);
        let (width, height) = (level.channels.light.width, level.channels.light.height);
        if width < COLUMNS || height < ROWS {
            return;
        }
        for top in (0..=height - ROWS).step_by(2) {
            for left in (0..=width - COLUMNS).step_by(2) {
                let agreement = self.template.agreement(&level.channels, left, top);
                if agreement < 0.25 {
                    continue;
                }
                let (x, y) = level
                    .picture_place(left as f32 - LEFT * UNIT - 0.5, top as f32 - TOP * UNIT - 0.5);
                let inside = (0.0..self.luma.width as f32).contains(&x)
                    && (0.0..self.luma.height as f32).contains(&y);
                if inside {
                    let score = self.score(agreement, x, y, unit, turn);
                    candidates.push(Pose { x, y, unit, turn, score });
                }
            }
        }
    }

    /// The agreement, together with the color of the skin and the size.
    fn score(&self, agreement: f32, x: f32, y: f32, unit: f32, turn: f32) -> f32 {
        let longest = self.luma.width.max(self.luma.height) as f32;
        // A portrait is of a face that is not small.
        let size = 0.80 + 0.20 * ((unit / longest) / 0.10).min(1.0);
        let Some(skin) = self.skin else { return agreement * size };
        let (sin, cos) = turn.sin_cos();
        let at = |fx: f32, fy: f32| {
            let (fx, fy) = (fx * unit, fy * unit);
            skin.at(x + fx * cos - fy * sin, y + fx * sin + fy * cos)
        };
        let places = [
            (0.0, 0.3),
            (-0.5, 0.45),
            (0.5, 0.45),
            (0.0, -0.5),
            (-0.4, -0.5),
            (0.4, -0.5),
            (0.0, 1.5),
            (-0.3, 0.8),
            (0.3, 0.8),
            (-0.7, 0.8),
            (0.7, 0.8),
        ];
        let mean = places.iter().map(|&(x, y)| at(x, y)).sum::<f32>() / places.len() as f32;
        agreement * size * (0.62 + 0.60 * mean)
    }

    /// The best pose close by.
    fn refined(&self, pose: Pose, rounds: usize) -> Pose {
        let mut best = Pose { score: self.look(&pose), ..pose };
        let mut reach = 1.0;
        for _ in 0..rounds {
            let before = best.score;
            let moves = [
                (0.12, 0.0, 1.0, 0.0),
                (-0.12, 0.0, 1.0, 0.0),
                (0.0, 0.12, 1.0, 0.0),
                (0.0, -0.12, 1.0, 0.0),
                (0.0, 0.0, 1.08, 0.0),
                (0.0, 0.0, 0.93, 0.0),
                (0.0, 0.0, 1.0, 0.09),
                (0.0, 0.0, 1.0, -0.09),
            ];
            for (dx, dy, factor, turn) in moves {
                let moved = Pose {
                    x: best.x + dx * reach * best.unit,
                    y: best.y + dy * reach * best.unit,
                    unit: best.unit * f32::powf(factor, reach),
                    turn: best.turn + turn * reach,
                    score: 0.0,
                };
                let score = self.look(&moved);
                if score > best.score {
                    best = Pose { score, ..moved };
                }
            }
            if best.score <= before + 1e-4 {
                reach *= 0.5;
            }
        }
        best
    }

    /// How much the picture is like a face at exactly this pose.
    fn look(&self, pose: &Pose) -> f32 {
        let frame = Upright {
            origin: Point::new(pose.x, pose.y),
            unit: pose.unit,
            tall: pose.unit,
            cos: pose.turn.cos(),
            sin: pose.turn.sin(),
        };
        let mut samples = Gray::new(COLUMNS + 2 * MARGIN, ROWS + 2 * MARGIN);
        let margin = MARGIN as f32 / UNIT;
        for row in 0..samples.height {
            for column in 0..samples.width {
                let (x, y) = place(column, row);
                let point = frame.place(x - margin, y - margin);
                samples.data[row * samples.width + column] =
                    self.source(pose.unit).at(point.x, point.y);
            }
        }
        let channels = Channels::of(&samples);
        let agreement = self.template.agreement(&channels, MARGIN, MARGIN);
        let alike = self.template.alike(&channels, MARGIN, MARGIN);
        let both = 0.6 * agreement + 0.4 * alike.max(0.0);
        self.score(both, pose.x, pose.y, pose.unit, pose.turn)
    }

    /// The picture, blurred as it suits a size.
    fn source(&self, unit: f32) -> &Gray {
        if unit > 1.8 * UNIT { self.soft } else { self.luma }
    }
}

/// The picture at the size at which a face fits the template.
struct Level {
    channels: Channels,
    scale: f32,
    cos: f32,
    sin: f32,
    center: (f32, f32),
    middle: (f32, f32),
}

impl Level {
    fn new(luma: &Gray, unit: f32, turn: f32) -> Self {
        let scale = unit / UNIT;
        let (sin, cos) = turn.sin_cos();
        // A face may be cut off by the border: some of the border's color around.
        let border = UNIT * 0.9;
        let (w, h) = (luma.width as f32, luma.height as f32);
        let width = ((w * cos.abs() + h * sin.abs()) / scale + 2.0 * border) as usize;
        let height = ((h * cos.abs() + w * sin.abs()) / scale + 2.0 * border) as usize;
        let mut gray = Gray::new(width, height);
        let mut level = Self {
            channels: Channels::default(),
            scale,
            cos,
            sin,
            center: ((w - 1.0) / 2.0, (h - 1.0) / 2.0),
            middle: ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0),
        };
        for y in 0..height {
            for x in 0..width {
                let (px, py) = level.picture_place(x as f32, y as f32);
                gray.data[y * width + x] = luma.at(px, py);
            }
        }
        level.channels = Channels::of(&gray);
        level
    }

    fn picture_place(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = ((x - self.middle.0) * self.scale, (y - self.middle.1) * self.scale);
        (self.center.0 + x * self.cos - y * self.sin, self.center.1 + x * self.sin + y * self.cos)
    }
}

/// What the template is compared with.
#[derive(Default)]
struct Channels {
    /// Light and dark, with the same mean and contrast everywhere.
    light: Gray,
    /// How much edges lie level, in parts of all edges around.
    edges: Gray,
}

impl Channels {
    fn of(gray: &Gray) -> Self {
        let fine = gray.blurred(0.7);
        let mut light = fine.less(&gray.blurred(3.2));
        let power = light.times(&light).blurred(6.0);
        for (value, power) in light.data.iter_mut().zip(&power.data) {
            // What is nearly even stays so.
            *value = (*value / (power + 40.0).sqrt()).clamp(-2.5, 2.5);
        }
        let (width, height) = (gray.width, gray.height);
        let (mut edges, mut all) = (Gray::new(width, height), Gray::new(width, height));
        for y in 0..height {
            let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
            for x in 0..width {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let down = (fine.get(x, below) - fine.get(x, above)).abs() / 2.0;
                let across = (fine.get(right, y) - fine.get(left, y)).abs() / 2.0;
                edges.data[y * width + x] = down - 0.6 * across;
                all.data[y * width + x] = down * down + across * across;
            }
        }
        let mut edges = edges.blurred(1.0);
        let all = all.blurred(7.0);
        for (value, all) in edges.data.iter_mut().zip(&all.data) {
            *value = (*value / (all + 8.0).sqrt()).clamp(-1.0, 2.0);
        }
        Self { light, edges }
    }
}
