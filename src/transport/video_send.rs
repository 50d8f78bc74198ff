//! The pipeline from pictures to a peer: encode and send.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::fan_out::FanOut;
use super::rate_follower::{News, RateFollower};
use super::video::{Counters, CurrentPeer, Work, lock};
use super::{Cutter, RateNow, SharedPeer, runtime};
use crate::error::{Error, Result};
use crate::media::{
    DropReason, Drops, Encoded, I420, Mailbox, NtpTime, Planes, VideoEncoder, shown_size,
};

/// Key frames are large: requests that come faster than this are answered by one.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// A still source sends nothing that could carry a key frame: after this time its last picture does.
const REPEAT_AFTER: Duration = Duration::from_millis(50);
/// One being filled, one waiting, one being encoded, and the last one.
const SPARE_PICTURES: usize = 4;
/// A picture that may not be left out looks so often whether the end has come.
const LOOK_UP: Duration = Duration::from_millis(20);
/// How often a picture that must be sent may be left out before it is given up.
const MAX_SKIPS: u32 = 300;

/// A picture on its way out.
pub struct OutgoingFrame {
    pub picture: I420,
    /// Strictly increasing within one sender.
    pub capture_time: NtpTime,
}

/// What a sending pipeline has done.
#[derive(Debug, Clone, Default)]
pub struct SenderStats {
    pub frames_encoded: u64,
    pub key_frames: u64,
    pub bytes_encoded: u64,
    /// Time inside the encoder, all frames together.
    pub encode_time: Duration,
    /// The rate the encoder aims at, bits per second.
    pub target_bitrate: u32,
    /// What the connection says of its rate; none while there is no connection.
    pub rate: Option<RateNow>,
    /// Of the last picture as it was encoded.
    pub width: u32,
    pub height: u32,
    pub drops: Vec<Drops>,
}

/// Hears of each picture that the pipeline drops after it was queued, by its capture time.
pub type Lost = Box<dyn Fn(NtpTime) + Send + Sync>;

/// How pictures wait for a sending pipeline.
pub struct SenderQueue {
    /// Names the mailbox in the drop counters.
    pub place: &'static str,
    /// How many may wait.
    pub capacity: usize,
    /// Whether every picture is sent, whatever the rate control thinks.
    pub every: bool,
    pub lost: Option<Lost>,
}

struct SenderShared {
    inbox: Mailbox<OutgoingFrame>,
    every: bool,
    lost: Option<Lost>,
    peer: Arc<CurrentPeer>,
    spare: Mutex<Vec<I420>>,
    key_frame_wanted: AtomicBool,
    /// Pictures that were queued.
    queued: AtomicU64,
    /// Capture times of the newest picture that was queued, and of the last that is not to be sent
    /// again.
    newest: AtomicU64,
    stale: AtomicU64,
    /// Where nobody estimates the rate.
    bitrate: u32,
    /// What the encoder was told.
    told: AtomicU32,
    counters: Counters,
    fan_out: Arc<FanOut>,
}

/// Encodes the newest picture and hands it to the peer, and to all who watch it.
pub struct VideoSender {
    shared: Arc<SenderShared>,
    work: Work,
}

impl VideoSender {
    /// Starts the thread, with one place of that name before it.
    pub fn start(
        place: &'static str,
        peer: Arc<CurrentPeer>,
        encoder: Box<dyn VideoEncoder>,
        bitrate: u32,
    ) -> Result<Self> {
        let queue = SenderQueue { place, capacity: 1, every: false, lost: None };
        Self::start_with(queue, peer, encoder, bitrate)
    }

