//! The embedded service, and models that are Python functions.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::array::{to_array, with_view};
use super::awaitable::{awaitable, done};
use super::errors::to_exception;
use super::faults::Faults;
use super::gate;
use super::options::IceServerArguments;
use crate::catalog::{DEFAULT_URL_PATH, ModelSpec};
use crate::error::{Error, ErrorCode, Result};
use crate::media::h264::live_threads;
use crate::media::rate::Bitrates;
use crate::media::{BufferPool, PixelFormat, color};
use crate::models::Control;

use crate::protocol::Secret;
use crate::server::faults::Action;
use crate::server::{
    self, FrameProcessor, InputFrame, ModelRegistry, ProcessorFactory, RegisteredModel,
    ServerOptions, SessionContext,
};
use crate::session::server_error;
use crate::transport::runtime;
use crate::transport::video::lock;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ServerArguments {
    host: String,
    port: u16,
    api_keys: Vec<String>,
    max_sessions: Option<usize>,
    max_queue: usize,
    max_viewers: usize,
    viewer_token_lifetime: f64,
    min_bitrate: u32,
    start_bitrate: u32,
    max_bitrate: u32,
    max_session_duration: Option<f64>,
    ice_servers: Vec<IceServerArguments>,
}

/// The embedded service. Created stopped; models can be registered before and after the start.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct Server {
    options: ServerOptions,
    models: Arc<ModelRegistry>,
    running: Arc<Mutex<Option<Arc<server::Server>>>>,
}

#[pymethods]
impl Server {
    #[new]
    fn new(py: Python<'_>, options: ServerArguments) -> PyResult<Self> {
        let max_session_duration =
            options.max_session_duration.map(Duration::try_from_secs_f64).transpose().map_err(
                |_| {
                    let error = Error::new(
                        ErrorCode::InvalidOptions,
                        "max_session_duration: expected seconds above 0",
                    );
                    to_exception(py, &error)
                },
            )?;
        Ok(Self {
            options: ServerOptions {
                host: options.host,
                port: options.port,
                api_keys: options.api_keys.into_iter().map(Secret::from).collect(),
                max_sessions: options.max_sessions,
                max_queue: options.max_queue,
                max_viewers: options.max_viewers,
                // Checked by Python.
                viewer_token_lifetime: Duration::from_secs_f64(options.viewer_token_lifetime),
                bitrates: Bitrates {
                    min: options.min_bitrate,
                    start: options.start_bitrate,
                    max: options.max_bitrate,
                },
                ice_servers: options.ice_servers.into_iter().map(Into::into).collect(),
                max_session_duration,
                faults: Arc::default(),
            },
            models: Arc::default(),
            running: Arc::default(),
        })
    }

    /// Adds a model. `make(session_id, name)` is called on the model's thread for each session and
    /// returns `(function, context)`.
    fn register(&self, name: String, fps: f64, width: u32, height: u32, make: Py<PyAny>) {
        let spec = ModelSpec {
            name: Cow::Owned(name),
            url_path: Cow::Borrowed(DEFAULT_URL_PATH),
            fps,
            width,
            height,
            accepts_image: true,
            accepts_audio: false,
        };
        let factory: ProcessorFactory = Arc::new(move |context| {
            attached(|py| PythonModel::make(py, &make, context))
                .map(|model| Box::new(model) as Box<dyn FrameProcessor>)
        });
        self.models.register(RegisteredModel { spec, factory, encoding_threads: live_threads() });
    }

