//! The sequence parameter sets of a stream (ITU-T H.264, section 7.3.2.1.1), as far as they say how
//! much memory a decoder takes.
//!
//! The codec believes them up to sixteen reference pictures of 4096 x 2304: half a gigabyte for a
//! packet of a few dozen bytes. No level of the standard allows that many of that size.

/// Macroblocks that all reference pictures have together in level 5.2 (table A-1).
const MAX_REFERENCE_MACROBLOCKS: u32 = 184_320;
const MAX_REFERENCES: u32 = 16;

const SEQUENCE: u8 = 7;
const SUBSET: u8 = 15;

/// Whether every parameter set in a byte stream keeps to what the standard allows. One that cannot
/// be read does not.
pub(super) fn fit(stream: &[u8]) -> bool {
    units(stream)
        .filter(|unit| matches!(unit[0] & 0x1f, SEQUENCE | SUBSET))
        .all(|unit| Reader::new(&unit[1..]).references_fit() == Some(true))
}

/// The units of a byte stream, without start codes, and not empty.
fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(stream).map(|at| &stream[at + 3..]);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = start_code(unit);
        rest = end.map(|at| &unit[at + 3..]);
        Some(&unit[..end.unwrap_or(unit.len())])
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the next start code is. Most bytes are not looked at.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&[a, b, c]) = bytes.get(at..at + 3).and_then(|three| three.first_chunk()) {
        match (a, b, c) {
            (0, 0, 1) => return Some(at),
            (_, _, 2..) => at += 3,
            _ => at += 1,
        }
    }
    None
}

/// Reads bits, past the bytes that keep start codes from arising (section 7.4.1).
struct Reader<'a> {
    bytes: &'a [u8],
    zeros: u32,
    byte: u8,
    left: u32,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, zeros: 0, byte: 0, left: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            let (mut byte, mut rest) = self.bytes.split_first()?;
            if self.zeros >= 2 && *byte == 3 {
                (byte, rest) = rest.split_first()?;
                self.zeros = 0;
            }
            self.zeros = if *byte == 0 { self.zeros + 1 } else { 0 };
            (self.byte, self.bytes, self.left) = (*byte, rest, 8);
        }
        self.left -= 1;
        Some(u32::from(self.byte >> self.left & 1))
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// An unsigned Exp-Golomb number (section 9.1).
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.bits(zeros)?)
    }

    fn signed(&mut self) -> Option<i32> {
        let number = i64::from(self.number()?);
        i32::try_from(if number % 2 == 0 { -number / 2 } else { (number + 1) / 2 }).ok()
    }

    fn references_fit(&mut self) -> Option<bool> {
        let profile = self.bits(8)?;
        self.bits(16)?; // constraints and level
        self.number()?; // its id
        if matches!(profile, 44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 244) {
            self.skip_high_profile()?;
        }
        self.number()?; // bits of the frame number
        match self.number()? {
            0 => drop(self.number()?),
            1 => {
                self.bit()?;
                self.signed()?;
                self.signed()?;
                for _ in 0..self.number()?.min(256) {
                    self.signed()?;
                }
            }
            _ => {}
        }
        let references = self.number()?;
        self.bit()?; // whether frame numbers may be missing
        let width = self.number()?.checked_add(1)?;
        let units = self.number()?.checked_add(1)?;
        let height = if self.bit()? == 1 { units } else { units.checked_mul(2)? };
        let area = width.checked_mul(height)?;
        Some(references <= (MAX_REFERENCE_MACROBLOCKS / area).min(MAX_REFERENCES))
    }

    fn skip_high_profile(&mut self) -> Option<()> {
        let chroma = self.number()?;
        if chroma == 3 {
            self.bit()?;
        }
        self.number()?; // bit depths
        self.number()?;
        self.bit()?;
        if self.bit()? == 1 {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if self.bit()? == 1 {
                    self.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(())
    }

    /// Section 7.3.2.1.1.1.
    fn skip_scaling_list(&mut self, size: u32) -> Option<()> {
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.signed()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what [`Reader`] reads.
    #[derive(Default)]
    struct Writer(Vec<u8>);

    impl Writer {
        fn bits(mut self, count: u32, value: u32) -> Self {
            self.0.extend((0..count).rev().map(|at| (value >> at & 1) as u8));
            self
        }

        fn number(self, value: u32) -> Self {
            let count = 32 - (value + 1).leading_zeros();
            self.bits(count - 1, 0).bits(count, value + 1)
        }

        /// A unit in a byte stream.
        fn unit(self, header: u8) -> Vec<u8> {
            let mut bits = self.0;
            bits.push(1);
            let mut unit = vec![0, 0, 0, 1, header];
            let mut zeros = 0;
            for byte in bits.chunks(8) {
                let byte =
                    byte.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at));
                if zeros == 2 && byte <= 3 {
                    unit.push(3);
                    zeros = 0;
                }
                unit.push(byte);
                zeros = if byte == 0 { zeros + 1 } else { 0 };
            }
            unit
        }
    }

    fn sequence(profile: u32, width: u32, height: u32, references: u32) -> Vec<u8> {
        let mut writer = Writer::default().bits(8, profile).bits(16, 0xc0_34).number(0);
        if profile == 100 {
            // 4:2:0, 8 bits, with one scaling list, whose second value ends it.
            writer = writer.number(1).number(0).number(0).bits(2, 0b01);
            writer = writer.bits(1, 1).number(0).number(16).bits(7, 0);
        }
        writer
            .number(0)
            .number(2)
            .number(references)
            .bits(1, 0)
            .number(width - 1)
            .number(height - 1)
            .bits(4, 0b1000)
            .unit(0x67)
    }

    #[test]
    fn what_the_standard_allows_fits_and_more_does_not() {
        for profile in [66, 77, 100] {
            for (width, height, references, expected) in [
                (80, 45, 1, true),
                (80, 45, 16, true),
                (120, 68, 4, true),
                (256, 144, 5, true),
                (256, 144, 6, false),
                (256, 144, 16, false),
                (80, 45, 17, false),
                (1 << 16, 1 << 16, 1, false),
            ] {
                let stream = sequence(profile, width, height, references);
                assert_eq!(fit(&stream), expected, "{profile}: {width} {height} {references}");
            }
        }
    }

    #[test]
    fn it_is_found_wherever_it_stands() {
        let good = sequence(66, 80, 45, 1);
        let bad = sequence(66, 256, 144, 16);
        let slice = [0, 0, 0, 1, 0x65, 0x88, 1, 2, 3, 4, 5, 6];
        assert!(fit(&[&good[..], &slice].concat()));
        assert!(!fit(&[&slice[..], &bad].concat()));
        // A start code of three bytes, in the middle of a unit that claims to be one.
        assert!(!fit(&[&slice[..], &bad[1..]].concat()));
        assert!(!fit(&[&good[..], &bad[1..], &slice].concat()));
        assert!(fit(&slice) && fit(&[]) && fit(&[0, 0, 1]));
        assert!(!fit(&[0, 0, 1, 0x67]) && !fit(&good[..8]), "cut off");
    }
}
