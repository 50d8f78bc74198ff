//! The media link of a session: its events, its candidates, its negotiation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::session::Input;
use super::sound::Sound;
use crate::error::Result;
use crate::media::AccessUnit;
use crate::media::audio::AudioPacket;
use crate::protocol::IceCandidate;
use crate::session::ServerLinkEvent;
use crate::transport::video::{CurrentPeer, VideoReceiver, VideoSender};
use crate::transport::{
    PeerConfig, PeerEvent, PeerObserver, SharedPeer, open_peer, suggest_start_bitrate,
};

/// Candidates that a client may give for one link.
const MAX_CANDIDATES: u32 = 64;

/// A client that sends no video at once is taken to be up after this time.
const UP_AT_LATEST: Duration = Duration::from_millis(300);

/// When media last came from a client.
pub(super) struct MediaSeen {
    began: Instant,
    /// After `began`, from 1; zero: none has come.
    millis: AtomicU64,
}

impl Default for MediaSeen {
    fn default() -> Self {
        Self { began: Instant::now(), millis: AtomicU64::new(0) }
    }
}

impl MediaSeen {
    fn now(&self) {
        self.millis.store(self.began.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Option<Instant> {
        let millis = self.millis.load(Ordering::Relaxed);
        (millis > 0).then(|| self.began + Duration::from_millis(millis - 1))
    }
}

/// Brings the events of one link into the session's queue and its frames to the decoder.
pub(super) struct LinkObserver {
    pub(super) link: u32,
    /// Whether the link was reported as up.
    pub(super) up: Arc<AtomicBool>,
    pub(super) seen: Arc<MediaSeen>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) sender: Arc<VideoSender>,
    pub(super) receiver: Arc<VideoReceiver>,
    pub(super) sound: Arc<Sound>,
}

impl PeerObserver for LinkObserver {
    fn event(&self, event: PeerEvent) {
        let event = match event {
            // All candidates are in the answer.
            PeerEvent::Candidate(_) => return,
            PeerEvent::Up => return self.up_soon(),
            PeerEvent::Interrupted => {
                // Its coming back is to be announced again.
                self.up.store(false, Ordering::Release);
                ServerLinkEvent::Interrupted
            }
            PeerEvent::Lost(why) => ServerLinkEvent::Lost(why),
        };
        let _ = self.inputs.try_send(Input::Link { link: self.link, event });
    }

    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        self.seen.now();
        announce(&self.up, self.link, &self.inputs);
        self.receiver.push(unit)
    }

    fn key_frame_requested(&self) {
        self.sender.request_key_frame();
    }

    fn audio_packet(&self, packet: AudioPacket) {
        self.seen.now();
        announce(&self.up, self.link, &self.inputs);
        self.sound.push(packet);
    }
}

impl LinkObserver {
    /// This end is up a moment before the client's, and a client that is told that it generates
    /// before it is connected never reports that it is. Its first frame shows that it is.
    fn up_soon(&self) {
        let (up, link, inputs) = (Arc::clone(&self.up), self.link, self.inputs.clone());
        tokio::spawn(async move {
            tokio::time::sleep(UP_AT_LATEST).await;
            announce(&up, link, &inputs);
        });
    }
}

fn announce(up: &AtomicBool, link: u32, inputs: &mpsc::Sender<Input>) {
    if !up.swap(true, Ordering::AcqRel) {
        let _ = inputs.try_send(Input::Link { link, event: ServerLinkEvent::Up });
    }
}

/// Who hears what happens on a link, and the bitrate at which a browser should begin there.
#[derive(Clone)]
pub(super) struct Observed {
    pub(super) observer: Arc<dyn PeerObserver>,
    pub(super) start_bitrate: u32,
    /// Whether the link was reported as up; to be reported anew when it is false.
    pub(super) up: Arc<AtomicBool>,
}

/// Makes the observer of the link with that number.
pub(super) type Observe = Box<dyn Fn(u32) -> Observed + Send + Sync>;

