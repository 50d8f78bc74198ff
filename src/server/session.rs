//! Drives one session: its socket, its peer and its model around a [`ServerSession`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::ws::WebSocket;
use tokio::sync::{Semaphore, mpsc, watch};

use super::Service;
use super::admission::Entry;
use super::caller::Caller;
use super::control::{APPLY_LIMIT, DecodedImage, Prepared, image_data, prepare_beside};
use super::faults::{Action, Faults};
use super::link::{MediaLink, MediaSeen};
use super::media::Media;
use super::outbox::Outbox;
use super::processing::SessionContext;
use super::registry::RegisteredModel;
use super::report::report;
use super::socket::{ControlSocket, Gone};
use super::tokens::TokenUse;
use super::waiting::{self, LetIn};
use crate::error::{Error, Result};
use crate::models::Control;
use crate::protocol::{PromptReport, ServerMessage};
use crate::session::{
    EncodedImage, ServerConfig, ServerEvent, ServerInput, ServerLinkEvent, ServerOutput,
    ServerSession, State,
};
use crate::transport::{AudioUse, PeerConfig, SharedPeer, runtime};

pub(super) const INPUTS: usize = 256;
pub(super) const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;
/// Reasons for which a session ends that its client is not to begin again.
const FINAL_REASONS: [&str; 3] = ["timeout", "insufficient_credits", "moderation_violation"];

/// A session that was let in, or is to wait.
pub(super) struct Accepted {
    pub(super) model: RegisteredModel,
    pub(super) entry: Entry,
    /// How long it may generate.
    pub(super) max_duration: Option<Duration>,
    pub(super) token: Option<TokenUse>,
    pub(super) caller: Caller,
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
    /// The model has taken a prompt.
    Understood(Box<PromptReport>),
    End {
        reason: String,
    },
    /// Something that is done to the session on purpose.
    Act(Action),
}

