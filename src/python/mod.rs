//! The Python module `parhelion._core`: the only place that names pyo3 or numpy.
//!
//! It moves values across the border and nothing else. What Python sees is shaped by the package
//! around it.

mod array;
mod awaitable;
mod bell;
mod errors;
mod faults;
mod gate;
mod image;
mod options;
mod server;
mod session;
mod sound;
mod statistics;
mod tokens;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;

use crate::catalog;
use crate::error::ErrorCode;
use crate::media::{PixelFormat, codec_has_assembly};
use crate::session::TRANSITIONS;
use crate::transport::runtime;

/// How this build was made: version, profile, codec.
#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    info.set_item("codec", "openh264")?;
    info.set_item("codec_has_assembly", codec_has_assembly())?;
    info.set_item("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS))?;
    Ok(info)
}

/// Raises in a forked child of a process that has used the core: it has none of the threads.
#[pyfunction]
fn check_process(py: Python<'_>, operation: String) -> PyResult<()> {
    runtime::check_process().map_err(|error| errors::to_exception(py, &error.during(operation)))
}

/// The models of the catalog, one dict each.
#[pyfunction]
fn models(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for spec in catalog::MODELS.iter() {
        list.append(options::model_to_dict(py, spec)?)?;
    }
    Ok(list)
}

/// Pairs of another name and the model it stands for.
#[pyfunction]
fn model_aliases() -> Vec<(&'static str, &'static str)> {
    catalog::ALIASES.to_vec()
}

/// Pairs of an error code and whether trying again can help.
#[pyfunction]
fn error_codes() -> Vec<(&'static str, bool)> {
    ErrorCode::ALL.iter().map(|code| (code.as_str(), code.retryable())).collect()
}

/// Pairs of a connection state and one that may follow it.
#[pyfunction]
fn transitions() -> Vec<(&'static str, &'static str)> {
    TRANSITIONS.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect()
}

/// The pixel formats by name.
#[pyfunction]
fn pixel_formats() -> Vec<&'static str> {
    PixelFormat::ALL.iter().map(|format| format.as_str()).collect()
}

#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    start_log();
    // Registered before anything of the package's, so that it is called after everything.
    let shut = wrap_pyfunction!(gate::shut, module)?;
    module.py().import("atexit")?.call_method1("register", (shut,))?;
    module.add_class::<session::Session>()?;
    module.add_class::<server::Server>()?;
    module.add_class::<faults::Faults>()?;
    module.add_class::<array::FrameBuffer>()?;
    module.add_class::<image::ImageSource>()?;
    module.add_class::<image::Image>()?;
    module.add_function(wrap_pyfunction!(build_info, module)?)?;
    module.add_function(wrap_pyfunction!(check_process, module)?)?;
    module.add_function(wrap_pyfunction!(models, module)?)?;
    module.add_function(wrap_pyfunction!(model_aliases, module)?)?;
    module.add_function(wrap_pyfunction!(error_codes, module)?)?;
    module.add_function(wrap_pyfunction!(transitions, module)?)?;
    module.add_function(wrap_pyfunction!(pixel_formats, module)?)?;
    module.add_function(wrap_pyfunction!(options::check_landmarks, module)?)?;
    module.add_function(wrap_pyfunction!(array::convert, module)?)?;
    module.add_function(wrap_pyfunction!(image::encode_png, module)?)?;
    module.add_function(wrap_pyfunction!(tokens::create_token, module)?)?;
    Ok(())
}

/// Logs to standard error what `PARHELION_LOG` asks for (`parhelion=debug`, say); off without it.
/// Not through Python's logging: a handler of the user's would run on a thread of the network. Of
/// the libraries below only warnings are shown: their details include keys and passwords.
fn start_log() {
    if let Ok(filter) = std::env::var("PARHELION_LOG") {
        let ours = filter_fn(|metadata| {
            metadata.target().starts_with("parhelion") || *metadata.level() <= Level::WARN
        });
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_filter(EnvFilter::new(filter))
            .with_filter(ours);
        let _ = tracing_subscriber::registry().with(lines).try_init();
    }
}
