//! What every style and modifier owes, and how looks follow one another.

use std::time::Duration;

use parhelion::catalog::{ALIASES, MODELS};
use parhelion::error::ErrorCode;
use parhelion::media::Picture;
use parhelion::models::{
    Control, Model, Prompted, StyleInfo, create, modifier_names, portably, styles,
};

/// A picture with what styles react to: gradients, edges of all directions, colors, texture.
fn scene(width: u32, height: u32) -> Picture {
    let mut data = Vec::new();
    for y in 0..height as i32 {
        for x in 0..width as i32 {
            let sky = [120 + y / 4, 150 + y / 4, 235 - y / 8];
            let ground = [70 + (x * 7 + y * 13) % 40, 120 + (x * 5 + y * 3) % 60, 50];
            let (dx, dy) = (x - width as i32 / 3, y - height as i32 / 2);
            let ball = dx * dx + dy * dy < (height * height / 16) as i32;
            let wall = x > width as i32 * 2 / 3 && y > height as i32 / 4 && (x + y) % 40 < 22;
            let pixel = match (ball, wall) {
                (true, _) => [225 - dy.abs() / 2, 90 + dx / 2, 60],
                (_, true) => [60, 50, 70],
                _ if y * 5 > height as i32 * 3 => ground,
                _ => sky,
            };
            data.extend(pixel.map(|level| level.clamp(0, 255) as u8));
        }
    }
    Picture { width, height, data }
}

fn plain(width: u32, height: u32, level: u8) -> Picture {
    Picture { width, height, data: vec![level; (width * height * 3) as usize] }
}

fn noise(width: u32, height: u32, seed: u64) -> Picture {
    println!("seed {seed:#x}");
    let mut state = seed;
    let data = (0..width * height * 3).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
        (state >> 56) as u8
    });
    Picture { width, height, data: data.collect() }
}

fn control(prompt: &str) -> Control {
    Control { prompt: Some(prompt.to_owned()), ..Control::default() }
}

fn model(name: &str, prompt: &str) -> Box<dyn Model> {
    let mut model = create(name).unwrap();
    model.set_control(&control(prompt)).unwrap();
    model
}

fn process(model: &mut dyn Model, input: &Picture) -> Picture {
    let mut output = input.clone();
    model.transform(&mut output).unwrap();
    assert_eq!((output.width, output.height), (input.width, input.height));
    assert_eq!(output.data.len(), input.data.len());
    output
}

/// The mean absolute difference in levels.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!(a.data.len(), b.data.len());
    let sum: u64 = a.data.iter().zip(&b.data).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.data.len() as f64
}

fn resting() -> impl Iterator<Item = &'static StyleInfo> {
    let resting = styles().iter().filter(|style| !style.moves);
    assert!(resting.clone().count() > 40);
    resting
}

#[test]
fn there_are_many_styles_and_each_differs_from_every_other() {
    assert!(styles().len() >= 24, "{}", styles().len());
    let input = scene(640, 352);
    let mut pictures = vec![("the input", scene(640, 352))];
    for style in styles() {
        pictures.push((style.name, process(model("mirage_v2", style.name).as_mut(), &input)));
    }
    for (at, (name, picture)) in pictures.iter().enumerate() {
        for (other, shown) in &pictures[..at] {
            let difference = difference(picture, shown);
            assert!(difference >= 7.0, "{name} and {other} differ by {difference:.1} levels");
        }
    }
}

#[test]
fn no_style_is_blank_or_clipped_to_flatness() {
    let input = scene(640, 352);
    for style in styles() {
        let picture = process(model("mirage_v2", style.name).as_mut(), &input);
        let levels: Vec<f64> = picture
            .data
            .chunks_exact(3)
            .map(|p| p.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0)
            .collect();
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        let spread = levels.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / levels.len() as f64;
        let spread = spread.sqrt();
        assert!(spread > 9.0, "{} is flat: {spread:.1}", style.name);
        assert!((6.0..249.0).contains(&mean), "{} is blank: {mean:.1}", style.name);
    }
}

#[test]
fn every_modifier_shows_and_differs_from_every_other() {
    let input = scene(640, 352);
    let mut pictures: Vec<(&str, Picture)> = vec![("the input", scene(640, 352))];
    for name in modifier_names() {
        pictures.push((name, process(model("mirage_v2", name).as_mut(), &input)));
    }
    for (at, (name, picture)) in pictures.iter().enumerate() {
        for (other, shown) in &pictures[..at] {
            let difference = difference(picture, shown);
            assert!(difference >= 0.6, "{name} and {other} differ by {difference:.2} levels");
        }
    }
}

#[test]
fn a_still_scene_stays_still() {
    let input = scene(320, 180);
    for style in resting() {
        for name in ["mirage", "mirage_v2"] {
            let mut model = model(name, style.name);
            let first = process(model.as_mut(), &input);
            for _ in 0..3 {
                assert!(process(model.as_mut(), &input).data == first.data, "{}", style.name);
            }
        }
    }
}

