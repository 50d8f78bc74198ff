//! Reference images from Python: what they are made from, what is sent, and what is seen in them.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};

use super::array::{to_array, with_view};
use super::awaitable::awaitable_value;
use super::errors::to_exception;
use super::options::LandmarksArguments;
use crate::client::{self, FetchOptions};
use crate::error::{Error, Result};
use crate::media::{Picture, PixelFormat, still};
use crate::models::avatar::face::{self, Facing, Marks};
use crate::protocol::Landmarks;
use crate::server::face_of;
use crate::session::ReferenceImage;

/// An image that was checked as far as it can be without waiting.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct ImageSource(Arc<client::ImageSource>);

/// An image that is ready to be sent.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct Image(pub(super) ReferenceImage);

/// A picture, places, likeness, and the number of faces.
type Looked<'py> = (Bound<'py, PyAny>, Option<Bound<'py, PyDict>>, f32, usize);

/// Who fetches images, and from where.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct FetchArguments {
    ca_file: Option<PathBuf>,
    user_agent: String,
    allow_private: bool,
}

impl From<FetchArguments> for FetchOptions {
    fn from(arguments: FetchArguments) -> Self {
        let FetchArguments { ca_file, user_agent, allow_private } = arguments;
        Self { ca_file, user_agent, allow_private }
    }
}

#[pymethods]
impl ImageSource {
    /// From the contents of a file. Looks at them and raises what is wrong.
    #[staticmethod]
    fn file(py: Python<'_>, contents: PyBackedBytes, operation: String) -> PyResult<Self> {
        Self::made(py, operation, py.detach(|| client::ImageSource::file(contents.to_vec())))
    }

    /// From such contents in base64.
    #[staticmethod]
    fn base64(py: Python<'_>, text: &str, operation: String) -> PyResult<Self> {
        Self::made(py, operation, py.detach(|| client::ImageSource::base64(text)))
    }

    /// From an http or https URL. It is asked for when the image is loaded.
    #[staticmethod]
    fn url(py: Python<'_>, text: &str, operation: String) -> PyResult<Self> {
        Self::made(py, operation, client::ImageSource::url(text))
    }

    /// From the pixels of an array, which are copied.
    #[staticmethod]
    fn pixels(
        array: &Bound<'_, PyUntypedArray>,
        format: &str,
        operation: String,
    ) -> PyResult<Self> {
        let made = format.parse().and_then(|format| {
            with_view(array, format, |view| Ok(client::ImageSource::pixels(view)))
        });
        let made = made.map_err(|mut error: Error| {
            error.message.insert_str(0, "image: ");
            error
        });
        Self::made(array.py(), operation, made)
    }

    /// Fetches or encodes what is to be sent. Awaitable. Raises if landmarks are not inside of it.
    #[pyo3(signature = (landmarks, fetch, operation))]
    fn load<'py>(
        &self,
        py: Python<'py>,
        landmarks: Option<LandmarksArguments>,
        fetch: FetchArguments,
        operation: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let source = Arc::clone(&self.0);
        let fetch = FetchOptions::from(fetch);
        awaitable_value(py, async move {
            source
                .load(landmarks.map(Into::into), &fetch)
                .await
                .map(Image)
                .map_err(|error| error.during(operation))
        })
    }

    /// Its pixels in RGB, as a model sees them.
    fn decode<'py>(&self, py: Python<'py>, operation: String) -> PyResult<Bound<'py, PyAny>> {
        let decoded = py.detach(|| self.0.picture());
        let picture = decoded.map_err(|error| to_exception(py, &error.during(operation)))?;
        shown(py, picture)
    }

    /// What the local `live_avatar` takes for the face: the picture with it drawn over, its parts,
    /// how much it is like a face, and how many there are.
    #[pyo3(signature = (landmarks, operation))]
    fn look<'py>(
        &self,
        py: Python<'py>,
        landmarks: Option<LandmarksArguments>,
        operation: String,
    ) -> PyResult<Looked<'py>> {
        let looked = py.detach(|| self.marked(landmarks.map(Into::into)));
        let (drawn, found) = looked.map_err(|error| to_exception(py, &error.during(operation)))?;
        let likeness = found.marks.as_ref().map_or(0.0, |marks| marks.likeness);
        let places = found.marks.map(|marks| places(py, &marks)).transpose()?;
        Ok((shown(py, drawn)?, places, likeness, found.count))
    }
}

/// An array of the pixels, (H, W, 3).
fn shown(py: Python<'_>, picture: Picture) -> PyResult<Bound<'_, PyAny>> {
    let Picture { width, height, data } = picture;
    to_array(py, data, width, height, PixelFormat::Rgb24, None)
}

fn places<'py>(py: Python<'py>, marks: &Marks) -> PyResult<Bound<'py, PyDict>> {
    let places = PyDict::new(py);
    match (marks.facing, &marks.eyes[..]) {
        // Who looks to the left shows the right eye.
        (Some(facing), [eye, ..]) => {
            let seen = if facing == Facing::Left { "right_eye" } else { "left_eye" };
            places.set_item(seen, (eye.center.x, eye.center.y))?;
        }
        (None, [left, right, ..]) => {
            places.set_item("left_eye", (left.center.x, left.center.y))?;
            places.set_item("right_eye", (right.center.x, right.center.y))?;
        }
        _ => {}
    }
    for (name, place) in
        [("mouth_left", marks.lips.left), ("mouth_right", marks.lips.right), ("chin", marks.chin)]
    {
        places.set_item(name, (place.x, place.y))?;
    }
    Ok(places)
}

/// A picture, (H, W, 3) in RGB, as a PNG file.
#[pyfunction]
pub(super) fn encode_png<'py>(
    array: &Bound<'py, PyUntypedArray>,
    operation: String,
) -> PyResult<Bound<'py, PyBytes>> {
    let encoded = with_view(array, PixelFormat::Rgb24, |view| {
        let (width, height) = (view.width(), view.height());
        let mut data = Vec::new();
        view.pack_into(&mut data);
        still::encode_png(&Picture { width, height, data })
    });
    let py = array.py();
    let file = encoded.map_err(|error| to_exception(py, &error.during(operation)))?;
    Ok(PyBytes::new(py, &file))
}

impl ImageSource {
    /// The picture with the marks of its face and what was given, and what was found.
    fn marked(&self, landmarks: Option<Landmarks>) -> Result<(Picture, face::Found)> {
        let picture = self.0.picture()?;
        if let Some(landmarks) = landmarks {
            landmarks.check_inside(picture.width, picture.height)?;
        }
        let given = landmarks.and_then(face_of);
        let found = face::find(&picture, given.as_ref());
        let mut drawn = match &found.marks {
            Some(marks) => face::draw(&picture, marks),
            None => picture,
        };
        if let Some(given) = &given {
            face::draw_given(&mut drawn, given);
        }
        Ok((drawn, found))
    }

    fn made(
        py: Python<'_>,
        operation: String,
        made: Result<client::ImageSource>,
    ) -> PyResult<Self> {
        made.map(|source| Self(Arc::new(source)))
            .map_err(|error: Error| to_exception(py, &error.during(operation)))
    }
}

#[pymethods]
impl Image {
    /// Length of what is sent, in bytes of base64.
    fn __len__(&self) -> usize {
        self.0.data.len()
    }
}
