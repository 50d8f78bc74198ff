//! The switchboard of faults, for Python.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::awaitable::awaitable;
use super::errors::to_exception;
use crate::error::{Error, ErrorCode};
use crate::server;
use crate::server::faults::{Fate, Fault, MessageKind, Stage};
use crate::transport::impairment::Conditions;
use crate::transport::{Direction, runtime};

/// The conditions of a link. Ranges were checked in Python.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PacketArguments {
    loss: f64,
    burst: Option<f64>,
    delay: f64,
    jitter: f64,
    reorder: f64,
    duplicate: f64,
    rate: Option<u64>,
    queue: f64,
    seed: u64,
}

#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct Faults(pub(super) Arc<server::Faults>);

fn direction(name: Option<&str>) -> Option<Direction> {
    match name {
        Some("to_client") => Some(Direction::Outgoing),
        Some("to_service") => Some(Direction::Incoming),
        _ => None,
    }
}

fn invalid(py: Python<'_>, text: String) -> PyErr {
    to_exception(py, &Error::new(ErrorCode::InvalidInput, text))
}

fn duration(py: Python<'_>, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| invalid(py, format!("expected seconds of at least 0, got {seconds}")))
}

#[pymethods]
impl Faults {
    /// Answers requests with an HTTP status.
    fn refuse_http(&self, status: u16, times: Option<u32>) -> u64 {
        self.0.switch_on(Fault::Status(status), times, None)
    }

    /// Accepts connections, tells them an error and closes them.
    fn refuse(&self, error: String, code: u16, times: Option<u32>) -> u64 {
        self.0.switch_on(Fault::Refuse { error, code }, times, None)
    }

    /// Lets connections get no further than a stage.
    fn stall(&self, py: Python<'_>, stage: &str, session: Option<String>) -> PyResult<u64> {
        let fault = match stage {
            "handshake" => Fault::Stall(Stage::Handshake),
            "session" => Fault::Stall(Stage::Session),
            "acknowledgement" => Fault::Message(MessageKind::Acknowledgement, Fate::Hold),
            "answer" => Fault::Message(MessageKind::Answer, Fate::Hold),
            _ => return Err(invalid(py, format!("no such stage: {stage:?}"))),
        };
        Ok(self.0.switch_on(fault, None, session))
    }

    /// Drops, duplicates or delays acknowledgements.
    fn acknowledgements(
        &self,
        py: Python<'_>,
        fate: &str,
        seconds: f64,
        times: Option<u32>,
        session: Option<String>,
    ) -> PyResult<u64> {
        let fate = match fate {
            "drop" => Fate::Drop,
            "duplicate" => Fate::Duplicate,
            _ => Fate::Delay(duration(py, seconds)?),
        };
        let fault = Fault::Message(MessageKind::Acknowledgement, fate);
        Ok(self.0.switch_on(fault, times, session))
    }

    /// Lets no key be good.
    fn expire_key(&self) -> u64 {
        self.0.switch_on(Fault::KeyExpired, None, None)
    }

    /// Refuses connections because they cannot be paid for.
    fn exhaust_credits(&self) -> u64 {
        self.0.switch_on(Fault::NoCredits, None, None)
    }

    /// Freezes, slows or crashes models.
    fn model(
        &self,
        py: Python<'_>,
        what: &str,
        seconds: f64,
        times: Option<u32>,
        session: Option<String>,
    ) -> PyResult<u64> {
        let fault = match what {
            "freeze" => Fault::Freeze,
            "slow" => Fault::Slow(duration(py, seconds)?),
            what => Fault::Crash { fatal: what == "crash for good" },
        };
        Ok(self.0.switch_on(fault, times, session))
    }

    /// Sets what links do to packets.
    fn packets(
        &self,
        py: Python<'_>,
        conditions: PacketArguments,
        way: Option<&str>,
        session: Option<String>,
    ) -> PyResult<u64> {
        let fault = Fault::Packets {
            direction: direction(way),
            seed: conditions.seed,
            conditions: Conditions {
                loss: conditions.loss,
                burst: conditions.burst,
                delay: duration(py, conditions.delay)?,
                jitter: duration(py, conditions.jitter)?,
                reorder: conditions.reorder,
                duplicate: conditions.duplicate,
                rate: conditions.rate,
                queue: duration(py, conditions.queue)?,
                blackout: false,
            },
        };
        Ok(self.0.switch_on(fault, None, session))
    }

    /// Lets no packet pass.
    fn blackout(&self, way: Option<&str>, session: Option<String>) -> u64 {
        self.0.switch_on(Fault::Blackout { direction: direction(way) }, None, session)
    }

    fn lift(&self, number: u64) {
        self.0.lift(number);
    }

    fn reset(&self) {
        self.0.reset();
    }

    /// How often a switch has struck; none once it is lifted.
    fn hits(&self, number: u64) -> Option<u64> {
        self.0.hits(number)
    }

    /// Done when a switch has struck so often, or is lifted. Awaitable.
    fn struck<'py>(&self, py: Python<'py>, number: u64, hits: u64) -> PyResult<Bound<'py, PyAny>> {
        let faults = Arc::clone(&self.0);
        awaitable(py, async move {
            faults.wait_for_hits(number, hits).await;
            Ok(())
        })
    }

    /// Waits for the same on this thread. Returns whether it happened within the time.
    fn struck_blocking(
        &self,
        py: Python<'_>,
        number: u64,
        hits: u64,
        seconds: f64,
    ) -> PyResult<bool> {
        let limit = duration(py, seconds)?;
        let faults = &self.0;
        Ok(py.detach(|| {
            runtime::handle().block_on(async {
                tokio::time::timeout(limit, faults.wait_for_hits(number, hits)).await.is_ok()
            })
        }))
    }

    /// The switches that are set: number, words, and how often each strikes yet.
    fn switches(&self) -> Vec<(u64, String, Option<u32>)> {
        self.0.switches()
    }

    /// What happened: seconds since the Unix epoch, event, fault, session.
    fn history(&self) -> Vec<(f64, &'static str, String, Option<String>)> {
        let tell = |record: server::faults::Record| {
            let at = record.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            (at, record.event, record.fault, record.session)
        };
        self.0.history().into_iter().map(tell).collect()
    }

    /// What has become of the packets so far, while anything was switched on.
    fn packet_counters<'py>(&self, py: Python<'py>, way: &str) -> PyResult<Bound<'py, PyDict>> {
        let way = direction(Some(way)).unwrap_or(Direction::Outgoing);
        let counters = self.0.packet_counters(way);
        let dict = PyDict::new(py);
        dict.set_item("packets", counters.packets)?;
        dict.set_item("lost", counters.lost)?;
        dict.set_item("overflowed", counters.overflowed)?;
        dict.set_item("blacked_out", counters.blacked_out)?;
        dict.set_item("duplicated", counters.duplicated)?;
        dict.set_item("overtaken", counters.overtaken)?;
        Ok(dict)
    }
}
