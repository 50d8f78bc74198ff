//! The embedded service: the same protocol, on this machine.
//!
//! `http` accepts sockets and decides, with `tokens` and `admission`; `waiting` keeps a client in the
//! queue; `session` runs one session, `processing` its model; `viewer` shows one to somebody else.
//! What accepts a session and what runs it meet in `session::Accepted` only.

mod admission;
mod api;
mod caller;
mod control;
pub mod faults;
mod http;
mod link;
mod listen;
mod media;
mod outbox;
mod portrait;
mod processing;
mod registry;
mod report;
mod rooms;
mod session;
mod socket;
mod sound;
mod tokens;
mod viewer;
mod waiting;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

#[cfg(feature = "python")]
pub(crate) use self::control::face_of;

use self::admission::Admission;
use self::faults::Action;
use self::rooms::Rooms;
use self::tokens::Tokens;
use crate::error::{Error, ErrorCode, Result};
use crate::media::rate::Bitrates;
use crate::protocol::Secret;
use crate::transport::video::lock;
use crate::transport::{IceServer, Reach, runtime};

pub use faults::Faults;
pub use processing::{FrameProcessor, InputFrame, SessionContext};
pub use registry::{ModelRegistry, ProcessorFactory, RegisteredModel};

const DECODERS: usize = 2;
/// How long sessions get to end when the service closes.
const CLOSING_LIMIT: Duration = Duration::from_millis(800);

#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Address to listen on.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    /// Any of these opens a session.
    pub api_keys: Vec<Secret>,
    /// More wait for a place; none: no limit.
    pub max_sessions: Option<usize>,
    /// So many may wait; more are refused with a retryable error.
    pub max_queue: usize,
    /// So many may watch one session; more are refused with a retryable error.
    pub max_viewers: usize,
    /// How long a permission to watch is good for.
    pub viewer_token_lifetime: Duration,
    /// Of one session's outgoing video.
    pub bitrates: Bitrates,
    pub ice_servers: Vec<IceServer>,
    /// Ends a session after this time; none: no limit.
    pub max_session_duration: Option<Duration>,
    /// The switches of what goes wrong on purpose.
    pub faults: Arc<Faults>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            api_keys: Vec::new(),
            max_sessions: None,
            max_queue: 64,
            max_viewers: 100,
            viewer_token_lifetime: Duration::from_secs(3600),
            bitrates: Bitrates::up_to(3_000_000),
            ice_servers: Vec::new(),
            max_session_duration: None,
            faults: Arc::default(),
        }
    }
}

/// What all sessions of one service share.
pub(crate) struct Service {
    options: ServerOptions,
    address: SocketAddr,
    models: Arc<ModelRegistry>,
    reach: Reach,
    admission: Arc<Admission>,
    rooms: Rooms,
    tokens: Arc<Tokens>,
    stopping: watch::Receiver<bool>,
    /// Bounds the images that are decoded at once.
    decoding: Arc<Semaphore>,
}

impl Service {
    fn knows_key(&self, given: &str) -> bool {
        // A raw `+` in a query reads as a space after form decoding.
        let restored = given.replace(' ', "+");
        self.options.api_keys.iter().any(|key| {
            let key = key.reveal().as_bytes();
            bool::from(key.ct_eq(given.as_bytes()) | key.ct_eq(restored.as_bytes()))
        })
    }
}

/// A running service. Dropping it stops it without waiting.
pub struct Server {
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    finished: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Server {
    /// Binds the port and starts serving.
    pub async fn start(options: ServerOptions, models: Arc<ModelRegistry>) -> Result<Self> {
        runtime::check_process()?;
        if options.api_keys.iter().any(Secret::is_empty) {
            return Err(Error::new(ErrorCode::InvalidOptions, "an API key must not be empty"));
        }
        let listener =
            TcpListener::bind((options.host.as_str(), options.port)).await.map_err(|error| {
                Error::new(
                    ErrorCode::InvalidOptions,
                    format!("cannot listen on {}:{}: {error}", options.host, options.port),
                )
                .during("serve")
                .hint("port 0 lets the system choose a free port")
            })?;
        let address = listener.local_addr().map_err(|error| {
            Error::new(ErrorCode::Internal, format!("the listening address is unknown: {error}"))
        })?;
        let (stop, stopping) = watch::channel(false);
        let admission = Admission::new(options.max_sessions, options.max_queue);
        let rooms = Rooms::new(options.max_viewers);
        let service = Arc::new(Service {
            options,
            address,
            models,
            // Browsers offer no loopback address, even to a page from this machine.
            reach: Reach::Everywhere,
            admission,
            rooms,
            tokens: Tokens::new()?,
            stopping: stopping.clone(),
            decoding: Arc::new(Semaphore::new(DECODERS)),
        });
        let finished = runtime::handle().spawn(http::serve(listener, Arc::clone(&service)));
        Ok(Self { service, stop, finished: Mutex::new(Some(finished)) })
    }

    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// `ws://host:port`, with an address that a client on this machine can use.
    pub fn url(&self) -> String {
        let mut address = self.service.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("ws://{address}")
    }

    /// Sessions that hold a place now.
    pub fn active_sessions(&self) -> usize {
        self.service.admission.active()
    }

    /// Clients that wait for a place now.
    pub fn waiting_sessions(&self) -> usize {
        self.service.admission.waiting()
    }

    /// Those who watch a session now, all together.
    pub fn viewers(&self) -> usize {
        self.service.rooms.viewers()
    }

    /// Ends one session as the service would: `generation_ended` with `reason`, then a close.
    pub fn end_session(&self, session_id: &str, reason: &str) -> bool {
        self.service.rooms.end(session_id, reason)
    }

    /// The ids of the sessions that are open, sorted.
    pub fn session_ids(&self) -> Vec<String> {
        self.service.rooms.ids()
    }

    /// Does something to one session, or to all. Returns to how many.
    pub fn act(&self, session_id: Option<&str>, action: &Action) -> usize {
        let acted = self.service.rooms.act(session_id, action);
        for id in &acted {
            self.service.options.faults.note(action.to_string(), Some(id));
        }
        acted.len()
    }

    /// Ends all sessions and frees the port. Returns within a second.
    pub async fn close(&self) {
        let _ = self.stop.send(true);
        let finished = lock(&self.finished).take();
        if let Some(finished) = finished {
            let _ = finished.await;
        }
        let wait = async {
            let mut check = tokio::time::interval(Duration::from_millis(5));
            while self.active_sessions() + self.waiting_sessions() + self.viewers() > 0 {
                check.tick().await;
            }
        };
        let _ = tokio::time::timeout(CLOSING_LIMIT, wait).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
