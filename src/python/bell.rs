//! What wakes Python, and what it is then told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::errors::to_object;
use super::gate;
use crate::client::{Listener, Quality};
use crate::session::{ClientEvent, ConnectionState};
use crate::transport::video::{lock, spawn};

/// Events that wait for a reader.
const EVENTS: usize = 1024;

/// What Python is told.
enum News {
    Event(ClientEvent),
    Stats,
    Quality { now: Quality, before: Quality },
}

/// Brings events and the news of frames to Python, with one wake-up for many.
pub(super) struct Bell {
    events: Mutex<VecDeque<News>>,
    /// A key is to be given.
    key_wanted: AtomicBool,
    /// An offer is to be looked at.
    offer: Mutex<Option<String>>,
    /// Rung and not yet heard.
    rung: AtomicBool,
    /// Whether anybody wants to hear of frames.
    frames: AtomicBool,
    wake: Py<PyAny>,
    /// Rings from a thread that may wait for the interpreter. Network threads must not.
    ringer: Mutex<Option<SyncSender<()>>>,
}

impl Bell {
    pub(super) fn new(wake: Py<PyAny>) -> crate::error::Result<Arc<Self>> {
        let (ringer, rings) = sync_channel(1);
        let bell = Arc::new(Self {
            events: Mutex::default(),
            key_wanted: AtomicBool::new(false),
            offer: Mutex::default(),
            rung: AtomicBool::new(false),
            frames: AtomicBool::new(true),
            wake,
            ringer: Mutex::new(Some(ringer)),
        });
        let weak = Arc::downgrade(&bell);
        spawn("parhelion-bell", move || {
            while rings.recv().is_ok() {
                let Some(bell) = weak.upgrade() else { return };
                bell.ring();
            }
        })?;
        Ok(bell)
    }

    /// Whether it is rung for frames too.
    pub(super) fn ring_for_frames(&self, wanted: bool) {
        self.frames.store(wanted, Ordering::Release);
    }

    /// The events since the last call, as (name, value, ...) tuples.
    pub(super) fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        // Before the events are taken, so that a later one rings again.
        self.rung.store(false, Ordering::Release);
        let events = std::mem::take(&mut *lock(&self.events));
        let list = PyList::empty(py);
        if self.key_wanted.swap(false, Ordering::AcqRel) {
            list.append(("key_wanted",))?;
        }
        if let Some(sdp) = lock(&self.offer).take() {
            list.append(("offer_made", sdp))?;
        }
        for event in events {
            let event = match event {
                News::Event(event) => to_event(py, event)?,
                News::Stats => Some(("stats",).into_pyobject(py)?.into_any()),
                News::Quality { now, before } => quality_changed(py, now, before)?,
            };
            if let Some(event) = event {
                list.append(event)?;
            }
        }
        Ok(list)
    }

    fn tell(&self, news: News) {
        let mut events = lock(&self.events);
        if events.len() == EVENTS {
            // States and endings are never given up for what a service may say without end.
            let least = events.iter().position(|news| {
                !matches!(news, News::Event(ClientEvent::State(_) | ClientEvent::Ended { .. }))
            });
            events.remove(least.unwrap_or(0));
        }
        events.push_back(news);
        drop(events);
        self.ring_later();
    }

    /// Has the bell rung by a thread that may wait for the interpreter.
    fn ring_later(&self) {
        if let Some(ringer) = &*lock(&self.ringer) {
            // Full: the thread has a ring before it already.
            let _ = ringer.try_send(());
        }
    }

    /// Calls Python, unless a call is on its way already. Waits for the interpreter.
    fn ring(&self) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        // A loop that is closed, or an interpreter that ends, has no use for the call.
        gate::attach(|py| {
            if let Err(error) = self.wake.call0(py) {
                tracing::debug!(target: "parhelion::python", "waking the loop: {error}");
            }
        });
    }
}

impl Listener for Bell {
    fn event(&self, event: ClientEvent) {
        let last = matches!(
            &event,
            ClientEvent::State(change) if change.state == ConnectionState::Disconnected
        );
        self.tell(News::Event(event));
        if last {
            // The thread ends with its last ring, however long the session object is kept.
            *lock(&self.ringer) = None;
        }
    }

