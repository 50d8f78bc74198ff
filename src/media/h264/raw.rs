//! The few calls for which the codec has no safe interface.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::from_mut;
use std::slice;

use openh264::Error;
use openh264::decoder::Decoder;
use openh264::encoder::Encoder;
use openh264::formats::YUVSource;
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE,
    ENCODER_OPTION_TRACE_LEVEL, SBitrateInfo, SPATIAL_LAYER_0, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};

use crate::media::picture::Planes;

unsafe extern "C" {
    /// The CPU features that the codec's assembly may use; 0 if it was built without any.
    fn WelsCPUFeatureDetect(logical_processors: *mut c_int) -> u32;
}

/// Keeps the encoder from writing to standard error while it sets itself up.
pub(super) fn silence(encoder: &mut Encoder) -> bool {
    let mut level: c_int = WELS_LOG_QUIET;
    // SAFETY: the option takes an int, which is read during the call only.
    let result = unsafe {
        encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, from_mut(&mut level).cast())
    };
    result == 0
}

/// Sets the target rate and the bound that it must stay below, in bits per second. The encoder
/// must have encoded a picture: before that it has no state to set it in.
pub(super) fn set_bitrate(encoder: &mut Encoder, bound: u32, target: u32) -> bool {
    // The bound goes first, and to the layer: what the encoder began with would refuse a higher
    // target, and a bound for all layers at once is not looked at.
    [
        (ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0, bound),
        (ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, target),
    ]
    .into_iter()
    .all(|(option, layer, rate)| {
        let mut info =
            SBitrateInfo { iLayer: layer, iBitrate: c_int::try_from(rate).unwrap_or(c_int::MAX) };
        // SAFETY: both options take this struct, which is read during the call only.
        let result = unsafe { encoder.raw_api().set_option(option, from_mut(&mut info).cast()) };
        result == 0
    })
}

/// Sets the number of pictures per second. The encoder must have encoded a picture.
pub(super) fn set_frame_rate(encoder: &mut Encoder, mut rate: f32) -> bool {
    // SAFETY: the option takes a float, which is read during the call only.
    let result = unsafe {
        encoder.raw_api().set_option(ENCODER_OPTION_FRAME_RATE, from_mut(&mut rate).cast())
    };
    result == 0
}

pub(super) fn cpu_features() -> u32 {
    let mut processors: c_int = 0;
    // SAFETY: the function writes the int and reads the processor's identification.
    unsafe { WelsCPUFeatureDetect(from_mut(&mut processors)) }
}

/// Decodes one access unit. The planes stay where the codec has them.
pub(super) fn decode<'a>(
    decoder: &'a mut Decoder,
    access_unit: &[u8],
) -> Result<Option<Planes<'a>>, Error> {
    let Some(picture) = decoder.decode(access_unit)? else { return Ok(None) };
    let (width, height) = picture.dimensions();
    let (y_stride, u_stride, v_stride) = picture.strides();
    // SAFETY: the picture holds slices that live as long as the decoder is borrowed, but lends
    // them only for as long as it is itself borrowed. These are the same slices with their own
    // lifetime, which keeps the decoder borrowed.
    let lend = |plane: &[u8]| unsafe { slice::from_raw_parts(plane.as_ptr(), plane.len()) };
    let (y, u, v) = (lend(picture.y()), lend(picture.u()), lend(picture.v()));
    Ok(Some(Planes {
        width: width as u32,
        height: height as u32,
        y,
        u,
        v,
        y_stride,
        u_stride,
        v_stride,
    }))
}
