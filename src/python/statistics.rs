//! Statistics as a dict; the package turns it into documented objects.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::client::Stats;

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn ms_per_frame(total: Duration, frames: u64) -> f64 {
    if frames == 0 { 0.0 } else { ms(total) / frames as f64 }
}

pub(super) fn to_dict<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let (sent, received, network) = (&stats.sent, &stats.received, &stats.network);
    let dict = PyDict::new(py);
    dict.set_item("frames_sent", stats.frames_sent)?;
    dict.set_item("frames_received", stats.frames_received)?;
    dict.set_item("frames_encoded", sent.frames_encoded)?;
    dict.set_item("frames_decoded", received.frames_decoded)?;
    dict.set_item("key_frames_sent", sent.key_frames)?;
    dict.set_item("key_frames_requested", network.key_frames_requested)?;
    dict.set_item("encode_ms", ms_per_frame(sent.encode_time, sent.frames_encoded))?;
    dict.set_item("decode_ms", ms_per_frame(received.decode_time, received.frames_decoded))?;
    dict.set_item("target_bitrate", sent.target_bitrate)?;
    dict.set_item("video_bytes_sent", sent.bytes_encoded)?;
    dict.set_item("video_bytes_received", received.bytes_received)?;
    dict.set_item("bytes_sent", network.bytes_sent)?;
    dict.set_item("bytes_received", network.bytes_received)?;
    dict.set_item("packets_sent", network.packets_sent)?;
    dict.set_item("packets_received", network.packets_received)?;
    dict.set_item("packets_lost", network.packets_lost)?;
    dict.set_item("jitter_ms", network.jitter * 1e3)?;
    dict.set_item("network_rtt_ms", network.round_trip_time.map(|seconds| seconds * 1e3))?;
    dict.set_item("sent_size", (sent.width, sent.height))?;
    dict.set_item("received_size", (received.width, received.height))?;
    let audio = &stats.audio;
    dict.set_item("audio_packets_sent", audio.traffic.packets_sent)?;
    dict.set_item("audio_packets_received", audio.traffic.packets_received)?;
    dict.set_item("audio_packets_lost", audio.received.lost)?;
    dict.set_item("audio_bytes_sent", audio.traffic.bytes_sent)?;
    dict.set_item("audio_bytes_received", audio.traffic.bytes_received)?;
    dict.set_item("audio_jitter_ms", audio.received.jitter * 1e3)?;
    dict.set_item("audio_samples_concealed", audio.received.concealed)?;
    dict.set_item("audio_samples_dropped", audio.mixer.live_dropped)?;
    dict.set_item("audio_gaps", audio.mixer.live_gaps + audio.mixer.clip_gaps)?;
    let latency = PyDict::new(py);
    latency.set_item("p50", ms(stats.latency.p50))?;
    latency.set_item("p95", ms(stats.latency.p95))?;
    latency.set_item("p99", ms(stats.latency.p99))?;
    latency.set_item("samples", stats.latency.samples)?;
    dict.set_item("round_trip_ms", latency)?;
    let drops = PyList::empty(py);
    for place in &stats.drops {
        for (reason, count) in place.by_reason() {
            drops.append((place.place, reason.as_str(), count))?;
        }
    }
    if network.frames_given_up > 0 {
        drops.append(("network", "incomplete", network.frames_given_up))?;
    }
    dict.set_item("drops", drops)?;
    Ok(dict)
}
