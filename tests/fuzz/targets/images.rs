//! Reference images, as files.

use parhelion::media::still::{self, MAX_STILL_PIXELS};

use super::Target;
use super::signalling::explained;

pub const TARGET: Target = Target {
    name: "images",
    run,
    seeds: &[],
    words: &[
        "IHDR", "IDAT", "IEND", "acTL", "fcTL", "fdAT", "iCCP", "zTXt", "PLTE", "tRNS", "eXIf",
        "VP8 ", "VP8L", "VP8X", "ANIM", "ANMF", "ALPH", "EXIF", "ICCP", "Exif\0\0",
    ],
    max_len: 64 << 10,
    // Twice: what a decoder unpacks to, and that turned or laid on white.
    memory: 600 << 20,
};

fn run(data: &[u8]) {
    let looked_at = still::inspect(data);
    let decoded = still::decode(data);
    match (&looked_at, &decoded) {
        (Ok(info), Ok(picture)) => {
            let (width, height) = (picture.width, picture.height);
            let turned = (info.height, info.width) == (width, height);
            assert!(turned || (info.width, info.height) == (width, height));
            assert!(u64::from(width) * u64::from(height) <= MAX_STILL_PIXELS);
            assert_eq!(picture.data.len(), 3 * width as usize * height as usize);
        }
        (Err(error), Err(_)) => explained(error),
        (Ok(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("decoded although {error}"),
    }
    decoded.err().iter().for_each(explained);
}
