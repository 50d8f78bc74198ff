//! A portrait that speaks, without a session: looks at what was found in it, and paints it.
//!
//! Usage: portrait marks IMAGE OUT.png
//!        portrait shapes IMAGE OUT.png
//!        portrait moods IMAGE OUT.png [PROMPT...]
//!        portrait speak IMAGE CLIP OUT.rgb [PROMPT]
//!        portrait time IMAGE
//!        portrait --given X,Y,X,Y,X,Y,X,Y,X,Y (marks | shapes | moods | speak | time) ...
//!
//! What is given are both eyes, both corners of the mouth and the chin, in pixels of the image; of
//! a profile the eye, the front of the lips, their corner and the chin.
//! `shapes` and `moods` paint one frame below another, as do the frames that `speak` writes: packed
//! RGB of 1280x720, 25 a second. `speak` and `time` print what they took as a JSON object.

use std::error::Error;
use std::fs;
use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use parhelion::media::audio::ClipReader;
use parhelion::media::{Picture, still};
use parhelion::models::avatar::face::{Facing, Front, Given, Point, Profile};
use parhelion::models::avatar::{Avatar, Mouth, Pose, Stage, face};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const FRAME: Duration = Duration::from_millis(40);
/// Pairs of samples of a frame.
const PAIRS: usize = 1920;
const MOODS: [&str; 8] =
    ["", "smile warmly", "happy", "serious", "surprised", "sleepy", "angry", "look to the left"];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut given = None;
    if let ["--given", places, ..] = arguments[..] {
        given = Some(parse(places)?);
        arguments.drain(..2);
    }
    let load = |path| load(path, given);
    match arguments[..] {
        ["marks", image, out] => marks(&load(image)?, out),
        ["shapes", image, out] => shapes(&load(image)?, out),
        ["moods", image, out] => moods(&load(image)?, out, &MOODS),
        ["moods", image, out, ref prompts @ ..] => moods(&load(image)?, out, prompts),
        ["speak", image, clip, out] => speak(&load(image)?, clip, out, None),
        ["speak", image, clip, out, prompt] => speak(&load(image)?, clip, out, Some(prompt)),
        ["time", image] => {
            time(&load(image)?);
            Ok(())
        }
        _ => Err("see the usage in the source".into()),
    }
}

/// A picture, and where its face is if that is known.
struct Portrait {
    picture: Picture,
    given: Option<Given>,
}

fn load(path: &str, given: Option<Given>) -> Outcome<Portrait> {
    Ok(Portrait { picture: still::decode(&fs::read(path)?)?, given })
}

fn parse(places: &str) -> Outcome<Given> {
    let numbers: Vec<f32> = places.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let points: Vec<Point> = numbers.chunks_exact(2).map(|at| Point::new(at[0], at[1])).collect();
    match points[..] {
        [left, right, mouth_left, mouth_right, chin] => Ok(Given::Front(Front {
            eyes: [left, right],
            mouth: Some([mouth_left, mouth_right]),
            chin: Some(chin),
        })),
        [eye, front, corner, chin] => {
            let facing = if front.x < corner.x { Facing::Left } else { Facing::Right };
            Ok(Given::Side(Profile::given(facing, eye, [front, corner], Some(chin))))
        }
        _ => Err("--given: expected ten numbers, or eight of a profile".into()),
    }
}

fn marks(Portrait { picture, given }: &Portrait, out: &str) -> Outcome<()> {
    let found = face::find(picture, given.as_ref());
    let drawn =
        found.marks.as_ref().map_or_else(|| picture.clone(), |marks| face::draw(picture, marks));
    println!(
        "{:?}",
        found.marks.map(|marks| (marks.likeness, marks.eyes, marks.lips.left, marks.lips.right))
    );
    write(out, &drawn.data, drawn.width as usize)
}

fn stage(portrait: &Portrait) -> Stage {
    Stage::new(&portrait.picture, portrait.given.as_ref(), (WIDTH, HEIGHT))
}

/// Nine shapes of a mouth, each as it is named.
pub const SHAPES: [(&str, Mouth); 9] = {
    const REST: Mouth = Mouth {
        open: 0.0,
        spread: 0.0,
        round: 0.0,
        teeth: 0.0,
        tongue: 0.0,
        press: 0.0,
        tuck: 0.0,
    };
    [
        ("rest", REST),
        ("m", Mouth { press: 1.0, ..REST }),
        ("a", Mouth { open: 1.0, teeth: 0.35, ..REST }),
        ("e", Mouth { open: 0.5, spread: 0.6, teeth: 0.7, tongue: 0.5, ..REST }),
        ("i", Mouth { open: 0.26, spread: 1.0, teeth: 0.9, tongue: 0.9, ..REST }),
        ("o", Mouth { open: 0.55, round: 0.75, teeth: 0.2, ..REST }),
        ("u", Mouth { open: 0.24, round: 1.0, ..REST }),
        ("f", Mouth { open: 0.07, tuck: 0.9, teeth: 0.7, ..REST }),
        ("s", Mouth { open: 0.13, spread: 0.55, teeth: 1.0, tongue: 0.3, ..REST }),
    ]
};

