//! Colour: known values, round trips, and the same result wherever the pixels lie.

use parhelion::media::{FrameView, I420, PixelFormat, convert, planes_to};
use proptest::prelude::*;

/// A soft picture, as 4:2:0 can carry it, with every channel different.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (f64::from(x) / 40.0, f64::from(y) / 30.0);
            rgb.push((128.0 + 90.0 * (x + 0.3 * y).sin()) as u8);
            rgb.push((120.0 + 80.0 * (y - 0.2 * x).cos()) as u8);
            rgb.push((130.0 + 70.0 * (0.5 * x + 0.5 * y).sin()) as u8);
        }
    }
    rgb
}

fn view(format: PixelFormat, data: &[u8], width: u32, height: u32) -> FrameView<'_> {
    FrameView::packed(format, data, width, height).unwrap()
}

fn converted(view: &FrameView<'_>, to: PixelFormat) -> Vec<u8> {
    let mut out = Vec::new();
    convert(view, to, &mut out).unwrap();
    out
}

fn filled(view: &FrameView<'_>) -> I420 {
    let mut planes = I420::default();
    planes.fill_from(view).unwrap();
    planes
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |(&a, &b): (&u8, &u8)| (f64::from(a) - f64::from(b)).powi(2);
    let error: f64 = a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / error.max(1e-9)).log10()
}

#[test]
fn primaries_have_their_bt601_values() {
    // Red, green, blue, white, black, mid gray: Y, Cb, Cr by the definition of BT.601.
    let known = [
        ([255, 0, 0], [81, 90, 240]),
        ([0, 255, 0], [145, 54, 34]),
        ([0, 0, 255], [41, 240, 110]),
        ([255, 255, 255], [235, 128, 128]),
        ([0, 0, 0], [16, 128, 128]),
        ([128, 128, 128], [126, 128, 128]),
    ];
    for (rgb, yuv) in known {
        let data = rgb.repeat(64 * 4);
        let planes = filled(&view(PixelFormat::Rgb24, &data, 64, 4));
        let planes = planes.planes();
        for (plane, expected) in [planes.y, planes.u, planes.v].into_iter().zip(yuv) {
            for &value in plane {
                assert!(value.abs_diff(expected) <= 2, "{rgb:?} gave {value}, not {expected}");
            }
        }
        let mut back = Vec::new();
        planes_to(planes, PixelFormat::Rgb24, &mut back).unwrap();
        for (value, expected) in back.iter().zip(&data) {
            assert!(value.abs_diff(*expected) <= 3, "{rgb:?} came back as {:?}", &back[..3]);
        }
    }
}

#[test]
fn every_format_survives_a_round_trip() {
    for (width, height) in [(320, 240), (321, 241), (322, 179), (33, 2), (2, 33)] {
        let rgb = picture(width, height);
        for format in [PixelFormat::Rgb24, PixelFormat::Bgr24, PixelFormat::Rgba, PixelFormat::Bgra]
        {
            let original = converted(&view(PixelFormat::Rgb24, &rgb, width, height), format);
            let planes = filled(&view(format, &original, width, height));
            let mut back = Vec::new();
            planes_to(planes.visible(), format, &mut back).unwrap();
            let quality = psnr(&original, &back);
            assert!(quality > 36.0, "{format} {width}x{height}: {quality:.1} dB");
        }
        let gray = converted(&view(PixelFormat::Rgb24, &rgb, width, height), PixelFormat::Gray);
        let planes = filled(&view(PixelFormat::Gray, &gray, width, height));
        let mut back = Vec::new();
        planes_to(planes.visible(), PixelFormat::Gray, &mut back).unwrap();
        assert!(gray.iter().zip(&back).all(|(a, b)| a.abs_diff(*b) <= 1));
        assert!(planes.planes().u.iter().chain(planes.planes().v).all(|&c| c == 128));
    }
}

#[test]
fn i420_goes_through_untouched() {
    let (width, height) = (38, 22);
    let data: Vec<u8> = (0..width * height * 3 / 2).map(|i| (i * 7) as u8).collect();
    let frame = view(PixelFormat::I420, &data, width, height);
    let planes = filled(&frame);
    let mut back = Vec::new();
    planes_to(planes.planes(), PixelFormat::I420, &mut back).unwrap();
    assert_eq!(back, data);

    // The same array as a part of a wider one.
    let wide: Vec<u8> = data.chunks(38).flat_map(|row| [row, &[99; 5]].concat()).collect();
    let part = FrameView::strided(PixelFormat::I420, &wide, 0, width, height, 43, 1, 1).unwrap();
    assert_eq!(filled(&part).planes().u, planes.planes().u);
    assert_eq!(filled(&part).planes().v, planes.planes().v);
}

