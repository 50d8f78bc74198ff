//! What the service signs: tokens for clients, and permissions to watch.
//!
//! Both are JSON web tokens (RFC 7519) under a key that is made with the service and never leaves it,
//! so none survives a restart. Nothing is stored for a token that was never used.
//!
//! A token's expiry limits when a session may begin, not how long it may last. A session whose
//! connection is lost has to be begun again, though, so a token that has expired is taken for
//! [`RETURN_WITHIN`] after a session of it, and while one runs; a limit on its sessions' length then
//! counts them together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::catalog::resolve_alias;
use crate::error::{Error, ErrorCode, Result};
use crate::protocol::Secret;
use crate::transport::video::lock;

/// What tokens for clients begin with.
const CLIENT: &str = "ek_";
/// What permissions to watch begin with.
const VIEWER: &str = "vt_";
const RETURN_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// By id, those that sessions were opened with.
    used: Mutex<HashMap<String, Usage>>,
}

/// What a client token allows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Grant {
    /// None: all. Of several names of one model any will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<Vec<String>>,
    /// None: all. Otherwise the value of the header `Origin`, letter for letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) origins: Option<Vec<String>>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_session_duration: Option<f64>,
    /// At once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_sessions: Option<usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ClientClaims {
    jti: String,
    /// Seconds since the Unix epoch.
    exp: f64,
    #[serde(flatten)]
    grant: Grant,
}

#[derive(Debug, Serialize, Deserialize)]
struct ViewerClaims {
    sid: String,
    /// Seconds since the Unix epoch.
    exp: f64,
}

struct Usage {
    exp: f64,
    active: usize,
    /// All of its sessions together.
    spent: Duration,
    /// When the last one ended.
    ended: Option<Instant>,
    /// The service has ended a session of it for good.
    over: bool,
}

/// A token that was checked, to be used for one session.
#[derive(Debug)]
pub(super) struct ClientToken {
    id: String,
    exp: f64,
    pub(super) grant: Grant,
}

/// One session of a token, until dropped.
pub(super) struct TokenUse {
    tokens: Arc<Tokens>,
    id: String,
    began: Instant,
    over: bool,
}

impl Tokens {
    pub(super) fn new() -> Result<Arc<Self>> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            Error::new(ErrorCode::Internal, format!("the system gives no random bytes: {error}"))
        })?;
        Ok(Arc::new(Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            used: Mutex::default(),
        }))
    }

    /// A token for a client, and when it expires.
    pub(super) fn issue(
        &self,
        grant: Grant,
        lifetime: Duration,
        now: SystemTime,
    ) -> Result<(Secret, SystemTime)> {
        let expires = now + lifetime;
        let claims = ClientClaims { jti: random_id(), exp: seconds(expires), grant };
        Ok((self.sign(CLIENT, &claims)?, expires))
    }

    /// A permission to watch that session.
    pub(super) fn issue_viewer(
        &self,
        session_id: &str,
        lifetime: Duration,
        now: SystemTime,
    ) -> Result<Secret> {
        let claims = ViewerClaims { sid: session_id.to_owned(), exp: seconds(now + lifetime) };
        self.sign(VIEWER, &claims)
    }

    pub(super) fn is_client_token(key: &str) -> bool {
        key.starts_with(CLIENT)
    }

    pub(super) fn is_viewer_token(key: &str) -> bool {
        key.starts_with(VIEWER)
    }

    /// Checks that a client token is ours and may open a session now.
    pub(super) fn check(&self, key: &str, now: SystemTime) -> Result<ClientToken> {
        let ClientClaims { jti, exp, grant } = self.read(CLIENT, key, "client token")?;
        let late = seconds(now) - exp;
        if late >= 0.0 && !self.may_return(&jti) {
            return Err(expired("client token", late));
        }
        Ok(ClientToken { id: jti, exp, grant })
    }

    /// Checks that a permission is ours, and that it is for that session and still good.
    pub(super) fn check_viewer(&self, key: &str, session_id: &str, now: SystemTime) -> Result<()> {
        let ViewerClaims { sid, exp } = self.read(VIEWER, key, "viewer token")?;
        if sid != session_id {
            return Err(refused("the viewer token is for another session"));
        }
        let late = seconds(now) - exp;
        if late >= 0.0 { Err(expired("viewer token", late)) } else { Ok(()) }
    }

    /// Counts a session of a token, if its limits leave one. Also gives the longest that it may take.
    pub(super) fn begin(
        self: &Arc<Self>,
        token: ClientToken,
        now: SystemTime,
    ) -> Result<(TokenUse, Option<Duration>)> {
        let ClientToken { id, exp, grant } = token;
        let mut used = lock(&self.used);
        used.retain(|_, usage| usage.is_of_interest(now));
        let usage = used.entry(id.clone()).or_insert(Usage {
            exp,
            active: 0,
            spent: Duration::ZERO,
            ended: None,
            over: false,
        });
        if grant.max_sessions.is_some_and(|limit| usage.active >= limit) {
            let limit = usage.active;
            let text = format!("the client token's session limit of {limit} at once is reached");
            return Err(Error::new(ErrorCode::AtCapacity, text));
        }
        let mut limit = grant.max_session_duration.map(Duration::from_secs_f64);
        if seconds(now) >= exp {
            limit = limit.map(|limit| limit.saturating_sub(usage.spent));
        }
        if limit == Some(Duration::ZERO) {
            return Err(refused("the time of the client token's session is used up"));
        }
        usage.active += 1;
        let tokens = Arc::clone(self);
        Ok((TokenUse { tokens, id, began: Instant::now(), over: false }, limit))
    }

    /// Whether a session of an expired token has a claim to be continued.
    fn may_return(&self, id: &str) -> bool {
        lock(&self.used).get(id).is_some_and(Usage::may_return)
    }

    fn sign<T: Serialize>(&self, prefix: &str, claims: &T) -> Result<Secret> {
        let token = encode(&Header::new(Algorithm::HS256), claims, &self.encoding);
        let token = token.map_err(|error| {
            Error::new(ErrorCode::Internal, format!("signing a token failed: {error}"))
        })?;
        Ok(Secret::from(format!("{prefix}{token}")))
    }

    fn read<T: DeserializeOwned>(&self, prefix: &str, key: &str, what: &str) -> Result<T> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked by us: to the fraction of a second, and not always.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let token = key.strip_prefix(prefix).unwrap_or_default();
        decode(token, &self.decoding, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|_| refused(&format!("the {what} was not made by this service")))
    }
}

