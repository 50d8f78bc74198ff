//! The [`Peer`] on the webrtc crate.
//!
//! ICE checks every 20 ms instead of 200, so that connecting takes no longer than it must; an SRTP
//! replay window as large as the retransmission buffer, so that what was repaired is not refused; and
//! every address bound explicitly, because the settings for that have no effect.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::mdns::MulticastSocket;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::Notify;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder, RTCIceCandidateInit,
    RTCIceServer, RTCSessionDescription, SettingEngineBuilder, StatsSelector,
};

use super::impaired_socket::PeerRuntime;
use super::packetizer::EncodedFrame;
use super::rtc_audio::PeerAudio;
use super::rtc_engine::{RETRANSMISSION_PACKETS, engine, h264, setup};
use super::rtc_events::{Handler, Shared, round_trip, watch_round_trip};
use super::sdp::{Origin, require_offered_video, require_video};
use super::send_rate::SendRate;
use super::video::lock;
use super::{AudioUse, Peer, PeerConfig, PeerObserver, PeerStats, RateNow, Reach};
use crate::error::{Error, ErrorCode, Result};
use crate::media::audio::EncodedAudio;
use crate::protocol::IceCandidate;

const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// With the interval above: ten seconds of checks for each candidate pair, so that a restart outlasts
/// a black-out that began before it.
const ICE_MAX_CHECKS: u16 = 500;
/// Three checks in a row that nobody answers.
const ICE_DISCONNECTED: Duration = Duration::from_secs(3);
const ICE_FAILED: Duration = Duration::from_secs(15);
const ICE_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// STUN servers that do not answer must not hold the answer back.
const GATHERING_LIMIT: Duration = Duration::from_secs(3);

const VIDEO_CLOCK_RATE: f64 = 90_000.0;

/// Shorter waits of the pacer add up until a timer can wait for them.
const TIMER: Duration = Duration::from_millis(1);

fn bind_addresses(reach: Reach) -> Vec<&'static str> {
    match reach {
        Reach::Loopback => vec!["127.0.0.1:0"],
        // The wildcard expands to every interface that is up, except loopback.
        Reach::Network => vec!["0.0.0.0:0"],
        Reach::Everywhere => vec!["127.0.0.1:0", "0.0.0.0:0"],
    }
}

/// Browsers hide the addresses of their machine behind names that a service can ask its network for.
/// Services do not. Where there is no route there is no multicast either, and a socket for it would
/// take the whole connection with it.
fn multicast_dns(reach: Reach) -> MulticastDnsMode {
    let asks = reach == Reach::Everywhere && MulticastSocket::new().into_std().is_ok();
    if asks { MulticastDnsMode::QueryOnly } else { MulticastDnsMode::Disabled }
}

struct WebRtcPeer {
    connection: Arc<dyn PeerConnection>,
    shared: Arc<Shared>,
    audio: AudioUse,
    rate: Arc<SendRate>,
    /// What the other end said of itself.
    other: Mutex<Option<Origin>>,
}

/// Opens a media connection that reports to `observer`.
pub async fn open_peer(
    config: &PeerConfig,
    observer: Arc<dyn PeerObserver>,
) -> Result<Arc<dyn Peer>> {
    let rate = Arc::new(SendRate::new(config.bitrates));
    let (engine, registry) = engine(&rate)?;
    let settings = SettingEngineBuilder::new()
        .with_srtp_replay_protection_window(usize::from(RETRANSMISSION_PACKETS))
        .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_MAX_CHECKS))
        .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEP_ALIVE))
        // A restart takes new sockets, since the old ones may be bound to an address that is gone.
        .with_discard_local_candidates_during_ice_restart(true)
        .with_multicast_dns_mode(multicast_dns(config.reach))
        .build();
    let ice_servers = config
        .ice_servers
        .iter()
        .map(|server| RTCIceServer {
            urls: server.urls.clone(),
            username: server.username.clone(),
            credential: server.credential.reveal().to_owned(),
        })
        .collect();
    let shared = Arc::new(Shared {
        observer,
        gathered: Notify::new(),
        key_frame_wanted: Notify::new(),
        frames_assembled: AtomicU64::new(0),
        frames_given_up: AtomicU64::new(0),
        key_frames_requested: AtomicU64::new(0),
        packets_repaired: AtomicU64::new(0),
        round_trip_nanos: AtomicU64::new(0),
        audio: PeerAudio::default(),
        every_picture: config.every_picture,
        outgoing: OnceLock::new(),
        sender: OnceLock::new(),
        flowing: AtomicBool::new(false),
    });
    let connection = PeerConnectionBuilder::new()
        .with_runtime(Arc::new(PeerRuntime::new(config.impairment.clone())))
        .with_configuration(
            RTCConfigurationBuilder::default().with_ice_servers(ice_servers).build(),
        )
        .with_media_engine(engine)
        .with_setting_engine(settings)
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(Handler(Arc::clone(&shared))))
        .with_udp_addrs(bind_addresses(config.reach))
        .build()
        .await
        .map_err(|error| {
            Error::new(ErrorCode::Ice, format!("no socket for media could be opened: {error}"))
        })?;
    let connection: Arc<dyn PeerConnection> = Arc::new(connection);
    let opened = if config.sends_video {
        add_video(&connection, &shared).await
    } else {
        receive_only(&connection).await
    };
    if let Err(error) = opened {
        close(&connection).await;
        return Err(error);
    }
    tokio::spawn(watch_round_trip(Arc::downgrade(&connection), Arc::downgrade(&shared)));
    let other = Mutex::default();
    Ok(Arc::new(WebRtcPeer { connection, shared, audio: config.audio, rate, other }))
}

