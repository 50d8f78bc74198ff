//! Drives one session: its socket, its peer and its model around a [`ServerSession`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use tokio::sync::{Semaphore, mpsc, watch};

use super::control::{DecodedImage, prepare};
use super::http::refuse;
use super::link::{LinkObserver, MediaLink, Observe, Observed};
use super::processing::{Processing, SessionContext};
use super::registry::RegisteredModel;
use super::socket::{ControlSocket, Gone};
use super::{Place, Service};
use crate::error::{Error, Result};
use crate::media::h264::live_threads;
use crate::media::{H264Config, H264Decoder, H264Encoder};
use crate::models::Control;
use crate::session::{
    EncodedImage, ServerConfig, ServerInput, ServerLinkEvent, ServerOutput, ServerSession, State,
};
use crate::transport::video::{CurrentPeer, VideoReceiver, VideoSender, lock};
use crate::transport::{AudioUse, PeerConfig, SharedPeer, runtime};

const INPUTS: usize = 256;
const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;
/// A client waits 15 s for an acknowledgement.
const APPLY_LIMIT: Duration = Duration::from_secs(12);

/// A session that was let in.
pub(super) struct Accepted {
    pub(super) model: RegisteredModel,
    pub(super) place: Place,
}

/// What reaches a session from elsewhere than its socket.
pub(crate) enum Input {
    Link {
        link: u32,
        event: ServerLinkEvent,
    },
    /// A negotiation is over, well or not.
    Negotiated {
        link: u32,
        event: ServerLinkEvent,
    },
    /// The model's new state is ready to be set.
    Prepared {
        update: u64,
        control: Result<Control>,
    },
    PeerOpened {
        link: u32,
        peer: SharedPeer,
    },
    /// The model failed on a frame, or cannot run at all.
    ModelFailed {
        error: Error,
        fatal: bool,
    },
    End {
        reason: String,
    },
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
            Box::new(move |error, fatal| {
                let _ = inputs.try_send(Input::ModelFailed { error, fatal });
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

    /// Makes the observer of each link.
    fn observe(&self, inputs: mpsc::Sender<Input>) -> Observe {
        let (sender, receiver) = (Arc::clone(&self.sender), Arc::clone(&self.receiver));
        Box::new(move |link| {
            let observer = LinkObserver {
                link,
                up: Arc::default(),
                inputs: inputs.clone(),
                sender: Arc::clone(&sender),
                receiver: Arc::clone(&receiver),
            };
            Observed { observer: Arc::new(observer), start_bitrate: sender.stats().target_bitrate }
        })
    }

    /// Stops the threads without waiting: a model may hold its own for as long as it likes.
    fn stop(&self) {
        self.receiver.stop();
        self.processing.stop();
        self.sender.stop();
    }
}

/// Runs one session to its end.
pub(super) async fn run(socket: WebSocket, service: Arc<Service>, accepted: Accepted) {
    let Accepted { model, place } = accepted;
    let session_id = session_id();
    let (inputs, mut queue) = mpsc::channel(INPUTS);
    let context =
        SessionContext { session_id: session_id.clone(), model: model.spec.name.to_string() };
    let media = match Media::start(&service, &model, context, inputs.clone()) {
        Ok(media) => media,
        Err(error) => {
            tracing::error!(target: "parhelion::server", "starting a session: {error}");
            return refuse(socket, error).await;
        }
    };
    lock(&service.sessions).insert(session_id.clone(), inputs.clone());
    let config = ServerConfig {
        apply_timeout: APPLY_LIMIT,
        max_duration: service.options.max_session_duration,
        session_id: session_id.clone(),
        server_ip: advertised_ip(service.address),
        server_port: service.address.port(),
        ..ServerConfig::default()
    };
    let link = MediaLink::new(
        PeerConfig {
            ice_servers: service.options.ice_servers.clone(),
            reach: service.reach,
            sends_video: true,
            audio: AudioUse::None,
        },
        runtime::handle(),
        Arc::clone(&media.peer),
        inputs.clone(),
        media.observe(inputs.clone()),
    );
    let mut driver = Driver {
        session: ServerSession::new(config),
        socket: ControlSocket::new(socket),
        inputs,
        media,
        link,
        applying: None,
        decoded: None,
        decoding: Arc::clone(&service.decoding),
    };
    tracing::info!(target: "parhelion::server", session_id, model = %model.spec.name, "session opened");
    driver.run(&mut queue, &service).await;
    let closing = driver.media.peer.set(None);
    driver.media.stop();
    lock(&service.sessions).remove(&session_id);
    if let Some(peer) = closing {
        peer.close().await;
    }
    queue.close();
    while let Some(input) = queue.recv().await {
        if let Input::PeerOpened { peer, .. } = input {
            peer.close().await;
        }
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
    socket: ControlSocket,
    inputs: mpsc::Sender<Input>,
    media: Media,
    link: MediaLink,
    applying: Option<Applying>,
    decoded: Option<DecodedImage>,
    decoding: Arc<Semaphore>,
}

/// An update whose state is being prepared.
struct Applying {
    update: u64,
    image: Option<EncodedImage>,
    since: Instant,
}

/// Whether the session goes on.
#[derive(PartialEq)]
enum Next {
    Continue,
    Finished,
}

impl Driver {
    async fn run(&mut self, queue: &mut mpsc::Receiver<Input>, service: &Service) {
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
                input = self.socket.recv() => input,
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
            Input::Link { link, event } => {
                self.link.concerns(link).then_some(ServerInput::Link(event))
            }
            Input::PeerOpened { link, peer } => {
                if self.link.opened(link, peer).await {
                    self.media.sender.request_key_frame();
                }
                None
            }
            Input::ModelFailed { error, fatal: false } => Some(ServerInput::Report(error)),
            Input::ModelFailed { error, fatal: true } => Some(ServerInput::Fail(error)),
            Input::Negotiated { link, event } => {
                self.link.negotiated(link, event).map(ServerInput::Link)
            }
            Input::Prepared { update, control } => self.applied(update, control),
            Input::End { reason } => Some(ServerInput::End { reason, code: NORMAL }),
        }
    }

    async fn drain(&mut self) -> Next {
        while let Some(output) = self.session.poll() {
            let reached = match output {
                ServerOutput::Send(message) => self.socket.send(&message).await,
                ServerOutput::Ping => self.socket.ping().await,
                ServerOutput::Close { code, reason } => {
                    self.socket.close(code, reason).await;
                    Err(Gone)
                }
                other => {
                    self.carry_out(other).await;
                    Ok(())
                }
            };
            if reached.is_err() {
                return Next::Finished;
            }
        }
        if self.session.is_closed() { Next::Finished } else { Next::Continue }
    }

    async fn carry_out(&mut self, output: ServerOutput) {
        match output {
            ServerOutput::Apply { update, state } => self.apply(update, state),
            ServerOutput::OpenLink { offer } => self.link.open(offer),
            ServerOutput::Candidate(candidate) => self.link.candidate(candidate).await,
            ServerOutput::CloseLink => self.link.close(),
            ServerOutput::Event(event) => {
                tracing::debug!(target: "parhelion::server", ?event, "session event");
            }
            ServerOutput::Send(_) | ServerOutput::Ping | ServerOutput::Close { .. } => {}
        }
    }

    /// Prepares a new state for the model, beside the runtime and not many at a time.
    fn apply(&mut self, update: u64, state: State) {
        self.applying =
            Some(Applying { update, image: state.image.clone(), since: Instant::now() });
        let (inputs, known) = (self.inputs.clone(), self.decoded.clone());
        let decoding = Arc::clone(&self.decoding);
        tokio::spawn(async move {
            let Ok(_permit) = decoding.acquire_owned().await else { return };
            let prepared = tokio::task::spawn_blocking(move || prepare(&state, known)).await;
            // A decoder that panics on a hostile file must not leave its client waiting.
            let control = prepared.unwrap_or_else(|error| {
                tracing::error!(target: "parhelion::server", "decoding an image: {error}");
                Err(Error::invalid_input("image: it cannot be decoded"))
            });
            let _ = inputs.send(Input::Prepared { update, control }).await;
        });
    }

    /// Sets the state, unless the client was told meanwhile that it took too long.
    fn applied(&mut self, update: u64, control: Result<Control>) -> Option<ServerInput> {
        let applying = self.applying.take_if(|applying| applying.update == update)?;
        if applying.since.elapsed() >= APPLY_LIMIT {
            return None;
        }
        let result = control.map(|control| {
            self.decoded = applying.image.zip(control.image.clone());
            self.media.processing.set_control(control);
        });
        Some(ServerInput::Applied { update, result: result.map_err(|error| error.to_string()) })
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the service is gone altogether.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
