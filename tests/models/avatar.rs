//! A portrait that speaks, through its public interface: what a pose does with the picture, and
//! portraits of all kinds.

// A mouth that is closed is exactly so.
#![allow(clippy::float_cmp)]

use std::time::Duration;

use parhelion::media::Picture;
use parhelion::models::avatar::face::{self, Front, Given, Point};
use parhelion::models::avatar::{Avatar, Mouth, Pose, Stage};

const FRAME: Duration = Duration::from_millis(40);
/// Pairs of samples of a picture.
const PAIRS: usize = 1920;
const SIZE: (usize, usize) = (640, 360);

/// A face of flat colors, its eyes `unit` apart around a place.
fn drawn(size: (usize, usize), faces: &[(f32, f32, f32)]) -> Picture {
    let mut data = Vec::with_capacity(size.0 * size.1 * 3);
    for y in 0..size.1 {
        for x in 0..size.0 {
            // Something in the background that would show it if it moved.
            let mut color =
                if (x / 8 + y / 8) % 2 == 0 { [150, 176, 192] } else { [158, 182, 197] };
            for &(cx, cy, unit) in faces {
                let (fx, fy) = ((x as f32 - cx) / unit, (y as f32 - cy) / unit);
                if let Some(own) = face_color(fx, fy) {
                    color = own;
                }
            }
            data.extend(color);
        }
    }
    Picture { width: size.0 as u32, height: size.1 as u32, data }
}

fn face_color(x: f32, y: f32) -> Option<[u8; 3]> {
    let oval = |cx: f32, cy: f32, rx: f32, ry: f32| {
        let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
        dx * dx + dy * dy < 1.0
    };
    let side = if x < 0.0 { -0.5 } else { 0.5 };
    let line = 1.16 + 0.015 * (1.0 - (x / 0.42).powi(2));
    let lips = x.abs() < 0.42;
    let bow = (1.0 - (x / 0.42).powi(2)).max(0.0);
    let layers = [
        (oval(side, 0.0, 0.055, 0.06), [22, 18, 15]),
        (oval(side, 0.0, 0.105, 0.115), [75, 106, 74]),
        (oval(side, 0.0, 0.24, 0.12), [251, 250, 246]),
        (oval(side, -0.015, 0.26, 0.14), [42, 28, 22]),
        (oval(side, -0.38, 0.28, 0.05), [74, 50, 38]),
        (oval(0.1 * x.signum(), 0.74, 0.05, 0.03), [180, 120, 95]),
        (lips && (y - line).abs() < 0.018, [94, 35, 34]),
        (lips && y < line && y > line - 0.1 * bow, [201, 96, 92]),
        (lips && y > line && y < line + 0.15 * bow, [214, 112, 106]),
        (oval(0.0, -1.05, 1.05, 0.42), [74, 50, 38]),
        (oval(0.0, 0.52, 1.12, 1.42), [239, 193, 160]),
        (oval(0.0, -0.05, 1.42, 1.62), [74, 50, 38]),
        (y > 1.4 && y < 2.7 && x.abs() < 0.55, [217, 163, 132]),
        (y > 2.6 && x.abs() < 2.2, [60, 79, 118]),
    ];
    layers.iter().find(|layer| layer.0).map(|layer| layer.1)
}

fn portrait() -> Picture {
    drawn((300, 360), &[(150.0, 150.0, 56.0)])
}

fn painted(stage: &mut Stage, pose: Pose) -> Vec<u32> {
    let mut out = vec![0; SIZE.0 * SIZE.1];
    stage.paint(&pose, &mut out);
    out
}

fn changed(a: u32, b: u32) -> u32 {
    let pairs = a.to_le_bytes().into_iter().zip(b.to_le_bytes());
    pairs.map(|(a, b)| u32::from(a.abs_diff(b))).max().unwrap_or(0)
}

