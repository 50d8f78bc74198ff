//! The models: what each is called, where it lives, and what it accepts.
//!
//! Frame rate and size are capture hints: a service may accept other sizes.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::error::{Error, ErrorCode, Result};

/// One model of a real-time service.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    pub name: Cow<'static, str>,
    /// Path of the control socket on the service.
    pub url_path: Cow<'static, str>,
    /// Frames per second the model was made for.
    pub fps: f64,
    /// Width in pixels the model was made for.
    pub width: u32,
    /// Height in pixels the model was made for.
    pub height: u32,
    /// Whether a reference image changes the result.
    pub accepts_image: bool,
    /// Whether the model is driven by audio.
    pub accepts_audio: bool,
}

pub const DEFAULT_URL_PATH: &str = "/v1/stream";

fn model(name: &'static str, fps: f64, width: u32, height: u32) -> ModelSpec {
    ModelSpec {
        name: Cow::Borrowed(name),
        url_path: Cow::Borrowed(DEFAULT_URL_PATH),
        fps,
        width,
        height,
        accepts_image: false,
        accepts_audio: false,
    }
}

/// The five models of the real-time API.
pub static MODELS: LazyLock<[ModelSpec; 5]> = LazyLock::new(|| {
    [
        model("mirage", 25.0, 1280, 704),
        model("mirage_v2", 22.0, 1280, 704),
        model("lucy_v2v_720p_rt", 25.0, 1280, 704),
        ModelSpec { accepts_image: true, ..model("lucy_2_rt", 20.0, 1280, 720) },
        ModelSpec {
            accepts_image: true,
            accepts_audio: true,
            ..model("live_avatar", 25.0, 1280, 720)
        },
    ]
});

/// Later names of the same models, as newer clients send them.
pub static ALIASES: [(&str, &str); 5] = [
    ("lucy-restyle", "mirage"),
    ("lucy-restyle-2", "mirage_v2"),
    ("lucy", "lucy_v2v_720p_rt"),
    ("lucy-2", "lucy_2_rt"),
    ("live-avatar", "live_avatar"),
];

/// The name under which the catalog knows `name`: itself, or what it is an alias of.
pub fn resolve_alias(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, target)| target)
}

/// Finds a model by name or alias. The result carries the name that was asked for, because that
/// name, not the resolved one, goes on the wire.
pub fn find(name: &str) -> Result<ModelSpec> {
    let target = resolve_alias(name);
    MODELS
        .iter()
        .find(|model| model.name == target)
        .map(|model| ModelSpec { name: Cow::Owned(name.to_owned()), ..model.clone() })
        .ok_or_else(|| {
            let known: Vec<&str> = MODELS.iter().map(|model| &*model.name).collect();
            Error::new(
                ErrorCode::ModelNotFound,
                format!("unknown model {name:?}; expected one of {}", known.join(", ")),
            )
            .hint("for a model of your own pass a ModelDefinition")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_keeps_its_own_name() {
        let spec = find("lucy-restyle-2").unwrap();
        assert_eq!((&*spec.name, spec.fps, spec.height), ("lucy-restyle-2", 22.0, 704));
    }

    #[test]
    fn an_unknown_model_lists_the_known_ones() {
        let error = find("mirage_v3").unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelNotFound);
        assert!(error.message.contains("\"mirage_v3\"") && error.message.contains("lucy_2_rt"));
    }
}
