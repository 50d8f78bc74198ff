//! Recordings of every kind become blocks of 48 kHz and stereo, and what is no recording is refused
//! in words.
//!
//! The files in `tests/sounds` hold 0.3 s of 440 Hz at a quarter of full scale. WAV is written here.

use std::io::Cursor;

use parhelion::error::{Error, ErrorCode};
use parhelion::media::audio::{BLOCK, CHANNELS, ClipReader, Samples};

const TONE: f64 = 440.0;
const LEVEL: f64 = 0.25;

fn tone(rate: u32, samples: usize) -> Vec<f64> {
    let step = TONE * std::f64::consts::TAU / f64::from(rate);
    (0..samples).map(|n| (n as f64 * step).sin() * LEVEL).collect()
}

/// A WAV file (format 1: PCM, 3: float) of which every channel has the same samples.
fn wav(format: u16, bits: u16, rate: u32, channels: u16, samples: &[f64]) -> Vec<u8> {
    let mut data = Vec::new();
    for &sample in samples {
        for _ in 0..channels {
            match (format, bits) {
                (1, 8) => data.push((sample * 127.0 + 128.0).round() as u8),
                (1, 16) => data.extend(((sample * 32767.0).round() as i16).to_le_bytes()),
                (1, 24) => {
                    data.extend(&((sample * 8_388_607.0).round() as i32).to_le_bytes()[..3]);
                }
                (1, 32) => data.extend(((sample * 2_147_483_647.0).round() as i32).to_le_bytes()),
                (3, 32) => data.extend((sample as f32).to_le_bytes()),
                (3, 64) => data.extend(sample.to_le_bytes()),
                other => panic!("no such WAV: {other:?}"),
            }
        }
    }
    let frame = channels * bits / 8;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(format.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn open(bytes: Vec<u8>) -> Result<ClipReader, Error> {
    ClipReader::file(Box::new(Cursor::new(bytes)))
}

/// All samples, with every block but the last checked to be whole.
fn read(mut reader: ClipReader) -> Vec<i16> {
    let mut samples = Vec::new();
    while let Some(block) = reader.read().unwrap() {
        assert_eq!(samples.len() % (BLOCK * CHANNELS), 0, "a short block in the middle");
        samples.extend(block);
    }
    assert_eq!(reader.read().unwrap(), None);
    samples
}

fn side(samples: &[i16], side: usize) -> Vec<f64> {
    samples.chunks(CHANNELS).map(|pair| f64::from(pair[side]) / 32768.0).collect()
}

/// How strong the tone is in `samples`, and how strong all of it is: both as the peak of a sine.
fn strength(samples: &[f64]) -> (f64, f64) {
    let step = TONE * std::f64::consts::TAU / 48_000.0;
    // Whole periods, away from the edges.
    let period = 1200;
    let middle = &samples[samples.len() / 4..];
    let middle = &middle[..(samples.len() / 2).max(period) / period * period];
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in middle.iter().enumerate() {
        re += sample * (n as f64 * step).cos();
        im += sample * (n as f64 * step).sin();
        energy += sample * sample;
    }
    let count = middle.len() as f64;
    ((re * re + im * im).sqrt() * 2.0 / count, (energy * 2.0 / count).sqrt())
}

fn assert_is_the_tone(samples: &[i16], level: f64, tolerance: f64, what: &str) {
    for place in 0..CHANNELS {
        let (tone, all) = strength(&side(samples, place));
        assert!((tone / level - 1.0).abs() < tolerance, "{what}: {tone} for {level}");
        assert!((all / tone - 1.0).abs() < tolerance, "{what}: {all}, of which the tone is {tone}");
    }
}

#[test]
fn wav_of_every_width_is_the_same_sound() {
    for (format, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)] {
        let file = wav(format, bits, 48_000, 1, &tone(48_000, 14_400));
        let samples = read(open(file).unwrap());
        assert_eq!(samples.len(), 14_400 * CHANNELS, "{bits} bits");
        assert_is_the_tone(&samples, LEVEL, 0.02, &format!("format {format}, {bits} bits"));
    }
}

#[test]
fn wav_of_every_rate_and_number_of_channels_lasts_as_long() {
    for rate in [8_000, 11_025, 22_050, 44_100, 96_000, 192_000] {
        for channels in [1, 2, 6] {
            let file = wav(1, 16, rate, channels, &tone(rate, rate as usize / 2));
            let samples = read(open(file).unwrap());
            let short = 24_000 - (samples.len() / CHANNELS) as i64;
            assert!(short.abs() <= 6, "{rate} Hz: {short} samples short");
            // Six channels: the low frequencies are left out.
            let what = format!("{rate} Hz, {channels} channels");
            assert_is_the_tone(&samples, LEVEL, 0.02, &what);
        }
    }
}

#[test]
fn files_of_other_kinds_are_told_apart_by_their_bytes() {
    // Bytes at the end that a codec adds or a decoder cannot do without.
    let cases: [(&str, &[u8], usize); 5] = [
        ("mp3", include_bytes!("../sounds/tone-22050-mono.mp3"), 1500),
        ("ogg", include_bytes!("../sounds/tone-44100-stereo.ogg"), 1200),
        ("flac", include_bytes!("../sounds/tone-44100-mono.flac"), 2),
        ("adpcm", include_bytes!("../sounds/tone-16000-mono-adpcm.wav"), 4000),
        ("aiff", include_bytes!("../sounds/tone-44100-mono.aiff"), 2),
    ];
    for (name, file, tolerance) in cases {
        let samples = read(open(file.to_vec()).unwrap());
        let off = (samples.len() / CHANNELS).abs_diff(14_400);
        assert!(off <= tolerance, "{name}: {off} samples off");
        assert_is_the_tone(&samples, LEVEL, 0.08, name);
    }
}

#[test]
fn a_truncated_file_is_played_as_far_as_it_goes() {
    let file = wav(1, 16, 48_000, 1, &tone(48_000, 48_000));
    let half = read(open(file[..file.len() / 2].to_vec()).unwrap());
    assert!((half.len() / CHANNELS).abs_diff(24_000) < 1200, "{}", half.len());
    let file = include_bytes!("../sounds/tone-22050-mono.mp3");
    let whole = read(open(file.to_vec()).unwrap()).len();
    let part = read(open(file[..file.len() * 3 / 4].to_vec()).unwrap()).len();
    assert!(part < whole && part > whole / 2, "{part} of {whole}");
    // All its sound is on one page, of which there is only a part.
    let file = include_bytes!("../sounds/tone-44100-stereo.ogg");
    assert!(!refusal(file[..file.len() * 3 / 4].to_vec()).is_empty());
}

#[test]
fn a_file_with_a_hole_is_played_around_it_or_refused_and_never_more() {
    let seed = 11;
    let mut random = fastrand::Rng::with_seed(seed);
    for file in [
        &include_bytes!("../sounds/tone-22050-mono.mp3")[..],
        include_bytes!("../sounds/tone-44100-stereo.ogg"),
        include_bytes!("../sounds/tone-44100-mono.flac"),
        include_bytes!("../sounds/tone-16000-mono-adpcm.wav"),
        include_bytes!("../sounds/tone-44100-mono.aiff"),
    ] {
        for round in 0..40 {
            let mut file = file.to_vec();
            for _ in 0..random.usize(1..30) {
                let at = random.usize(..file.len());
                file[at] = random.u8(..);
            }
            let Ok(mut reader) = open(file) else { continue };
            let mut blocks = 0;
            while let Ok(Some(_)) = reader.read() {
                blocks += 1;
                assert!(blocks < 100_000, "seed {seed}, round {round}");
            }
        }
    }
}

fn refusal(bytes: Vec<u8>) -> String {
    let error = open(bytes).map(|_| ()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
    error.message
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    assert!(refusal(Vec::new()).contains("got none"));
    let mut random = fastrand::Rng::with_seed(3);
    let noise: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
    let texts = [
        b"hello".to_vec(),
        b"{\"type\": \"prompt\"}".repeat(1000),
        b"\x89PNG\r\n\x1a\n".iter().copied().chain(noise.iter().copied()).collect(),
        b"\0\0\0\x20ftypM4A ".iter().copied().chain(vec![0; 5000]).collect(),
        vec![0; 100_000],
    ];
    for text in texts {
        let message = refusal(text);
        assert!(message.contains("WAV") || message.contains("damaged"), "{message}");
    }
    // Noise may hold what looks like a header; it must not be taken for sound without an end.
    if let Ok(mut reader) = open(noise) {
        while let Ok(Some(_)) = reader.read() {}
    }
    let header = wav(1, 16, 48_000, 1, &[])[..20].to_vec();
    assert!(!refusal(header).is_empty());
    assert!(refusal(wav(1, 16, 48_000, 1, &[])).contains("got none"));
    assert!(refusal(wav(1, 16, 7_999, 1, &[0.5; 100])).contains("7999"));
    assert!(refusal(wav(1, 16, 192_001, 1, &[0.5; 100])).contains("192001"));
}

#[test]
fn samples_are_played_as_they_are() {
    let values: Vec<i16> = (0..3000).map(|n| (n * 7) as i16).collect();
    let reader = ClipReader::samples(Samples::Int16(values.clone()), 1, 48_000).unwrap();
    let samples = read(reader);
    let both: Vec<i16> = values.iter().flat_map(|&value| [value, value]).collect();
    assert_eq!(samples, both);
    let stereo = vec![0.25, -0.5, 0.75, -1.0];
    let reader = ClipReader::samples(Samples::Float32(stereo), 2, 48_000).unwrap();
    assert_eq!(read(reader), [8192, -16384, 24576, -32768]);
}

#[test]
fn more_than_two_channels_are_mixed_down() {
    let mix = |channels: usize, which: usize| {
        let mut moment = vec![0.0; channels];
        moment[which] = 0.5;
        let samples = Samples::Float32(moment.repeat(1000));
        let samples = read(ClipReader::samples(samples, channels, 48_000).unwrap());
        (f64::from(samples[500]) / 32768.0, f64::from(samples[501]) / 32768.0)
    };
    // Front left, front right, centre, low frequencies, and the left behind.
    let (left, right) = mix(6, 0);
    assert!(left > 0.2 && right.abs() < 1e-9);
    let (left, right) = mix(6, 2);
    assert!((left - right).abs() < 1e-9 && left > 0.1);
    assert_eq!(mix(6, 3), (0.0, 0.0));
    let (left, right) = mix(6, 4);
    assert!(left > 0.1 && right.abs() < 1e-9);
    // All at full scale is full scale.
    let all = ClipReader::samples(Samples::Float32(vec![1.0; 6 * 100]), 6, 48_000).unwrap();
    assert!(read(all)[100] > 32_700);
}

#[test]
fn samples_that_cannot_be_played_are_refused_in_words() {
    let cases = [
        (Samples::Int16(Vec::new()), 1, 48_000, "none"),
        (Samples::Float32(vec![0.0, f32::NAN]), 1, 48_000, "NaN at 1"),
        (Samples::Float32(vec![f32::INFINITY]), 1, 48_000, "inf at 0"),
        (Samples::Float32(vec![0.0, 1234.0]), 1, 48_000, "1234 at 1"),
        (Samples::Int16(vec![0; 9]), 9, 48_000, "9"),
        (Samples::Int16(vec![0; 9]), 0, 48_000, "0"),
        (Samples::Int16(vec![0; 9]), 1, 0, "0"),
        (Samples::Int16(vec![0; 9]), 1, 192_001, "192001"),
    ];
    for (samples, channels, rate, expected) in cases {
        let error = ClipReader::samples(samples, channels, rate).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidInput);
        assert!(error.message.contains(expected), "{}", error.message);
    }
}

/// FLAC with a comment of that many bytes, as far as they go.
fn flac_with_a_comment(stated: u32) -> Vec<u8> {
    let whole = include_bytes!("../sounds/tone-44100-mono.flac");
    let mut comments = 0_u32.to_le_bytes().to_vec();
    comments.extend(1_u32.to_le_bytes());
    comments.extend(stated.to_le_bytes());
    comments.extend(b"TITLE=a");
    // The stream's description, which comes first, is no longer the last block.
    let mut file = whole[..4].to_vec();
    file.push(0);
    file.extend(&whole[5..42]);
    file.push(4);
    file.extend(&(comments.len() as u32).to_be_bytes()[1..]);
    file.extend(comments);
    file.extend(&whole[42..]);
    file
}

#[test]
fn a_text_that_claims_to_be_longer_than_the_file_is_not_believed() {
    read(open(flac_with_a_comment(7)).unwrap());
    for stated in [8, 900 << 20, u32::MAX] {
        let said = refusal(flac_with_a_comment(stated));
        assert!(said.contains("longer than the file"), "{said}");
    }
    let mut list = b"LIST\x0c\0\0\0INFOINAM".to_vec();
    list.extend(u32::MAX.to_le_bytes());
    let mut file = wav(1, 16, 8000, 1, &tone(8000, 100));
    file.splice(12..12, list);
    let said = refusal(file);
    assert!(said.contains("longer than the file"), "{said}");
}

#[test]
fn tags_in_front_are_passed_over_whatever_they_say() {
    let mut file = b"ID3\x03\0\0\0\0\0\x14TIT2\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([0; 100]);
    file.extend(include_bytes!("../sounds/tone-22050-mono.mp3"));
    let plain = read(open(include_bytes!("../sounds/tone-22050-mono.mp3").to_vec()).unwrap());
    assert_eq!(read(open(file).unwrap()).len(), plain.len());
}

#[test]
fn what_the_parsers_panic_over_is_an_error() {
    let mut file = wav(1, 16, 8000, 1, &tone(8000, 100));
    file[24..28].copy_from_slice(&0_u32.to_le_bytes());
    let said = refusal(file);
    assert!(said.contains("damaged"), "{said}");
}
