//! In which pictures a face is found, and that it is found in the right place.

use std::f32::consts::TAU;

use parhelion::media::{Picture, still};
use parhelion::models::avatar::face::{self, Front, Given, Point};
use parhelion::models::avatar::{Mouth, Pose, Stage};

/// The pupils of the astronaut, in the picture beside the tests.
const PUPILS: [Point; 2] = [Point::new(103.0, 50.5), Point::new(122.5, 50.0)];

fn astronaut() -> Picture {
    still::decode(&std::fs::read("tests/portraits/astronaut.jpg").unwrap()).unwrap()
}

/// A picture of a size by the color of each pixel.
pub(super) fn painted(
    (width, height): (usize, usize),
    mut color: impl FnMut(f32, f32) -> [f32; 3],
) -> Picture {
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            data.extend(color(x as f32, y as f32).map(|level| level.clamp(0.0, 255.0) as u8));
        }
    }
    Picture { width: width as u32, height: height as u32, data }
}

/// The color between four pixels; beyond the border that of the border.
pub(super) fn color(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (x, y) = (x.clamp(0.0, width as f32 - 1.001), y.clamp(0.0, height as f32 - 1.001));
    let (fx, fy) = (x.fract(), y.fract());
    let at = (y as usize * width + x as usize) * 3;
    std::array::from_fn(|channel| {
        let level = |off: usize| f32::from(picture.data[at + channel + off]);
        let above = level(0) + (level(3) - level(0)) * fx;
        let below = level(3 * width) + (level(3 * width + 3) - level(3 * width)) * fx;
        above + (below - above) * fy
    })
}

/// What is found in the picture whose place `back` leads to one of the astronaut, and `there` from
/// it: both eyes, in their places.
fn found_where_expected(
    name: &str,
    size: (usize, usize),
    back: impl Fn(f32, f32) -> (f32, f32),
    there: impl Fn(Point) -> Point,
    shade: impl Fn([f32; 3]) -> [f32; 3],
) {
    let astronaut = astronaut();
    let picture = painted(size, |x, y| {
        let (x, y) = back(x, y);
        shade(color(&astronaut, x, y))
    });
    let found = face::find(&picture, None);
    let marks = found.marks.unwrap_or_else(|| panic!("{name}: no face"));
    let mut eyes = PUPILS.map(there);
    eyes.sort_by(|a, b| a.x.total_cmp(&b.x));
    let unit = eyes[0].distance(eyes[1]);
    for (eye, expected) in marks.eyes.iter().zip(eyes) {
        let off = eye.center.distance(expected) / unit;
        assert!(off < 0.25, "{name}: {:?} instead of {expected:?}", eye.center);
    }
    assert_eq!(found.count, 1, "{name}");
}

#[test]
fn a_face_is_found_however_its_picture_was_changed() {
    let same = |x: f32, y: f32| (x, y);
    let as_it_is = |color: [f32; 3]| color;
    let size = (256, 256);
    found_where_expected("as it is", size, same, |p| p, as_it_is);
    found_where_expected("darker", size, same, |p| p, |color| color.map(|level| 0.4 * level));
    let grey = |[r, g, b]: [f32; 3]| [0.299 * r + 0.587 * g + 0.114 * b; 3];
    found_where_expected("grey", size, same, |p| p, grey);
    let mirrored = |p: Point| Point::new(255.0 - p.x, p.y);
    found_where_expected("mirrored", size, |x, y| (255.0 - x, y), mirrored, as_it_is);
    for scale in [0.5_f32, 2.0, 3.5] {
        let size = ((256.0 * scale) as usize, (256.0 * scale) as usize);
        let back = |x: f32, y: f32| ((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5);
        let there = |p: Point| Point::new((p.x + 0.5) * scale - 0.5, (p.y + 0.5) * scale - 0.5);
        found_where_expected(&format!("{scale} as large"), size, back, there, as_it_is);
    }
    for degrees in [-15.0_f32, -8.0, 8.0, 15.0] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let turn = |x: f32, y: f32, sin: f32| {
            let (x, y) = (x - 128.0, y - 128.0);
            (128.0 + x * cos - y * sin, 128.0 + x * sin + y * cos)
        };
        let there = |p: Point| {
            let (x, y) = turn(p.x, p.y, sin);
            Point::new(x, y)
        };
        let name = format!("turned by {degrees}");
        found_where_expected(&name, size, |x, y| turn(x, y, -sin), there, as_it_is);
    }
    // Her face alone, filling the picture.
    let back = |x: f32, y: f32| (84.0 + x / 4.0, 26.0 + y / 4.0);
    let there = |p: Point| Point::new((p.x - 84.0) * 4.0, (p.y - 26.0) * 4.0);
    found_where_expected("close", (236, 268), back, there, as_it_is);
}