#[test]
fn the_parts_of_a_drawn_face_are_found() {
    for turn in [0.0_f32, 0.12] {
        let upright = portrait();
        let (sin, cos) = turn.sin_cos();
        let mut picture = upright.clone();
        for y in 0..360_usize {
            for x in 0..300_usize {
                let (dx, dy) = (x as f32 - 150.0, y as f32 - 150.0);
                let sx = (150.0 + dx * cos + dy * sin).clamp(0.0, 299.0) as usize;
                let sy = (150.0 + dy * cos - dx * sin).clamp(0.0, 359.0) as usize;
                let (to, from) = ((y * 300 + x) * 3, (sy * 300 + sx) * 3);
                picture.data[to..to + 3].copy_from_slice(&upright.data[from..from + 3]);
            }
        }
        let found = face::find(&picture, None);
        assert_eq!(found.count, 1, "turned by {turn}");
        let marks = found.marks.unwrap();
        let expect = |x: f32, y: f32| {
            let (x, y) = (x * 56.0, y * 56.0);
            Point::new(150.0 + x * cos - y * sin, 150.0 + x * sin + y * cos)
        };
        let near = |name: &str, found: Point, expected: Point, most: f32| {
            let off = found.distance(expected);
            assert!(off < most, "{name} is {off} pixels off, turned by {turn}: {found:?}");
        };
        near("left eye", marks.eyes[0].center, expect(-0.5, 0.0), 4.0);
        near("right eye", marks.eyes[1].center, expect(0.5, 0.0), 4.0);
        near("left corner", marks.lips.left, expect(-0.42, 1.16), 7.0);
        near("right corner", marks.lips.right, expect(0.42, 1.16), 7.0);
        near("chin", marks.chin, expect(0.0, 1.94), 12.0);
    }
}

#[test]
fn what_is_given_is_kept() {
    let given = Front {
        eyes: [Point::new(120.0, 152.0), Point::new(180.0, 148.0)],
        mouth: Some([Point::new(125.0, 216.0), Point::new(175.0, 214.0)]),
        chin: Some(Point::new(151.0, 255.0)),
    };
    let marks = face::find(&portrait(), Some(&Given::Front(given))).marks.unwrap();
    assert_eq!([marks.eyes[0].center, marks.eyes[1].center], given.eyes);
    assert_eq!([marks.lips.left, marks.lips.right], given.mouth.unwrap());
    assert_eq!(marks.chin, given.chin.unwrap());
}

#[test]
fn where_there_is_no_face_none_is_found() {
    let even = Picture { width: 200, height: 150, data: vec![120; 200 * 150 * 3] };
    assert_eq!(face::find(&even, None).marks, None);
    let ramp = (0..200 * 150).flat_map(|at| [(at % 200) as u8; 3]).collect();
    assert_eq!(face::find(&Picture { width: 200, height: 150, data: ramp }, None).marks, None);
    for (width, height) in [(1, 1), (3, 500), (24, 24), (500, 2), (1, 8000), (8000, 1)] {
        let data = vec![90; (width * height * 3) as usize];
        let picture = Picture { width, height, data };
        let mut stage = Stage::new(&picture, None, SIZE);
        assert!(painted(&mut stage, Pose::default()).iter().all(|&pixel| pixel >> 24 == 255));
    }
}

#[test]
fn of_two_faces_the_larger_speaks() {
    let two = drawn((640, 360), &[(150.0, 120.0, 34.0), (430.0, 140.0, 60.0)]);
    let found = face::find(&two, None);
    assert_eq!(found.count, 2);
    let marks = found.marks.unwrap();
    assert!((marks.upright().origin.x - 430.0).abs() < 12.0, "{:?}", marks.upright());
}

#[test]
fn portraits_of_every_size_place_a_face_on_the_upper_third() {
    let sizes = [
        (64, 64, 32.0, 24.0, 11.0),
        (300, 360, 150.0, 150.0, 56.0),
        (900, 400, 640.0, 150.0, 60.0),
    ];
    for (width, height, x, y, unit) in sizes {
        let picture = drawn((width, height), &[(x, y, unit)]);
        let stage = Stage::new(&picture, None, SIZE);
        let place = stage.face_in_frame().unwrap_or_else(|| panic!("{width}x{height}: no face"));
        let (across, down) = (place.x / SIZE.0 as f32, place.y / SIZE.1 as f32);
        assert!((0.25..0.5).contains(&down), "{width}x{height}: {place:?}");
        assert!((0.3..0.75).contains(&across), "{width}x{height}: {place:?}");
    }
}

