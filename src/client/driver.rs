//! Does what the session asks for: sockets, links, timers, answers.
//!
//! One task owns the [`ClientSession`]. Sockets and links report into its queue under the number
//! of their attempt, so that a late word of an old one cannot be taken for the new one's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use url::Url;

use super::link::{LinkObserver, peer_config};
use super::offer::{Customizer, customized};
use super::target::{Address, KeySource};
use super::{Command, ConnectOptions, Listener, Reply, SessionInfo, Shared, sampler};
use crate::error::{ErrorCode, Result};
use crate::protocol::{Secret, ServerMessage};
use crate::session::{
    Attempt, CallId, ClientConfig, ClientEvent, ClientInput, ClientOutput, ClientSession,
    ConnectionState, LinkEvent, LocalSignal, RemoteSignal, StateChange,
};
use crate::transport::video::lock;
use crate::transport::websocket::{self, SocketEvent, SocketHandle};
use crate::transport::{PeerConfig, SharedPeer, open_peer};

/// Control messages of the socket; a service that sends faster waits.
const MESSAGES: usize = 64;
/// News of links and of the driver itself. Few, and none may be lost to a service that talks a lot.
const NEWS: usize = 1024;
/// Remote candidates that a link may be given, and how long one may be.
const MAX_CANDIDATES: u32 = 256;

/// What reaches the driver from its sockets and links.
pub(super) enum Input {
    Session(ClientInput),
    PeerOpened { attempt: Attempt, peer: SharedPeer },
}

pub(super) struct Driver {
    session: ClientSession,
    address: Address,
    key: KeySource,
    tls: Option<Arc<rustls::ClientConfig>>,
    peer_config: PeerConfig,
    shared: Arc<Shared>,
    listener: Arc<dyn Listener>,
    model_fps: f64,
    stats_interval: Option<Duration>,
    /// Looks at the session, from when it is connected first.
    sampler: Option<JoinHandle<()>>,
    news: mpsc::Sender<Input>,
    news_queue: mpsc::Receiver<Input>,
    messages: mpsc::Sender<ClientInput>,
    message_queue: mpsc::Receiver<ClientInput>,
    socket: Option<(Attempt, SocketHandle)>,
    link: Option<Attempt>,
    remote_candidates: u32,
    calls: HashMap<CallId, Reply>,
    next_call: CallId,
    customize_offer: bool,
}

impl Driver {
    pub(super) fn new(
        options: ConnectOptions,
        address: Address,
        tls: Option<Arc<rustls::ClientConfig>>,
        shared: Arc<Shared>,
        listener: Arc<dyn Listener>,
    ) -> Self {
        let (news, news_queue) = mpsc::channel(NEWS);
        let (messages, message_queue) = mpsc::channel(MESSAGES);
        let mut timeouts = options.timeouts.clone();
        if matches!(options.key, KeySource::Asked) {
            // Whoever is asked for a key may take as long as at first.
            timeouts.return_socket = timeouts.return_socket.max(timeouts.socket);
        }
        let config = ClientConfig {
            initial: options.initial.clone(),
            timeouts,
            retry: options.retry.clone(),
            seed: getrandom::u64().unwrap_or_default(),
            receive_only: options.target.is_room(),
        };
        Self {
            session: ClientSession::new(config),
            peer_config: peer_config(&options),
            address,
            key: options.key.clone(),
            tls,
            shared,
            listener,
            model_fps: options.target.fps(),
            stats_interval: options.stats_interval,
            sampler: None,
            news,
            news_queue,
            messages,
            message_queue,
            socket: None,
            link: None,
            remote_candidates: 0,
            calls: HashMap::new(),
            next_call: 0,
            customize_offer: options.customize_offer,
        }
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut leave: watch::Receiver<bool>,
    ) {
        let mut connected_once = false;
        loop {
            let deadline = self.session.next_timeout();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let input = tokio::select! {
                () = wanted(&mut leave) => ClientInput::Disconnect { call: None },
                command = commands.recv() => match command {
                    Some(command) => {
                        connected_once |= matches!(command, Command::Connect { .. });
                        self.command(command)
                    }
                    // The handle is gone.
                    None => ClientInput::Disconnect { call: None },
                },
                // The driver holds a sender of each itself, so the queues never end.
                Some(message) = self.message_queue.recv() => message,
                Some(input) = self.news_queue.recv() => match input {
                    Input::Session(input) => input,
                    Input::PeerOpened { attempt, peer } => {
                        self.adopt(attempt, peer).await;
                        continue;
                    }
                },
                () = timer => ClientInput::Timeout,
            };
            let ending = matches!(input, ClientInput::Disconnect { .. });
            self.session.handle(Instant::now(), input);
            self.drain().await;
            let over = self.session.state() == ConnectionState::Disconnected && connected_once;
            if ending || (over && self.calls.is_empty()) {
                break;
            }
        }
        self.finish(commands).await;
    }

