//! What a session says about its own work to a client that wants to know.

use std::time::Duration;

use super::processing::Processing;
use crate::protocol::ServiceStats;
use crate::transport::video::{VideoReceiver, VideoSender};

fn ms(time: Duration) -> f64 {
    // Microseconds are exact enough, and short.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn mean_ms(total: Duration, frames: u64) -> f64 {
    if frames == 0 { 0.0 } else { ms(total.div_f64(frames as f64)) }
}

/// The numbers of the three steps that a frame takes here.
pub(super) fn report(
    receiver: &VideoReceiver,
    processing: &Processing,
    sender: &VideoSender,
) -> ServiceStats {
    let (received, sent) = (receiver.stats(), sender.stats());
    let model = processing.times();
    let places = [received.drops.as_slice(), &[processing.drops()], &sent.drops].concat();
    let lost = |place: &crate::media::Drops| {
        let place = *place;
        place
            .by_reason()
            .map(move |(reason, frames)| {
                (place.place.to_owned(), reason.as_str().to_owned(), frames)
            })
            .collect::<Vec<_>>()
    };
    ServiceStats {
        frames_decoded: received.frames_decoded,
        frames_processed: processing.processed(),
        frames_encoded: sent.frames_encoded,
        decode_ms: mean_ms(received.decode_time, received.frames_decoded),
        encode_ms: mean_ms(sent.encode_time, sent.frames_encoded),
        model_ms_p50: ms(model.p50),
        model_ms_p95: ms(model.p95),
        target_bitrate: u64::from(sent.target_bitrate),
        max_bitrate: sent.rate.map_or(0, |rate| u64::from(rate.max)),
        estimated_bandwidth: sent.rate.map_or(0, |rate| u64::from(rate.estimate)),
        rate_trend: sent.rate.map_or("", |rate| rate.trend.as_str()).to_owned(),
        bandwidth_limited: sent.rate.is_some_and(|rate| rate.limited),
        sent_width: sent.width,
        sent_height: sent.height,
        queues: places.iter().map(|one| (one.place.to_owned(), one.waiting as u64)).collect(),
        drops: places.iter().flat_map(lost).collect(),
    }
}
