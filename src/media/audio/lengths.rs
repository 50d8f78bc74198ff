//! The lengths that a recording states of its texts and pictures, checked against the file.
//!
//! The parsers behind believe them, and take as much memory as they say: 4 GiB for a file of a
//! hundred bytes. So tags in front are passed over, and what a container says of the others must lie
//! within it.

use std::collections::HashMap;
use std::io::{Read, Result, Seek, SeekFrom};

use super::clip::MediaSource;

/// Zeros that may follow tags in front.
const MAX_PADDING: usize = 64 * 1024;
/// The longest header of a stream inside Ogg. With a cover it takes a megabyte.
const MAX_HEADER: usize = 16 << 20;
/// Streams inside one Ogg file.
const MAX_STREAMS: usize = 16;
/// Packets at the beginning of a stream that are headers.
const HEADERS: usize = 8;

pub(super) enum Checked {
    /// The file without tags in front.
    Good(Box<dyn MediaSource>),
    /// It begins with nothing that is known.
    Unknown,
    /// Something in it is longer than what it is in.
    Lies,
}

/// Looks at the whole structure of a file before anything is made of it.
pub(super) fn check(mut source: Box<dyn MediaSource>) -> Result<Checked> {
    let Some(len) = source.byte_len().filter(|_| source.is_seekable()) else {
        return Ok(Checked::Unknown);
    };
    let mut file = Walk { source: &mut *source, len };
    let start = file.behind_tags()?;
    let magic = file.array::<4>(start)?.unwrap_or_default();
    let good = match &magic {
        b"RIFF" => file.riff_is_good(start)?,
        b"fLaC" => file.flac_is_good(start)?,
        b"OggS" => file.ogg_is_good(start)?,
        // Neither AIFF nor the frames of MP3 state such lengths.
        b"FORM" | [0xff, 0xe0..=0xff, ..] => true,
        _ => return Ok(Checked::Unknown),
    };
    if !good {
        return Ok(Checked::Lies);
    }
    source.seek(SeekFrom::Start(start))?;
    Ok(Checked::Good(if start == 0 { source } else { Box::new(Tail { source, start }) }))
}

struct Walk<'a> {
    source: &'a mut dyn MediaSource,
    len: u64,
}

