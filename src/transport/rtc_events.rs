//! What the webrtc crate tells of a connection while it lives, and what is made of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rtc::statistics::report::RTCStatsReport;
use tokio::sync::Notify;
use webrtc::media_stream::Track as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::{TrackLocal as _, TrackLocalEvent};
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState, StatsSelector,
};
use webrtc::rtp_transceiver::RtpSender;

use super::pacer::Pacer;
use super::packetizer::Packetizer;
use super::rtc_audio::PeerAudio;
use super::rtc_engine::ABS_CAPTURE_TIME;
use super::rtc_peer::random;
use super::rtc_receive::receive;
use super::tail::Tail;
use super::{PeerEvent, PeerObserver};
use crate::protocol::IceCandidate;

/// ICE measures the round trip as it checks the path.
const ROUND_TRIP_INTERVAL: Duration = Duration::from_millis(500);

/// What the callbacks share with the peer. Owns no connection, so nothing keeps itself alive.
pub(super) struct Shared {
    pub(super) observer: Arc<dyn PeerObserver>,
    pub(super) gathered: Notify,
    pub(super) key_frame_wanted: Notify,
    pub(super) frames_assembled: AtomicU64,
    pub(super) frames_given_up: AtomicU64,
    pub(super) key_frames_requested: AtomicU64,
    pub(super) packets_repaired: AtomicU64,
    /// Of the network path; 0 before it was measured.
    pub(super) round_trip_nanos: AtomicU64,
    pub(super) audio: PeerAudio,
    pub(super) every_picture: bool,
    pub(super) outgoing: OnceLock<Outgoing>,
    pub(super) sender: OnceLock<(Arc<TrackLocalStaticRTP>, Arc<dyn RtpSender>)>,
    /// Whether there is a path at present.
    pub(super) flowing: AtomicBool,
}

/// The sending half, known once the connection is up.
pub(super) struct Outgoing {
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) packetizer: Mutex<Packetizer>,
    /// Whoever has it may send. It goes along with a picture that leaves bit by bit.
    pub(super) pacer: Arc<tokio::sync::Mutex<Pacer>>,
    pub(super) tail: Arc<Tail>,
}

/// The callbacks.
pub(super) struct Handler(pub(super) Arc<Shared>);

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        self.0.observer.event(PeerEvent::Candidate(Some(IceCandidate {
            candidate: init.candidate,
            // Everything is bundled into the first section.
            sdp_mid: Some("0".to_owned()),
            sdp_m_line_index: Some(0),
            username_fragment: init.username_fragment,
        })));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.0.gathered.notify_one();
            self.0.observer.event(PeerEvent::Candidate(None));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(target: "parhelion::transport", "peer connection {state}");
        self.0.flowing.store(state == RTCPeerConnectionState::Connected, Ordering::Release);
        match state {
            RTCPeerConnectionState::Connected => {
                // Reading parameters needs the connection's driver, which is awaiting this call.
                tokio::spawn(start_sending(Arc::clone(&self.0)));
            }
            RTCPeerConnectionState::Disconnected => self.0.observer.event(PeerEvent::Interrupted),
            RTCPeerConnectionState::Failed => {
                self.0.observer.event(PeerEvent::Lost("no network path works".to_owned()));
            }
            RTCPeerConnectionState::Closed => {
                self.0.observer.event(PeerEvent::Lost("the other end closed it".to_owned()));
            }
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(receive(track, Arc::downgrade(&self.0)));
    }
}

/// Reads what was negotiated for the sending half, then reports the connection as up.
async fn start_sending(shared: Arc<Shared>) {
    if let (Some((track, sender)), None) = (shared.sender.get(), shared.outgoing.get()) {
        match sender.get_parameters().await {
            Ok(parameters) => {
                let rtp = parameters.rtp_parameters;
                let ssrc = track.ssrcs().await.first().copied().unwrap_or_default();
                let Some(codec) = rtp.codecs.first() else {
                    let why = "no video codec was negotiated".to_owned();
                    shared.observer.event(PeerEvent::Lost(why));
                    return;
                };
                {
                    let extension = rtp
                        .header_extensions
                        .iter()
                        .find(|extension| extension.uri == ABS_CAPTURE_TIME)
                        .and_then(|extension| u8::try_from(extension.id).ok());
                    let packetizer = Packetizer::new(ssrc, codec.payload_type, extension, random());
                    let _ = shared.outgoing.set(Outgoing {
                        track: Arc::clone(track),
                        packetizer: Mutex::new(packetizer),
                        pacer: Arc::default(),
                        tail: Arc::new(Tail::of(Arc::clone(track))),
                    });
                }
            }
            Err(error) => {
                shared.observer.event(PeerEvent::Lost(format!("nothing can be sent: {error}")));
                return;
            }
        }
        tokio::spawn(watch_feedback(Arc::clone(track), Arc::downgrade(&shared)));
    }
    shared.audio.start().await;
    shared.observer.event(PeerEvent::Up);
}

/// Passes key frame requests on until the track ends.
async fn watch_feedback(track: Arc<TrackLocalStaticRTP>, shared: Weak<Shared>) {
    while let Some(TrackLocalEvent::OnRtcpPacket(_)) = track.poll().await {
        let Some(shared) = shared.upgrade() else { return };
        shared.observer.key_frame_requested();
    }
}

/// Tells the receiving half how long the way to the other end and back is, until there is none.
pub(super) async fn watch_round_trip(connection: Weak<dyn PeerConnection>, shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(ROUND_TRIP_INTERVAL).await;
        let Some(connection) = connection.upgrade() else { return };
        let report = connection.get_stats(Instant::now(), StatsSelector::None).await;
        let Some(shared) = shared.upgrade() else { return };
        if let Some(seconds) = round_trip(&report) {
            shared.round_trip_nanos.store((seconds * 1e9) as u64, Ordering::Relaxed);
        }
    }
}

/// The round trip of the path in use, in seconds, as the last ICE check has measured it.
pub(super) fn round_trip(report: &RTCStatsReport) -> Option<f64> {
    report
        .candidate_pairs()
        .filter(|pair| pair.nominated && pair.current_round_trip_time > 0.0)
        .map(|pair| pair.current_round_trip_time)
        .next()
}
