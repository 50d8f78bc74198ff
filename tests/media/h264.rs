//! H.264, in and out: pictures survive, rates are kept, sizes change, damage is reported.

use std::time::Duration;

use parhelion::error::ErrorCode;
use parhelion::media::{
    Encoded, H264Config, H264Decoder, H264Encoder, I420, Planes, VideoDecoder, VideoEncoder,
    codec_has_assembly,
};

/// A soft texture that moves, with a bright block that moves otherwise.
fn scene(width: u32, height: u32, n: u32) -> I420 {
    let mut picture = I420::new(width, height).unwrap();
    let (w, h) = (picture.padded_width() as usize, picture.padded_height() as usize);
    let (y, u, v) = picture.planes_mut();
    for row in 0..h {
        for column in 0..w {
            let (a, b) = (column as f32 + 3.0 * n as f32, row as f32 + n as f32);
            let texture =
                (a / 9.0).sin() * 30.0 + (b / 7.0).cos() * 25.0 + (a * b / 900.0).sin() * 15.0;
            y[row * w + column] = (120.0 + texture) as u8;
        }
    }
    let (left, top) = ((n as usize * 5) % w, (n as usize * 2) % h);
    for row in y.chunks_mut(w).skip(top).take(h / 8) {
        row[left..(left + w / 8).min(w)].fill(220);
    }
    for row in 0..h / 2 {
        for column in 0..w / 2 {
            u[row * w / 2 + column] = 100 + ((column + n as usize) / 8 % 40) as u8;
            v[row * w / 2 + column] = 150 - (row / 8 % 40) as u8;
        }
    }
    picture
}

fn luma_psnr(a: Planes<'_>, b: Planes<'_>) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let mut error = 0.0;
    for row in 0..a.height as usize {
        let (from, to) = (row * a.y_stride, row * b.y_stride);
        for column in 0..a.width as usize {
            error += (f64::from(a.y[from + column]) - f64::from(b.y[to + column])).powi(2);
        }
    }
    let mean = error / f64::from(a.width * a.height);
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

fn at(n: u32) -> Duration {
    Duration::from_secs(1) * n / 30
}

fn encoder(bitrate: u32) -> H264Encoder {
    H264Encoder::new(H264Config { bitrate, ..H264Config::default() }).unwrap()
}

/// Types of the NAL units in an Annex B stream.
fn unit_types(data: &[u8]) -> Vec<u8> {
    let start = |window: &(usize, &[u8])| window.1 == [0, 0, 0, 1];
    data.windows(4).enumerate().filter(start).map(|(at, _)| data[at + 4] & 0x1f).collect()
}

#[test]
fn pictures_survive() {
    for threads in [1, 2] {
        let config = H264Config { threads, ..H264Config::default() };
        let mut encoder = H264Encoder::new(config).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        let mut unit = Vec::new();
        for n in 0..20 {
            let picture = scene(320, 180, n);
            let encoded = encoder.encode(picture.planes(), at(n), &mut unit).unwrap();
            let expected = if n == 0 { Encoded::Key } else { Encoded::Delta };
            assert_eq!(encoded, expected, "picture {n}");
            let decoded = decoder.decode(&unit).unwrap().expect("one picture per access unit");
            let quality = luma_psnr(picture.planes(), decoded);
            assert!(quality > 34.0, "{threads} threads, picture {n}: {quality:.1} dB");
        }
    }
}

#[test]
fn the_stream_is_constrained_baseline_and_says_its_colours() {
    let mut unit = Vec::new();
    encoder(1_000_000).encode(scene(320, 180, 0).planes(), at(0), &mut unit).unwrap();
    assert_eq!(unit_types(&unit), [7, 8, 5]);
    // profile_idc 66 with constraint_set0 and 1.
    assert_eq!(unit[5], 66);
    assert_eq!(unit[6] & 0xc0, 0xc0);
    // colour_description_present_flag and three bytes of 6, SMPTE 170M, somewhere in the VUI.
    let sps = &unit[4..unit.windows(5).position(|w| w == [0, 0, 0, 1, 0x68]).unwrap()];
    let bits: String =
        sps.iter().flat_map(|byte| format!("{byte:08b}").into_bytes()).map(char::from).collect();
    // video_format unspecified (5), limited range, description present.
    assert!(bits.contains(&format!("10101{}", "00000110".repeat(3))), "{bits}");
}

#[test]
fn a_key_frame_comes_when_asked_for_and_only_then() {
    let mut encoder = encoder(2_000_000);
    let mut unit = Vec::new();
    let mut keys = Vec::new();
    for n in 0..90 {
        if n == 40 {
            encoder.request_key_frame();
        }
        if encoder.encode(scene(320, 180, n).planes(), at(n), &mut unit).unwrap() == Encoded::Key {
            assert_eq!(unit_types(&unit)[..3], [7, 8, 5]);
            keys.push(n);
        }
    }
    assert_eq!(keys, [0, 40]);
}