#[test]
fn the_better_model_keeps_still_under_the_noise_of_a_camera() {
    let noisy = |tick: u64| {
        let mut picture = scene(320, 180);
        let grain = noise(320, 180, 77 + tick);
        for (level, noise) in picture.data.iter_mut().zip(grain.data) {
            *level = level.saturating_add(noise % 4).saturating_sub(2);
        }
        picture
    };
    let mut total = [0.0; 2];
    for style in resting() {
        let mut swings = [0.0; 2];
        for (name, swing) in ["mirage", "mirage_v2"].into_iter().zip(&mut swings) {
            let mut model = model(name, style.name);
            let mut before = process(model.as_mut(), &noisy(0));
            for tick in 1..6 {
                let now = process(model.as_mut(), &noisy(tick));
                *swing += difference(&before, &now) / 5.0;
                before = now;
            }
        }
        assert!(swings[1] < 5.0, "{} moves by {:.2} levels", style.name, swings[1]);
        total[0] += swings[0];
        total[1] += swings[1];
    }
    assert!(total[1] < 0.75 * total[0], "{total:?}");
}

#[test]
fn what_moves_by_intent_follows_the_time_and_nothing_else() {
    let input = scene(320, 180);
    for prompt in ["vintage film", "vhs", "glitch", "hologram", "snow", "rain", "fog"] {
        let at = |milliseconds: u64| {
            let mut model = model("mirage_v2", prompt);
            model.set_time(Duration::from_millis(milliseconds));
            process(model.as_mut(), &input)
        };
        assert!(at(500).data == at(500).data, "{prompt}");
        assert!(at(500).data != at(1100).data, "{prompt}");
    }
}

#[test]
fn every_size_and_content_is_painted() {
    let sizes = [(1, 1), (2, 2), (1, 7), (7, 1), (3, 300), (300, 3), (33, 17), (16, 512)];
    let prompts: Vec<&str> =
        styles().iter().map(|style| style.name).chain(modifier_names()).collect();
    for prompt in prompts {
        let mut model = model("mirage_v2", prompt);
        for (width, height) in sizes {
            process(model.as_mut(), &scene(width, height));
        }
        for picture in [plain(64, 48, 0), plain(64, 48, 255), noise(64, 48, 5)] {
            process(model.as_mut(), &picture);
        }
    }
}

#[test]
fn the_largest_and_the_longest_frames_are_painted() {
    for (prompt, width, height) in [
        ("oil painting in the snow", 16, 4096),
        ("comic at night", 4096, 2160),
        ("stained glass", 16, 4096),
        ("impressionist, fog", 4096, 16),
    ] {
        process(model("mirage_v2", prompt).as_mut(), &scene(width, height));
    }
}

#[test]
fn the_portable_path_gives_the_same_picture() {
    let input = scene(333, 187);
    let prompts: Vec<&str> =
        styles().iter().map(|style| style.name).chain(modifier_names()).collect();
    for prompt in prompts {
        let wide = process(model("mirage_v2", prompt).as_mut(), &input);
        let portable = portably(|| process(model("mirage_v2", prompt).as_mut(), &input));
        let worst = wide.data.iter().zip(&portable.data).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{prompt}: {worst:?}");
    }
}

#[test]
fn a_steady_frame_is_painted_where_it_lies() {
    let input = scene(160, 90);
    for style in resting() {
        let mut model = model("mirage_v2", style.name);
        let mut output = process(model.as_mut(), &input);
        let (place, wanted) = (output.data.as_ptr(), output.data.clone());
        output.data.copy_from_slice(&input.data);
        model.transform(&mut output).unwrap();
        assert_eq!(output.data.as_ptr(), place, "{} moved the picture", style.name);
        assert!(output.data == wanted, "{} took up what it had painted", style.name);
    }
}

#[test]
fn a_frame_of_another_size_starts_anew() {
    let (first, second) = (scene(200, 112), scene(97, 61));
    for style in resting() {
        let mut model = model("mirage_v2", style.name);
        let a = process(model.as_mut(), &first);
        process(model.as_mut(), &second);
        assert!(process(model.as_mut(), &first).data == a.data, "{} remembers", style.name);
    }
}

#[test]
fn a_new_prompt_fades_in_within_a_third_of_a_second() {
    let input = scene(160, 90);
    let old = process(model("mirage_v2", "noir").as_mut(), &input);
    let new = process(model("mirage_v2", "thermal").as_mut(), &input);
    let mut model = model("mirage_v2", "noir");
    for tick in 0..3 {
        model.set_time(Duration::from_millis(40 * tick));
        assert!(process(model.as_mut(), &input).data == old.data);
    }
    model.set_control(&control("thermal")).unwrap();
    let mut last = 0.0;
    for tick in 3..10 {
        model.set_time(Duration::from_millis(40 * tick));
        let shown = process(model.as_mut(), &input);
        // Always between the two, and ever further from the old one: no flash.
        let (from, to) = (difference(&shown, &old), difference(&shown, &new));
        assert!(from + to < difference(&old, &new) + 1.5, "{from} + {to}");
        assert!(from > last, "{from} after {last}");
        last = from;
    }
    model.set_time(Duration::from_millis(80 + 300));
    assert!(process(model.as_mut(), &input).data == new.data);
}

