//! RTP and RTCP packets as they come out of decryption, in the parsers that stand before ours.

use bytes::{Buf, Bytes};
use rtc::shared::marshal::Unmarshal;

use super::Target;

pub const TARGET: Target =
    Target { name: "packets", run, seeds: &[], words: &[], max_len: 1500, memory: 4 << 20 };

fn run(data: &[u8]) {
    let mut packet = Bytes::copy_from_slice(data);
    if let Ok(parsed) = rtc::rtp::Packet::unmarshal(&mut packet) {
        assert!(parsed.payload.len() <= data.len());
        assert!(parsed.header.csrc.len() <= 15);
    }
    let mut compound = Bytes::copy_from_slice(data);
    if let Ok(parsed) = rtc::rtcp::packet::unmarshal(&mut compound) {
        assert!(parsed.len() <= data.len());
    }
    assert!(compound.remaining() <= data.len());
}