#[test]
fn a_change_of_scene_makes_no_key_frame() {
    let mut encoder = encoder(2_000_000);
    let mut unit = Vec::new();
    let black = I420::new(320, 180).unwrap();
    encoder.encode(black.planes(), at(0), &mut unit).unwrap();
    let encoded = encoder.encode(scene(320, 180, 5).planes(), at(1), &mut unit).unwrap();
    assert_ne!(encoded, Encoded::Key);
}

#[test]
fn the_rate_follows_the_target_down_and_up() {
    let mut encoder = encoder(1_500_000);
    let mut unit = Vec::new();
    let mut measure = |encoder: &mut H264Encoder, from: u32| {
        let mut bytes = 0;
        for n in from..from + 120 {
            encoder.encode(scene(640, 360, n * 3).planes(), at(n), &mut unit).unwrap();
            // The first second is left for settling.
            if n >= from + 30 {
                bytes += unit.len();
            }
        }
        (bytes * 8 / 3) as f64
    };
    for (step, target) in [1_500_000_u32, 500_000, 1_200_000].into_iter().enumerate() {
        encoder.set_bitrate(target);
        let rate = measure(&mut encoder, step as u32 * 120);
        let ratio = rate / f64::from(target);
        assert!((0.6..1.3).contains(&ratio), "{rate:.0} b/s for a target of {target}");
    }
}

#[test]
fn the_rate_holds_whatever_the_frame_rate_really_is() {
    for fps in [10_u32, 24, 55] {
        let config = H264Config { bitrate: 150_000, frame_rate: 30.0, ..H264Config::default() };
        let mut encoder = H264Encoder::new(config).unwrap();
        let (mut unit, mut bytes) = (Vec::new(), 0);
        for n in 0..fps * 6 {
            let time = Duration::from_secs(1) * n / fps;
            encoder.encode(scene(320, 180, n * 3).planes(), time, &mut unit).unwrap();
            if n >= fps * 3 {
                bytes += unit.len();
            }
        }
        let rate = (bytes * 8 / 3) as f64;
        assert!((115e3..190e3).contains(&rate), "{rate:.0} b/s at {fps} pictures a second");
    }
}

#[test]
fn the_first_key_frame_is_of_the_target_rate() {
    let size = |bitrate| {
        let mut unit = Vec::new();
        encoder(bitrate).encode(scene(640, 360, 0).planes(), at(0), &mut unit).unwrap();
        unit.len()
    };
    let (small, large) = (size(300_000), size(8_000_000));
    assert!(small * 3 < large * 2, "{small} bytes against {large}");
}

/// After calm pictures the codec spends all it has on the next, which may be noise: more than it has
/// room for.
#[test]
fn noise_after_calm_is_encoded_whatever_it_takes() {
    let seed = 20;
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for threads in [1, 2] {
        let config =
            H264Config { bitrate: 150_000, max_bitrate: 150_000, threads, ..H264Config::default() };
        let mut encoder = H264Encoder::new(config).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        let mut unit = Vec::new();
        for n in 0..60 {
            let mut picture = I420::new(320, 240).unwrap();
            let (y, u, v) = picture.planes_mut();
            if n / 10 % 2 == 0 {
                y.fill(90);
            } else {
                [y, u, v].into_iter().flatten().for_each(|level| *level = random.u8(16..=235));
            }
            let encoded = encoder.encode(picture.planes(), at(n), &mut unit);
            let encoded = encoded.unwrap_or_else(|error| panic!("{threads}, {n}: {error}"));
            if encoded != Encoded::Skipped {
                assert!(decoder.decode(&unit).unwrap().is_some(), "{threads} threads, picture {n}");
            }
        }
    }
}

#[test]
fn the_target_stays_within_the_configured_bounds() {
    let mut encoder = encoder(99_000_000);
    assert_eq!(encoder.bitrate(), 8_000_000);
    encoder.set_bitrate(0);
    assert_eq!(encoder.bitrate(), 10_000);
}

#[test]
fn a_new_size_starts_over_with_a_key_frame() {
    let mut encoder = encoder(1_000_000);
    let mut decoder = H264Decoder::new().unwrap();
    let mut unit = Vec::new();
    for (step, (width, height)) in
        [(320, 180), (640, 360), (174, 290), (320, 180)].into_iter().enumerate()
    {
        for n in 0..4 {
            let picture = scene(width, height, n);
            let time = at(step as u32 * 4 + n);
            let encoded = encoder.encode(picture.planes(), time, &mut unit).unwrap();
            assert_eq!(encoded == Encoded::Key, n == 0);
            let decoded = decoder.decode(&unit).unwrap().expect("a picture");
            assert!(luma_psnr(picture.planes(), decoded) > 28.0, "{width}x{height} picture {n}");
        }
    }
}