#[test]
fn at_rest_it_is_the_portrait_and_far_from_the_face_nothing_moves() {
    let mut stage = Stage::new(&portrait(), None, SIZE);
    let still = painted(&mut stage, Pose::default());
    let rest = |pixels: &[u32]| {
        let off: u32 = pixels.iter().zip(&still).map(|(&a, &b)| changed(a, b)).max().unwrap();
        off
    };
    // The mesh is let go of as exactly as it was held.
    let pose = Pose {
        mouth: Mouth { open: 1.0, round: 0.3, ..Mouth::default() },
        lids: 1.0,
        yaw: 0.1,
        ..Pose::default()
    };
    let moved = painted(&mut stage, pose);
    for _ in 0..12 {
        painted(&mut stage, Pose::default());
    }
    assert!(rest(&painted(&mut stage, Pose::default())) <= 6);
    let place = stage.face_in_frame().unwrap();
    let unit = stage.unit_in_frame().unwrap();
    let mut most = 0;
    for (at, (&before, &after)) in still.iter().zip(&moved).enumerate() {
        let (x, y) = ((at % SIZE.0) as f32 - place.x, (at / SIZE.0) as f32 - place.y);
        if x.abs() > 2.6 * unit || y > 3.5 * unit {
            most = most.max(changed(before, after));
        }
    }
    assert_eq!(most, 0);
}

#[test]
fn a_pose_moves_what_it_is_about() {
    let mut stage = Stage::new(&portrait(), None, SIZE);
    let still = painted(&mut stage, Pose::default());
    let place = stage.face_in_frame().unwrap();
    let unit = stage.unit_in_frame().unwrap();
    let mut differs = |pose: Pose, x: (f32, f32), y: (f32, f32)| {
        let made = painted(&mut stage, pose);
        let (mut inside, mut outside) = (0, 0);
        for (at, (&before, &after)) in still.iter().zip(&made).enumerate() {
            if changed(before, after) > 40 {
                let fx = ((at % SIZE.0) as f32 - place.x) / unit;
                let fy = ((at / SIZE.0) as f32 - place.y) / unit;
                let here = (x.0..x.1).contains(&fx) && (y.0..y.1).contains(&fy);
                *(if here { &mut inside } else { &mut outside }) += 1;
            }
        }
        painted(&mut stage, Pose::default());
        (inside, outside)
    };
    let open = Mouth { open: 1.0, ..Mouth::default() };
    let (inside, outside) =
        differs(Pose { mouth: open, ..Pose::default() }, (-0.8, 0.8), (0.8, 2.6));
    assert!(inside > 250 && outside < 80, "mouth: {inside} and {outside}");
    let (inside, outside) =
        differs(Pose { lids: 1.0, ..Pose::default() }, (-0.9, 0.9), (-0.5, 0.4));
    assert!(inside > 150 && outside < 10, "lids: {inside} and {outside}");
}

#[test]
fn a_blink_covers_all_of_the_eye() {
    let mut stage = Stage::new(&portrait(), None, SIZE);
    let closed = painted(&mut stage, Pose { lids: 1.0, ..Pose::default() });
    let place = stage.face_in_frame().unwrap();
    let unit = stage.unit_in_frame().unwrap();
    for side in [-0.5_f32, 0.5] {
        for step in 0..49 {
            let (dx, dy) = ((step % 7) as f32 / 6.0 - 0.5, (step / 7) as f32 / 6.0 - 0.5);
            let x = (place.x + (side + 0.30 * dx) * unit).round() as usize;
            let y = (place.y + 0.13 * dy * unit).round() as usize;
            let [r, g, b, _] = closed[y * SIZE.0 + x].to_le_bytes().map(u32::from);
            // Neither the white nor the green of the eye, but for a trace at the lashes.
            assert!(r > b && r + 12 > g, "{r} {g} {b} at {dx} {dy} of the eye at {side}");
        }
    }
}

