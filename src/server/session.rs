//! Drives one session: its socket, its peer and its model around a [`ServerSession`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::{mpsc, watch};

use super::processing::{Processing, SessionContext};
use super::registry::RegisteredModel;
use super::{Place, Service};
use crate::error::{Error, ErrorCode, Result};
use crate::media::h264::live_threads;
use crate::media::{AccessUnit, H264Config, H264Decoder, H264Encoder};
use crate::models::Control;
use crate::protocol::{ClientMessage, IceCandidate};
use crate::session::{
    ServerConfig, ServerInput, ServerLinkEvent, ServerOutput, ServerSession, State,
};
use crate::transport::video::{CurrentPeer, VideoReceiver, VideoSender, lock};
use crate::transport::{
    PeerConfig, PeerEvent, PeerObserver, SharedPeer, open_peer, suggest_start_bitrate,
};

/// A client that does not answer a close is not waited for longer than this.
pub(super) const CLOSE_WAIT: Duration = Duration::from_millis(500);
/// A client that does not read its control socket for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);
const INPUTS: usize = 256;
const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;

/// A session that was let in.
pub(super) struct Accepted {
    pub(super) model: RegisteredModel,
    pub(super) place: Place,
}

/// What reaches a session from elsewhere than its socket.
pub(crate) enum Input {
    Session(ServerInput),
    Link { link: u32, event: ServerLinkEvent },
    PeerOpened { link: u32, peer: SharedPeer },
    ModelFailed(Error),
    End { reason: String },
}

/// The media half of a session. Exists from the start, so that a state can be set before an offer.
struct Media {
    peer: Arc<CurrentPeer>,
    sender: Arc<VideoSender>,
    receiver: Arc<VideoReceiver>,
    processing: Arc<Processing>,
}

impl Media {
    fn start(
        service: &Service,
        model: &RegisteredModel,
        context: SessionContext,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Self> {
        let peer = Arc::<CurrentPeer>::default();
        let bitrate = service.options.max_bitrate;
        let encoder = H264Encoder::new(H264Config {
            bitrate,
            max_bitrate: bitrate,
            threads: live_threads(),
            ..Default::default()
        })?;
        let sender =
            Arc::new(VideoSender::start("encoder", Arc::clone(&peer), Box::new(encoder), bitrate)?);
        let processing = Arc::new(Processing::start(
            model,
            context,
            Arc::clone(&sender),
            Box::new(move |error| {
                let _ = inputs.try_send(Input::ModelFailed(error));
            }),
        )?);
        let target = Arc::clone(&processing);
        let receiver = Arc::new(VideoReceiver::start(
            "decoder",
            Arc::clone(&peer),
            Box::new(H264Decoder::new()?),
            move |planes, capture_time| target.accept(planes, capture_time),
        )?);
        Ok(Self { peer, sender, receiver, processing })
    }

    /// Stops the threads without waiting: a model may hold its own for as long as it likes.
    fn stop(&self) {
        self.receiver.stop();
        self.processing.stop();
        self.sender.stop();
    }
}

/// A client that sends no video at once is taken to be up after this time.
const UP_AT_LATEST: Duration = Duration::from_millis(300);

/// Brings the events of one link into the session's queue and its frames to the decoder.
struct LinkObserver {
    link: u32,
    /// Whether the link was reported as up.
    up: Arc<AtomicBool>,
    inputs: mpsc::Sender<Input>,
    sender: Arc<VideoSender>,
    receiver: Arc<VideoReceiver>,
}

impl PeerObserver for LinkObserver {
    fn event(&self, event: PeerEvent) {
        let event = match event {
            // All candidates are in the answer.
            PeerEvent::Candidate(_) => return,
            PeerEvent::Up => return self.up_soon(),
            PeerEvent::Interrupted => ServerLinkEvent::Interrupted,
            PeerEvent::Lost(why) => ServerLinkEvent::Lost(why),
        };
        let _ = self.inputs.try_send(Input::Link { link: self.link, event });
    }

    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        announce(&self.up, self.link, &self.inputs);
        self.receiver.push(unit)
    }

    fn key_frame_requested(&self) {
        self.sender.request_key_frame();
    }
}

impl LinkObserver {
    /// This end is up a moment before the client's, and a client that is told that it generates
    /// before it is connected never reports that it is. Its first frame shows that it is.
    fn up_soon(&self) {
        let (up, link, inputs) = (Arc::clone(&self.up), self.link, self.inputs.clone());
        tokio::spawn(async move {
            tokio::time::sleep(UP_AT_LATEST).await;
            announce(&up, link, &inputs);
        });
    }
}

fn announce(up: &AtomicBool, link: u32, inputs: &mpsc::Sender<Input>) {
    if !up.swap(true, Ordering::AcqRel) {
        let _ = inputs.try_send(Input::Link { link, event: ServerLinkEvent::Up });
    }
}