    /// The session is over: nothing is left open, nobody is left waiting.
    async fn finish(mut self, mut commands: mpsc::Receiver<Command>) {
        self.socket = None;
        if let Some(sampler) = self.sampler.take() {
            sampler.abort();
        }
        if let Some(peer) = self.shared.media.set_peer(None) {
            peer.close().await;
        }
        self.shared.media.stop();
        self.shared.media.join(super::DISCONNECT_LIMIT).await;
        commands.close();
        while let Some(command) = commands.recv().await {
            let input = self.command(command);
            self.session.handle(Instant::now(), input);
            self.drain().await;
        }
        self.news_queue.close();
        while let Some(input) = self.news_queue.recv().await {
            if let Input::PeerOpened { peer, .. } = input {
                peer.close().await;
            }
        }
    }

    fn command(&mut self, command: Command) -> ClientInput {
        match command {
            Command::Connect { reply } => ClientInput::Connect { call: self.register(reply) },
            Command::Update { change, timeout, reply } => {
                ClientInput::Update { call: self.register(reply), change, timeout }
            }
        }
    }

    fn register(&mut self, reply: Reply) -> CallId {
        self.next_call += 1;
        self.calls.insert(self.next_call, reply);
        self.next_call
    }

    async fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                ClientOutput::OpenSocket { attempt } => self.open_socket(attempt),
                ClientOutput::Send { attempt, message } => {
                    let sent = match &self.socket {
                        Some((open, socket)) if *open == attempt => socket.send(message.to_json()),
                        _ => Ok(()),
                    };
                    if let Err(error) = sent {
                        self.later(ClientInput::SocketFailed { attempt, error });
                    }
                }
                ClientOutput::CloseSocket { attempt } => {
                    self.socket.take_if(|(open, _)| *open == attempt);
                }
                ClientOutput::OpenLink { attempt } => self.open_link(attempt),
                ClientOutput::RestartLink { attempt } => self.restart_link(attempt),
                ClientOutput::Signal { attempt, signal } => self.signal(attempt, signal).await,
                ClientOutput::CloseLink { attempt } => {
                    if self.link == Some(attempt) {
                        self.link = None;
                        // Nobody waits for what is to be sent.
                        *lock(&self.shared.made_offer) = None;
                        if let Some(peer) = self.shared.media.set_peer(None) {
                            peer.close().await;
                        }
                    }
                }
                ClientOutput::Event(event) => self.publish(event),
                ClientOutput::Answer { call, result } => {
                    if let Some(reply) = self.calls.remove(&call) {
                        let _ = reply.send(result);
                    }
                }
            }
        }
    }

    fn publish(&mut self, event: ClientEvent) {
        match &event {
            ClientEvent::State(change) => {
                log_change(change, self.session.session_id());
                let back = *lock(&self.shared.state) == ConnectionState::Reconnecting
                    && change.state == ConnectionState::Connected;
                if back {
                    self.shared.media.resume();
                }
                *lock(&self.shared.recoveries) = self.session.recoveries();
                // Before the state, so that whoever sees that it is over can ask why.
                *lock(&self.shared.ended_with) = self.session.ended_with().cloned();
                *lock(&self.shared.state) = change.state;
                if change.state == ConnectionState::Connected && self.sampler.is_none() {
                    let shared = Arc::downgrade(&self.shared);
                    let listener = Arc::clone(&self.listener);
                    let (fps, interval) = (self.model_fps, self.stats_interval);
                    self.sampler =
                        Some(tokio::spawn(sampler::run(shared, listener, fps, interval)));
                }
            }
            ClientEvent::SessionId { session_id, server_ip, server_port, viewer_token } => {
                *lock(&self.shared.session) = Some(SessionInfo {
                    session_id: session_id.clone(),
                    server_ip: server_ip.clone(),
                    server_port: *server_port,
                    viewer_token: viewer_token.clone(),
                });
            }
            ClientEvent::ServiceStats(stats) => {
                // The statistics of the session have it; there is no event of that name.
                *lock(&self.shared.service) = Some(stats.clone());
                return;
            }
            ClientEvent::Restart { error: None, .. } => self.shared.media.forget_old_frames(),
            ClientEvent::Error(error) if error.code == ErrorCode::ModelFailed => {
                self.shared.media.model_failed();
            }
            _ => {}
        }
        let is_state = matches!(event, ClientEvent::State(_));
        self.listener.event(event);
        if is_state {
            self.shared.media.room_news();
        }
    }

    fn open_socket(&mut self, attempt: Attempt) {
        let name = move |event| match event {
            SocketEvent::Opened => ClientInput::SocketOpened { attempt },
            SocketEvent::Text(text) => match ServerMessage::parse(&text) {
                Ok(message) => ClientInput::Received { attempt, message },
                Err(error) => ClientInput::Malformed { attempt, error },
            },
            SocketEvent::Malformed(error) => ClientInput::Malformed { attempt, error },
            SocketEvent::Closed { code, reason } => {
                ClientInput::SocketClosed { attempt, code, reason }
            }
            SocketEvent::Failed(error) => ClientInput::SocketFailed { attempt, error },
        };
        let messages = self.messages.clone();
        let handle = websocket::open(self.url(), self.tls.clone(), messages, name);
        self.socket = Some((attempt, handle));
    }

    /// The address of the next attempt, once there is a key for it.
    fn url(&self) -> impl Future<Output = Result<Url>> + Send + use<> {
        let address = self.address.clone();
        // A key that cannot be had at first is a mistake; one for a session that ran may be late.
        let returns = self.session.state() == ConnectionState::Reconnecting;
        let key = match &self.key {
            KeySource::Fixed(key) => Ok(key.clone()),
            KeySource::Asked if !address.needs_key() => Ok(Secret::default()),
            KeySource::Asked => {
                let (give, given) = oneshot::channel();
                *lock(&self.shared.asked_key) = Some(give);
                self.listener.key_wanted();
                Err(given)
            }
        };
        async move {
            let key = match key {
                Ok(key) => key,
                Err(given) => match given.await {
                    Ok(key) => key.map_err(|error| error.retryable(returns))?,
                    // Asked again for a later attempt: this one is over.
                    Err(_) => std::future::pending().await,
                },
            };
            address.url(&key)
        }
    }

    /// Has the offer of a link looked at before it is sent, if that is wanted.
    fn customizer(&self) -> Option<Customizer> {
        self.customize_offer.then(|| {
            let (give, given) = oneshot::channel();
            *lock(&self.shared.made_offer) = Some(give);
            (Arc::clone(&self.listener), given)
        })
    }

    /// Takes new sockets, and is done beside the loop as well.
    fn restart_link(&mut self, attempt: Attempt) {
        let Some(peer) = self.shared.media.peer().filter(|_| self.link == Some(attempt)) else {
            return;
        };
        self.remote_candidates = 0;
        let (news, customize) = (self.news.clone(), self.customizer());
        tokio::spawn(async move {
            let offered = match peer.restart().await {
                Ok(offer) => customized(offer, customize).await,
                Err(error) => Err(error),
            };
            let event = match offered {
                Ok(offer) => LinkEvent::Signal(LocalSignal::Offer(offer)),
                Err(error) => LinkEvent::Failed(error),
            };
            let input = ClientInput::Link { attempt, event };
            let _ = news.send(Input::Session(input)).await;
        });
    }

    /// Opening a peer takes sockets and certificates: it is done beside the loop.
    fn open_link(&mut self, attempt: Attempt) {
        self.link = Some(attempt);
        self.remote_candidates = 0;
        let observer = Arc::new(LinkObserver {
            attempt,
            news: self.news.clone(),
            shared: Arc::clone(&self.shared),
        });
        let config = self.peer_config.clone();
        let news = self.news.clone();
        let customize = self.customizer();
        tokio::spawn(async move {
            let opened = async {
                let peer = open_peer(&config, observer).await?;
                let made = match peer.offer().await {
                    Ok(offer) => customized(offer, customize).await,
                    Err(error) => Err(error),
                };
                match made {
                    Ok(offer) => Ok((peer, offer)),
                    Err(error) => {
                        peer.close().await;
                        Err(error)
                    }
                }
            };
            let event = match opened.await {
                Ok((peer, offer)) => {
                    if let Err(refused) = news.send(Input::PeerOpened { attempt, peer }).await
                        && let Input::PeerOpened { peer, .. } = refused.0
                    {
                        peer.close().await;
                    }
                    LinkEvent::Signal(LocalSignal::Offer(offer))
                }
                Err(error) => LinkEvent::Failed(error),
            };
            let input = ClientInput::Link { attempt, event };
            let _ = news.send(Input::Session(input)).await;
        });
    }

    async fn adopt(&mut self, attempt: Attempt, peer: SharedPeer) {
        if self.link != Some(attempt) {
            peer.close().await;
            return;
        }
        if let Some(old) = self.shared.media.set_peer(Some(peer)) {
            old.close().await;
        }
        if self.session.state() == ConnectionState::Reconnecting {
            self.shared.media.forget_old_frames();
        }
        self.shared.media.request_key_frame();
    }

    async fn signal(&mut self, attempt: Attempt, signal: RemoteSignal) {
        if self.link != Some(attempt) {
            return;
        }
        let Some(peer) = self.shared.media.peer() else { return };
        let applied: Result<()> = match signal {
            RemoteSignal::Answer(answer) => peer.accept_answer(&answer).await,
            RemoteSignal::Candidate(candidate) => {
                self.remote_candidates += 1;
                if self.remote_candidates > MAX_CANDIDATES {
                    return;
                }
                // One bad candidate is no reason to give up: another may work.
                if let Err(error) = peer.add_candidate(candidate).await {
                    tracing::debug!(target: "parhelion::client", "{error}");
                }
                Ok(())
            }
        };
        if let Err(error) = applied {
            self.later(ClientInput::Link { attempt, event: LinkEvent::Failed(error) });
        }
    }

    /// Feeds the session after the present drain.
    fn later(&self, input: ClientInput) {
        if self.news.try_send(Input::Session(input)).is_err() {
            tracing::warn!(target: "parhelion::client", "the session's queue is full");
        }
    }
}

/// The one line of a change of state.
fn log_change(change: &StateChange, session_id: Option<&str>) {
    let StateChange { state, why, attempt, outage } = change;
    tracing::info!(
        target: "parhelion::client",
        state = state.as_str(),
        session_id,
        attempt,
        outage = outage.map(|outage| outage.as_secs_f64()),
        why = why.as_deref(),
        "session"
    );
}

/// Resolves when the session is to end: because someone says so, or because its handle is gone.
async fn wanted(leave: &mut watch::Receiver<bool>) {
    let _ = leave.wait_for(|leave| *leave).await;
}
