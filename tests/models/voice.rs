//! What a voice does with the mouth, through the public interface.

// A mouth that is closed is exactly so.
#![allow(clippy::float_cmp)]

use std::f32::consts::TAU;

use parhelion::media::audio::ClipReader;
use parhelion::models::avatar::{Mouth, Voice};

const RATE: usize = 48_000;
/// Pairs of samples of a picture.
const PAIRS: usize = 1920;

/// What a voice is made of: pulses of a pitch, through a resonance for each formant.
fn vowel(formants: [f32; 4], pitch: f32) -> Vec<f32> {
    let mut phase = 0.0;
    let (mut first, mut second) = (0.0_f32, 0.0_f32);
    let mut sound: Vec<f32> = (0..RATE / 2)
        .map(|_| {
            phase += pitch / RATE as f32;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            first = 0.9 * first + pulse;
            second = 0.97 * second + first;
            second
        })
        .collect();
    for (formant, width) in formants.into_iter().zip([80.0, 90.0, 120.0, 150.0]) {
        resonate(&mut sound, formant, width);
    }
    let mut last = 0.0;
    for sample in &mut sound {
        (*sample, last) = (*sample - last, *sample);
    }
    at_level(sound, 0.125)
}

fn resonate(sound: &mut [f32], formant: f32, width: f32) {
    let radius = (-std::f32::consts::PI * width / RATE as f32).exp();
    let turn = 2.0 * radius * (TAU * formant / RATE as f32).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in sound {
        let out = *sample * (1.0 - turn + radius * radius) + turn * one - radius * radius * two;
        (two, one) = (one, out);
        *sample = out;
    }
}

fn at_level(mut sound: Vec<f32>, level: f32) -> Vec<f32> {
    let power = sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32;
    for sample in &mut sound {
        *sample *= level / power.sqrt();
    }
    sound
}

/// Noise between two frequencies: a sum of tones that nobody can tell from one.
fn hiss(low: f32, high: f32, level: f32) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(7);
    let tones: Vec<(f32, f32)> =
        (0..400).map(|_| (low + (high - low) * random.f32(), TAU * random.f32())).collect();
    let sound = (0..RATE / 2)
        .map(|at| {
            let time = at as f32 / RATE as f32;
            tones.iter().map(|(tone, phase)| (TAU * tone * time + phase).sin()).sum()
        })
        .collect();
    at_level(sound, level)
}

/// A hum: the lips are closed, so little above 450 Hz comes out.
fn hum() -> Vec<f32> {
    let sound = vowel([250.0, 1000.0, 2200.0, 3300.0], 120.0);
    let mut low = vec![0.0; sound.len()];
    let mut stages = [0.0_f32; 3];
    for (out, sample) in low.iter_mut().zip(&sound) {
        let mut now = *sample;
        for stage in &mut stages {
            *stage += 0.045 * (now - *stage);
            now = *stage;
        }
        *out = now;
    }
    at_level(low, 0.06)
}

fn pairs(sound: &[f32]) -> Vec<i16> {
    sound.iter().flat_map(|sample| [(sample * 32_767.0) as i16; 2]).collect()
}

/// The mouth in the middle of a sound that comes after silence, and its opening after each 10 ms.
fn shape_of(sound: &[f32]) -> (Mouth, Vec<f32>) {
    let mut voice = Voice::default();
    voice.hear(&vec![0; RATE]);
    let mut openings = Vec::new();
    let mut middle = Mouth::default();
    for (at, step) in pairs(sound).chunks(960).enumerate() {
        voice.hear(step);
        openings.push(voice.mouth().open);
        if at == 30 {
            middle = voice.mouth();
        }
    }
    (middle, openings)
}

