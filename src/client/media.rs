//! The frames of one session: out through the encoder, in through the decoder, matched by the
//! capture time that travels with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ConnectOptions;
use super::audio::Audio;
use super::flow::{Flow, Policy, Room, queue_full};
use super::sampler::NOW;
use super::stats::Snapshot;
use crate::error::Result;
use crate::media::audio::AudioPacket;
use crate::media::h264::{MIN_ENCODED_SIDE, check_encodable, live_threads};
use crate::media::{
    AccessUnit, BufferPool, CaptureClock, DropReason, FrameView, Freezes, H264Config, H264Decoder,
    H264Encoder, InFlight, InFlightFrame, Mailbox, NtpTime, PixelFormat, Planes, Recent,
    SteadyClock, color,
};
use crate::transport::SharedPeer;
use crate::transport::video::{
    CurrentPeer, OutgoingFrame, SenderQueue, VideoReceiver, VideoSender, lock,
};

/// Frames that the user still holds keep their buffers; these are for the ones in transit.
const SPARE_BUFFERS: usize = 4;
/// What waits for room hears of it; this only bounds a wait that heard nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Enough for a percentile over half a minute.
const LATENCIES: usize = 1024;

/// A transformed frame.
#[derive(Debug)]
pub struct OutputFrame {
    /// Pixels in the format of the session, rows from the top, no padding.
    pub data: Vec<u8>,
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    /// The id that `send` gave to the frame this one was made from, if the service said which.
    pub input_id: Option<u64>,
    /// When that frame was sent, seconds since the Unix epoch.
    pub capture_time: Option<f64>,
    /// What the sender of that frame passed as its time stamp.
    pub timestamp: Option<f64>,
    /// From `send` of the input to this frame being ready.
    pub latency: Option<Duration>,
    /// When it was ready, seconds since the Unix epoch.
    pub received_at: f64,
}

struct Outgoing {
    stamps: CaptureClock,
    next_id: u64,
}

struct Incoming {
    output: Mailbox<OutputFrame>,
    /// Whether the decoder waits for the reader.
    waits: bool,
    room: Arc<Room>,
    in_flight: Mutex<InFlight>,
    latencies: Mutex<Recent>,
    freezes: Mutex<Freezes>,
    pool: Arc<BufferPool>,
    format: PixelFormat,
    received: AtomicU64,
}

pub(super) struct Media {
    flow: Flow,
    mirror: bool,
    room: Arc<Room>,
    peer: Arc<CurrentPeer>,
    sender: Arc<VideoSender>,
    receiver: Arc<VideoReceiver>,
    incoming: Arc<Incoming>,
    clock: Arc<SteadyClock>,
    outgoing: Mutex<Outgoing>,
    pub(super) audio: Option<Audio>,
}

