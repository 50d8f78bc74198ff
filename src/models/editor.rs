//! A plan of instructions made ready: each changes its part of the picture.
//!
//! ```text
//! frame ─> its colors ─> edit, edit, … where their regions are ─> style, light, weather ─> result
//! ```
//!
//! "Black and white, and make the grass blue" has blue grass, and "make the car green, at night" a
//! green car by night.

use std::sync::Arc;

use super::edits::{self, Edit};
use super::modifiers::{self, Group};
use super::operators::{Blur, Brief, Image, Plane, wide};
use super::pipeline::{Look, Moment, Pipeline};
use super::prompt::{Action, Plan, Step, Target};
use super::regions::{Region, Sight};
use super::report::Report;
use crate::media::Picture;

/// Changes of parts that are made of one prompt: each has pictures of its own.
const MAX_CHANGES: usize = 8;

pub(super) struct Editor {
    sight: Sight,
    changes: Vec<Change>,
    /// Colors of the whole picture that were spoken of before its parts, and all else about it.
    first: Option<Pipeline>,
    last: Option<Pipeline>,
    blur: Blur,
}

struct Change {
    edit: Box<dyn Edit>,
    /// Shown where any of these is, or, of an outside one, where none is.
    regions: Vec<Region>,
    outside: bool,
    part: f32,
}

impl Editor {
    /// Makes ready all of a plan, and reports on it. `image` is the reference image.
    pub fn of(plan: &Plan, image: Option<&Arc<Picture>>) -> (Self, Report) {
        let is_part = |step: &&Step| !is_whole(step);
        let parts: Vec<&Step> = plan.steps.iter().filter(is_part).collect();
        let (first, last) = split(plan);
        let (first, _) = Pipeline::of(&first);
        // One report for all that is about the whole picture, in the order of the prompt.
        let (_, mut report) = Pipeline::of(&whole(plan, |_| true));
        let (last, _) = Pipeline::of(&last);
        let used = |pipeline: Pipeline| (!pipeline.is_idle()).then_some(pipeline);
        let mut made = Self {
            sight: Sight::default(),
            changes: Vec::new(),
            first: used(first),
            last: used(last),
            blur: Blur::default(),
        };
        for step in parts {
            match made.add(step, image) {
                Ok(()) => report.carry_out(step),
                Err(reason) => report.ignore(step, reason),
            }
        }
        (made, report)
    }

    /// Whether a plan puts the reference image itself into the picture.
    pub fn shows_image(plan: &Plan) -> bool {
        plan.steps.iter().any(edits::shows_image)
    }

    fn add(&mut self, step: &Step, image: Option<&Arc<Picture>>) -> Result<(), &'static str> {
        // What is added draws itself where it belongs.
        let is_added = matches!(step.action, Action::Add(_));
        let target = if is_added { Target::WHOLE } else { step.target };
        let region = Region::of(&target)?;
        let outside = edits::is_outside(step.action);
        // "all color except red and blue" is one change with two regions.
        let same = self
            .changes
            .last_mut()
            .filter(|change| change.outside && outside && step.action == Action::KeepColor);
        self.sight.prepare(&region);
        if let Some(change) = same {
            change.regions.push(region);
            return Ok(());
        }
        if self.changes.len() == MAX_CHANGES {
            return Err("eight changes of parts at once are the most");
        }
        let edit = edits::edit(step, image)?;
        // What has a strength of its own is shown wholly.
        let part = match step.action {
            Action::Recolor(_) | Action::Tint(_) => step.strength.clamp(0.2, 1.0),
            _ => 1.0,
        };
        self.changes.push(Change { edit, regions: vec![region], outside, part });
        Ok(())
    }

    /// Looks at a frame for regions, before its colors are changed.
    pub fn see(&mut self, frame: &Image) {
        if !self.changes.is_empty() {
            self.sight.measure(frame);
        }
    }

    /// Paints over the frame that was seen.
    pub fn edit(&mut self, frame: &mut Image, moment: Moment) {
        if let Some(pipeline) = &mut self.first {
            pipeline.paint(frame, moment);
        }
        for change in &mut self.changes {
            let mut mask = Brief::<Plane>::of(frame.width(), frame.height());
            change.measure(&mut self.sight, &mut mask);
            grow(&mut mask, &mut self.blur, change.edit.reach());
            let mut made = Brief::<Image>::like(frame);
            change.edit.paint(frame, &mask, moment, &mut made);
            show(frame, &made, &mask);
        }
        if let Some(pipeline) = &mut self.last {
            pipeline.paint(frame, moment);
        }
    }
}