fn shapes(portrait: &Portrait, out: &str) -> Outcome<()> {
    let mut stage = stage(portrait);
    let mut frames = Vec::new();
    let mut frame = vec![0_u32; WIDTH * HEIGHT];
    for (_, mouth) in SHAPES {
        stage.paint(&Pose { mouth, ..Pose::default() }, &mut frame);
        append(&mut frames, &frame);
    }
    stage.paint(&Pose { lids: 1.0, ..Pose::default() }, &mut frame);
    append(&mut frames, &frame);
    write(out, &frames, WIDTH)
}

fn moods(portrait: &Portrait, out: &str, prompts: &[&str]) -> Outcome<()> {
    let mut frames = Vec::new();
    for prompt in prompts {
        let mut avatar = Avatar::new(WIDTH, HEIGHT);
        avatar.set_stage(Some(stage(portrait)));
        avatar.set_prompt(Some(prompt));
        for _ in 0..30 {
            avatar.paint(FRAME);
        }
        append(&mut frames, avatar.paint(FRAME));
    }
    write(out, &frames, WIDTH)
}

fn speak(portrait: &Portrait, clip: &str, out: &str, prompt: Option<&str>) -> Outcome<()> {
    let mut avatar = Avatar::new(WIDTH, HEIGHT);
    avatar.set_stage(Some(stage(portrait)));
    avatar.set_prompt(prompt);
    let sound = sound(clip)?;
    let mut file = std::io::BufWriter::new(fs::File::create(out)?);
    let mut frame = Vec::new();
    let mut open = Vec::new();
    for pairs in sound.chunks(2 * PAIRS) {
        avatar.hear(pairs);
        open.push(avatar.mouth());
        frame.clear();
        append(&mut frame, avatar.paint(FRAME));
        file.write_all(&frame)?;
    }
    for mouth in open {
        println!(
            "{{\"open\": {:.3}, \"spread\": {:.3}, \"round\": {:.3}, \"teeth\": {:.3}, \"press\": {:.3}, \"tuck\": {:.3}}}",
            mouth.open, mouth.spread, mouth.round, mouth.teeth, mouth.press, mouth.tuck
        );
    }
    Ok(())
}

/// All of a clip as pairs at 48 kHz.
fn sound(path: &str) -> Outcome<Vec<i16>> {
    let mut clip = ClipReader::file(Box::new(Cursor::new(fs::read(path)?)))?;
    let mut pairs = Vec::new();
    while let Some(block) = clip.read()? {
        pairs.extend_from_slice(&block);
    }
    Ok(pairs)
}

/// The CPU time of this thread; where the system does not tell, the time on the wall.
fn cpu_time(began: Instant) -> Duration {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = spent.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

fn time(portrait: &Portrait) {
    let began = Instant::now();
    let before = cpu_time(began);
    let stage = stage(portrait);
    let prepared = cpu_time(began) - before;
    let mut avatar = Avatar::new(WIDTH, HEIGHT);
    avatar.set_stage(Some(stage));
    let mut times = Vec::new();
    let mut phase = 0.0_f32;
    for _ in 0..200 {
        let pairs: Vec<i16> = (0..PAIRS)
            .flat_map(|_| {
                phase += 120.0 / 48_000.0;
                let sample = ((phase.fract() - 0.5) * 12_000.0) as i16;
                [sample, sample]
            })
            .collect();
        let before = cpu_time(began);
        avatar.hear(&pairs);
        avatar.paint(FRAME);
        times.push((cpu_time(began) - before).as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{{\"prepare_ms\": {:.1}, \"mean_ms\": {:.2}, \"p95_ms\": {:.2}, \"worst_ms\": {:.2}}}",
        prepared.as_secs_f64() * 1e3,
        times.iter().sum::<f64>() / times.len() as f64,
        times[190],
        times[199],
    );
}

fn append(frames: &mut Vec<u8>, frame: &[u32]) {
    frames.extend(frame.iter().flat_map(|pixel| pixel.to_le_bytes().into_iter().take(3)));
}

fn write(path: &str, data: &[u8], width: usize) -> Outcome<()> {
    let height = data.len() / 3 / width;
    image::save_buffer(path, data, width as u32, height as u32, image::ColorType::Rgb8)?;
    Ok(())
}
