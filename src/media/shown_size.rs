//! The size at which a picture is to be shown that travels smaller than it is.
//!
//! H.264 has no field for it, so it is said in a message beside the picture: supplemental enhancement
//! information of user data (ITU-T H.264 section D.1.7), under an identifier of ours. Decoders that do
//! not know it pass over it, and show the picture as it is.

use super::depacketize::IDR_SLICE;

const SEI: u8 = 6;
const USER_DATA_UNREGISTERED: u8 = 5;
const IDENTIFIER: [u8; 16] = *b"Parhelion shown\0";
const PAYLOAD: u8 = 16 + 4 + 4;
/// A picture is not enlarged by more than this, so that a few bytes cannot fill the memory.
const MOST: u32 = 8;

/// Puts the size into an access unit of Annex B, before its slices.
pub fn insert(unit: &mut Vec<u8>, width: u32, height: u32) {
    let Some(at) = first_slice(unit) else { return };
    let mut message = vec![0, 0, 0, 1, SEI, USER_DATA_UNREGISTERED, PAYLOAD];
    message.extend_from_slice(&IDENTIFIER);
    // As characters: bytes of zero would have to be escaped (section 7.4.1).
    message.extend_from_slice(&letters(width));
    message.extend_from_slice(&letters(height));
    message.push(0x80);
    // The identifier ends with the only zero.
    unit.splice(at..at, message);
}

/// The size that an access unit asks for, of a picture that was coded in another.
pub fn read(unit: &[u8], coded: (u32, u32)) -> Option<(u32, u32)> {
    for start in starts(unit) {
        let (kind, rest) = unit[start..].split_first()?;
        match kind & 0x1f {
            SEI => {
                let Some(size) = rest
                    .strip_prefix(&[USER_DATA_UNREGISTERED, PAYLOAD])
                    .and_then(|rest| rest.strip_prefix(&IDENTIFIER))
                else {
                    continue;
                };
                let (width, height) = (number(size.get(..4)?)?, number(size.get(4..8)?)?);
                let fits = |side: u32, coded: u32| {
                    side.is_multiple_of(2) && side >= coded && side <= coded.saturating_mul(MOST)
                };
                let fits = fits(width, coded.0) && fits(height, coded.1);
                return fits.then_some((width, height));
            }
            1..=IDR_SLICE => return None,
            _ => {}
        }
    }
    None
}

/// Four letters for 16 bits.
fn letters(number: u32) -> [u8; 4] {
    std::array::from_fn(|nth| b'a' + (number >> (12 - 4 * nth) & 0xf) as u8)
}

fn number(letters: &[u8]) -> Option<u32> {
    letters.iter().try_fold(0, |number, letter| {
        let digit = letter.checked_sub(b'a').filter(|digit| *digit < 16)?;
        Some(number << 4 | u32::from(digit))
    })
}

/// Where the units begin, behind their start codes.
fn starts(unit: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = unit.get(at..)?.windows(3).position(|bytes| bytes == [0, 0, 1])?;
        at += found + 3;
        (at < unit.len()).then_some(at)
    })
}

/// Where the start code of the first slice begins.
fn first_slice(unit: &[u8]) -> Option<usize> {
    let slice = starts(unit).find(|&start| (1..=IDR_SLICE).contains(&(unit[start] & 0x1f)))?;
    let code = slice - 3;
    Some(if code > 0 && unit[code - 1] == 0 { code - 1 } else { code })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: [u8; 16] = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65];

    #[test]
    fn what_is_put_in_is_read() {
        for size in [(1280, 720), (256, 512), (3840, 2160), (1298, 1000)] {
            let mut unit = UNIT.to_vec();
            insert(&mut unit, size.0, size.1);
            assert!(unit.starts_with(&UNIT[..12]), "behind the parameter sets");
            assert!(unit.ends_with(&UNIT[12..]));
            assert_eq!(read(&unit, (size.0 / 2, size.1 / 2)), Some(size));
        }
    }

    #[test]
    fn there_is_no_start_code_within() {
        let mut unit = UNIT.to_vec();
        insert(&mut unit, 256, 512);
        assert_eq!(starts(&unit).count(), 4);
    }

    #[test]
    fn what_says_nothing_or_nonsense_is_shown_as_it_is() {
        assert_eq!(read(&UNIT, (640, 360)), None);
        assert_eq!(read(&[], (640, 360)), None);
        let mut unit = UNIT.to_vec();
        insert(&mut unit, 60_000, 60_000);
        assert_eq!(read(&unit, (16, 16)), None, "too large");
        assert_eq!(read(&unit[..40], (30_000, 30_000)), None, "cut off");
        let mut unit = UNIT.to_vec();
        insert(&mut unit, 320, 180);
        assert_eq!(read(&unit, (640, 360)), None, "smaller than it is");
    }

    #[test]
    fn a_unit_without_slices_stays_as_it_is() {
        let mut unit = UNIT[..12].to_vec();
        insert(&mut unit, 1280, 720);
        assert_eq!(unit, UNIT[..12]);
    }
}
