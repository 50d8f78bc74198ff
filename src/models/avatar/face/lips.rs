//! The lips: the line where they meet, or the edges of the opening; the corners; the outer edges.

use std::ops::Range;

use super::crop::{Crop, UNIT, median};
use super::marks::{Marks, POINTS, Point, along};

/// The part of the face in which a mouth can be, in distances of the eyes.
const HALF: f32 = 0.62;
const TOP: f32 = 0.86;
const BOTTOM: f32 = 1.60;
const STEP: f32 = 1.0 / UNIT;
const COLUMNS: usize = (2.0 * HALF * UNIT) as usize;
const ROWS: usize = ((BOTTOM - TOP) * UNIT) as usize;

/// What is seen of a mouth: heights along it, in distances of the eyes.
struct Seen {
    /// The columns of the corners.
    left: usize,
    right: usize,
    upper: Vec<f32>,
    lower: Vec<f32>,
}

/// Finds the lips; corners that are given stay where they are.
pub(super) fn lips(crop: &Crop, marks: &mut Marks, given: Option<[Point; 2]>) {
    let (skin, skin_red) = crop.cheeks();
    let valleys = valleys(crop, skin);
    let path = path(&valleys, given.map(|corners| corners.map(|point| crop.inside(point))));
    let corners = match given {
        Some([left, right]) => [left, right].map(|point| column_of(crop.inside(point).0)),
        None => corners(&valleys, &path),
    };
    let seen = opening(crop, &path, corners, (skin, skin_red));
    write(crop, marks, &seen, given, skin_red);
}

fn x_of(column: usize) -> f32 {
    (column as f32 + 0.5) * STEP - HALF
}

fn y_of(row: f32) -> f32 {
    TOP + (row + 0.5) * STEP
}

fn column_of(x: f32) -> usize {
    (((x + HALF) / STEP) as isize).clamp(0, COLUMNS as isize - 1) as usize
}

/// How much each place is a dark line from left to right, 0 to about 1.
fn valleys(crop: &Crop, skin: f32) -> Vec<f32> {
    let mut valleys = vec![0.0; COLUMNS * ROWS];
    for row in 0..ROWS {
        let y = y_of(row as f32);
        // Lines are sought where mouths are: neither below the nose nor at the chin.
        let off = (y - 1.17) / 0.15;
        let prior = (-0.5 * off * off).exp();
        for column in 0..COLUMNS {
            let x = x_of(column);
            let mut sum = 0.0;
            for step in -2..=2 {
                let x = x + step as f32 * 0.02;
                let middle = crop.light(x, y);
                let fine = crop.light(x, y - 0.035).min(crop.light(x, y + 0.035)) - middle;
                let wide = crop.light(x, y - 0.075).min(crop.light(x, y + 0.075)) - middle;
                sum += fine.max(0.0) + 0.7 * wide.max(0.0);
            }
            valleys[row * COLUMNS + column] = sum / (5.0 * 0.35 * skin.max(40.0)) * prior;
        }
    }
    valleys
}

/// The row of the mouth in each column: the darkest line from left to right that is smooth.
fn path(valleys: &[f32], given: Option<[(f32, f32); 2]>) -> Vec<usize> {
    let mut costs = vec![0.0_f32; COLUMNS * ROWS];
    let mut came = vec![0_i8; COLUMNS * ROWS];
    let away = |column: usize, row: usize| match given {
        // Close to the straight line between corners that are known.
        Some([(lx, ly), (rx, ry)]) => {
            let part = ((x_of(column) - lx) / (rx - lx).max(0.05)).clamp(0.0, 1.0);
            let off = (y_of(row as f32) - (ly + (ry - ly) * part)) / 0.12;
            off * off * 0.15
        }
        None => 0.0,
    };
    for column in 0..COLUMNS {
        for row in 0..ROWS {
            let own = -valleys[row * COLUMNS + column].min(1.2) + away(column, row);
            let mut best = (0.0, 0);
            if column > 0 {
                best.0 = f32::MAX;
                for shift in -1_isize..=1 {
                    let from = row as isize + shift;
                    if (0..ROWS as isize).contains(&from) {
                        let cost = costs[from as usize * COLUMNS + column - 1]
                            + 0.12 * shift.unsigned_abs() as f32;
                        if cost < best.0 {
                            best = (cost, shift as i8);
                        }
                    }
                }
            }
            costs[row * COLUMNS + column] = own + best.0;
            came[row * COLUMNS + column] = best.1;
        }
    }
    let last = COLUMNS - 1;
    let cheapest =
        |a: &usize, b: &usize| costs[a * COLUMNS + last].total_cmp(&costs[b * COLUMNS + last]);
    let mut row = (0..ROWS).min_by(cheapest).unwrap_or(ROWS / 2);
    let mut path = vec![row; COLUMNS];
    for column in (1..COLUMNS).rev() {
        path[column] = row;
        row = (row as isize + came[row * COLUMNS + column] as isize).max(0) as usize;
    }
    path[0] = row;
    path
}

