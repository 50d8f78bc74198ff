//! A portrait that is seen from the side speaks: found by itself, or where it is told to.

use parhelion::media::{Picture, still};
use parhelion::models::avatar::face::{Facing, Given, Point, Profile};
use parhelion::models::avatar::{Mouth, Pose, Stage};

use super::faces::{color, painted};

const FRAME: (usize, usize) = (1280, 720);

fn head() -> Picture {
    still::decode(&std::fs::read("tests/portraits/profile.jpg").unwrap()).unwrap()
}

/// The places of the picture beside the tests, from which its eye is known best.
fn given(facing: Facing) -> Given {
    let point = |x: f32, y: f32| match facing {
        Facing::Left => Point::new(x, y),
        Facing::Right => Point::new(479.0 - x, y),
    };
    let mouth = [point(166.0, 378.0), point(185.0, 381.0)];
    Given::Side(Profile::given(facing, point(206.0, 240.0), mouth, Some(point(200.0, 472.0))))
}

fn shown(stage: &mut Stage, pose: &Pose) -> Vec<[u8; 4]> {
    let mut out = vec![0; FRAME.0 * FRAME.1];
    stage.paint(pose, &mut out);
    out.into_iter().map(u32::to_le_bytes).collect()
}

fn speaking(open: f32) -> Pose {
    Pose { mouth: Mouth { open, ..Mouth::default() }, ..Pose::default() }
}

/// The pixels of a part of the face, ahead of the eye and below it in distances of the eyes.
fn part(
    stage: &Stage,
    picture: &[[u8; 4]],
    facing: Facing,
    (ahead, below): ((f32, f32), (f32, f32)),
) -> Vec<[u8; 4]> {
    let (eye, unit) = (stage.face_in_frame().unwrap(), stage.unit_in_frame().unwrap());
    let sign = if facing == Facing::Left { -1.0 } else { 1.0 };
    let (a, b) = (eye.x + sign * ahead.0 * unit, eye.x + sign * ahead.1 * unit);
    let columns = a.min(b) as usize..a.max(b) as usize;
    let rows = (eye.y + below.0 * unit) as usize..(eye.y + below.1 * unit) as usize;
    rows.flat_map(|row| &picture[row * FRAME.0..][columns.clone()]).copied().collect()
}

#[test]
fn a_profile_opens_its_mouth_and_closes_its_eye() {
    let head = head();
    let mirrored = painted((480, 600), |x, y| color(&head, 479.0 - x, y));
    for (facing, picture) in [(Facing::Left, &head), (Facing::Right, &mirrored)] {
        for known in [None, Some(given(facing))] {
            let mut stage = Stage::new(picture, known.as_ref(), FRAME);
            assert_eq!(stage.marks().expect("a profile").facing, Some(facing));
            let rest = shown(&mut stage, &Pose::default());
            let is_dark = |[r, g, b, _]: &[u8; 4]| *r < 90 && *g < 60 && *b < 60;
            let mouth = ((0.0, 0.6), (0.9, 1.5));
            let count = |picture: &[[u8; 4]], stage: &Stage| {
                part(stage, picture, facing, mouth).iter().filter(|pixel| is_dark(pixel)).count()
            };
            let before = count(&rest, &stage);
            let open = shown(&mut stage, &speaking(1.0));
            let after = count(&open, &stage);
            assert!(after > before + 100, "{facing:?}, {known:?}: {before}, {after} dark pixels");
            // Between the lips, before the teeth, there is what is behind.
            let is_ground = |[r, _, b, _]: &[u8; 4]| b > r;
            let ground = |picture: &[[u8; 4]], stage: &Stage| {
                let lips = part(stage, picture, facing, ((0.2, 0.5), (1.1, 1.4)));
                lips.iter().filter(|pixel| is_ground(pixel)).count()
            };
            let (before, after) = (ground(&rest, &stage), ground(&open, &stage));
            assert!(after > before + 60, "{facing:?}, {known:?}: {before}, {after} of the ground");
            // Its eye closes.
            let is_white = |[r, _, b, _]: &[u8; 4]| *b > 165 && *r < b.saturating_add(45);
            let white = |picture: &[[u8; 4]], stage: &Stage| {
                let eye = part(stage, picture, facing, ((-0.2, 0.1), (-0.15, 0.2)));
                eye.iter().filter(|pixel| is_white(pixel)).count()
            };
            let closed = shown(&mut stage, &Pose { lids: 1.0, ..Pose::default() });
            let (before, after) = (white(&rest, &stage), white(&closed, &stage));
            assert!(
                before > 20 && after * 8 < before,
                "{facing:?}, {known:?}: white of the eye: {before}, {after} behind its lid"
            );
        }
    }
}

#[test]
fn what_is_far_from_a_profile_stays_and_it_is_closed_at_rest() {
    let mut stage = Stage::new(&head(), None, FRAME);
    let rest = shown(&mut stage, &Pose::default());
    let again = shown(&mut stage, &speaking(0.0));
    assert!(rest == again, "at rest it is the portrait");
    let open = shown(&mut stage, &speaking(1.0));
    let unit = stage.unit_in_frame().unwrap();
    let eye = stage.face_in_frame().unwrap();
    for (at, (before, after)) in rest.iter().zip(&open).enumerate() {
        let (x, y) = ((at % FRAME.0) as f32, (at / FRAME.0) as f32);
        // Above the nose, behind the joint of the jaw, far ahead, and on the shoulders.
        let ahead = (eye.x - x) / unit;
        let below = (y - eye.y) / unit;
        if !(-1.2..=1.6).contains(&ahead) || !(0.6..=3.0).contains(&below) {
            assert_eq!(before, after, "{ahead} ahead and {below} below the eye");
        }
    }
}
