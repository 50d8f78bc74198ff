//! What a service says about its own work: an addition of this package to `generation_tick`.
//!
//! Other clients pass over fields that they do not know; a service sends it only to those who do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Places and reasons that are believed to exist.
const MAX_ENTRIES: usize = 32;
const MAX_NAME_BYTES: usize = 32;

/// Numbers of one session at the service, counted from its start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStats {
    /// Frames that came from the client.
    pub frames_decoded: u64,
    /// Frames that the model made.
    pub frames_processed: u64,
    /// Frames that went to the client.
    pub frames_encoded: u64,
    /// Means and percentiles, milliseconds a frame. The model's over its last frames.
    pub decode_ms: f64,
    pub encode_ms: f64,
    pub model_ms_p50: f64,
    pub model_ms_p95: f64,
    /// What the encoder aims at, bits per second, and at most.
    pub target_bitrate: u64,
    pub max_bitrate: u64,
    /// What the path to the client is thought to carry; zero if nobody estimates it.
    pub estimated_bandwidth: u64,
    /// What the estimate is doing: `increase`, `hold`, `decrease`, or nothing.
    pub rate_trend: String,
    /// The path carries less than the most that is aimed at.
    pub bandwidth_limited: bool,
    /// Of the last picture as it was encoded.
    pub sent_width: u32,
    pub sent_height: u32,
    /// Frames that wait, by place.
    pub queues: Vec<(String, u64)>,
    /// Frames that were lost, by place and reason.
    pub drops: Vec<(String, String, u64)>,
}

impl ServiceStats {
    /// Reads what a service sent. It is a help, so what is of no use is no error.
    pub(super) fn read(value: Value) -> Option<Box<Self>> {
        if !value.is_object() {
            return None; // a list would be taken for the values alone
        }
        let mut stats: Self = serde_json::from_value(value).ok()?;
        let times = [stats.decode_ms, stats.encode_ms, stats.model_ms_p50, stats.model_ms_p95];
        let name = |name: &str| name.len() <= MAX_NAME_BYTES;
        let named = stats.queues.iter().all(|(place, _)| name(place))
            && name(&stats.rate_trend)
            && stats.drops.iter().all(|(place, reason, _)| name(place) && name(reason));
        stats.queues.truncate(MAX_ENTRIES);
        stats.drops.truncate(MAX_ENTRIES);
        (named && times.iter().all(|time| time.is_finite() && *time >= 0.0))
            .then(|| Box::new(stats))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn there_and_back() {
        let stats = ServiceStats {
            frames_decoded: 3,
            model_ms_p50: 4.5,
            queues: vec![("model".into(), 1)],
            drops: vec![("model".into(), "displaced".into(), 7)],
            ..Default::default()
        };
        let value = serde_json::to_value(&stats).unwrap();
        assert_eq!(ServiceStats::read(value).as_deref(), Some(&stats));
        assert_eq!(ServiceStats::read(json!({})).as_deref(), Some(&ServiceStats::default()));
        assert!(ServiceStats::read(json!({"frames_decoded": 1, "gpu": "warm"})).is_some());
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for value in [
            json!(null),
            json!("fine"),
            json!([]),
            json!([1, 2, 3]),
            json!({"frames_decoded": -1}),
            json!({"model_ms_p50": -0.5}),
            json!({"encode_ms": "fast"}),
            json!({"drops": [["model", 3]]}),
            json!({"queues": [["x".repeat(33), 1]]}),
            json!({"rate_trend": "x".repeat(33)}),
            json!({"sent_width": -1}),
        ] {
            assert_eq!(ServiceStats::read(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn there_is_a_bound_to_what_is_kept() {
        let many: Vec<_> = (0..1000).map(|n| json!(["model", "displaced", n])).collect();
        let stats = ServiceStats::read(json!({ "drops": many })).unwrap();
        assert_eq!(stats.drops.len(), MAX_ENTRIES);
    }
}
