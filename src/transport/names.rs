//! Names of STUN and TURN servers. A connection does nothing else while it waits for the addresses of
//! a name, and where no name server answers that takes ten seconds: so it waits for a moment only,
//! and the answer, when it comes, is there for the next time.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::video::lock;

/// From the beginning of a lookup, however many wait for it.
const LIMIT: Duration = Duration::from_secs(1);

static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(LIMIT));

/// The addresses of `host:port`: those found now, or else those found the last time.
pub(super) async fn resolve(host: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let name = host.to_owned();
    NAMES.resolve(host, async move { Ok(tokio::net::lookup_host(name).await?.collect()) }).await
}

struct Names {
    limit: Duration,
    newest: Mutex<HashMap<String, Lookup>>,
}

type Found = Result<Vec<SocketAddr>, String>;

/// The newest lookup of a name.
#[derive(Clone)]
struct Lookup {
    began: Instant,
    /// None while it is under way.
    found: watch::Receiver<Option<Found>>,
    /// What the lookups before have found.
    before: Vec<SocketAddr>,
}

impl Lookup {
    fn is_under_way(&self) -> bool {
        self.found.has_changed().is_ok() && self.found.borrow().is_none()
    }

    fn last_known(&self) -> Vec<SocketAddr> {
        match &*self.found.borrow() {
            Some(Ok(addresses)) => addresses.clone(),
            _ => self.before.clone(),
        }
    }
}

impl Names {
    fn new(limit: Duration) -> Self {
        Self { limit, newest: Mutex::default() }
    }

    async fn resolve(
        &self,
        host: &str,
        lookup: impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    ) -> io::Result<Vec<SocketAddr>> {
        let mut asked = self.lookup(host, lookup);
        let deadline = asked.began + self.limit;
        let why = match timeout_at(deadline, asked.found.wait_for(Option::is_some)).await {
            Ok(Ok(found)) => found.as_ref().and_then(|found| found.as_ref().err().cloned()),
            Ok(Err(_)) => Some("the lookup was given up".to_owned()),
            Err(_) => Some(format!("no name server has answered within {:?}", self.limit)),
        };
        let known = asked.last_known();
        match why {
            Some(why) if known.is_empty() => Err(io::Error::other(why)),
            _ => Ok(known),
        }
    }

    /// The lookup that is under way, or a new one.
    fn lookup(
        &self,
        host: &str,
        lookup: impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    ) -> Lookup {
        let mut names = lock(&self.newest);
        let earlier = names.get(host);
        if let Some(earlier) = earlier.filter(|earlier| earlier.is_under_way()) {
            return earlier.clone();
        }
        let before = earlier.map(Lookup::last_known).unwrap_or_default();
        let (result, found) = watch::channel(None);
        tokio::spawn(async move {
            result.send_replace(Some(lookup.await.map_err(|error| error.to_string())));
        });
        let asked = Lookup { began: Instant::now(), found, before };
        names.insert(host.to_owned(), asked.clone());
        asked
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot;

    use super::*;

    const HOST: &str = "stun.example.com:3478";

    fn address(port: u16) -> Vec<SocketAddr> {
        vec![([192, 0, 2, 1], port).into()]
    }

    #[tokio::test]
    async fn a_lookup_that_takes_long_goes_on_for_the_next_time() {
        let names = Names::new(Duration::from_millis(20));
        let (answer, answered) = oneshot::channel();
        let slow = async move { answered.await.map_err(io::Error::other) };
        let error = names.resolve(HOST, slow).await.unwrap_err();
        assert!(error.to_string().contains("20ms"), "{error}");
        // Another lookup beside the slow one would only wait as well.
        names.resolve(HOST, ready(Ok(address(2)))).await.unwrap_err();
        answer.send(address(1)).unwrap();
        tokio::task::yield_now().await;
        let mut newest = lock(&names.newest)[HOST].found.clone();
        newest.wait_for(Option::is_some).await.unwrap();
        assert_eq!(names.resolve(HOST, pending()).await.unwrap(), address(1));
    }

    #[tokio::test]
    async fn what_cannot_be_found_any_more_is_where_it_was() {
        let names = Names::new(Duration::from_secs(60));
        let gone = || ready(Err(io::Error::other("no name server")));
        let error = names.resolve(HOST, gone()).await.unwrap_err();
        assert_eq!(error.to_string(), "no name server");
        assert_eq!(names.resolve(HOST, ready(Ok(address(1)))).await.unwrap(), address(1));
        assert_eq!(names.resolve(HOST, gone()).await.unwrap(), address(1));
        assert_eq!(names.resolve(HOST, ready(Ok(address(2)))).await.unwrap(), address(2));
        assert_eq!(names.resolve(HOST, gone()).await.unwrap(), address(2));
    }

    #[tokio::test]
    async fn an_address_is_no_name() {
        assert_eq!(resolve("192.0.2.1:1").await.unwrap(), address(1));
    }
}
