//! HTTP and WebSocket on one port: the routes, and what is checked before a session exists.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use super::caller::Caller;
use super::faults::{KEY_REFUSED, Stage};
use super::listen::{self, Limits};
use super::session::{self, Accepted};
use super::socket::{CLOSE_WAIT, ControlSocket};
use super::tokens::{ClientToken, TokenUse, Tokens};
use super::{Service, api, viewer};
use crate::error::{Error, ErrorCode, Result};
use crate::protocol::MAX_MESSAGE_BYTES;

/// Serves until the service stops.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>) {
    let mut stopping = service.stopping.clone();
    let router = Router::new()
        .route("/v1/stream", get(stream))
        // Early clients had a path for the avatar model.
        .route("/v1/avatar-live/stream", get(avatar))
        .route("/v1/live_avatar/stream", get(avatar))
        .route("/subscribe/{session_id}", get(subscribe))
        .merge(api::routes())
        .layer(from_fn_with_state(Arc::clone(&service), interfere))
        .route("/healthz", get(health))
        .with_state(service);
    let mut ended = stopping.clone();
    let stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let serving = listen::serve(listener, router, Limits::default(), stopped);
    tokio::select! {
        () = serving => {}
        // Idle connections are closed by the shutdown; this is for those that do not end.
        () = async {
            let _ = ended.wait_for(|ended| *ended).await;
            tokio::time::sleep(CLOSE_WAIT).await;
        } => {}
    }
}

/// What is done to requests on purpose.
async fn interfere(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let faults = &service.options.faults;
    let mut stopping = service.stopping.clone();
    tokio::select! {
        () = faults.passed(Stage::Handshake) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    match faults.status().map(StatusCode::from_u16) {
        Some(Ok(status)) => status.into_response(),
        _ => next.run(request).await,
    }
}

/// What is done to a new socket on purpose. Returns it if it may go on.
async fn interfere_with_socket(socket: WebSocket, service: &Service) -> Option<WebSocket> {
    let faults = &service.options.faults;
    let mut stopping = service.stopping.clone();
    tokio::select! {
        () = faults.passed(Stage::Session) => {}
        _ = stopping.wait_for(|stopping| *stopping) => return None,
    }
    let Some((error, code)) = faults.refusal() else { return Some(socket) };
    ControlSocket::new(socket).refuse_with(error, code).await;
    None
}

async fn health(State(service): State<Arc<Service>>) -> Json<serde_json::Value> {
    let models: Vec<String> =
        service.models.specs().into_iter().map(|spec| spec.name.into_owned()).collect();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": service.admission.active(),
        "max_sessions": service.options.max_sessions,
        "waiting": service.admission.waiting(),
        "viewers": service.rooms.viewers(),
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
    Path(session_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = Query::parse(query.as_deref());
    accept(upgrade).on_upgrade(move |socket| async move {
        let Some(socket) = interfere_with_socket(socket, &service).await else { return };
        match check_viewer(&service, &session_id, &query, &headers) {
            Ok(admitted) => viewer::run(socket, service, admitted).await,
            Err(error) => ControlSocket::new(socket).refuse_viewer(error).await,
        }
    })
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
    accept(upgrade).on_upgrade(move |socket| async move {
        let Some(socket) = interfere_with_socket(socket, &service).await else { return };
        match check(&service, &query, &headers, model) {
            Ok(accepted) => session::run(socket, service, accepted).await,
            Err(error) => ControlSocket::new(socket).refuse(error).await,
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
    let now = SystemTime::now();
    let token = match presented(service, query.get("api_key"), headers) {
        Key::Own => None,
        Key::Client(key) => Some(service.tokens.check(&key, now)?),
        Key::Viewer(_) => {
            let text =
                "invalid api key: a viewer token lets its bearer watch a session, not open one";
            return Err(Error::new(ErrorCode::InvalidApiKey, text));
        }
        Key::Unknown => return Err(unauthorized()),
    };
    let name = query.get("model").or(model).ok_or_else(|| {
        Error::new(ErrorCode::ModelNotFound, "no model was named: expected the query value model=")
    })?;
    let model = service.models.find(name)?;
    if let Some(token) = &token {
        token.grant.allows(name, header(headers, ORIGIN.as_str()))?;
    }
    let (token, max_duration) = begin(service, token, now)?;
    let entry = service.admission.enter()?;
    let caller = query.get("user_agent").map(Caller::of).unwrap_or_default();
    Ok(Accepted { model, entry, max_duration, token, caller })
}

/// A viewer shows a permission for that session; or a key of this service beside the address, which
/// has to be ours then.
fn check_viewer(
    service: &Arc<Service>,
    session_id: &str,
    query: &Query,
    headers: &HeaderMap,
) -> Result<viewer::Admitted> {
    let now = SystemTime::now();
    let token = match presented(service, query.get("api_key"), headers) {
        Key::Own => None,
        Key::Client(key) => Some(service.tokens.check(&key, now)?),
        Key::Viewer(key) => {
            service.tokens.check_viewer(&key, session_id, now)?;
            None
        }
        Key::Unknown => return Err(unauthorized()),
    };
    let ours = |name, value: String| query.get(name).is_none_or(|given| given == value);
    if !ours("IP", session::advertised_ip(service.address))
        || !ours("port", service.address.port().to_string())
    {
        let text = "invalid session: the subscribe token is of another service";
        return Err(Error::new(ErrorCode::SessionEnded, text));
    }
    let visit = service.rooms.enter(session_id, |model| match &token {
        Some(token) => token.grant.allows(model, header(headers, ORIGIN.as_str())),
        None => Ok(()),
    })?;
    let (token, max_duration) = begin(service, token, now)?;
    let impairment = service.options.faults.link(&format!("{session_id}/viewers"));
    Ok(viewer::Admitted { visit, max_duration, token, impairment })
}

/// Counts a session of a token, and gives the time that it may take.
fn begin(
    service: &Service,
    token: Option<ClientToken>,
    now: SystemTime,
) -> Result<(Option<TokenUse>, Option<Duration>)> {
    let longest = service.options.max_session_duration;
    let Some(token) = token else { return Ok((None, longest)) };
    let (token, limit) = service.tokens.begin(token, now)?;
    Ok((Some(token), limit.into_iter().chain(longest).min()))
}

/// What a request shows to be let in.
pub(super) enum Key {
    /// A key of the service.
    Own,
    /// A client's token, not looked into.
    Client(String),
    /// A permission to watch, not looked into.
    Viewer(String),
    /// Nothing that opens anything.
    Unknown,
}

/// The key comes in the query, because browsers cannot set headers, or in a header, because
/// queries end up in logs.
pub(super) fn presented(service: &Service, query: Option<&str>, headers: &HeaderMap) -> Key {
    if service.options.faults.key_has_expired() {
        return Key::Unknown;
    }
    let bearer = header(headers, AUTHORIZATION.as_str())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim);
    let given = [query, header(headers, "x-api-key"), bearer];
    if given.into_iter().flatten().any(|key| service.knows_key(key)) {
        return Key::Own;
    }
    let find = |of: fn(&str) -> bool| given.into_iter().flatten().find(|key| of(key));
    if let Some(key) = find(Tokens::is_client_token) {
        return Key::Client(key.to_owned());
    }
    find(Tokens::is_viewer_token).map_or(Key::Unknown, |key| Key::Viewer(key.to_owned()))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn unauthorized() -> Error {
    Error::new(ErrorCode::InvalidApiKey, KEY_REFUSED)
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
