//! Where a session is opened, for what, and with which key.

use url::Url;

use super::ConnectOptions;
use crate::catalog::ModelSpec;
use crate::error::Result;
use crate::protocol::{Secret, SubscribeToken, stream_url, subscribe_url};

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    Fixed(Secret),
    /// Asked for anew before each attempt, since keys may expire.
    Asked,
}

/// What a session is opened for.
#[derive(Debug, Clone)]
pub enum Target {
    Model {
        spec: ModelSpec,
        /// `720p` or `1080p`, for services that offer both.
        resolution: Option<String>,
    },
    /// To watch the session of somebody else.
    Room(SubscribeToken),
}

/// All of the address but the key.
#[derive(Debug, Clone)]
pub(super) struct Address {
    base: String,
    target: Target,
    user_agent: String,
}

impl Target {
    pub fn is_room(&self) -> bool {
        matches!(self, Self::Room(_))
    }

    /// Frames per second that come back at most, as far as it is known.
    pub(super) fn fps(&self) -> f64 {
        match self {
            Self::Model { spec, .. } => spec.fps,
            Self::Room(_) => f64::INFINITY,
        }
    }
}

impl Address {
    pub(super) fn new(options: &ConnectOptions) -> Self {
        Self {
            base: options.base_url.clone(),
            target: options.target.clone(),
            user_agent: options.user_agent.clone(),
        }
    }

    pub(super) fn url(&self, key: &Secret) -> Result<Url> {
        match &self.target {
            Target::Model { spec, resolution } => stream_url(
                &self.base,
                &spec.url_path,
                key,
                &spec.name,
                resolution.as_deref(),
                &self.user_agent,
            ),
            Target::Room(token) => subscribe_url(&self.base, token, key, &self.user_agent),
        }
    }

    /// Whether the target names its own permission.
    pub(super) fn needs_key(&self) -> bool {
        !matches!(&self.target, Target::Room(token) if token.viewer_token.is_some())
    }
}