#[test]
fn sounds_have_shapes_that_can_be_told_apart() {
    let a = shape_of(&vowel([750.0, 1250.0, 2600.0, 3500.0], 120.0)).0;
    let e = shape_of(&vowel([480.0, 1950.0, 2650.0, 3600.0], 120.0)).0;
    let i = shape_of(&vowel([290.0, 2250.0, 3000.0, 3700.0], 120.0)).0;
    let o = shape_of(&vowel([480.0, 860.0, 2500.0, 3500.0], 120.0)).0;
    let u = shape_of(&vowel([310.0, 780.0, 2300.0, 3400.0], 120.0)).0;
    let m = shape_of(&hum()).0;
    let f = shape_of(&hiss(1000.0, 12_000.0, 0.012)).0;
    let s = shape_of(&hiss(4500.0, 10_000.0, 0.04)).0;
    assert!(a.open > e.open + 0.2 && e.open > i.open + 0.1, "a {a:?}\ne {e:?}\ni {i:?}");
    assert!(a.open > o.open + 0.2 && o.open > u.open + 0.05, "a {a:?}\no {o:?}\nu {u:?}");
    assert!(i.spread > 0.8 && e.spread > 0.4 && a.spread < 0.2, "a {a:?}\ne {e:?}\ni {i:?}");
    assert!(o.round > 0.5 && u.round > o.round && a.round < 0.1, "a {a:?}\no {o:?}\nu {u:?}");
    assert!(m.press > 0.8 && m.open < 0.05, "m {m:?}");
    assert!(f.tuck > 0.6 && f.open < 0.15, "f {f:?}");
    assert!(s.teeth > 0.8 && s.tuck < 0.2 && s.open < 0.25, "s {s:?}");
    assert_eq!(shape_of(&vec![0.0; RATE / 2]).0, Mouth::default());
    let shapes = [a, e, i, o, u, m, f, s, Mouth::default()];
    for (at, one) in shapes.iter().enumerate() {
        for other in &shapes[..at] {
            let parts = |mouth: &Mouth| {
                [mouth.open, mouth.spread, mouth.round, mouth.teeth, mouth.press, mouth.tuck]
            };
            let apart = parts(one).into_iter().zip(parts(other)).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0.0, f32::max);
            assert!(apart > 0.12, "{one:?}\n{other:?}");
        }
    }
}

#[test]
fn what_is_no_voice_opens_little() {
    let chord: Vec<f32> = (0..RATE / 2)
        .map(|at| {
            let time = at as f32 / RATE as f32;
            let tone =
                |pitch: f32| (TAU * pitch * time).sin() + 0.5 * (TAU * 2.0 * pitch * time).sin();
            0.1 * (tone(220.0) + tone(277.2) + tone(329.6))
        })
        .collect();
    for (name, sound) in [
        ("noise", hiss(60.0, 15_000.0, 0.1)),
        ("breath", hiss(300.0, 4000.0, 0.01)),
        ("chord", chord),
    ] {
        let (_, openings) = shape_of(&sound);
        // It may start for a moment.
        let late = openings[20..].iter().copied().fold(0.0, f32::max);
        assert!(late < 0.2, "{name}: {late}");
        assert!(openings.iter().all(|&open| open < 0.35), "{name}: {openings:?}");
    }
}

#[test]
fn a_mouth_opens_fast_and_closes_slower_without_chatter() {
    let mut sound = vowel([750.0, 1250.0, 2600.0, 3500.0], 120.0);
    sound.extend(vec![0.0; RATE / 2]);
    let (_, openings) = shape_of(&sound);
    let first = openings.iter().position(|&open| open > 0.1).unwrap();
    assert!(first <= 3, "after {first} steps");
    let opened = openings.iter().position(|&open| open > 0.6).unwrap();
    assert!(opened <= 9, "after {opened} steps");
    let after = &openings[50..];
    let closed = after.iter().position(|&open| open < 0.1).unwrap();
    assert!((8..=30).contains(&closed), "after {closed} steps");
    assert_eq!(*after.last().unwrap(), 0.0);
    let turns = openings[10..48].windows(3).filter(|w| (w[1] - w[0]) * (w[2] - w[1]) < -1e-4);
    assert!(turns.count() < 6, "{openings:?}");
}

/// The clip beside the command that made it.
fn speech() -> Vec<i16> {
    let file = std::fs::File::open("tests/sounds/hello.flac").unwrap();
    let mut clip = ClipReader::file(Box::new(file)).unwrap();
    let mut pairs = Vec::new();
    while let Some(block) = clip.read().unwrap() {
        pairs.extend(block);
    }
    pairs
}

#[test]
fn the_opening_follows_speech_and_is_closed_in_silence() {
    let sound = speech();
    let (mut opening, mut envelope) = (Vec::new(), Vec::new());
    let mut voice = Voice::default();
    let mut quiet = 0;
    for pairs in sound.chunks(2 * PAIRS) {
        voice.hear(pairs);
        let power = pairs.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / pairs.len() as f32;
        opening.push(voice.mouth().open);
        envelope.push(power.sqrt());
        quiet = if power.sqrt() < 60.0 { quiet + 1 } else { 0 };
        // A mouth takes its time to close, as people's do.
        if quiet > 5 {
            assert!(voice.mouth().open < 0.03, "after {quiet} quiet pictures");
        }
    }
    let correlation = correlation(&opening, &envelope);
    assert!(correlation >= 0.7, "{correlation}");
    voice.hear(&vec![0; RATE]);
    assert_eq!(voice.mouth().open, 0.0);
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f32, f32) -> f32| a.iter().zip(b).map(|(&a, &b)| f(a - ma, b - mb)).sum();
    let (ab, aa, bb): (f32, f32, f32) =
        (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    ab / (aa * bb).sqrt()
}
