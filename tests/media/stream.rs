//! A sender of RTP packets and a receiver around the frame assembler, with a clock that tests move.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parhelion::media::{
    AccessUnit, AssemblerConfig, AssemblerOutput, AssemblerStats, FrameAssembler, RtpPacket,
};

/// A coded frame as it was before it was cut into packets.
#[derive(Clone, Debug)]
pub struct Frame {
    pub packets: Vec<RtpPacket>,
    pub data: Vec<u8>,
    pub key: bool,
}

/// Makes a stream: numbers packets, stamps frames, cuts units up.
pub struct Sender {
    pub sequence: u16,
    pub timestamp: u32,
    pub count: u32,
    pub mtu: usize,
    pub markers: bool,
    pub padding: bool,
}

impl Sender {
    pub fn new() -> Self {
        Self::starting_at(1000, 90_000)
    }

    pub fn starting_at(sequence: u16, timestamp: u32) -> Self {
        Self { sequence, timestamp, count: 0, mtu: 100, markers: true, padding: false }
    }

    pub fn packet(&mut self, marker: bool, payload: Vec<u8>) -> RtpPacket {
        let packet = RtpPacket {
            sequence: self.sequence,
            timestamp: self.timestamp,
            marker,
            payload: Bytes::from(payload),
            capture_time: None,
        };
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    pub fn frame(&mut self, key: bool, size: usize) -> Frame {
        let mut slice = vec![if key { 0x65 } else { 0x61 }, 0x88];
        slice.extend(self.count.to_be_bytes());
        slice.extend((0..size).map(|i| (i as u32 * 31 + self.count * 7) as u8 | 1));
        let mut units = Vec::new();
        if key {
            units.push(vec![0x67, 0x42, 0xc0, 0x1f, self.count as u8]);
            units.push(vec![0x68, 0xce, 0x3c, 0x80]);
        }
        units.push(slice);
        self.send(&units, key)
    }

    pub fn send(&mut self, units: &[Vec<u8>], key: bool) -> Frame {
        let mut payloads: Vec<Vec<u8>> = Vec::new();
        let small = units.iter().take_while(|unit| unit.len() < 20).count();
        if small > 1 {
            let mut aggregate = vec![0x78];
            for unit in &units[..small] {
                aggregate.extend((unit.len() as u16).to_be_bytes());
                aggregate.extend(unit);
            }
            payloads.push(aggregate);
        }
        for unit in units.iter().skip(if small > 1 { small } else { 0 }) {
            if unit.len() <= self.mtu {
                payloads.push(unit.clone());
                continue;
            }
            let pieces: Vec<&[u8]> = unit[1..].chunks(self.mtu).collect();
            for (index, piece) in pieces.iter().enumerate() {
                let start = u8::from(index == 0) << 7;
                let end = u8::from(index + 1 == pieces.len()) << 6;
                let mut payload = vec![unit[0] & 0xe0 | 0x1c, start | end | unit[0] & 0x1f];
                payload.extend(*piece);
                payloads.push(payload);
            }
        }
        let last = payloads.len() - 1;
        let mut packets = Vec::new();
        for (index, payload) in payloads.into_iter().enumerate() {
            let marker = self.markers && index == last;
            packets.push(self.packet(marker, payload));
        }
        if self.padding {
            packets.push(self.packet(false, Vec::new()));
        }
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.count += 1;
        let data = units.iter().flat_map(|unit| [&[0, 0, 0, 1], &unit[..]].concat()).collect();
        Frame { packets, data, key }
    }
}

pub struct Receiver {
    pub assembler: FrameAssembler,
    pub now: Instant,
    pub frames: Vec<AccessUnit>,
    pub requests: Vec<Instant>,
    /// Packets that were asked for, and when.
    pub repairs: Vec<(Instant, u16)>,
}

impl Receiver {
    pub fn new() -> Self {
        Self {
            assembler: FrameAssembler::new(AssemblerConfig::default()),
            now: Instant::now(),
            frames: Vec::new(),
            requests: Vec::new(),
            repairs: Vec::new(),
        }
    }

    pub fn push(&mut self, packet: &RtpPacket) {
        self.assembler.push(self.now, packet.clone());
        self.drain();
    }

    pub fn push_all<'a>(&mut self, packets: impl IntoIterator<Item = &'a RtpPacket>) {
        packets.into_iter().for_each(|packet| self.push(packet));
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.assembler.poll(self.now) {
            match output {
                AssemblerOutput::Frame(unit) => {
                    self.assembler.recycle(Vec::with_capacity(16));
                    self.frames.push(unit);
                }
                AssemblerOutput::Repair(sequences) => {
                    self.repairs.extend(sequences.into_iter().map(|sequence| (self.now, sequence)));
                }
                AssemblerOutput::KeyFrameNeeded => self.requests.push(self.now),
            }
        }
    }

    /// Lets time pass, serving every timeout at its moment.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.assembler.next_timeout().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.assembler.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
        self.assembler.handle_timeout(self.now);
        self.drain();
    }

    pub fn stats(&self) -> AssemblerStats {
        self.assembler.stats()
    }

    pub fn expect(&self, frames: &[&Frame]) {
        let sizes = || {
            let got: Vec<_> = self.frames.iter().map(|unit| unit.data.len()).collect();
            let expected: Vec<_> = frames.iter().map(|frame| frame.data.len()).collect();
            format!("got {got:?} bytes, expected {expected:?}, {:?}", self.stats())
        };
        assert!(self.frames.len() == frames.len(), "{}", sizes());
        for (unit, frame) in self.frames.iter().zip(frames) {
            assert!(unit.data == frame.data && unit.key == frame.key, "{}", sizes());
        }
    }
}
