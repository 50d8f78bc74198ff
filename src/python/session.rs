//! One client session, as the package's Python side drives it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::array::{to_array, with_view};
use super::awaitable::{awaitable, done};
use super::errors::{to_exception, to_object};
use super::gate;
use super::options::{ChangeArguments, ConnectArguments};
use super::sound;
use super::statistics;
use crate::client::{Listener, OutputFrame, Quality, RealTimeSession};
use crate::error::{Error, ErrorCode};
use crate::media::PixelFormat;
use crate::protocol::Secret;
use crate::session::{Change, ClientEvent, ConnectionState};
use crate::transport::runtime;
use crate::transport::video::{lock, spawn};

/// Events that wait for a reader.
const EVENTS: usize = 1024;
/// How long a blocking call leaves signals unheard.
const DEAF: Duration = Duration::from_millis(50);

/// What Python is told.
enum News {
    Event(ClientEvent),
    Stats,
    Quality { now: Quality, before: Quality },
}

/// Brings events and the news of frames to Python, with one wake-up for many.
struct Bell {
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
    fn new(wake: Py<PyAny>) -> crate::error::Result<Arc<Self>> {
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
        let last = event == ClientEvent::State(ConnectionState::Disconnected);
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

/// A real-time session. `wake` is called, from any thread, when there is something to drain or to
/// receive; once until `drain` is called.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct Session {
    session: Arc<RealTimeSession>,
    bell: Arc<Bell>,
    format: PixelFormat,
}

#[pymethods]
impl Session {
    #[new]
    fn new(py: Python<'_>, options: ConnectArguments, wake: Py<PyAny>) -> PyResult<Self> {
        let opened = (|| {
            let options = options.into_options()?;
            let format = options.format;
            let bell = Bell::new(wake)?;
            let listener: Arc<dyn Listener> = Arc::<Bell>::clone(&bell);
            // The runtime may have to be started, and the system's certificates to be read.
            let session = py.detach(|| RealTimeSession::new(options, listener))?;
            Ok((session, bell, format))
        })();
        let (session, bell, format) =
            opened.map_err(|error: Error| to_exception(py, &error.during("connect")))?;
        Ok(Self { session: Arc::new(session), bell, format })
    }

    /// Opens the session. Awaitable; raises what went wrong.
    fn connect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        check_process(py, "connect")?;
        let session = Arc::clone(&self.session);
        awaitable(py, async move { session.connect().await })
    }

