//! A plan made ready: what is done to a frame, in order.
//!
//! ```text
//! frame ─> scene modifiers ─> medium ─> look ─> color and finish ─> result
//! ```
//!
//! Light, season and time of day go before the medium, so that it draws the changed scene; they go
//! after a medium that has colors of its own, which would take no notice of them. Weather comes after
//! any medium: what falls and drifts would be smoothed away, and fog would leave nothing to draw.

use super::modifiers::{self, AIR, Duotone, Group, Modifier, Tint};
use super::operators::{Brief, Image, Lut, Plane, mix, saturate, shade};
use super::prompt::{Action, Plan, Step};
use super::report::Report;
use super::scene::{Refused, Scene};
use super::styles::{self, Kind, Style};

/// The time and quality at which a frame is painted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Seconds since the model began.
    pub time: f32,
    pub fine: bool,
}

/// What paints frames after a control.
pub(super) trait Look: Send {
    /// Paints over a frame.
    fn paint(&mut self, frame: &mut Image, moment: Moment);
}

pub(super) struct Pipeline {
    before: Stage,
    medium: Option<Painter>,
    look: Option<Painter>,
    after: Stage,
    refused: Refused,
}

struct Painter {
    style: Box<dyn Style>,
    /// The part of the result; 1 is all of it.
    part: f32,
}

/// Modifiers that are applied together: the grades of all in one table, then what they paint.
#[derive(Default)]
struct Stage {
    modifiers: Vec<Box<dyn Modifier>>,
    lut: Option<Lut>,
}

impl Pipeline {
    /// Makes ready what a restyling model can carry out of a plan, and reports on all of it.
    pub fn of(plan: &Plan) -> (Self, Report) {
        let mut report = Report::of(plan);
        let mut made = Self {
            before: Stage::default(),
            medium: None,
            look: None,
            after: Stage::default(),
            refused: Refused { grain: plan.refuses("grain"), vignette: plan.refuses("vignette") },
        };
        let keeps_color = made.choose_styles(plan, &mut report);
        // A medium has to be seen through it.
        let weather_part = if made.medium.is_some() { 0.62 } else { 1.0 };
        for step in &plan.steps {
            if matches!(step.action, Action::Style(_)) {
                continue;
            }
            // "fog in the distance" is fog: a restyling model has no distance.
            if matches!(step.action, Action::Manner(_)) {
                report.ignore(step, "needs a portrait that speaks");
            } else if step.target.object.is_some() || step.target.color.is_some() {
                report.ignore(step, "needs an editing model");
            } else if let Some((modifier, group)) = modifier(step, weather_part) {
                report.carry_out(step);
                let is_scene = matches!(group, Group::Time | Group::Season | Group::Light);
                let stage =
                    if is_scene && keeps_color { &mut made.before } else { &mut made.after };
                stage.modifiers.push(modifier);
            } else {
                report.ignore(step, "needs an editing model");
            }
        }
        made.before.prepare(0.0);
        let excess = plan.steps.iter().filter(|step| matches!(step.action, Action::Style(_)));
        let excess = excess.map(|step| (step.strength - 1.0).max(0.0)).fold(0.0, f32::max);
        made.after.prepare(excess);
        (made, report)
    }

    /// Takes the first medium and the first look; says whether the colors of the frame are kept.
    fn choose_styles(&mut self, plan: &Plan, report: &mut Report) -> bool {
        let mut keeps_color = true;
        for step in &plan.steps {
            let Action::Style(name) = step.action else { continue };
            let Some(style) = styles::find(name) else { continue };
            if !step.target.is_whole() {
                report.ignore(step, "needs an editing model");
                continue;
            }
            let slot = match style.kind {
                Kind::Medium => &mut self.medium,
                Kind::Look => &mut self.look,
            };
            if slot.is_some() {
                report.ignore(step, "one such style at a time; the first was taken");
                continue;
            }
            if style.kind == Kind::Medium {
                keeps_color = style.keeps_color;
            }
            report.carry_out(step);
            let part = step.strength.clamp(0.15, 1.0);
            *slot = Some(Painter { style: (style.make)(), part });
        }
        keeps_color
    }

    /// Whether frames come out as they go in.
    pub fn is_idle(&self) -> bool {
        let is_empty = |stage: &Stage| stage.modifiers.is_empty() && stage.lut.is_none();
        self.medium.is_none()
            && self.look.is_none()
            && is_empty(&self.before)
            && is_empty(&self.after)
    }