/// The columns at which the line ends.
fn corners(valleys: &[f32], path: &[usize]) -> [usize; 2] {
    let depth = |column: usize| {
        let around = column.saturating_sub(2)..=(column + 2).min(COLUMNS - 1);
        let count = around.clone().count() as f32;
        around.map(|column| valleys[path[column] * COLUMNS + column]).sum::<f32>() / count
    };
    let middle = COLUMNS / 2;
    let near = (0.16 * UNIT) as usize;
    let mut central: Vec<f32> = (middle - near..middle + near).map(depth).collect();
    let usual = median(&mut central).max(0.05);
    let end = |sign: isize| {
        let mut last = near as isize;
        let mut missed = 0;
        let mut step = near as isize;
        while step < (0.58 * UNIT) as isize {
            let column = (middle as isize + sign * step) as usize;
            if depth(column) > 0.28 * usual {
                last = step;
                missed = 0;
            } else {
                missed += 1;
            }
            if missed > 5 {
                break;
            }
            step += 1;
        }
        last as f32 / UNIT
    };
    let (left, right) = (end(-1), end(1));
    // Lines at the corners go on into the cheek; a mouth is about as wide to both sides.
    let usual = 0.40;
    let held = |own: f32, other: f32| {
        let own = own.clamp(0.27, 0.52);
        let other = other.clamp(0.27, 0.52);
        (own + 0.3 * (other - own)) * 0.8 + usual * 0.2
    };
    [column_of(-held(left, right)), column_of(held(right, left))]
}

/// The edges of the opening between the lips; where there is none both are the line.
fn opening(crop: &Crop, path: &[usize], corners: [usize; 2], skin: (f32, f32)) -> Seen {
    let [left, right] = corners;
    let middle = usize::midpoint(left, right);
    let mut upper: Vec<f32> = path.iter().map(|&row| y_of(row as f32)).collect();
    let mut lower = upper.clone();
    let inner = |x: f32, y: f32| is_opening(crop, x, y, skin);
    // Teeth and the dark between them, over the middle half of the mouth.
    let quarter = (right - left) / 4;
    let mut heights = Vec::new();
    let mut edges = vec![None; COLUMNS];
    for column in left + quarter / 2..=right - quarter / 2 {
        let x = x_of(column);
        edges[column] = run(|y| inner(x, y), y_of(path[column] as f32));
        if (middle - quarter..=middle + quarter).contains(&column) {
            heights.push(edges[column].map_or(0.0, |(from, to)| to - from));
        }
    }
    // A dark line is not an opening yet; where teeth show a little is.
    let teeth = seen_teeth(crop, path, (middle - quarter, middle + quarter), skin);
    if median(&mut heights) > if teeth { 0.05 } else { 0.12 } {
        for column in left..=right {
            if let Some((from, to)) = edges[column] {
                (upper[column], lower[column]) = (from, to);
            }
        }
    } else if let Some((from, to)) =
        small_teeth(crop, path, (middle - quarter, middle + quarter), skin)
    {
        let half = ((right - left) as f32 / 2.0).max(1.0);
        for column in left..=right {
            let u = (column as f32 - middle as f32) / half;
            let bow = (1.0 - u * u).max(0.0) / MIDDLE_BOW;
            upper[column] += from * bow;
            lower[column] += to * bow;
        }
    }
    Seen { left, right, upper, lower }
}

/// Whether teeth show along the line of the mouth.
fn seen_teeth(crop: &Crop, path: &[usize], columns: (usize, usize), skin: (f32, f32)) -> bool {
    let mut teeth = 0;
    for column in columns.0..=columns.1 {
        let (x, y) = (x_of(column), y_of(path[column] as f32));
        let bright =
            |off: f32| is_opening(crop, x, y + off, skin) && crop.light(x, y + off) > 0.62 * skin.0;
        teeth += usize::from((-4..=4).any(|step| bright(step as f32 * 0.02)));
    }
    2 * teeth > columns.1 - columns.0
}

/// The mean of an arc of height 1 over the middle half of a mouth.
const MIDDLE_BOW: f32 = 11.0 / 12.0;