/// The media links of one session: each has a number, so that a late event of an old one is known
/// as such, and one is negotiated at a time.
pub(super) struct MediaLink {
    config: PeerConfig,
    runtime: &'static Handle,
    peer: Arc<CurrentPeer>,
    inputs: mpsc::Sender<Input>,
    observe: Observe,
    number: u32,
    /// Of the present link.
    observed: Option<Observed>,
    /// Came before the peer was there to take them, or while it was negotiating.
    waiting_candidates: Vec<Option<IceCandidate>>,
    /// Those of the present link, counted.
    candidates: u32,
    /// A negotiation is on its way; an offer that comes meanwhile waits for its end.
    negotiating: bool,
    next_offer: Option<String>,
}

impl MediaLink {
    /// `runtime` is where the packets are to be carried.
    pub(super) fn new(
        config: PeerConfig,
        runtime: &'static Handle,
        peer: Arc<CurrentPeer>,
        inputs: mpsc::Sender<Input>,
        observe: Observe,
    ) -> Self {
        Self {
            config,
            runtime,
            peer,
            inputs,
            observe,
            number: 0,
            observed: None,
            waiting_candidates: Vec::new(),
            candidates: 0,
            negotiating: false,
            next_offer: None,
        }
    }

    /// Whether news of that link are of the present one.
    pub(super) fn concerns(&self, link: u32) -> bool {
        link == self.number
    }

    /// Restarts the link that the offer is of, or makes a new one in place of the present one. Says
    /// whether it is restarted.
    pub(super) fn open(&mut self, offer: String) -> bool {
        let restarted = self.peer.get().is_some_and(|peer| peer.is_restarted_by(&offer));
        self.candidates = 0;
        self.waiting_candidates.clear();
        if !restarted {
            self.number += 1;
            self.close_peer();
        }
        if self.negotiating {
            // Only the newest of those that wait: each takes sockets.
            self.next_offer = Some(offer);
        } else {
            self.begin(offer);
        }
        restarted
    }

    pub(super) fn close(&mut self) {
        self.number += 1;
        self.next_offer = None;
        self.waiting_candidates.clear();
        self.close_peer();
    }

    /// Takes a peer over. False: it is of a link that nobody wants any more.
    pub(super) async fn opened(&mut self, link: u32, peer: SharedPeer) -> bool {
        if !self.concerns(link) {
            tokio::spawn(async move { peer.close().await });
            return false;
        }
        for candidate in std::mem::take(&mut self.waiting_candidates) {
            add_candidate(&peer, candidate).await;
        }
        self.peer.set(Some(peer));
        true
    }

    /// A negotiation is over: what the session is to know of it.
    pub(super) async fn negotiated(
        &mut self,
        link: u32,
        event: ServerLinkEvent,
    ) -> Option<ServerLinkEvent> {
        self.negotiating = false;
        if let Some(offer) = self.next_offer.take() {
            // The answer to an offer that is no longer the newest would be taken for that one's.
            self.begin(offer);
            return None;
        }
        if let Some(peer) = self.peer.get() {
            for candidate in std::mem::take(&mut self.waiting_candidates) {
                add_candidate(&peer, candidate).await;
            }
        }
        self.concerns(link).then_some(event)
    }

    pub(super) async fn candidate(&mut self, candidate: Option<IceCandidate>) {
        self.candidates += 1;
        if self.candidates > MAX_CANDIDATES {
            return;
        }
        match self.peer.get() {
            Some(peer) if !self.negotiating => add_candidate(&peer, candidate).await,
            _ => self.waiting_candidates.push(candidate),
        }
    }

    fn begin(&mut self, offer: String) {
        self.negotiating = true;
        let way = match self.peer.get().filter(|peer| peer.is_restarted_by(&offer)) {
            Some(peer) => Way::Restart(peer),
            None => Way::New(self.config.clone()),
        };
        let observed = match (&way, self.observed.take()) {
            (Way::Restart(_), Some(observed)) => {
                observed.up.store(false, Ordering::Release);
                observed
            }
            _ => (self.observe)(self.number),
        };
        self.observed = Some(observed.clone());
        let (link, inputs) = (self.number, self.inputs.clone());
        self.runtime.spawn(negotiate(way, link, observed, offer, inputs));
    }

    fn close_peer(&self) {
        if let Some(peer) = self.peer.set(None) {
            tokio::spawn(async move { peer.close().await });
        }
    }
}

