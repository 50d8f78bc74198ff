//! What can be done to a part of a picture, one file each.

mod blurred;
mod gone;
mod painted;
mod pictured;
mod recolored;
mod replaced;
mod scenes;
mod uncolored;

use std::sync::Arc;

use super::operators::{Image, Plane};
use super::pipeline::{Moment, Pipeline};
use super::prompt::{Action, Plan, REFERENCE, Scene, Step, Target};
use crate::media::Picture;

/// One change. It is made for the whole picture, and shown where the mask is.
pub(super) trait Edit: Send {
    /// How far beyond the borders of its region it has to reach, in pixels of a picture 1280 wide.
    fn reach(&self) -> f32 {
        0.0
    }

    /// Writes the changed frame to `out`. `mask` is where it will be seen.
    fn paint(&mut self, frame: &Image, mask: &Plane, moment: Moment, out: &mut Image);
}

/// What an edit that is made of a reference image lacks.
const NO_IMAGE: &str = "there is no reference image";

/// The edit of a step, or why there is none. `image` is the reference image.
pub(super) fn edit(
    step: &Step,
    image: Option<&Arc<Picture>>,
) -> Result<Box<dyn Edit>, &'static str> {
    Ok(match step.action {
        Action::Replace(Scene::Named(REFERENCE)) => {
            Box::new(pictured::Backdrop::new(Arc::clone(image.ok_or(NO_IMAGE)?)))
        }
        Action::Add(REFERENCE) => {
            Box::new(pictured::Placed::new(image.ok_or(NO_IMAGE)?, step.target.place))
        }
        Action::Recolor(color) | Action::Tint(color) | Action::Duotone(_, color) => {
            Box::new(recolored::Recolored::new(color))
        }
        Action::Blur => Box::new(blurred::Blurred::new(step.strength)),
        Action::Remove => Box::new(gone::Gone::default()),
        Action::KeepColor => Box::new(uncolored::Uncolored),
        Action::KeepOnly => Box::new(replaced::Replaced::studio()),
        Action::Replace(scene) => Box::new(replaced::Replaced::new(scene)?),
        Action::Add(_) => return Err("things cannot be drawn into the picture"),
        Action::Manner(_) => return Err("needs a portrait that speaks"),
        Action::Style(_) | Action::Modify(_) | Action::Material(..) => {
            let action = match step.action {
                Action::Material(name, _) => Action::Style(name),
                other => other,
            };
            let step = Step { action, target: Target::WHOLE, ..step.clone() };
            let plan = Plan { steps: vec![step], ..Plan::default() };
            Box::new(painted::Painted(Pipeline::of(&plan).0))
        }
    })
}

/// Whether a step puts the reference image itself into the picture.
pub(super) fn shows_image(step: &Step) -> bool {
    matches!(step.action, Action::Replace(Scene::Named(REFERENCE)) | Action::Add(REFERENCE))
}

/// Whether an edit is shown everywhere but at its target.
pub(super) fn is_outside(action: Action) -> bool {
    matches!(action, Action::KeepColor | Action::KeepOnly)
}