/// How far below the line of the mouth teeth begin and end that are so small in the picture that
/// they have taken on the color of what is around. In the mean over the middle of the mouth they
/// are still told: the line is the shadow of the upper lip then, and below it something is whiter
/// than the cheeks and paler than the lips on both sides.
fn small_teeth(
    crop: &Crop,
    path: &[usize],
    columns: (usize, usize),
    (skin, skin_red): (f32, f32),
) -> Option<(f32, f32)> {
    const STEPS: f32 = 100.0;
    /// Where they can begin and end, and where the lips around them are, in steps from the line.
    const TEETH: Range<usize> = 8..23;
    const LINE: usize = 6;
    const LIP: usize = 14;
    let count = (columns.1 - columns.0 + 1) as f32;
    let mean = |step: usize| {
        let off = (step as f32 - LINE as f32) / STEPS;
        let mut sums = (0.0, 0.0);
        for column in columns.0..=columns.1 {
            let (x, y) = (x_of(column), y_of(path[column] as f32) + off);
            sums = (sums.0 + crop.light(x, y), sums.1 + crop.redness(x, y));
        }
        (sums.0 / count / skin, sums.1 / count)
    };
    let profile: Vec<(f32, f32)> = (0..TEETH.end + LIP).map(mean).collect();
    let whitest = TEETH.max_by(|&a, &b| profile[a].0.total_cmp(&profile[b].0))?;
    let (white, pale) = profile[whitest];
    let darkest = |part: &[(f32, f32)]| part.iter().map(|at| at.0).fold(f32::MAX, f32::min);
    let reddest = |part: &[(f32, f32)]| part.iter().map(|at| at.1).fold(f32::MIN, f32::max);
    let (above, below) = (&profile[..whitest], &profile[whitest..whitest + LIP]);
    let told = white > 1.08
        && pale < skin_red
        && darkest(above) < white - 0.15
        && reddest(above) > pale + 0.020
        && darkest(below) < white - 0.10
        && reddest(below) > pale + 0.008;
    if !told {
        return None;
    }
    // Where it is surely teeth: as elsewhere, a little more is taken for them in the end.
    let edge = |part: &[(f32, f32)]| white - 0.3 * (white - darkest(part));
    let from = above.iter().rposition(|at| at.0 < edge(above))?;
    let to = whitest + below.iter().position(|at| at.0 < edge(below))?;
    let off = |step: usize| (step as f32 - LINE as f32) / STEPS;
    Some((off(from), off(to)))
}

/// Teeth, or the dark of a mouth: neither skin nor lips.
fn is_opening(crop: &Crop, x: f32, y: f32, (skin, skin_red): (f32, f32)) -> bool {
    let (light, red) = (crop.light(x, y), crop.redness(x, y));
    let teeth = red < skin_red - 0.035 && light > 0.62 * skin;
    let dark = light < 0.30 * skin;
    teeth || dark
}

/// The stretch in which something holds that reaches nearest to `near`, with small gaps closed.
fn run(holds: impl Fn(f32) -> bool, near: f32) -> Option<(f32, f32)> {
    let (from, to) = (near - 0.24, near + 0.24);
    let mut best: Option<(f32, f32)> = None;
    let mut start: Option<f32> = None;
    let mut last = 0.0;
    let mut y = from;
    while y <= to {
        if holds(y) {
            start.get_or_insert(y);
            last = y;
        } else if let Some(begun) = start
            && y - last > 0.03
        {
            best = longer(best, (begun, last), near);
            start = None;
        }
        y += 0.5 * STEP;
    }
    if let Some(begun) = start {
        best = longer(best, (begun, last), near);
    }
    best.filter(|(from, to)| to - from > 0.02)
}

fn longer(best: Option<(f32, f32)>, new: (f32, f32), near: f32) -> Option<(f32, f32)> {
    let size = |(from, to): (f32, f32)| {
        let away = (from - near).max(near - to).max(0.0);
        (to - from) * (1.0 - away / 0.2).max(0.0)
    };
    match best {
        Some(best) if size(best) >= size(new) => Some(best),
        _ => (size(new) > 0.0).then_some(new),
    }
}

/// Puts what was seen into the marks, as smooth curves.
fn write(crop: &Crop, marks: &mut Marks, seen: &Seen, given: Option<[Point; 2]>, skin_red: f32) {
    let corner = |column: usize| (x_of(column), end_height(seen, column));
    let [left, right] = match given {
        Some(corners) => corners.map(|point| crop.inside(point)),
        None => [corner(seen.left), corner(seen.right)],
    };
    let upper = Arc::fit(&seen.upper, left, right);
    let lower = Arc::fit(&seen.lower, left, right);
    let gap = (lower.height - upper.height).max(0.0);
    let (upper, lower) = if gap < 0.03 {
        (upper, upper)
    } else {
        // Where teeth meet lips both are in one pixel: it is no longer lip.
        let wider = |arc: Arc, by: f32| Arc { height: arc.height + by, ..arc };
        (wider(upper, -0.034), wider(lower, 0.027))
    };
    let (above, below) = thickness(crop, &upper, &lower, left, right, skin_red);
    let lips = &mut marks.lips;
    lips.left = crop.place(left.0, left.1);
    lips.right = crop.place(right.0, right.1);
    for at in 0..POINTS {
        let u = along(at);
        let bow = (1.0 - u * u).max(0.0);
        lips.upper[at] = crop.pixels(upper.at(u));
        lips.lower[at] = crop.pixels(lower.at(u).max(upper.at(u)));
        // Cupid's bow: two rises beside the middle.
        let rise = bow.powf(0.7) * (1.0 - 0.12 * (-(u / 0.18).powi(2)).exp());
        lips.top[at] = crop.pixels(upper.at(u) - above * rise);
        lips.bottom[at] = crop.pixels(lower.at(u) + below * bow.powf(0.8));
    }
    let middle = (0.5 * (left.0 + right.0), 0.5 * (left.1 + right.1));
    let line = middle.1 + 0.5 * (upper.height + lower.height);
    marks.chin = crop.place(middle.0, (line + 0.70 + 0.3 * gap).max(middle.1 + 0.55));
    marks.nose =
        crop.place(0.6 * middle.0, (middle.1 + upper.height - above - 0.24).clamp(0.5, 0.95));
    marks.jaw = [crop.place(-0.92, middle.1), crop.place(0.92, middle.1)];
}

