//! Between packed pixels and planes: BT.601, limited range, 8 bits.
//!
//! Rows without gaps are converted where they lie, by vector code that is chosen at run time;
//! anything else is packed first, into memory that is kept.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvGrayImage, YuvGrayImageMut, YuvPlanarImage,
    YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use super::format::PixelFormat;
use super::frame::FrameView;
use super::picture::{I420, Planes, copy_rows};
use crate::error::{Error, ErrorCode, Result};

const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;
const RANGE: YuvRange = YuvRange::Limited;
const NO_COLOR: u8 = 128;

impl I420 {
    /// Becomes the picture in a frame: takes its size, converts its pixels, pads to even. Alpha
    /// is left out.
    ///
    /// # Errors
    ///
    /// `Internal` if the converter refuses, which valid views give it no reason to do.
    pub fn fill_from(&mut self, view: &FrameView<'_>) -> Result<()> {
        self.resize(view.width(), view.height())?;
        if let Some((rows, stride)) = view.as_rows() {
            return self.fill_rows(view.format(), rows, stride);
        }
        let mut scratch = self.take_scratch();
        view.pack_into(&mut scratch);
        let stride = view.width() as usize * view.format().channels();
        let result = self.fill_rows(view.format(), &scratch, stride);
        self.scratch = scratch;
        result
    }

    /// [`Self::fill_from`], with left and right exchanged. Costs next to nothing for an even width:
    /// the planes are turned, which are half as many bytes. An odd one is read pixel by pixel, since
    /// its last column of chroma stands for a single column of the picture.
    ///
    /// # Errors
    ///
    /// As [`Self::fill_from`].
    pub fn fill_mirrored(&mut self, view: &FrameView<'_>) -> Result<()> {
        if view.width().is_multiple_of(2) {
            self.fill_from(view)?;
            self.mirror();
            return Ok(());
        }
        self.fill_from(&view.mirrored())
    }

    fn fill_rows(&mut self, format: PixelFormat, rows: &[u8], stride: usize) -> Result<()> {
        let (width, height) = (self.width(), self.height());
        let convert = match format {
            PixelFormat::Rgb24 => yuv::rgb_to_yuv420,
            PixelFormat::Bgr24 => yuv::bgr_to_yuv420,
            PixelFormat::Rgba => yuv::rgba_to_yuv420,
            PixelFormat::Bgra => yuv::bgra_to_yuv420,
            PixelFormat::Gray => {
                self.fill_gray(rows, stride);
                return Ok(());
            }
            PixelFormat::I420 => return self.fill_planes(rows, stride),
        };
        let plane_stride = self.padded_width();
        let (y, u, v) = self.planes_mut();
        // The converter expects as many rows of luma as the picture has, not the padding.
        let y = &mut y[..plane_stride as usize * height as usize];
        let mut target = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: plane_stride,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: plane_stride / 2,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: plane_stride / 2,
            width,
            height,
        };
        let mode = YuvConversionMode::Balanced;
        convert(&mut target, rows, stride as u32, RANGE, MATRIX, mode).map_err(refused)?;
        self.pad_luma();
        Ok(())
    }

    fn fill_gray(&mut self, rows: &[u8], stride: usize) {
        let width = self.width() as usize;
        let plane_stride = self.padded_width() as usize;
        let (y, u, v) = self.planes_mut();
        for (to, from) in y.chunks_exact_mut(plane_stride).zip(rows.chunks(stride)) {
            gray_to_luma(&from[..width], &mut to[..width]);
        }
        u.fill(NO_COLOR);
        v.fill(NO_COLOR);
        self.pad_luma();
    }

    /// Chroma rows lie two to an array row, so gaps between array rows must go first.
    fn fill_planes(&mut self, rows: &[u8], stride: usize) -> Result<()> {
        let (width, height) = (self.width(), self.height());
        let packed;
        let rows = if stride == width as usize {
            rows
        } else {
            packed = rows.chunks(stride).flat_map(|row| &row[..width as usize]).copied().collect();
            let packed: &Vec<u8> = &packed;
            packed
        };
        self.copy_from(planes_of(rows, width, height))
    }
}

/// Converts planes to packed pixels; for I420, to planes without gaps. `out` gets the length of
/// the result. Alpha becomes 255.
///
/// # Errors
///
/// `InvalidInput` if the planes are smaller than they say, or odd and wanted as I420.
pub fn planes_to(planes: Planes<'_>, format: PixelFormat, out: &mut Vec<u8>) -> Result<()> {
    let len = format.packed_len(planes.width, planes.height);
    // Growing would copy what is about to be overwritten.
    if out.capacity() < len {
        *out = vec![0; len];
    } else {
        out.resize(len, 0);
    }
    planes_to_slice(planes, format, out)
}

