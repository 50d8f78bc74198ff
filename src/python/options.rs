//! Options and models from Python's keyword arguments.

use std::borrow::Cow;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors::to_exception;
use super::image::Image;
use crate::catalog::ModelSpec;
use crate::client::{ConnectOptions, Flow, KeySource, Policy, Target};
use crate::error::{Error, ErrorCode, Result};
use crate::media::rate::Bitrates;
use crate::protocol::{Landmarks, Secret, SubscribeToken};
use crate::session::{Change, Prompt, ReferenceImage, RetryPolicy, Setting, State, Timeouts};
use crate::transport::IceServer;

/// A model as Python describes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct ModelArguments {
    name: String,
    url_path: String,
    fps: f64,
    width: u32,
    height: u32,
    accepts_image: bool,
    accepts_audio: bool,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct IceServerArguments {
    urls: Vec<String>,
    username: String,
    credential: String,
}

/// Where a face is, as Python describes it; pixels.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct LandmarksArguments {
    left_eye: Option<[f32; 2]>,
    right_eye: Option<[f32; 2]>,
    mouth_left: Option<[f32; 2]>,
    mouth_right: Option<[f32; 2]>,
    chin: Option<[f32; 2]>,
}

impl From<LandmarksArguments> for Landmarks {
    fn from(given: LandmarksArguments) -> Self {
        let LandmarksArguments { left_eye, right_eye, mouth_left, mouth_right, chin } = given;
        Self { left_eye, right_eye, mouth_left, mouth_right, chin }
    }
}

/// Raises what is wrong with landmarks, wherever in a picture they are.
#[pyfunction]
pub(super) fn check_landmarks(
    py: Python<'_>,
    landmarks: LandmarksArguments,
    operation: String,
) -> PyResult<()> {
    let checked = Landmarks::from(landmarks).check();
    checked.map_err(|error| to_exception(py, &error.during(operation)))
}

/// A policy as Python describes it; times in seconds.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct RetryArguments {
    /// None: 5 for a connect, and as many as there is time for to come back.
    attempts: Option<u32>,
    min_delay: f64,
    max_delay: f64,
    factor: f64,
    jitter: f64,
    total: f64,
}

impl From<RetryArguments> for RetryPolicy {
    fn from(retry: RetryArguments) -> Self {
        let usual = Self::default();
        // More seconds than a clock can count are for ever.
        let seconds = |value| Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX);
        Self {
            min: seconds(retry.min_delay),
            factor: retry.factor,
            max: seconds(retry.max_delay),
            retries: retry.attempts.unwrap_or(usual.retries),
            return_retries: retry.attempts,
            return_time: seconds(retry.total),
            jitter: retry.jitter,
        }
    }
}

/// Everything `connect` was given, checked for type by Python and for meaning here.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct ConnectArguments {
    base_url: String,
    /// None: it is asked for before each attempt.
    api_key: Option<String>,
    /// None: to watch `room`.
    model: Option<ModelArguments>,
    room: Option<String>,
    resolution: Option<String>,
    prompt: Option<(String, bool)>,
    image: Option<Py<Image>>,
    format: String,
    min_bitrate: u32,
    start_bitrate: u32,
    max_bitrate: u32,
    /// Name and limit of what to do on the way out, and of what to do on the way in.
    flow: [(String, usize); 2],
    audio: bool,
    mirror: bool,
    customize_offer: bool,
    stats_interval: Option<f64>,
    connect_timeout: f64,
    retry: RetryArguments,
    ice_servers: Option<Vec<IceServerArguments>>,
    ca_file: Option<std::path::PathBuf>,
    user_agent: String,
}

/// A change: each part is absent, None to clear, or a value.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct ChangeArguments {
    set_prompt: bool,
    prompt: Option<(String, bool)>,
    set_image: bool,
    image: Option<Py<Image>>,
}