    fn key_wanted(&self) {
        self.key_wanted.store(true, Ordering::Release);
        self.ring_later();
    }

    fn offer_made(&self, sdp: String) {
        *lock(&self.offer) = Some(sdp);
        self.ring_later();
    }

    /// Called on the decoder's thread, which has nothing to do that could not wait for Python.
    fn frame_ready(&self) {
        if self.frames.load(Ordering::Acquire) {
            self.ring();
        }
    }

    fn room(&self) {
        self.ring_later();
    }

    fn stats(&self) {
        // One that nobody has heard of yet will show the newest.
        if !matches!(lock(&self.events).back(), Some(News::Stats)) {
            self.tell(News::Stats);
        }
    }

    /// Called on the thread that decodes sound, likewise.
    fn audio_ready(&self) {
        self.ring();
    }

    fn quality(&self, now: Quality, before: Quality) {
        self.tell(News::Quality { now, before });
    }
}

/// An event as a tuple that starts with its name in the Python interface.
fn to_event(py: Python<'_>, event: ClientEvent) -> PyResult<Option<Bound<'_, PyAny>>> {
    let tuple = match event {
        ClientEvent::State(change) => {
            ("connection_change", change.state.as_str()).into_pyobject(py)?
        }
        ClientEvent::Error(error) => ("error", to_object(py, &error)?).into_pyobject(py)?,
        ClientEvent::Tick { seconds } => ("generation_tick", seconds).into_pyobject(py)?,
        ClientEvent::Ended { reason, .. } => ("generation_ended", reason).into_pyobject(py)?,
        ClientEvent::QueuePosition { position, size } => {
            return Ok(Some(("queue_position", position, size).into_pyobject(py)?.into_any()));
        }
        ClientEvent::Phase { name, duration, error } => {
            let data = PyDict::new(py);
            data.set_item("phase", name)?;
            data.set_item("duration_ms", duration.as_secs_f64() * 1e3)?;
            data.set_item("success", error.is_none())?;
            data.set_item("error", error)?;
            return diagnostic(py, "phase_timing", data);
        }
        ClientEvent::Reconnect { attempt, max_attempts, duration, error } => {
            let data = PyDict::new(py);
            data.set_item("attempt", attempt)?;
            data.set_item("max_attempts", max_attempts)?;
            data.set_item("duration_ms", duration.as_secs_f64() * 1e3)?;
            data.set_item("success", error.is_none())?;
            data.set_item("error", error)?;
            return diagnostic(py, "reconnect", data);
        }
        ClientEvent::Restart { attempt, duration, error } => {
            let data = PyDict::new(py);
            data.set_item("attempt", attempt)?;
            data.set_item("duration_ms", duration.as_secs_f64() * 1e3)?;
            data.set_item("success", error.is_none())?;
            data.set_item("error", error)?;
            return diagnostic(py, "ice_restart", data);
        }
        ClientEvent::PromptReport(report) => {
            let data = PyDict::new(py);
            data.set_item("applied", report.applied)?;
            data.set_item("added", report.added)?;
            data.set_item("ignored", report.ignored)?;
            data.set_item("refused", report.refused)?;
            data.set_item("unknown", report.unknown)?;
            data.set_item("neutral", report.neutral)?;
            data.set_item("truncated", report.truncated)?;
            data.set_item("message", report.message)?;
            return diagnostic(py, "prompt", data);
        }
        ClientEvent::Unknown { kind } => {
            let data = PyDict::new(py);
            data.set_item("type", kind)?;
            return diagnostic(py, "unknown_message", data);
        }
        // The session itself tells it; there is no event of that name.
        ClientEvent::SessionId { .. } | ClientEvent::ServiceStats(_) => return Ok(None),
    };
    Ok(Some(tuple.into_any()))
}

fn quality_changed(
    py: Python<'_>,
    now: Quality,
    before: Quality,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    let data = PyDict::new(py);
    data.set_item("level", now.level.as_str())?;
    data.set_item("limiting_factor", now.factor.as_str())?;
    data.set_item("previous_level", before.level.as_str())?;
    diagnostic(py, "quality", data)
}

fn diagnostic<'py>(
    py: Python<'py>,
    name: &str,
    data: Bound<'py, PyDict>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Some(("diagnostic", name, data).into_pyobject(py)?.into_any()))
}