/// [`planes_to`], into memory of exactly the right length.
///
/// # Errors
///
/// As [`planes_to`], and if `out` is shorter or longer than the result.
pub fn planes_to_slice(planes: Planes<'_>, format: PixelFormat, out: &mut [u8]) -> Result<()> {
    planes.check()?;
    let (width, height) = (planes.width, planes.height);
    // Checks the length, and that an I420 picture is even.
    FrameView::packed(format, out, width, height)?;
    let convert = match format {
        PixelFormat::Rgb24 => yuv::yuv420_to_rgb,
        PixelFormat::Bgr24 => yuv::yuv420_to_bgr,
        PixelFormat::Rgba => yuv::yuv420_to_rgba,
        PixelFormat::Bgra => yuv::yuv420_to_bgra,
        PixelFormat::Gray => {
            let width = width as usize;
            let rows = planes.y.chunks(planes.y_stride);
            for (to, from) in out.chunks_exact_mut(width).zip(rows) {
                luma_to_gray(&from[..width], to);
            }
            return Ok(());
        }
        PixelFormat::I420 => {
            let (w, h) = (width as usize, height as usize);
            let (y, chroma) = out.split_at_mut(w * h);
            let (u, v) = chroma.split_at_mut(w * h / 4);
            copy_rows(planes.y, planes.y_stride, y, w, w, h);
            copy_rows(planes.u, planes.u_stride, u, w / 2, w / 2, h / 2);
            copy_rows(planes.v, planes.v_stride, v, w / 2, w / 2, h / 2);
            return Ok(());
        }
    };
    let source = YuvPlanarImage {
        y_plane: planes.y,
        y_stride: planes.y_stride as u32,
        u_plane: planes.u,
        u_stride: planes.u_stride as u32,
        v_plane: planes.v,
        v_stride: planes.v_stride as u32,
        width,
        height,
    };
    convert(&source, out, width * format.channels() as u32, RANGE, MATRIX).map_err(refused)
}

/// Converts a frame to another format, without a detour over planes unless one side has them.
/// `out` gets the length of the result.
///
/// Alpha is left out or becomes 255. Gray is the luminance of BT.601, in full range.
///
/// # Errors
///
/// `InvalidInput` if the frame is odd and wanted as I420.
pub fn convert(view: &FrameView<'_>, to: PixelFormat, out: &mut Vec<u8>) -> Result<()> {
    let (from, width, height) = (view.format(), view.width(), view.height());
    if from == to {
        view.pack_into(out);
        return Ok(());
    }
    if to == PixelFormat::I420 {
        let mut picture = I420::default();
        picture.fill_from(view)?;
        return planes_to(picture.visible(), to, out);
    }
    let packed;
    let pixels = if let Some(pixels) = view.as_packed() {
        pixels
    } else {
        let mut copy = Vec::new();
        view.pack_into(&mut copy);
        packed = copy;
        &packed
    };
    if from == PixelFormat::I420 {
        return planes_to(planes_of(pixels, width, height), to, out);
    }
    out.clear();
    out.resize(to.packed_len(width, height), 0);
    let from_stride = width * from.channels() as u32;
    let to_stride = width * to.channels() as u32;
    if from == PixelFormat::Gray {
        return gray_to_color(pixels, to, out, width, height);
    }
    if to == PixelFormat::Gray {
        return color_to_gray(from, pixels, from_stride, out, width, height);
    }
    let swap = match (from, to) {
        (PixelFormat::Rgb24, PixelFormat::Bgr24) => yuv::rgb_to_bgr,
        (PixelFormat::Rgb24, PixelFormat::Rgba) => yuv::rgb_to_rgba,
        (PixelFormat::Rgb24, PixelFormat::Bgra) => yuv::rgb_to_bgra,
        (PixelFormat::Bgr24, PixelFormat::Rgb24) => yuv::bgr_to_rgb,
        (PixelFormat::Bgr24, PixelFormat::Rgba) => yuv::bgr_to_rgba,
        (PixelFormat::Bgr24, PixelFormat::Bgra) => yuv::bgr_to_bgra,
        (PixelFormat::Rgba, PixelFormat::Rgb24) => yuv::rgba_to_rgb,
        (PixelFormat::Rgba, PixelFormat::Bgr24) => yuv::rgba_to_bgr,
        (PixelFormat::Rgba, PixelFormat::Bgra) => yuv::rgba_to_bgra,
        (PixelFormat::Bgra, PixelFormat::Rgb24) => yuv::bgra_to_rgb,
        (PixelFormat::Bgra, PixelFormat::Bgr24) => yuv::bgra_to_bgr,
        (PixelFormat::Bgra, PixelFormat::Rgba) => yuv::bgra_to_rgba,
        (PixelFormat::Gray | PixelFormat::I420, _)
        | (_, PixelFormat::Gray | PixelFormat::I420)
        | (PixelFormat::Rgb24, PixelFormat::Rgb24)
        | (PixelFormat::Bgr24, PixelFormat::Bgr24)
        | (PixelFormat::Rgba, PixelFormat::Rgba)
        | (PixelFormat::Bgra, PixelFormat::Bgra) => {
            return Err(Error::new(ErrorCode::Internal, format!("no way from {from} to {to}")));
        }
    };
    swap(pixels, from_stride, out, to_stride, width, height).map_err(refused)
}

