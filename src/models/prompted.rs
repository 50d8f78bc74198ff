//! The models that follow a prompt, and one of them a reference image.

use std::sync::Arc;
use std::time::Duration;

use super::editor::Editor;
use super::operators::{Image, Steady, free_all};
use super::pipeline::{Look, Moment, Pipeline};
use super::prompt::{self, Plan};
use super::reference::{Study, Transfer};
use super::report::Report;
use super::{Control, Model, checked_size};
use crate::error::Result;
use crate::media::Picture;

/// How long one look takes to become another.
const FADE: Duration = Duration::from_millis(300);
/// The time between frames while nobody says it.
const INTERVAL: Duration = Duration::from_millis(40);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Restyle { fine: bool },
    Edit,
    Reference,
}

/// Reads the prompt into a plan and paints every frame after it. Without a prompt, or with a
/// blank one, frames pass unchanged. One look fades into the next; the first is there at once, and
/// so is the unchanged picture. Prompt and image change together, between two frames.
pub struct Prompted {
    kind: Kind,
    steady: Steady,
    /// The frame, and after it is painted what is shown.
    frame: Image,
    present: Option<Present>,
    leaving: Option<Leaving>,
    /// The newest reference image, studied.
    studied: Option<(Arc<Picture>, Arc<Study>)>,
    time: Duration,
    is_timed: bool,
    last_frame: Option<Duration>,
}

struct Present {
    plan: Option<Plan>,
    study: Option<Arc<Study>>,
    look: Box<dyn Look>,
    report: Report,
}

/// The look that is on its way out.
struct Leaving {
    from: From,
    since: Duration,
}

enum From {
    /// With room for what it makes of the frame.
    Look(Box<dyn Look>, Image),
    /// The last picture of a fade that was interrupted.
    Frozen(Image),
}

/// The look of an image, edited.
struct Referred {
    transfer: Transfer,
    editor: Editor,
}

impl Look for Referred {
    fn paint(&mut self, frame: &mut Image, moment: Moment) {
        self.editor.see(frame);
        self.transfer.apply(frame);
        self.editor.edit(frame, moment);
    }
}

impl Prompted {
    /// Whole-picture styles. `fine` makes `mirage_v2`, otherwise it is `mirage`: that one is steady
    /// under noise and finer in its edges.
    pub fn restyle(fine: bool) -> Self {
        Self::of(Kind::Restyle { fine })
    }

    /// Edits by instruction; the reference image changes nothing: `lucy_v2v_720p_rt`.
    pub fn edit() -> Self {
        Self::of(Kind::Edit)
    }