/// A track of ours. The streams of one end have a name in common, so that picture and sound are
/// played in step.
pub(super) fn local_track(kind: RtpCodecKind, codec: RTCRtpCodec) -> Arc<TrackLocalStaticRTP> {
    let ssrc = random() as u32;
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec,
        ..Default::default()
    };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "parhelion".to_owned(),
        // Unique, because webrtc tells the two directions apart by this id alone: with the same id
        // at both ends, feedback on what we send would be taken for the other end's.
        format!("{kind}-{:016x}", random()),
        kind.to_string(),
        kind,
        vec![coding],
    )))
}

async fn add_video(connection: &Arc<dyn PeerConnection>, shared: &Arc<Shared>) -> Result<()> {
    let track = local_track(RtpCodecKind::Video, h264());
    let sender = connection
        .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
        .await
        .map_err(setup("adding the video track"))?;
    let _ = shared.sender.set((track, sender));
    Ok(())
}

async fn receive_only(connection: &Arc<dyn PeerConnection>) -> Result<()> {
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Recvonly,
        ..Default::default()
    };
    connection
        .add_transceiver_from_kind(RtpCodecKind::Video, Some(init))
        .await
        .map_err(setup("adding a receiver"))?;
    Ok(())
}

async fn close(connection: &Arc<dyn PeerConnection>) {
    if let Err(error) = connection.close().await {
        tracing::debug!(target: "parhelion::transport", "closing a media connection: {error}");
    }
}

/// Bits for an SSRC and RTP offsets. Only their spread matters, not secrecy.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| std::process::id().into())
}

fn signaling(what: &str) -> impl FnOnce(webrtc::error::Error) -> Error + '_ {
    move |error| Error::new(ErrorCode::Signaling, format!("{what}: {error}"))
}

/// Whether a candidate is one for TCP (RFC 6544 section 4.5).
fn is_tcp(candidate: &str) -> bool {
    candidate.split_ascii_whitespace().nth(2).is_some_and(|kind| kind.eq_ignore_ascii_case("tcp"))
}

impl WebRtcPeer {
    async fn local_sdp(&self) -> Result<String> {
        self.connection.local_description().await.map(|description| description.sdp).ok_or_else(
            || Error::new(ErrorCode::Internal, "the connection has no local description"),
        )
    }

    async fn make_offer(&self, options: Option<RTCOfferOptions>) -> Result<String> {
        let offer =
            self.connection.create_offer(options).await.map_err(signaling("creating an offer"))?;
        self.connection
            .set_local_description(offer)
            .await
            .map_err(signaling("applying the offer"))?;
        self.local_sdp().await
    }
}

#[async_trait]
impl Peer for WebRtcPeer {
    async fn offer(&self) -> Result<String> {
        self.shared.audio.offer(&self.connection, self.audio).await?;
        self.make_offer(None).await
    }

    async fn restart(&self) -> Result<String> {
        self.make_offer(Some(RTCOfferOptions { ice_restart: true })).await
    }

    fn is_restarted_by(&self, offer: &str) -> bool {
        lock(&self.other).as_ref().is_some_and(|other| other.is_restarted_by(&Origin::of(offer)))
    }

    async fn answer(&self, offer: &str) -> Result<String> {
        require_offered_video(offer)?;
        let parsed = RTCSessionDescription::offer(offer.to_owned())
            .map_err(signaling("the offer is not valid SDP"))?;
        let first = lock(&self.other).replace(Origin::of(offer)).is_none();
        if first {
            self.shared.audio.prepare(&self.connection, self.audio, offer).await?;
        }
        // That of an earlier gathering is of no use to this one.
        let _ = self.shared.gathered.notified().now_or_never();
        self.connection
            .set_remote_description(parsed)
            .await
            .map_err(signaling("the offer cannot be used"))?;
        self.shared.audio.direct(&self.connection, self.audio, offer).await?;
        let answer =
            self.connection.create_answer(None).await.map_err(signaling("creating an answer"))?;
        self.connection
            .set_local_description(answer)
            .await
            .map_err(signaling("applying the answer"))?;
        // Some clients cannot use candidates that come after the answer.
        let _ = tokio::time::timeout(GATHERING_LIMIT, self.shared.gathered.notified()).await;
        let answer = self.local_sdp().await?;
        require_video(&answer)?;
        Ok(answer)
    }

