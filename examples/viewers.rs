//! Watches one session many times, and decodes nothing: what a room costs its service can be measured
//! beside it. `make bench` runs it.
//!
//! Reads lines from standard input and answers each with a JSON object: `count` resets the counters,
//! `report` tells them. Ends with the input.
//!
//! Usage: viewers `BASE_URL` `SUBSCRIBE_TOKEN` COUNT

use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parhelion::media::AccessUnit;
use parhelion::media::rate::Bitrates;
use parhelion::protocol::{
    ClientMessage, IceCandidate, Secret, ServerMessage, SubscribeToken, subscribe_url,
};
use parhelion::transport::websocket::{self, SocketEvent, SocketHandle};
use parhelion::transport::{
    AudioUse, PeerConfig, PeerEvent, PeerObserver, Reach, SharedPeer, open_peer, runtime,
};
use tokio::sync::mpsc;

/// Joining together they would all ask for the same key frame, but one by one is what happens.
const BETWEEN_JOINS: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Counters {
    frames: AtomicU64,
    key_frames: AtomicU64,
    bytes: AtomicU64,
}

enum News {
    Socket(SocketEvent),
    Candidate(Option<IceCandidate>),
    Lost(String),
    Frame,
}

struct Observer {
    counters: Arc<Counters>,
    news: mpsc::Sender<News>,
}

impl PeerObserver for Observer {
    fn event(&self, event: PeerEvent) {
        let news = match event {
            PeerEvent::Candidate(candidate) => News::Candidate(candidate),
            PeerEvent::Lost(why) => News::Lost(why),
            PeerEvent::Up | PeerEvent::Interrupted => return,
        };
        let _ = self.news.try_send(news);
    }

    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        if self.counters.frames.fetch_add(1, Ordering::Relaxed) == 0 {
            let _ = self.news.try_send(News::Frame);
        }
        self.counters.key_frames.fetch_add(u64::from(unit.key), Ordering::Relaxed);
        self.counters.bytes.fetch_add(unit.data.len() as u64, Ordering::Relaxed);
        Some(unit.data)
    }

    fn key_frame_requested(&self) {}
}

struct Viewer {
    counters: Arc<Counters>,
    peer: SharedPeer,
    _socket: SocketHandle,
    first_frame: Duration,
}

impl Viewer {
    /// Joins, and waits for the first picture.
    async fn join(base: &str, token: &SubscribeToken) -> Result<Self, Box<dyn Error>> {
        let began = Instant::now();
        let url = subscribe_url(base, token, &Secret::default(), "parhelion/bench");
        let (news, mut queue) = mpsc::channel(256);
        let socket = websocket::open(std::future::ready(url), None, news.clone(), News::Socket);
        let counters = Arc::<Counters>::default();
        let config = PeerConfig {
            ice_servers: Vec::new(),
            reach: Reach::Loopback,
            sends_video: false,
            audio: AudioUse::None,
            impairment: None,
            every_picture: false,
            bitrates: Bitrates::up_to(3_000_000),
        };
        let observer = Observer { counters: Arc::clone(&counters), news };
        let peer = open_peer(&config, Arc::new(observer)).await?;
        let send = |message: ClientMessage| socket.send(message.to_json());
        loop {
            let news = queue.recv().await.ok_or("the viewer is gone")?;
            match news {
                News::Socket(SocketEvent::Opened) => {
                    send(ClientMessage::Offer { sdp: peer.offer().await?.into() })?;
                }
                News::Candidate(candidate) => send(ClientMessage::IceCandidate { candidate })?,
                News::Socket(SocketEvent::Text(text)) => match ServerMessage::parse(&text)? {
                    ServerMessage::Answer { sdp } => {
                        peer.accept_answer(&sdp.into_string()).await?;
                    }
                    ServerMessage::Error { error, .. } => return Err(error.into()),
                    _ => {}
                },
                News::Socket(SocketEvent::Malformed(error) | SocketEvent::Failed(error)) => {
                    return Err(error.into());
                }
                News::Socket(SocketEvent::Closed { reason, .. }) | News::Lost(reason) => {
                    return Err(reason.into());
                }
                News::Frame => break,
            }
        }
        // Whatever the service still says is of no interest, but has to be taken.
        tokio::spawn(async move { while queue.recv().await.is_some() {} });
        Ok(Self { counters, peer, _socket: socket, first_frame: began.elapsed() })
    }
}

#[expect(clippy::print_stdout, reason = "a program")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, token, count] = arguments.as_slice() else {
        return Err("usage: viewers BASE_URL SUBSCRIBE_TOKEN COUNT".into());
    };
    let (token, count): (_, usize) = (SubscribeToken::decode(token)?, count.parse()?);
    let viewers = runtime::handle().block_on(async {
        let mut viewers = Vec::with_capacity(count);
        for _ in 0..count {
            viewers.push(tokio::time::timeout(PATIENCE, Viewer::join(base, &token)).await??);
            tokio::time::sleep(BETWEEN_JOINS).await;
        }
        Ok::<_, Box<dyn Error>>(viewers)
    })?;
    let slowest = viewers.iter().map(|viewer| viewer.first_frame).max().unwrap_or_default();
    println!("{{\"slowest_first_frame_ms\": {:.1}}}", slowest.as_secs_f64() * 1e3);
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "count" => {
                for viewer in &viewers {
                    for counter in [
                        &viewer.counters.frames,
                        &viewer.counters.key_frames,
                        &viewer.counters.bytes,
                    ] {
                        counter.store(1, Ordering::Relaxed);
                    }
                }
                println!("{{}}");
            }
            "report" => {
                let of = |pick: fn(&Counters) -> &AtomicU64| {
                    let each = viewers.iter();
                    let each =
                        each.map(|viewer| pick(&viewer.counters).load(Ordering::Relaxed) - 1);
                    (each.clone().min().unwrap_or(0), each.max().unwrap_or(0))
                };
                let (frames, keys) = (of(|each| &each.frames), of(|each| &each.key_frames));
                println!(
                    "{{\"fewest_frames\": {}, \"most_frames\": {}, \"most_key_frames\": {}, \
                     \"most_bytes\": {}}}",
                    frames.0,
                    frames.1,
                    keys.1,
                    of(|each| &each.bytes).1
                );
            }
            other => return Err(format!("expected count or report, got {other:?}").into()),
        }
    }
    runtime::handle().block_on(async {
        for viewer in &viewers {
            viewer.peer.close().await;
        }
    });
    Ok(())
}