impl Walk<'_> {
    /// The bytes at `at`, fewer at the end of the file.
    fn bytes(&mut self, at: u64, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(at))?;
        (&mut *self.source).take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>> {
        Ok(self.bytes(at, N)?.try_into().ok())
    }

    /// Where what is to be heard begins. Tags there are often (ID3v2, section 3.1).
    fn behind_tags(&mut self) -> Result<u64> {
        let mut at = 0;
        while let Some([b'I', b'D', b'3', _, _, flags, a, b, c, d]) = self.array(at)? {
            let size =
                [a, b, c, d].iter().fold(0, |size, &byte| size << 7 | u64::from(byte & 0x7f));
            at += 10 + size + if flags & 0x10 == 0 { 0 } else { 10 };
            let padding = self.bytes(at, MAX_PADDING)?;
            at += padding.iter().take_while(|byte| **byte == 0).count() as u64;
        }
        Ok(at)
    }

    /// Lists before the samples hold texts.
    fn riff_is_good(&mut self, start: u64) -> Result<bool> {
        let mut at = start + 12;
        while let Some((kind, size)) = self.chunk(at)? {
            match &kind {
                b"data" => return Ok(true),
                b"LIST" => {
                    let mut inner = at + 12;
                    while inner < at + 8 + size {
                        let Some((_, size)) = self.chunk(inner)? else { break };
                        if inner + 8 + size > self.len {
                            return Ok(false);
                        }
                        inner += 8 + size + (size & 1);
                    }
                }
                _ => {}
            }
            at += 8 + size + (size & 1);
        }
        Ok(true)
    }

    fn chunk(&mut self, at: u64) -> Result<Option<([u8; 4], u64)>> {
        let Some([a, b, c, d, size @ ..]) = self.array::<8>(at)? else { return Ok(None) };
        Ok(Some(([a, b, c, d], u32::from_le_bytes(size).into())))
    }

    /// The blocks before the samples (RFC 9639, section 8).
    fn flac_is_good(&mut self, start: u64) -> Result<bool> {
        let mut at = start + 4;
        while let Some([kind, a, b, c]) = self.array(at)? {
            let size = u32::from_be_bytes([0, a, b, c]);
            if !block_is_good(kind, &self.bytes(at + 4, size as usize)?) {
                return Ok(false);
            }
            at += 4 + u64::from(size);
            if kind & 0x80 != 0 {
                break;
            }
        }
        Ok(true)
    }

    /// The first packets of each stream, wherever it begins (RFC 3533, section 6).
    fn ogg_is_good(&mut self, start: u64) -> Result<bool> {
        let mut at = start;
        let mut streams: HashMap<[u8; 4], Headers> = HashMap::new();
        while let Some(head) = self.array::<27>(at)?.filter(|head| head.starts_with(b"OggS")) {
            let lacing = self.bytes(at + 27, head[26].into())?;
            let body: usize = lacing.iter().map(|&size| usize::from(size)).sum();
            let contents = at + 27 + lacing.len() as u64;
            at = contents + body as u64;
            let begins = head[5] & 0x02 != 0;
            let serial = [head[14], head[15], head[16], head[17]];
            if begins {
                streams.insert(serial, Headers::default());
            }
            if streams.len() > MAX_STREAMS {
                return Ok(false);
            }
            let Some(headers) = streams.get_mut(&serial).filter(|it| it.count < HEADERS) else {
                continue;
            };
            let body = self.bytes(contents, body)?;
            if !headers.take(&lacing, &body) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The headers of one stream inside Ogg.
#[derive(Default)]
struct Headers {
    count: usize,
    /// FLAC has blocks, the others texts alone.
    flac: bool,
    /// A packet that the next page goes on with.
    open: Vec<u8>,
}

impl Headers {
    /// Takes a page. False: one of the packets that it ends lies.
    fn take(&mut self, lacing: &[u8], mut body: &[u8]) -> bool {
        for &size in lacing {
            let (piece, rest) = body.split_at(usize::from(size).min(body.len()));
            body = rest;
            self.open.extend_from_slice(piece);
            if self.open.len() > MAX_HEADER {
                return false;
            }
            if size < 255 && self.count < HEADERS {
                let packet = std::mem::take(&mut self.open);
                if !self.packet_is_good(&packet) {
                    return false;
                }
                self.count += 1;
            }
        }
        true
    }

    fn packet_is_good(&mut self, packet: &[u8]) -> bool {
        if self.count == 0 {
            self.flac = packet.starts_with(b"\x7fFLAC");
            return true;
        }
        match packet {
            [kind, _, _, _, block @ ..] if self.flac => block_is_good(*kind, block),
            [3, b'v', b'o', b'r', b'b', b'i', b's', texts @ ..]
            | [b'O', b'p', b'u', b's', b'T', b'a', b'g', b's', texts @ ..] => texts_fit(texts),
            _ => true,
        }
    }
}

/// A block of FLAC: of those, texts and pictures have lengths inside.
fn block_is_good(kind: u8, block: &[u8]) -> bool {
    match kind & 0x7f {
        4 => texts_fit(block),
        6 => picture_fits(block).is_some(),
        _ => true,
    }
}

/// The name of the encoder and the comments, each behind its length (Vorbis I, section 5).
fn texts_fit(mut rest: &[u8]) -> bool {
    let number = |rest: &mut &[u8]| {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        *rest = tail;
        Some(u32::from_le_bytes(*head) as usize)
    };
    let mut texts = || {
        let vendor = number(&mut rest)?;
        rest = rest.get(vendor..)?;
        for _ in 0..number(&mut rest)? {
            let text = number(&mut rest)?;
            rest = rest.get(text..)?;
        }
        Some(())
    };
    texts().is_some()
}

/// A kind, a description, six numbers, and the picture (RFC 9639, section 8.8).
fn picture_fits(block: &[u8]) -> Option<()> {
    let text = |rest: &mut &[u8]| {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        *rest = tail.get(u32::from_be_bytes(*head) as usize..)?;
        Some(())
    };
    let mut rest = block.get(4..)?;
    text(&mut rest)?;
    text(&mut rest)?;
    rest = rest.get(16..)?;
    text(&mut rest)
}

/// A file from a place in it.
struct Tail {
    source: Box<dyn MediaSource>,
    start: u64,
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.source.read(buffer)
    }
}

impl Seek for Tail {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(at.saturating_add(self.start)),
            other => other,
        };
        Ok(self.source.seek(to)?.saturating_sub(self.start))
    }
}

impl MediaSource for Tail {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.source.byte_len()?.saturating_sub(self.start))
    }
}
