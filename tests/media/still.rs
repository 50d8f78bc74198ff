//! Image files: known pictures, and files that are made to do harm.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use parhelion::media::PixelFormat;
use parhelion::media::still::{
    MAX_FILE_BYTES, MAX_STILL_PIXELS, StillFormat, decode, encode, inspect,
};

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// Red rises to the right, green downwards.
fn ramp(width: u32, height: u32) -> DynamicImage {
    let level = |at: u32, of: u32| (at * 200 / of.max(1)) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([level(x, width) + 20, level(y, height) + 20, 90])
    })
    .into()
}

fn files() -> [(StillFormat, Vec<u8>); 3] {
    let picture = ramp(48, 32);
    [
        (StillFormat::Png, file(&picture, ImageFormat::Png)),
        (StillFormat::Jpeg, file(&picture, ImageFormat::Jpeg)),
        (StillFormat::WebP, file(&picture, ImageFormat::WebP)),
    ]
}

fn refusal(bytes: &[u8]) -> String {
    let error = inspect(bytes).and_then(|_| decode(bytes)).unwrap_err();
    assert!(error.message.starts_with("image: "), "{error}");
    error.to_string()
}

/// A PNG chunk with its checksum.
fn chunk(kind: [u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut bytes = (contents.len() as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(contents);
    let mut crc = u32::MAX;
    for &byte in &bytes[4..] {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        }
    }
    bytes.extend((!crc).to_be_bytes());
    bytes
}

/// A PNG that says it is so large, with no more contents than that.
fn claims(width: u32, height: u32, depth: u8, color: u8) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, color, 0, 0, 0]);
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    // An empty stream of zlib.
    let data = [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    [signature, chunk(*b"IHDR", &header), chunk(*b"IDAT", &data), chunk(*b"IEND", &[])].concat()
}

#[test]
fn every_kind_is_known_by_its_bytes_and_becomes_rgb() {
    let expected = ramp(48, 32).into_rgb8();
    for (format, bytes) in files() {
        let info = inspect(&bytes).unwrap();
        assert_eq!((info.format, info.width, info.height), (format, 48, 32));
        let picture = decode(&bytes).unwrap();
        assert_eq!((picture.width, picture.height), (48, 32));
        for (&got, &want) in picture.data.iter().zip(expected.as_raw()) {
            assert!(got.abs_diff(want) <= 12, "{}", format.as_str());
        }
    }
}

#[test]
fn a_single_pixel_is_a_picture() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let picture = decode(&file(&ramp(1, 1), format)).unwrap();
        assert_eq!((picture.width, picture.height, picture.data.len()), (1, 1, 3));
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for (format, bytes) in files() {
        for len in 0..bytes.len() {
            let error = inspect(&bytes[..len]).unwrap_err();
            assert!(error.message.starts_with("image: "), "{error}");
            if len > 12 {
                let text = format!("the {} file of {len} bytes is truncated", format.as_str());
                assert!(error.message.contains(&text), "{error}");
            }
        }
    }
}

#[test]
fn what_follows_a_file_does_no_harm() {
    // As cameras do, which put a film behind a photograph.
    for (_, mut bytes) in files() {
        bytes.extend(b"and more");
        assert_eq!(decode(&bytes).unwrap().width, 48);
    }
}

#[test]
fn bombs_are_refused_by_what_they_claim() {
    for (bytes, size) in [
        (claims(8193, 1, 8, 2), "8193 x 1"),
        (claims(1, 8193, 8, 2), "1 x 8193"),
        (claims(8192, 6145, 8, 2), "8192 x 6145"),
        (claims(0x7fff_ffff, 0x7fff_ffff, 8, 2), "larger"),
        (claims(100_000, 100_000, 1, 0), "100000 x 100000"),
        // Within the pixels, but not in memory: 16 bits with alpha.
        (claims(8192, 6144, 16, 6), "8192 x 6144"),
    ] {
        let error = inspect(&bytes).unwrap_err();
        assert!(error.message.contains("expected at most 8192 x 8192"), "{error}");
        assert!(error.message.contains(size), "{error}");
        assert!(error.message.contains(&MAX_STILL_PIXELS.to_string()), "{error}");
        assert!(error.hint.is_some());
        assert!(decode(&bytes).is_err());
    }
    // As large as may be is looked at, and then found empty.
    let largest = claims(8192, 6144, 8, 2);
    assert_eq!(inspect(&largest).unwrap().width, 8192);
    assert!(decode(&largest).unwrap_err().message.contains("damaged"));
}

#[test]
fn an_empty_and_a_long_file_are_refused_with_the_limit() {
    for bytes in [Vec::new(), vec![0; MAX_FILE_BYTES + 1]] {
        let text = refusal(&bytes);
        assert!(text.contains(&format!("1 to {MAX_FILE_BYTES} bytes, got {}", bytes.len())));
    }
}

#[test]
fn a_jpeg_of_very_many_scans_is_refused() {
    let mut bytes = file(&ramp(16, 16), ImageFormat::Jpeg);
    let start = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let end = bytes.len() - 2;
    let scan = bytes[start..end].to_vec();
    bytes.truncate(end);
    for _ in 0..100 {
        bytes.extend(&scan);
    }
    bytes.extend([0xff, 0xd9]);
    assert!(refusal(&bytes).contains("101 scans"));
}

