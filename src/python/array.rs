//! numpy arrays in and out.
//!
//! In: any strides, read where they lie. Out: arrays over memory of ours that goes back to its pool
//! when the last view is gone.

use std::sync::Arc;

use numpy::ndarray::{ArrayView2, ArrayView3};
use numpy::{
    PyArray2, PyArray3, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;

use super::errors::to_exception;
use crate::error::{Error, Result};
use crate::media::{BufferPool, FrameView, PixelFormat, color};

/// The memory of one frame. Only ever the base of an array.
#[pyclass(frozen, module = "parhelion._core")]
pub(super) struct FrameBuffer {
    data: Vec<u8>,
    pool: Option<Arc<BufferPool>>,
}

impl Drop for FrameBuffer {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.put(std::mem::take(&mut self.data));
        }
    }
}

/// An array of the format's shape over `data`, without a copy.
#[expect(unsafe_code, reason = "numpy borrows the memory of an object that it keeps alive")]
pub(super) fn to_array<'py>(
    py: Python<'py>,
    data: Vec<u8>,
    width: u32,
    height: u32,
    format: PixelFormat,
    pool: Option<Arc<BufferPool>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (rows, columns, channels) = (format.rows(height), width as usize, format.channels());
    let owner = Bound::new(py, FrameBuffer { data, pool })?;
    let bytes = owner.get().data.as_slice();
    let shaped = |error| {
        to_exception(py, &Error::invalid_input(format!("a frame does not fill its array: {error}")))
    };
    // SAFETY: the array keeps `owner` alive, `owner` is frozen and gives its buffer away only when
    // it is dropped, so the memory outlives the array; nothing else refers to it, so writing
    // through the array is sound.
    let array = unsafe {
        match format {
            PixelFormat::Gray | PixelFormat::I420 => {
                let view = ArrayView2::from_shape((rows, columns), bytes)
                    .map_err(|error| shaped(error.to_string()))?;
                PyArray2::borrow_from_array(&view, owner.clone().into_any()).into_any()
            }
            _ => {
                let view = ArrayView3::from_shape((rows, columns, channels), bytes)
                    .map_err(|error| shaped(error.to_string()))?;
                PyArray3::borrow_from_array(&view, owner.clone().into_any()).into_any()
            }
        }
    };
    Ok(array)
}

/// Shows an array to `read` as a frame. The interpreter stays attached: getting it back from a busy
/// thread takes longer than most conversions, and code of Python cannot write to the array meanwhile.
pub(super) fn with_view<R>(
    array: &Bound<'_, PyUntypedArray>,
    format: PixelFormat,
    read: impl FnOnce(&FrameView<'_>) -> Result<R>,
) -> Result<R> {
    let py = array.py();
    let expected = expected(format);
    if !array.dtype().is_equiv_to(&dtype::<u8>(py)) {
        return Err(Error::invalid_input(format!(
            "expected dtype uint8 and {expected}, got dtype {} and shape {}",
            array.dtype(),
            shape(array),
        ))
        .hint("convert with frame.astype(numpy.uint8), after scaling to 0..255"));
    }
    let dims = array.shape();
    let strides = array.strides();
    let planar = matches!(format, PixelFormat::Gray | PixelFormat::I420);
    let (rows, columns, [row_stride, pixel_stride, channel_stride]) = match (dims, strides) {
        (&[rows, columns], &[row, pixel]) if planar => (rows, columns, [row, pixel, 1]),
        (&[rows, columns, 1], &[row, pixel, _]) if format == PixelFormat::Gray => {
            (rows, columns, [row, pixel, 1])
        }
        (&[rows, columns, channels], &[row, pixel, channel])
            if !planar && channels == format.channels() =>
        {
            (rows, columns, [row, pixel, channel])
        }
        _ => {
            return Err(Error::invalid_input(format!(
                "expected {expected}, got shape {}",
                shape(array)
            ))
            .hint("pass format= if the frame has another layout"));
        }
    };
    let height = if format == PixelFormat::I420 { rows / 3 * 2 } else { rows };
    if format == PixelFormat::I420 && rows % 3 != 0 {
        return Err(Error::invalid_input(format!(
            "expected {expected}, got shape {}",
            shape(array)
        )));
    }
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (width, height) = (side(columns), side(height));
    crate::media::frame::check_size(width, height)?;
    let (bytes, offset) = extent(array, dims, strides);
    let view = FrameView::strided(
        format,
        bytes,
        offset,
        width,
        height,
        row_stride,
        pixel_stride,
        channel_stride,
    )?;
    read(&view)
}

/// The memory that a non-empty array of bytes reaches, and where its first element lies in it.
#[expect(unsafe_code, reason = "a slice over memory that numpy describes")]
fn extent<'a>(
    array: &'a Bound<'_, PyUntypedArray>,
    dims: &[usize],
    strides: &[isize],
) -> (&'a [u8], usize) {
    let (mut low, mut high) = (0isize, 0isize);
    for (&count, &stride) in dims.iter().zip(strides) {
        let reach = (count as isize - 1) * stride;
        low += reach.min(0);
        high += reach.max(0);
    }
    // SAFETY: numpy guarantees that every element of the array lies within its allocation, and
    // `low..=high` are the offsets of its outermost elements from the first one. The borrow of
    // `array` keeps the allocation alive; the attached interpreter keeps writers away.
    unsafe {
        let first = (*array.as_array_ptr()).fields.data.cast::<u8>();
        let bytes = std::slice::from_raw_parts(first.offset(low), (high - low) as usize + 1);
        (bytes, low.unsigned_abs())
    }
}

fn expected(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Rgb24 => "shape (H, W, 3) for format rgb24",
        PixelFormat::Bgr24 => "shape (H, W, 3) for format bgr24",
        PixelFormat::Rgba => "shape (H, W, 4) for format rgba",
        PixelFormat::Bgra => "shape (H, W, 4) for format bgra",
        PixelFormat::Gray => "shape (H, W) for format gray",
        PixelFormat::I420 => "shape (H * 3 / 2, W), H and W even, for format i420",
    }
}

fn shape(array: &Bound<'_, PyUntypedArray>) -> String {
    let sides: Vec<String> = array.shape().iter().map(ToString::to_string).collect();
    match sides.as_slice() {
        [one] => format!("({one},)"),
        _ => format!("({})", sides.join(", ")),
    }
}

/// Converts a frame to another pixel format: a new array, C-contiguous and writable.
#[pyfunction]
pub(super) fn convert<'py>(
    array: &Bound<'py, PyUntypedArray>,
    source: &str,
    target: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let converted = (|| {
        let (source, target): (PixelFormat, PixelFormat) = (source.parse()?, target.parse()?);
        let (data, width, height) = with_view(array, source, |view| {
            let mut data = vec![0; target.packed_len(view.width(), view.height())];
            color::convert(view, target, &mut data)?;
            Ok((data, view.width(), view.height()))
        })?;
        Ok((data, width, height, target))
    })();
    let (data, width, height, target) =
        converted.map_err(|error: Error| to_exception(py, &error.during("convert")))?;
    to_array(py, data, width, height, target, None)
}
