//! Feeds the estimate of a connection's rate: nearest to the network, so that everything that leaves
//! is seen as it leaves, and what the other end says of it first of all.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::send_history::SendHistory;
use super::send_rate::SendRate;
use crate::media::rate::{Bitrates, PacketReport, RateEstimator, Throughput, Trend};

/// <https://www.webrtc.org/experiments/rtp-hdrext/abs-send-time>
pub(super) const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

/// Sender reports that a receiver may still refer to.
const SENDER_REPORTS: usize = 8;
/// What is sent beside the picture is averaged over this.
const BESIDE: Duration = Duration::from_secs(1);
/// Room above the bounds of the picture: headers, packets that are sent again, sound.
const ROOM: (f64, u32) = (1.1, 200_000);

/// A stream that we send.
struct Stream {
    video: bool,
    transport_number: Option<u8>,
    send_time: Option<u8>,
    /// The newest sequence number that was sent.
    newest: Option<u16>,
    /// The first sequence number that was sent.
    first: Option<u16>,
    /// The highest of the last report, with its cycles.
    reported: Option<u32>,
    /// What of it was lost, says the last report.
    lost: u32,
}

pub(super) struct TransportFeedback {
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
    rate: Arc<SendRate>,
    estimator: RateEstimator,
    streams: HashMap<u32, Stream>,
    history: SendHistory,
    news: Vec<PacketReport>,
    beside: Throughput,
    began: Option<Instant>,
    /// The middle of the NTP time of our reports, and when they left.
    sender_reports: VecDeque<(u32, Instant)>,
}

impl TransportFeedback {
    pub(super) fn new(rate: Arc<SendRate>) -> Self {
        let bounds = rate.bitrates();
        let with_room = |bits: u32| ((f64::from(bits) * ROOM.0) as u32).saturating_add(ROOM.1);
        let estimator = RateEstimator::new(Bitrates {
            min: bounds.min,
            start: with_room(bounds.start),
            max: with_room(bounds.max),
        });
        Self {
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
            rate,
            estimator,
            streams: HashMap::new(),
            history: SendHistory::default(),
            news: Vec::new(),
            beside: Throughput::over(BESIDE),
            began: None,
            sender_reports: VecDeque::new(),
        }
    }

    fn leaves(&mut self, now: Instant, packet: &mut rtp::Packet, again: bool) {
        let Some(stream) = self.streams.get_mut(&packet.header.ssrc) else { return };
        let number = packet.header.sequence_number;
        let is_newer = |newest: u16| (1..1 << 15).contains(&number.wrapping_sub(newest));
        // The end of a picture is repeated without being asked for.
        let again = again || stream.newest.is_some_and(|newest| !is_newer(newest));
        if !again {
            stream.newest = Some(number);
        }
        stream.first.get_or_insert(number);
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if let (None, Some(id)) = (stream.transport_number, stream.send_time) {
            // 6.18 fixed point seconds of any clock.
            let stamp = (elapsed.as_nanos() << 18) / 1_000_000_000;
            let stamp = (stamp as u32).to_be_bytes();
            let _ = packet.header.set_extension(id, Bytes::copy_from_slice(&stamp[1..]));
        }
        let (header, payload) = (packet.header.marshal_size(), packet.payload.len());
        let size = (header + payload) as u32;
        let beside = if stream.video && !again { header as u32 } else { size };
        self.beside.add(elapsed, beside);
        if let Some(number) = stream
            .transport_number
            .and_then(|id| packet.header.get_extension(id))
            .and_then(|number| Some(u16::from_be_bytes(number.get(..2)?.try_into().ok()?)))
        {
            self.history.sent(number, now, size, again);
        }
        let before = self.estimator.target();
        self.estimator.sent(now, size);
        if self.estimator.target() < before {
            self.publish(now);
        }
    }

