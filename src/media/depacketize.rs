//! H.264 out of RTP payloads (RFC 6184), packetization mode 1.
//!
//! Single NAL units, STAP-A and FU-A become NAL units with start codes. What belongs to modes
//! that we never agree to is an error, what is reserved is skipped (§5.4).

use bytes::Bytes;

/// NAL unit types (ITU-T H.264 table 7-1, RFC 6184 table 1).
pub(super) const SLICE: u8 = 1;
pub(super) const IDR_SLICE: u8 = 5;
pub(super) const SPS: u8 = 7;
pub(super) const PPS: u8 = 8;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What the assembler needs of an RTP packet.
#[derive(Debug, Clone)]
pub struct RtpPacket {
    /// Sequence number; wraps.
    pub sequence: u16,
    /// Media time, 90 kHz; wraps.
    pub timestamp: u32,
    /// Set on the last packet of a frame.
    pub marker: bool,
    /// Without header, extensions and padding; empty if it was padding only.
    pub payload: Bytes,
    /// The abs-capture-time extension: NTP time as 32.32 fixed point.
    pub capture_time: Option<u64>,
}

/// A payload that breaks the rules of RFC 6184.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// What the NAL units that went through contained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    pub sps: bool,
    pub pps: bool,
    /// Any slice at all.
    pub slice: bool,
    /// A slice of an IDR picture.
    pub idr: bool,
    /// The first slice begins with the first macroblock of the picture.
    pub from_first_macroblock: bool,
}

/// Turns the payloads of one frame, in order, into an Annex B byte stream.
#[derive(Debug, Default)]
pub struct Depacketizer {
    contents: Contents,
    /// NAL header of the unit that fragments are being joined to.
    fragment: Option<u8>,
}

impl Depacketizer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the NAL units of one payload to `out`.
    ///
    /// # Errors
    ///
    /// [`Malformed`]; what is in `out` is then worthless.
    pub fn push(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some((&header, rest)) = payload.split_first() else { return Ok(()) };
        let kind = header & 0x1f;
        // Nothing may come between the fragments of a unit (§5.8).
        if self.fragment.is_some() && kind != FU_A {
            return Err(Malformed);
        }
        match kind {
            1..=23 => self.unit(payload, out),
            STAP_A => {
                for unit in Aggregate(rest) {
                    self.unit(unit?, out);
                }
            }
            FU_A => return self.fragment(header, rest, out),
            0 | 30 | 31 => {}
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// Ends the frame.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if a fragmented unit has no end.
    pub fn finish(self) -> Result<Contents, Malformed> {
        if self.fragment.is_some() { Err(Malformed) } else { Ok(self.contents) }
    }

    fn unit(&mut self, unit: &[u8], out: &mut Vec<u8>) {
        self.note(unit[0] & 0x1f, unit.get(1).copied());
        out.extend_from_slice(&START_CODE);
        out.extend_from_slice(unit);
    }

    fn fragment(&mut self, indicator: u8, rest: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some((&fu_header, data)) = rest.split_first() else { return Err(Malformed) };
        let (start, end) = (fu_header & 0x80 != 0, fu_header & 0x40 != 0);
        let header = indicator & 0xe0 | fu_header & 0x1f;
        // A fragmented unit has at least two fragments, of one kind (§5.8).
        if data.is_empty() || (start && end) || !(1..=23).contains(&(header & 0x1f)) {
            return Err(Malformed);
        }
        match (self.fragment, start) {
            (None, true) => {
                self.note(header & 0x1f, data.first().copied());
                out.extend_from_slice(&START_CODE);
                out.push(header);
            }
            (Some(open), false) if open & 0x1f == header & 0x1f => {}
            _ => return Err(Malformed),
        }
        out.extend_from_slice(data);
        self.fragment = if end { None } else { Some(header) };
        Ok(())
    }

    fn note(&mut self, kind: u8, first_byte: Option<u8>) {
        let contents = &mut self.contents;
        match kind {
            SPS => contents.sps = true,
            PPS => contents.pps = true,
            SLICE..=IDR_SLICE => {
                if !contents.slice {
                    // first_mb_in_slice is an Exp-Golomb number; zero is a single set bit.
                    contents.from_first_macroblock = first_byte.is_some_and(|b| b & 0x80 != 0);
                }
                contents.slice = true;
                contents.idr |= kind == IDR_SLICE;
            }
            _ => {}
        }
    }
}

/// Whether a payload brings a sequence parameter set, with which a key frame begins.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    match payload.split_first() {
        Some((&header, rest)) if header & 0x1f == STAP_A => {
            Aggregate(rest).map_while(Result::ok).any(|unit| unit[0] & 0x1f == SPS)
        }
        Some((&header, _)) => header & 0x1f == SPS,
        None => false,
    }
}

