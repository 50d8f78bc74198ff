//! In which pictures a face is found that is seen from the side, and where its parts are.

use parhelion::media::{Picture, still};
use parhelion::models::avatar::face::{Facing, Point, profile};

use super::faces::{color, noise, painted};

const SIZE: (usize, usize) = (480, 600);

/// Where the parts of a profile are: eye, front and corner of the mouth, chin.
type Places = [Point; 4];

/// Those of the head in the picture beside the tests.
const HEAD: Places = [
    Point::new(211.0, 240.0),
    Point::new(166.0, 378.0),
    Point::new(185.0, 381.0),
    Point::new(200.0, 472.0),
];

fn portrait(name: &str) -> Picture {
    still::decode(&std::fs::read(format!("tests/portraits/{name}.jpg")).unwrap()).unwrap()
}

/// That the profile of a picture is found, and its parts where they are.
fn found_where_expected(name: &str, picture: &Picture, facing: Facing, places: Places) {
    let found = profile(picture).unwrap_or_else(|| panic!("{name}: no profile"));
    assert_eq!(found.facing, facing, "{name}");
    let [eye, front, corner, chin] = places;
    let unit = eye.distance(front.between(corner, 0.5));
    let parts = [
        ("eye", found.eye, eye),
        ("front", found.front, front),
        ("corner", found.corner, corner),
        ("chin", found.chin, chin),
    ];
    for (part, found, expected) in parts {
        let off = found.distance(expected) / unit;
        assert!(off < 0.12, "{name}: {part} at {found:?} instead of {expected:?}");
    }
}

#[test]
fn a_profile_is_found_however_its_picture_was_changed() {
    let head = portrait("profile");
    found_where_expected("as it is", &head, Facing::Left, HEAD);
    let width = SIZE.0 as f32;
    let mirrored = painted(SIZE, |x, y| color(&head, width - 1.0 - x, y));
    let there = HEAD.map(|p| Point::new(width - 1.0 - p.x, p.y));
    found_where_expected("mirrored", &mirrored, Facing::Right, there);
    let grey = painted(SIZE, |x, y| {
        let [r, g, b] = color(&head, x, y);
        [0.299 * r + 0.587 * g + 0.114 * b; 3]
    });
    found_where_expected("grey", &grey, Facing::Left, HEAD);
    let darker = painted(SIZE, |x, y| color(&head, x, y).map(|level| 0.4 * level));
    found_where_expected("darker", &darker, Facing::Left, HEAD);
    let blurred = painted(SIZE, |x, y| {
        let around = (0..25).map(|at| ((at % 5) as f32 - 2.0, (at / 5) as f32 - 2.0));
        let colors = around.map(|(dx, dy)| color(&head, x + dx, y + dy));
        colors.fold([0.0; 3], |sum, own| {
            std::array::from_fn(|channel| sum[channel] + own[channel] / 25.0)
        })
    });
    found_where_expected("blurred", &blurred, Facing::Left, HEAD);
    for scale in [0.5_f32, 2.0] {
        let size = ((480.0 * scale) as usize, (600.0 * scale) as usize);
        let other =
            painted(size, |x, y| color(&head, (x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5));
        let there = HEAD.map(|p| Point::new((p.x + 0.5) * scale - 0.5, (p.y + 0.5) * scale - 0.5));
        found_where_expected(&format!("{scale} as large"), &other, Facing::Left, there);
    }
    for degrees in [-15.0_f32, -8.0, 8.0, 15.0] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let turn = |x: f32, y: f32, sin: f32| {
            let (x, y) = (x - 240.0, y - 300.0);
            (240.0 + x * cos - y * sin, 300.0 + x * sin + y * cos)
        };
        let turned = painted(SIZE, |x, y| {
            let (x, y) = turn(x, y, -sin);
            color(&head, x, y)
        });
        let there = HEAD.map(|p| {
            let (x, y) = turn(p.x, p.y, sin);
            Point::new(x, y)
        });
        found_where_expected(&format!("turned by {degrees}"), &turned, Facing::Left, there);
    }
}

/// A drawn outline: heights from the nasion, 0, to the chin, 1, and how far it is forward there.
const DRAWN: [(f32, f32); 20] = [
    (-0.70, -0.40),
    (-0.50, -0.06),
    (-0.25, 0.02),
    (-0.12, 0.03),
    (0.0, 0.0),
    (0.20, 0.09),
    (0.37, 0.20),
    (0.42, 0.20),
    (0.47, 0.09),
    (0.55, 0.075),
    (0.61, 0.11),
    (0.66, 0.06),
    (0.70, 0.10),
    (0.78, 0.03),
    (0.88, 0.05),
    (0.96, 0.03),
    (1.0, -0.06),
    (1.02, -0.34),
    (1.3, -0.40),
    (2.0, -0.40),
];