    /// Changes prompt, image or both. Awaitable; done when the service has acknowledged it.
    fn update<'py>(
        &self,
        py: Python<'py>,
        change: ChangeArguments,
        timeout: f64,
        operation: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        runtime::check_process()
            .map_err(|error| to_exception(py, &error.during(operation.clone())))?;
        let change = Change::from(change);
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| {
            let error = Error::new(
                ErrorCode::InvalidInput,
                format!("timeout: expected seconds above 0, got {timeout}"),
            );
            to_exception(py, &error.during(operation.clone()))
        })?;
        let updated = self.session.update(change, timeout);
        awaitable(
            py,
            async move { updated.answer().await.map_err(|error| error.during(operation)) },
        )
    }

    /// Ends the session. Awaitable; never raises. In a forked child it does nothing: the session is
    /// the parent's, whose threads are not there.
    fn disconnect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if runtime::check_process().is_err() {
            return done(py);
        }
        let session = Arc::clone(&self.session);
        awaitable(py, async move {
            session.disconnect().await;
            Ok(())
        })
    }

    /// Ends the session and waits for it on this thread, for at most a second.
    fn disconnect_blocking(&self, py: Python<'_>) {
        if runtime::check_process().is_err() {
            return;
        }
        py.detach(|| runtime::handle().block_on(self.session.disconnect()));
    }

    /// Ends the session without waiting.
    fn abort(&self) {
        self.session.abort();
    }

    /// Queues one frame and returns its id.
    #[pyo3(signature = (array, format=None, timestamp=None))]
    fn send(
        &self,
        array: &Bound<'_, PyUntypedArray>,
        format: Option<&str>,
        timestamp: Option<f64>,
    ) -> PyResult<u64> {
        let sent = (|| {
            runtime::check_process()?;
            let format = format.map_or(Ok(self.format), str::parse)?;
            with_view(array, format, |view| self.session.send(view, timestamp))
        })();
        sent.map_err(|error: Error| to_exception(array.py(), &error.during("send")))
    }

    /// The next frame, as `try_recv` gives it; waits for it without the interpreter. None: the time
    /// is up, or the session is over.
    #[pyo3(signature = (timeout=None))]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        check_process(py, "recv")?;
        // More seconds than a clock can count are for ever.
        let deadline = timeout.and_then(|seconds| {
            let wait = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
            Instant::now().checked_add(wait)
        });
        loop {
            let left = deadline.map_or(DEAF, |at| at.saturating_duration_since(Instant::now()));
            let taken = py.detach(|| self.session.recv_timeout(left.min(DEAF)));
            if let Some(frame) = taken {
                return self.to_tuple(py, frame).map(Some);
            }
            py.check_signals()?;
            if self.session.is_drained() || deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(None);
            }
        }
    }

    /// Whether `wake` is called for frames too, as it is at first. Turn it on before you look
    /// whether one waits already.
    fn ring_for_frames(&self, wanted: bool) {
        self.bell.frames.store(wanted, Ordering::Release);
    }

    /// None: there is room for another frame. Otherwise `wake` is called when there may be some; look
    /// again after so many seconds if it was not.
    fn room(&self) -> Option<f64> {
        self.session.room().map(|longest| longest.as_secs_f64())
    }

    /// Waits on this thread until there is room for another frame or the session is over, for at most
    /// `timeout` seconds (None: for ever). Whether there is room. Signals are heard meanwhile.
    #[pyo3(signature = (timeout=None))]
    fn wait_for_room(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        check_process(py, "drain")?;
        let limit = timeout.map_or(Duration::MAX, |seconds| {
            Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
        });
        let began = Instant::now();
        loop {
            let left = limit.saturating_sub(began.elapsed());
            if py.detach(|| self.session.wait_for_room(left.min(DEAF))) {
                return Ok(true);
            }
            py.check_signals()?;
            let over = self.session.state() == ConnectionState::Disconnected;
            if over || left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// The next frame as (array, input_id, capture_time, timestamp, latency, received_at), if one
    /// waits.
    fn try_recv<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        check_process(py, "recv")?;
        self.session.try_recv().map(|frame| self.to_tuple(py, frame)).transpose()
    }

    /// Answers the event `key_wanted`, which comes before each attempt of a session that was given
    /// no key: with one, or with the reason why there is none.
    fn give_key(&self, key: Option<String>, error: Option<String>) {
        self.session.give_key(match (key, error) {
            (Some(key), _) => Ok(Secret::from(key)),
            (None, error) => Err(Error::new(ErrorCode::InvalidApiKey, error.unwrap_or_default())
                .hint("api_key= is called for a key before each attempt to connect")),
        });
    }

    /// Plays a clip: bytes of a file, the path of one, or samples at `rate`. Awaitable; done when it
    /// has been sent or replaced. Cancelling it stops the clip.
    #[pyo3(signature = (audio, rate=None))]
    fn play_audio<'py>(
        &self,
        audio: &Bound<'py, PyAny>,
        rate: Option<u32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = audio.py();
        check_process(py, "play_audio")?;
        let playing =
            sound::clip_source(audio, rate).and_then(|source| self.session.play_audio(source));
        let playing = playing.map_err(|error| to_exception(py, &error.during("play_audio")))?;
        awaitable(
            py,
            async move { playing.outcome().await.map_err(|error| error.during("play_audio")) },
        )
    }

    /// Queues live samples.
    fn push_audio(&self, samples: &Bound<'_, PyAny>, rate: u32) -> PyResult<()> {
        check_process(samples.py(), "send_audio")?;
        let pushed = sound::samples(samples)
            .and_then(|(samples, channels)| self.session.send_audio(&samples, channels, rate));
        pushed.map_err(|error| to_exception(samples.py(), &error.during("send_audio")))
    }

    /// The next block of sound as (array, capture_time, received_at), if one waits.
    fn try_recv_audio<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        check_process(py, "recv_audio")?;
        let Some(audio) = self.session.try_recv_audio() else { return Ok(None) };
        let array = sound::to_array(py, audio.samples)?;
        let tuple = (array, audio.capture_time, audio.received_at);
        Ok(Some(tuple.into_pyobject(py)?.into_any()))
    }

    /// Whether the session was opened with sound.
    #[getter]
    fn has_audio(&self) -> bool {
        self.session.has_audio()
    }

    /// Answers the event `offer_made`, which comes before each offer of a session that customizes
    /// them: with what is to be sent, None to leave it as it is, or the reason why there is none.
    #[pyo3(signature = (sdp, error=None))]
    fn give_offer(&self, sdp: Option<String>, error: Option<String>) {
        self.session.give_offer(match error {
            Some(error) => Err(Error::new(ErrorCode::InvalidOptions, error)),
            None => Ok(sdp),
        });
    }

    /// The events since the last call, as (name, value, ...) tuples.
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        // Before the events are taken, so that a later one rings again.
        self.bell.rung.store(false, Ordering::Release);
        let events = std::mem::take(&mut *lock(&self.bell.events));
        let list = PyList::empty(py);
        if self.bell.key_wanted.swap(false, Ordering::AcqRel) {
            list.append(("key_wanted",))?;
        }
        if let Some(sdp) = lock(&self.bell.offer).take() {
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

    /// Numbers of the session, as a dict.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        check_process(py, "stats")?;
        let stats = py.detach(|| runtime::handle().block_on(self.session.stats()));
        statistics::to_dict(py, &stats)
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.session.state().as_str()
    }

    /// What others need to watch the session, once the service has said so.
    #[getter]
    fn subscribe_token(&self) -> Option<String> {
        self.session.session()?.subscribe_token().map(|token| token.encode())
    }

    /// (session_id, server_ip, server_port), once the service has said so.
    #[getter]
    fn session(&self) -> Option<(String, Option<String>, Option<u16>)> {
        self.session
            .session()
            .map(|session| (session.session_id, session.server_ip, session.server_port))
    }
}

impl Session {
    fn to_tuple<'py>(&self, py: Python<'py>, frame: OutputFrame) -> PyResult<Bound<'py, PyAny>> {
        let OutputFrame {
            data,
            width,
            height,
            format,
            input_id,
            capture_time,
            timestamp,
            latency,
            received_at,
        } = frame;
        let array = to_array(py, data, width, height, format, Some(self.session.pool()))?;
        let latency = latency.map(|latency| latency.as_secs_f64());
        let tuple = (array, input_id, capture_time, timestamp, latency, received_at);
        Ok(tuple.into_pyobject(py)?.into_any())
    }
}

/// A session is of no use in a child of the process that opened it.
fn check_process(py: Python<'_>, operation: &'static str) -> PyResult<()> {
    runtime::check_process().map_err(|error| to_exception(py, &error.during(operation)))
}

/// An event as a tuple that starts with its name in the Python interface.
fn to_event(py: Python<'_>, event: ClientEvent) -> PyResult<Option<Bound<'_, PyAny>>> {
    let tuple = match event {
        ClientEvent::State(state) => ("connection_change", state.as_str()).into_pyobject(py)?,
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
