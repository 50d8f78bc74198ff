//! What was sent, until its receiver has said what became of it.
//!
//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) names packets by a number
//! that counts everything sent over one connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};

use crate::media::rate::{Fate, PacketReport};

/// Nobody reports later than this.
const KEPT: Duration = Duration::from_secs(4);
const MOST_KEPT: usize = 16_384;
/// The reference time of a report counts these.
const TICK: Duration = Duration::from_millis(64);
/// That time has 24 bits; we begin so far in that it can go back.
const WRAP: i64 = 1 << 24;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Nothing,
    /// The report is lost as well.
    ReportLost,
    Lost,
    Arrived,
}

#[derive(Debug)]
struct Sent {
    at: Instant,
    size: u32,
    /// The same packet was sent before. Who has it already takes it for a replay, and reports nothing.
    again: bool,
    known: Known,
}

impl Sent {
    fn report(&self, fate: Fate) -> PacketReport {
        PacketReport { sent: self.at, size: self.size, fate }
    }
}

/// The packets of one connection that may still be reported on.
#[derive(Debug, Default)]
pub(super) struct SendHistory {
    /// The number of the first that is kept.
    first: u16,
    packets: VecDeque<Sent>,
    /// The number that the next report should begin with.
    next: Option<u16>,
    /// The last reference time, in ticks that do not wrap.
    reference: Option<i64>,
}

