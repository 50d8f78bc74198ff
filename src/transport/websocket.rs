//! The client's end of the control socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder, http};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use url::Url;

use crate::error::{Error, ErrorCode, Result};
use crate::protocol::MAX_MESSAGE_BYTES;

/// Control messages are few; a queue this long means that the other end has stopped reading.
const OUTGOING: usize = 64;
/// Three pings without a sign of life.
const PACE: Pace = Pace { ping: Duration::from_secs(20), silence: Duration::from_secs(65) };
const CLOSING_LIMIT: Duration = Duration::from_millis(500);

/// How a socket is kept alive, and when it is taken for dead.
#[derive(Clone, Copy)]
struct Pace {
    ping: Duration,
    silence: Duration,
}

/// What happens on a control socket, in order; `Closed` or `Failed` is the last.
#[derive(Debug)]
pub enum SocketEvent {
    Opened,
    Text(String),
    /// A message that is not text.
    Malformed(Error),
    Closed {
        code: Option<u16>,
        reason: String,
    },
    Failed(Error),
}

/// Sends on a control socket. Dropping it closes the socket.
#[derive(Debug)]
pub struct SocketHandle {
    outgoing: mpsc::Sender<String>,
    _alive: oneshot::Sender<Infallible>,
}

impl SocketHandle {
    /// Queues one message. Fails when the other end has stopped reading. On a socket that has ended
    /// it does nothing: the end is among the events, behind what the service said before it.
    pub fn send(&self, text: String) -> Result<()> {
        match self.outgoing.try_send(text) {
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Error::new(
                ErrorCode::WebSocket,
                format!("the service has not read {OUTGOING} control messages"),
            )),
        }
    }
}

/// Opens a control socket and puts what happens on it into `events`, as `name` calls it. It is read
/// only as fast as that queue is: a service that floods a client waits for it. `url` may take its
/// time, if a key has to be fetched first.
pub fn open<T: Send + 'static>(
    url: impl Future<Output = Result<Url>> + Send + 'static,
    tls: Option<Arc<rustls::ClientConfig>>,
    events: mpsc::Sender<T>,
    name: impl Fn(SocketEvent) -> T + Send + Sync + 'static,
) -> SocketHandle {
    open_at(PACE, url, tls, events, name)
}

fn open_at<T: Send + 'static>(
    pace: Pace,
    url: impl Future<Output = Result<Url>> + Send + 'static,
    tls: Option<Arc<rustls::ClientConfig>>,
    events: mpsc::Sender<T>,
    name: impl Fn(SocketEvent) -> T + Send + Sync + 'static,
) -> SocketHandle {
    let (outgoing, queue) = mpsc::channel(OUTGOING);
    let (alive, gone) = oneshot::channel();
    tokio::spawn(async move {
        let report = Report { events, name };
        let end = match run(pace, url, tls, queue, gone, &report).await {
            Ok(Some((code, reason))) => SocketEvent::Closed { code, reason },
            Ok(None) => return,
            Err(error) => SocketEvent::Failed(error),
        };
        report.send(end).await;
    });
    SocketHandle { outgoing, _alive: alive }
}

/// The way of a socket's events to whoever opened it.
struct Report<T, F> {
    events: mpsc::Sender<T>,
    name: F,
}

impl<T, F: Fn(SocketEvent) -> T> Report<T, F> {
    /// False: nobody listens any more.
    async fn send(&self, event: SocketEvent) -> bool {
        self.events.send((self.name)(event)).await.is_ok()
    }
}

type End = Option<(Option<u16>, String)>;