    /// The look of the reference image, then edits by instruction: `lucy_2_rt`.
    pub fn reference() -> Self {
        Self::of(Kind::Reference)
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            steady: Steady::default(),
            frame: Image::default(),
            present: None,
            leaving: None,
            studied: None,
            time: Duration::ZERO,
            is_timed: false,
            last_frame: None,
        }
    }

    /// The plan in force; `None` without a prompt.
    pub fn plan(&self) -> Option<&Plan> {
        self.present.as_ref().and_then(|present| present.plan.as_ref())
    }

    /// How much of the new look is shown, 0 to 1.
    fn progress(&self) -> f32 {
        let Some(leaving) = &self.leaving else { return 1.0 };
        let elapsed = self.time.saturating_sub(leaving.since);
        let t = (elapsed.as_secs_f32() / FADE.as_secs_f32()).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }

    /// The reference image of a control, studied if it is a new one.
    fn study(&mut self, image: Option<&Arc<Picture>>) -> Result<Option<Arc<Study>>> {
        let Some(image) = image.filter(|_| self.kind == Kind::Reference) else {
            self.studied = None;
            return Ok(None);
        };
        if let Some((known, study)) = &self.studied
            && Arc::ptr_eq(known, image)
        {
            return Ok(Some(Arc::clone(study)));
        }
        let (width, height) = checked_size(image)?;
        let study = Arc::new(Study::of(&image.data, width, height));
        self.studied = Some((Arc::clone(image), Arc::clone(&study)));
        Ok(Some(study))
    }

    fn make(&self, plan: Option<Plan>, study: Option<Arc<Study>>) -> Present {
        let empty = Plan::default();
        let wanted = plan.as_ref().unwrap_or(&empty);
        let (look, report): (Box<dyn Look>, Report) = if let Kind::Restyle { .. } = self.kind {
            let (pipeline, report) = Pipeline::of(wanted);
            (Box::new(pipeline), report)
        } else {
            let image = self.studied.as_ref().map(|(image, _)| image);
            let (editor, mut report) = Editor::of(wanted, image);
            // An image that is shown itself does not color the rest.
            match &study {
                Some(study) if !Editor::shows_image(wanted) => {
                    report.applied.insert(0, "look of the reference image".to_owned());
                    let transfer = Transfer::to(Arc::clone(study));
                    (Box::new(Referred { transfer, editor }), report)
                }
                _ => (Box::new(editor), report),
            }
        };
        Present { plan, study, look, report }
    }

    /// Keeps nothing of a picture while frames pass unchanged.
    fn rest(&mut self) {
        (self.present, self.leaving) = (None, None);
        (self.frame, self.steady) = (Image::default(), Steady::default());
        free_all();
    }

    fn replace(&mut self, present: Present) {
        free_all();
        let before = self.present.replace(present);
        let Some(since) = self.last_frame else {
            self.leaving = None;
            return;
        };
        let from = match (before, self.leaving.take()) {
            (None, _) => None,
            (Some(_), Some(_)) => Some(From::Frozen(self.frame.clone())),
            (Some(before), None) => Some(From::Look(before.look, Image::default())),
        };
        self.leaving = from.map(|from| Leaving { from, since });
    }
}

impl Model for Prompted {
    fn set_control(&mut self, control: &Control) -> Result<()> {
        let study = self.study(control.image.as_ref())?;
        let text = control.prompt.as_deref().filter(|text| !text.trim().is_empty());
        if text.is_none() && study.is_none() {
            self.rest();
            return Ok(());
        }
        let plan = text.map(|text| prompt::plan(text, control.enhance));
        let same = self.present.as_ref().is_some_and(|present| {
            let image = match (&present.study, &study) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            image && present.plan == plan
        });
        // The same again keeps its tables and buffers.
        if !same {
            let present = self.make(plan, study);
            self.replace(present);
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

    fn transform(&mut self, picture: &mut Picture) -> Result<()> {
        let (width, height) = checked_size(picture)?;
        if !self.is_timed {
            self.time = self.last_frame.map_or(Duration::ZERO, |last| last + INTERVAL);
        }
        self.is_timed = false;
        let progress = self.progress();
        self.last_frame = Some(self.time);
        let Some(present) = &mut self.present else {
            return Ok(());
        };
        self.frame.split(&picture.data, width, height);
        let fine = self.kind != Kind::Restyle { fine: false };
        // An editing model leaves alone what nobody spoke of, noise and all.
        if self.kind == (Kind::Restyle { fine: true }) {
            self.steady.apply(&mut self.frame);
        }
        let moment = Moment { time: self.time.as_secs_f32(), fine };
        if progress >= 1.0 {
            self.leaving = None;
        }
        // The old look takes the frame first: the new one paints over it.
        if let Some(Leaving { from: From::Look(look, picture), .. }) = &mut self.leaving {
            picture.copy_from(&self.frame);
            look.paint(picture, moment);
        }
        present.look.paint(&mut self.frame, moment);
        if let Some(Leaving { from: From::Look(_, old) | From::Frozen(old), .. }) = &self.leaving {
            blend(old, &mut self.frame, progress);
        }
        self.frame.merge(&mut picture.data);
        Ok(())
    }
}

/// Mixes `old`, if it is of the same size, into `new`, of which `part` is shown.
fn blend(old: &Image, new: &mut Image, part: f32) {
    let part = (part * 256.0) as u16;
    for (new, old) in new.planes.iter_mut().zip(&old.planes) {
        if (new.width, new.height) != (old.width, old.height) {
            return;
        }
        for (new, &old) in new.data.iter_mut().zip(&old.data) {
            *new = ((u16::from(*new) * part + u16::from(old) * (256 - part) + 128) >> 8) as u8;
        }
    }
}