fn gray_to_color(
    pixels: &[u8],
    to: PixelFormat,
    out: &mut [u8],
    width: u32,
    height: u32,
) -> Result<()> {
    let spread = match to {
        PixelFormat::Rgba | PixelFormat::Bgra => yuv::yuv400_to_rgba,
        _ => yuv::yuv400_to_rgb,
    };
    let source = YuvGrayImage { y_plane: pixels, y_stride: width, width, height };
    let stride = width * to.channels() as u32;
    spread(&source, out, stride, YuvRange::Full, MATRIX).map_err(refused)
}

fn color_to_gray(
    from: PixelFormat,
    pixels: &[u8],
    stride: u32,
    out: &mut [u8],
    width: u32,
    height: u32,
) -> Result<()> {
    let weigh = match from {
        PixelFormat::Bgr24 => yuv::bgr_to_yuv400,
        PixelFormat::Rgba => yuv::rgba_to_yuv400,
        PixelFormat::Bgra => yuv::bgra_to_yuv400,
        _ => yuv::rgb_to_yuv400,
    };
    let y_plane = BufferStoreMut::Borrowed(out);
    let mut target = YuvGrayImageMut { y_plane, y_stride: width, width, height };
    weigh(&mut target, pixels, stride, YuvRange::Full, MATRIX).map_err(refused)
}

/// 0…255 to 16…235, rounded. Sixteen bits suffice, so the loop becomes vector code.
fn gray_to_luma(gray: &[u8], luma: &mut [u8]) {
    for (luma, &gray) in luma.iter_mut().zip(gray) {
        let scaled = u16::from(gray) * 219 + 128;
        // Exact division by 255.
        *luma = ((scaled + (scaled >> 8)) >> 8) as u8 + 16;
    }
}

/// 16…235 to 0…255, rounded; what is outside is clipped.
fn luma_to_gray(luma: &[u8], gray: &mut [u8]) {
    for (gray, &luma) in gray.iter_mut().zip(luma) {
        let level = u16::from(luma.clamp(16, 235) - 16);
        // 255 / 219 = 1 + 36 / 219; the multiplication is an exact division by 219.
        // Its upper half first, for which there is a vector instruction.
        let upper = ((u32::from(level * 36 + 109) * 19153) >> 16) as u16;
        *gray = (level + (upper >> 6)) as u8;
    }
}

/// The planes of a packed I420 frame, even in width and height.
fn planes_of(data: &[u8], width: u32, height: u32) -> Planes<'_> {
    let (w, h) = (width as usize, height as usize);
    let (y, chroma) = data.split_at(w * h);
    let (u, v) = chroma.split_at(w * h / 4);
    Planes { width, height, y, u, v, y_stride: w, u_stride: w / 2, v_stride: w / 2 }
}

fn refused(error: YuvError) -> Error {
    Error::new(ErrorCode::Internal, format!("colour conversion: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_levels_scale_exactly() {
        for level in 0..=255_u8 {
            let (mut luma, mut gray) = ([0], [0]);
            gray_to_luma(&[level], &mut luma);
            let exact = 16.0 + f64::from(level) * 219.0 / 255.0;
            assert_eq!(luma[0], exact.round() as u8, "gray {level}");
            luma_to_gray(&luma, &mut gray);
            assert!(gray[0].abs_diff(level) <= 1, "gray {level} came back as {}", gray[0]);

            luma_to_gray(&[level], &mut gray);
            let exact = (f64::from(level) - 16.0) * 255.0 / 219.0;
            assert_eq!(gray[0], exact.round().clamp(0.0, 255.0) as u8, "luma {level}");
        }
    }
}
