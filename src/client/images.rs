//! Reference images on their way to a service: from bytes, pixels or a URL to what is sent.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use url::Url;

use super::fetch::{self, FetchOptions};
use crate::error::{Error, ErrorCode, Result};
use crate::media::still::{self, MAX_FILE_BYTES};
use crate::media::{FrameView, Picture, PixelFormat};
use crate::protocol::{EncodedImage, Landmarks};
use crate::session::ReferenceImage;
use crate::transport::runtime;

/// Standard base64; the padding at its end is often lost on the way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An image that was checked as far as it can be without waiting.
#[derive(Debug)]
pub struct ImageSource(Kind);

enum Kind {
    File(Vec<u8>),
    Pixels { format: PixelFormat, data: Vec<u8>, width: u32, height: u32 },
    Url(Url),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(bytes) => write!(f, "File(<{} bytes>)", bytes.len()),
            Self::Pixels { format, width, height, .. } => write!(f, "{format} {width}x{height}"),
            Self::Url(url) => write!(f, "Url({})", url.host_str().unwrap_or_default()),
        }
    }
}

impl ImageSource {
    /// The contents of a PNG, JPEG or WebP file.
    pub fn file(bytes: Vec<u8>) -> Result<Self> {
        still::inspect(&bytes)?;
        Ok(Self(Kind::File(bytes)))
    }

    /// The same in standard base64, with or without padding and white space.
    pub fn base64(text: &str) -> Result<Self> {
        let mut text = text.as_bytes().to_vec();
        text.retain(|byte| !byte.is_ascii_whitespace());
        if text.len() > MAX_FILE_BYTES.div_ceil(3) * 4 {
            return Err(Error::invalid_input(format!(
                "image: expected base64 of at most {MAX_FILE_BYTES} bytes, got {} characters",
                text.len()
            )));
        }
        let bytes = BASE64.decode(&text).map_err(|error| {
            Error::invalid_input(format!("image: expected standard base64: {error}"))
        })?;
        Self::file(bytes)
    }

    /// The pixels of a frame; they are copied.
    pub fn pixels(view: &FrameView<'_>) -> Self {
        let mut data = Vec::new();
        view.pack_into(&mut data);
        let (format, width, height) = (view.format(), view.width(), view.height());
        Self(Kind::Pixels { format, data, width, height })
    }

    /// What an `http` or `https` URL leads to, when it is loaded.
    pub fn url(text: &str) -> Result<Self> {
        Ok(Self(Kind::Url(fetch::checked_url(text)?)))
    }

    /// The pixels as a model will see them: turned, in RGB, and on white where they are transparent.
    /// Takes a while: not for a task of the runtime.
    pub fn picture(&self) -> Result<Picture> {
        match &self.0 {
            Kind::File(bytes) => still::decode(bytes),
            Kind::Pixels { format, data, width, height } => {
                still::decode(&still::encode(*format, data, *width, *height)?)
            }
            Kind::Url(_) => Err(Error::invalid_input("image: expected what is here, got a URL")
                .hint("fetch it first, and pass its bytes")),
        }
    }

    /// What is sent: fetched, encoded, looked at. Landmarks have to be inside of it.
    pub async fn load(
        self: std::sync::Arc<Self>,
        landmarks: Option<Landmarks>,
        options: &FetchOptions,
    ) -> Result<ReferenceImage> {
        let fetched = match &self.0 {
            Kind::Url(url) => Some(fetch::fetch(url, options).await?),
            Kind::File(_) | Kind::Pixels { .. } => None,
        };
        let encoding = runtime::handle().spawn_blocking(move || self.encode(fetched, landmarks));
        encoding.await.map_err(|error| {
            Error::new(ErrorCode::Internal, format!("encoding an image: {error}"))
        })?
    }

    fn encode(
        &self,
        fetched: Option<Vec<u8>>,
        landmarks: Option<Landmarks>,
    ) -> Result<ReferenceImage> {
        let base64 = |bytes: &[u8]| {
            if let Some(landmarks) = landmarks {
                let (width, height) = still::shown_size(bytes)?;
                landmarks.check_inside(width, height)?;
            }
            let data = EncodedImage::from(BASE64_STANDARD.encode(bytes));
            Ok(ReferenceImage { data, landmarks })
        };
        match (&self.0, fetched) {
            (Kind::File(bytes), _) => base64(bytes),
            (Kind::Pixels { format, data, width, height }, _) => {
                let file = still::encode(*format, data, *width, *height)?;
                still::inspect(&file)?;
                base64(&file)
            }
            (Kind::Url(_), fetched) => {
                let bytes = fetched.unwrap_or_default();
                still::inspect(&bytes)?;
                base64(&bytes)
            }
        }
    }
}
