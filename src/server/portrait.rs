//! The picture of a model that is driven by sound, while its client sends no video: the portrait,
//! speaking. Its clock is the sound: two blocks of 20 ms make a picture; where none come, time does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pulp::bytemuck::cast_slice;

use super::sound::{Pictures, Sound, is_after};
use crate::catalog::ModelSpec;
use crate::error::Result;
use crate::media::audio::{BLOCK, CHANNELS};
use crate::media::{FrameView, NtpTime, Picture, PixelFormat, SteadyClock};
use crate::models::avatar::face::Given;
use crate::models::avatar::{Avatar, Stage};
use crate::models::{Control, Report};
use crate::protocol::PromptReport;
use crate::transport::video::{CurrentPeer, OutgoingFrame, VideoSender, lock, spawn};

/// A client that has sent no picture for this long sends none at present.
const NO_VIDEO: Duration = Duration::from_millis(500);
/// Sound that is so late is no clock: time goes on without it.
const NO_SOUND: Duration = Duration::from_millis(90);
/// Blocks that wait for the painter: what is older would be seen too late.
const WAITING: usize = 10;
/// What is said of a portrait that our own eyes fail on.
const FAILED: &str = "portrait: looking at it failed, so there is a grey card; use another picture";

/// What is said when somebody speaks and nobody is there to be seen.
const NOBODY: &str = "portrait: there is none, so there is a grey card; give one with set_image()";
/// A mouth that is open so far says something.
const SPEAKS: f32 = 0.2;

/// Takes what became of a portrait and a prompt.
pub(super) type Told = Box<dyn Fn(PromptReport) + Send + Sync>;

/// A block of the client's sound.
struct Block {
    pairs: Vec<i16>,
    stamp: NtpTime,
    came: Instant,
}

/// What is to be seen.
enum Shown {
    Card,
    Portrait(Box<Stage>),
    /// A card, because the portrait could not be made ready.
    Failed,
}

#[derive(Default)]
struct State {
    blocks: VecDeque<Block>,
    /// When sound came last.
    heard: Option<Instant>,
    /// What is to be shown from now on, if that has changed.
    stage: Option<Shown>,
    /// The prompt, if it has changed; empty: there is none.
    prompt: Option<String>,
    /// The image that was set last, where its face is if that is known, and how many were before.
    image: Option<Arc<Picture>>,
    face: Option<Given>,
    number: u64,
    /// The portrait that is looked at next: one at a time, and of those that wait only the newest.
    next: Option<(Arc<Picture>, Option<Given>)>,
    /// Whether a portrait is being looked at, and whether anything was shown yet: the first
    /// portrait is waited for, and is there from the first picture on.
    looking: bool,
    shown: bool,
    last_video: Option<Instant>,
    over: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// How long a picture takes from the sound that it shows to the network.
    pictures: Pictures,
    size: (usize, usize),
}

/// The speaking portrait of one session. Its thread ends when it is dropped.
pub(super) struct Portrait(Arc<Shared>);

/// What the painter is to do next.
enum Due {
    /// A picture after these blocks.
    Sound(Vec<Block>),
    /// A picture without any sound.
    Silence,
}

/// What has changed since the last picture.
type Changes = (Option<Shown>, Option<String>);