impl SendHistory {
    /// Notes a packet. Numbers follow each other; if they do not, everything before is forgotten.
    pub(super) fn sent(&mut self, number: u16, at: Instant, size: u32, again: bool) {
        if self.first.wrapping_add(self.packets.len() as u16) != number {
            self.packets.clear();
            self.next = None;
        }
        if self.packets.is_empty() {
            self.first = number;
        }
        self.packets.push_back(Sent { at, size, again, known: Known::Nothing });
        while self.packets.len() > MOST_KEPT
            || self.packets.front().is_some_and(|packet| packet.at + KEPT < at)
        {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Adds what a report says that is news, in the order of sending.
    pub(super) fn reported(&mut self, feedback: &TransportLayerCc, news: &mut Vec<PacketReport>) {
        let mut arrived = self.reference_time(feedback.reference_time);
        let mut number = feedback.base_sequence_number;
        let mut left = usize::from(feedback.packet_status_count);
        self.reaches(number, feedback.packet_status_count, news);
        let mut deltas = feedback.recv_deltas.iter();
        let mut each = |symbol: SymbolTypeTcc, this: &mut Self| {
            match symbol {
                SymbolTypeTcc::PacketNotReceived => this.lost(number, news),
                SymbolTypeTcc::PacketReceivedWithoutDelta => this.arrived(number, None, news),
                _ => {
                    let time = deltas.next().map(|delta| {
                        arrived = (arrived + i128::from(delta.delta) * 1000).max(0);
                        Duration::from_nanos(arrived as u64)
                    });
                    this.arrived(number, time, news);
                }
            }
            number = number.wrapping_add(1);
        };
        for chunk in &feedback.packet_chunks {
            match chunk {
                PacketStatusChunk::RunLengthChunk(run) => {
                    let count = usize::from(run.run_length).min(left);
                    left -= count;
                    (0..count).for_each(|_| each(run.packet_status_symbol, self));
                }
                PacketStatusChunk::StatusVectorChunk(vector) => {
                    let count = vector.symbol_list.len().min(left);
                    left -= count;
                    vector.symbol_list[..count].iter().for_each(|symbol| each(*symbol, self));
                }
            }
        }
    }

    fn find(&mut self, number: u16) -> Option<&mut Sent> {
        self.packets.get_mut(usize::from(number.wrapping_sub(self.first)))
    }

    /// A report covers so many packets from this one on. Those before it that none has covered will
    /// not be reported on.
    fn reaches(&mut self, first: u16, count: u16, news: &mut Vec<PacketReport>) {
        let kept = |next: &u16| usize::from(next.wrapping_sub(self.first)) <= self.packets.len();
        let next = self.next.filter(kept).unwrap_or(first);
        let ahead = |number: u16| number.wrapping_sub(next) < u16::MAX / 2;
        if ahead(first) {
            for number in (0..first.wrapping_sub(next)).map(|nth| next.wrapping_add(nth)) {
                let unknown = |packet: &&mut Sent| packet.known == Known::Nothing;
                if let Some(packet) = self.find(number).filter(unknown) {
                    packet.known = Known::ReportLost;
                    news.push(packet.report(Fate::Unknown));
                }
            }
        }
        let end = first.wrapping_add(count);
        if ahead(end) {
            self.next = Some(end);
        }
    }

    fn lost(&mut self, number: u16, news: &mut Vec<PacketReport>) {
        if let Some(packet) = self.find(number).filter(|packet| packet.known == Known::Nothing) {
            packet.known = Known::Lost;
            if !packet.again {
                news.push(packet.report(Fate::Lost));
            }
        }
    }

    fn arrived(&mut self, number: u16, at: Option<Duration>, news: &mut Vec<PacketReport>) {
        let Some(packet) = self.find(number) else { return };
        let before = std::mem::replace(&mut packet.known, Known::Arrived);
        // Of one that came nobody knows when no more can be said.
        let Some(at) = at else { return };
        match before {
            Known::Lost if !packet.again => news.push(packet.report(Fate::Late(at))),
            Known::Nothing | Known::Lost => news.push(packet.report(Fate::Arrived(at))),
            Known::ReportLost | Known::Arrived => {}
        }
    }

    /// Nanoseconds of a clock that does not wrap.
    fn reference_time(&mut self, ticks: u32) -> i128 {
        let ticks = i64::from(ticks) % WRAP;
        let last = self.reference.unwrap_or(WRAP + ticks);
        let mut step = (ticks - last).rem_euclid(WRAP);
        if step >= WRAP / 2 {
            step -= WRAP;
        }
        let now = (last + step).max(0);
        self.reference = Some(now);
        i128::from(now) * TICK.as_nanos() as i128
    }
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
        RecvDelta, RunLengthChunk, StatusVectorChunk,
    };

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn history(first: u16, count: u16) -> (SendHistory, Instant) {
        let (mut history, start) = (SendHistory::default(), Instant::now());
        for n in 0..count {
            let (at, size) = (start + u32::from(n) * MS, 1000 + u32::from(n));
            history.sent(first.wrapping_add(n), at, size, false);
        }
        (history, start)
    }

    fn feedback(base: u16, symbols: &[SymbolTypeTcc], deltas: &[i64]) -> TransportLayerCc {
        TransportLayerCc {
            base_sequence_number: base,
            packet_status_count: symbols.len() as u16,
            reference_time: 100,
            packet_chunks: vec![PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                symbol_list: symbols.to_vec(),
                ..Default::default()
            })],
            recv_deltas: deltas
                .iter()
                .map(|delta| RecvDelta { delta: *delta, ..Default::default() })
                .collect(),
            ..Default::default()
        }
    }

    const CAME: SymbolTypeTcc = SymbolTypeTcc::PacketReceivedSmallDelta;
    const LOST: SymbolTypeTcc = SymbolTypeTcc::PacketNotReceived;

    #[test]
    fn packets_are_matched_over_the_end_of_the_numbers() {
        let (mut history, start) = history(65_534, 4);
        let mut news = Vec::new();
        history.reported(&feedback(65_534, &[CAME, LOST, CAME, CAME], &[0, 2000, -500]), &mut news);
        let times: Vec<_> = news.iter().map(|one| one.fate.arrived()).collect();
        let first = times[0].unwrap();
        assert_eq!(times, [Some(first), None, Some(first + 2 * MS), Some(first + MS * 3 / 2)]);
        assert_eq!(news[3].sent, start + 3 * MS);
        assert_eq!(news[3].size, 1003);
    }

    #[test]
    fn a_packet_is_news_once_and_again_if_it_comes_after_all() {
        let (mut history, _) = history(10, 2);
        let mut news = Vec::new();
        let report = feedback(10, &[CAME, LOST], &[0]);
        history.reported(&report, &mut news);
        history.reported(&report, &mut news);
        assert_eq!(news.len(), 2);
        history.reported(&feedback(11, &[CAME], &[0]), &mut news);
        assert!(matches!(news[2].fate, Fate::Late(_)));
    }

    #[test]
    fn what_was_sent_again_is_not_lost() {
        let (mut history, start) = history(10, 1);
        history.sent(11, start + MS, 1000, true);
        let mut news = Vec::new();
        history.reported(&feedback(10, &[CAME, LOST], &[0]), &mut news);
        assert_eq!(news.len(), 1);
        history.reported(&feedback(11, &[CAME], &[0]), &mut news);
        assert!(matches!(news[1].fate, Fate::Arrived(_)), "the first had not come");
    }

    #[test]
    fn what_a_lost_report_was_about_stays_unknown() {
        let (mut history, _) = history(65_534, 6);
        let mut news = Vec::new();
        history.reported(&feedback(65_534, &[CAME], &[0]), &mut news);
        history.reported(&feedback(1, &[LOST, CAME], &[0]), &mut news);
        let fates: Vec<_> = news.iter().map(|one| one.fate).collect();
        assert!(matches!(
            fates[..],
            [Fate::Arrived(_), Fate::Unknown, Fate::Unknown, Fate::Lost, Fate::Arrived(_)]
        ));
        // It was only overtaken, but nobody counts it twice.
        history.reported(&feedback(65_535, &[CAME, LOST], &[0]), &mut news);
        assert_eq!(news.len(), 5);
    }

    #[test]
    fn what_was_never_sent_or_is_long_gone_is_passed_over() {
        let (mut history, start) = history(10, 2);
        let mut news = Vec::new();
        history.reported(&feedback(5, &[CAME; 10], &[0; 10]), &mut news);
        assert_eq!(news.len(), 2);
        history.sent(12, start + 2 * KEPT, 5, false);
        assert_eq!(history.packets.len(), 1);
    }

    #[test]
    fn a_report_that_says_more_than_it_counts_is_cut_off() {
        let (mut history, _) = history(0, 10);
        let mut report = feedback(0, &[], &[]);
        report.packet_status_count = 3;
        let run =
            RunLengthChunk { packet_status_symbol: LOST, run_length: 8191, ..Default::default() };
        report.packet_chunks = vec![PacketStatusChunk::RunLengthChunk(run); 500];
        let mut news = Vec::new();
        history.reported(&report, &mut news);
        assert_eq!(news.len(), 3);
    }

    #[test]
    fn the_receivers_clock_does_not_wrap() {
        let mut history = SendHistory::default();
        let before = history.reference_time((WRAP - 2) as u32);
        let after = history.reference_time(3);
        assert_eq!(after - before, 5 * TICK.as_nanos() as i128);
        assert_eq!(history.reference_time((WRAP - 2) as u32), before);
    }
}
