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
    let mut output = input.clone();
    model.transform(&mut output).unwrap();
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
            for (sum, &level) in sum.iter_mut().zip(&picture.data[at..at + 3]) {
                *sum += f64::from(level) / 64.0;
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

#[test]
fn the_largest_frame_is_edited() {
    let input = scene(4096, 2160);
    for prompt in ["make the grass blue", "replace the background with a beach"] {
        let output = edited(prompt, &input);
        assert_eq!((output.width, output.height), (4096, 2160));
        assert!(off(color(&output, GRASS), color(&input, GRASS)) > 20.0);
        assert!(off(color(&output, FACE), color(&input, FACE)) < 2.0, "{prompt}");
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
    output.clone_from(&input);
    model.transform(&mut output).unwrap();
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
    output.clone_from(&input);
    model.transform(&mut output).unwrap();
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
    output.clone_from(&input);
    model.transform(&mut output).unwrap();
    model.set_control(&to).unwrap();
    let way = difference(&old, &new);
    for tick in 1..8 {
        model.set_time(Duration::from_millis(40 * tick));
        output.clone_from(&input);
        model.transform(&mut output).unwrap();
        let sum = difference(&output, &old) + difference(&output, &new);
        assert!(sum < way + 4.0, "frame {tick}: {sum:.1} of {way:.1}");
    }
    model.set_time(Duration::from_millis(320));
    output.clone_from(&input);
    model.transform(&mut output).unwrap();
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
        for (width, height) in
            [(1, 1), (2, 2), (3, 200), (200, 3), (16, 4096), (4096, 16), (33, 17)]
        {
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

#[test]
fn the_reference_image_can_stand_behind_or_in_the_picture() {
    let input = scene(640, 352);
    let violet = image(|x, y| {
        let inside = (x - 100).pow(2) + (y - 60).pow(2) < 1200;
        if inside { [230, 220, 40] } else { [90 + x / 20, 40, 150] }
    });
    let shown = |prompt: &str| {
        let wanted = Control { image: Some(Arc::clone(&violet)), ..control(prompt) };
        with("lucy_2_rt", &wanted, &input)
    };
    let (output, message) = shown("replace the background with the reference image");
    assert!(!message.contains("look of"), "{message}");
    let [r, g, b] = color(&output, GRASS);
    assert!(b > r && r > g + 20.0, "{r} {g} {b}");
    assert!(off(color(&output, FACE), color(&input, FACE)) < 2.0);
    let (output, message) = shown("put my image on the left");
    assert!(message.contains("add reference image (left)"), "{message}");
    assert!(off(color(&output, (0.24, 0.65)), [230.0, 220.0, 40.0]) < 25.0);
    assert!(off(color(&output, GRASS), color(&input, GRASS)) < 2.0);
    // Without an image there is nothing to show.
    let (output, message) = with("lucy_v2v_720p_rt", &control("add the reference image"), &input);
    assert!(message.contains("there is no reference image"), "{message}");
    assert!(output.data == input.data);
}

#[test]
fn colors_of_the_whole_come_before_the_parts_and_light_after_them() {
    let input = scene(640, 352);
    let [r, _, b] = color(&edited("black and white, and make the grass blue", &input), GRASS);
    assert!(b > r + 40.0, "{r} {b}");
    let gray = color(&edited("black and white, and make the grass blue", &input), CAR);
    assert!((gray[0] - gray[2]).abs() < 2.0, "{gray:?}");
    let day = color(&edited("make the car green", &input), CAR);
    let night = color(&edited("night, and make the red car green", &input), CAR);
    assert!(night.iter().sum::<f64>() < 0.7 * day.iter().sum::<f64>());
}

#[test]
fn of_contradictions_the_last_wins_and_each_is_told() {
    let input = scene(640, 352);
    let (output, message) =
        with("lucy_v2v_720p_rt", &control("make the grass blue, make the grass red"), &input);
    let [r, _, b] = color(&output, GRASS);
    assert!(r > b + 40.0, "{r} {b}");
    assert!(message.contains("color blue (grass), color red (grass)"), "{message}");
    // The image is red, the words ask for a blue tint: the words are carried out on its look.
    let red = image(|x, y| [120 + x / 2, 30 + y / 4, 20]);
    let both = Control { image: Some(Arc::clone(&red)), ..control("blue") };
    let alone = Control { image: Some(red), ..Control::default() };
    let blueness = |control: &Control| {
        let [r, _, b] = color(&with("lucy_2_rt", control, &input).0, GRASS);
        b - r
    };
    assert!(blueness(&both) > blueness(&alone) + 10.0);
    let nine: Vec<String> =
        ["red", "blue", "green", "pink", "teal", "gold", "navy", "lime", "orange"]
            .iter()
            .map(|color| format!("make the {color} car white"))
            .collect();
    let (_, message) = with("lucy_v2v_720p_rt", &control(&nine.join(", ")), &input);
    assert!(message.contains("eight changes of parts at once are the most"), "{message}");
}

/// The mean absolute difference in levels.
fn difference(a: &Picture, b: &Picture) -> f64 {
    let sum: u64 = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.data.len() as f64
}

/// The scene as a camera sees it.
fn noisy(seed: u64) -> Picture {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut picture = scene(640, 352);
    for level in &mut picture.data {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *level = level.saturating_add((state >> 61) as u8).saturating_sub(3);
    }
    picture
}

#[test]
fn edits_do_not_flicker() {
    println!("seeds 1 to 24");
    for prompt in [
        "make the grass blue",
        "turn the red car green",
        "blur the background",
        "replace the background with a beach",
        "remove all color except red",
        "warmer skin",
    ] {
        let mut model = create("lucy_v2v_720p_rt").unwrap();
        model.set_control(&control(prompt)).unwrap();
        let mut before = (noisy(1), noisy(1));
        model.transform(&mut before.1).unwrap();
        let (mut trembling, mut noise) = (0.0, 0.0);
        for tick in 2..25 {
            let mut now = (noisy(tick), noisy(tick));
            model.transform(&mut now.1).unwrap();
            if tick > 12 {
                trembling += difference(&now.1, &before.1);
                noise += difference(&now.0, &before.0);
            }
            before = now;
        }
        assert!(trembling < 1.25 * noise, "{prompt}: {trembling:.1} for {noise:.1} of noise");
    }
}

#[test]
fn a_still_scene_comes_to_rest() {
    let input = scene(640, 352);
    for prompt in ["make the grass blue", "replace the background with a beach", "remove the man"] {
        let mut model = create("lucy_v2v_720p_rt").unwrap();
        model.set_control(&control(prompt)).unwrap();
        let mut output = Picture::default();
        for _ in 0..30 {
            output.clone_from(&input);
            model.transform(&mut output).unwrap();
        }
        let before = Picture { data: output.data.clone(), ..output };
        output.clone_from(&input);
        model.transform(&mut output).unwrap();
        assert!(difference(&before, &output) < 0.02, "{prompt}");
    }
}

#[test]
fn black_white_and_noise_are_edited_like_all_else() {
    let plain = |level: u8| Picture { width: 320, height: 176, data: vec![level; 320 * 176 * 3] };
    let mut noise = plain(0);
    for (at, level) in noise.data.iter_mut().enumerate() {
        *level = ((at as u64 * 6_364_136_223_846_793_005) >> 40) as u8;
    }
    for input in [plain(0), plain(255), noise] {
        // Nothing there has the color that is asked for, so nothing changes.
        let kept = edited("make the gold car red", &plain(input.data[0]));
        assert!(difference(&kept, &plain(input.data[0])) < 1.0);
        let output = edited("replace the background with a beach", &input);
        assert!(difference(&output, &input) > 8.0);
        let mut model = create("lucy_2_rt").unwrap();
        let image = Some(Arc::new(scene(64, 48)));
        model.set_control(&Control { image, ..Control::default() }).unwrap();
        let mut output = Picture::default();
        for _ in 0..3 {
            output.clone_from(&input);
            model.transform(&mut output).unwrap();
        }
        assert_eq!(output.data.len(), input.data.len());
    }
}

#[test]
fn images_of_every_shape_give_a_look() {
    let input = scene(320, 176);
    let flat = |width: u32, height: u32, level: [u8; 3]| {
        let data = level.repeat((width * height) as usize);
        Arc::new(Picture { width, height, data })
    };
    for image in [
        flat(1, 1, [200, 40, 40]),
        flat(8192, 1, [40, 200, 40]),
        flat(1, 8192, [40, 40, 200]),
        flat(3, 2, [0; 3]),
        flat(3, 2, [255; 3]),
    ] {
        let wanted = Control { image: Some(Arc::clone(&image)), ..Control::default() };
        let (output, message) = with("lucy_2_rt", &wanted, &input);
        assert!(message.contains("reference image"));
        // The palette is that of the image, as far as one color can be a palette.
        let mean = |c: usize| {
            output.data[c..].iter().step_by(3).map(|&v| f64::from(v)).sum::<f64>() / (320.0 * 176.0)
        };
        for c in 0..3 {
            let wanted = f64::from(image.data[c]);
            assert!((mean(c) - wanted).abs() < 40.0, "{:?}: {}", &image.data[..3], mean(c));
        }
    }
    // One whose data do not fill it is refused, and what was before stays in force.
    let broken = Arc::new(Picture { width: 4, height: 4, data: vec![0; 5] });
    let mut model = create("lucy_2_rt").unwrap();
    model.set_control(&control("make it night")).unwrap();
    let wrong = Control { image: Some(broken), ..control("snow") };
    assert!(model.set_control(&wrong).is_err());
    assert!(model.report().unwrap().message().contains("night"));
}