    /// Binds the port and starts. Awaitable.
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        runtime::check_process().map_err(|error| to_exception(py, &error.during("start")))?;
        awaitable(py, self.starting())
    }

    fn start_blocking(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| runtime::handle().block_on(self.starting()))
            .map_err(|error| to_exception(py, &error))
    }

    /// Ends all sessions and frees the port. Awaitable; returns within a second. In a forked child
    /// it does nothing: the service is the parent's, whose threads are not there.
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if runtime::check_process().is_err() {
            return done(py);
        }
        let running = lock(&self.running).take();
        awaitable(py, async move {
            if let Some(server) = running {
                server.close().await;
            }
            Ok(())
        })
    }

    fn close_blocking(&self, py: Python<'_>) {
        if runtime::check_process().is_err() {
            return;
        }
        let running = lock(&self.running).take();
        if let Some(server) = running {
            py.detach(|| runtime::handle().block_on(server.close()));
        }
    }

    /// Ends one session with a reason, as a service does that runs out of credits.
    fn end_session(&self, session_id: &str, reason: &str) -> bool {
        let running = lock(&self.running).clone();
        running.is_some_and(|server| server.end_session(session_id, reason))
    }

    /// Cuts sessions off, or closes their sockets. Returns how many.
    fn close_sessions(&self, code: Option<u16>, reason: String, session: Option<&str>) -> usize {
        self.act(session, &Action::Close { code, reason })
    }

    /// Ends sessions for a reason, perhaps with an error before. Returns how many.
    fn end_sessions(
        &self,
        error: Option<String>,
        reason: String,
        code: u16,
        session: Option<&str>,
    ) -> usize {
        let error = error.map(|text| server_error(&text, None));
        self.act(session, &Action::End { error, reason, code })
    }

    /// The ids of the sessions that are open, sorted.
    fn session_ids(&self) -> Vec<String> {
        lock(&self.running).as_ref().map_or_else(Vec::new, |server| server.session_ids())
    }

    /// The switches of what goes wrong on purpose.
    #[getter]
    fn faults(&self) -> Faults {
        Faults(Arc::clone(&self.options.faults))
    }

    /// `ws://host:port`, or none while it is stopped.
    #[getter]
    fn url(&self) -> Option<String> {
        lock(&self.running).as_ref().map(|server| server.url())
    }

    /// Sessions that are open now.
    #[getter]
    fn active_sessions(&self) -> usize {
        lock(&self.running).as_ref().map_or(0, |server| server.active_sessions())
    }

    /// Clients that wait for a place now.
    #[getter]
    fn waiting_sessions(&self) -> usize {
        lock(&self.running).as_ref().map_or(0, |server| server.waiting_sessions())
    }

    /// Those who watch a session now, all together.
    #[getter]
    fn viewers(&self) -> usize {
        lock(&self.running).as_ref().map_or(0, |server| server.viewers())
    }

    /// The names of the models, sorted.
    fn model_names(&self) -> Vec<String> {
        self.models.specs().into_iter().map(|spec| spec.name.into_owned()).collect()
    }
}

impl Server {
    fn act(&self, session: Option<&str>, action: &Action) -> usize {
        let running = lock(&self.running).clone();
        running.map_or(0, |server| server.act(session, action))
    }

    fn starting(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let (options, models) = (self.options.clone(), Arc::clone(&self.models));
        let running = Arc::clone(&self.running);
        async move {
            if lock(&running).is_some() {
                return Err(Error::new(ErrorCode::InvalidState, "the server runs already"));
            }
            let server = Arc::new(server::Server::start(options, models).await?);
            let earlier = {
                let mut running = lock(&running);
                match &*running {
                    Some(_) => Some(server),
                    None => running.replace(server),
                }
            };
            // Two starts at once: the second to be ready gives way.
            match earlier {
                Some(second) => {
                    second.close().await;
                    Err(Error::new(ErrorCode::InvalidState, "the server runs already"))
                }
                None => Ok(()),
            }
        }
    }
}

/// Runs `work` with the interpreter, unless that is ending.
fn attached<R>(work: impl for<'py> FnOnce(Python<'py>) -> Result<R>) -> Result<R> {
    gate::attach(work).unwrap_or_else(|| {
        Err(Error::new(ErrorCode::ModelFailed, "the Python interpreter is shutting down"))
    })
}

/// The frame that a function has, and one that it may have kept.
const SPARE_BUFFERS: usize = 2;

/// A Python function as the model of one session.
struct PythonModel {
    name: String,
    /// None only while it is dropped.
    objects: Option<(Py<PyAny>, Py<PyAny>)>,
    pool: Arc<BufferPool>,
}

