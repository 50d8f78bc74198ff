//! What the editing models owe: they change what was said, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parhelion::media::Picture;
use parhelion::models::{Control, create, portably};

/// Sky over grass, a red thing on the left, and somebody in an orange suit in the middle.
fn scene(width: u32, height: u32) -> Picture {
    let mut data = Vec::new();
    for y in 0..height as i32 {
        for x in 0..width as i32 {
            let (w, h) = (width as i32, height as i32);
            let (dx, dy) = (x - w / 2, y - h / 3);
            let head = dx * dx + dy * dy < h * h / 64;
            let body = y > h / 2 - h / 24 && dx.abs() < w / 10 + (y - h / 2) / 4;
            let car = (w / 16..w / 5).contains(&x) && (h / 2..h * 4 / 5).contains(&y);
            let blade = (x * 7 + y * 13) % 24;
            let pixel = match (head, body, car, y < h / 2) {
                (true, ..) => [222, 170, 140],
                (_, true, ..) => [230, 110, 30],
                (_, _, true, _) => [190, 30, 40],
                (.., true) => [130 + y / 8, 175 + y / 8, 235],
                _ => [70 + blade, 140 + blade, 45],
            };
            data.extend(pixel.map(|level| level.clamp(0, 255) as u8));
        }
    }
    Picture { width, height, data }
}

fn control(prompt: &str) -> Control {
    Control { prompt: Some(prompt.to_owned()), ..Control::default() }
}

fn with(name: &str, control: &Control, input: &Picture) -> (Picture, String) {
    let mut model = create(name).unwrap();
    model.set_control(control).unwrap();
    let mut output = Picture::default();
    model.process(input, &mut output).unwrap();
    let message = model.report().map(parhelion::models::Report::message).unwrap_or_default();
    (output, message)
}

fn edited(prompt: &str, input: &Picture) -> Picture {
    with("lucy_v2v_720p_rt", &control(prompt), input).0
}

/// The mean color of a square.
fn color(picture: &Picture, (u, v): (f64, f64)) -> [f64; 3] {
    let (x, y) =
        ((u * f64::from(picture.width)) as usize, (v * f64::from(picture.height)) as usize);
    let mut sum = [0.0; 3];
    for dy in 0..8 {
        for dx in 0..8 {
            let at = ((y + dy) * picture.width as usize + x + dx) * 3;
            for c in 0..3 {
                sum[c] += f64::from(picture.data[at + c]) / 64.0;
            }
        }
    }
    sum
}

fn off(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / 3.0
}

const SKY: (f64, f64) = (0.85, 0.1);
const GRASS: (f64, f64) = (0.8, 0.85);
const CAR: (f64, f64) = (0.12, 0.65);
const SUIT: (f64, f64) = (0.5, 0.75);
const FACE: (f64, f64) = (0.5, 0.33);

#[test]
fn instructions_change_their_part_and_leave_the_others_untouched() {
    let input = scene(640, 352);
    let all = [SKY, GRASS, CAR, SUIT, FACE];
    for (prompt, changed) in [
        ("make the grass blue", &[GRASS][..]),
        ("turn the red car green", &[CAR]),
        ("make the sky pink", &[SKY]),
        ("replace the background with a starry sky", &[SKY, GRASS, CAR]),
        ("remove all color except red", &[SKY, GRASS, SUIT, FACE]),
        ("warmer skin", &[FACE]),
        ("add fog in the distance", &[SKY]),
    ] {
        let output = edited(prompt, &input);
        for place in all {
            let by = off(color(&input, place), color(&output, place));
            if changed.contains(&place) {
                assert!(by > 6.0, "{prompt}: {place:?} changed by {by:.1} only");
            } else if prompt != "add fog in the distance" {
                assert!(by < 2.0, "{prompt}: {place:?} changed by {by:.1}");
            }
        }
    }
}

#[test]
fn colors_become_what_was_asked_for() {
    let input = scene(640, 352);
    let [r, _, b] = color(&edited("make the grass blue", &input), GRASS);
    assert!(b > r + 40.0, "{r} {b}");
    let [r, g, _] = color(&edited("turn the red car green", &input), CAR);
    assert!(g > r + 40.0, "{r} {g}");
    let gray = color(&edited("remove all color except red", &input), GRASS);
    assert!((gray[0] - gray[2]).abs() < 2.0, "{gray:?}");
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let input = scene(320, 176);
    for prompt in ["add a hat", "make the eyes blue", "make the building blue"] {
        let (output, message) = with("lucy_v2v_720p_rt", &control(prompt), &input);
        assert!(message.contains("ignored"), "{prompt}: {message}");
        assert!(output.data == input.data, "{prompt}");
    }
}