impl Media {
    pub(super) fn start(
        options: &ConnectOptions,
        frame_ready: impl Fn() + Send + Sync + 'static,
        room: impl Fn() + Send + Sync + 'static,
        block_ready: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self> {
        let flow = options.flow;
        let room = Arc::new(Room::new(flow, room));
        let peer = Arc::<CurrentPeer>::default();
        let output = Mailbox::new("output", flow.receive.capacity());
        let clock = Arc::<SteadyClock>::default();
        let audio = if options.audio {
            Some(Audio::start(&peer, &clock, options.target.is_room(), block_ready)?)
        } else {
            None
        };
        output.set_waker(Some(Box::new(frame_ready)));
        let incoming = Arc::new(Incoming {
            output,
            waits: matches!(flow.receive, Policy::Wait(_)),
            room: Arc::clone(&room),
            in_flight: Mutex::default(),
            latencies: Mutex::new(Recent::new(LATENCIES)),
            freezes: Mutex::default(),
            pool: Arc::new(BufferPool::new(SPARE_BUFFERS)),
            format: options.format,
            received: AtomicU64::new(0),
        });
        let encoder = H264Encoder::new(H264Config {
            bitrate: options.bitrates.start,
            max_bitrate: options.bitrates.max,
            threads: live_threads(),
            ..Default::default()
        })?;
        let lost = Arc::clone(&incoming);
        let queue = SenderQueue {
            place: "capture",
            capacity: flow.send.capacity(),
            every: flow.send != Policy::Latest,
            lost: Some(Box::new(move |stamp| lost.forget(stamp))),
        };
        let sender = VideoSender::start_with(
            queue,
            Arc::clone(&peer),
            Box::new(encoder),
            options.bitrates.start,
        )?;
        let told = Arc::clone(&room);
        sender.set_room_waker(move || told.news());
        let sink = Arc::clone(&incoming);
        let receiver = VideoReceiver::start(
            "decoder",
            Arc::clone(&peer),
            Box::new(H264Decoder::new()?),
            move |planes, capture_time| sink.accept(planes, capture_time),
        )?;
        Ok(Self {
            flow,
            mirror: options.mirror,
            room,
            peer,
            sender: Arc::new(sender),
            receiver: Arc::new(receiver),
            incoming,
            clock,
            outgoing: Mutex::new(Outgoing { stamps: CaptureClock::new(), next_id: 0 }),
            audio,
        })
    }

    pub(super) fn peer(&self) -> Option<SharedPeer> {
        self.peer.get()
    }

    /// Exchanges the connection; what was under way over the old one will not come back.
    pub(super) fn set_peer(&self, peer: Option<SharedPeer>) -> Option<SharedPeer> {
        let old = self.peer.set(peer);
        self.room.update(|window, _| window.clear());
        old
    }

    /// The session is back, over whatever connection.
    pub(super) fn resume(&self) {
        self.room.update(|window, _| window.clear());
        self.clock.catch_up(SystemTime::now(), Instant::now());
        self.request_key_frame();
    }

    /// What was received before an outage may be of an older state, and nobody who wants the newest
    /// frame wants that one.
    pub(super) fn forget_old_frames(&self) {
        self.receiver.start_over();
        if self.flow.receive == Policy::Latest {
            for frame in self.incoming.output.clear(DropReason::Displaced) {
                self.incoming.pool.put(frame.data);
            }
        }
    }

    /// `None`: another frame may be sent. Otherwise when to look again if nothing is heard before;
    /// `up` says whether there is a connection. It is asked last: a connection that goes empties
    /// the window.
    fn full(&self, up: impl Fn() -> bool) -> Option<Duration> {
        let full = match self.flow.send {
            Policy::Latest => return None,
            Policy::All(_) => self.sender.is_full().then_some(LOOK_AGAIN),
            Policy::Wait(_) => {
                self.room.window().and_then(|mut window| window.full(Instant::now()))
            }
        };
        full.or_else(|| (!up()).then_some(LOOK_AGAIN))
    }

    /// As [`Self::full`]; if there is none, the listener hears when there is.
    pub(super) fn room(&self, up: impl Fn() -> bool) -> Option<Duration> {
        self.room.look(|| self.full(&up))
    }

    /// Waits for room, for at most `limit`. Whether there is some.
    pub(super) fn wait_for_room(&self, limit: Duration, up: impl Fn() -> bool) -> bool {
        self.room.wait(limit, || self.full(&up))
    }

    /// Something has changed that room may depend on.
    pub(super) fn room_news(&self) {
        self.room.news();
    }

    /// The service failed on a frame.
    pub(super) fn model_failed(&self) {
        self.room.update(|window, _| window.failed());
    }

    /// Converts and queues one frame. `up`: whether it can be sent now.
    pub(super) fn send(
        &self,
        view: &FrameView<'_>,
        timestamp: Option<f64>,
        up: bool,
    ) -> Result<u64> {
        let at = Instant::now();
        check_encodable(view.width(), view.height())?;
        if self.full(|| up).is_some() {
            return Err(queue_full(self.flow, up));
        }
        if !up {
            self.sender.count_drop(DropReason::NotConnected);
            let mut outgoing = lock(&self.outgoing);
            outgoing.next_id += 1;
            return Ok(outgoing.next_id - 1);
        }
        let mut picture = self.sender.picture();
        let filled =
            if self.mirror { picture.fill_mirrored(view) } else { picture.fill_from(view) };
        if let Err(error) = filled {
            self.sender.recycle(picture);
            return Err(error);
        }
        // Ids and stamps rise together, whichever thread comes first.
        let mut outgoing = lock(&self.outgoing);
        if self.full(|| up).is_some() {
            // Another thread was faster.
            self.sender.recycle(picture);
            return Err(queue_full(self.flow, up));
        }
        let input_id = outgoing.next_id;
        outgoing.next_id += 1;
        let capture_time = outgoing.stamps.stamp(self.clock.at(at));
        lock(&self.incoming.freezes).sent(at);
        lock(&self.incoming.in_flight).insert(InFlightFrame {
            stamp: capture_time,
            input_id,
            sent: at,
            timestamp,
            width: view.width(),
            height: view.height(),
        });
        if let Some(mut window) = self.room.window() {
            window.enter(input_id, at);
        }
        // Only the newest-wins queue is ever full here, and then the older frame is given up.
        if let Some(displaced) = self.sender.send(OutgoingFrame { picture, capture_time }) {
            // Nothing will ever come of it, and a burst must not push out the frames that travel.
            self.incoming.forget(displaced);
        }
        Ok(input_id)
    }

    pub(super) fn try_recv(&self) -> Option<OutputFrame> {
        self.incoming.output.try_take().inspect(|frame| self.taken(frame))
    }

    pub(super) fn recv_timeout(&self, timeout: Duration) -> Option<OutputFrame> {
        self.incoming.output.take_timeout(timeout).inspect(|frame| self.taken(frame))
    }

    fn taken(&self, frame: &OutputFrame) {
        self.room.update(|window, now| window.taken(frame.input_id, now));
    }

    pub(super) fn is_drained(&self) -> bool {
        self.incoming.output.is_closed() && self.incoming.output.is_empty()
    }

    pub(super) fn pool(&self) -> Arc<BufferPool> {
        Arc::clone(&self.incoming.pool)
    }

    pub(super) fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        self.receiver.push(unit)
    }