    fn publish(&mut self, now: Instant) {
        let trend = self.estimator.trend();
        if trend == Trend::Decrease && trend != self.rate.now().trend {
            let (wait, lost) = (self.estimator.wait(), self.estimator.lost());
            let kilobits = (self.estimator.target() / 1e3) as u32;
            tracing::debug!(target: "parhelion::transport", kilobits, wait, lost, "rate falls");
        }
        let began = self.began.unwrap_or(now);
        let elapsed = now.saturating_duration_since(began);
        let beside = self.beside.rate_at(elapsed, BESIDE).unwrap_or_default();
        self.rate.publish(
            self.estimator.target(),
            beside,
            self.estimator.trend(),
            self.estimator.is_limited(),
            self.estimator.round_trip(),
        );
    }

    fn comes(&mut self, now: Instant, packet: &dyn rtc::rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
            self.news.clear();
            self.history.reported(feedback, &mut self.news);
            if !self.news.is_empty() {
                self.estimator.report(now, &self.news);
                self.publish(now);
            }
        } else if let Some(bound) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            if bound.bitrate.is_finite() && bound.ssrcs.iter().any(|ssrc| self.is_video(*ssrc)) {
                self.estimator.bound(now, f64::from(bound.bitrate));
                self.publish(now);
            }
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            report.reports.iter().for_each(|report| self.in_sum(now, report));
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            report.reports.iter().for_each(|report| self.in_sum(now, report));
        }
    }

    /// What the other end says of all that was sent.
    fn publish_losses(&self) {
        let (mut sent, mut lost) = (0, 0);
        for stream in self.streams.values() {
            if let (Some(first), Some(highest)) = (stream.first, stream.reported) {
                sent += u64::from(highest.wrapping_sub(first.into())) + 1;
                lost += u64::from(stream.lost);
            }
        }
        self.rate.publish_losses(sent, lost);
    }

    fn is_video(&self, ssrc: u32) -> bool {
        self.streams.get(&ssrc).is_some_and(|stream| stream.video)
    }

    fn in_sum(&mut self, now: Instant, report: &ReceptionReport) {
        let Some(stream) = self.streams.get_mut(&report.ssrc) else { return };
        let highest = report.last_sequence_number;
        let packets = stream.reported.replace(highest).map(|last| highest.wrapping_sub(last));
        // 24 bits with a sign: what came twice is less than nothing lost (RFC 3550 section 6.4.1).
        stream.lost = ((report.total_lost << 8) as i32 >> 8).max(0).unsigned_abs();
        let video = stream.video;
        self.publish_losses();
        if !video {
            return;
        }
        // Too many are none: the numbers began again.
        let Some(packets) = packets.filter(|packets| (1..1 << 20).contains(packets)) else {
            return;
        };
        let lost = f64::from(report.fraction_lost) / 256.0;
        let round_trip = self
            .sender_reports
            .iter()
            .find(|(middle, _)| *middle == report.last_sender_report)
            .and_then(|(_, sent)| {
                let delay = Duration::from_secs_f64(f64::from(report.delay) / 65_536.0);
                now.saturating_duration_since(*sent).checked_sub(delay)
            });
        self.estimator.report_in_sum(now, lost, packets, round_trip);
        self.publish(now);
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for TransportFeedback {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &tagged.message.packet {
            for packet in packets {
                self.comes(tagged.now, packet.as_ref());
            }
        }
        self.inbound.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        let again = tagged.message.has(&Attribute::Retransmission);
        match &mut tagged.message.packet {
            Packet::Rtp(packet) => self.leaves(tagged.now, packet, again),
            Packet::Rtcp(packets) => {
                for packet in packets {
                    if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                        if self.sender_reports.len() == SENDER_REPORTS {
                            self.sender_reports.pop_front();
                        }
                        let middle = (report.ntp_time >> 16) as u32;
                        self.sender_reports.push_back((middle, tagged.now));
                    }
                }
            }
            _ => {}
        }
        self.outbound.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for TransportFeedback {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let id = |uri: &str| {
            let found = info.rtp_header_extensions.iter().find(|extension| extension.uri == uri);
            found.and_then(|extension| u8::try_from(extension.id).ok()).filter(|id| *id > 0)
        };
        let stream = Stream {
            video: info.mime_type.to_ascii_lowercase().starts_with("video/"),
            transport_number: id(TRANSPORT_CC_URI),
            send_time: id(ABS_SEND_TIME),
            newest: None,
            first: None,
            reported: None,
            lost: 0,
        };
        self.streams.insert(info.ssrc, stream);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