/// The height of the line at a corner: the mean of the last few columns.
fn end_height(seen: &Seen, column: usize) -> f32 {
    let mut near: Vec<f32> = (column.saturating_sub(2)..=(column + 2).min(COLUMNS - 1))
        .map(|column| 0.5 * (seen.upper[column] + seen.lower[column]))
        .collect();
    median(&mut near)
}

/// A curve between the corners: an arc, leaning to one side.
#[derive(Debug, Clone, Copy)]
struct Arc {
    height: f32,
    lean: f32,
}

impl Arc {
    /// The nearest to heights by column.
    fn fit(heights: &[f32], left: (f32, f32), right: (f32, f32)) -> Self {
        let (mut aa, mut ab, mut bb, mut ay, mut by) = (1e-3_f32, 0.0, 1e-2_f32, 0.0, 0.0);
        for round in 0..2 {
            let before = if round == 0 { None } else { Some(solve(aa, ab, bb, ay, by)) };
            (aa, ab, bb, ay, by) = (1e-3, 0.0, 1e-2, 0.0, 0.0);
            for step in -17..=17 {
                let u = step as f32 / 20.0;
                let part = 0.5 + 0.5 * u;
                let x = left.0 + (right.0 - left.0) * part;
                let base = left.1 + (right.1 - left.1) * part;
                let y = heights[column_of(x)] - base;
                let (a, b) = (1.0 - u * u, u * (1.0 - u * u));
                // What lies far off the first curve is something else.
                let weight = before.map_or(1.0, |arc: Self| {
                    let off = (arc.height * a + arc.lean * b - y) / 0.03;
                    1.0 / (1.0 + off * off)
                });
                aa += weight * a * a;
                ab += weight * a * b;
                bb += weight * b * b;
                ay += weight * a * y;
                by += weight * b * y;
            }
        }
        solve(aa, ab, bb, ay, by)
    }

    fn at(&self, u: f32) -> f32 {
        (self.height + self.lean * u) * (1.0 - u * u)
    }
}

fn solve(aa: f32, ab: f32, bb: f32, ay: f32, by: f32) -> Arc {
    let determinant = (aa * bb - ab * ab).max(1e-9);
    let height = (ay * bb - by * ab) / determinant;
    let lean = (by * aa - ay * ab) / determinant;
    Arc { height: height.clamp(-0.3, 0.4), lean: lean.clamp(-0.15, 0.15) }
}

/// How thick the lips are in the middle: to where their red ends, within what is usual.
fn thickness(
    crop: &Crop,
    upper: &Arc,
    lower: &Arc,
    left: (f32, f32),
    right: (f32, f32),
    skin_red: f32,
) -> (f32, f32) {
    let edge = |arc: &Arc, sign: f32, usual: f32, range: (f32, f32)| {
        let mut found = Vec::new();
        for step in -3..=3 {
            let u = step as f32 * 0.1;
            let part = 0.5 + 0.5 * u;
            let x = left.0 + (right.0 - left.0) * part;
            let base = left.1 + (right.1 - left.1) * part + arc.at(u);
            let red = |off: f32| crop.redness(x, base + sign * off);
            let lip = red(0.03).max(red(0.05)).max(red(0.07));
            if lip < skin_red + 0.02 {
                continue;
            }
            let limit = 0.5 * (lip + skin_red);
            let mut off = 0.04;
            while off < range.1 && red(off) > limit {
                off += 0.005;
            }
            found.push(off);
        }
        if found.len() < 4 {
            return usual;
        }
        median(&mut found).clamp(range.0, range.1)
    };
    (edge(upper, -1.0, 0.10, (0.05, 0.17)), edge(lower, 1.0, 0.14, (0.07, 0.22)))
}