/// Carries messages until the socket ends. `None` when this side closed it.
async fn run<T, F: Fn(SocketEvent) -> T>(
    pace: Pace,
    url: impl Future<Output = Result<Url>>,
    tls: Option<Arc<rustls::ClientConfig>>,
    mut queue: mpsc::Receiver<String>,
    mut gone: oneshot::Receiver<Infallible>,
    report: &Report<T, F>,
) -> Result<End> {
    let url = tokio::select! {
        url = url => url?,
        _ = &mut gone => return Ok(None),
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let uri: http::Uri = url.as_str().parse().map_err(|_| {
        Error::new(ErrorCode::InvalidBaseUrl, "the URL of the service is not a valid URI")
    })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let connecting = connect_async_tls_with_config(
        ClientRequestBuilder::new(uri),
        Some(config),
        // Small messages that someone waits for.
        true,
        tls.map(Connector::Rustls),
    );
    let opened = tokio::select! {
        opened = connecting => opened,
        // The handle was dropped: nobody wants this socket any more.
        _ = &mut gone => return Ok(None),
    };
    let (socket, _) = opened.map_err(|error| explain(&error, &host))?;
    if !report.send(SocketEvent::Opened).await {
        return Ok(None);
    }
    let (mut sink, mut stream) = socket.split();
    let mut ping = tokio::time::interval(pace.ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut last_sign = Instant::now();
    loop {
        tokio::select! {
            message = queue.recv() => match message {
                Some(text) => {
                    if !write(&mut sink, Message::text(text), &mut gone, &host, pace).await? {
                        return Ok(None);
                    }
                }
                None => {
                    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                    let _ = tokio::time::timeout(CLOSING_LIMIT, async {
                        sink.send(Message::Close(Some(goodbye))).await?;
                        while let Some(Ok(_)) = stream.next().await {}
                        Ok::<_, tungstenite::Error>(())
                    })
                    .await;
                    return Ok(None);
                }
            },
            _ = ping.tick() => {
                if last_sign.elapsed() > pace.silence {
                    return Err(Error::new(
                        ErrorCode::WebSocket,
                        format!("{host} has been silent for {} s", pace.silence.as_secs()),
                    ));
                }
                let ping = Message::Ping(Vec::new().into());
                if !write(&mut sink, ping, &mut gone, &host, pace).await? {
                    return Ok(None);
                }
            }
            message = stream.next() => {
                last_sign = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => {
                        report.send(SocketEvent::Text(text.as_str().to_owned())).await;
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        report.send(SocketEvent::Malformed(Error::new(
                            ErrorCode::Signaling,
                            format!("expected text messages, got {} binary bytes", bytes.len()),
                        )))
                        .await;
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let (code, reason) = frame.map_or((None, String::new()), |frame| {
                            (Some(frame.code.into()), frame.reason.as_str().to_owned())
                        });
                        // Flushes the echo of the close frame.
                        let _ = tokio::time::timeout(CLOSING_LIMIT, sink.close()).await;
                        return Ok(Some((code, reason)));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(explain(&error, &host)),
                    None => return Ok(Some((None, String::new()))),
                }
            }
        }
    }
}

/// Names the host and the reason, never the URL: it holds the key.
fn explain(error: &tungstenite::Error, host: &str) -> Error {
    use tungstenite::Error as Failure;
    match error {
        Failure::Http(response) => refused(response.status(), host),
        // The TLS layer reports as I/O what it has against a certificate.
        Failure::Io(error) if is_from_tls(error) => untrusted(error, host),
        Failure::Io(error) => Error::new(
            ErrorCode::WebSocket,
            format!("the control socket to {host} failed: {error}"),
        )
        .hint("check that the service runs and that base_url has the right host and port"),
        Failure::Tls(error) => untrusted(error, host),
        Failure::Capacity(error) => Error::new(
            ErrorCode::Signaling,
            format!(
                "{host} sent a control message of more than {} MiB: {error}",
                MAX_MESSAGE_BYTES >> 20
            ),
        ),
        Failure::ConnectionClosed | Failure::AlreadyClosed => {
            Error::new(ErrorCode::WebSocket, format!("{host} closed the control socket"))
        }
        other => Error::new(ErrorCode::WebSocket, format!("the control socket to {host}: {other}")),
    }
}

/// Writes one message. False if nobody wants the socket any more; an error if the other end has
/// stopped reading.
async fn write<S>(
    sink: &mut S,
    message: Message,
    gone: &mut oneshot::Receiver<Infallible>,
    host: &str,
    pace: Pace,
) -> Result<bool>
where
    S: SinkExt<Message, Error = tungstenite::Error> + Unpin,
{
    tokio::select! {
        biased;
        sent = tokio::time::timeout(pace.silence, sink.send(message)) => match sent {
            Ok(sent) => sent.map(|()| true).map_err(|error| explain(&error, host)),
            Err(_) => Err(Error::new(
                ErrorCode::WebSocket,
                format!("{host} has not read for {} s", pace.silence.as_secs()),
            )),
        },
        _ = gone => Ok(false),
    }
}

fn is_from_tls(error: &std::io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

fn untrusted(error: &dyn std::fmt::Display, host: &str) -> Error {
    Error::new(ErrorCode::WebSocket, format!("TLS with {host} failed: {error}"))
        .hint("for a private certificate authority pass ca_file=")
}

fn refused(status: http::StatusCode, host: &str) -> Error {
    let said = format!("{host} refused the control socket with HTTP {status}");
    match status.as_u16() {
        401 | 403 => Error::new(ErrorCode::InvalidApiKey, said).hint("check the API key"),
        429 | 503 => Error::new(ErrorCode::AtCapacity, said),
        404 => Error::new(ErrorCode::WebSocket, said)
            .hint("no real-time service answers there: check base_url")
            .retryable(false),
        _ => Error::new(ErrorCode::WebSocket, said),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::accept_async;

    use super::*;

    const FAST: Pace =
        Pace { ping: Duration::from_millis(20), silence: Duration::from_millis(200) };

    /// What happens on a socket to a service that takes it over as `serve` does.
    async fn events_of<S>(serve: impl FnOnce(TcpStream) -> S) -> Vec<SocketEvent>
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("ws://{}/", listener.local_addr().unwrap())).unwrap();
        let (events, mut seen) = mpsc::channel(64);
        let socket = open_at(FAST, async { Ok(url) }, None, events, |event| event);
        let (stream, _) = listener.accept().await.unwrap();
        let serving = tokio::spawn(serve(stream));
        let mut all = Vec::new();
        while let Some(event) = seen.recv().await {
            let last = matches!(event, SocketEvent::Closed { .. } | SocketEvent::Failed(_));
            all.push(event);
            if last {
                break;
            }
        }
        drop(socket);
        serving.abort();
        all
    }

    #[tokio::test]
    async fn a_service_that_answers_no_ping_is_lost() {
        let seen = events_of(|stream| async move {
            // Whoever does not read answers no ping either.
            let _socket = accept_async(stream).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let [SocketEvent::Opened, SocketEvent::Failed(error)] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        assert_eq!(error.code, ErrorCode::WebSocket);
        assert!(error.retryable && error.message.contains("silent"), "{error}");
    }

    #[tokio::test]
    async fn a_service_that_only_answers_pings_is_not_lost() {
        let seen = events_of(|stream| async move {
            let mut socket = accept_async(stream).await.unwrap();
            let mut pings = 0;
            while pings < 30 {
                if let Some(Ok(Message::Ping(_))) = socket.next().await {
                    pings += 1;
                }
            }
            let _ = socket.close(None).await;
        })
        .await;
        assert!(
            matches!(seen.as_slice(), [SocketEvent::Opened, SocketEvent::Closed { .. }]),
            "{seen:?}"
        );
    }
}
