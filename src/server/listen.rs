//! Takes connections, and bounds what those cost that have not said yet what they want: their
//! number, and how long they may take for a request.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Out of files, say: there will be some again when a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection may cost until its request is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time; others wait to be accepted. One that has become a WebSocket no longer
    /// counts.
    pub(super) connections: usize,
    /// From the start of a connection, or from its last request, to the end of the next header.
    pub(super) header: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, header: Duration::from_secs(10) }
    }
}

/// Serves until `stopped`, and then until every request has its response.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stopped: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stopped);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (stream, place) = tokio::select! {
            () = &mut stopped => break,
            (accepted, place) = accepted => match accepted.and_then(|(stream, _)| nodelay(stream)) {
                Ok(stream) => (stream, place),
                Err(error) => {
                    tracing::debug!(target: "parhelion::server", "accepting: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (router, stopping) = (router.clone(), stopping.clone());
        connections.spawn(async move {
            if let Err(error) = carry(stream, router, limits.header, stopping).await {
                tracing::debug!(target: "parhelion::server", "a connection: {error}");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = stop.send(true);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until it ends, or is a WebSocket.
async fn carry(
    stream: TcpStream,
    router: Router,
    header: Duration,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// Acknowledgements are small and waited for.
fn nodelay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A service with those limits, and what stops it.
    async fn start(limits: Limits) -> (std::net::SocketAddr, oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        tokio::spawn(serve(listener, router, limits, stopped));
        (address, stop)
    }

    /// All that comes until the other end closes.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        tokio::time::timeout(PATIENCE, read).await.expect("the connection is closed").unwrap();
        text
    }

    #[tokio::test]
    async fn half_a_request_and_none_at_all_are_not_waited_for() {
        let limits = Limits { header: Duration::from_millis(50), ..Limits::default() };
        let (address, _stop) = start(limits).await;
        for begun in ["", "GET / HTTP/1.1\r\nHost: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            assert!(!rest(&mut stream).await.contains("here"), "{begun:?}");
        }
    }

    #[tokio::test]
    async fn those_beyond_the_limit_have_their_turn_when_a_place_is_free() {
        let limits = Limits { connections: 1, ..Limits::default() };
        let (address, _stop) = start(limits).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut early = [0; 1];
        let waits = tokio::time::timeout(Duration::from_millis(50), second.read(&mut early)).await;
        assert!(waits.is_err(), "the place is taken");
        drop(first);
        assert!(rest(&mut second).await.ends_with("here"));
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let (address, stop) = start(Limits::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).await.unwrap();
        stop.send(()).unwrap();
        assert!(rest(&mut idle).await.ends_with("here"));
    }
}