#[test]
fn nothing_jumps_while_it_lives_and_when_things_change() {
    let mut avatar = Avatar::new(SIZE.0, SIZE.1);
    avatar.set_stage(Some(Stage::new(&portrait(), None, SIZE)));
    let mut before: Option<Vec<u32>> = None;
    let mut blinks = 0;
    let mut most = 0.0_f32;
    for frame in 0..300 {
        match frame {
            60 => avatar.set_prompt(Some("smile warmly, look to the left")),
            120 => avatar.set_prompt(Some("angry")),
            180 => avatar.set_stage(Some(Stage::new(
                &drawn(SIZE, &[(320.0, 140.0, 50.0)]),
                None,
                SIZE,
            ))),
            240 => avatar.set_prompt(None),
            _ => {}
        }
        avatar.hear(&vec![0; 2 * PAIRS]);
        assert_eq!(avatar.mouth().open, 0.0);
        let now = avatar.paint(FRAME).to_vec();
        if let Some(before) = &before {
            let sum: u64 = now.iter().zip(before).map(|(&a, &b)| u64::from(changed(a, b))).sum();
            let mean = sum as f32 / now.len() as f32;
            most = most.max(mean);
            blinks += u32::from(mean > 0.004);
        }
        before = Some(now);
    }
    // A cut to another picture is 20 and more; a fade of ten pictures a part of that.
    assert!(most < 9.0, "{most}");
    assert!(blinks > 100, "idle life: {blinks} of 300 pictures differ");
}

/// A part of a picture of a face: places are in distances of the eyes from between them.
struct Seen<'a> {
    picture: &'a [u32],
    place: Point,
    unit: f32,
}

impl<'a> Seen<'a> {
    fn new(stage: &Stage, picture: &'a [u32]) -> Self {
        let (place, unit) = (stage.face_in_frame().unwrap(), stage.unit_in_frame().unwrap());
        Self { picture, place, unit }
    }

    /// The colors of a box.
    fn within(&self, x: (f32, f32), y: (f32, f32)) -> impl Iterator<Item = [i32; 3]> {
        let pixel = |at: f32, from: f32| (from + at * self.unit).round() as usize;
        let columns = pixel(x.0, self.place.x)..=pixel(x.1, self.place.x);
        let rows = pixel(y.0, self.place.y)..=pixel(y.1, self.place.y);
        rows.flat_map(move |row| columns.clone().map(move |column| row * SIZE.0 + column)).map(
            |at| {
                let [r, g, b, _] = self.picture[at].to_le_bytes().map(i32::from);
                [r, g, b]
            },
        )
    }

    /// The middle height of what is dark in a column, and how tall that is.
    fn dark(&self, x: f32, y: (f32, f32)) -> (f32, f32) {
        let (mut sum, mut count) = (0.0, 0.0);
        for (row, [r, g, b]) in self.within((x, x), y).enumerate() {
            if 3 * r + 6 * g + b < 900 {
                sum += row as f32;
                count += 1.0;
            }
        }
        assert!(count > 0.0, "nothing dark at {x}, {y:?}");
        (y.0 + sum / count / self.unit, count / self.unit)
    }

    /// How many pixels are teeth, and how much redder than blue they are.
    fn teeth(&self) -> (usize, i32) {
        let mouth = self.within((-0.42, 0.42), (1.0, 1.45));
        let teeth: Vec<i32> =
            mouth.filter(|[r, g, b]| *g > 110 && r - b < 60).map(|[r, _, b]| r - b).collect();
        (teeth.len(), teeth.iter().sum::<i32>() / teeth.len().max(1) as i32)
    }
}

