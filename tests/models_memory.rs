//! What the local models keep and take: nothing is allocated for a frame once a look is under way,
//! and what a look keeps is bounded.
//!
//! The allocator of this program counts for every thread on its own.

// An allocator cannot be written without.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use parhelion::media::Picture;
use parhelion::models::{Control, Model, create, modifier_names, styles};

thread_local! {
    static COUNTED: Cell<u64> = const { Cell::new(0) };
    /// Bytes that this thread took and did not give back.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: i64) {
    // A thread that ends has no cells any more.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
    if bytes > 0 {
        let _ = COUNTED.try_with(|counted| counted.set(counted.get() + 1));
    }
}

// SAFETY: every call goes to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(-(layout.size() as i64));
        count(size as i64);
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const EDITS: &[&str] = &[
    "make the grass blue",
    "turn the red car green",
    "replace the background with a starry sky",
    "blur the background",
    "remove all color except red and blue",
    "add fog in the distance",
    "warmer skin",
    "turn the person into marble",
    "keep only the person",
    "remove the person",
    "turn the car green",
    "black and white, make the grass blue, at night",
];

/// A ball that rolls over grass under a sky.
fn scene(width: u32, height: u32, tick: i32) -> Picture {
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    let (w, h) = (width as i32, height as i32);
    for y in 0..h {
        for x in 0..w {
            let (dx, dy) = (x - w / 3 - tick * w / 60, y - h / 2);
            let pixel = match (dx * dx + dy * dy < h * h / 20, y * 5 > h * 3) {
                (true, _) => [200 - dy.abs() / 2, 60, 50],
                (_, true) => [70 + (x * 7 + y * 13) % 40, 130 + (x * 5 + y * 3) % 60, 50],
                _ => [120, 150 + y * 60 / h, 235],
            };
            data.extend(pixel.map(|level| level.clamp(0, 255) as u8));
        }
    }
    Picture { width, height, data }
}

fn looks() -> Vec<(&'static str, Control)> {
    let prompt = |prompt: &str| Control { prompt: Some(prompt.to_owned()), ..Control::default() };
    let restyled = styles().iter().map(|style| style.name).chain(modifier_names());
    let mut looks: Vec<(&str, Control)> =
        restyled.map(|name| ("mirage_v2", prompt(name))).collect();
    looks.extend(EDITS.iter().map(|edit| ("lucy_v2v_720p_rt", prompt(edit))));
    let image = Some(Arc::new(scene(300, 200, 9)));
    for text in [
        "",
        "make it night",
        "add the reference image on the left",
        "replace the sky with my image",
    ] {
        looks.push(("lucy_2_rt", Control { image: image.clone(), ..prompt(text) }));
    }
    looks
}

/// Makes `output` equal to `frame`, in the memory that it has.
fn copy(frame: &Picture, output: &mut Picture) {
    (output.width, output.height) = (frame.width, frame.height);
    output.data.clone_from(&frame.data);
}

fn run(model: &mut dyn Model, frames: &[Picture], output: &mut Picture, from: u64) {
    for (tick, frame) in frames.iter().enumerate() {
        model.set_time(Duration::from_millis(40 * (from + tick as u64)));
        copy(frame, output);
        model.transform(output).unwrap();
    }
}

#[test]
fn steady_processing_allocates_nothing() {
    let frames: Vec<Picture> = (0..6).map(|tick| scene(320, 176, tick)).collect();
    let mut wrong = Vec::new();
    for (name, control) in looks() {
        let mut model = create(name).unwrap();
        model.set_control(&control).unwrap();
        let mut output = Picture::default();
        run(model.as_mut(), &frames, &mut output, 0);
        let before = COUNTED.get();
        run(model.as_mut(), &frames, &mut output, 6);
        let taken = COUNTED.get() - before;
        if taken > 0 {
            wrong.push(format!("{name} {:?}: {taken}", control.prompt.unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "allocations in six frames: {wrong:#?}");
}

#[test]
fn what_a_session_keeps_is_bounded() {
    // Of the 60 MB that a session may take, decoder, encoder and their buffers need a part.
    const MOST: i64 = 30_000_000;
    let frames: Vec<Picture> = (0..2).map(|tick| scene(1280, 704, tick)).collect();
    let mut wrong = Vec::new();
    for (name, control) in looks() {
        let prompt = control.prompt.clone().unwrap_or_default();
        // A session has a thread for its model, which shares nothing with another.
        let session = || {
            let mut model = create(name).unwrap();
            model.set_control(&control).unwrap();
            let mut output = Picture::default();
            run(model.as_mut(), &frames, &mut output, 0);
            HELD.get()
        };
        let held = std::thread::scope(|scope| scope.spawn(session).join().unwrap());
        if held > MOST {
            wrong.push(format!("{name} {prompt:?}: {held}"));
        }
    }
    assert!(wrong.is_empty(), "bytes kept: {wrong:#?}");
}

#[test]
fn nothing_of_a_look_stays_when_its_prompt_is_cleared() {
    let frames: Vec<Picture> = (0..2).map(|tick| scene(640, 352, tick)).collect();
    for (name, text) in [("mirage_v2", "oil painting"), ("lucy_v2v_720p_rt", EDITS[0])] {
        let cleared = || {
            let mut model = create(name).unwrap();
            let control = Control { prompt: Some(text.to_owned()), ..Control::default() };
            model.set_control(&control).unwrap();
            let mut output = Picture::default();
            run(model.as_mut(), &frames, &mut output, 0);
            let held = HELD.get();
            model.set_control(&Control::default()).unwrap();
            drop(output);
            (held, HELD.get())
        };
        let (held, left) = std::thread::scope(|scope| scope.spawn(cleared).join().unwrap());
        assert!(held > 3_000_000 && left < 100_000, "{name}: {left} bytes of {held}");
    }
}

#[test]
fn a_new_look_gives_back_what_the_old_one_kept() {
    let frames: Vec<Picture> = (0..2).map(|tick| scene(320, 176, tick)).collect();
    let mut model = create("lucy_2_rt").unwrap();
    let mut output = Picture::default();
    let mut held = Vec::new();
    for turn in 0..24 {
        let text = EDITS[turn % EDITS.len()];
        let image = Some(Arc::new(scene(64, 48, turn as i32)));
        let control = Control { prompt: Some(text.to_owned()), image, ..Control::default() };
        model.set_control(&control).unwrap();
        // A second a look: the old one has faded out.
        for tick in 0..2 {
            model.set_time(Duration::from_millis(1000 * turn as u64 + 500 * tick));
            copy(&frames[tick as usize], &mut output);
            model.transform(&mut output).unwrap();
        }
        held.push(HELD.get());
    }
    let (first, second) = held.split_at(EDITS.len());
    for (at, (first, second)) in first.iter().zip(second).enumerate() {
        // The first turn has no vocabulary yet.
        let margin = if at == 0 { 4_000_000 } else { 100_000 };
        assert!(second - first < margin, "{}: {first} {second}", EDITS[at]);
    }
}