    /// Starts the thread, with another queue before it.
    pub fn start_with(
        queue: SenderQueue,
        peer: Arc<CurrentPeer>,
        encoder: Box<dyn VideoEncoder>,
        bitrate: u32,
    ) -> Result<Self> {
        let shared = Arc::new_cyclic(|this: &Weak<SenderShared>| {
            let this = this.clone();
            let request_key_frame = move || {
                if let Some(shared) = this.upgrade() {
                    shared.request_key_frame();
                }
            };
            SenderShared {
                inbox: Mailbox::for_thread(queue.place, queue.capacity),
                every: queue.every,
                lost: queue.lost,
                peer,
                spare: Mutex::default(),
                key_frame_wanted: AtomicBool::new(true),
                queued: AtomicU64::new(0),
                newest: AtomicU64::new(0),
                stale: AtomicU64::new(0),
                bitrate,
                told: AtomicU32::new(bitrate),
                counters: Counters::default(),
                fan_out: Arc::new(FanOut::new(request_key_frame)),
            }
        });
        let (worker, queue) = (Arc::clone(&shared), Arc::clone(&shared));
        let run = move || encode(&worker, encoder);
        let work = Work::start("parhelion-enc", run, move || queue.inbox.close())?;
        Ok(Self { shared, work })
    }

    /// A picture to fill, used before if possible.
    pub fn picture(&self) -> I420 {
        lock(&self.shared.spare).pop().unwrap_or_default()
    }

    /// Queues a picture; the one that waited, if any, is displaced and counted. Returns the capture
    /// time of that one.
    pub fn send(&self, frame: OutgoingFrame) -> Option<NtpTime> {
        self.shared.count(frame.capture_time.0);
        let displaced = self.shared.inbox.put(frame)?;
        self.shared.recycle(displaced.picture);
        Some(displaced.capture_time)
    }

    /// Queues a picture if there is room for it. What was refused comes back.
    pub fn try_send(&self, frame: OutgoingFrame) -> Result<(), OutgoingFrame> {
        let capture_time = frame.capture_time.0;
        self.shared.inbox.try_put(frame)?;
        self.shared.count(capture_time);
        Ok(())
    }

    pub fn is_full(&self) -> bool {
        self.shared.inbox.is_full()
    }

