//! The decoder, which is C++: a peer that was let in can send it anything that is framed well.
//!
//! An input is one access unit after another, each with its length before it.

use parhelion::media::{H264Decoder, VideoDecoder};

use super::{Pieces, Target};

pub const TARGET: Target = Target {
    name: "h264",
    run,
    seeds: &[],
    words: &["\0\0\0\u{1}", "\0\0\u{1}", "\0\0\u{3}"],
    max_len: 64 << 10,
    memory: 4 << 20,
};

fn run(data: &[u8]) {
    let mut decoder = H264Decoder::new().unwrap();
    let mut pieces = Pieces(data);
    while let Some(unit) = pieces.block() {
        if let Ok(Some(planes)) = decoder.decode(unit) {
            planes.check().unwrap();
        }
    }
}
