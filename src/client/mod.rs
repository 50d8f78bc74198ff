//! The client: drives a [`ClientSession`](crate::session::ClientSession) over a transport and
//! keeps the frames of one session.

mod addresses;
mod audio;
mod driver;
mod fetch;
mod flow;
mod http;
mod images;
mod link;
mod media;
mod meter;
mod offer;
mod quality;
mod sampler;
mod stats;
mod target;
mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use self::target::Address;
use crate::error::{Error, ErrorCode, Result};
use crate::media::audio::Samples;
use crate::media::rate::Bitrates;
use crate::media::{FrameView, PixelFormat};
use crate::protocol::{Secret, ServiceStats, SubscribeToken};
use crate::session::{
    Change, ClientEvent, ConnectionState, Recoveries, RetryPolicy, State, Timeouts,
};
use crate::transport::video::lock;
use crate::transport::{IceServer, runtime, tls};

pub use audio::{AudioStats, ClipSource, OutputAudio, PlayingClip};
pub use fetch::FetchOptions;
pub use flow::{Flow, Policy};
pub use images::ImageSource;
pub use media::OutputFrame;
pub use meter::Rates;
pub use quality::{Factor, Level, Quality};
pub use stats::{Snapshot, Stats};
pub use target::{KeySource, Target};
pub use tokens::{TokenAnswer, TokenOptions, create_token};

/// Calls that wait for the driver; more means that it is stuck.
const COMMANDS: usize = 256;
/// The longest that [`RealTimeSession::disconnect`] waits for goodbyes.
const DISCONNECT_LIMIT: Duration = Duration::from_millis(900);

/// Everything that opening a session needs.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `ws://`, `wss://`, `http://` or `https://`.
    pub base_url: String,
    pub key: KeySource,
    pub target: Target,
    pub initial: State,
    pub timeouts: Timeouts,
    pub retry: RetryPolicy,
    /// None: a public STUN server, or none at all when the service is on this machine.
    pub ice_servers: Option<Vec<IceServer>>,
    /// More certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Pixel format of the frames that come back.
    pub format: PixelFormat,
    /// Of the outgoing video.
    pub bitrates: Bitrates,
    /// What happens to frames that come faster than they are taken.
    pub flow: Flow,
    /// Whether left and right are exchanged in what is sent.
    pub mirror: bool,
    /// Whether each offer is shown to the listener before it is sent.
    pub customize_offer: bool,
    /// Whether sound is sent and received beside the video.
    pub audio: bool,
    /// How often the listener hears of statistics. None: never.
    pub stats_interval: Option<Duration>,
    pub user_agent: String,
}

/// Hears what happens in a session. Called from the session's own threads: must not block.
pub trait Listener: Send + Sync + 'static {
    fn event(&self, event: ClientEvent);
    /// A frame waits to be taken. Called once until it is taken.
    fn frame_ready(&self);
    /// There may be room for another frame; called after [`RealTimeSession::room`] found none.
    fn room(&self);
    /// The key for another attempt is to be given with [`RealTimeSession::give_key`].
    fn key_wanted(&self);
    /// A block of sound waits to be taken. Called once until it is taken.
    fn audio_ready(&self);
    /// An offer is ready; what is to be sent is to be given with [`RealTimeSession::give_offer`].
    fn offer_made(&self, sdp: String);
    /// Another interval is over, and there are statistics of it.
    fn stats(&self);
    /// The level of the quality has changed.
    fn quality(&self, now: Quality, before: Quality);
}

pub(crate) enum Command {
    Connect { reply: Reply },
    Update { change: Change, timeout: Duration, reply: Reply },
}

type Reply = oneshot::Sender<Result<()>>;

/// A call that is queued and not answered yet.
pub struct PendingCall(Result<oneshot::Receiver<Result<()>>>);

impl PendingCall {
    pub async fn answer(self) -> Result<()> {
        self.0?.await.map_err(|_| over())?
    }
}

/// State that the handle and the driver share.
struct Shared {
    state: Mutex<ConnectionState>,
    recoveries: Mutex<Recoveries>,
    /// What ended the session, unless its user did.
    ended_with: Mutex<Option<Error>>,
    session: Mutex<Option<SessionInfo>>,
    /// Where the key goes that was asked for.
    asked_key: Mutex<Option<oneshot::Sender<Result<Secret>>>>,
    /// Where the answer goes for an offer that is being looked at.
    made_offer: Mutex<Option<oneshot::Sender<Result<Option<String>>>>>,
    /// What was last seen of rates and quality, and what the service said of itself.
    seen: Mutex<sampler::Seen>,
    service: Mutex<Option<Box<ServiceStats>>>,
    media: media::Media,
}