    /// Sets what is called when there is room again.
    pub fn set_room_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.shared.inbox.set_room_waker(Some(Box::new(waker)));
    }

    /// Gives back a picture that will not be sent.
    pub fn recycle(&self, picture: I420) {
        self.shared.recycle(picture);
    }

    /// Makes the next picture a key frame; if none comes soon, the last one is sent again as one.
    pub fn request_key_frame(&self) {
        self.shared.request_key_frame();
    }

    /// What was queued so far is not to be sent a second time: it would be made otherwise by now.
    pub fn forget_last(&self) {
        let newest = self.shared.newest.load(Ordering::Acquire);
        self.shared.stale.store(newest, Ordering::Release);
    }

    /// Those who watch what the peer is sent.
    pub fn fan_out(&self) -> &Arc<FanOut> {
        &self.shared.fan_out
    }

    /// Counts a frame that never came as far as the queue.
    pub fn count_drop(&self, reason: DropReason) {
        self.shared.inbox.count_drop(reason);
    }

    pub fn stats(&self) -> SenderStats {
        let counters = &self.shared.counters;
        SenderStats {
            frames_encoded: counters.frames.load(Ordering::Relaxed),
            key_frames: counters.key_frames.load(Ordering::Relaxed),
            bytes_encoded: counters.bytes.load(Ordering::Relaxed),
            encode_time: Duration::from_nanos(counters.nanos.load(Ordering::Relaxed)),
            target_bitrate: self.shared.told.load(Ordering::Relaxed),
            rate: self.shared.peer.get().and_then(|peer| peer.send_rate()),
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

impl SenderShared {
    fn request_key_frame(&self) {
        self.key_frame_wanted.store(true, Ordering::Release);
        self.inbox.nudge();
    }

    /// A picture is queued.
    fn count(&self, capture_time: u64) {
        self.newest.store(capture_time, Ordering::Release);
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    fn recycle(&self, picture: I420) {
        let mut spare = lock(&self.spare);
        if spare.len() < SPARE_PICTURES {
            spare.push(picture);
        }
    }

    /// Counts a picture that was queued and will not be sent.
    fn drop_frame(&self, reason: DropReason, capture_time: NtpTime) {
        self.inbox.count_drop(reason);
        if let Some(lost) = &self.lost {
            lost(capture_time);
        }
    }
}

/// The encoding thread.
struct Encoding<'a> {
    shared: &'a SenderShared,
    encoder: Box<dyn VideoEncoder>,
    follower: RateFollower,
    cutter: Cutter,
    last_key_frame: Option<Instant>,
    /// Bytes of the last access unit: the next one is about as long.
    last_size: usize,
    /// The last picture that went out, in case it is wanted again.
    last: Option<OutgoingFrame>,
}

fn encode(shared: &SenderShared, encoder: Box<dyn VideoEncoder>) {
    let mut encoding = Encoding {
        shared,
        encoder,
        follower: RateFollower::new(shared.every),
        cutter: Cutter::default(),
        last_key_frame: None,
        last_size: 0,
        last: None,
    };
    while let Some(frame) = encoding.next() {
        encoding.carry(frame);
    }
}

impl Encoding<'_> {
    /// The next picture: a new one, or the last one again if a key frame is wanted of it.
    fn next(&mut self) -> Option<OutgoingFrame> {
        let shared = self.shared;
        self.drop_stale();
        let again = || self.last.is_some() && shared.key_frame_wanted.load(Ordering::Acquire);
        if let Some(frame) = shared.inbox.take_unless(again) {
            return Some(frame);
        }
        if shared.inbox.is_closed() {
            return None;
        }
        let newer = shared.inbox.take_timeout(REPEAT_AFTER.max(self.key_frame_pause()));
        self.drop_stale();
        newer.or_else(|| self.last.take()).or_else(|| shared.inbox.take())
    }

    fn drop_stale(&mut self) {
        let stale = self.shared.stale.load(Ordering::Acquire);
        if let Some(frame) = self.last.take_if(|last| last.capture_time.0 <= stale) {
            self.shared.recycle(frame.picture);
        }
    }

    /// How long until another key frame may be made.
    fn key_frame_pause(&self) -> Duration {
        let interval = self.follower.key_frame_interval(KEY_FRAME_INTERVAL);
        self.last_key_frame.map_or(Duration::ZERO, |at| interval.saturating_sub(at.elapsed()))
    }

    fn carry(&mut self, frame: OutgoingFrame) {
        let shared = self.shared;
        let Some(peer) = shared.peer.get() else {
            shared.drop_frame(DropReason::NotConnected, frame.capture_time);
            shared.recycle(frame.picture);
            return;
        };
        self.follow(&peer, &frame);
        let Some(frame) = self.affordable(&peer, frame) else { return };
        if self.key_frame_pause().is_zero() && shared.key_frame_wanted.swap(false, Ordering::AcqRel)
        {
            self.encoder.request_key_frame();
        }
        let began = Instant::now();
        // The packets keep parts of this buffer alive, so it cannot be used again.
        let mut unit = Vec::with_capacity(self.last_size);
        let encoded = self.encode(frame.picture.planes(), frame.capture_time, &mut unit);
        shared.counters.time(began);
        let capture_time = frame.capture_time;
        if let Some(before) = self.last.replace(frame) {
            shared.recycle(before.picture);
        }
        let key = match encoded {
            Ok(Encoded::Skipped) => {
                self.follower.held_back();
                return shared.drop_frame(DropReason::EncoderSkipped, capture_time);
            }
            Ok(Encoded::Key) => {
                self.last_key_frame = Some(Instant::now());
                shared.counters.key_frames.fetch_add(1, Ordering::Relaxed);
                true
            }
            Ok(Encoded::Delta) => false,
            Err(error) => return self.failed(capture_time, &error),
        };
        shared.counters.frames.fetch_add(1, Ordering::Relaxed);
        shared.counters.bytes.fetch_add(unit.len() as u64, Ordering::Relaxed);
        self.last_size = unit.len();
        self.follower.spent(Instant::now(), unit.len());
        let frame = match self.cutter.cut(unit, capture_time.0, key) {
            Ok(frame) => frame,
            Err(error) => return self.failed(capture_time, &error),
        };
        shared.inbox.done();
        // Whoever sent the pictures comes before those who watch.
        let sent = runtime::handle().block_on(peer.send_frame(&frame));
        shared.fan_out.put(&frame);
        if let Err(error) = sent {
            tracing::debug!(target: "parhelion::media", "sending: {error}");
            shared.drop_frame(DropReason::NotConnected, capture_time);
            self.start_over();
        }
    }

    /// Tells the encoder what has changed for it.
    fn follow(&mut self, peer: &SharedPeer, frame: &OutgoingFrame) {
        let planes = frame.picture.planes();
        let size = (planes.width, planes.height);
        let (now, queued) = (Instant::now(), self.shared.queued.load(Ordering::Relaxed));
        let News { bitrate, frame_rate } =
            self.follower.came(now, size, queued, peer.send_rate(), self.shared.bitrate);
        if let Some(bitrate) = bitrate {
            self.encoder.set_bitrate(bitrate);
            self.shared.told.store(bitrate, Ordering::Relaxed);
        }
        if let Some(frame_rate) = frame_rate {
            self.encoder.set_frame_rate(frame_rate);
        }
    }

    /// This picture, or a newer one: the first that the rate allows. None: it is over.
    fn affordable(&mut self, peer: &SharedPeer, mut frame: OutgoingFrame) -> Option<OutgoingFrame> {
        let (inbox, began) = (&self.shared.inbox, Instant::now());
        while let Some(wait) = self.follower.owes(Instant::now()) {
            if self.shared.every {
                std::thread::sleep(wait.min(LOOK_UP));
            } else if let Some(newer) = inbox.take_timeout(wait) {
                self.follower.held_back();
                frame = self.instead(peer, frame, newer);
            }
            if inbox.is_closed() {
                return None;
            }
        }
        if self.shared.every && began.elapsed() > self.follower.patience() {
            self.follower.held_back();
        }
        // If none comes soon, one that would not be taken is the last of its kind.
        while !self.follower.takes()
            && let Some(newer) = inbox.take_timeout(self.follower.patience())
        {
            frame = self.instead(peer, frame, newer);
        }
        Some(frame)
    }

    /// A newer picture takes the place of one that the rate did not allow.
    fn instead(
        &mut self,
        peer: &SharedPeer,
        old: OutgoingFrame,
        newer: OutgoingFrame,
    ) -> OutgoingFrame {
        self.shared.drop_frame(DropReason::EncoderSkipped, old.capture_time);
        self.shared.recycle(old.picture);
        self.follow(peer, &newer);
        newer
    }

    /// Encodes one picture. Each time that the rate control leaves it out, it has more to spend.
    fn encode(
        &mut self,
        planes: Planes<'_>,
        capture_time: NtpTime,
        unit: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let mut again = if self.shared.every { MAX_SKIPS } else { 0 };
        loop {
            let (sized, smaller) = self.follower.sized(planes)?;
            let counters = &self.shared.counters;
            counters.width.store(sized.width, Ordering::Relaxed);
            counters.height.store(sized.height, Ordering::Relaxed);
            let encoded = self.encoder.encode(sized, capture_time.to_unix(), unit)?;
            match encoded {
                Encoded::Key if self.follower.is_too_large(unit.len()) => {}
                Encoded::Skipped if again > 0 => again -= 1,
                _ => {
                    if encoded == Encoded::Key && smaller {
                        shown_size::insert(unit, planes.width, planes.height);
                    }
                    return Ok(encoded);
                }
            }
        }
    }

    fn failed(&mut self, capture_time: NtpTime, error: &Error) {
        tracing::warn!(target: "parhelion::media", "encoding: {error}");
        self.shared.drop_frame(DropReason::EncodeFailed, capture_time);
        self.start_over();
    }

    /// What was not sent is missing from every later picture, so the next must need none.
    fn start_over(&mut self) {
        self.last_key_frame = None;
        // This picture cannot be sent, now or again.
        if let Some(frame) = self.last.take() {
            self.shared.recycle(frame.picture);
        }
        self.shared.key_frame_wanted.store(true, Ordering::Release);
    }
}
