//! The frames of one session: out through the encoder, in through the decoder, matched by the
//! capture time that travels with them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::ConnectOptions;
use super::stats::{Percentiles, Stats};
use crate::error::Result;
use crate::media::h264::{MIN_ENCODED_SIDE, check_encodable, live_threads};
use crate::media::{
    AccessUnit, BufferPool, CaptureClock, DropReason, FrameView, H264Config, H264Decoder,
    H264Encoder, InFlight, InFlightFrame, Mailbox, NtpTime, PixelFormat, Planes, color,
};
use crate::transport::video::{CurrentPeer, OutgoingFrame, VideoReceiver, VideoSender, lock};

/// Frames that the user still holds keep their buffers; these are for the ones in transit.
const SPARE_BUFFERS: usize = 4;
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
}

struct Outgoing {
    clock: CaptureClock,
    next_id: u64,
}

struct Incoming {
    output: Mailbox<OutputFrame>,
    in_flight: Mutex<InFlight>,
    latencies: Mutex<VecDeque<Duration>>,
    pool: Arc<BufferPool>,
    format: PixelFormat,
    received: AtomicU64,
}

pub(super) struct Media {
    pub(super) peer: Arc<CurrentPeer>,
    sender: Arc<VideoSender>,
    receiver: Arc<VideoReceiver>,
    incoming: Arc<Incoming>,
    outgoing: Mutex<Outgoing>,
}

impl Media {
    pub(super) fn start(
        options: &ConnectOptions,
        frame_ready: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self> {
        let peer = Arc::<CurrentPeer>::default();
        let output = Mailbox::new("output", options.output_capacity);
        output.set_waker(Some(Box::new(frame_ready)));
        let incoming = Arc::new(Incoming {
            output,
            in_flight: Mutex::default(),
            latencies: Mutex::default(),
            pool: Arc::new(BufferPool::new(SPARE_BUFFERS)),
            format: options.format,
            received: AtomicU64::new(0),
        });
        let encoder = H264Encoder::new(H264Config {
            bitrate: options.max_bitrate,
            max_bitrate: options.max_bitrate,
            threads: live_threads(),
            ..Default::default()
        })?;
        let sender = VideoSender::start(
            "capture",
            Arc::clone(&peer),
            Box::new(encoder),
            options.max_bitrate,
        )?;
        let sink = Arc::clone(&incoming);
        let receiver = VideoReceiver::start(
            "decoder",
            Arc::clone(&peer),
            Box::new(H264Decoder::new()?),
            move |planes, capture_time| sink.accept(planes, capture_time),
        )?;
        Ok(Self {
            peer,
            sender: Arc::new(sender),
            receiver: Arc::new(receiver),
            incoming,
            outgoing: Mutex::new(Outgoing { clock: CaptureClock::new(), next_id: 0 }),
        })
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
        if !up {
            self.sender.count_drop(DropReason::NotConnected);
            let mut outgoing = lock(&self.outgoing);
            outgoing.next_id += 1;
            return Ok(outgoing.next_id - 1);
        }
        let mut picture = self.sender.picture();
        if let Err(error) = picture.fill_from(view) {
            self.sender.recycle(picture);
            return Err(error);
        }
        // Ids and stamps rise together, whichever thread comes first.
        let mut outgoing = lock(&self.outgoing);
        let input_id = outgoing.next_id;
        outgoing.next_id += 1;
        let capture_time = outgoing.clock.stamp(SystemTime::now());
        lock(&self.incoming.in_flight).insert(InFlightFrame {
            stamp: capture_time,
            input_id,
            sent: at,
            timestamp,
            width: view.width(),
            height: view.height(),
        });
        if let Some(displaced) = self.sender.send(OutgoingFrame { picture, capture_time }) {
            // Nothing will ever come of it, and a burst must not push out the frames that travel.
            lock(&self.incoming.in_flight).forget(displaced);
        }
        Ok(input_id)
    }

    pub(super) fn try_recv(&self) -> Option<OutputFrame> {
        self.incoming.output.try_take()
    }

    pub(super) fn recv_timeout(&self, timeout: Duration) -> Option<OutputFrame> {
        self.incoming.output.take_timeout(timeout)
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

    pub(super) fn request_key_frame(&self) {
        self.sender.request_key_frame();
    }

    /// Lets no more frames out. Silently: this runs on a thread of the network, which must not wait
    /// for a reader's interpreter, and the end of a session is an event of its own.
    pub(super) fn stop(&self) {
        self.incoming.output.set_waker(None);
        self.incoming.output.close();
    }

    /// Waits until the threads have ended, for at most `limit`.
    pub(super) async fn join(&self, limit: Duration) {
        let threads = [self.sender.stop(), self.receiver.stop()];
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads.into_iter().flatten() {
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(limit, joined).await;
    }

    pub(super) async fn stats(&self) -> Stats {
        let network = match self.peer.get() {
            Some(peer) => peer.stats().await,
            None => Default::default(),
        };
        let sent = self.sender.stats();
        let received = self.receiver.stats();
        let mut drops = sent.drops.clone();
        drops.extend(received.drops.iter().copied());
        drops.push(self.incoming.output.counters());
        Stats {
            frames_sent: lock(&self.outgoing).next_id,
            frames_received: self.incoming.received.load(Ordering::Relaxed),
            sent,
            received,
            network,
            latency: Percentiles::of(lock(&self.incoming.latencies).iter().copied()),
            drops,
        }
    }
}

impl Incoming {
    /// Takes a decoded picture. Runs on the decoder's thread.
    fn accept(&self, planes: Planes<'_>, capture_time: Option<NtpTime>) {
        let sent = capture_time.and_then(|stamp| lock(&self.in_flight).settle(stamp));
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
            let mut latencies = lock(&self.latencies);
            if latencies.len() == LATENCIES {
                latencies.pop_front();
            }
            latencies.push_back(latency);
        }
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
        };
        if let Some(displaced) = self.output.put(frame) {
            self.pool.put(displaced.data);
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