#[test]
fn the_order_of_channels_does_not_matter() {
    let (width, height) = (101, 67);
    let rgb = picture(width, height);
    let reference = filled(&view(PixelFormat::Rgb24, &rgb, width, height));
    for format in [PixelFormat::Bgr24, PixelFormat::Rgba, PixelFormat::Bgra] {
        let other = converted(&view(PixelFormat::Rgb24, &rgb, width, height), format);
        let planes = filled(&view(format, &other, width, height));
        let difference =
            |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(difference(planes.planes().y, reference.planes().y) <= 1, "{format}");
        assert!(difference(planes.planes().u, reference.planes().u) <= 1, "{format}");
        assert!(difference(planes.planes().v, reference.planes().v) <= 1, "{format}");
    }
}

#[test]
fn odd_planes_repeat_their_edge() {
    let (width, height) = (5, 3);
    let rgb = picture(width, height);
    let planes = filled(&view(PixelFormat::Rgb24, &rgb, width, height));
    let y = planes.planes().y;
    assert_eq!(y.len(), 6 * 4);
    assert!(y.chunks(6).all(|row| row[4] == row[5]));
    assert_eq!(y[12..18], y[18..24]);
}

#[test]
fn swapping_channels_is_exact() {
    let rgb = [1, 2, 3, 250, 251, 252, 9, 8, 7];
    let frame = view(PixelFormat::Rgb24, &rgb, 3, 1);
    assert_eq!(converted(&frame, PixelFormat::Bgr24), [3, 2, 1, 252, 251, 250, 7, 8, 9]);
    let rgba = converted(&frame, PixelFormat::Rgba);
    assert_eq!(rgba, [1, 2, 3, 255, 250, 251, 252, 255, 9, 8, 7, 255]);
    assert_eq!(converted(&view(PixelFormat::Rgba, &rgba, 3, 1), PixelFormat::Rgb24), rgb);
    let bgra = converted(&view(PixelFormat::Rgba, &rgba, 3, 1), PixelFormat::Bgra);
    assert_eq!(bgra, [3, 2, 1, 255, 252, 251, 250, 255, 7, 8, 9, 255]);
}

#[test]
fn every_gray_level_keeps_its_value() {
    let gray: Vec<u8> = (0..=255).collect();
    let frame = view(PixelFormat::Gray, &gray, 256, 1);
    for format in [PixelFormat::Rgb24, PixelFormat::Bgr24, PixelFormat::Rgba, PixelFormat::Bgra] {
        let color = converted(&frame, format);
        let channels = format.channels();
        for (pixel, &level) in color.chunks(channels).zip(&gray) {
            assert!(pixel[..3].iter().all(|&c| c == level), "{format}: {pixel:?} for {level}");
            assert_eq!(pixel.get(3).copied().unwrap_or(255), 255);
        }
        let back = converted(&view(format, &color, 256, 1), PixelFormat::Gray);
        assert!(back.iter().zip(&gray).all(|(a, b)| a.abs_diff(*b) <= 1), "{format}");
    }
}

#[test]
fn gray_weighs_colours_as_bt601_does() {
    let rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    let gray = converted(&view(PixelFormat::Rgb24, &rgb, 3, 1), PixelFormat::Gray);
    for (value, expected) in gray.iter().zip([76_u8, 150, 29]) {
        assert!(value.abs_diff(expected) <= 1, "{gray:?}");
    }
}

#[test]
fn an_odd_frame_cannot_become_i420() {
    let data = [0; 9];
    let error = convert(&view(PixelFormat::Rgb24, &data, 3, 1), PixelFormat::I420, &mut Vec::new())
        .unwrap_err();
    assert!(error.message.contains("3x1"), "{error}");
}

