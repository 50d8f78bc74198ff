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

    fn process(&mut self, input: &Picture, output: &mut Picture) -> Result<()> {
        checked_size(input)?;
        copy(input, output);
        Ok(())
    }
}

/// Makes `output` equal to `input`, in the memory that it already has.
pub(super) fn copy(input: &Picture, output: &mut Picture) {
    output.width = input.width;
    output.height = input.height;
    output.data.clear();
    output.data.extend_from_slice(&input.data);
}