/// Runs one session to its end.
pub(super) async fn run(socket: WebSocket, service: Arc<Service>, accepted: Accepted) {
    let Accepted { model, place } = accepted;
    let session_id = session_id();
    let (inputs, queue) = mpsc::channel(INPUTS);
    let context =
        SessionContext { session_id: session_id.clone(), model: model.spec.name.to_string() };
    let media = match Media::start(&service, &model, context, inputs.clone()) {
        Ok(media) => media,
        Err(error) => {
            tracing::error!(target: "parhelion::server", "starting a session: {error}");
            return;
        }
    };
    lock(&service.sessions).insert(session_id.clone(), inputs.clone());
    let config = ServerConfig {
        max_duration: service.options.max_session_duration,
        session_id: session_id.clone(),
        server_ip: advertised_ip(service.address),
        server_port: service.address.port(),
        ..ServerConfig::default()
    };
    let mut driver = Driver {
        session: ServerSession::new(config),
        socket,
        inputs,
        media,
        peer_config: PeerConfig {
            ice_servers: service.options.ice_servers.clone(),
            reach: service.reach,
            sends_video: true,
        },
        link: 0,
        waiting_candidates: Vec::new(),
        ping_id: 0,
    };
    tracing::info!(target: "parhelion::server", session_id, model = %model.spec.name, "session opened");
    driver.run(queue, &service).await;
    let closing = driver.media.peer.set(None);
    driver.media.stop();
    lock(&service.sessions).remove(&session_id);
    if let Some(peer) = closing {
        peer.close().await;
    }
    drop(place);
    tracing::info!(
        target: "parhelion::server",
        session_id,
        processed = driver.media.processing.processed(),
        dropped = driver.media.processing.drops().total(),
        "session closed"
    );
}

/// Viewers of a service on the wildcard address are told an address that exists.
fn advertised_ip(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_unspecified() { "127.0.0.1".to_owned() } else { ip.to_string() }
}

fn session_id() -> String {
    let bits = || getrandom::u64().unwrap_or_default();
    format!("{:016x}-{:016x}", bits(), bits())
}

struct Driver {
    session: ServerSession,
    socket: WebSocket,
    inputs: mpsc::Sender<Input>,
    media: Media,
    peer_config: PeerConfig,
    /// Counts the links of this session, so that a late event of an old one is known as such.
    link: u32,
    /// Came before the peer was there to take them.
    waiting_candidates: Vec<Option<IceCandidate>>,
    ping_id: u8,
}

/// Whether the session goes on.
#[derive(PartialEq)]
enum Next {
    Continue,
    Finished,
}

impl Driver {
    async fn run(&mut self, mut queue: mpsc::Receiver<Input>, service: &Service) {
        let mut stopping = service.stopping.clone();
        self.session.handle(Instant::now(), ServerInput::Opened);
        loop {
            if self.drain().await == Next::Finished {
                return;
            }
            let deadline = self.session.next_timeout();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let input = tokio::select! {
                message = self.socket.recv() => received(message),
                input = queue.recv() => match input {
                    Some(input) => self.translate(input).await,
                    None => None,
                },
                () = timer => Some(ServerInput::Timeout),
                () = stopped(&mut stopping) => {
                    self.session.handle(
                        Instant::now(),
                        ServerInput::End { reason: "server_shutdown".to_owned(), code: GOING_AWAY },
                    );
                    self.drain().await;
                    return;
                }
            };
            if let Some(input) = input {
                self.session.handle(Instant::now(), input);
            }
        }
    }

    /// Turns what came from elsewhere into what the session understands.
    async fn translate(&mut self, input: Input) -> Option<ServerInput> {
        match input {
            Input::Session(input) => Some(input),
            Input::Link { link, event } => (link == self.link).then_some(ServerInput::Link(event)),
            Input::PeerOpened { link, peer } => {
                if link != self.link {
                    tokio::spawn(async move { peer.close().await });
                    return None;
                }
                for candidate in std::mem::take(&mut self.waiting_candidates) {
                    add_candidate(&peer, candidate).await;
                }
                self.media.peer.set(Some(peer));
                self.media.sender.request_key_frame();
                None
            }
            Input::ModelFailed(error) => Some(ServerInput::Report(error)),
            Input::End { reason } => Some(ServerInput::End { reason, code: NORMAL }),
        }
    }

