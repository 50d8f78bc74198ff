//! Statistics as a dict; the package turns it into documented objects.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::client::{AudioStats, Rates, Snapshot, Stats};
use crate::media::Percentiles;
use crate::media::rate::Trend;
use crate::protocol::ServiceStats;
use crate::session::Recoveries;
use crate::transport::PeerStats;

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(super) fn to_dict<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    dict.set_item("timestamp", now.as_secs_f64())?;
    video(&dict, &stats.counted)?;
    network(&dict, &stats.counted.network)?;
    sound(&dict, &stats.counted.audio)?;
    rates(&dict, &stats.rates)?;
    recoveries(&dict, &stats.recoveries)?;
    times(&dict, stats)?;
    dict.set_item("round_trip_ms", percentiles(py, &stats.counted.latency)?)?;
    let queues = PyDict::new(py);
    let drops = PyList::empty(py);
    for place in &stats.counted.drops {
        queues.set_item(place.place, place.waiting)?;
        for (reason, count) in place.by_reason() {
            drops.append((place.place, reason.as_str(), count))?;
        }
    }
    let given_up = stats.counted.network.frames_given_up;
    if given_up > 0 {
        drops.append(("network", "incomplete", given_up))?;
    }
    dict.set_item("queues", queues)?;
    dict.set_item("drops", drops)?;
    let quality = &stats.quality;
    dict.set_item(
        "quality",
        (quality.level.as_str(), quality.factor.as_str(), quality.warming_up),
    )?;
    dict.set_item("service", stats.service.as_ref().map(|one| service(py, one)).transpose()?)?;
    Ok(dict)
}

fn video(dict: &Bound<'_, PyDict>, counted: &Snapshot) -> PyResult<()> {
    let (sent, received) = (&counted.sent, &counted.received);
    dict.set_item("frames_sent", counted.frames_sent)?;
    dict.set_item("frames_received", counted.frames_received)?;
    dict.set_item("frames_under_way", counted.frames_under_way)?;
    dict.set_item("frames_encoded", sent.frames_encoded)?;
    dict.set_item("frames_decoded", received.frames_decoded)?;
    dict.set_item("key_frames_sent", sent.key_frames)?;
    dict.set_item("total_encode_time", sent.encode_time.as_secs_f64())?;
    dict.set_item("total_decode_time", received.decode_time.as_secs_f64())?;
    dict.set_item("freeze_count", counted.freeze_count)?;
    dict.set_item("total_freezes_duration", counted.total_freezes_duration.as_secs_f64())?;
    dict.set_item("target_bitrate", sent.target_bitrate)?;
    dict.set_item("estimated_bandwidth", sent.rate.map(|rate| rate.estimate))?;
    dict.set_item("rate_trend", sent.rate.map(|rate| rate.trend.as_str()))?;
    dict.set_item("bandwidth_limited", sent.rate.is_some_and(|rate| rate.limited))?;
    dict.set_item("frames_skipped", counted.skipped())?;
    dict.set_item("video_bytes_sent", sent.bytes_encoded)?;
    dict.set_item("video_bytes_received", received.bytes_received)?;
    dict.set_item("sent_size", (sent.width, sent.height))?;
    dict.set_item("received_size", (received.width, received.height))
}

fn network(dict: &Bound<'_, PyDict>, network: &PeerStats) -> PyResult<()> {
    dict.set_item("bytes_sent", network.bytes_sent)?;
    dict.set_item("bytes_received", network.bytes_received)?;
    dict.set_item("packets_sent", network.packets_sent)?;
    dict.set_item("packets_received", network.packets_received)?;
    dict.set_item("packets_lost", network.packets_lost)?;
    dict.set_item("remote_packets_lost", network.remote_packets_lost)?;
    dict.set_item("nacks_sent", network.nacks_sent)?;
    dict.set_item("nacks_received", network.nacks_received)?;
    dict.set_item("packets_repaired", network.packets_repaired)?;
    dict.set_item("key_frames_requested", network.key_frames_requested)?;
    dict.set_item("plis_received", network.plis_received)?;
    dict.set_item("firs_received", network.firs_received)?;
    dict.set_item("jitter_ms", network.jitter * 1e3)?;
    dict.set_item("network_rtt_ms", network.round_trip_time.map(|seconds| seconds * 1e3))
}