impl Usage {
    fn may_return(&self) -> bool {
        !self.over && (self.active > 0 || self.ended.is_some_and(|at| at.elapsed() < RETURN_WITHIN))
    }

    fn is_of_interest(&self, now: SystemTime) -> bool {
        self.active > 0 || self.may_return() || seconds(now) < self.exp
    }
}

impl Grant {
    /// Checks the model that a client asks for, and the page that asks, if it is one.
    pub(super) fn allows(&self, model: &str, origin: Option<&str>) -> Result<()> {
        if let Some(models) = &self.models
            && !models.iter().any(|allowed| resolve_alias(allowed) == resolve_alias(model))
        {
            let allowed = models.join(", ");
            return Err(refused(&format!(
                "the client token does not allow the model {model:?}, only {allowed}"
            )));
        }
        let Some(origins) = &self.origins else { return Ok(()) };
        match origin {
            Some(origin) if origins.iter().any(|allowed| allowed == origin) => Ok(()),
            Some(origin) => Err(refused(&format!(
                "the client token does not allow the origin {:?}",
                origin.chars().take(200).collect::<String>()
            ))),
            None => Err(refused("the client token is for web pages of certain origins only")),
        }
    }
}

impl TokenUse {
    /// The service ends this session for good: an expired token does not open it again.
    pub(super) fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for TokenUse {
    fn drop(&mut self) {
        if let Some(usage) = lock(&self.tokens.used).get_mut(&self.id) {
            usage.active -= 1;
            usage.spent += self.began.elapsed();
            usage.ended = Some(Instant::now());
            usage.over |= self.over;
        }
    }
}

/// In words that make every client stop trying.
fn refused(why: &str) -> Error {
    Error::new(ErrorCode::InvalidApiKey, format!("invalid api key: {why}"))
}

fn expired(what: &str, seconds: f64) -> Error {
    refused(&format!("the {what} expired {seconds:.1} s ago"))
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn random_id() -> String {
    let bits = || getrandom::u64().unwrap_or_default();
    format!("{:016x}{:016x}", bits(), bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn text(error: &Error) -> &str {
        assert_eq!(error.code, ErrorCode::InvalidApiKey);
        assert!(error.message.starts_with("invalid api key: "), "{error}");
        &error.message
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let (tokens, now) = (Tokens::new().unwrap(), SystemTime::now());
        let (token, expires) = tokens.issue(Grant::default(), 60 * SECOND, now).unwrap();
        assert_eq!(expires, now + 60 * SECOND);
        assert!(token.reveal().starts_with("ek_"));
        tokens.check(token.reveal(), now + 59 * SECOND).unwrap();
        let error = tokens.check(token.reveal(), now + 75 * SECOND).unwrap_err();
        assert!(text(&error).contains("expired 15.0 s ago"), "{error}");
    }

    #[test]
    fn what_another_service_signed_or_anybody_changed_is_refused() {
        let (tokens, now) = (Tokens::new().unwrap(), SystemTime::now());
        let (foreign, _) =
            Tokens::new().unwrap().issue(Grant::default(), 60 * SECOND, now).unwrap();
        let grant = Grant { models: Some(vec!["mirage".into()]), ..Grant::default() };
        let (ours, _) = tokens.issue(grant, 60 * SECOND, now).unwrap();
        let mut parts: Vec<&str> = ours.reveal().split('.').collect();
        let other = tokens.issue(Grant::default(), 3600 * SECOND, now).unwrap().0;
        let other: Vec<&str> = other.reveal().split('.').collect();
        parts[1] = other[1];
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("ek_eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", other[1]);
        let viewer = tokens.issue_viewer("s", 60 * SECOND, now).unwrap();
        let disguised = format!("ek_{}", viewer.reveal().trim_start_matches("vt_"));
        for forged in
            [foreign.reveal(), &parts.join("."), &unsigned, &disguised, "ek_", "ek_nonsense"]
        {
            let error = tokens.check(forged, now).unwrap_err();
            assert!(text(&error).contains("not made by this service"), "{error}");
        }
    }

    #[test]
    fn a_session_that_was_lost_may_come_back_on_an_expired_token_and_no_other() {
        let (tokens, now) = (Tokens::new().unwrap(), SystemTime::now());
        let grant = Grant { max_session_duration: Some(100.0), ..Grant::default() };
        let (token, _) = tokens.issue(grant, 60 * SECOND, now).unwrap();
        let token = token.reveal();
        let later = now + 70 * SECOND;
        let checked = tokens.check(token, now).unwrap();
        let (mut session, limit) = tokens.begin(checked, now).unwrap();
        assert_eq!(limit, Some(100 * SECOND));
        session.began -= 40 * SECOND;
        drop(session);
        let checked = tokens.check(token, later).unwrap();
        let (mut session, limit) = tokens.begin(checked, later).unwrap();
        let left = limit.unwrap();
        assert!(left <= 60 * SECOND && left > 59 * SECOND, "what is left: {left:?}");
        session.over();
        drop(session);
        assert!(text(&tokens.check(token, later).unwrap_err()).contains("expired"));
    }

    #[test]
    fn sessions_at_once_are_counted() {
        let (tokens, now) = (Tokens::new().unwrap(), SystemTime::now());
        let grant = Grant { max_sessions: Some(1), ..Grant::default() };
        let (token, _) = tokens.issue(grant, 60 * SECOND, now).unwrap();
        let begin = || tokens.begin(tokens.check(token.reveal(), now).unwrap(), now);
        let (first, _) = begin().unwrap();
        let Err(error) = begin() else { panic!("expected a refusal") };
        assert_eq!(error.code, ErrorCode::AtCapacity);
        assert!(error.message.contains("session limit of 1"), "{error}");
        drop(first);
        begin().unwrap();
    }

    #[test]
    fn a_permission_to_watch_is_for_one_session_and_a_while() {
        let (tokens, now) = (Tokens::new().unwrap(), SystemTime::now());
        let token = tokens.issue_viewer("s-1", 60 * SECOND, now).unwrap();
        let token = token.reveal();
        tokens.check_viewer(token, "s-1", now).unwrap();
        for (error, why) in [
            (tokens.check_viewer(token, "s-2", now), "another session"),
            (tokens.check_viewer(token, "s-1", now + 61 * SECOND), "expired 1.0 s ago"),
            (tokens.check_viewer("vt_a.b.c", "s-1", now), "not made by this service"),
        ] {
            let error = error.unwrap_err();
            assert!(text(&error).contains(why), "{error}");
        }
    }

    #[test]
    fn models_and_origins_are_compared_letter_for_letter() {
        let grant = Grant {
            models: Some(vec!["mirage".into(), "lucy".into()]),
            origins: Some(vec!["https://app.example".into()]),
            ..Grant::default()
        };
        grant.allows("lucy", Some("https://app.example")).unwrap();
        for (model, origin, why) in [
            ("mirage_v2", Some("https://app.example"), "only mirage, lucy"),
            ("lucy", Some("http://app.example"), "does not allow the origin"),
            ("lucy", Some("https://app.example/"), "does not allow the origin"),
            ("lucy", None, "web pages of certain origins"),
        ] {
            let error = grant.allows(model, origin).unwrap_err();
            assert!(text(&error).contains(why), "{error}");
        }
    }
}
