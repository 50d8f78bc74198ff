//! What can be done to a part of a picture, one file each.

mod blurred;
mod gone;
mod painted;
mod recolored;
mod replaced;
mod scenes;
mod uncolored;

use super::operators::{Image, Plane};
use super::pipeline::{Moment, Pipeline};
use super::prompt::{Action, Plan, Step, Target};

/// One change. It is made for the whole picture, and shown where the mask is.
pub(super) trait Edit: Send {
    /// Writes the changed frame to `out`. `mask` is where it will be seen.
    fn paint(&mut self, frame: &Image, mask: &Plane, moment: Moment, out: &mut Image);
}

/// The edit of a step, or why there is none.
pub(super) fn edit(step: &Step) -> Result<Box<dyn Edit>, &'static str> {
    Ok(match step.action {
        Action::Recolor(color) | Action::Tint(color) => Box::new(recolored::Recolored::new(color)),
        Action::Duotone(_, color) => Box::new(recolored::Recolored::new(color)),
        Action::Blur => Box::new(blurred::Blurred::new(step.strength)),
        Action::Remove => Box::new(gone::Gone::default()),
        Action::KeepColor => Box::new(uncolored::Uncolored),
        Action::KeepOnly => Box::new(replaced::Replaced::studio()),
        Action::Replace(scene) => Box::new(replaced::Replaced::new(scene)?),
        Action::Add(_) => return Err("things cannot be drawn into the picture"),
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

/// Whether an edit is shown everywhere but at its target.
pub(super) fn is_outside(action: Action) -> bool {
    matches!(action, Action::KeepColor | Action::KeepOnly)
}
