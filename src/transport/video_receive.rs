//! The pipeline from what a peer assembles to pictures: decode, and show in the size that is meant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::video::{Counters, CurrentPeer, Work, lock};
use crate::error::Result;
use crate::media::{
    AccessUnit, DropReason, Drops, I420, Mailbox, NtpTime, Planes, Scaler, VideoDecoder, shown_size,
};

/// Encoded frames refer to each other, so they may queue a little before all must be given up: so many
/// if the decoder does not keep up, and more when they come at once after a repair.
const UNDECODED: usize = 16;
const MAX_UNDECODED: usize = 64;
/// How long the decoder may take to empty its queue.
const CATCH_UP: Duration = Duration::from_millis(500);
/// Frames that come at once are handed on this far apart, if they were sent four times as far apart:
/// what comes next keeps one frame only, and would lose the others.
const SPREAD: Duration = Duration::from_millis(8);
const RTP_CLOCK_RATE: u32 = 90_000;
const SPARE_UNITS: usize = 8;

/// What a receiving pipeline has done.
#[derive(Debug, Clone, Default)]
pub struct ReceiverStats {
    pub frames_decoded: u64,
    pub bytes_received: u64,
    /// Time inside the decoder, all frames together.
    pub decode_time: Duration,
    /// Of the last picture as it came.
    pub width: u32,
    pub height: u32,
    pub drops: Vec<Drops>,
}

struct ReceiverShared {
    inbox: Mailbox<AccessUnit>,
    peer: Arc<CurrentPeer>,
    spare: Mutex<Vec<Vec<u8>>>,
    /// Set when a frame was lost after assembly: nothing may be decoded before a key frame.
    awaiting_key: AtomicBool,
    /// Since when more than one frame has waited.
    behind_since: Mutex<Option<Instant>>,
    counters: Counters,
}

/// Decodes what the peer assembles.
pub struct VideoReceiver {
    shared: Arc<ReceiverShared>,
    work: Work,
}

impl VideoReceiver {
    /// Starts the thread. `sink` is called on it with each picture and its capture time.
    pub fn start(
        place: &'static str,
        peer: Arc<CurrentPeer>,
        decoder: Box<dyn VideoDecoder>,
        sink: impl FnMut(Planes<'_>, Option<NtpTime>) + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::new(ReceiverShared {
            inbox: Mailbox::for_thread(place, MAX_UNDECODED),
            peer,
            spare: Mutex::default(),
            awaiting_key: AtomicBool::new(true),
            behind_since: Mutex::default(),
            counters: Counters::default(),
        });
        let (worker, queue) = (Arc::clone(&shared), Arc::clone(&shared));
        let run = move || decode(&worker, decoder, sink);
        let work = Work::start("parhelion-dec", run, move || queue.inbox.close())?;
        Ok(Self { shared, work })
    }

    /// Queues an access unit and returns a buffer that is free again.
    pub fn push(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        let shared = &self.shared;
        if unit.key {
            shared.awaiting_key.store(false, Ordering::Release);
        } else if shared.awaiting_key.load(Ordering::Acquire) {
            shared.inbox.count_drop(DropReason::AwaitingKeyFrame);
            return Some(unit.data);
        }
        if let Some(displaced) = shared.inbox.put(unit) {
            shared.restart();
            return Some(displaced.data);
        }
        if shared.is_too_slow(Instant::now()) {
            shared.restart();
        }
        lock(&shared.spare).pop()
    }

    /// Gives up what is not decoded yet; decoding goes on with the next key frame.
    pub fn start_over(&self) {
        self.shared.restart();
    }

    pub fn stats(&self) -> ReceiverStats {
        let counters = &self.shared.counters;
        ReceiverStats {
            frames_decoded: counters.frames.load(Ordering::Relaxed),
            bytes_received: counters.bytes.load(Ordering::Relaxed),
            decode_time: Duration::from_nanos(counters.nanos.load(Ordering::Relaxed)),
            width: counters.width.load(Ordering::Relaxed),
            height: counters.height.load(Ordering::Relaxed),
            drops: vec![self.shared.inbox.counters()],
        }
    }

    /// Ends the thread; the handle lets a caller wait for it.
    pub fn stop(&self) -> Option<JoinHandle<()>> {
        self.work.stop()
    }
}

impl ReceiverShared {
    /// Whether the queue is long, and has not been empty for long.
    fn is_too_slow(&self, now: Instant) -> bool {
        let waiting = self.inbox.len();
        let mut since = lock(&self.behind_since);
        if waiting <= 1 {
            *since = None;
            return false;
        }
        let behind = now.saturating_duration_since(*since.get_or_insert(now));
        waiting > UNDECODED && behind > CATCH_UP
    }

    /// Gives up what is queued and asks for a key frame.
    fn restart(&self) {
        self.awaiting_key.store(true, Ordering::Release);
        self.inbox.clear(DropReason::AwaitingKeyFrame);
        if let Some(peer) = self.peer.get() {
            peer.request_key_frame();
        }
    }
}

fn decode(
    shared: &ReceiverShared,
    mut decoder: Box<dyn VideoDecoder>,
    mut sink: impl FnMut(Planes<'_>, Option<NtpTime>),
) {
    let mut enlarger = Enlarger::default();
    let mut last = None;
    while let Some(unit) = shared.inbox.take() {
        let began = Instant::now();
        let apart = last.replace(unit.timestamp).map(|last| unit.timestamp.wrapping_sub(last));
        let decoded = decoder.decode(&unit.data);
        shared.counters.time(began);
        match decoded {
            Ok(Some(planes)) => {
                shared.counters.frames.fetch_add(1, Ordering::Relaxed);
                shared.counters.bytes.fetch_add(unit.data.len() as u64, Ordering::Relaxed);
                shared.counters.width.store(planes.width, Ordering::Relaxed);
                shared.counters.height.store(planes.height, Ordering::Relaxed);
                enlarger.look(&unit, planes);
                sink(enlarger.shown(planes), unit.capture_time.map(NtpTime));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(target: "parhelion::media", "decoding: {error}");
                shared.inbox.count_drop(DropReason::DecodeFailed);
                shared.restart();
            }
        }
        {
            let mut spare = lock(&shared.spare);
            if spare.len() < SPARE_UNITS {
                spare.push(unit.data);
            }
        }
        if !shared.inbox.is_empty() {
            std::thread::sleep(spread(apart).saturating_sub(began.elapsed()));
        }
    }
}

/// How far apart to hand on frames that have come at once, `apart` in units of the RTP clock.
fn spread(apart: Option<u32>) -> Duration {
    let apart = Duration::from_secs(1) * apart.unwrap_or(0).min(RTP_CLOCK_RATE) / RTP_CLOCK_RATE;
    SPREAD.min(apart / 4)
}

/// Gives pictures that travelled smaller than they are their size back.
#[derive(Default)]
struct Enlarger {
    /// From one key frame to the next.
    size: Option<(u32, u32)>,
    scaler: Scaler,
    larger: I420,
}

impl Enlarger {
    fn look(&mut self, unit: &AccessUnit, coded: Planes<'_>) {
        if unit.key {
            self.size = shown_size::read(&unit.data, (coded.width, coded.height));
        }
    }

    fn shown<'a>(&'a mut self, coded: Planes<'a>) -> Planes<'a> {
        let Some((width, height)) = self.size else { return coded };
        if (width, height) == (coded.width, coded.height)
            || self.scaler.scale(coded, width, height, &mut self.larger).is_err()
        {
            return coded;
        }
        self.larger.planes()
    }
}
