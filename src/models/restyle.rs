//! The models that give pictures the look that a prompt asks for.

use std::time::Duration;

use super::operators::{Image, Steady};
use super::passthrough::copy;
use super::pipeline::{Moment, Pipeline};
use super::prompt::{self, Plan};
use super::report::Report;
use super::{Control, Model, checked_size};
use crate::error::Result;
use crate::media::Picture;

/// How long one look takes to become another.
const FADE: Duration = Duration::from_millis(300);
/// The time between frames while nobody says it.
const INTERVAL: Duration = Duration::from_millis(40);

/// Reads the prompt into a plan and paints every frame after it. Without a prompt, or with a
/// blank one, frames pass unchanged. One look fades into the next; the first is there at once, and
/// so is the unchanged picture. The reference image changes nothing here.
pub struct Restyle {
    /// Whether this is the better model: steady under noise, finer in its edges.
    fine: bool,
    steady: Steady,
    frame: Image,
    present: Option<Present>,
    leaving: Option<Leaving>,
    time: Duration,
    is_timed: bool,
    last_frame: Option<Duration>,
    shown: Vec<u8>,
}

struct Present {
    plan: Plan,
    pipeline: Pipeline,
    report: Report,
}

/// The look that is on its way out.
struct Leaving {
    from: From,
    since: Duration,
}

enum From {
    Look(Box<Pipeline>),
    /// The last picture of a fade that was interrupted.
    Frozen(Vec<u8>),
}

impl Restyle {
    /// `fine` makes `mirage_v2`, otherwise it is `mirage`.
    pub fn new(fine: bool) -> Self {
        Self {
            fine,
            steady: Steady::default(),
            frame: Image::default(),
            present: None,
            leaving: None,
            time: Duration::ZERO,
            is_timed: false,
            last_frame: None,
            shown: Vec::new(),
        }
    }

    /// The plan in force; `None` while frames pass unchanged.
    pub fn plan(&self) -> Option<&Plan> {
        self.present.as_ref().map(|present| &present.plan)
    }

    /// How much of the new look is shown, 0 to 1.
    fn progress(&self) -> f32 {
        let Some(leaving) = &self.leaving else { return 1.0 };
        let elapsed = self.time.saturating_sub(leaving.since);
        let t = (elapsed.as_secs_f32() / FADE.as_secs_f32()).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }

    fn replace(&mut self, plan: Plan) {
        let (pipeline, report) = Pipeline::of(&plan);
        let before = self.present.replace(Present { plan, pipeline, report });
        let Some(since) = self.last_frame else {
            self.leaving = None;
            return;
        };
        let from = match (before, self.leaving.take()) {
            (None, _) => None,
            (Some(_), Some(_)) => Some(From::Frozen(self.shown.clone())),
            (Some(before), None) => Some(From::Look(Box::new(before.pipeline))),
        };
        self.leaving = from.map(|from| Leaving { from, since });
    }
}

impl Model for Restyle {
    fn set_control(&mut self, control: &Control) -> Result<()> {
        let Some(text) = control.prompt.as_deref().filter(|text| !text.trim().is_empty()) else {
            self.present = None;
            self.leaving = None;
            return Ok(());
        };
        let plan = prompt::plan(text, control.enhance);
        // The same plan again keeps its tables and buffers.
        if self.plan() != Some(&plan) {
            self.replace(plan);
        }
        Ok(())
    }

    fn set_time(&mut self, time: Duration) {
        self.is_timed = true;
        // Clocks of cameras jump; the time of a model does not run backwards.
        self.time = self.time.max(time);
    }

    fn is_passthrough(&self) -> bool {
        self.present.is_none()
    }

    fn report(&self) -> Option<&Report> {
        self.present.as_ref().map(|present| &present.report)
    }

    fn process(&mut self, input: &Picture, output: &mut Picture) -> Result<()> {
        let (width, height) = checked_size(input)?;
        if !self.is_timed {
            self.time = self.last_frame.map_or(Duration::ZERO, |last| last + INTERVAL);
        }
        self.is_timed = false;
        let progress = self.progress();
        self.last_frame = Some(self.time);
        let Some(present) = &mut self.present else {
            copy(input, output);
            return Ok(());
        };
        output.width = input.width;
        output.height = input.height;
        output.data.resize(input.data.len(), 0);
        self.frame.split(&input.data, width, height);
        if self.fine {
            self.steady.apply(&mut self.frame);
        }
        let moment = Moment { time: self.time.as_secs_f32(), fine: self.fine };
        present.pipeline.paint(&self.frame, moment, &mut output.data);
        if progress >= 1.0 {
            self.leaving = None;
        }
        let Some(leaving) = &mut self.leaving else { return Ok(()) };
        let old = match &mut leaving.from {
            From::Look(pipeline) => {
                self.shown.resize(output.data.len(), 0);
                pipeline.paint(&self.frame, moment, &mut self.shown);
                &self.shown
            }
            From::Frozen(picture) => picture,
        };
        if old.len() == output.data.len() {
            blend(old, &mut output.data, progress);
        }
        self.shown.clear();
        self.shown.extend_from_slice(&output.data);
        Ok(())
    }
}

/// Mixes `old` into `new`, of which `part` is shown.
fn blend(old: &[u8], new: &mut [u8], part: f32) {
    let part = (part * 256.0) as u16;
    for (new, &old) in new.iter_mut().zip(old) {
        *new = ((u16::from(*new) * part + u16::from(old) * (256 - part) + 128) >> 8) as u8;
    }
}