/// The units of a STAP-A, without its header (§5.7.1).
struct Aggregate<'a>(&'a [u8]);

impl<'a> Iterator for Aggregate<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let unit = self.0.split_first_chunk::<2>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        });
        match unit {
            // Aggregates hold plain units only.
            Some((unit, rest)) if unit.first().is_some_and(|h| (1..=23).contains(&(h & 0x1f))) => {
                self.0 = rest;
                Some(Ok(unit))
            }
            _ => {
                self.0 = &[];
                Some(Err(Malformed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(payloads: &[&[u8]]) -> Result<(Vec<u8>, Contents), Malformed> {
        let mut out = Vec::new();
        let mut depacketizer = Depacketizer::new();
        for payload in payloads {
            depacketizer.push(payload, &mut out)?;
        }
        Ok((out, depacketizer.finish()?))
    }

    #[test]
    fn a_single_unit_gets_a_start_code() {
        let (out, contents) = run(&[&[0x61, 0x9a, 1]]).unwrap();
        assert_eq!(out, [0, 0, 0, 1, 0x61, 0x9a, 1]);
        assert!(contents.slice && contents.from_first_macroblock && !contents.idr);
    }

    #[test]
    fn an_aggregate_is_taken_apart() {
        let (out, contents) = run(&[&[0x78, 0, 2, 0x67, 1, 0, 3, 0x68, 2, 3]]).unwrap();
        assert_eq!(out, [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 3]);
        assert!(contents.sps && contents.pps && !contents.slice);
    }

    #[test]
    fn fragments_are_joined() {
        let (out, contents) =
            run(&[&[0x7c, 0x85, 0x88, 1], &[0x7c, 0x05, 2], &[0x7c, 0x45, 3]]).unwrap();
        assert_eq!(out, [0, 0, 0, 1, 0x65, 0x88, 1, 2, 3]);
        assert!(contents.idr && contents.from_first_macroblock);
    }

    #[test]
    fn a_later_slice_is_told_from_the_first() {
        let (_, contents) = run(&[&[0x65, 0x41, 1]]).unwrap();
        assert!(contents.idr && !contents.from_first_macroblock);
    }

    #[test]
    fn padding_and_reserved_types_are_skipped() {
        let (out, _) = run(&[&[], &[0x00, 1], &[0x1e, 1], &[0x1f], &[0x61, 1]]).unwrap();
        assert_eq!(out, [0, 0, 0, 1, 0x61, 1]);
    }

    #[test]
    fn broken_payloads_are_refused() {
        let broken: &[&[&[u8]]] = &[
            &[&[0x78, 0]],                                     // half a length
            &[&[0x78, 0, 0]],                                  // empty unit
            &[&[0x78, 0xff, 0xff, 0x67]],                      // length beyond the end
            &[&[0x78, 0, 2, 0x7c, 1]],                         // fragment in an aggregate
            &[&[0x7c]],                                        // no fragment header
            &[&[0x7c, 0x85]],                                  // no data
            &[&[0x7c, 0xc5, 1]],                               // start and end at once
            &[&[0x7c, 0x05, 1]],                               // middle without start
            &[&[0x7c, 0x9c, 1]],                               // fragment of a fragment
            &[&[0x7c, 0x85, 1]],                               // no end
            &[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1]],             // two starts
            &[&[0x7c, 0x85, 1], &[0x7c, 0x41, 1]],             // the kind changes
            &[&[0x7c, 0x85, 1], &[0x61, 1], &[0x7c, 0x45, 1]], // a unit in between
            &[&[0x79, 0, 0, 0, 2, 0x61, 1]],                   // STAP-B
            &[&[0x7d, 0x85, 0, 0, 1]],                         // FU-B
        ];
        for payloads in broken {
            assert_eq!(run(payloads), Err(Malformed), "{payloads:x?}");
        }
    }

    #[test]
    fn parameter_sets_mark_the_start_of_a_key_frame() {
        assert!(starts_key_frame(&[0x67, 1]));
        assert!(starts_key_frame(&[0x78, 0, 2, 9, 1, 0, 2, 0x67, 1]));
        assert!(!starts_key_frame(&[0x78, 0, 9, 0x67]));
        assert!(!starts_key_frame(&[0x7c, 0x85, 1]));
        assert!(!starts_key_frame(&[]));
    }
}
