//! Access units to RTP packets (RFC 6184, packetization mode 1).
//!
//! A picture is cut into payloads once, however many receive it; each of them has headers of its
//! own. The payloader is webrtc's; sequence numbers and time stamps are ours, because the RTP time
//! must follow the capture time and the first packet of a frame carries abs-capture-time.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use rtc::rtp;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::packetizer::Payloader;

use crate::error::{Error, ErrorCode, Result};

/// Leaves room for SRTP, UDP and IP within 1280 bytes, the least that IPv6 guarantees.
const MAX_PAYLOAD: usize = 1188;
const CLOCK_RATE: u128 = 90_000;

/// One encoded picture in pieces that fit into packets. All who are sent it share its memory.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    pieces: Arc<[Bytes]>,
    /// NTP 32.32.
    pub capture_time: u64,
    /// Whether a receiver can begin with it.
    pub key: bool,
}

/// Cuts the pictures of one encoder into payloads.
#[derive(Default)]
pub struct Cutter(H264Payloader);

impl Cutter {
    /// Splits one access unit. `capture_time` is NTP 32.32.
    pub fn cut(
        &mut self,
        access_unit: Vec<u8>,
        capture_time: u64,
        key: bool,
    ) -> Result<EncodedFrame> {
        let pieces = self.0.payload(MAX_PAYLOAD, &Bytes::from(access_unit)).map_err(|error| {
            Error::new(ErrorCode::Codec, format!("packetizing a frame failed: {error}"))
        })?;
        Ok(EncodedFrame { pieces: pieces.into(), capture_time, key })
    }
}

/// Writes the headers for one receiver.
pub(super) struct Packetizer {
    ssrc: u32,
    payload_type: u8,
    /// Negotiated id of abs-capture-time; none when the other end does not know it.
    capture_extension: Option<u8>,
    sequence: u16,
    timestamp_offset: u32,
    last_timestamp: Option<u32>,
}

impl Packetizer {
    pub(super) fn new(
        ssrc: u32,
        payload_type: u8,
        capture_extension: Option<u8>,
        random: u64,
    ) -> Self {
        Self {
            ssrc,
            payload_type,
            capture_extension,
            sequence: (random >> 32) as u16,
            timestamp_offset: random as u32,
            last_timestamp: None,
        }
    }

    /// The packets of one picture.
    pub(super) fn packets(&mut self, frame: &EncodedFrame) -> Result<Vec<rtp::Packet>> {
        let timestamp = self.timestamp(frame.capture_time);
        let count = frame.pieces.len();
        let mut packets = Vec::with_capacity(count);
        for (index, payload) in frame.pieces.iter().enumerate() {
            let mut header = rtp::Header {
                version: 2,
                marker: index + 1 == count,
                payload_type: self.payload_type,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            if let (0, Some(id)) = (index, self.capture_extension) {
                let mut value = BytesMut::with_capacity(8);
                value.put_u64(frame.capture_time);
                header.set_extension(id, value.freeze()).map_err(|error| {
                    Error::new(ErrorCode::Internal, format!("abs-capture-time: {error}"))
                })?;
            }
            packets.push(rtp::Packet { header, payload: payload.clone() });
        }
        Ok(packets)
    }

    /// The RTP time of a capture time. Two frames never share one, however close they are: a
    /// receiver tells frames apart by it.
    fn timestamp(&mut self, capture_time: u64) -> u32 {
        let ticks = ((u128::from(capture_time) * CLOCK_RATE) >> 32) as u32;
        let mut timestamp = ticks.wrapping_add(self.timestamp_offset);
        if let Some(last) = self.last_timestamp
            && (timestamp.wrapping_sub(last) as i32) <= 0
        {
            timestamp = last.wrapping_add(1);
        }
        self.last_timestamp = Some(timestamp);
        timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize, capture_time: u64) -> EncodedFrame {
        let mut unit = vec![0, 0, 0, 1, 0x65];
        unit.resize(len, 0xAB);
        Cutter::default().cut(unit, capture_time, true).unwrap()
    }

    #[test]
    fn the_first_packet_carries_the_capture_time_and_the_last_the_marker() {
        let mut packetizer = Packetizer::new(7, 102, Some(4), 0xFFFF_0000_0000);
        let packets = packetizer.packets(&frame(5000, 0x0123_4567_89AB_CDEF)).unwrap();
        assert!(packets.len() > 3);
        assert_eq!(
            packets[0].header.get_extension(4).as_deref(),
            Some(&0x0123_4567_89AB_CDEFu64.to_be_bytes()[..])
        );
        assert!(packets[1..].iter().all(|packet| packet.header.get_extension(4).is_none()));
        let markers: Vec<bool> = packets.iter().map(|packet| packet.header.marker).collect();
        assert_eq!(markers.iter().filter(|marker| **marker).count(), 1);
        assert_eq!(markers.last(), Some(&true));
        // The sequence wraps from 65535 to 0 without a gap.
        assert_eq!(packets[0].header.sequence_number, 0xFFFF);
        assert_eq!(packets[1].header.sequence_number, 0);
    }

    #[test]
    fn receivers_have_headers_of_their_own_and_share_the_payloads() {
        let frame = frame(5000, 1 << 32);
        let mut packetizers = [Packetizer::new(7, 102, None, 1), Packetizer::new(8, 96, None, 2)];
        let [one, two] = packetizers.each_mut().map(|each| each.packets(&frame).unwrap());
        assert_ne!(one[0].header.timestamp, two[0].header.timestamp);
        for (one, two) in one.iter().zip(&two) {
            assert_eq!((one.header.ssrc, two.header.ssrc), (7, 8));
            assert_eq!(one.payload.as_ptr(), two.payload.as_ptr());
        }
    }

    #[test]
    fn rtp_time_follows_capture_time_at_90_khz_and_never_repeats() {
        let mut packetizer = Packetizer::new(7, 102, None, 0);
        let mut at = |capture| packetizer.packets(&frame(50, capture)).unwrap()[0].header.timestamp;
        let first = at(10 << 32);
        assert_eq!(at((10 << 32) + (1 << 31)).wrapping_sub(first), 45_000);
        let third = at((10 << 32) + (1 << 31) + 1);
        assert_eq!(third.wrapping_sub(first), 45_001);
        assert_eq!(at(5 << 32), third + 1, "a clock that jumps back does not turn RTP time back");
    }
}
