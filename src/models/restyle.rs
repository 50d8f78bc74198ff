//! The model that gives pictures the look that a prompt asks for.

use super::looks::{Canvas, Look};
use super::passthrough::copy;
use super::vocabulary::choose;
use super::{Control, Model, checked_size};
use crate::error::Result;
use crate::media::Picture;

/// Chooses one of the [`LOOKS`](super::LOOKS) by the words of the prompt and paints every frame
/// in it. Without a prompt, or with a blank one, frames pass unchanged. A prompt that names no
/// look gets [`NEUTRAL`](super::NEUTRAL). `enhance` and the reference image change nothing here:
/// the vocabulary needs no elaboration, and no look is made after an image.
#[derive(Default)]
pub struct Restyle {
    present: Option<(&'static str, Box<dyn Look>)>,
}

impl Restyle {
    /// The name of the look in force; `None` while frames pass unchanged.
    pub fn look(&self) -> Option<&'static str> {
        self.present.as_ref().map(|(name, _)| *name)
    }
}

impl Model for Restyle {
    fn set_control(&mut self, control: &Control) -> Result<()> {
        let Some(prompt) = control.prompt.as_deref().filter(|text| !text.trim().is_empty()) else {
            self.present = None;
            return Ok(());
        };
        let row = choose(prompt);
        // The same look again keeps its tables and buffers.
        if self.look() != Some(row.look) {
            self.present = Some((row.look, (row.make)()));
        }
        Ok(())
    }

    fn is_passthrough(&self) -> bool {
        self.present.is_none()
    }

    fn process(&mut self, input: &Picture, output: &mut Picture) -> Result<()> {
        let (width, height) = checked_size(input)?;
        let Some((_, look)) = &mut self.present else {
            copy(input, output);
            return Ok(());
        };
        output.width = input.width;
        output.height = input.height;
        output.data.resize(input.data.len(), 0);
        look.paint(Canvas { width, height }, &input.data, &mut output.data);
        Ok(())
    }
}