    pub(super) fn audio_packet(&self, packet: AudioPacket) {
        if let Some(audio) = &self.audio {
            audio.packet(packet);
        }
    }

    pub(super) fn request_key_frame(&self) {
        self.sender.request_key_frame();
    }

    /// Lets no more frames out. Silently: this runs on a thread of the network, which must not wait
    /// for a reader's interpreter, and the end of a session is an event of its own.
    pub(super) fn stop(&self) {
        self.incoming.output.set_waker(None);
        self.incoming.output.close();
        self.room.news();
        if let Some(audio) = &self.audio {
            audio.stop();
        }
    }

    /// Waits until the threads have ended, for at most `limit`.
    pub(super) async fn join(&self, limit: Duration) {
        let mut threads = vec![self.sender.stop(), self.receiver.stop()];
        threads.extend(self.audio.as_ref().into_iter().flat_map(Audio::threads));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads.into_iter().flatten() {
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(limit, joined).await;
    }

    pub(super) async fn snapshot(&self) -> Snapshot {
        let network = match self.peer.get() {
            Some(peer) => peer.stats().await,
            None => Default::default(),
        };
        let sent = self.sender.stats();
        let received = self.receiver.stats();
        let mut drops = sent.drops.clone();
        drops.extend(received.drops.iter().copied());
        drops.push(self.incoming.output.counters());
        drops.extend(self.audio.as_ref().into_iter().flat_map(Audio::drops));
        let (latency, latency_now) = {
            let latencies = lock(&self.incoming.latencies);
            (latencies.percentiles(), latencies.newest(NOW))
        };
        let (freeze_count, total_freezes_duration) = lock(&self.incoming.freezes).counted();
        Snapshot {
            frames_sent: lock(&self.outgoing).next_id,
            frames_received: self.incoming.received.load(Ordering::Relaxed),
            frames_under_way: lock(&self.incoming.in_flight).unanswered(),
            audio: self.audio.as_ref().map(|audio| audio.stats(network.audio)).unwrap_or_default(),
            sent,
            received,
            network,
            latency,
            latency_now,
            freeze_count,
            total_freezes_duration,
            drops,
        }
    }
}

impl Incoming {
    /// Takes a decoded picture. Runs on the decoder's thread.
    fn accept(&self, planes: Planes<'_>, capture_time: Option<NtpTime>) {
        let sent = capture_time.and_then(|stamp| lock(&self.in_flight).settle(stamp));
        let named = sent.as_ref().map(|sent| (sent.input_id, sent.sent));
        let first = self.room.update(|window, now| window.returned(named, now)).unwrap_or(true);
        if self.waits && !first {
            return self.output.count_drop(DropReason::Repeated);
        }
        let planes = match &sent {
            // Only this format cannot be odd.
            Some(sent) if self.format != PixelFormat::I420 => {
                unpadded(planes, sent.width, sent.height)
            }
            _ => planes,
        };
        let mut data = self.pool.get(self.format.packed_len(planes.width, planes.height));
        if let Err(error) = color::planes_to(planes, self.format, &mut data) {
            tracing::debug!(target: "parhelion::media", "converting: {error}");
            self.output.count_drop(DropReason::DecodeFailed);
            return;
        }
        let latency = sent.as_ref().map(|sent| sent.sent.elapsed());
        if let Some(latency) = latency {
            lock(&self.latencies).add(latency);
        }
        lock(&self.freezes).came(Instant::now());
        self.received.fetch_add(1, Ordering::Relaxed);
        let frame = OutputFrame {
            data,
            width: planes.width,
            height: planes.height,
            format: self.format,
            input_id: sent.as_ref().map(|sent| sent.input_id),
            capture_time: capture_time.map(|time| time.to_unix().as_secs_f64()),
            timestamp: sent.and_then(|sent| sent.timestamp),
            latency,
            received_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs_f64(),
        };
        let gone = if self.waits {
            self.output.put_when_room(frame).err()
        } else {
            self.output.put(frame)
        };
        if let Some(gone) = gone {
            self.pool.put(gone.data);
        }
    }

    /// A frame was dropped before it left.
    fn forget(&self, stamp: NtpTime) {
        if let Some(input_id) = lock(&self.in_flight).forget(stamp) {
            self.room.update(|window, _| window.lost(input_id));
        }
    }
}

/// A picture that is odd or tiny travels with its last column and row repeated, and comes back so
/// when the model keeps the size.
fn unpadded(planes: Planes<'_>, width: u32, height: u32) -> Planes<'_> {
    let padded = |side: u32| side.next_multiple_of(2).max(MIN_ENCODED_SIDE);
    if (padded(width), padded(height)) == (planes.width, planes.height) {
        Planes { width, height, ..planes }
    } else {
        planes
    }
}