#[test]
fn other_kinds_are_named() {
    for (bytes, name) in [
        (&b"GIF89a......"[..], "a GIF"),
        (b"BM..........", "a BMP"),
        (b"II*\0........", "a TIFF"),
        (b"\0\0\0\x18ftypheic....", "HEIF"),
        (b"%PDF-1.7", "a PDF"),
        (b" <!doctype html>", "HTML"),
        (b"{\"error\": 1}", "JSON"),
        (b"hello", "something else"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains("expected a PNG, JPEG or WebP file"), "{text}");
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn transparency_lies_on_white() {
    let mut picture = RgbaImage::from_pixel(2, 1, image::Rgba([0, 0, 0, 0]));
    picture.put_pixel(1, 0, image::Rgba([100, 0, 200, 128]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let rgb = decode(&file(&picture.clone().into(), format)).unwrap();
        assert_eq!(rgb.data, [255, 255, 255, 177, 127, 227], "{format:?}");
    }
}

#[test]
fn sixteen_bits_and_grey_become_rgb() {
    let deep = image::ImageBuffer::from_pixel(2, 2, image::Rgb([65535_u16, 32768, 0]));
    let picture = decode(&file(&DynamicImage::ImageRgb16(deep), ImageFormat::Png)).unwrap();
    assert_eq!(picture.data, [255, 128, 0].repeat(4));
    let gray = image::GrayImage::from_pixel(2, 2, image::Luma([77]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let picture = decode(&file(&gray.clone().into(), format)).unwrap();
        assert_eq!(picture.data, [77; 12], "{format:?}");
    }
}

#[test]
fn a_photograph_is_turned_as_it_asks_to_be() {
    let upright = file(&ramp(48, 32), ImageFormat::Jpeg);
    // EXIF, big endian, one entry: orientation.
    let exif = |orientation: u8| {
        let mut contents = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        contents.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let mut segment = vec![0xff, 0xe1];
        segment.extend((contents.len() as u16 + 2).to_be_bytes());
        segment.extend(contents);
        [&upright[..2], &segment, &upright[2..]].concat()
    };
    let corner = |orientation| {
        let picture = decode(&exif(orientation)).unwrap();
        ((picture.width, picture.height), [picture.data[0] / 64, picture.data[1] / 64])
    };
    // Which corner of the ramp is at the top left.
    assert_eq!(corner(1), ((48, 32), [0, 0]));
    assert_eq!(corner(2), ((48, 32), [3, 0]));
    assert_eq!(corner(3), ((48, 32), [3, 3]));
    assert_eq!(corner(6), ((32, 48), [0, 3]));
    assert_eq!(corner(8), ((32, 48), [3, 0]));
    // What no table knows is ignored.
    assert_eq!(corner(99), ((48, 32), [0, 0]));
}

#[test]
fn damage_is_an_error_or_a_picture_but_never_more() {
    let seed = 0x5eed_1337;
    println!("seed {seed:#x}");
    let mut random = fastrand::Rng::with_seed(seed);
    for (format, whole) in files() {
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..=random.usize(..8) {
                let at = random.usize(12..bytes.len());
                bytes[at] = random.u8(..);
            }
            match decode(&bytes) {
                Ok(picture) => {
                    let area = u64::from(picture.width) * u64::from(picture.height);
                    assert!(area <= MAX_STILL_PIXELS);
                    assert_eq!(picture.data.len() as u64, area * 3);
                }
                Err(error) => assert!(error.message.starts_with("image: "), "{format:?}: {error}"),
            }
        }
    }
}

#[test]
fn pixels_of_every_format_become_a_file_of_the_same_picture() {
    let (width, height) = (6, 4);
    let pixel: [u8; 3] = [200, 100, 50];
    for format in PixelFormat::ALL {
        let mut data = match format {
            PixelFormat::Rgb24 => pixel.repeat(24),
            PixelFormat::Bgr24 => [50, 100, 200].repeat(24),
            PixelFormat::Rgba => [200, 100, 50, 255].repeat(24),
            PixelFormat::Bgra => [50, 100, 200, 255].repeat(24),
            PixelFormat::Gray => vec![120; 24],
            PixelFormat::I420 => [vec![120; 24], vec![100; 6], vec![160; 6]].concat(),
        };
        let bytes = encode(format, &data, width, height).unwrap();
        assert_eq!(inspect(&bytes).unwrap().format, StillFormat::Png);
        let picture = decode(&bytes).unwrap();
        let first = &picture.data[..3];
        match format {
            PixelFormat::Gray => assert_eq!(first, [120; 3]),
            PixelFormat::I420 => assert!(first[0] > first[1] && first[1] > first[2], "{first:?}"),
            _ => assert_eq!(first, pixel, "{format}"),
        }
        data.pop();
        assert!(encode(format, &data, width, height).is_err());
    }
}

#[test]
fn what_would_be_long_on_its_way_becomes_a_jpeg_unless_it_is_transparent() {
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = (0..2048 * 1500 * 4).map(|_| random.u8(..)).collect();
    let rgb = encode(PixelFormat::Rgb24, &noise[..2048 * 1500 * 3], 2048, 1500).unwrap();
    assert_eq!(inspect(&rgb).unwrap().format, StillFormat::Jpeg);
    let rgba = encode(PixelFormat::Rgba, &noise, 2048, 1500).unwrap();
    assert_eq!(inspect(&rgba).unwrap().format, StillFormat::Png);
}
