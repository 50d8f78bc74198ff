//! One client session, as the package's Python side drives it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::array::{to_array, with_view};
use super::awaitable::{awaitable, done};
use super::bell::Bell;
use super::errors::{to_exception, to_object};
use super::options::{ChangeArguments, ConnectArguments};
use super::sound;
use super::statistics;
use crate::client::{Listener, OutputFrame, RealTimeSession};
use crate::error::{Error, ErrorCode};
use crate::media::PixelFormat;
use crate::protocol::Secret;
use crate::session::{Change, ConnectionState};
use crate::transport::runtime;

/// How long a blocking call leaves signals unheard.
const DEAF: Duration = Duration::from_millis(50);

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
        self.bell.ring_for_frames(wanted);
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
        self.bell.drain(py)
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

    /// What ended the session, once it is over; none if its user did.
    #[getter]
    fn ended_with<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.session.ended_with().map(|error| to_object(py, &error)).transpose()
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