#[test]
fn decoded_planes_with_padding_and_a_short_last_row() {
    let (width, height) = (64_u32, 48_u32);
    let planes = filled(&view(PixelFormat::Rgb24, &picture(width, height), width, height));
    let tight = planes.planes();
    let spread = |plane: &[u8], stride: usize, wide: usize| {
        let mut out: Vec<u8> =
            plane.chunks(stride).flat_map(|row| [row, &vec![77; wide - stride]].concat()).collect();
        out.truncate(out.len() - (wide - stride));
        out
    };
    let (y, u, v) = (spread(tight.y, 64, 96), spread(tight.u, 32, 50), spread(tight.v, 32, 50));
    let mut padded = tight;
    (padded.y, padded.u, padded.v) = (&y, &u, &v);
    (padded.y_stride, padded.u_stride, padded.v_stride) = (96, 50, 50);
    for format in PixelFormat::ALL {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        planes_to(tight, format, &mut a).unwrap();
        planes_to(padded, format, &mut b).unwrap();
        assert!(a == b, "{format}");
    }
    // Cropping is a smaller size on the same planes.
    let mut cropped = padded;
    (cropped.width, cropped.height) = (37, 25);
    let (mut part, mut whole) = (Vec::new(), Vec::new());
    planes_to(cropped, PixelFormat::Rgb24, &mut part).unwrap();
    planes_to(tight, PixelFormat::Rgb24, &mut whole).unwrap();
    for (row, full) in part.chunks(37 * 3).zip(whole.chunks(64 * 3)) {
        // The last column of an odd width may be rounded differently.
        assert!(row.iter().zip(full).all(|(a, b)| a.abs_diff(*b) <= 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However the pixels are spread in memory, they mean the same picture.
    #[test]
    fn strides_do_not_change_the_picture(
        format in prop::sample::select(PixelFormat::ALL.to_vec()),
        half_width in 1_u32..40,
        half_height in 1_u32..20,
        odd in any::<(bool, bool)>(),
        row_gap in 0_usize..9,
        pixel_gap in 0_usize..3,
        flip in any::<(bool, bool)>(),
        seed in any::<u32>(),
    ) {
        let even = format == PixelFormat::I420;
        let width = half_width * 2 - u32::from(odd.0 && !even);
        let height = half_height * 2 - u32::from(odd.1 && !even);
        let (channels, rows) = (format.channels(), format.rows(height));
        let packed: Vec<u8> = (0..format.packed_len(width, height) as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) ^ seed).to_le_bytes()[2])
            .collect();
        let pixel = channels + pixel_gap;
        let row = width as usize * pixel + row_gap;
        let mut data = vec![0; row * rows];
        let place = |at: usize, count: usize, flipped: bool| {
            if flipped { count - 1 - at } else { at }
        };
        for (index, &value) in packed.iter().enumerate() {
            let (at, channel) = (index / channels, index % channels);
            let (x, y) = (at % width as usize, at / width as usize);
            let (x, y) = (place(x, width as usize, flip.0), place(y, rows, flip.1));
            data[y * row + x * pixel + channel] = value;
        }
        let signed = |stride: usize, flipped: bool| {
            if flipped { -(stride as isize) } else { stride as isize }
        };
        let offset = place(0, rows, flip.1) * row + place(0, width as usize, flip.0) * pixel;
        // The view ends with its last byte, as a slice of an array does.
        data.truncate(row * (rows - 1) + (width as usize - 1) * pixel + channels);
        let spread = FrameView::strided(
            format, &data, offset, width, height, signed(row, flip.1), signed(pixel, flip.0), 1,
        ).unwrap();
        let reference = view(format, &packed, width, height);
        prop_assert!(filled(&spread) == filled(&reference));
        for to in PixelFormat::ALL {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let results = (convert(&spread, to, &mut a), convert(&reference, to, &mut b));
            prop_assert_eq!(results.0.is_ok(), results.1.is_ok());
            prop_assert!(a == b, "{} to {}", format, to);
        }
    }
}

#[test]
fn a_mirrored_frame_is_the_frame_of_a_mirrored_picture() {
    for (width, height) in [(32, 18), (31, 17), (1, 1), (2, 3), (3, 2)] {
        let rgb = picture(width, height);
        for format in PixelFormat::ALL {
            let odd = !width.is_multiple_of(2) || !height.is_multiple_of(2);
            if format == PixelFormat::I420 && odd {
                continue;
            }
            let data = converted(&view(PixelFormat::Rgb24, &rgb, width, height), format);
            let turned: Vec<u8> = if format == PixelFormat::I420 {
                let (y, chroma) = data.split_at((width * height) as usize);
                let luma = y.chunks(width as usize);
                let rows = luma.chain(chroma.chunks(width as usize / 2));
                rows.flat_map(|row| row.iter().rev().copied()).collect()
            } else {
                let channels = format.channels();
                let rows = data.chunks(width as usize * channels);
                rows.flat_map(|row| row.rchunks(channels).flatten().copied()).collect()
            };
            let mut got = I420::default();
            got.fill_mirrored(&view(format, &data, width, height)).unwrap();
            let want = filled(&view(format, &turned, width, height));
            assert_eq!((got.width(), got.height()), (width, height));
            let (got, want) = (got.planes(), want.planes());
            for (got, want) in [(got.y, want.y), (got.u, want.u), (got.v, want.v)] {
                for (&got, &want) in got.iter().zip(want) {
                    assert!(got.abs_diff(want) <= 1, "{format} {width}x{height}");
                }
            }
        }
    }
}