/// Who the session is, as the service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    pub session_id: String,
    pub server_ip: Option<String>,
    pub server_port: Option<u16>,
    /// Lets whoever has it watch, without a key; from a service of this package.
    pub viewer_token: Option<Secret>,
}

impl From<&SubscribeToken> for SessionInfo {
    fn from(token: &SubscribeToken) -> Self {
        Self {
            session_id: token.session_id.clone(),
            server_ip: Some(token.server_ip.clone()),
            server_port: Some(token.server_port),
            viewer_token: token.viewer_token.clone(),
        }
    }
}

impl SessionInfo {
    /// With what others can watch the session, if the service has said enough.
    pub fn subscribe_token(&self) -> Option<SubscribeToken> {
        Some(SubscribeToken {
            session_id: self.session_id.clone(),
            server_ip: self.server_ip.clone().filter(|ip| !ip.is_empty())?,
            server_port: self.server_port.filter(|port| *port > 0)?,
            viewer_token: self.viewer_token.clone(),
        })
    }
}

/// One real-time session. Dropping it disconnects without waiting.
pub struct RealTimeSession {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    leave: watch::Sender<bool>,
}

impl RealTimeSession {
    /// Prepares a session; [`Self::connect`] opens it.
    pub fn new(options: ConnectOptions, listener: Arc<dyn Listener>) -> Result<Self> {
        runtime::check_process()?;
        let address = Address::new(&options);
        // A mistake in it is the caller's, and known before anybody asks for a key.
        let url = address.url(&Secret::default())?;
        let tls = match url.scheme() {
            "wss" => Some(tls::client_config(options.ca_file.as_deref())?),
            _ => None,
        };
        let (frames, room) = (Arc::clone(&listener), Arc::clone(&listener));
        let blocks = Arc::clone(&listener);
        let media = media::Media::start(
            &options,
            move || frames.frame_ready(),
            move || room.room(),
            move || blocks.audio_ready(),
        )?;
        // Who watches knows from the start what.
        let watched = match &options.target {
            Target::Room(token) => Some(SessionInfo::from(token)),
            Target::Model { .. } => None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(ConnectionState::Disconnected),
            recoveries: Mutex::default(),
            ended_with: Mutex::default(),
            session: Mutex::new(watched),
            asked_key: Mutex::default(),
            made_offer: Mutex::default(),
            seen: Mutex::default(),
            service: Mutex::default(),
            media,
        });
        let (commands, queue) = mpsc::channel(COMMANDS);
        let driver = driver::Driver::new(options, address, tls, Arc::clone(&shared), listener);
        let (leave, leaving) = watch::channel(false);
        runtime::handle().spawn(driver.run(queue, leaving));
        Ok(Self { shared, commands, leave })
    }

    /// Opens the session; returns when media flows both ways.
    pub async fn connect(&self) -> Result<()> {
        self.call(|reply| Command::Connect { reply }).await
    }

    /// Changes the state; answered when the service has acknowledged it.
    ///
    /// The change is queued before this returns, so that changes take effect in the order of their
    /// calls, however their futures are polled.
    pub fn update(&self, change: Change, timeout: Duration) -> PendingCall {
        self.queue(|reply| Command::Update { change, timeout, reply })
    }

    /// Ends the session. May be called again, from anywhere, and returns within a second.
    pub async fn disconnect(&self) {
        self.abort();
        // The driver drops its end of the queue as the last thing it does.
        let _ = tokio::time::timeout(DISCONNECT_LIMIT, self.commands.closed()).await;
    }

    /// Ends the session without waiting.
    pub fn abort(&self) {
        let _ = self.leave.send(true);
    }

    async fn call(&self, command: impl FnOnce(Reply) -> Command) -> Result<()> {
        self.queue(command).answer().await
    }

    fn queue(&self, command: impl FnOnce(Reply) -> Command) -> PendingCall {
        let (reply, answer) = oneshot::channel();
        let queued = self.commands.try_send(command(reply)).map_err(|error| match error {
            TrySendError::Full(_) => Error::new(
                ErrorCode::InvalidState,
                format!("{COMMANDS} calls wait for the session already"),
            )
            .hint("await some of them first"),
            TrySendError::Closed(_) => over(),
        });
        PendingCall(queued.map(|()| answer))
    }

    /// Queues one frame and returns its id, counted from 0. `timestamp` comes back with the result.
    ///
    /// With [`Policy::Latest`] the newest frame wins: one that still waits for the encoder is dropped
    /// and counted. Otherwise a frame for which there is no room is refused with `QueueFull`.
    pub fn send(&self, view: &FrameView<'_>, timestamp: Option<f64>) -> Result<u64> {
        if self.state() == ConnectionState::Disconnected {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "send() needs a session that is connected; this one is disconnected",
            )
            .during("send")
            .hint("open a new one with client.realtime.connect()"));
        }
        self.shared.media.send(view, timestamp, self.is_up()).map_err(|error| error.during("send"))
    }

    /// `None`: there is room for another frame. Otherwise [`Listener::room`] is called when there may
    /// be some; look again after this time if it was not.
    pub fn room(&self) -> Option<Duration> {
        self.shared.media.room(|| self.is_up())
    }

    /// Waits on this thread for room for another frame, for at most `limit`. Whether there is some.
    pub fn wait_for_room(&self, limit: Duration) -> bool {
        self.shared.media.wait_for_room(limit, || self.is_up())
    }

    /// Whether what is sent goes somewhere: a connection is closed before the state says so.
    fn is_up(&self) -> bool {
        matches!(self.state(), ConnectionState::Connected | ConnectionState::Generating)
            && self.shared.media.peer().is_some()
    }

    /// Takes the oldest frame that waits, if any.
    pub fn try_recv(&self) -> Option<OutputFrame> {
        self.shared.media.try_recv()
    }

    /// Waits for a frame, for at most `timeout`. None: that is over, or the session is.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<OutputFrame> {
        self.shared.media.recv_timeout(timeout)
    }

    /// Whether no frame will come any more.
    pub fn is_drained(&self) -> bool {
        self.shared.media.is_drained()
    }

    /// Plays a clip instead of what is sent otherwise. Dropping what it returns stops the clip.
    pub fn play_audio(&self, source: ClipSource) -> Result<PlayingClip> {
        self.audio("play_audio")?.play(source).map_err(|error| error.during("play_audio"))
    }

    /// Queues live samples, all channels of a moment together, of which a second may wait.
    pub fn send_audio(&self, samples: &Samples, channels: usize, rate: u32) -> Result<()> {
        let audio = self.audio("send_audio")?;
        audio.push(samples, channels, rate).map_err(|error| error.during("send_audio"))
    }

    /// Takes the oldest block of sound that waits, if any.
    pub fn try_recv_audio(&self) -> Option<OutputAudio> {
        self.shared.media.audio.as_ref()?.try_recv()
    }

    /// Whether the session was opened with sound.
    pub fn has_audio(&self) -> bool {
        self.shared.media.audio.is_some()
    }

    fn audio(&self, operation: &'static str) -> Result<&audio::Audio> {
        let Some(audio) = &self.shared.media.audio else {
            return Err(Error::new(
                ErrorCode::InvalidState,
                format!("{operation}() needs a session with audio; this one was opened without"),
            )
            .during(operation)
            .hint("pass audio=True to connect()"));
        };
        if self.state() == ConnectionState::Disconnected {
            return Err(over().during(operation));
        }
        Ok(audio)
    }

    /// Gives the buffer of a frame back for use by a later one.
    pub fn pool(&self) -> Arc<crate::media::BufferPool> {
        self.shared.media.pool()
    }

    pub fn state(&self) -> ConnectionState {
        *lock(&self.shared.state)
    }

    /// What ended the session; none while it goes on, and if its user did.
    pub fn ended_with(&self) -> Option<Error> {
        lock(&self.shared.ended_with).clone()
    }

    pub fn session(&self) -> Option<SessionInfo> {
        lock(&self.shared.session).clone()
    }

    /// Answers [`Listener::offer_made`] with what is to be sent instead, if anything; late or
    /// unasked for, it does nothing.
    pub fn give_offer(&self, offer: Result<Option<String>>) {
        if let Some(made) = lock(&self.shared.made_offer).take() {
            let _ = made.send(offer);
        }
    }

    /// Answers [`Listener::key_wanted`]; late or unasked for, it does nothing.
    pub fn give_key(&self, key: Result<Secret>) {
        if let Some(asked) = lock(&self.shared.asked_key).take() {
            let _ = asked.send(key);
        }
    }

    pub async fn stats(&self) -> Stats {
        let counted = self.shared.media.snapshot().await;
        let sampler::Seen { rates, quality } = *lock(&self.shared.seen);
        let recoveries = *lock(&self.shared.recoveries);
        Stats { counted, rates, quality, recoveries, service: lock(&self.shared.service).clone() }
    }
}

/// Calls after the end are a mistake of the caller's; there is nothing to wait for.
fn over() -> Error {
    Error::new(ErrorCode::InvalidState, "the session is disconnected")
        .hint("open a new one with client.realtime.connect()")
}

impl Drop for RealTimeSession {
    fn drop(&mut self) {
        self.abort();
    }
}
