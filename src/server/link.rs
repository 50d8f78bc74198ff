//! The media link of a session: its events, its candidates, its negotiation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::session::Input;
use crate::error::Result;
use crate::media::AccessUnit;
use crate::protocol::IceCandidate;
use crate::session::ServerLinkEvent;
use crate::transport::video::{VideoReceiver, VideoSender};
use crate::transport::{
    PeerConfig, PeerEvent, PeerObserver, SharedPeer, open_peer, suggest_start_bitrate,
};

/// A longer candidate is none.
const MAX_CANDIDATE_BYTES: usize = 1024;

/// A client that sends no video at once is taken to be up after this time.
const UP_AT_LATEST: Duration = Duration::from_millis(300);

/// Brings the events of one link into the session's queue and its frames to the decoder.
pub(super) struct LinkObserver {
    pub(super) link: u32,
    /// Whether the link was reported as up.
    pub(super) up: Arc<AtomicBool>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) sender: Arc<VideoSender>,
    pub(super) receiver: Arc<VideoReceiver>,
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
        announce(&self.up, self.link, &self.inputs);
        self.receiver.push(unit)
    }

    fn key_frame_requested(&self) {
        self.sender.request_key_frame();
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

pub(super) async fn add_candidate(peer: &SharedPeer, candidate: Option<IceCandidate>) {
    if candidate.as_ref().is_some_and(|one| one.candidate.len() > MAX_CANDIDATE_BYTES) {
        return;
    }
    // One bad candidate is no reason to give up: another may work.
    if let Err(error) = peer.add_candidate(candidate).await {
        tracing::debug!(target: "parhelion::server", "{error}");
    }
}

/// Answers an offer and reports how that went. A peer that nobody wants any more is closed.
pub(super) async fn negotiate(
    config: PeerConfig,
    observer: LinkObserver,
    offer: String,
    start_bitrate: u32,
) {
    let (link, inputs) = (observer.link, observer.inputs.clone());
    let event = match answer(&config, Arc::new(observer), &offer, link, &inputs).await {
        Ok(answer) => ServerLinkEvent::Answered(suggest_start_bitrate(&answer, start_bitrate)),
        Err(error) => ServerLinkEvent::Failed(error),
    };
    let _ = inputs.send(Input::Negotiated { link, event }).await;
}

async fn answer(
    config: &PeerConfig,
    observer: Arc<LinkObserver>,
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
    use crate::transport::video::CurrentPeer;

    fn observer() -> (LinkObserver, mpsc::Receiver<Input>) {
        let (inputs, queue) = mpsc::channel(8);
        let peer = Arc::<CurrentPeer>::default();
        let encoder = Box::new(H264Encoder::new(H264Config::default()).unwrap());
        let decoder = Box::new(H264Decoder::new().unwrap());
        let sender = VideoSender::start("encoder", Arc::clone(&peer), encoder, 1_000_000).unwrap();
        let receiver = VideoReceiver::start("decoder", peer, decoder, |_, _| {}).unwrap();
        let observer = LinkObserver {
            link: 1,
            up: Arc::default(),
            inputs,
            sender: Arc::new(sender),
            receiver: Arc::new(receiver),
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