impl From<ModelArguments> for ModelSpec {
    fn from(model: ModelArguments) -> Self {
        Self {
            name: Cow::Owned(model.name),
            url_path: Cow::Owned(model.url_path),
            fps: model.fps,
            width: model.width,
            height: model.height,
            accepts_image: model.accepts_image,
            accepts_audio: model.accepts_audio,
        }
    }
}

impl From<IceServerArguments> for IceServer {
    fn from(server: IceServerArguments) -> Self {
        Self {
            urls: server.urls,
            username: server.username,
            credential: Secret::from(server.credential),
        }
    }
}

fn prompt((text, enhance): (String, bool)) -> Prompt {
    Prompt { text, enhance }
}

fn reference(image: Py<Image>) -> ReferenceImage {
    image.get().0.clone()
}

fn policy((name, limit): (String, usize)) -> Result<Policy> {
    match name.as_str() {
        "latest" => Ok(Policy::Latest),
        "all" => Ok(Policy::All(limit)),
        "wait" => Ok(Policy::Wait(limit)),
        _ => Err(Error::new(
            ErrorCode::InvalidOptions,
            format!("flow: expected latest, all or wait, got {name:?}"),
        )),
    }
}

impl ConnectArguments {
    pub(super) fn into_options(self) -> Result<ConnectOptions> {
        let connect = Duration::try_from_secs_f64(self.connect_timeout).map_err(|_| {
            Error::new(
                ErrorCode::InvalidOptions,
                format!("connect_timeout: expected seconds above 0, got {}", self.connect_timeout),
            )
        })?;
        let [send, receive] = self.flow;
        let target = match (self.model, self.room) {
            (Some(model), _) => Target::Model { spec: model.into(), resolution: self.resolution },
            (None, Some(token)) => Target::Room(SubscribeToken::decode(&token)?),
            (None, None) => {
                return Err(Error::new(ErrorCode::InvalidOptions, "expected a model or a room"));
            }
        };
        Ok(ConnectOptions {
            base_url: self.base_url,
            key: self.api_key.map_or(KeySource::Asked, |key| KeySource::Fixed(Secret::from(key))),
            target,
            initial: State { prompt: self.prompt.map(prompt), image: self.image.map(reference) },
            timeouts: Timeouts { connect, ..Default::default() },
            retry: self.retry.into(),
            ice_servers: self
                .ice_servers
                .map(|servers| servers.into_iter().map(IceServer::from).collect()),
            ca_file: self.ca_file,
            format: self.format.parse()?,
            bitrates: Bitrates {
                min: self.min_bitrate,
                start: self.start_bitrate,
                max: self.max_bitrate,
            },
            stats_interval: self.stats_interval.and_then(|s| Duration::try_from_secs_f64(s).ok()),
            flow: Flow { send: policy(send)?, receive: policy(receive)? },
            audio: self.audio,
            mirror: self.mirror,
            customize_offer: self.customize_offer,
            user_agent: self.user_agent,
        })
    }
}

impl From<ChangeArguments> for Change {
    fn from(change: ChangeArguments) -> Self {
        fn setting<T, U>(given: bool, value: Option<T>, make: impl Fn(T) -> U) -> Setting<U> {
            match (given, value) {
                (false, _) => Setting::Unset,
                (true, None) => Setting::Clear,
                (true, Some(value)) => Setting::Set(make(value)),
            }
        }
        Self {
            prompt: setting(change.set_prompt, change.prompt, prompt),
            image: setting(change.set_image, change.image, reference),
        }
    }
}

pub(super) fn model_to_dict<'py>(
    py: Python<'py>,
    spec: &ModelSpec,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", &spec.name)?;
    dict.set_item("url_path", &spec.url_path)?;
    dict.set_item("fps", spec.fps)?;
    dict.set_item("width", spec.width)?;
    dict.set_item("height", spec.height)?;
    dict.set_item("accepts_image", spec.accepts_image)?;
    dict.set_item("accepts_audio", spec.accepts_audio)?;
    Ok(dict)
}
