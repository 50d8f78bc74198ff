//! Which models a service offers, and how each is made.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::processing::{FrameProcessor, PictureModel, SessionContext};
use crate::catalog::{self, ModelSpec};
use crate::error::{Error, ErrorCode, Result};
use crate::models;

/// Makes the processor of one session. Called on the session's model thread.
pub type ProcessorFactory =
    Arc<dyn Fn(&SessionContext) -> Result<Box<dyn FrameProcessor>> + Send + Sync>;

#[derive(Clone)]
pub struct RegisteredModel {
    pub spec: ModelSpec,
    pub factory: ProcessorFactory,
    /// Threads that encode what it makes.
    pub encoding_threads: u16,
}

/// A local model keeps a core busy by itself. A second thread would take 12 MB, of the 60 that a
/// session may have, for some 5 ms.
const ENCODING_THREADS: u16 = 1;

/// The models of one service. Starts with the five of the catalog.
pub struct ModelRegistry {
    models: RwLock<HashMap<String, RegisteredModel>>,
}

impl Default for ModelRegistry {
    fn default() -> Self {
        let registry = Self { models: RwLock::default() };
        for spec in catalog::MODELS.iter() {
            let name = spec.name.to_string();
            let factory: ProcessorFactory = Arc::new(move |_| {
                let model = models::create(&name)?;
                Ok(Box::new(PictureModel::new(model)))
            });
            registry.register(RegisteredModel {
                spec: spec.clone(),
                factory,
                encoding_threads: ENCODING_THREADS,
            });
        }
        registry
    }
}

impl ModelRegistry {
    /// Adds a model, or replaces the one of that name. Sessions that run keep theirs.
    pub fn register(&self, model: RegisteredModel) {
        let mut models = self.models.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        models.insert(model.spec.name.to_string(), model);
    }

    /// Finds a model by name, else by what the name is an alias of.
    pub fn find(&self, name: &str) -> Result<RegisteredModel> {
        let models = self.models.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        models.get(name).or_else(|| models.get(catalog::resolve_alias(name))).cloned().ok_or_else(
            || {
                let mut known: Vec<&str> = models.keys().map(String::as_str).collect();
                known.sort_unstable();
                let shown: String = name.chars().take(100).collect();
                Error::new(
                    ErrorCode::ModelNotFound,
                    format!("unknown model {shown:?}; this service has {}", known.join(", ")),
                )
            },
        )
    }

    pub fn specs(&self) -> Vec<ModelSpec> {
        let models = self.models.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut specs: Vec<ModelSpec> = models.values().map(|model| model.spec.clone()).collect();
        specs.sort_by(|a, b| a.name.cmp(&b.name));
        specs
    }
}