#[test]
fn the_teeth_of_a_small_smile_are_no_lip() {
    let marks = face::find(&astronaut(), None).marks.unwrap();
    let lips = &marks.lips;
    let line = lips.left.between(lips.right, 0.5).y;
    let [upper, lower, bottom] =
        [lips.upper, lips.lower, lips.bottom].map(|edge| line + edge[face::POINTS / 2]);
    // In the middle of her mouth the rows 72 and 73 are teeth, and half of 74; the lip ends at 79.
    assert!((upper - 71.5).abs() < 1.0, "teeth from {upper} to {lower}");
    assert!((lower - 74.2).abs() < 1.0, "teeth from {upper} to {lower}");
    assert!((bottom - 78.5).abs() < 1.6, "the lip from {lower} to {bottom}");
}

/// Noise that is as strong at each size as at half of it, but for `falls`.
pub(super) fn noise(random: &mut fastrand::Rng, size: (usize, usize), falls: f32) -> Vec<f32> {
    let mut sum = vec![0.0; size.0 * size.1];
    let (mut cell, mut strength) = (1_usize, 1.0_f32);
    while cell < size.0.min(size.1) {
        let columns = size.0 / cell + 2;
        let grid: Vec<f32> = (0..columns * (size.1 / cell + 2)).map(|_| random.f32()).collect();
        for (at, sum) in sum.iter_mut().enumerate() {
            let (x, y) = (at % size.0, at / size.0);
            let (fx, fy) = ((x % cell) as f32 / cell as f32, (y % cell) as f32 / cell as f32);
            let from = y / cell * columns + x / cell;
            let above = grid[from] + (grid[from + 1] - grid[from]) * fx;
            let next = from + columns;
            let below = grid[next] + (grid[next + 1] - grid[next]) * fx;
            *sum += strength * (above + (below - above) * fy - 0.5);
        }
        (cell, strength) = (2 * cell, strength * falls);
    }
    let power = sum.iter().map(|level| level * level).sum::<f32>() / sum.len() as f32;
    sum.iter().map(|level| level / power.sqrt()).collect()
}

