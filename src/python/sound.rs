//! Sound in from Python and out to it.

use std::io::Cursor;
use std::path::PathBuf;

use numpy::ndarray::Array2;
use numpy::{
    Element, IntoPyArray, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::errors::to_exception;
use crate::client::ClipSource;
use crate::error::{Error, Result};
use crate::media::audio::{CHANNELS, Samples};

/// What a clip is read from: bytes are the content of a file, an array is samples, the rest is a path.
/// Content is not copied.
pub(super) fn clip_source(audio: &Bound<'_, PyAny>, rate: Option<u32>) -> Result<ClipSource> {
    if audio.is_instance_of::<PyBytes>() {
        let content: PyBackedBytes = audio.extract().map_err(|_| unusable(audio))?;
        return Ok(ClipSource::Content(Box::new(Cursor::new(content))));
    }
    if audio.cast::<PyUntypedArray>().is_ok() {
        let (samples, channels) = samples(audio)?;
        let rate = rate.ok_or_else(|| {
            Error::invalid_input("rate: expected the samples a second of the array, got None")
        })?;
        return Ok(ClipSource::Samples { samples, channels, rate });
    }
    let path: PathBuf = audio.extract().map_err(|_| unusable(audio))?;
    Ok(ClipSource::Path(path))
}

fn unusable(audio: &Bound<'_, PyAny>) -> Error {
    let kind = audio.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    Error::invalid_input(format!("audio: expected bytes, a path or an array, got {kind}"))
}

/// A copy of the samples of an array, (samples,) or (samples, channels), and their channels.
pub(super) fn samples(array: &Bound<'_, PyAny>) -> Result<(Samples, usize)> {
    let shape = match array.cast::<PyUntypedArray>() {
        Ok(array) => array.shape().to_vec(),
        Err(_) => return Err(unusable(array)),
    };
    let channels = match *shape {
        [_] => 1,
        [_, channels] => channels,
        _ => {
            return Err(Error::invalid_input(format!(
                "audio: expected shape (samples,) or (samples, channels), got {shape:?}"
            )));
        }
    };
    if let Some(samples) = copied::<i16>(array) {
        return Ok((Samples::Int16(samples), channels));
    }
    if let Some(samples) = copied::<f32>(array) {
        return Ok((Samples::Float32(samples), channels));
    }
    let got = array.cast::<PyUntypedArray>().map(|array| array.dtype().to_string());
    Err(Error::invalid_input(format!(
        "audio: expected dtype int16 or float32, got {}",
        got.unwrap_or_default()
    ))
    .hint("convert with samples.astype(numpy.float32), scaled to -1.0..1.0"))
}

fn copied<T: Element + Copy>(array: &Bound<'_, PyAny>) -> Option<Vec<T>> {
    let array = array.cast::<PyArrayDyn<T>>().ok()?;
    let array = array.try_readonly().ok()?;
    // Row by row whatever the strides: all channels of a moment together.
    Some(array.as_array().iter().copied().collect())
}

/// An array of shape (samples, 2) that owns `samples`.
pub(super) fn to_array(py: Python<'_>, samples: Vec<i16>) -> PyResult<Bound<'_, PyAny>> {
    let rows = samples.len() / CHANNELS;
    let array = Array2::from_shape_vec((rows, CHANNELS), samples).map_err(|error| {
        to_exception(py, &Error::invalid_input(format!("sound does not fill its array: {error}")))
    })?;
    Ok(array.into_pyarray(py).into_any())
}
