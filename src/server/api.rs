//! What the service offers over plain HTTP: tokens for clients, and how many sessions may run.
//!
//! Pages of any origin may ask: they need a key, and a key is what they show.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Service;
use super::http::{Key, presented};
use super::tokens::Grant;

const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_LIFETIME: u64 = 3600;
const DEFAULT_LIFETIME: u64 = 60;
/// Of models, and of origins.
const MAX_ENTRIES: usize = 20;
const MAX_ENTRY_CHARS: usize = 200;
/// A day: whoever wants more wants no limit.
const MAX_DURATION: f64 = 86_400.0;

type Refusal = (StatusCode, String);

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v1/client/tokens", post(create_token).options(preflight))
        .route("/v1/realtime/quota", get(quota).options(preflight))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(for_any_origin))
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn for_any_origin(mut response: Response) -> Response {
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, user-agent, x-api-key"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn create_token(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let created = authorise(&service, &headers).and_then(|()| {
        let request = TokenRequest::parse(&body).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
        request.answer(&service).map_err(|error| {
            tracing::error!(target: "parhelion::server", "{error}");
            (StatusCode::INTERNAL_SERVER_ERROR, error.message)
        })
    });
    reply(created)
}

async fn quota(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    reply(authorise(&service, &headers).map(|()| {
        let (limit, active) = (service.options.max_sessions, service.admission.active());
        let remaining = limit.map(|limit| limit.saturating_sub(active));
        json!({"limit": limit, "active": active, "remaining": remaining})
    }))
}

fn reply(result: Result<Value, Refusal>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err((status, why)) => (status, Json(json!({"error": why}))).into_response(),
    }
}

fn authorise(service: &Service, headers: &HeaderMap) -> Result<(), Refusal> {
    match presented(service, None, headers) {
        Key::Own => Ok(()),
        Key::Client(_) | Key::Viewer(_) => {
            let why = "expected an API key, got a token: a token cannot make another";
            Err((StatusCode::FORBIDDEN, why.to_owned()))
        }
        Key::Unknown => Err((
            StatusCode::UNAUTHORIZED,
            "unauthorized: invalid api key: expected one in the header X-API-KEY".to_owned(),
        )),
    }
}

struct TokenRequest {
    lifetime: Duration,
    grant: Grant,
}

impl TokenRequest {
    /// Reads a body, which may be empty. What it says beyond what is known is ignored.
    fn parse(body: &[u8]) -> Result<Self, String> {
        let body = match body.trim_ascii() {
            b"" => Map::new(),
            body => match serde_json::from_slice(body) {
                Ok(Value::Object(body)) => body,
                Ok(other) => return Err(format!("expected a JSON object, got {}", kind(&other))),
                Err(error) => return Err(format!("expected a JSON object: {error}")),
            },
        };
        object(&body, "metadata")?;
        let lifetime = match given(&body, "expiresIn") {
            None => DEFAULT_LIFETIME,
            Some(value) => value
                .as_u64()
                .filter(|seconds| (1..=MAX_LIFETIME).contains(seconds))
                .ok_or_else(|| {
                    let got = brief(value);
                    format!("expiresIn: expected whole seconds from 1 to {MAX_LIFETIME}, got {got}")
                })?,
        };
        let models = list(&body, "allowedModels", |_| Ok(()))?;
        let origins = list(&body, "allowedOrigins", is_origin)?;
        let constraints = object(&body, "constraints")?;
        let realtime = match constraints {
            Some(constraints) => object(constraints, "realtime")?,
            None => None,
        };
        let limit = |name| realtime.and_then(|realtime| given(realtime, name));
        let max_session_duration = limit("maxSessionDuration")
            .map(|value| {
                value.as_f64().filter(|at| *at >= 1.0 && *at <= MAX_DURATION).ok_or_else(|| {
                    format!(
                        "maxSessionDuration: expected seconds from 1 to {MAX_DURATION}, got {}",
                        brief(value)
                    )
                })
            })
            .transpose()?;
        let max_sessions = limit("maxSessions")
            .map(|value| {
                value
                    .as_u64()
                    .and_then(|count| usize::try_from(count).ok())
                    .filter(|count| *count > 0)
                    .ok_or_else(|| {
                        let got = brief(value);
                        format!("maxSessions: expected a whole number from 1, got {got}")
                    })
            })
            .transpose()?;
        Ok(Self {
            lifetime: Duration::from_secs(lifetime),
            grant: Grant { models, origins, max_session_duration, max_sessions },
        })
    }

