//! What every look owes: its own face, the same bytes each time, and any size.

use parhelion::media::Picture;
use parhelion::models::{Control, LOOKS, Model, create};

/// A picture with what looks react to: gradients, edges of all directions, colours, texture.
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

fn model(prompt: &str) -> Box<dyn Model> {
    let mut model = create("mirage_v2").unwrap();
    let control = Control { prompt: Some(prompt.to_owned()), enhance: true, image: None };
    model.set_control(&control).unwrap();
    model
}

fn empty() -> Picture {
    Picture { width: 0, height: 0, data: Vec::new() }
}

fn painted(prompt: &str, input: &Picture) -> Picture {
    let mut output = empty();
    model(prompt).process(input, &mut output).unwrap();
    output
}

/// The mean absolute difference in levels.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height, a.data.len()), (b.width, b.height, b.data.len()));
    let sum: u64 = a.data.iter().zip(&b.data).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.data.len() as f64
}

#[test]
fn every_look_differs_from_the_input_and_from_every_other() {
    let input = scene(320, 180);
    let mut pictures = vec![("the input", scene(320, 180))];
    for row in LOOKS {
        pictures.push((row.look, painted(row.look, &input)));
    }
    for (at, (name, picture)) in pictures.iter().enumerate() {
        for (other_name, other) in &pictures[..at] {
            let difference = difference(picture, other);
            assert!(difference >= 12.0, "{name} and {other_name} differ by {difference:.1} levels");
        }
    }
}

/// A picture with a dark left half and a bright right one.
fn halves(dark: u8, bright: u8) -> Picture {
    let pixels = (0..240 * 120).map(|at| if at % 240 < 120 { dark } else { bright });
    Picture { width: 240, height: 120, data: pixels.flat_map(|level| [level; 3]).collect() }
}

#[test]
fn dark_stays_dark_and_bright_stays_bright() {
    for (dark, bright) in [(0, 255), (0, 140), (40, 215), (120, 255)] {
        let input = halves(dark, bright);
        for row in LOOKS.iter().filter(|row| row.look != "neon") {
            let picture = painted(row.look, &input);
            let side = |right: bool| -> u64 {
                let pixels = picture.data.chunks_exact(3).enumerate();
                let half = pixels.filter(|(at, _)| (at % 240 >= 120) == right);
                half.flat_map(|(_, pixel)| pixel).map(|&level| u64::from(level)).sum()
            };
            let (left, right) = (side(false), side(true));
            let name = row.look;
            assert!(right * 4 > left * 5, "{name}, {dark} to {bright}: {left} to {right}");
        }
    }
}

#[test]
fn every_brightness_and_pure_colour_is_in_range() {
    // With overflow checks on, as in a debug build, this also proves that the narrow integers
    // hold every intermediate value.
    let seed = 0x2545_F491_4F6C_DD1D_u64;
    println!("seed {seed:#x}");
    let mut state = seed;
    let mut input = scene(256, 256);
    for row in LOOKS {
        let mut model = model(row.look);
        for levels in 0..4 {
            for level in &mut input.data {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let byte = (state >> 32) as u8;
                *level = match levels {
                    0 => byte,
                    1 => (byte & 1) * 255,
                    2 => 255,
                    _ => 0,
                };
            }
            let (mut first, mut second) = (empty(), empty());
            model.process(&input, &mut first).unwrap();
            model.process(&input, &mut second).unwrap();
            assert!(first.data == second.data, "{} is not still", row.look);
        }
    }
}

#[test]
fn neon_glows_at_an_edge_and_nowhere_else() {
    let picture = painted("neon", &halves(40, 215));
    let brightest = |columns: std::ops::Range<usize>| {
        let pixels = picture.data.chunks_exact(3).enumerate();
        let inside = pixels.filter(|(at, _)| columns.contains(&(at % 240)));
        inside.map(|(_, pixel)| *pixel.iter().max().unwrap()).max().unwrap()
    };
    assert!(brightest(115..125) > 240);
    assert!(brightest(0..90) < 60 && brightest(150..240) < 60);
}

#[test]
fn a_frame_does_not_depend_on_the_frames_before_it() {
    let (first, second) = (scene(200, 112), scene(97, 61));
    for row in LOOKS {
        let mut model = model(row.look);
        let (mut a, mut b, mut c) = (empty(), empty(), empty());
        model.process(&first, &mut a).unwrap();
        model.process(&second, &mut b).unwrap();
        model.process(&first, &mut c).unwrap();
        assert!(a.data == c.data, "{} is not still", row.look);
        assert!(painted(row.look, &second).data == b.data, "{} remembers", row.look);
    }
}

#[test]
fn a_small_change_of_the_input_stays_small() {
    // Noise of a camera must not make a still scene boil.
    let input = scene(320, 180);
    let mut noisy = scene(320, 180);
    for (at, level) in noisy.data.iter_mut().enumerate() {
        *level = level.saturating_add((((at * 2_654_435_761) >> 13) & 1) as u8);
    }
    for row in LOOKS {
        let difference = difference(&painted(row.look, &input), &painted(row.look, &noisy));
        assert!(difference < 5.0, "{} moves by {difference:.2} levels", row.look);
    }
}

#[test]
fn every_size_is_painted() {
    let sizes =
        [(1, 1), (2, 2), (1, 7), (7, 1), (3, 1000), (1000, 3), (5, 3), (33, 17), (641, 359)];
    for row in LOOKS {
        let mut model = model(row.look);
        let mut output = empty();
        for (width, height) in sizes {
            model.process(&scene(width, height), &mut output).unwrap();
            assert_eq!((output.width, output.height), (width, height), "{}", row.look);
            assert_eq!(output.data.len(), (width * height * 3) as usize, "{}", row.look);
        }
    }
}

#[test]
fn steady_frames_reuse_the_output_and_paint_all_of_it() {
    let input = scene(160, 90);
    for row in LOOKS {
        let mut model = model(row.look);
        let mut output = empty();
        model.process(&input, &mut output).unwrap();
        let (place, wanted) = (output.data.as_ptr(), output.data.clone());
        output.data.fill(0xA5);
        model.process(&input, &mut output).unwrap();
        assert_eq!(output.data.as_ptr(), place, "{} moved the output", row.look);
        assert!(output.data == wanted, "{} left old pixels", row.look);
    }
}

#[test]
fn gray_input_gives_gray_in_the_looks_without_colour() {
    let input = scene(64, 48);
    let picture = painted("noir", &input);
    assert!(picture.data.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    let picture = painted("pencil sketch", &input);
    assert!(picture.data.chunks_exact(3).all(|pixel| pixel[0].abs_diff(pixel[2]) <= 5));
}

#[test]
fn pixel_art_is_made_of_even_squares() {
    let picture = painted("pixel art", &scene(640, 352));
    for y in 0..352 {
        for x in 0..640 {
            let at = |x: usize, y: usize| &picture.data[(y * 640 + x) * 3..][..3];
            assert_eq!(at(x, y), at(x / 4 * 4, y / 4 * 4), "at {x}, {y}");
        }
    }
}
