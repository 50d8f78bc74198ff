//! Changes inputs at random, in the ways in which parsers are usually caught out.

use fastrand::Rng;

/// Values at the edges of what lengths and counters hold.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    u64::MAX,
];

/// A changed copy of one of `seeds`, of at most `max` bytes.
pub fn mutate(rng: &mut Rng, seeds: &[Vec<u8>], words: &[&str], max: usize) -> Vec<u8> {
    let mut data = rng.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..1 << rng.u32(0..5) {
        change(rng, &mut data, seeds, words);
    }
    data.truncate(max);
    data
}

fn change(rng: &mut Rng, data: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
    let at = rng.usize(0..=data.len());
    match rng.u32(0..11) {
        0 if at < data.len() => data[at] ^= 1 << rng.u32(0..8),
        1 if at < data.len() => data[at] = rng.u8(..),
        2 => insert(data, at, &bytes(rng)),
        3 => drop(data.drain(at..at + length(rng, data.len() - at))),
        4 => {
            let piece = data[at..at + length(rng, data.len() - at)].to_vec();
            let to = rng.usize(0..=data.len());
            insert(data, to, &piece.repeat(rng.usize(1..4)));
        }
        5 => {
            let edge = EDGES[rng.usize(..EDGES.len())];
            let wide = 1 << rng.u32(0..4);
            let value =
                if rng.bool() { edge.to_le_bytes()[..wide].to_vec() } else { big(edge, wide) };
            for (to, from) in data[at..].iter_mut().zip(value) {
                *to = from;
            }
        }
        6 => data.truncate(at),
        7 => {
            if let Some(other) = rng.choice(seeds) {
                let from = rng.usize(0..=other.len());
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
        }
        8 => {
            if let Some(word) = rng.choice(words) {
                insert(data, at, word.as_bytes());
            }
        }
        9 => number(rng, data, at),
        _ => {
            if let Some(other) = rng.choice(seeds) {
                let from = rng.usize(0..=other.len());
                insert(data, at, &other[from..from + length(rng, other.len() - from)]);
            }
        }
    }
}

/// Writes another number over the next one in a text.
fn number(rng: &mut Rng, data: &mut Vec<u8>, at: usize) {
    let Some(from) = data[at..].iter().position(u8::is_ascii_digit).map(|from| at + from) else {
        return;
    };
    let to = data[from..].iter().position(|b| !b.is_ascii_digit()).map_or(data.len(), |n| from + n);
    let edge = EDGES[rng.usize(..EDGES.len())];
    let text = match rng.u32(0..4) {
        0 => format!("-{edge}"),
        1 => format!("{edge}.5e{}", rng.u32(0..400)),
        _ => edge.to_string(),
    };
    data.splice(from..to, text.into_bytes());
}

fn insert(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    data.splice(at..at, piece.iter().copied());
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let value = rng.u8(..);
    let same = rng.bool();
    (0..length(rng, 64)).map(|_| if same { value } else { rng.u8(..) }).collect()
}

/// Mostly short.
fn length(rng: &mut Rng, limit: usize) -> usize {
    let limit = if rng.u32(0..4) > 0 { limit.min(8) } else { limit };
    rng.usize(0..=limit)
}

fn big(value: u64, wide: usize) -> Vec<u8> {
    value.to_be_bytes()[8 - wide..].to_vec()
}