/// A profile in flat colors on a ground.
fn drawn_profile(skin: [f32; 3], ground: [f32; 3]) -> (Picture, Places) {
    const LENGTH: f32 = 220.0;
    const NASION: (f32, f32) = (190.0, 230.0);
    let place =
        |t: f32, forward: f32| Point::new(NASION.0 - forward * LENGTH, NASION.1 + t * LENGTH);
    let oval = |x: f32, y: f32, center: Point, radii: (f32, f32)| {
        ((x - center.x) / radii.0).powi(2) + ((y - center.y) / radii.1).powi(2) < 1.0
    };
    let places = [place(0.05, -0.17), place(0.66, 0.06), place(0.66, -0.08), place(1.0, -0.06)];
    let [eye, front, corner, _] = places;
    let picture = painted(SIZE, |x, y| {
        let t = (y - NASION.1) / LENGTH;
        let forward = (NASION.0 - x) / LENGTH;
        let after = DRAWN.iter().position(|point| point.0 > t).unwrap_or(0);
        let outline = match after.checked_sub(1).map(|before| (DRAWN[before], DRAWN[after])) {
            Some(((t0, f0), (t1, f1))) => f0 + (f1 - f0) * (t - t0) / (t1 - t0),
            None => -9.0,
        };
        if forward > outline || forward < -1.1 {
            ground
        } else if oval(x, y, eye, (6.0, 9.0)) || ((y - front.y).abs() < 2.0 && x < corner.x) {
            [40.0, 25.0, 20.0]
        } else if oval(x, y, eye, (16.0, 9.0)) {
            [240.0; 3]
        } else {
            skin
        }
    });
    (picture, places)
}

#[test]
fn a_drawn_profile_is_found() {
    let [light, dark] = [[240.0, 195.0, 160.0], [140.0, 90.0, 62.0]];
    for (skin, ground) in
        [(light, [150.0, 180.0, 200.0]), (dark, [240.0; 3]), (light, [30.0, 34.0, 40.0])]
    {
        let (picture, places) = drawn_profile(skin, ground);
        found_where_expected(&format!("{skin:?} on {ground:?}"), &picture, Facing::Left, places);
    }
}

#[test]
fn a_face_that_looks_here_is_no_profile() {
    for name in ["astronaut", "turned"] {
        let picture = portrait(name);
        let (width, height) = (picture.width as usize, picture.height as usize);
        assert_eq!(profile(&picture), None, "{name}");
        let mirrored = painted((width, height), |x, y| color(&picture, width as f32 - 1.0 - x, y));
        assert_eq!(profile(&mirrored), None, "{name}, mirrored");
    }
    // A drawn one.
    let oval = |x: f32, y: f32, cx: f32, cy: f32, rx: f32, ry: f32| {
        ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
    };
    let picture = painted(SIZE, |x, y| {
        let side = (x - 240.0).abs();
        if oval(side, y, 50.0, 250.0, 10.0, 11.0) || oval(x, y, 240.0, 370.0, 40.0, 6.0) {
            [60.0, 30.0, 30.0]
        } else if oval(x, y, 240.0, 300.0, 110.0, 140.0) || (side < 50.0 && y > 400.0) {
            [240.0, 195.0, 160.0]
        } else if oval(x, y, 240.0, 250.0, 140.0, 160.0) {
            [75.0, 50.0, 38.0]
        } else {
            [150.0, 180.0, 200.0]
        }
    });
    assert_eq!(profile(&picture), None, "drawn");
}

#[test]
fn where_there_is_no_face_there_is_no_profile() {
    const SIZE: (usize, usize) = (320, 320);
    let seed = 31;
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for falls in [0.4, 1.0, 1.6, 2.2] {
        for at in 0..5 {
            let mut levels = noise(&mut random, SIZE, falls).into_iter();
            let picture = painted(SIZE, |_, _| {
                let level = 128.0 + 50.0 * levels.next().unwrap_or_default();
                [level, 0.75 * level, 0.6 * level]
            });
            assert_eq!(profile(&picture), None, "noise that falls by {falls}, {at}, seed {seed}");
        }
    }
    // What is cut out along a random line.
    for at in 0..20 {
        let waves: Vec<(f32, f32)> = (1..12)
            .map(|wave| (60.0 * (random.f32() - 0.5) / wave as f32, 6.0 * random.f32()))
            .collect();
        let picture = painted(SIZE, |x, y| {
            let swing = waves.iter().enumerate().map(|(wave, (strength, begin))| {
                strength * ((wave + 1) as f32 * y * 0.01 + begin).sin()
            });
            if x > 140.0 + swing.sum::<f32>() {
                [225.0, 175.0, 150.0]
            } else {
                [110.0, 125.0, 140.0]
            }
        });
        assert_eq!(profile(&picture), None, "edge {at}, seed {seed}");
    }
    assert_eq!(profile(&painted((1, 1), |_, _| [0.0; 3])), None);
    assert_eq!(profile(&painted((2, 3000), |_, y| [y; 3])), None);
}