#[test]
fn where_there_is_no_face_none_is_found() {
    const SIZE: (usize, usize) = (320, 240);
    let seed = 20;
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let wave = |length: f32, x: f32| (TAU * x / length).sin();
    let brick = |x: f32, y: f32| {
        let row = (y / 24.0).floor();
        let seam = y % 24.0 < 3.0 || (x + 24.0 * (row % 2.0)) % 48.0 < 3.0;
        if seam { [205.0, 200.0, 190.0] } else { [150.0, 70.0, 55.0] }
    };
    let mut pictures = vec![
        ("even", painted(SIZE, |_, _| [180.0, 140.0, 120.0])),
        ("a ramp", painted(SIZE, |x, y| [0.8 * x, y, 0.4 * (x + y)])),
        ("level stripes", painted(SIZE, |_, y| [128.0 + 100.0 * wave(23.0, y); 3])),
        ("upright stripes", painted(SIZE, |x, _| [128.0 + 100.0 * wave(31.0, x); 3])),
        (
            "squares",
            painted(SIZE, |x, y| {
                if (x as usize / 20 + y as usize / 20).is_multiple_of(2) {
                    [230.0; 3]
                } else {
                    [40.0; 3]
                }
            }),
        ),
        ("bricks", painted(SIZE, brick)),
        (
            "a horizon",
            painted(SIZE, |x, y| {
                let land = 120.0 + 14.0 * wave(190.0, x) + 6.0 * wave(47.0, x);
                if y < land { [120.0, 170.0, 220.0] } else { [70.0, 110.0, 50.0] }
            }),
        ),
        (
            "a ball",
            painted(SIZE, |x, y| {
                let off = (x - 160.0).hypot(y - 120.0);
                if off < 70.0 { [225.0 - 1.5 * off, 170.0 - off, 130.0 - off] } else { [90.0; 3] }
            }),
        ),
    ];
    for (name, falls) in
        [("white noise", 0.4), ("noise", 1.0), ("clouds", 1.6), ("soft clouds", 2.2)]
    {
        for tint in [[1.0, 1.0, 1.0], [1.0, 0.75, 0.6]] {
            let noise = noise(&mut random, SIZE, falls);
            let mut levels = noise.into_iter();
            let picture = painted(SIZE, |_, _| {
                let level = 128.0 + 50.0 * levels.next().unwrap_or_default();
                tint.map(|tint| level * tint)
            });
            pictures.push((name, picture));
        }
    }
    // The astronaut without her head.
    let astronaut = astronaut();
    pictures.push(("a suit", painted((256, 126), |x, y| color(&astronaut, x, y + 130.0))));
    pictures.push(("a flag", painted((75, 256), |x, y| color(&astronaut, x, y))));
    for (name, picture) in &pictures {
        let found = face::find(picture, None);
        assert_eq!((found.marks, found.count), (None, 0), "{name}, seed {seed}");
    }
}

#[test]
fn a_head_that_is_turned_aside_speaks_where_it_is_told() {
    let picture = still::decode(&std::fs::read("tests/portraits/turned.jpg").unwrap()).unwrap();
    let given = Front {
        eyes: [Point::new(207.4, 240.0), Point::new(305.7, 240.0)],
        mouth: Some([Point::new(232.1, 379.2), Point::new(302.9, 379.2)]),
        chin: Some(Point::new(268.9, 470.4)),
    };
    let mut stage = Stage::new(&picture, Some(&Given::Front(given)), (640, 360));
    let marks = stage.marks().unwrap();
    assert!((1.1..1.3).contains(&marks.tall()), "taller than wide, so turned: {}", marks.tall());
    let (place, unit) = (stage.face_in_frame().unwrap(), stage.unit_in_frame().unwrap());
    let across = unit / marks.tall();
    let mut painted = |pose: Pose| {
        let mut out = vec![0; 640 * 360];
        stage.paint(&pose, &mut out);
        out
    };
    // Pixels of a kind around a place of the face.
    let count = |picture: &[u32], (x, y): (f32, f32), kind: fn([u8; 4]) -> bool| {
        let (x, y) = (place.x + x * across, place.y + y * unit);
        let rows = (y - 0.25 * unit) as usize..(y + 0.25 * unit) as usize;
        let columns = (x - 0.3 * across) as usize..(x + 0.3 * across) as usize;
        rows.flat_map(|row| &picture[row * 640..][columns.clone()])
            .filter(|pixel| kind(pixel.to_le_bytes()))
            .count()
    };
    let is_dark = |[r, _, _, _]: [u8; 4]| r < 70;
    let is_white = |[r, _, b, _]: [u8; 4]| b > 150 && r < b + 30;
    let rest = painted(Pose::default());
    let open = Pose { mouth: Mouth { open: 1.0, ..Mouth::default() }, ..Pose::default() };
    let mouth = (0.11, 1.27);
    let opened = count(&painted(open), mouth, is_dark);
    assert!(opened > count(&rest, mouth, is_dark) + 60, "{opened} dark pixels");
    let closed = painted(Pose { lids: 1.0, ..Pose::default() });
    let (before, after) =
        (count(&rest, (-0.5, 0.0), is_white), count(&closed, (-0.5, 0.0), is_white));
    assert!(before > 8 && after <= 2, "white of the near eye: {before}, {after} behind its lid");
}
