//! The sound of one session: clips and live samples out, every 20 ms a block; what comes back in.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode, Result};
use crate::media::audio::{
    AudioBlock, AudioPacket, AudioReceiverStats, Clip, ClipId, ClipReader, LiveConverter,
    MediaSource, Mixer, MixerStats, Pace, Samples, between, later,
};
use crate::media::{Drops, Mailbox, NtpTime, SteadyClock};
use crate::transport::AudioTraffic;
use crate::transport::audio::{AudioReceiver, AudioSender, OutgoingBlock};
use crate::transport::video::{CurrentPeer, lock, spawn};

/// Received blocks that wait for a reader: one second, for a reader that comes in its own time.
const UNREAD: usize = 50;
/// Blocks of a clip that are decoded ahead: one second.
const AHEAD: usize = 50;
/// Samples between the stamps of two blocks, at least.
const LEAST_STEP: i64 = 48;
/// Clips that are being opened at once; each has a thread.
const MAX_OPENING: usize = 16;

/// A block that came back.
#[derive(Debug)]
pub struct OutputAudio {
    /// Left and right in turns.
    pub samples: Vec<i16>,
    /// When the first sample was captured, seconds since the Unix epoch, if the service said so.
    pub capture_time: Option<f64>,
    /// When the block was ready here, seconds since the Unix epoch.
    pub received_at: f64,
    /// Whether any of it was made up for packets that never came.
    pub concealed: bool,
}

/// What a clip is read from.
pub enum ClipSource {
    /// The content of a file.
    Content(Box<dyn MediaSource>),
    Path(PathBuf),
    Samples {
        samples: Samples,
        channels: usize,
        rate: u32,
    },
}

/// Numbers of the sound of one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct AudioStats {
    pub traffic: AudioTraffic,
    pub received: AudioReceiverStats,
    pub mixer: MixerStats,
    /// Blocks that arrived, made up or not.
    pub blocks_received: u64,
}

pub(super) struct Audio {
    mixer: Arc<Mutex<Mixer>>,
    clock: Arc<SteadyClock>,
    live: Mutex<LiveConverter>,
    sender: Option<AudioSender>,
    /// Started with the first packet; none inside: it could not be.
    receiver: OnceLock<Option<AudioReceiver>>,
    incoming: Arc<Incoming>,
    end: Arc<End>,
    next_clip: AtomicU64,
    opening: Arc<AtomicUsize>,
}

struct Incoming {
    output: Mailbox<OutputAudio>,
    received: AtomicU64,
}

/// Says when the sending thread is to end.
#[derive(Default)]
struct End {
    over: Mutex<bool>,
    changed: Condvar,
}

