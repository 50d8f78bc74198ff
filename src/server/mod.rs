//! The embedded service: the same protocol, on this machine.
//!
//! `http` accepts sockets and decides, `session` runs one session, `processing` runs its model. What accepts a session and what runs it meet in
//! `session::Accepted` only.

mod control;
mod http;
mod link;
mod processing;
mod registry;
mod session;
mod socket;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::error::{Error, ErrorCode, Result};
use crate::protocol::Secret;
use crate::transport::video::lock;
use crate::transport::{IceServer, Reach, runtime};

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
    /// More are refused with a retryable error; none: no limit.
    pub max_sessions: Option<usize>,
    /// Upper bound of one session's outgoing video, bits per second.
    pub max_bitrate: u32,
    pub ice_servers: Vec<IceServer>,
    /// Ends a session after this time; none: no limit.
    pub max_session_duration: Option<Duration>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            api_keys: Vec::new(),
            max_sessions: None,
            max_bitrate: 3_000_000,
            ice_servers: Vec::new(),
            max_session_duration: None,
        }
    }
}

/// What all sessions of one service share.
pub(crate) struct Service {
    options: ServerOptions,
    address: SocketAddr,
    models: Arc<ModelRegistry>,
    reach: Reach,
    active: AtomicUsize,
    sessions: Mutex<HashMap<String, mpsc::Sender<session::Input>>>,
    stopping: watch::Receiver<bool>,
    /// Bounds the images that are decoded at once.
    decoding: Arc<Semaphore>,
}

/// A place in a service, given back when dropped.
pub(crate) struct Place(Arc<Service>);

impl Service {
    fn knows_key(&self, given: &str) -> bool {
        // A raw `+` in a query reads as a space after form decoding.
        let restored = given.replace(' ', "+");
        self.options.api_keys.iter().any(|key| {
            let key = key.reveal().as_bytes();
            bool::from(key.ct_eq(given.as_bytes()) | key.ct_eq(restored.as_bytes()))
        })
    }

    /// Takes a place, or says why there is none.
    fn admit(self: &Arc<Self>) -> Result<Place> {
        let limit = self.options.max_sessions.unwrap_or(usize::MAX);
        self.active
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |active| {
                (active < limit).then_some(active + 1)
            })
            .map(|_| Place(Arc::clone(self)))
            .map_err(|_| {
                Error::new(ErrorCode::AtCapacity, "Server at capacity. Please try again later.")
            })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::AcqRel);
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
        let service = Arc::new(Service {
            options,
            address,
            models,
            // Browsers offer no loopback address, even to a page from this machine.
            reach: Reach::Everywhere,
            active: AtomicUsize::new(0),
            sessions: Mutex::default(),
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
        self.service.active.load(Ordering::Acquire)
    }

    /// Ends one session as the service would: `generation_ended` with `reason`, then a close.
    pub fn end_session(&self, session_id: &str, reason: &str) -> bool {
        let sessions = lock(&self.service.sessions);
        let Some(inputs) = sessions.get(session_id) else { return false };
        inputs.try_send(session::Input::End { reason: reason.to_owned() }).is_ok()
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
            while self.active_sessions() > 0 {
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