#[test]
fn odd_and_tiny_pictures_are_padded() {
    for (width, height, out) in
        [(1, 1, (16, 16)), (17, 33, (18, 34)), (2, 100, (16, 100)), (321, 15, (322, 16))]
    {
        let picture = scene(width, height, 0);
        let mut unit = Vec::new();
        for planes in [picture.planes(), picture.visible()] {
            let mut decoder = H264Decoder::new().unwrap();
            encoder(1_000_000).encode(planes, at(0), &mut unit).unwrap();
            let decoded = decoder.decode(&unit).unwrap().expect("a picture");
            assert_eq!((decoded.width, decoded.height), out, "{width}x{height}");
            let corner = decoded.y[0].abs_diff(picture.planes().y[0]);
            assert!(corner < 24, "{width}x{height}: off by {corner}");
        }
    }
}

#[test]
fn too_large_a_picture_names_the_limit() {
    let picture = I420::new(4096, 64).unwrap();
    let error = encoder(1_000_000).encode(picture.planes(), at(0), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
    assert!(error.message.contains("3840x2160") && error.message.contains("4096x64"), "{error}");
}

#[test]
fn planes_that_are_too_short_are_refused() {
    let picture = I420::new(64, 64).unwrap();
    let mut planes = picture.planes();
    planes.u = &planes.u[1..];
    let error = encoder(1_000_000).encode(planes, at(0), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
}

#[test]
fn options_out_of_range_are_refused() {
    let good = H264Config::default();
    for bad in [
        H264Config { max_bitrate: 0, ..good },
        H264Config { frame_rate: 0.0, ..good },
        H264Config { frame_rate: f32::NAN, ..good },
        H264Config { threads: 0, ..good },
        H264Config { threads: 5, ..good },
    ] {
        let error = H264Encoder::new(bad).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidOptions, "{bad:?}");
    }
}

#[test]
fn a_decoder_recovers_from_damage_with_the_next_key_frame() {
    let mut encoder = encoder(1_000_000);
    let mut decoder = H264Decoder::new().unwrap();
    let mut unit = Vec::new();
    // Rubbish, then a picture whose reference never came.
    assert!(matches!(decoder.decode(&[]), Ok(None)));
    let rubbish = decoder.decode(&[0, 0, 0, 1, 0x67, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(!matches!(rubbish, Ok(Some(_))));
    encoder.encode(scene(320, 180, 0).planes(), at(0), &mut unit).unwrap();
    encoder.encode(scene(320, 180, 1).planes(), at(1), &mut unit).unwrap();
    let error = decoder.decode(&unit).map(|_| ()).unwrap_err();
    assert_eq!(error.code, ErrorCode::Codec);

    encoder.request_key_frame();
    let picture = scene(320, 180, 2);
    encoder.encode(picture.planes(), at(2), &mut unit).unwrap();
    let decoded = decoder.decode(&unit).unwrap().expect("a picture");
    assert!(luma_psnr(picture.planes(), decoded) > 30.0);

    // Bits that changed on the way must not crash it, nor keep it from recovering.
    for n in 3..40 {
        encoder.encode(scene(320, 180, n).planes(), at(n), &mut unit).unwrap();
        let len = unit.len();
        for k in 0..8 {
            unit[8 + (n as usize * 31 + k * 97) % (len - 8)] ^= 1 << (k % 8);
        }
        let _ = decoder.decode(&unit).is_ok();
    }
    encoder.request_key_frame();
    let picture = scene(320, 180, 40);
    // A damaged unit may leave the decoder with a size of its own; key frames put it right.
    let mut recovered = false;
    for n in 40..43 {
        encoder.encode(picture.planes(), at(n), &mut unit).unwrap();
        recovered = matches!(decoder.decode(&unit), Ok(Some(decoded))
            if luma_psnr(picture.planes(), decoded) > 30.0);
        if recovered {
            break;
        }
        encoder.request_key_frame();
    }
    assert!(recovered);
}

/// The codec writes warnings to standard error as it pleases, and a Python program would see them.
#[test]
fn the_codec_keeps_quiet() {
    let tests = std::env::current_exe().unwrap();
    let output = std::process::Command::new(tests)
        .args([
            "--exact",
            "h264::pictures_survive",
            "h264::a_new_size_starts_over_with_a_key_frame",
        ])
        .arg("--nocapture")
        .output()
        .unwrap();
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("2 passed"), "{out}{error}");
    assert!(!out.contains("[OpenH264]") && !error.contains("[OpenH264]"), "{error}");
}

#[test]
fn the_codec_was_built_with_assembly_where_there_is_some() {
    if std::env::var_os("OPENH264_NO_ASM").is_none() && cfg!(target_arch = "x86_64") {
        assert!(codec_has_assembly(), "install nasm and build the codec again");
    }
}