    /// Paints over a frame that will be seen only where `mask` is above 0, if there is one.
    pub fn run(&mut self, frame: &mut Image, mask: Option<&Plane>, moment: Moment) {
        let has_style = self.medium.is_some() || self.look.is_some();
        // Styles look at what lies around.
        self.stage(frame, mask.filter(|_| !has_style), moment, true);
        for painter in [&mut self.medium, &mut self.look].into_iter().flatten() {
            let (mut made, luma) = (Brief::<Image>::like(frame), Brief::luma_of(frame));
            painter.paint(&scene(frame, &luma, moment, self.refused), &mut made);
            std::mem::swap(frame, &mut *made);
        }
        self.stage(frame, mask, moment, false);
    }

    fn stage(&mut self, frame: &mut Image, mask: Option<&Plane>, moment: Moment, before: bool) {
        let stage = if before { &mut self.before } else { &mut self.after };
        if stage.modifiers.iter().any(|modifier| modifier.looks()) {
            let luma = Brief::luma_of(frame);
            let scene = scene(frame, &luma, moment, self.refused);
            for modifier in stage.modifiers.iter_mut().filter(|modifier| modifier.looks()) {
                modifier.look(&scene);
            }
        }
        match (&stage.lut, mask) {
            // What is painted on top may look around as well.
            (Some(lut), Some(mask)) if !stage.modifiers.iter().any(|made| made.paints()) => {
                lut.apply_where(frame, mask);
            }
            (Some(lut), _) => lut.apply(frame),
            (None, _) => {}
        }
        for modifier in stage.modifiers.iter_mut().filter(|modifier| modifier.paints()) {
            let mut before = Brief::<Image>::like(frame);
            before.copy_from(frame);
            let luma = Brief::luma_of(&before);
            modifier.paint(&scene(&before, &luma, moment, self.refused), frame);
        }
    }
}

impl Look for Pipeline {
    fn paint(&mut self, frame: &mut Image, moment: Moment) {
        self.run(frame, None, moment);
    }
}

impl Painter {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        self.style.paint(scene, out);
        if self.part >= 1.0 {
            return;
        }
        let part = self.part;
        let mut mixed = Brief::<Image>::like(out);
        let ([r, g, b], [pr, pg, pb]) = (scene.image.each(), out.each());
        shade(
            [r, g, b, pr, pg, pb],
            mixed.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [r, g, b, pr, pg, pb]| {
                    [mix(r, pr, part), mix(g, pg, part), mix(b, pb, part)]
                }
            },
        );
        std::mem::swap(out, &mut *mixed);
    }
}

impl Stage {
    /// Makes the table of all grades, and of `excess`, by how much styles are "very" so.
    fn prepare(&mut self, excess: f32) {
        let grades = self.modifiers.iter().filter(|modifier| modifier.grades());
        let grades: Vec<&Box<dyn Modifier>> = grades.collect();
        if grades.is_empty() && excess < 0.05 {
            return;
        }
        let graded = |color: [f32; 3]| {
            let graded = grades.iter().fold(color, |color, modifier| {
                modifier.grade(color).map(|level| level.clamp(0.0, 255.0))
            });
            stronger(graded, excess)
        };
        let (air, lut) = (graded(AIR), Lut::of(graded));
        self.lut = Some(lut);
        for modifier in &mut self.modifiers {
            modifier.learn(air);
        }
    }
}

fn scene<'a>(image: &'a Image, luma: &'a Plane, moment: Moment, refused: Refused) -> Scene<'a> {
    Scene { image, luma, time: moment.time, fine: moment.fine, refused }
}

/// What "very" does to a whole style: fuller colors and tones.
fn stronger(color: [f32; 3], excess: f32) -> [f32; 3] {
    saturate(color, 1.0 + 0.45 * excess).map(|level| level + (level - 118.0) * 0.22 * excess)
}

fn modifier(step: &Step, weather_part: f32) -> Option<(Box<dyn Modifier>, Group)> {
    match step.action {
        Action::Modify(name) => {
            let row = modifiers::find(name)?;
            // What has no opposite is only weakened by "less".
            let strength = if step.strength < 0.0 && !row.has_opposite {
                1.0 + step.strength.max(-0.9)
            } else {
                step.strength
            };
            let part = if name == "fog" || name == "sandstorm" { weather_part } else { 1.0 };
            Some(((row.make)(strength * part), row.group))
        }
        Action::Tint(color) => {
            let tint = Tint { color: color.levels(), strength: step.strength };
            Some((Box::new(tint), Group::Color))
        }
        Action::Duotone(dark, bright) => {
            let duotone =
                Duotone { dark: dark.levels(), bright: bright.levels(), strength: step.strength };
            Some((Box::new(duotone), Group::Color))
        }
        _ => None,
    }
}