/// Whether a step is about the whole picture, as restyling models know it.
fn is_whole(step: &Step) -> bool {
    step.target.is_whole()
        && matches!(
            step.action,
            Action::Style(_) | Action::Modify(_) | Action::Tint(_) | Action::Duotone(..)
        )
}

fn is_color(step: &Step) -> bool {
    match step.action {
        Action::Tint(_) | Action::Duotone(..) => true,
        Action::Modify(name) => modifiers::find(name).is_some_and(|row| row.group == Group::Color),
        _ => false,
    }
}

/// A plan with those of the steps about the whole picture that are wanted, by their place.
fn whole(plan: &Plan, wanted: impl Fn(usize) -> bool) -> Plan {
    let steps = plan.steps.iter().enumerate();
    let steps = steps.filter(|(at, step)| is_whole(step) && wanted(*at));
    Plan { steps: steps.map(|(_, step)| step.clone()).collect(), ..plan.clone() }
}

/// What is done to the whole picture before its parts are changed, and after.
fn split(plan: &Plan) -> (Plan, Plan) {
    let part = plan.steps.iter().position(|step| !is_whole(step));
    let is_first = |at: usize| part.is_some_and(|part| at < part) && is_color(&plan.steps[at]);
    (whole(plan, is_first), whole(plan, |at| !is_first(at)))
}

impl Look for Editor {
    fn paint(&mut self, frame: &mut Image, moment: Moment) {
        self.see(frame);
        self.edit(frame, moment);
    }
}

impl Change {
    /// Where the change is shown.
    fn measure(&mut self, sight: &mut Sight, mask: &mut Plane) {
        for (at, region) in self.regions.iter_mut().enumerate() {
            if at == 0 {
                region.measure(sight, mask);
                continue;
            }
            let mut spare = Brief::<Plane>::like(mask);
            region.measure(sight, &mut spare);
            for (mask, &level) in mask.data.iter_mut().zip(&spare.data) {
                *mask = (*mask).max(level);
            }
        }
        if self.outside {
            for level in &mut mask.data {
                *level = 255 - *level;
            }
        }
        if self.part < 1.0 {
            let part = (self.part * 256.0) as u16;
            for level in &mut mask.data {
                *level = ((u16::from(*level) * part) >> 8) as u8;
            }
        }
    }
}

/// Moves the borders of a mask outwards by about `reach` pixels of a picture 1280 wide.
fn grow(mask: &mut Plane, blur: &mut Blur, reach: f32) {
    if reach <= 0.0 {
        return;
    }
    let sigma = reach * mask.width.max(mask.height) as f32 / 1280.0;
    let mut spare = Brief::<Plane>::like(mask);
    blur.plane(mask, &mut spare, sigma);
    for (mask, &near) in mask.data.iter_mut().zip(&spare.data) {
        *mask = near.saturating_sub(4).saturating_mul(8);
    }
}

/// Puts the changed picture where the mask is.
fn show(frame: &mut Image, new: &Image, mask: &Plane) {
    const BLOCK: usize = 64;
    for (old, new) in frame.planes.iter_mut().zip(&new.planes) {
        wide(
            #[inline(always)]
            || {
                let blocks = old.data.chunks_mut(BLOCK).zip(new.data.chunks(BLOCK));
                for ((old, new), mask) in blocks.zip(mask.data.chunks(BLOCK)) {
                    if mask.iter().fold(0, |any, &level| any | level) == 0 {
                        continue;
                    }
                    for ((old, &new), &mask) in old.iter_mut().zip(new).zip(mask) {
                        let part = u16::from(mask) + u16::from(mask >> 7);
                        let sum = u16::from(*old) * (256 - part) + u16::from(new) * part;
                        *old = ((sum + 128) >> 8) as u8;
                    }
                }
            },
        );
    }
}
