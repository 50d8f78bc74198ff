//! What goes out: every 20 ms one block of the clip that plays, else of the live input, else silence.
//!
//! Where one ends and another begins, the step between their samples is spread over 5 ms, so that
//! nothing clicks.

use std::sync::mpsc::{Receiver, TryRecvError};

use super::block::{BLOCK, CHANNELS};
use super::live::LiveInput;
use crate::error::{Error, Result};
use crate::media::NtpTime;

/// Pairs over which a step is spread.
const RAMP: usize = 240;

/// Names a clip; a later one has a larger name.
pub type ClipId = u64;

/// Hears, once, what became of a clip.
pub type Completion = Box<dyn FnOnce(Result<()>) + Send>;

/// A clip that is ready to play. The sender of `blocks` ends it by being dropped.
pub struct Clip {
    pub id: ClipId,
    /// Blocks of at most [`BLOCK`] pairs, or why there are no more.
    pub blocks: Receiver<Result<Vec<i16>>>,
    pub done: Completion,
}

/// Numbers of what went out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MixerStats {
    /// Blocks of a clip that were not decoded in time.
    pub clip_gaps: u64,
    /// Blocks of live input that were not there in time, or not whole.
    pub live_gaps: u64,
    /// Samples of live input, one channel, that were dropped.
    pub live_dropped: u64,
}

/// A block that goes out.
pub struct Mixed {
    /// [`BLOCK`] pairs.
    pub samples: Vec<i16>,
    /// When it was captured, if that was earlier than now.
    pub capture_time: Option<NtpTime>,
    /// To be called with the result when the block is on its way.
    pub ended: Option<(Completion, Result<()>)>,
}

/// The source of everything that one session sends.
#[derive(Default)]
pub struct Mixer {
    clip: Option<Clip>,
    /// The newest clip that has been played; older ones that get ready late are too late.
    newest: ClipId,
    live: LiveInput,
    declick: Declick,
    source: Source,
    closed: bool,
    clip_gaps: u64,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Source {
    #[default]
    Silence,
    Clip(ClipId),
    Live,
}

impl Mixer {
    /// Plays a clip instead of what plays now. Returns what has to be called: of the clip that
    /// stops, or of this one if a newer one was there before it.
    pub fn play(&mut self, clip: Clip) -> Option<Completion> {
        if self.closed || clip.id < self.newest {
            return Some(clip.done);
        }
        self.newest = clip.id;
        self.clip.replace(clip).map(|stopped| stopped.done)
    }

    /// Stops the clip of that name, if it plays.
    pub fn stop(&mut self, id: ClipId) {
        self.clip.take_if(|clip| clip.id == id);
    }

    /// Nothing plays after this. Returns what has to be called.
    pub fn close(&mut self) -> Option<Completion> {
        self.closed = true;
        self.live.clear();
        self.clip.take().map(|clip| clip.done)
    }

    /// Queues live pairs, the first of them captured at `time`.
    pub fn push_live(&mut self, pairs: &[i16], time: NtpTime) {
        if !self.closed {
            self.live.push(pairs, time);
        }
    }

    /// Nobody takes blocks at present: a clip waits, live input is lost.
    pub fn idle(&mut self) {
        self.live.clear();
    }

    /// The block that is due.
    pub fn block(&mut self) -> Mixed {
        let (clip, ended) = self.next_of_clip();
        // Live input goes by unheard while a clip plays.
        let live = self.live.take();
        let (source, samples, capture_time, follows) = match (clip, live) {
            (Some((id, samples)), _) => (Source::Clip(id), samples, None, true),
            (None, Some(live)) => (Source::Live, live.samples, live.capture_time, live.follows),
            (None, None) => (Source::Silence, Vec::new(), None, true),
        };
        let follows = follows && source == self.source;
        self.source = source;
        let samples = self.declick.smoothed(samples, follows);
        Mixed { samples, capture_time, ended }
    }

    pub fn stats(&self) -> MixerStats {
        MixerStats {
            clip_gaps: self.clip_gaps,
            live_gaps: self.live.gaps(),
            live_dropped: self.live.dropped(),
        }
    }

    #[expect(clippy::type_complexity, reason = "two parts of one answer")]
    fn next_of_clip(
        &mut self,
    ) -> (Option<(ClipId, Vec<i16>)>, Option<(Completion, Result<(), Error>)>) {
        let Some(clip) = &self.clip else { return (None, None) };
        let outcome = match clip.blocks.try_recv() {
            Ok(Ok(samples)) => return (Some((clip.id, samples)), None),
            Err(TryRecvError::Empty) => {
                self.clip_gaps += 1;
                return (Some((clip.id, Vec::new())), None);
            }
            Ok(Err(error)) => Err(error),
            Err(TryRecvError::Disconnected) => Ok(()),
        };
        (None, self.clip.take().map(|clip| (clip.done, outcome)))
    }
}

/// Spreads the step from one sound to another.
#[derive(Default)]
struct Declick {
    /// What went out last.
    last: [f32; CHANNELS],
    /// The step, of which ever less is added.
    step: [f32; CHANNELS],
    /// How many pairs it still reaches.
    left: usize,
    /// Whether what went out last was silence for want of sound.
    silent: bool,
}

impl Declick {
    /// A whole block of `samples`, filled up with silence. `follows`: it goes on from the last one.
    fn smoothed(&mut self, mut samples: Vec<i16>, follows: bool) -> Vec<i16> {
        let end = samples.len();
        samples.resize(BLOCK * CHANNELS, 0);
        let (sound, rest) = samples.split_at_mut(end);
        self.run(sound, follows && !self.silent);
        self.run(rest, end == 0 && self.silent);
        self.silent = !rest.is_empty();
        samples
    }

    fn run(&mut self, samples: &mut [i16], follows: bool) {
        let Some(first) = samples.first_chunk::<CHANNELS>() else { return };
        if !follows {
            self.step = std::array::from_fn(|side| self.last[side] - f32::from(first[side]));
            self.left = RAMP;
        }
        let (pairs, _) = samples.as_chunks_mut::<CHANNELS>();
        for pair in pairs.iter_mut() {
            if self.left > 0 {
                let part = self.left as f32 / RAMP as f32;
                // Level at both ends.
                let part = part * part * (3.0 - 2.0 * part);
                for (sample, step) in pair.iter_mut().zip(self.step) {
                    *sample = (f32::from(*sample) + step * part).round() as i16;
                }
                self.left -= 1;
            }
        }
        if let Some(pair) = pairs.last() {
            self.last = pair.map(f32::from);
        }
    }
}