impl Drop for PythonModel {
    /// Frees the objects now. Without the interpreter at hand they would stay, with all the memory
    /// of a model, until something else calls Python.
    fn drop(&mut self) {
        let objects = self.objects.take();
        gate::attach(|_| drop(objects));
    }
}

impl PythonModel {
    fn make(py: Python<'_>, make: &Py<PyAny>, context: &SessionContext) -> Result<Self> {
        let name = context.model.clone();
        let (function, context) = make
            .call1(py, (&context.session_id, &context.model))
            .and_then(|made| made.extract::<(Py<PyAny>, Py<PyAny>)>(py))
            .map_err(|error| failed(py, &name, &error))?;
        let pool = Arc::new(BufferPool::new(SPARE_BUFFERS));
        Ok(Self { name, objects: Some((function, context)), pool })
    }

    fn call(&self, py: Python<'_>, frame: &mut InputFrame) -> Result<()> {
        let failed = |error: PyErr| failed(py, &self.name, &error);
        let (width, height) = (frame.picture.width(), frame.picture.height());
        let format = PixelFormat::Rgb24;
        let mut pixels = self.pool.get(format.packed_len(width, height));
        color::planes_to(frame.picture.planes(), format, &mut pixels)?;
        let (function, context) = self.bound(py)?;
        context.setattr("index", frame.index).map_err(failed)?;
        context
            .setattr("capture_time", frame.capture_time.map(|time| time.to_unix().as_secs_f64()))
            .map_err(failed)?;
        let pool = Some(Arc::clone(&self.pool));
        let array = to_array(py, pixels, width, height, format, pool).map_err(failed)?;
        let result = function.call1((array, context)).map_err(failed)?;
        let Ok(made) = result.cast::<PyUntypedArray>() else {
            let got =
                result.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
            return Err(self.unusable(&format!("got {got}")));
        };
        if made.len() == 0 {
            return Err(self.unusable("got an empty array"));
        }
        with_view(made, format, |view| frame.picture.fill_from(view))
            .map_err(|error| self.unusable(&error.message))
    }

    fn bound<'a, 'py>(
        &'a self,
        py: Python<'py>,
    ) -> Result<(&'a Bound<'py, PyAny>, &'a Bound<'py, PyAny>)> {
        let objects = self.objects.as_ref();
        objects
            .map(|(function, context)| (function.bind(py), context.bind(py)))
            .ok_or_else(|| Error::new(ErrorCode::Internal, "the model is gone"))
    }

    fn unusable(&self, what: &str) -> Error {
        Error::new(
            ErrorCode::ModelFailed,
            format!("model {:?} must return a uint8 array of shape (H, W, 3): {what}", self.name),
        )
    }
}

impl FrameProcessor for PythonModel {
    fn set_control(&mut self, control: &Control) -> Result<()> {
        attached(|py| {
            let image = match &control.image {
                None => None,
                Some(picture) => Some(
                    to_array(
                        py,
                        picture.data.clone(),
                        picture.width,
                        picture.height,
                        PixelFormat::Rgb24,
                        None,
                    )
                    .map_err(|error| failed(py, &self.name, &error))?,
                ),
            };
            let (_, context) = self.bound(py)?;
            context
                .call_method1("_set_control", (control.prompt.as_deref(), control.enhance, image))
                .map(drop)
                .map_err(|error| failed(py, &self.name, &error))
        })
    }

    fn process(&mut self, frame: &mut InputFrame) -> Result<()> {
        attached(|py| self.call(py, frame))
    }
}

/// The error event for an exception. Its text goes to the client, its traceback does not.
fn failed(py: Python<'_>, model: &str, error: &PyErr) -> Error {
    let kind = error
        .get_type(py)
        .name()
        .map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let text: String = error.value(py).to_string().chars().take(500).collect();
    Error::new(ErrorCode::ModelFailed, format!("model {model:?} raised {kind}: {text}"))
}