    async fn drain(&mut self) -> Next {
        while let Some(output) = self.session.poll() {
            match output {
                ServerOutput::Send(message) => {
                    if self.send(Message::text(message.to_json())).await == Next::Finished {
                        return Next::Finished;
                    }
                }
                ServerOutput::Ping => {
                    self.ping_id = self.ping_id.wrapping_add(1);
                    if self.send(Message::Ping(vec![self.ping_id].into())).await == Next::Finished {
                        return Next::Finished;
                    }
                }
                ServerOutput::Apply { update, state } => self.apply(update, state),
                ServerOutput::OpenLink { offer } => self.open_link(offer),
                ServerOutput::Candidate(candidate) => match self.media.peer.get() {
                    Some(peer) => add_candidate(&peer, candidate).await,
                    None => self.waiting_candidates.push(candidate),
                },
                ServerOutput::CloseLink => {
                    self.link += 1;
                    self.waiting_candidates.clear();
                    if let Some(peer) = self.media.peer.set(None) {
                        tokio::spawn(async move { peer.close().await });
                    }
                }
                ServerOutput::Close { code, reason } => {
                    let frame = CloseFrame { code, reason: reason.into() };
                    if self.send(Message::Close(Some(frame))).await == Next::Continue {
                        let drained = async { while let Some(Ok(_)) = self.socket.recv().await {} };
                        let _ = tokio::time::timeout(CLOSE_WAIT, drained).await;
                    }
                    return Next::Finished;
                }
                ServerOutput::Event(event) => {
                    tracing::debug!(target: "parhelion::server", ?event, "session event");
                }
            }
        }
        if self.session.is_closed() { Next::Finished } else { Next::Continue }
    }

    async fn send(&mut self, message: Message) -> Next {
        match tokio::time::timeout(SEND_LIMIT, self.socket.send(message)).await {
            Ok(Ok(())) => Next::Continue,
            Ok(Err(_)) | Err(_) => Next::Finished,
        }
    }

    /// Hands a new state to the model. A reference image is decoded beside the runtime first.
    fn apply(&self, update: u64, state: State) {
        let inputs = self.inputs.clone();
        let processing = Arc::clone(&self.media.processing);
        let applying = move || {
            let result = control(&state).map(|control| processing.set_control(control));
            Input::Session(ServerInput::Applied {
                update,
                result: result.map_err(|error| error.to_string()),
            })
        };
        tokio::spawn(async move {
            let applied = tokio::task::spawn_blocking(applying).await;
            if let Ok(applied) = applied {
                let _ = inputs.send(applied).await;
            }
        });
    }

    fn open_link(&mut self, offer: String) {
        self.link += 1;
        let link = self.link;
        if let Some(old) = self.media.peer.set(None) {
            tokio::spawn(async move { old.close().await });
        }
        let observer = Arc::new(LinkObserver {
            link,
            up: Arc::default(),
            inputs: self.inputs.clone(),
            sender: Arc::clone(&self.media.sender),
            receiver: Arc::clone(&self.media.receiver),
        });
        let inputs = self.inputs.clone();
        let config = self.peer_config.clone();
        let start_bitrate = self.media.sender.stats().target_bitrate;
        tokio::spawn(async move {
            let event = match answer(&config, observer, &offer, link, &inputs).await {
                Ok(answer) => {
                    ServerLinkEvent::Answered(suggest_start_bitrate(&answer, start_bitrate))
                }
                Err(error) => ServerLinkEvent::Failed(error),
            };
            let _ = inputs.send(Input::Link { link, event }).await;
        });
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the service is gone altogether.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn received(message: Option<std::result::Result<Message, axum::Error>>) -> Option<ServerInput> {
    match message {
        Some(Ok(Message::Text(text))) => Some(match ClientMessage::parse(&text) {
            Ok(message) => ServerInput::Received(message),
            Err(error) => ServerInput::Malformed(error),
        }),
        Some(Ok(Message::Binary(bytes))) => Some(ServerInput::Malformed(Error::new(
            ErrorCode::Signaling,
            format!("expected text messages, got {} binary bytes", bytes.len()),
        ))),
        Some(Ok(Message::Pong(_))) => Some(ServerInput::Pong),
        Some(Ok(Message::Ping(_))) => None,
        Some(Ok(Message::Close(_)) | Err(_)) | None => Some(ServerInput::SocketClosed),
    }
}

async fn add_candidate(peer: &SharedPeer, candidate: Option<IceCandidate>) {
    // One bad candidate is no reason to give up: another may work.
    if let Err(error) = peer.add_candidate(candidate).await {
        tracing::debug!(target: "parhelion::server", "{error}");
    }
}

async fn answer(
    config: &PeerConfig,
    observer: Arc<LinkObserver>,
    offer: &str,
    link: u32,
    inputs: &mpsc::Sender<Input>,
) -> Result<String> {
    let peer = open_peer(config, observer).await?;
    match peer.answer(offer).await {
        Ok(answer) => {
            let _ = inputs.send(Input::PeerOpened { link, peer }).await;
            Ok(answer)
        }
        Err(error) => {
            peer.close().await;
            Err(error)
        }
    }
}

/// The model's state from the session's.
fn control(state: &State) -> Result<Control> {
    let image = match &state.image {
        None => None,
        Some(encoded) => {
            let bytes = BASE64_STANDARD.decode(encoded.as_str()).map_err(|error| {
                Error::invalid_input(format!("image_data: expected standard base64: {error}"))
            })?;
            Some(Arc::new(super::reference_image::decode(&bytes)?))
        }
    };
    Ok(Control {
        prompt: state.prompt.as_ref().map(|prompt| prompt.text.clone()),
        enhance: state.prompt.as_ref().is_some_and(|prompt| prompt.enhance),
        image,
    })
}