async fn add_candidate(peer: &SharedPeer, candidate: Option<IceCandidate>) {
    // One bad candidate is no reason to give up: another may work.
    if let Err(error) = peer.add_candidate(candidate).await {
        tracing::debug!(target: "parhelion::server", "{error}");
    }
}

/// What an offer is answered with.
enum Way {
    New(PeerConfig),
    Restart(SharedPeer),
}

/// Answers an offer and reports how that went. A peer that nobody wants any more is closed.
async fn negotiate(
    way: Way,
    link: u32,
    observed: Observed,
    offer: String,
    inputs: mpsc::Sender<Input>,
) {
    let Observed { observer, start_bitrate, .. } = observed;
    let answered = match way {
        Way::New(config) => answer(&config, observer, &offer, link, &inputs).await,
        Way::Restart(peer) => peer.answer(&offer).await,
    };
    let event = match answered {
        Ok(answer) => ServerLinkEvent::Answered(suggest_start_bitrate(&answer, start_bitrate)),
        Err(error) => ServerLinkEvent::Failed(error),
    };
    let _ = inputs.send(Input::Negotiated { link, event }).await;
}

async fn answer(
    config: &PeerConfig,
    observer: Arc<dyn PeerObserver>,
    offer: &str,
    link: u32,
    inputs: &mpsc::Sender<Input>,
) -> Result<String> {
    let peer = open_peer(config, observer).await?;
    match peer.answer(offer).await {
        Ok(answer) => {
            let opened = inputs.send(Input::PeerOpened { link, peer }).await;
            if let Err(refused) = opened
                && let Input::PeerOpened { peer, .. } = refused.0
            {
                peer.close().await;
            }
            Ok(answer)
        }
        Err(error) => {
            peer.close().await;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{H264Config, H264Decoder, H264Encoder};

    fn observer() -> (LinkObserver, mpsc::Receiver<Input>) {
        let (inputs, queue) = mpsc::channel(8);
        let peer = Arc::<CurrentPeer>::default();
        let encoder = Box::new(H264Encoder::new(H264Config::default()).unwrap());
        let decoder = Box::new(H264Decoder::new().unwrap());
        let sender = VideoSender::start("encoder", Arc::clone(&peer), encoder, 1_000_000).unwrap();
        let fan_out = Arc::clone(sender.fan_out());
        let sound = Sound::new(Arc::clone(&peer), fan_out, Box::new(|| Duration::ZERO));
        let receiver = VideoReceiver::start("decoder", peer, decoder, |_, _| {}).unwrap();
        let observer = LinkObserver {
            link: 1,
            up: Arc::default(),
            seen: Arc::default(),
            inputs,
            sender: Arc::new(sender),
            receiver: Arc::new(receiver),
            sound: Arc::new(sound),
        };
        (observer, queue)
    }

    fn unit() -> AccessUnit {
        let arrived = std::time::Instant::now();
        AccessUnit { data: Vec::new(), timestamp: 0, capture_time: None, key: false, arrived }
    }

    fn events(queue: &mut mpsc::Receiver<Input>) -> Vec<ServerLinkEvent> {
        std::iter::from_fn(|| match queue.try_recv().ok()? {
            Input::Link { event, .. } => Some(event),
            _ => panic!("only link events are expected"),
        })
        .collect()
    }

    #[test]
    fn the_first_frame_announces_a_link_and_so_does_the_first_after_a_silence() {
        use ServerLinkEvent::{Interrupted, Up};
        let (observer, mut queue) = observer();
        observer.access_unit(unit());
        observer.access_unit(unit());
        assert_eq!(events(&mut queue), [Up]);
        observer.event(PeerEvent::Interrupted);
        observer.access_unit(unit());
        observer.access_unit(unit());
        assert_eq!(events(&mut queue), [Interrupted, Up]);
    }

    #[tokio::test]
    async fn a_client_that_sends_no_video_is_up_all_the_same() {
        let (observer, mut queue) = observer();
        observer.event(PeerEvent::Up);
        let event = tokio::time::timeout(Duration::from_secs(20), queue.recv()).await.unwrap();
        assert!(matches!(event, Some(Input::Link { link: 1, event: ServerLinkEvent::Up })));
    }
}