#[test]
fn prompts_in_quick_succession_never_flash() {
    let input = scene(160, 90);
    let mut model = model("mirage_v2", "noir");
    let mut before = process(model.as_mut(), &input);
    for (at, prompt) in ["thermal", "blueprint", "anime", "neon", "noir"].into_iter().enumerate() {
        model.set_control(&control(prompt)).unwrap();
        for frame in 0..=at {
            let shown = process(model.as_mut(), &input);
            let step = difference(&shown, &before);
            assert!(step < 45.0, "{prompt}, frame {frame}: a jump of {step:.1} levels");
            before = shown;
        }
    }
}

#[test]
fn the_first_look_is_there_at_once_and_so_is_none() {
    let input = scene(37, 21);
    let mut model = Prompted::restyle(true);
    for none in [Control::default(), control(""), control(" \n\t")] {
        model.set_control(&none).unwrap();
        assert!(model.is_passthrough() && model.plan().is_none() && model.report().is_none());
        assert!(process(&mut model, &input).data == input.data);
        model.set_control(&control("noir")).unwrap();
        assert!(!model.is_passthrough());
        let shown = process(&mut model, &input);
        assert!(shown.data.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    }
}

#[test]
fn what_became_of_a_prompt_is_reported() {
    let mut model = Prompted::restyle(true);
    let enhanced =
        Control { enhance: true, ..control("oil painting of a zorblax, make the grass blue") };
    model.set_control(&enhanced).unwrap();
    let report = model.report().unwrap();
    assert_eq!(report.applied, ["oil painting"]);
    assert_eq!(report.unknown, ["zorblax"]);
    assert!(report.ignored[0].contains("color blue (grass)"), "{report:?}");
    assert!(report.is_remarkable() && report.message().contains("zorblax"));
    model.set_control(&control("anime")).unwrap();
    assert!(!model.report().unwrap().is_remarkable());
    model.set_control(&control("日本")).unwrap();
    assert!(model.report().unwrap().is_neutral);
    model.set_control(&control("anime, oil painting")).unwrap();
    assert!(model.report().unwrap().ignored[0].starts_with("oil painting"));
}

#[test]
fn styles_go_with_modifiers_and_strengths() {
    let input = scene(320, 180);
    let show = |prompt: &str| process(model("mirage_v2", prompt).as_mut(), &input);
    let bright = |picture: &Picture| picture.data.iter().map(|&v| u64::from(v)).sum::<u64>();
    for style in ["oil painting", "pencil sketch", "anime", "cinematic"] {
        let night = show(&format!("{style} at night"));
        assert!(bright(&night) * 3 < bright(&show(style)) * 2, "{style}");
    }
    assert!(difference(&show("cyberpunk oil painting"), &show("oil painting")) > 10.0);
    assert!(difference(&show("cyberpunk oil painting"), &show("cyberpunk")) > 4.0);
    let far = |prompt: &str| difference(&show(prompt), &input);
    assert!(far("slightly thermal") < 0.7 * far("thermal"));
    assert!(far("slightly foggy") < far("foggy") && far("foggy") < far("very foggy"));
    // The opposite of warm is cool.
    let red =
        |picture: &Picture| picture.data.iter().step_by(3).map(|&v| u64::from(v)).sum::<u64>();
    assert!(red(&show("warmer")) > red(&input) && red(&show("less warm")) < red(&input));
    // Grain can be refused.
    assert!(show("noir without grain").data != show("noir").data);
}

#[test]
fn every_name_of_the_catalog_and_every_alias_makes_a_model() {
    let names = MODELS.iter().map(|model| &*model.name).chain(ALIASES.iter().map(|alias| alias.0));
    for name in names {
        let mut model = create(name).unwrap();
        assert!(model.is_passthrough(), "{name} starts with a look");
        model.set_control(&control("anime")).unwrap();
        let is_avatar = matches!(name, "live_avatar" | "live-avatar");
        assert_eq!(model.is_passthrough(), is_avatar, "{name}");
    }
    assert_eq!(create("mirage_v3").err().unwrap().code, ErrorCode::ModelNotFound);
}

#[test]
fn a_picture_whose_data_do_not_fill_its_size_is_refused() {
    let wrong = [
        Picture { width: 0, height: 0, data: Vec::new() },
        Picture { width: 4, height: 0, data: Vec::new() },
        Picture { width: 4, height: 4, data: vec![0; 47] },
        Picture { width: 4, height: 4, data: vec![0; 49] },
        Picture { width: u32::MAX, height: u32::MAX, data: vec![0; 3] },
    ];
    for input in &wrong {
        for name in ["mirage_v2", "mirage", "lucy_2_rt"] {
            for text in ["noir", ""] {
                let error = model(name, text).transform(&mut input.clone()).unwrap_err();
                assert_eq!(error.code, ErrorCode::InvalidInput);
            }
        }
    }
}
