//! What is fed with hostile bytes, and what must hold whatever they are.

mod addresses;
mod audio;
mod conversation;
mod descriptions;
mod h264;
mod images;
mod packets;
mod recordings;
mod rtp;
mod signalling;

/// One way into the package from outside.
pub struct Target {
    pub name: &'static str,
    /// Panics if anything that must hold does not.
    pub run: fn(&[u8]),
    /// Folders of the tree with inputs to begin with, beside the target's own in `corpus`.
    pub seeds: &'static [&'static str],
    /// What is worth trying inside an input.
    pub words: &'static [&'static str],
    /// The longest input that is tried, in bytes.
    pub max_len: usize,
    /// The most memory that one input may cost, in bytes.
    pub memory: usize,
}

pub const TARGETS: &[Target] = &[
    signalling::TARGET,
    conversation::TARGET,
    descriptions::TARGET,
    packets::TARGET,
    rtp::TARGET,
    h264::TARGET,
    images::TARGET,
    recordings::TARGET,
    audio::TARGET,
    addresses::TARGET,
];

/// Takes an input apart, piece by piece.
pub struct Pieces<'a>(pub &'a [u8]);

impl<'a> Pieces<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Two bytes, the low one first.
    pub fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    /// That many bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        piece
    }

    /// A length in two bytes and as many bytes.
    pub fn block(&mut self) -> Option<&'a [u8]> {
        let count = self.short()?;
        Some(self.bytes(count.into()))
    }
}