impl End {
    /// Waits until `due`; true if it is over before.
    fn comes_before(&self, due: Instant) -> bool {
        let mut over = lock(&self.over);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if *over || left.is_zero() {
                return *over;
            }
            over = self.changed.wait_timeout(over, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn come(&self) {
        *lock(&self.over) = true;
        self.changed.notify_all();
    }
}

impl Audio {
    /// `listens_only`: nothing is ever sent.
    pub(super) fn start(
        peer: &Arc<CurrentPeer>,
        clock: &Arc<SteadyClock>,
        listens_only: bool,
        block_ready: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self> {
        let mixer = Arc::<Mutex<Mixer>>::default();
        let end = Arc::<End>::default();
        let source = Outgoing {
            pace: Pace::new(Instant::now()),
            mixer: Arc::clone(&mixer),
            peer: Arc::clone(peer),
            end: Arc::clone(&end),
            clock: Arc::clone(clock),
            last: None,
        };
        let sender = if listens_only {
            None
        } else {
            Some(AudioSender::start(Arc::clone(peer), None, source.blocks())?)
        };
        let output = Mailbox::new("audio_output", UNREAD);
        output.set_waker(Some(Box::new(block_ready)));
        let incoming = Arc::new(Incoming { output, received: AtomicU64::new(0) });
        Ok(Self {
            mixer,
            clock: Arc::clone(clock),
            live: Mutex::default(),
            sender,
            receiver: OnceLock::new(),
            incoming,
            end,
            next_clip: AtomicU64::new(0),
            opening: Arc::default(),
        })
    }

    /// Opens a clip beside everything else, and plays it in place of what plays then.
    pub(super) fn play(&self, source: ClipSource) -> Result<PlayingClip> {
        let id = self.next_clip.fetch_add(1, Ordering::Relaxed) + 1;
        let opening = Opening::begin(&self.opening)?;
        let (done, outcome) = oneshot::channel();
        let mixer = Arc::clone(&self.mixer);
        spawn("parhelion-clip", move || {
            let opened = open(source);
            drop(opening);
            match opened {
                Ok(reader) => carry(&mixer, id, reader, done),
                Err(error) => {
                    let _ = done.send(Err(error));
                }
            }
        })?;
        Ok(PlayingClip { id, mixer: Arc::clone(&self.mixer), outcome })
    }

    /// Queues live samples, the first of them captured now.
    pub(super) fn push(&self, samples: &Samples, channels: usize, rate: u32) -> Result<()> {
        let now = self.clock.now();
        // One lock for both, so that the pieces of two threads do not change places.
        let mut live = lock(&self.live);
        let pairs = live.convert(samples, channels, rate)?;
        lock(&self.mixer).push_live(&pairs, now);
        Ok(())
    }

    pub(super) fn packet(&self, packet: AudioPacket) {
        let start = || {
            let sink = Arc::clone(&self.incoming);
            let started = AudioReceiver::start(move |block| sink.accept(block));
            let failed = |error: &Error| {
                tracing::error!(target: "parhelion::client", "nothing is heard: {error}");
            };
            started.inspect_err(failed).ok()
        };
        if let Some(receiver) = self.receiver.get_or_init(start) {
            receiver.push(packet);
        }
    }

    fn receiver(&self) -> Option<&AudioReceiver> {
        self.receiver.get()?.as_ref()
    }

    pub(super) fn try_recv(&self) -> Option<OutputAudio> {
        self.incoming.output.try_take()
    }

    /// Ends what plays; nothing goes out or comes in any more.
    pub(super) fn stop(&self) {
        let playing = lock(&self.mixer).close();
        if let Some(done) = playing {
            done(Err(ended()));
        }
        self.incoming.output.set_waker(None);
        self.incoming.output.close();
        self.end.come();
    }

    pub(super) fn threads(&self) -> [Option<JoinHandle<()>>; 2] {
        self.end.come();
        [
            self.sender.as_ref().and_then(AudioSender::thread),
            self.receiver().and_then(AudioReceiver::stop),
        ]
    }

    pub(super) fn stats(&self, traffic: AudioTraffic) -> AudioStats {
        AudioStats {
            traffic,
            received: self.receiver().map(AudioReceiver::stats).unwrap_or_default(),
            mixer: lock(&self.mixer).stats(),
            blocks_received: self.incoming.received.load(Ordering::Relaxed),
        }
    }

    pub(super) fn drops(&self) -> impl Iterator<Item = Drops> {
        let undecoded = self.receiver().map(AudioReceiver::drops);
        undecoded.into_iter().chain([self.incoming.output.counters()])
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        self.end.come();
    }
}

fn ended() -> Error {
    Error::new(ErrorCode::Disconnected, "the session ended while the clip played")
}

/// What the sending thread takes its blocks from.
struct Outgoing {
    pace: Pace,
    mixer: Arc<Mutex<Mixer>>,
    peer: Arc<CurrentPeer>,
    end: Arc<End>,
    clock: Arc<SteadyClock>,
    last: Option<NtpTime>,
}

impl Outgoing {
    fn blocks(mut self) -> impl FnMut() -> Option<OutgoingBlock> + Send {
        move || self.next()
    }

    /// Waits until a block is due and can be sent. A clip does not go on meanwhile.
    fn next(&mut self) -> Option<OutgoingBlock> {
        loop {
            if self.end.comes_before(self.pace.due()) {
                return None;
            }
            let now = Instant::now();
            if !self.peer.get().is_some_and(|peer| peer.takes_audio()) {
                lock(&self.mixer).idle();
                self.pace.skip(now);
                continue;
            }
            let clock = self.clock.now();
            let (position, due) = self.pace.take(now, clock);
            let mixed = lock(&self.mixer).block();
            if let Some((done, result)) = mixed.ended {
                done(result);
            }
            let capture_time = self.after_last(mixed.capture_time.unwrap_or(due));
            return Some(OutgoingBlock { samples: mixed.samples, position, capture_time });
        }
    }

    /// Live samples are older than the clip that played before them; stamps increase all the same,
    /// by a millisecond until they have caught up.
    fn after_last(&mut self, time: NtpTime) -> NtpTime {
        let time = match self.last {
            Some(last) if between(last, time) < LEAST_STEP => later(last, LEAST_STEP),
            _ => time,
        };
        self.last = Some(time);
        time
    }
}

impl Incoming {
    /// Takes a decoded block. Runs on the receiving thread.
    fn accept(&self, block: AudioBlock) {
        self.received.fetch_add(1, Ordering::Relaxed);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.output.put(OutputAudio {
            samples: block.samples,
            capture_time: block.capture_time.map(|time| time.to_unix().as_secs_f64()),
            received_at: since.as_secs_f64(),
            concealed: block.concealed,
        });
    }
}

/// Counts the clips that are being opened.
struct Opening(Arc<AtomicUsize>);

impl Opening {
    fn begin(count: &Arc<AtomicUsize>) -> Result<Self> {
        let opening = Self(Arc::clone(count));
        if count.fetch_add(1, Ordering::AcqRel) < MAX_OPENING {
            return Ok(opening);
        }
        Err(Error::new(
            ErrorCode::InvalidState,
            format!("{MAX_OPENING} clips are being opened already"),
        )
        .hint("a new clip replaces the one that plays: await play_audio() to play them in turn"))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn open(source: ClipSource) -> Result<ClipReader> {
    match source {
        ClipSource::Content(content) => ClipReader::file(content),
        ClipSource::Path(path) => ClipReader::file(Box::new(open_file(&path)?)),
        ClipSource::Samples { samples, channels, rate } => {
            ClipReader::samples(samples, channels, rate)
        }
    }
}

fn open_file(path: &Path) -> Result<std::fs::File> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Error::invalid_input(format!(
            "audio: expected the path of a sound file; {} cannot be read: {why}",
            path.display()
        ))
    };
    // Opening a pipe would wait for whoever writes into it.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(unreadable(&"it is not a regular file"));
    }
    std::fs::File::open(path).map_err(|error| unreadable(&error))
}

/// Plays a clip: decodes it into the mixer's queue until it ends, or nobody wants it any more.
fn carry(
    mixer: &Mutex<Mixer>,
    id: ClipId,
    mut reader: ClipReader,
    done: oneshot::Sender<Result<()>>,
) {
    let (blocks, queue) = sync_channel(AHEAD);
    let more = read_into(&blocks, &mut reader);
    let stopped = {
        let mut mixer = lock(mixer);
        // Under the lock: whoever gives a clip up closes its channel first, then stops it.
        if done.is_closed() {
            return;
        }
        let done = Box::new(move |result| {
            let _ = done.send(result);
        });
        mixer.play(Clip { id, blocks: queue, done })
    };
    if let Some(stopped) = stopped {
        stopped(Ok(()));
    }
    if !more {
        return;
    }
    while read_into(&blocks, &mut reader) {}
}

/// Reads one block into the queue; waits for room. False: it was the last.
fn read_into(blocks: &SyncSender<Result<Vec<i16>>>, reader: &mut ClipReader) -> bool {
    match reader.read().transpose() {
        Some(block) => {
            let last = block.is_err();
            blocks.send(block).is_ok() && !last
        }
        None => false,
    }
}

/// A clip that was begun with. Dropping it stops the clip.
pub struct PlayingClip {
    id: ClipId,
    mixer: Arc<Mutex<Mixer>>,
    outcome: oneshot::Receiver<Result<()>>,
}

impl PlayingClip {
    /// Waits until the clip has been sent, or another one has replaced it.
    pub async fn outcome(mut self) -> Result<()> {
        // Without an answer the clip was stopped.
        (&mut self.outcome).await.unwrap_or(Ok(()))
    }
}

impl Drop for PlayingClip {
    fn drop(&mut self) {
        self.outcome.close();
        lock(&self.mixer).stop(self.id);
    }
}
