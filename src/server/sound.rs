//! The sound of one session: it goes back as it came, delayed as the pictures are.
//!
//! Threads are started with the first packet, so a session without sound has none of them.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::media::audio::{AudioBlock, AudioPacket, between, later};
use crate::media::{Mailbox, NtpTime, SteadyClock};
use crate::transport::audio::{AudioReceiver, AudioSender, OutgoingBlock};
use crate::transport::fan_out::FanOut;
use crate::transport::video::{CurrentPeer, lock};

/// Blocks on their way out: what a second of delay holds, and some.
const WAITING: usize = 64;
/// However slow a model is, its sound is not kept longer.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// Sound that is older says nothing about the client's clock now.
const FRESH: Duration = Duration::from_secs(1);

/// A block that is to be sent at a moment.
struct Due {
    block: OutgoingBlock,
    at: Instant,
}

/// Says how long pictures take, from coming in to going out.
pub(super) type PictureDelay = Box<dyn Fn() -> Duration + Send + Sync>;

/// Hears the client's sound: the pairs of a block, the stamp of its first, and when it came.
pub(super) type Listener = Box<dyn Fn(&[i16], NtpTime, Instant) + Send + Sync>;

struct Shared {
    outbox: Mailbox<Due>,
    delay: PictureDelay,
    listener: OnceLock<Listener>,
    /// The stamp of what was heard last, and when that was.
    heard: Mutex<Option<(NtpTime, Instant)>>,
    /// For sound that came without a stamp.
    clock: SteadyClock,
}

struct Running {
    receiver: AudioReceiver,
    _sender: AudioSender,
}

/// The sound of one session.
pub(super) struct Sound {
    shared: Arc<Shared>,
    peer: Arc<CurrentPeer>,
    fan_out: Arc<FanOut>,
    /// None inside: the threads could not be started.
    running: OnceLock<Option<Running>>,
}

impl Sound {
    pub(super) fn new(peer: Arc<CurrentPeer>, fan_out: Arc<FanOut>, delay: PictureDelay) -> Self {
        let shared = Arc::new(Shared {
            outbox: Mailbox::new("sound", WAITING),
            delay,
            listener: OnceLock::new(),
            heard: Mutex::default(),
            clock: SteadyClock::default(),
        });
        Self { shared, peer, fan_out, running: OnceLock::new() }
    }

    /// Has all sound of the client heard by a model that is driven by it; only the first is taken.
    pub(super) fn listen(&self, listener: Listener) {
        let _ = self.shared.listener.set(listener);
    }

    /// Takes a packet of the client's.
    pub(super) fn push(&self, packet: AudioPacket) {
        if let Some(running) = self.running.get_or_init(|| self.start()) {
            running.receiver.push(packet);
        }
    }

    /// The present moment by the client's clock, as far as its sound tells.
    pub(super) fn clock(&self, now: Instant) -> Option<NtpTime> {
        let (stamp, at) = (*lock(&self.shared.heard))?;
        let since = now.saturating_duration_since(at);
        (since < FRESH).then(|| later(stamp, (since.as_secs_f64() * 48_000.0) as i64))
    }

    pub(super) fn stop(&self) {
        self.shared.outbox.close();
        if let Some(Some(running)) = self.running.get() {
            running.receiver.stop();
        }
    }

    fn start(&self) -> Option<Running> {
        let started = (|| {
            let shared = Arc::clone(&self.shared);
            let source = move || shared.next();
            let sender = AudioSender::start(
                Arc::clone(&self.peer),
                Some(Arc::clone(&self.fan_out)),
                source,
            )?;
            let shared = Arc::clone(&self.shared);
            let receiver = AudioReceiver::start(move |block| shared.heard(block))?;
            Ok::<_, crate::error::Error>(Running { receiver, _sender: sender })
        })();
        started
            .inspect_err(|error| {
                tracing::error!(target: "parhelion::server", "a session is without sound: {error}");
            })
            .ok()
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// What becomes of the client's sound, block by block: who listens hears it, and it goes back.
    /// Runs on the receiving thread.
    fn heard(&self, block: AudioBlock) {
        let now = Instant::now();
        let capture_time = block.capture_time.unwrap_or_else(|| self.clock.now());
        *lock(&self.heard) = Some((capture_time, now));
        if let Some(listener) = self.listener.get() {
            listener(&block.samples, capture_time, now);
        }
        let delay = (self.delay)().min(MAX_DELAY);
        let AudioBlock { samples, position, .. } = block;
        self.outbox
            .put(Due { block: OutgoingBlock { samples, position, capture_time }, at: now + delay });
    }

    /// The next block, when it is due. Runs on the sending thread.
    fn next(&self) -> Option<OutgoingBlock> {
        let due = self.outbox.take()?;
        while !self.outbox.is_closed() {
            let left = due.at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(due.block);
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        None
    }
}

/// A running mean of how long pictures take, for sound to take as long.
#[derive(Default)]
pub(super) struct Pictures(Mutex<Option<(Duration, Instant)>>);

impl Pictures {
    /// A picture that came in at `came` has gone out.
    pub(super) fn went_out(&self, came: Instant) {
        let now = Instant::now();
        let took = now.saturating_duration_since(came);
        let mut mean = lock(&self.0);
        *mean = Some(match *mean {
            Some((mean, at)) if now.saturating_duration_since(at) < FRESH => {
                ((mean * 7 + took) / 8, now)
            }
            _ => (took, now),
        });
    }

    /// How long pictures take at present; nothing if there are none.
    pub(super) fn delay(&self) -> Duration {
        match *lock(&self.0) {
            Some((mean, at)) if at.elapsed() < FRESH.max(mean * 2) => mean,
            _ => Duration::ZERO,
        }
    }
}

/// Whether a stamp lies behind another.
pub(super) fn is_after(stamp: NtpTime, other: NtpTime) -> bool {
    between(other, stamp) > 0
}
