//! One encoder, many who watch: every picture is encoded once and goes to all of them.
//!
//! The encoder never waits for a viewer. Each has a short queue that a task empties; one that cannot
//! keep up loses pictures until the next key frame, alone.
//!
//! Key frames are what viewers could hurt others with: they are large, so everybody's picture gets
//! worse for a moment. What viewers need them for (they join, they fell behind, packets were lost)
//! is therefore gathered: all who wait are served by one, no two that viewers cause are closer than
//! [`BETWEEN_KEY_FRAMES`], and a viewer that asks again and again waits longer each time, up to
//! [`LONGEST_PAUSE`]. One that comes for another reason serves them too. The publisher's own
//! requests never wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::video::lock;
use super::{EncodedFrame, SharedPeer, runtime};
use crate::media::audio::EncodedAudio;

/// The longest that a viewer who joins waits for its first picture while others join, too.
pub const BETWEEN_KEY_FRAMES: Duration = Duration::from_secs(1);
/// A viewer on a bad network would otherwise cost everybody a key frame every second.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A viewer that has asked for none this long is taken for a new one.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30);
/// What may wait for a viewer, pictures and packets of sound: a quarter of a second.
const QUEUE: usize = 20;

/// Gives the pictures of one encoder to its viewers.
pub struct FanOut {
    state: Mutex<State>,
    request_key_frame: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    next_id: u64,
    /// When viewers caused a key frame, or were served by one.
    last_key_frame: Option<Instant>,
    /// When the next request of viewers is due.
    alarm: Option<Instant>,
}

enum Encoded {
    Picture(EncodedFrame),
    Sound(EncodedAudio),
}

struct Seat {
    id: u64,
    queue: mpsc::Sender<Encoded>,
    /// Nothing may be sent before a key frame: it has just come, or pictures are missing.
    waits: bool,
    /// When it may have the key frame that it asked for.
    due: Option<Instant>,
    last_request: Option<Instant>,
    /// From one request of this viewer to the next.
    pause: Duration,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    dropped: AtomicU64,
}

/// What became of the pictures for one viewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewerStats {
    pub frames_sent: u64,
    /// Pictures that it lost because it could not keep up.
    pub frames_dropped: u64,
}

/// A viewer's place. Dropping it ends the sending.
pub struct Viewer {
    fan_out: Arc<FanOut>,
    id: u64,
    counters: Arc<Counters>,
}

impl FanOut {
    /// `request_key_frame` is called, from any thread, when the next picture should be a key frame.
    pub fn new(request_key_frame: impl Fn() + Send + Sync + 'static) -> Self {
        Self { state: Mutex::default(), request_key_frame: Box::new(request_key_frame) }
    }

    /// Sends what comes from now on to `peer`, beginning with a key frame.
    pub fn attach(self: &Arc<Self>, peer: SharedPeer) -> Viewer {
        let (queue, mut encoded) = mpsc::channel(QUEUE);
        let counters = Arc::<Counters>::default();
        let id = {
            let mut state = lock(&self.state);
            state.next_id += 1;
            let id = state.next_id;
            state.seats.push(Seat {
                id,
                queue,
                waits: true,
                due: None,
                last_request: None,
                pause: BETWEEN_KEY_FRAMES,
                counters: Arc::clone(&counters),
            });
            id
        };
        let counted = Arc::clone(&counters);
        runtime::viewers().spawn(async move {
            while let Some(encoded) = encoded.recv().await {
                let sent = match &encoded {
                    Encoded::Picture(frame) => peer.send_frame(frame).await,
                    // A viewer hears nothing rather than see nothing.
                    Encoded::Sound(audio) => match peer.send_audio(audio).await {
                        Ok(()) | Err(_) => continue,
                    },
                };
                let count = if sent.is_ok() { &counted.sent } else { &counted.dropped };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let viewer = Viewer { fan_out: Arc::clone(self), id, counters };
        viewer.request_key_frame();
        viewer
    }

    /// Queues one picture for everybody. Never waits.
    pub(super) fn put(self: &Arc<Self>, frame: &EncodedFrame) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if frame.key {
            state.last_key_frame = Some(now);
        }
        let mut waiting = Vec::new();
        for seat in &mut state.seats {
            if frame.key {
                seat.waits = false;
                seat.due = None;
            }
            // One that has just come misses nothing.
            let began = seat.counters.sent.load(Ordering::Relaxed) > 0;
            if !seat.waits && seat.queue.try_send(Encoded::Picture(frame.clone())).is_err() {
                seat.waits = true;
            }
            if seat.waits {
                seat.counters.dropped.fetch_add(u64::from(began), Ordering::Relaxed);
                waiting.push(seat.id);
            }
        }
        for id in waiting {
            self.ask(&mut state, id, now);
        }
    }

    /// Queues one packet of sound for everybody. Never waits; one who cannot keep up misses it.
    pub fn put_audio(&self, audio: &EncodedAudio) {
        for seat in &lock(&self.state).seats {
            let _ = seat.queue.try_send(Encoded::Sound(audio.clone()));
        }
    }

    /// How many watch.
    pub fn viewers(&self) -> usize {
        lock(&self.state).seats.len()
    }

    /// Notes that a viewer needs a key frame, and sees to it that it comes.
    fn ask(self: &Arc<Self>, state: &mut State, id: u64, now: Instant) {
        let after_others = state.last_key_frame.map_or(now, |at| at + BETWEEN_KEY_FRAMES);
        let Some(seat) = state.seats.iter_mut().find(|seat| seat.id == id) else { return };
        let after_its_own = seat.last_request.map_or(now, |at| at + seat.pause);
        seat.due.get_or_insert(now.max(after_others).max(after_its_own));
        self.arm(state);
    }

    /// Sets the alarm for the first request that is due, unless it rings before.
    fn arm(self: &Arc<Self>, state: &mut State) {
        let Some(at) = state.seats.iter().filter_map(|seat| seat.due).min() else { return };
        if state.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        state.alarm = Some(at);
        let this = Arc::downgrade(self);
        runtime::viewers().spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            if let Some(this) = this.upgrade() {
                this.ring(at);
            }
        });
    }

    /// Makes the one request for all whose time has come.
    fn ring(self: &Arc<Self>, at: Instant) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if state.alarm != Some(at) {
            return;
        }
        state.alarm = None;
        let mut wanted = false;
        for seat in &mut state.seats {
            if seat.due.take_if(|due| *due <= now).is_some() {
                let before = seat.last_request.replace(now);
                seat.pause = match before {
                    Some(at) if now - at < FORGIVEN_AFTER => (seat.pause * 2).min(LONGEST_PAUSE),
                    _ => BETWEEN_KEY_FRAMES,
                };
                wanted = true;
            }
        }
        if wanted {
            state.last_key_frame = Some(now);
        }
        self.arm(&mut state);
        drop(state);
        if wanted {
            (self.request_key_frame)();
        }
    }
}

impl Viewer {
    /// The viewer cannot go on without a key frame.
    pub fn request_key_frame(&self) {
        let mut state = lock(&self.fan_out.state);
        self.fan_out.ask(&mut state, self.id, Instant::now());
    }

    pub fn stats(&self) -> ViewerStats {
        ViewerStats {
            frames_sent: self.counters.sent.load(Ordering::Relaxed),
            frames_dropped: self.counters.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        lock(&self.fan_out.state).seats.retain(|seat| seat.id != self.id);
    }
}