/// Runs one session to its end, from the queue on if it has to wait.
pub(super) async fn run(socket: WebSocket, service: Arc<Service>, accepted: Accepted) {
    let Accepted { model, entry, max_duration, mut token, caller } = accepted;
    let session_id = session_id();
    let mut session = ServerSession::new(ServerConfig {
        apply_timeout: APPLY_LIMIT,
        max_duration,
        session_id: session_id.clone(),
        server_ip: advertised_ip(service.address),
        server_port: service.address.port(),
        // Where a portrait speaks, its face is looked for.
        takes_landmarks: model.spec.accepts_audio,
        ..ServerConfig::default()
    });
    let mut socket = ControlSocket::new(socket);
    let (place, prepared) = match entry {
        Entry::Admitted(place) => (place, None),
        Entry::Queued(ticket) => {
            match waiting::wait(&mut session, &mut socket, ticket, &service).await {
                Some(LetIn { place, prepared }) => (place, prepared),
                None => return,
            }
        }
    };
    let (inputs, mut queue) = mpsc::channel(INPUTS);
    let context =
        SessionContext { session_id: session_id.clone(), model: model.spec.name.to_string() };
    let media = match Media::start(&service, &model, context, caller, inputs.clone()) {
        Ok(media) => media,
        Err(error) => {
            tracing::error!(target: "parhelion::server", "starting a session: {error}");
            return socket.refuse(error).await;
        }
    };
    service.rooms.open(&session_id, inputs.clone(), Arc::clone(&media.sender), &model.spec.name);
    let seen = Arc::<MediaSeen>::default();
    let faults = Arc::clone(&service.options.faults);
    let link = MediaLink::new(
        PeerConfig {
            ice_servers: service.options.ice_servers.clone(),
            reach: service.reach,
            sends_video: true,
            audio: AudioUse::Both,
            impairment: Some(faults.link(&session_id)),
            every_picture: caller.wants_all,
            bitrates: service.options.bitrates,
        },
        runtime::handle(),
        Arc::clone(&media.peer),
        inputs.clone(),
        media.observe(inputs.clone(), &seen),
    );
    let mut driver = Driver {
        session_id,
        session,
        faults,
        outbox: Outbox::default(),
        socket,
        inputs,
        media,
        link,
        seen,
        applying: None,
        decoded: None,
        decoding: Arc::clone(&service.decoding),
        flowed: false,
        interrupted: None,
        ended: None,
        is_ours: caller.is_ours,
    };
    if let Some(Prepared { control, decoded }) = prepared {
        if let Some(portrait) = &driver.media.portrait {
            portrait.set_control(&control);
        }
        driver.media.processing.set_control(control);
        driver.decoded = decoded;
    }
    let session_id = driver.session_id.clone();
    tracing::info!(target: "parhelion::server", session_id, model = %model.spec.name, "session opened");
    driver.run(&mut queue, &service, caller.is_ours).await;
    let closing = driver.media.peer.set(None);
    driver.media.stop();
    service.rooms.close(&session_id);
    if let Some(token) = &mut token
        && driver.ended.is_some_and(|reason| FINAL_REASONS.contains(&reason.as_str()))
    {
        token.over();
    }
    drop(token);
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
pub(super) fn advertised_ip(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_unspecified() { "127.0.0.1".to_owned() } else { ip.to_string() }
}

fn session_id() -> String {
    let bits = || getrandom::u64().unwrap_or_default();
    format!("{:016x}-{:016x}", bits(), bits())
}

struct Driver {
    session_id: String,
    session: ServerSession,
    faults: Arc<Faults>,
    outbox: Outbox,
    socket: ControlSocket,
    inputs: mpsc::Sender<Input>,
    media: Media,
    link: MediaLink,
    seen: Arc<MediaSeen>,
    applying: Option<Applying>,
    decoded: Option<DecodedImage>,
    decoding: Arc<Semaphore>,
    /// Whether media has flowed before.
    flowed: bool,
    /// Since when nothing arrives from the client.
    interrupted: Option<Instant>,
    /// Why the session ended.
    ended: Option<String>,
    /// Whether the client is one of this package.
    is_ours: bool,
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
    async fn run(&mut self, queue: &mut mpsc::Receiver<Input>, service: &Service, renews: bool) {
        let mut stopping = service.stopping.clone();
        let mut wanted = service.admission.wanted();
        // The first comes at once, before the client is told anything.
        let mut renewal = tokio::time::interval(service.options.viewer_token_lifetime / 2);
        renewal.tick().await;
        self.renew_viewer_token(service);
        self.session.handle(Instant::now(), ServerInput::Opened);
        let somebody_waits = *wanted.borrow_and_update();
        self.session.handle(Instant::now(), ServerInput::Wanted(somebody_waits));
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
                message = self.outbox.next(&self.faults) => {
                    if self.socket.send(&message).await.is_err() {
                        return;
                    }
                    None
                }
                () = timer => {
                    if let Some(at) = self.seen.last() {
                        self.session.handle(Instant::now(), ServerInput::MediaSeen { at });
                    }
                    Some(ServerInput::Timeout)
                }
                Ok(()) = wanted.changed() => {
                    Some(ServerInput::Wanted(*wanted.borrow_and_update()))
                }
                _ = renewal.tick(), if renews => {
                    self.renew_viewer_token(service);
                    None
                }
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

    /// Signs a permission to watch this session, in place of the one that grows old.
    fn renew_viewer_token(&mut self, service: &Service) {
        let lifetime = service.options.viewer_token_lifetime;
        match service.tokens.issue_viewer(&self.session_id, lifetime, SystemTime::now()) {
            Ok(token) => {
                self.session.handle(Instant::now(), ServerInput::ViewerToken(token));
            }
            Err(error) => tracing::error!(target: "parhelion::server", "{error}"),
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
            // Other clients may take a message that they do not know for a failure.
            Input::Understood(report) => self.is_ours.then_some(ServerInput::Understood(report)),
            Input::Negotiated { link, event } => {
                self.link.negotiated(link, event).await.map(ServerInput::Link)
            }
            Input::Prepared { update, control } => self.applied(update, control),
            Input::End { reason } => Some(ServerInput::End { reason, code: NORMAL }),
            Input::Act(action) => Some(self.act(action).await),
        }
    }

    /// Adds what only clients of this package want to know.
    fn tell(&self, message: &mut ServerMessage) {
        if let ServerMessage::GenerationTick { service_stats, .. } = message
            && self.is_ours
        {
            let Media { receiver, processing, sender, .. } = &self.media;
            *service_stats = Some(Box::new(report(receiver, processing, sender)));
        }
    }

    async fn drain(&mut self) -> Next {
        while let Some(output) = self.session.poll() {
            let reached = match output {
                ServerOutput::Send(mut message) => {
                    self.tell(&mut message);
                    self.say(message).await
                }
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
            ServerOutput::OpenLink { offer } => {
                if self.link.open(offer) {
                    tracing::info!(
                        target: "parhelion::server",
                        session_id = self.session_id,
                        "the client restarts ICE"
                    );
                }
            }
            ServerOutput::Candidate(candidate) => self.link.candidate(candidate).await,
            ServerOutput::CloseLink => self.link.close(),
            ServerOutput::Event(event) => self.note(event),
            ServerOutput::Send(_) | ServerOutput::Ping | ServerOutput::Close { .. } => {}
        }
    }

    /// One line for each change that an operator wants to know of.
    fn note(&mut self, event: ServerEvent) {
        let session_id = self.session_id.as_str();
        match event {
            ServerEvent::Started | ServerEvent::Resumed => {
                let outage = self.interrupted.take().map(|since| since.elapsed().as_secs_f64());
                tracing::info!(target: "parhelion::server", session_id, outage, "media flows");
                if std::mem::replace(&mut self.flowed, true) {
                    // What was made meanwhile has not been sent.
                    self.media.sender.request_key_frame();
                }
            }
            ServerEvent::Interrupted => {
                self.interrupted = Some(Instant::now());
                tracing::info!(
                    target: "parhelion::server",
                    session_id,
                    "nothing arrives from the client"
                );
            }
            ServerEvent::Ended { reason, seconds } => {
                tracing::info!(
                    target: "parhelion::server",
                    session_id,
                    reason,
                    seconds,
                    "session ended"
                );
                self.ended = Some(reason);
            }
            event => {
                tracing::debug!(target: "parhelion::server", session_id, ?event, "session event");
            }
        }
    }

    /// Sends a message, unless something happens to it on purpose.
    async fn say(&mut self, message: ServerMessage) -> std::result::Result<(), Gone> {
        for message in self.outbox.pass(message, &self.faults, &self.session_id) {
            self.socket.send(&message).await?;
        }
        Ok(())
    }

    async fn act(&mut self, action: Action) -> ServerInput {
        match action {
            Action::Close { code, reason } => {
                if let Some(code) = code {
                    self.socket.close(code, reason).await;
                }
                ServerInput::SocketClosed
            }
            Action::End { error, reason, code } => {
                if let Some(error) = error {
                    self.session.handle(Instant::now(), ServerInput::Report(error));
                }
                ServerInput::End { reason, code }
            }
        }
    }

    /// Prepares a new state for the model, beside the runtime and not many at a time.
    fn apply(&mut self, update: u64, state: State) {
        self.applying = Some(Applying { update, image: image_data(&state), since: Instant::now() });
        let (inputs, known) = (self.inputs.clone(), self.decoded.clone());
        let prepared = prepare_beside(Arc::clone(&self.decoding), state, known);
        tokio::spawn(async move {
            if let Some(control) = prepared.await {
                let _ = inputs.send(Input::Prepared { update, control }).await;
            }
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
            if let Some(portrait) = &self.media.portrait {
                portrait.set_control(&control);
            }
            self.media.processing.set_control(control);
            // Sent again, as whoever asks for a key frame of a still source is sent the last picture,
            // it would show a state that is over.
            self.media.sender.forget_last();
        });
        Some(ServerInput::Applied { update, result: result.map_err(|error| error.to_string()) })
    }
}

pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the service is gone altogether.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
