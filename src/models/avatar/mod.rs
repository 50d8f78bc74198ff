//! `live_avatar`: a portrait that speaks.
//!
//! ```text
//! portrait ─> face (marks) ─> placing ─> Stage (texture, mesh, weights) ─┐
//! voice ───> voice (level, formants) ─> Mouth ─┐                         ├─> picture
//! prompt ──> plan ─> Manner ───────────────────┴─> life ─> Pose ─────────┘
//! ```
//!
//! Nothing here reads a clock or waits: sound and time are told. A portrait is prepared with
//! [`Stage::new`], which takes a while, wherever that disturbs nobody.

mod anatomy;
pub mod face;
mod inside;
mod life;
mod manner;
mod mesh;
mod mouth;
mod moves;
mod painter;
mod placing;
mod pose;
mod resample;
mod shape;
mod side;
mod stage;
mod texture;
mod tones;
mod unfold;
mod voice;
mod weights;

use std::time::Duration;

pub use mouth::Mouth;
pub use pose::Pose;
pub use stage::Stage;
pub use voice::{LAG, STEP, Voice};

use super::prompt;
use super::report::Report;
use life::Life;
use manner::Manner;
use texture::mix;

/// How long one portrait takes to become another.
const FADE: f32 = 0.4;
/// What is said of portraits that cannot speak, or not all.
const NO_FACE: &str = "portrait: no face was found, so it is shown as a still; use a picture in which \
                       both eyes and the mouth of a face are seen, or a profile before a plain ground, \
                       or give landmarks with it";
const SEVERAL: &str = "portrait: there are several faces; the largest speaks";
/// Neutral grey, half as bright as white to the eye.
const GREY: u32 = 0xff77_7777;

/// A portrait, its voice and its manner.
pub struct Avatar {
    width: usize,
    height: usize,
    stage: Option<Stage>,
    voice: Voice,
    life: Life,
    manner: Manner,
    report: Option<Report>,
    picture: Vec<u32>,
    /// What was shown before, and for how long the new is shown beside it.
    leaving: Option<(Vec<u32>, f32)>,
    shown: bool,
}

impl Avatar {
    /// An avatar without a portrait yet, in frames of a size: a grey card.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            stage: None,
            voice: Voice::default(),
            life: Life::default(),
            manner: Manner::default(),
            report: None,
            picture: vec![GREY; width * height],
            leaving: None,
            shown: false,
        }
    }

    /// Sets mood and manner by a prompt; without one the face is at ease.
    pub fn set_prompt(&mut self, prompt: Option<&str>) {
        let Some(text) = prompt.filter(|text| !text.trim().is_empty()) else {
            (self.manner, self.report) = (Manner::default(), None);
            return;
        };
        let (manner, report) = Manner::of(&prompt::plan(text, false));
        (self.manner, self.report) = (manner, Some(report));
    }

    /// What became of the portrait and of the prompt; `None` while there is neither.
    pub fn report(&self) -> Option<Report> {
        let mut report = self.report.clone();
        if let Some(stage) = &self.stage {
            let report = report.get_or_insert_with(Report::default);
            match (stage.marks(), stage.faces()) {
                (None, _) => report.ignored.push(NO_FACE.to_owned()),
                (Some(_), 2..) => report.ignored.push(SEVERAL.to_owned()),
                _ => {}
            }
        }
        report.filter(|report| *report != Report::default())
    }

    /// Shows another portrait from now on; the one before fades. None: a grey card.
    pub fn set_stage(&mut self, stage: Option<Stage>) {
        if self.shown {
            self.leaving = Some((self.picture.clone(), 0.0));
        }
        self.stage = stage;
    }

    /// The portrait that is shown.
    pub fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// Hears the voice: pairs of samples at 48 kHz.
    pub fn hear(&mut self, pairs: &[i16]) {
        self.voice.hear(pairs);
    }

    /// The mouth at present.
    pub fn mouth(&self) -> Mouth {
        self.voice.mouth()
    }

    /// Paints the next picture, so much later than the last: four bytes a pixel, red first.
    pub fn paint(&mut self, later: Duration) -> &[u32] {
        let seconds = later.as_secs_f32();
        let pose = self.life.live(seconds, self.voice.mouth(), self.voice.stress(), &self.manner);
        match &mut self.stage {
            Some(stage) => stage.paint(&pose, &mut self.picture),
            None => self.picture.fill(GREY),
        }
        self.shown = true;
        if let Some((before, time)) = &mut self.leaving {
            *time += seconds;
            let t = (*time / FADE).min(1.0);
            let part = (t * t * (3.0 - 2.0 * t) * 256.0) as u32;
            for (new, &old) in self.picture.iter_mut().zip(&*before) {
                *new = mix(old, *new, part);
            }
            if t >= 1.0 {
                self.leaving = None;
            }
        }
        &self.picture
    }

    /// The picture that was painted last.
    pub fn picture(&self) -> &[u32] {
        &self.picture
    }

    /// The size of the pictures.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}
