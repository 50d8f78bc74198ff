//! HTTP and WebSocket on one port: the routes, and what is checked before a session exists.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::session::{self, Accepted};
use super::socket::CLOSE_WAIT;
use super::{Place, Service};
use crate::error::{Error, ErrorCode, Result};
use crate::protocol::MAX_MESSAGE_BYTES;
use crate::session::rejection;

/// Serves until the service stops.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>) {
    let mut stopping = service.stopping.clone();
    let router = Router::new()
        .route("/v1/stream", get(stream))
        // Early clients had a path for the avatar model.
        .route("/v1/avatar-live/stream", get(avatar))
        .route("/v1/live_avatar/stream", get(avatar))
        .route("/subscribe/{session_id}", get(subscribe))
        .route("/healthz", get(health))
        .with_state(service);
    let mut ended = stopping.clone();
    let stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let serving = axum::serve(listener.tap_io(nodelay), router).with_graceful_shutdown(stopped);
    let served = tokio::select! {
        served = serving => served,
        // Idle connections are closed by the shutdown; this is for those that do not end.
        () = async {
            let _ = ended.wait_for(|ended| *ended).await;
            tokio::time::sleep(CLOSE_WAIT).await;
        } => Ok(()),
    };
    if let Err(error) = served {
        tracing::error!(target: "parhelion::server", "serving: {error}");
    }
}

/// Acknowledgements are small and waited for.
fn nodelay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: "parhelion::server", "TCP_NODELAY: {error}");
    }
}

async fn health(State(service): State<Arc<Service>>) -> Json<serde_json::Value> {
    let models: Vec<String> =
        service.models.specs().into_iter().map(|spec| spec.name.into_owned()).collect();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": service.active.load(std::sync::atomic::Ordering::Relaxed),
        "max_sessions": service.options.max_sessions,
        "models": models,
    }))
}

async fn stream(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(service, query, headers, upgrade, None)
}

async fn avatar(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(service, query, headers, upgrade, Some("live_avatar"))
}

async fn subscribe(
    State(service): State<Arc<Service>>,
    Path(_session_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = Query::parse(query.as_deref());
    let refused = authorise(&service, &query, &headers).err().unwrap_or_else(|| {
        Error::new(ErrorCode::Signaling, "invalid session: this service has no viewers")
    });
    accept(upgrade).on_upgrade(move |socket| refuse(socket, refused)).into_response()
}

/// Accepts every socket, whatever is wrong with the request: a browser cannot read the status of a
/// refused upgrade, but it can read an `error` message.
fn open(
    service: Arc<Service>,
    query: Option<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
    model: Option<&'static str>,
) -> Response {
    let query = Query::parse(query.as_deref());
    let checked = check(&service, &query, &headers, model);
    accept(upgrade).on_upgrade(move |socket| async move {
        match checked {
            Ok(accepted) => session::run(socket, service, accepted).await,
            Err(error) => refuse(socket, error).await,
        }
    })
}

fn accept(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES)
}

fn check(
    service: &Arc<Service>,
    query: &Query,
    headers: &HeaderMap,
    model: Option<&'static str>,
) -> Result<Accepted> {
    authorise(service, query, headers)?;
    let name = query.get("model").or(model).ok_or_else(|| {
        Error::new(ErrorCode::ModelNotFound, "no model was named: expected the query value model=")
    })?;
    let model = service.models.find(name)?;
    let place: Place = service.admit()?;
    Ok(Accepted { model, place })
}

/// The key comes in the query, because browsers cannot set headers, or in a header, because
/// queries end up in logs.
fn authorise(service: &Service, query: &Query, headers: &HeaderMap) -> Result<()> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header(AUTHORIZATION.as_str())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim);
    let given = [query.get("api_key"), header("x-api-key"), bearer];
    if given.into_iter().flatten().any(|key| service.knows_key(key)) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidApiKey, "unauthorized: invalid api key"))
}

/// Says why, in a way that every client understands, and closes.
pub(super) async fn refuse(mut socket: WebSocket, error: Error) {
    tracing::info!(target: "parhelion::server", code = %error.code, "session refused");
    let (messages, code, reason) = rejection(&error);
    for message in messages {
        if socket.send(Message::text(message.to_json())).await.is_err() {
            return;
        }
    }
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    // Wait for the other side's close, so that the messages are not lost with the connection.
    let drained = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(CLOSE_WAIT, drained).await;
}

/// The decoded query; of a repeated name the last value counts.
struct Query(HashMap<String, String>);

impl Query {
    fn parse(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