    async fn accept_answer(&self, answer: &str) -> Result<()> {
        require_video(answer)?;
        let origin = Origin::of(answer);
        let before = lock(&self.other).replace(origin.clone());
        if before.is_some_and(|before| !before.is_restarted_by(&origin)) {
            let text = "the ICE restart was answered by another connection, or not taken up";
            return Err(Error::new(ErrorCode::Signaling, text));
        }
        self.shared.audio.answered(answer);
        let answer = RTCSessionDescription::answer(answer.to_owned())
            .map_err(signaling("the answer is not valid SDP"))?;
        self.connection
            .set_remote_description(answer)
            .await
            .map_err(signaling("the answer cannot be used"))
    }

    async fn add_candidate(&self, candidate: Option<IceCandidate>) -> Result<()> {
        // The end needs no action: checks go on until the connection is up or times out.
        let Some(candidate) = candidate else { return Ok(()) };
        if is_tcp(&candidate.candidate) {
            // Connecting to whatever address a peer names would let it reach into our network.
            return Ok(());
        }
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            username_fragment: candidate.username_fragment,
            url: None,
        };
        self.connection
            .add_ice_candidate(init)
            .await
            .map_err(signaling("a network candidate cannot be used"))
    }

    async fn send_frame(&self, frame: &EncodedFrame) -> Result<()> {
        let Some(outgoing) = self.shared.outgoing.get() else {
            return Err(Error::new(ErrorCode::Ice, "the media connection is not up"));
        };
        if !self.shared.flowing.load(Ordering::Acquire) {
            return Ok(());
        }
        // Behind the packets of the picture before.
        let mut pacer = Arc::clone(&outgoing.pacer).lock_owned().await;
        let packets = lock(&outgoing.packetizer).packets(frame)?;
        let last = packets.last().cloned();
        let mut packets = packets.into_iter();
        let rate = self.rate.now();
        while let Some(packet) = packets.next() {
            let wait = pacer.wait(Instant::now(), packet.payload.len(), &rate);
            if !wait.is_zero() {
                let (track, rate) = (Arc::clone(&outgoing.track), Arc::clone(&self.rate));
                let tail = Arc::clone(&outgoing.tail);
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    let mut next = Some(packet);
                    while let Some(packet) = next {
                        // A connection that takes none is told to the next picture.
                        let _ = track.write_rtp(packet).await;
                        next = packets.next();
                        let size = next.as_ref().map_or(0, |packet| packet.payload.len());
                        let wait = pacer.wait(Instant::now(), size, &rate.now());
                        if wait >= TIMER {
                            tokio::time::sleep(wait).await;
                        }
                    }
                    if let Some(last) = last {
                        tail.sent(last);
                    }
                });
                return Ok(());
            }
            outgoing.track.write_rtp(packet).await.map_err(|error| {
                Error::new(ErrorCode::Ice, format!("the connection takes no packet: {error}"))
            })?;
        }
        if let Some(last) = last {
            outgoing.tail.sent(last);
        }
        Ok(())
    }

    fn send_rate(&self) -> Option<RateNow> {
        Some(self.rate.now())
    }

    fn request_key_frame(&self) {
        self.shared.key_frame_wanted.notify_one();
    }

    fn takes_audio(&self) -> bool {
        self.shared.audio.is_taken()
    }

    async fn send_audio(&self, audio: &EncodedAudio) -> Result<()> {
        self.shared.audio.send(audio).await
    }

    async fn stats(&self) -> PeerStats {
        let report = self.connection.get_stats(Instant::now(), StatsSelector::None).await;
        let mut stats = PeerStats {
            key_frames_requested: self.shared.key_frames_requested.load(Ordering::Relaxed),
            frames_assembled: self.shared.frames_assembled.load(Ordering::Relaxed),
            frames_given_up: self.shared.frames_given_up.load(Ordering::Relaxed),
            packets_repaired: self.shared.packets_repaired.load(Ordering::Relaxed),
            audio: self.shared.audio.traffic(),
            ..Default::default()
        };
        for stream in report.inbound_rtp_streams() {
            let received = &stream.received_rtp_stream_stats;
            stats.packets_received += received.packets_received;
            stats.packets_lost += received.packets_lost;
            if received.rtp_stream_stats.kind == RtpCodecKind::Video {
                // Reported in units of the RTP clock, though it is documented as seconds.
                stats.jitter = received.jitter / VIDEO_CLOCK_RATE;
            }
            stats.bytes_received += stream.bytes_received;
            stats.nacks_sent += u64::from(stream.nack_count);
        }
        // The crate counts no reports of the other end.
        (stats.remote_packets_expected, stats.remote_packets_lost) = self.rate.losses();
        for stream in report.outbound_rtp_streams() {
            stats.packets_sent += stream.sent_rtp_stream_stats.packets_sent;
            stats.bytes_sent += stream.sent_rtp_stream_stats.bytes_sent;
            stats.nacks_received += u64::from(stream.nack_count);
            stats.plis_received += u64::from(stream.pli_count);
            stats.firs_received += u64::from(stream.fir_count);
        }
        stats.round_trip_time = round_trip(&report);
        stats
    }

    async fn close(&self) {
        close(&self.connection).await;
    }
}