#[test]
fn moods_can_be_told_apart_by_what_they_move() {
    let mut smiling = portrait();
    // The same mouth, its corners a tenth higher.
    let level = smiling.clone();
    for x in 116..=184_usize {
        let bow = 1.0 - ((x as f32 - 150.0) / 24.0).powi(2);
        let by = (5.6 * bow.clamp(-1.0, 1.0)).round() as isize;
        for y in 200..232_usize {
            let from = ((y as isize - by) as usize * 300 + x) * 3;
            let to = (y * 300 + x) * 3;
            smiling.data[to..to + 3].copy_from_slice(&level.data[from..from + 3]);
        }
    }
    let measured = |prompt: &str| {
        let mut avatar = Avatar::new(SIZE.0, SIZE.1);
        avatar.set_stage(Some(Stage::new(&smiling, None, SIZE)));
        avatar.set_prompt(Some(prompt));
        for _ in 0..30 {
            avatar.paint(FRAME);
        }
        let picture = avatar.paint(FRAME).to_vec();
        let seen = Seen::new(avatar.stage().unwrap(), &picture);
        let mouth = |x: f32| seen.dark(x, (0.95, 1.5));
        let brow = |x: f32| seen.dark(x, (-0.6, -0.2)).0;
        // How far the corners are above the middle, how far the lips are apart, the brows' inner
        // ends below the outer, and their height.
        let (middle, gap) = mouth(0.0);
        let corners = middle - 0.5 * (mouth(-0.3).0 + mouth(0.3).0);
        let slope = 0.5 * (brow(-0.33) + brow(0.33) - brow(-0.66) - brow(0.66));
        (corners, gap, slope, 0.5 * (brow(-0.5) + brow(0.5)))
    };
    let ease = measured("calm");
    let happy = measured("happy");
    let serious = measured("serious");
    let angry = measured("angry");
    let surprised = measured("surprised");
    let all = format!(
        "ease {ease:?}, happy {happy:?}, serious {serious:?}, angry {angry:?}, surprised {surprised:?}"
    );
    assert!(ease.0 > 0.03 && happy.0 > ease.0 + 0.02, "{all}");
    assert!(serious.0 < 0.6 * ease.0 && angry.0 < 0.5 * ease.0, "{all}");
    assert!(angry.2 > ease.2 + 0.03 && angry.3 > ease.3 + 0.01, "{all}");
    assert!(surprised.3 < ease.3 - 0.06 && surprised.1 > ease.1 + 0.03, "{all}");
}

#[test]
fn rounded_lips_show_no_teeth_and_teeth_are_warm() {
    let mut stage = Stage::new(&portrait(), None, SIZE);
    let mut teeth = |mouth: Mouth| {
        let picture = painted(&mut stage, Pose { mouth, ..Pose::default() });
        Seen::new(&stage, &picture).teeth()
    };
    let rest = Mouth::default();
    let i = teeth(Mouth { open: 0.26, spread: 1.0, teeth: 0.9, tongue: 0.9, ..rest });
    let o = teeth(Mouth { open: 0.55, round: 0.75, teeth: 0.2, ..rest });
    let u = teeth(Mouth { open: 0.24, round: 1.0, ..rest });
    let f = teeth(Mouth { open: 0.07, tuck: 0.9, teeth: 0.7, ..rest });
    assert!(i.0 > 60 && f.0 > 40, "i {i:?}, f {f:?}");
    assert!(o.0 < 6 && u.0 < 6, "o {o:?}, u {u:?}");
    assert!(i.1 > 18, "teeth are as warm as the light: {i:?}");
}

#[test]
fn moods_are_understood_and_what_is_not_is_said() {
    let mut avatar = Avatar::new(SIZE.0, SIZE.1);
    avatar.set_prompt(Some("smile warmly, nod occasionally, watercolor"));
    let report = avatar.report().unwrap();
    assert_eq!(report.applied, ["smile", "nod"]);
    assert!(report.ignored[0].starts_with("watercolor"), "{report:?}");
    for prompt in ["serious", "surprised", "sleepy", "look to the left", "sad", "angry", "happy"] {
        avatar.set_prompt(Some(prompt));
        let report = avatar.report().unwrap();
        assert_eq!(report.applied.len(), 1, "{prompt}: {report:?}");
        assert!(!report.is_neutral && report.unknown.is_empty(), "{prompt}: {report:?}");
    }
    avatar.set_prompt(None);
    assert_eq!(avatar.report(), None);
    let even = Picture { width: 200, height: 150, data: vec![120; 200 * 150 * 3] };
    avatar.set_stage(Some(Stage::new(&even, None, SIZE)));
    let message = avatar.report().unwrap().message();
    assert!(message.contains("no face was found"), "{message}");
}