fn sound(dict: &Bound<'_, PyDict>, audio: &AudioStats) -> PyResult<()> {
    dict.set_item("audio_packets_sent", audio.traffic.packets_sent)?;
    dict.set_item("audio_packets_received", audio.traffic.packets_received)?;
    dict.set_item("audio_packets_lost", audio.received.lost)?;
    dict.set_item("audio_bytes_sent", audio.traffic.bytes_sent)?;
    dict.set_item("audio_bytes_received", audio.traffic.bytes_received)?;
    dict.set_item("audio_jitter_ms", audio.received.jitter * 1e3)?;
    dict.set_item("audio_samples_concealed", audio.received.concealed)?;
    dict.set_item("audio_samples_dropped", audio.mixer.live_dropped)?;
    dict.set_item("audio_gaps", audio.mixer.live_gaps + audio.mixer.clip_gaps)
}

fn rates(dict: &Bound<'_, PyDict>, rates: &Rates) -> PyResult<()> {
    dict.set_item("interval", rates.interval.as_secs_f64())?;
    dict.set_item("sent_fps", rates.sent_fps)?;
    dict.set_item("encoded_fps", rates.encoded_fps)?;
    dict.set_item("received_fps", rates.received_fps)?;
    dict.set_item("decoded_fps", rates.decoded_fps)?;
    dict.set_item("shown_fps", rates.shown_fps)?;
    dict.set_item("bitrate_sent", rates.bitrate_sent)?;
    dict.set_item("bitrate_received", rates.bitrate_received)?;
    dict.set_item("fraction_lost_sent", rates.fraction_lost_sent)?;
    dict.set_item("fraction_lost_received", rates.fraction_lost_received)
}

fn recoveries(dict: &Bound<'_, PyDict>, recoveries: &Recoveries) -> PyResult<()> {
    let seconds = |outage: Duration| outage.as_secs_f64();
    dict.set_item("reconnects", recoveries.reconnects)?;
    dict.set_item("ice_restarts", recoveries.ice_restarts)?;
    dict.set_item("last_outage", recoveries.last_outage.map(seconds))?;
    dict.set_item("total_outage_duration", seconds(recoveries.total_outage))
}

/// Mean times a frame: of the last interval, or of all frames before there was one.
fn times(dict: &Bound<'_, PyDict>, stats: &Stats) -> PyResult<()> {
    let Snapshot { sent, received, .. } = &stats.counted;
    let (mut encode, mut decode) = (stats.rates.encode_time, stats.rates.decode_time);
    if stats.rates.interval.is_zero() {
        encode = mean(sent.encode_time, sent.frames_encoded);
        decode = mean(received.decode_time, received.frames_decoded);
    }
    dict.set_item("encode_ms", ms(encode))?;
    dict.set_item("decode_ms", ms(decode))
}

fn mean(total: Duration, frames: u64) -> Duration {
    if frames == 0 { Duration::ZERO } else { total.div_f64(frames as f64) }
}

fn percentiles<'py>(py: Python<'py>, percentiles: &Percentiles) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("p50", ms(percentiles.p50))?;
    dict.set_item("p95", ms(percentiles.p95))?;
    dict.set_item("p99", ms(percentiles.p99))?;
    dict.set_item("samples", percentiles.samples)?;
    Ok(dict)
}

fn service<'py>(py: Python<'py>, stats: &ServiceStats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("frames_decoded", stats.frames_decoded)?;
    dict.set_item("frames_processed", stats.frames_processed)?;
    dict.set_item("frames_encoded", stats.frames_encoded)?;
    dict.set_item("decode_ms", stats.decode_ms)?;
    dict.set_item("encode_ms", stats.encode_ms)?;
    dict.set_item("model_ms_p50", stats.model_ms_p50)?;
    dict.set_item("model_ms_p95", stats.model_ms_p95)?;
    dict.set_item("target_bitrate", stats.target_bitrate)?;
    let known = stats.estimated_bandwidth > 0;
    dict.set_item("estimated_bandwidth", known.then_some(stats.estimated_bandwidth))?;
    let trend = Trend::ALL.into_iter().find(|trend| trend.as_str() == stats.rate_trend);
    dict.set_item("rate_trend", trend.map(Trend::as_str))?;
    dict.set_item("bandwidth_limited", stats.bandwidth_limited)?;
    dict.set_item("sent_size", (stats.sent_width, stats.sent_height))?;
    let queues = PyDict::new(py);
    for (place, waiting) in &stats.queues {
        queues.set_item(place, waiting)?;
    }
    dict.set_item("queues", queues)?;
    dict.set_item("drops", &stats.drops)?;
    Ok(dict)
}
