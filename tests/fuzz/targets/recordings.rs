//! Recordings for `play_audio`, as files.

use std::io::Cursor;

use parhelion::media::audio::{BLOCK, CHANNELS, ClipReader};

use super::Target;
use super::signalling::explained;

pub const TARGET: Target = Target {
    name: "recordings",
    run,
    seeds: &["tests/sounds"],
    words: &[
        "RIFF", "WAVE", "fmt ", "data", "LIST", "INFO", "fact", "FORM", "AIFF", "AIFC", "COMM",
        "SSND", "fLaC", "OggS", "ID3", "TAG", "APIC", "Xing", "LAME",
    ],
    max_len: 64 << 10,
    memory: 128 << 20,
};

/// A minute. What is packed well may last for hours; it is decoded as it plays.
const MOST_BLOCKS: usize = 3000;

fn run(data: &[u8]) {
    match ClipReader::file(Box::new(Cursor::new(data.to_vec()))) {
        Ok(mut reader) => {
            let mut last = BLOCK * CHANNELS;
            for _ in 0..MOST_BLOCKS {
                match reader.read() {
                    Ok(Some(block)) => {
                        assert_eq!(last, BLOCK * CHANNELS, "a short block is the last");
                        last = block.len();
                        assert!((1..=BLOCK * CHANNELS).contains(&last));
                        assert!(last.is_multiple_of(CHANNELS));
                    }
                    Ok(None) => return,
                    Err(error) => return explained(&error),
                }
            }
        }
        Err(error) => explained(&error),
    }
}
