//! A plan of instructions made ready: each changes its part of the picture.
//!
//! ```text
//! frame ─> edit, edit, … where their regions are ─> what is about the whole picture ─> result
//! ```

use super::edits::{self, Edit};
use super::operators::{Image, Plane, mix, shade};
use super::pipeline::{Look, Moment, Pipeline};
use super::prompt::{Action, Plan, Step};
use super::regions::{Region, Sight};
use super::report::Report;

pub(super) struct Editor {
    sight: Sight,
    changes: Vec<Change>,
    whole: Option<Pipeline>,
    frame: Image,
    made: Image,
    shown: Image,
    mask: Plane,
}

struct Change {
    edit: Box<dyn Edit>,
    /// Shown where any of these is, or, of an outside one, where none is.
    regions: Vec<Region>,
    outside: bool,
    part: f32,
}

impl Editor {
    /// Makes ready all of a plan, and reports on it.
    pub fn of(plan: &Plan) -> (Self, Report) {
        let is_whole = |step: &Step| {
            step.target.is_whole()
                && matches!(
                    step.action,
                    Action::Style(_) | Action::Modify(_) | Action::Tint(_) | Action::Duotone(..)
                )
        };
        let (whole, parts): (Vec<Step>, Vec<Step>) = plan.steps.iter().cloned().partition(is_whole);
        let (pipeline, mut report) = Pipeline::of(&Plan { steps: whole, ..plan.clone() });
        let mut made = Self {
            sight: Sight::default(),
            changes: Vec::new(),
            whole: (!pipeline.is_idle()).then_some(pipeline),
            frame: Image::default(),
            made: Image::default(),
            shown: Image::default(),
            mask: Plane::default(),
        };
        for step in &parts {
            match made.add(step) {
                Ok(()) => report.carry_out(step),
                Err(reason) => report.ignore(step, reason),
            }
        }
        (made, report)
    }

    fn add(&mut self, step: &Step) -> Result<(), &'static str> {
        let region = Region::of(&step.target)?;
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
        let edit = edits::edit(step)?;
        // What has a strength of its own is shown wholly.
        let part = match step.action {
            Action::Recolor(_) | Action::Tint(_) => step.strength.clamp(0.2, 1.0),
            _ => 1.0,
        };
        self.changes.push(Change { edit, regions: vec![region], outside, part });
        Ok(())
    }

    /// Paints a frame. `seen` is what regions are looked for in: the frame before its colors were
    /// changed.
    pub fn edit(&mut self, seen: &Image, frame: &Image, moment: Moment, packed: &mut [u8]) {
        self.sight.measure(seen);
        self.frame.copy_from(frame);
        for change in &mut self.changes {
            change.measure(seen, &self.sight, &mut self.mask);
            self.made.fit(frame.width(), frame.height());
            change.edit.paint(&self.frame, &self.mask, moment, &mut self.made);
            show(&self.frame, &self.made, &self.mask, &mut self.shown);
            std::mem::swap(&mut self.frame, &mut self.shown);
        }
        match &mut self.whole {
            Some(pipeline) => pipeline.paint(&self.frame, moment, packed),
            None => self.frame.merge(packed),
        }
    }
}

impl Look for Editor {
    fn paint(&mut self, frame: &Image, moment: Moment, packed: &mut [u8]) {
        self.edit(frame, frame, moment, packed);
    }
}

impl Change {
    /// Where the change is shown.
    fn measure(&mut self, seen: &Image, sight: &Sight, mask: &mut Plane) {
        mask.fit(seen.width(), seen.height());
        mask.data.fill(0);
        for region in &mut self.regions {
            region.measure(seen, sight);
            for (mask, &level) in mask.data.iter_mut().zip(&region.mask.data) {
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

/// The changed picture where the mask is, the old one elsewhere.
fn show(old: &Image, new: &Image, mask: &Plane, out: &mut Image) {
    let ([r, g, b], [nr, ng, nb]) = (old.each(), new.each());
    shade(
        [r, g, b, nr, ng, nb, mask],
        out.each_mut(),
        #[inline(always)]
        |_| {
            #[inline(always)]
            |_, [r, g, b, nr, ng, nb, mask]| {
                let t = mask * (1.0 / 255.0);
                [mix(r, nr, t), mix(g, ng, t), mix(b, nb, t)]
            }
        },
    );
}