impl Portrait {
    pub(super) fn start(
        spec: &ModelSpec,
        peer: Arc<CurrentPeer>,
        sender: Arc<VideoSender>,
        sound: &Arc<Sound>,
        told: Told,
    ) -> Result<Self> {
        let size = (spec.width as usize, spec.height as usize);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            pictures: Pictures::default(),
            size,
        });
        let listening = Arc::clone(&shared);
        sound.listen(Box::new(move |pairs, stamp, came| listening.hear(pairs, stamp, came)));
        let (worker, sound) = (Arc::clone(&shared), Arc::clone(sound));
        let interval = Duration::from_secs_f64(1.0 / spec.fps.clamp(1.0, 60.0));
        spawn("parhelion-face", move || {
            let mut painter = Painter {
                avatar: Avatar::new(size.0, size.1),
                clock: SteadyClock::default(),
                last: None,
                failed: false,
                missed: false,
                told,
            };
            while let Some((due, changes)) = worker.wait(interval) {
                painter.take(changes);
                let Some((stamp, came)) = painter.hear(due, &sound) else { continue };
                if peer.get().is_none() || !worker.may_show() {
                    continue;
                }
                painter.miss_portrait(&worker);
                painter.avatar.paint(interval);
                painter.send(&sender, stamp);
                if let Some(came) = came {
                    worker.pictures.went_out(came);
                }
            }
        })?;
        Ok(Self(shared))
    }

    /// The state of the session has changed.
    pub(super) fn set_control(&self, control: &Control) {
        let shared = &self.0;
        let mut state = lock(&shared.state);
        state.prompt = Some(control.prompt.clone().unwrap_or_default());
        let same = match (&state.image, &control.image) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        if same && state.face == control.face {
            return;
        }
        state.image.clone_from(&control.image);
        state.face = control.face;
        state.number += 1;
        state.next = control.image.clone().map(|image| (image, control.face));
        if state.next.is_none() {
            state.stage = Some(Shown::Card);
            return;
        }
        if state.looking {
            return;
        }
        state.looking = true;
        drop(state);
        // Looking at a portrait takes longer than a picture may: beside the painter.
        let worker = Arc::clone(shared);
        if let Err(error) = spawn("parhelion-look", move || worker.look()) {
            let mut state = lock(&shared.state);
            (state.next, state.looking) = (None, false);
            state.stage = Some(Shown::Failed);
            tracing::error!(target: "parhelion::server", "a portrait is not shown: {error}");
        }
    }

    /// The client has sent a picture.
    pub(super) fn video_came(&self) {
        lock(&self.0.state).last_video = Some(Instant::now());
    }

    /// How long pictures take at present.
    pub(super) fn delay(&self) -> Duration {
        self.0.pictures.delay()
    }

    pub(super) fn stop(&self) {
        lock(&self.0.state).over = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Portrait {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is shown of a portrait; a picture that our own code fails on costs no more than itself.
fn prepared(look: impl FnOnce() -> Stage) -> Shown {
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(stage) => Shown::Portrait(Box::new(stage)),
        Err(_) => {
            tracing::error!(target: "parhelion::server", "looking at a portrait failed");
            Shown::Failed
        }
    }
}

impl Shared {
    /// Looks at portraits until none waits.
    fn look(&self) {
        loop {
            let mut state = lock(&self.state);
            let Some((image, given)) = state.next.take() else {
                state.looking = false;
                return;
            };
            let number = state.number;
            drop(state);
            let shown = prepared(|| Stage::new(&image, given.as_ref(), self.size));
            let mut state = lock(&self.state);
            if state.number == number {
                state.stage = Some(shown);
            }
        }
    }

    fn hear(&self, pairs: &[i16], stamp: NtpTime, came: Instant) {
        let mut state = lock(&self.state);
        state.heard = Some(came);
        if state.blocks.len() == WAITING {
            state.blocks.pop_front();
        }
        state.blocks.push_back(Block { pairs: pairs.to_vec(), stamp, came });
        drop(state);
        self.changed.notify_all();
    }

    /// Whether there is something to show by now.
    fn may_show(&self) -> bool {
        let mut state = lock(&self.state);
        state.shown |= !state.looking;
        state.shown
    }

    /// Waits until a picture is due. None: it is over.
    fn wait(&self, interval: Duration) -> Option<(Due, Changes)> {
        let began = Instant::now();
        let blocks = (interval.as_secs_f64() * 48_000.0 / BLOCK as f64).round().max(1.0) as usize;
        let mut state = lock(&self.state);
        loop {
            if state.over {
                return None;
            }
            let now = Instant::now();
            let hears = state.heard.is_some_and(|at| now.duration_since(at) < NO_SOUND);
            let shows = state.last_video.is_none_or(|at| now.duration_since(at) >= NO_VIDEO);
            let due = if state.blocks.len() >= blocks {
                // All that has come is heard; the picture is of the newest.
                Some(Due::Sound(state.blocks.drain(..).collect()))
            } else if !hears && now.duration_since(began) >= interval {
                Some(Due::Silence)
            } else {
                None
            };
            if let Some(due) = due
                && shows
            {
                let changes = (state.stage.take(), state.prompt.take());
                return Some((due, changes));
            }
            let left = interval.saturating_sub(now.duration_since(began));
            let left = if left.is_zero() { interval } else { left };
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

struct Painter {
    avatar: Avatar,
    clock: SteadyClock,
    last: Option<NtpTime>,
    /// Whether the card is there for a portrait that could not be made ready.
    failed: bool,
    /// Whether it was said that there is no portrait.
    missed: bool,
    told: Told,
}

impl Painter {
    fn take(&mut self, (stage, prompt): Changes) {
        let changed = stage.is_some() || prompt.is_some();
        if let Some(stage) = stage {
            self.failed = matches!(stage, Shown::Failed);
            self.avatar.set_stage(match stage {
                Shown::Card | Shown::Failed => None,
                Shown::Portrait(stage) => Some(*stage),
            });
        }
        if let Some(prompt) = prompt {
            self.avatar.set_prompt(Some(&prompt));
        }
        let mut report = self.avatar.report();
        if self.failed {
            report.get_or_insert_default().ignored.push(FAILED.to_owned());
        }
        if changed && let Some(report) = report {
            (self.told)(super::processing::prompt_report(&report));
        }
    }

    /// Says once that there is no portrait, when there is a voice for one.
    fn miss_portrait(&mut self, worker: &Shared) {
        if self.missed || self.avatar.stage().is_some() || self.avatar.mouth().open < SPEAKS {
            return;
        }
        if lock(&worker.state).image.is_none() {
            self.missed = true;
            let report = Report { ignored: vec![NOBODY.to_owned()], ..Report::default() };
            (self.told)(super::processing::prompt_report(&report));
        }
    }

    /// Hears what is due, and says which moment the picture is of and when its sound came.
    fn hear(&mut self, due: Due, sound: &Sound) -> Option<(NtpTime, Option<Instant>)> {
        let (now, came) = match due {
            Due::Sound(blocks) => {
                let newest = blocks.last().map(|block| (block.stamp, block.came))?;
                for block in &blocks {
                    self.avatar.hear(&block.pairs);
                }
                (newest.0, Some(newest.1))
            }
            Due::Silence => {
                self.avatar.hear(&[0; 2 * BLOCK * CHANNELS]);
                // In the client's time, so that it can be set against the sound.
                let heard = sound.clock(Instant::now());
                (heard.unwrap_or_else(|| self.clock.now()), None)
            }
        };
        let stamp = match self.last {
            Some(last) if !is_after(now, last) => NtpTime(last.0.wrapping_add(1)),
            _ => now,
        };
        self.last = Some(stamp);
        Some((stamp, came))
    }

    fn send(&mut self, sender: &VideoSender, capture_time: NtpTime) {
        let (width, height) = self.avatar.size();
        const { assert!(cfg!(target_endian = "little"), "red comes first in memory") };
        let bytes = cast_slice(self.avatar.picture());
        let mut picture = sender.picture();
        let (width, height) = (width as u32, height as u32);
        let view = FrameView::packed(PixelFormat::Rgba, bytes, width, height);
        match view.and_then(|view| picture.fill_from(&view)) {
            Ok(()) => {
                sender.send(OutgoingFrame { picture, capture_time });
            }
            Err(error) => {
                tracing::warn!(target: "parhelion::server", "a portrait: {error}");
                sender.recycle(picture);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_our_own_eyes_fail_on_is_a_card() {
        assert!(matches!(prepared(|| panic!("of a test")), Shown::Failed));
        let picture = Picture { width: 2, height: 2, data: vec![9; 12] };
        assert!(matches!(prepared(|| Stage::new(&picture, None, (64, 36))), Shown::Portrait(_)));
    }
}
