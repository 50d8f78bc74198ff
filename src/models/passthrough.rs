//! The model that returns each picture as it came.

use super::{Control, Model, checked_size};
use crate::error::Result;
use crate::media::Picture;

/// Returns frames unchanged whatever the control says. It stands for every model of the catalog
/// that has no local transformation yet, so that programs written for them run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passthrough;

impl Model for Passthrough {
    fn set_control(&mut self, _: &Control) -> Result<()> {
        Ok(())
    }

    fn is_passthrough(&self) -> bool {
        true
    }

    fn transform(&mut self, picture: &mut Picture) -> Result<()> {
        checked_size(picture)?;
        Ok(())
    }
}
