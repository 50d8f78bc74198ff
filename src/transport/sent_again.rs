//! Bounds what is sent again: a packet is asked for every few milliseconds until it comes, and on a
//! path that is full, answering each time would fill it further.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::send_rate::SendRate;

/// Of the estimate so much may be sent again; of a path that has not been found to be too narrow, the
/// second.
const SHARE: f64 = 0.25;
const SHARE_OF_WIDE: f64 = 0.6;
/// So many seconds of that may come at once, and never less than the second, bytes.
const AT_ONCE: f64 = 1.0;
const LEAST_AT_ONCE: f64 = 24_000.0;
/// On a path that is not known to be too narrow it goes out again so soon: who asks before the first
/// can have come is so far away that there is no time for another round.
const SOON: Duration = Duration::from_millis(120);
/// The round trip as it is measured has the receiver's pause between reports in it.
const PAUSE: Duration = Duration::from_millis(50);
const KEPT: usize = 256;

pub(super) struct SentAgain {
    outbound: VecDeque<TaggedPacket>,
    inbound: VecDeque<TaggedPacket>,
    rate: Arc<SendRate>,
    /// Which packets went out again, and when last.
    recent: VecDeque<(u32, u16, Instant)>,
    /// Bytes that may be sent again now.
    budget: f64,
    filled: Option<Instant>,
}

impl SentAgain {
    pub(super) fn new(rate: Arc<SendRate>) -> Self {
        Self {
            outbound: VecDeque::new(),
            inbound: VecDeque::new(),
            rate,
            recent: VecDeque::new(),
            budget: LEAST_AT_ONCE,
            filled: None,
        }
    }

    /// Whether a packet may be sent again.
    fn allows(&mut self, now: Instant, ssrc: u32, number: u16, size: usize) -> bool {
        let rate = self.rate.now();
        let way = rate.round_trip.unwrap_or_default().saturating_sub(PAUSE);
        let way = if rate.limited { way } else { way.min(SOON) };
        let known = self.recent.iter().position(|(s, n, _)| (*s, *n) == (ssrc, number));
        if known.is_some_and(|at| now < self.recent[at].2 + way) {
            // It is on its way.
            return false;
        }
        let share = if rate.limited { SHARE } else { SHARE_OF_WIDE };
        let each_second = f64::from(rate.estimate) / 8.0 * share;
        let elapsed = self
            .filled
            .replace(now)
            .map_or(0.0, |before| now.saturating_duration_since(before).as_secs_f64());
        let most = (each_second * AT_ONCE).max(LEAST_AT_ONCE);
        self.budget = (self.budget + each_second * elapsed).min(most);
        if self.budget < size as f64 {
            return false;
        }
        self.budget -= size as f64;
        if let Some(at) = known {
            self.recent.remove(at);
        } else if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back((ssrc, number, now));
        true
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for SentAgain {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.inbound.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &tagged.message.packet
            && tagged.message.has(&Attribute::Retransmission)
        {
            let (ssrc, number) = (packet.header.ssrc, packet.header.sequence_number);
            if !self.allows(tagged.now, ssrc, number, packet.payload.len()) {
                return Ok(());
            }
        }
        self.outbound.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for SentAgain {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rate::{Bitrates, Trend};

    const MS: Duration = Duration::from_millis(1);

    fn limited_to(bits: f64, round_trip: Duration) -> SentAgain {
        let rate = Arc::new(SendRate::new(Bitrates::up_to(3_000_000)));
        rate.publish(bits, 0.0, Trend::Hold, true, Some(round_trip));
        SentAgain::new(rate)
    }

    #[test]
    fn a_packet_is_not_sent_again_while_it_is_on_its_way() {
        let mut again = limited_to(2e6, 150 * MS);
        let start = Instant::now();
        let sent: Vec<_> =
            (0..20).filter(|n| again.allows(start + *n * 20 * MS, 1, 7, 1000)).collect();
        assert_eq!(sent, [0, 5, 10, 15]);
        assert!(again.allows(start, 1, 8, 1000) && again.allows(start, 2, 7, 1000));
    }

    #[test]
    fn on_a_long_way_it_may_be_sent_again_sooner_unless_the_path_is_narrow() {
        let rate = Arc::new(SendRate::new(Bitrates::up_to(3_000_000)));
        rate.publish(3e6, 0.0, Trend::Increase, false, Some(650 * MS));
        let mut again = SentAgain::new(rate);
        let start = Instant::now();
        let sent: Vec<_> =
            (0..4).filter(|n| again.allows(start + *n * 190 * MS, 1, 7, 1000)).collect();
        assert_eq!(sent, [0, 1, 2, 3]);
        let mut again = limited_to(1e6, 650 * MS);
        let sent: Vec<_> =
            (0..4).filter(|n| again.allows(start + *n * 190 * MS, 1, 7, 1000)).collect();
        assert_eq!(sent, [0]);
    }

    #[test]
    fn on_a_narrow_path_a_quarter_is_sent_again_at_most() {
        let mut again = limited_to(400e3, Duration::ZERO);
        let start = Instant::now();
        let mut bytes = 0;
        for n in 0..10_000 {
            if again.allows(start + n * MS, 1, n as u16, 1000) {
                bytes += 1000;
            }
        }
        // Ten seconds.
        let share = f64::from(bytes) * 8.0 / 10.0 / 400e3;
        assert!((0.2..0.32).contains(&share), "{share}");
    }
}
