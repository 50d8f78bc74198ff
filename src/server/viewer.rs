//! Drives one viewer: its socket and its peer around a [`ServerSession`] that changes nothing.
//!
//! What it sees is what the publisher of its room is sent, from the same encoder.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use tokio::sync::mpsc;

use super::Service;
use super::link::{MediaLink, Observed};
use super::rooms::Visit;
use super::session::{GOING_AWAY, INPUTS, Input, stopped};
use super::socket::{ControlSocket, Gone};
use super::tokens::TokenUse;
use crate::media::AccessUnit;
use crate::session::{
    ServerConfig, ServerInput, ServerLinkEvent, ServerOutput, ServerSession, VIEWER_ENDED,
};
use crate::transport::fan_out::Viewer;
use crate::transport::video::{CurrentPeer, VideoSender, lock};
use crate::transport::{AudioUse, Impairment, PeerConfig, PeerEvent, PeerObserver, runtime};

/// A viewer that was let in.
pub(super) struct Admitted {
    pub(super) visit: Visit,
    pub(super) max_duration: Option<Duration>,
    pub(super) token: Option<TokenUse>,
    /// What is done on purpose to the packets of those who watch this session.
    pub(super) impairment: Arc<Impairment>,
}

/// The viewer's place in the fan-out, while media flows.
type Watching = Arc<Mutex<Option<Viewer>>>;

struct ViewerObserver {
    link: u32,
    inputs: mpsc::Sender<Input>,
    watching: Watching,
}

impl PeerObserver for ViewerObserver {
    fn event(&self, event: PeerEvent) {
        let event = match event {
            // All candidates are in the answer.
            PeerEvent::Candidate(_) => return,
            PeerEvent::Up => ServerLinkEvent::Up,
            PeerEvent::Interrupted => ServerLinkEvent::Interrupted,
            PeerEvent::Lost(why) => ServerLinkEvent::Lost(why),
        };
        let _ = self.inputs.try_send(Input::Link { link: self.link, event });
    }

    /// A viewer that sends pictures sends them to nobody.
    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        Some(unit.data)
    }

    fn key_frame_requested(&self) {
        if let Some(viewer) = &*lock(&self.watching) {
            viewer.request_key_frame();
        }
    }
}

struct Driver {
    session: ServerSession,
    socket: ControlSocket,
    link: MediaLink,
    peer: Arc<CurrentPeer>,
    watching: Watching,
    sender: Arc<VideoSender>,
}

/// Shows a viewer its room until either ends.
pub(super) async fn run(socket: WebSocket, service: Arc<Service>, admitted: Admitted) {
    let Admitted { mut visit, max_duration, token, impairment } = admitted;
    let (inputs, mut queue) = mpsc::channel(INPUTS);
    let (peer, watching) = (Arc::<CurrentPeer>::default(), Watching::default());
    let observed = (inputs.clone(), Arc::clone(&watching), Arc::clone(&visit.sender));
    let link = MediaLink::new(
        PeerConfig {
            ice_servers: service.options.ice_servers.clone(),
            reach: service.reach,
            sends_video: true,
            audio: AudioUse::Send,
            impairment: Some(impairment),
            every_picture: false,
            bitrates: service.options.bitrates,
        },
        runtime::viewers(),
        Arc::clone(&peer),
        inputs,
        Box::new(move |link| {
            let (inputs, watching, sender) = &observed;
            let (inputs, watching) = (inputs.clone(), Arc::clone(watching));
            Observed {
                observer: Arc::new(ViewerObserver { link, inputs, watching }),
                start_bitrate: sender.stats().target_bitrate,
                up: Arc::default(),
            }
        }),
    );
    let config = ServerConfig { viewer: true, max_duration, ..ServerConfig::default() };
    let mut driver = Driver {
        session: ServerSession::new(config),
        socket: ControlSocket::new(socket),
        link,
        peer,
        watching,
        sender: Arc::clone(&visit.sender),
    };
    tracing::info!(target: "parhelion::server", "viewer opened");
    driver.run(&mut queue, &service, &mut visit).await;
    let watched = lock(&driver.watching).take().map(|viewer| viewer.stats()).unwrap_or_default();
    if let Some(peer) = driver.peer.set(None) {
        peer.close().await;
    }
    queue.close();
    while let Some(input) = queue.recv().await {
        if let Input::PeerOpened { peer, .. } = input {
            peer.close().await;
        }
    }
    drop(token);
    tracing::info!(
        target: "parhelion::server",
        sent = watched.frames_sent,
        dropped = watched.frames_dropped,
        "viewer closed"
    );
}

impl Driver {
    async fn run(
        &mut self,
        queue: &mut mpsc::Receiver<Input>,
        service: &Service,
        visit: &mut Visit,
    ) {
        let mut stopping = service.stopping.clone();
        self.session.handle(Instant::now(), ServerInput::Opened);
        while self.drain().await.is_ok() {
            let deadline = self.session.next_timeout();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let end = |reason: &str, code| ServerInput::End { reason: reason.to_owned(), code };
            let input = tokio::select! {
                input = self.socket.recv() => input,
                input = queue.recv() => match input {
                    Some(input) => self.translate(input).await,
                    None => None,
                },
                () = timer => Some(ServerInput::Timeout),
                // Nobody sends there: it changes only by going away.
                _ = visit.room.changed() => Some(end("the publisher has left", VIEWER_ENDED)),
                () = stopped(&mut stopping) => Some(end("server_shutdown", GOING_AWAY)),
            };
            if let Some(input) = input {
                self.session.handle(Instant::now(), input);
            }
        }
    }

    async fn translate(&mut self, input: Input) -> Option<ServerInput> {
        match input {
            Input::Link { link, event } if self.link.concerns(link) => {
                if event == ServerLinkEvent::Up {
                    self.watch();
                }
                Some(ServerInput::Link(event))
            }
            Input::PeerOpened { link, peer } => {
                self.link.opened(link, peer).await;
                None
            }
            Input::Negotiated { link, event } => {
                self.link.negotiated(link, event).await.map(ServerInput::Link)
            }
            // The rest concerns publishers.
            _ => None,
        }
    }

    /// Pictures flow from here on, beginning with a key frame.
    fn watch(&self) {
        if let Some(peer) = self.peer.get() {
            let viewer = self.sender.fan_out().attach(peer);
            *lock(&self.watching) = Some(viewer);
        }
    }

    async fn drain(&mut self) -> Result<(), Gone> {
        while let Some(output) = self.session.poll() {
            match output {
                ServerOutput::Send(message) => self.socket.send(&message).await?,
                ServerOutput::Ping => self.socket.ping().await?,
                ServerOutput::OpenLink { offer } => {
                    lock(&self.watching).take();
                    self.link.open(offer);
                }
                ServerOutput::Candidate(candidate) => self.link.candidate(candidate).await,
                ServerOutput::CloseLink => {
                    lock(&self.watching).take();
                    self.link.close();
                }
                ServerOutput::Close { code, reason } => {
                    self.socket.close(code, reason).await;
                    return Err(Gone);
                }
                // The session lets a viewer change nothing.
                ServerOutput::Apply { .. } | ServerOutput::Event(_) => {}
            }
        }
        if self.session.is_closed() { Err(Gone) } else { Ok(()) }
    }
}