    fn answer(self, service: &Service) -> crate::error::Result<Value> {
        let (permissions, constraints) = (self.permissions(), self.constraints());
        let (key, expires) = service.tokens.issue(self.grant, self.lifetime, SystemTime::now())?;
        let at = OffsetDateTime::from(expires);
        // Always three digits of a second: not every parser takes fewer, or more.
        let expires = format!(
            "{}T{:02}:{:02}:{:02}.{:03}Z",
            at.date(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        );
        Ok(json!({
            "apiKey": key.reveal(),
            "expiresAt": expires,
            "permissions": permissions,
            "constraints": constraints,
        }))
    }

    /// What the token allows, repeated in the answer.
    fn permissions(&self) -> Value {
        let mut permissions = Map::new();
        for (name, list) in [("models", &self.grant.models), ("origins", &self.grant.origins)] {
            if let Some(list) = list {
                permissions.insert(name.to_owned(), json!(list));
            }
        }
        if permissions.is_empty() { Value::Null } else { Value::Object(permissions) }
    }

    fn constraints(&self) -> Value {
        let mut realtime = Map::new();
        if let Some(seconds) = self.grant.max_session_duration {
            let whole = (seconds.fract() == 0.0).then_some(seconds as u64);
            let seconds = whole.map_or_else(|| json!(seconds), |whole| json!(whole));
            realtime.insert("maxSessionDuration".to_owned(), seconds);
        }
        if let Some(count) = self.grant.max_sessions {
            realtime.insert("maxSessions".to_owned(), json!(count));
        }
        if realtime.is_empty() { Value::Null } else { json!({"realtime": realtime}) }
    }
}

/// A value that is there and not null.
fn given<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

fn object<'a>(
    body: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match given(body, name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(format!("{name}: expected an object, got {}", kind(other))),
    }
}

fn list(
    body: &Map<String, Value>,
    name: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<Option<Vec<String>>, String> {
    let Some(value) = given(body, name) else { return Ok(None) };
    let Value::Array(entries) = value else {
        return Err(format!("{name}: expected a list of strings, got {}", kind(value)));
    };
    if !(1..=MAX_ENTRIES).contains(&entries.len()) {
        return Err(format!(
            "{name}: expected 1 to {MAX_ENTRIES} entries, got {}; leave it out to allow all",
            entries.len()
        ));
    }
    let mut list = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::String(text) = entry else {
            return Err(format!("{name}: expected strings, got {}", kind(entry)));
        };
        if text.trim().is_empty() || text.chars().nth(MAX_ENTRY_CHARS).is_some() {
            return Err(format!("{name}: expected 1 to {MAX_ENTRY_CHARS} characters in each"));
        }
        check(text).map_err(|why| format!("{name}: {why}"))?;
        list.push(text.clone());
    }
    Ok(Some(list))
}

/// Browsers send scheme, host and port, and that is what is compared.
fn is_origin(text: &str) -> Result<(), String> {
    let usable = text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && !host.is_empty()
            && !host.contains(['/', '?', '#', '@', '*'])
            && !text.contains(char::is_whitespace)
    });
    if usable {
        return Ok(());
    }
    Err(format!("expected an origin such as \"https://app.example\", got {text:?}"))
}

fn brief(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        other => kind(other).to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &Value) -> Result<TokenRequest, String> {
        TokenRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn nothing_has_to_be_said() {
        for body in ["", " ", "{}", r#"{"expiresIn":null,"metadata":{"a":1},"newer":true}"#] {
            let request = TokenRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(request.lifetime, Duration::from_secs(60), "{body}");
            assert_eq!(request.grant, Grant::default());
            assert_eq!((request.permissions(), request.constraints()), (Value::Null, Value::Null));
        }
    }

    #[test]
    fn everything_that_can_be_said_is_repeated_in_the_answer() {
        let request = parse(&json!({
            "expiresIn": 3600,
            "allowedModels": ["mirage", "lucy"],
            "allowedOrigins": ["https://app.example:8443"],
            "constraints": {"realtime": {"maxSessionDuration": 120, "maxSessions": 2}},
        }))
        .unwrap();
        assert_eq!(request.lifetime, Duration::from_secs(3600));
        assert_eq!(
            request.permissions(),
            json!({"models": ["mirage", "lucy"], "origins": ["https://app.example:8443"]})
        );
        assert_eq!(
            request.constraints(),
            json!({"realtime": {"maxSessionDuration": 120, "maxSessions": 2}})
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_sentence() {
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        let realtime = |limits: Value| json!({"constraints": {"realtime": limits}});
        for (body, why) in [
            (json!([1]), "expected a JSON object, got a list"),
            (json!({"metadata": "x"}), "metadata: expected an object, got a string"),
            (json!({"expiresIn": 0}), "expiresIn: expected whole seconds from 1 to 3600, got 0"),
            (json!({"expiresIn": 3601}), "got 3601"),
            (json!({"expiresIn": 1.5}), "got 1.5"),
            (json!({"expiresIn": true}), "got a boolean"),
            (json!({"allowedModels": "mirage"}), "expected a list of strings, got a string"),
            (json!({"allowedModels": []}), "leave it out to allow all"),
            (json!({"allowedModels": many}), "expected 1 to 20 entries, got 21"),
            (json!({"allowedModels": [1]}), "allowedModels: expected strings, got a number"),
            (json!({"allowedModels": [" "]}), "1 to 200 characters"),
            (json!({"allowedOrigins": ["app.example"]}), "such as \"https://app.example\""),
            (json!({"allowedOrigins": ["https://app.example/"]}), "got \"https://app.example/\""),
            (json!({"constraints": 1}), "constraints: expected an object, got a number"),
            (json!({"constraints": {"realtime": []}}), "realtime: expected an object, got a list"),
            (realtime(json!({"maxSessionDuration": 0})), "seconds from 1 to 86400, got 0"),
            (realtime(json!({"maxSessions": 0})), "a whole number from 1, got 0"),
        ] {
            let Err(error) = parse(&body) else { panic!("{body} was taken") };
            assert!(error.contains(why), "{body}: {error}");
        }
        let Err(error) = TokenRequest::parse(b"{") else { panic!("{{ was taken") };
        assert!(error.contains("expected a JSON object: "), "{error}");
    }
}