fn image(pixel: impl Fn(i32, i32) -> [i32; 3]) -> Arc<Picture> {
    let data = (0..200 * 120)
        .flat_map(|at| pixel(at % 200, at / 200).map(|level| level.clamp(0, 255) as u8))
        .collect();
    Arc::new(Picture { width: 200, height: 120, data })
}

#[test]
fn the_look_of_the_reference_is_carried_over_and_cleared() {
    let input = scene(640, 352);
    let warm = image(|x, y| [160 + x / 3, 90 + y / 2, 30 + x / 10]);
    let mut model = create("lucy_2_rt").unwrap();
    let began = Instant::now();
    let wanted = Control { image: Some(Arc::clone(&warm)), ..Control::default() };
    model.set_control(&wanted).unwrap();
    let mut output = Picture::default();
    model.process(&input, &mut output).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    let means = |picture: &Picture| -> Vec<f64> {
        let pixels = picture.data.len() as f64 / 3.0;
        (0..3)
            .map(|c| {
                picture.data[c..].iter().step_by(3).map(|&v| f64::from(v)).sum::<f64>() / pixels
            })
            .collect()
    };
    for (got, wanted) in means(&output).into_iter().zip(means(&warm)) {
        assert!((got - wanted).abs() < 25.0, "{got:.0} for {wanted:.0}");
    }
    assert!(model.report().unwrap().message().contains("reference image"));
    model.set_control(&Control::default()).unwrap();
    assert!(model.is_passthrough() && model.report().is_none());
    model.process(&input, &mut output).unwrap();
    assert!(output.data == input.data);
}

#[test]
fn prompt_and_image_change_together_and_fade() {
    let input = scene(320, 176);
    let (blue, red) = (image(|x, _| [20, 40, 120 + x / 2]), image(|x, _| [120 + x / 2, 30, 20]));
    let of = |picture: &Arc<Picture>, prompt: &str| Control {
        image: Some(Arc::clone(picture)),
        ..control(prompt)
    };
    let fresh = |control: &Control| with("lucy_2_rt", control, &input).0;
    let (from, to) = (of(&blue, "fog"), of(&red, "night"));
    let (old, new) = (fresh(&from), fresh(&to));
    let difference = |a: &Picture, b: &Picture| {
        let sum: u64 = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.data.len() as f64
    };
    let mut model = create("lucy_2_rt").unwrap();
    model.set_control(&from).unwrap();
    let mut output = Picture::default();
    model.set_time(Duration::ZERO);
    model.process(&input, &mut output).unwrap();
    model.set_control(&to).unwrap();
    let way = difference(&old, &new);
    for tick in 1..8 {
        model.set_time(Duration::from_millis(40 * tick));
        model.process(&input, &mut output).unwrap();
        let sum = difference(&output, &old) + difference(&output, &new);
        assert!(sum < way + 4.0, "frame {tick}: {sum:.1} of {way:.1}");
    }
    model.set_time(Duration::from_millis(320));
    model.process(&input, &mut output).unwrap();
    assert!(difference(&output, &new) < 4.0);
}

#[test]
fn every_size_content_and_image_is_taken() {
    let prompts = [
        "make the grass blue",
        "blur the background",
        "replace the background with a beach",
        "remove the person",
        "turn the man into marble",
        "keep only the person",
    ];
    let tiny = Arc::new(Picture { width: 1, height: 1, data: vec![9, 200, 3] });
    for prompt in prompts {
        for (width, height) in [(1, 1), (2, 2), (3, 200), (200, 3), (16, 512), (33, 17)] {
            let input = scene(width, height);
            for name in ["lucy_v2v_720p_rt", "lucy_2_rt"] {
                let wanted = Control { image: Some(Arc::clone(&tiny)), ..control(prompt) };
                let (output, _) = with(name, &wanted, &input);
                assert_eq!(output.data.len(), input.data.len());
            }
        }
    }
}

#[test]
fn the_portable_path_gives_the_same_picture() {
    let input = scene(333, 187);
    for prompt in ["make the grass blue", "blur the background", "replace the background with fire"]
    {
        let wide = edited(prompt, &input);
        let portable = portably(|| edited(prompt, &input));
        let worst = wide.data.iter().zip(&portable.data).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{prompt}: {worst:?}");
    }
}
