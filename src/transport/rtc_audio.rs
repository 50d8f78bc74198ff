//! The sound of a peer: its section in the session description, and its packets on their way out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::{BufMut, BytesMut};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use super::rtc_engine::{ABS_CAPTURE_TIME, opus, setup};
use super::rtc_peer::{local_track, random};
use super::sdp::{Flow, audio_sections};
use super::video::lock;
use super::{AudioTraffic, AudioUse};
use crate::error::{Error, ErrorCode, Result};
use crate::media::audio::EncodedAudio;

/// What a peer knows of its sound.
#[derive(Default)]
pub(super) struct PeerAudio {
    sender: OnceLock<(Arc<TrackLocalStaticRTP>, Arc<dyn RtpSender>)>,
    /// Whether it was agreed that this end sends.
    agreed: AtomicBool,
    outgoing: OnceLock<Outgoing>,
    packets_sent: AtomicU64,
    bytes_sent: AtomicU64,
    packets_received: AtomicU64,
    bytes_received: AtomicU64,
}

struct Outgoing {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
    /// Negotiated id of abs-capture-time; none when the other end does not know it.
    capture_extension: Option<u8>,
    timestamp_offset: u32,
    sequence: Mutex<u16>,
}

/// How much of an offer is taken up.
fn taken(wanted: AudioUse, offered: Flow) -> Flow {
    let (sends, receives) = match wanted {
        AudioUse::None => (false, false),
        AudioUse::Both => (offered.receives && offered.sends, offered.sends),
        AudioUse::Send => (offered.receives, false),
        AudioUse::Receive => (false, offered.sends),
    };
    Flow { sends, receives }
}

impl PeerAudio {
    /// Adds the section of an offer.
    pub(super) async fn offer(
        &self,
        connection: &Arc<dyn PeerConnection>,
        wanted: AudioUse,
    ) -> Result<()> {
        match wanted {
            AudioUse::None => Ok(()),
            AudioUse::Both => self.add_track(connection).await,
            AudioUse::Send => {
                self.add_track(connection).await?;
                let Some((_, sender)) = self.sender.get() else { return Ok(()) };
                for transceiver in connection.get_transceivers().await {
                    let own = transceiver.sender().await.ok().flatten();
                    if own.is_some_and(|own| own.id() == sender.id()) {
                        transceiver
                            .set_direction(RTCRtpTransceiverDirection::Sendonly)
                            .await
                            .map_err(setup("offering audio"))?;
                    }
                }
                Ok(())
            }
            AudioUse::Receive => {
                let init = RTCRtpTransceiverInit {
                    direction: RTCRtpTransceiverDirection::Recvonly,
                    ..Default::default()
                };
                connection
                    .add_transceiver_from_kind(RtpCodecKind::Audio, Some(init))
                    .await
                    .map_err(setup("adding an audio receiver"))?;
                Ok(())
            }
        }
    }

    async fn add_track(&self, connection: &Arc<dyn PeerConnection>) -> Result<()> {
        let track = local_track(RtpCodecKind::Audio, opus());
        let sender = connection
            .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
            .await
            .map_err(setup("adding the audio track"))?;
        let _ = self.sender.set((track, sender));
        Ok(())
    }

    /// Before a remote offer is applied: adds a track if its sound is to be answered with ours.
    pub(super) async fn prepare(
        &self,
        connection: &Arc<dyn PeerConnection>,
        wanted: AudioUse,
        offer: &str,
    ) -> Result<()> {
        let offered = audio_sections(offer);
        let first = offered.first().filter(|section| section.opus && !section.rejected);
        if first.is_some_and(|section| taken(wanted, section.flow).sends) {
            self.add_track(connection).await?;
        }
        Ok(())
    }

    /// After a remote offer was applied: says which way the sound of each section goes.
    pub(super) async fn direct(
        &self,
        connection: &Arc<dyn PeerConnection>,
        wanted: AudioUse,
        offer: &str,
    ) -> Result<()> {
        let offered = audio_sections(offer);
        for transceiver in connection.get_transceivers().await {
            let Ok(Some(mid)) = transceiver.mid().await else { continue };
            let Some(index) = offered.iter().position(|section| section.mid == mid) else {
                continue;
            };
            let section = &offered[index];
            // One stream of sound each way is all there is a use for.
            let usable = index == 0 && section.opus && !section.rejected;
            let flow = if usable { taken(wanted, section.flow) } else { Flow::default() };
            let direction = RTCRtpTransceiverDirection::from_send_recv(flow.sends, flow.receives);
            transceiver.set_direction(direction).await.map_err(setup("answering audio"))?;
            if flow.sends {
                self.agreed.store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    /// Learns from an answer whether the other end takes our sound.
    pub(super) fn answered(&self, answer: &str) {
        let takes = audio_sections(answer)
            .first()
            .is_some_and(|section| section.opus && !section.rejected && section.flow.receives);
        self.agreed.store(takes, Ordering::Release);
    }

    /// Reads what was negotiated, once the connection is up.
    pub(super) async fn start(&self) {
        let Some((track, sender)) = self.sender.get() else { return };
        if !self.agreed.load(Ordering::Acquire) || self.outgoing.get().is_some() {
            return;
        }
        let parameters = match sender.get_parameters().await {
            Ok(parameters) => parameters.rtp_parameters,
            // The session goes on without sound, as it does if the other end wants none.
            Err(error) => {
                tracing::warn!(target: "parhelion::transport", "no audio can be sent: {error}");
                return;
            }
        };
        let Some(codec) = parameters.codecs.first() else { return };
        let random = random();
        let _ = self.outgoing.set(Outgoing {
            track: Arc::clone(track),
            ssrc: webrtc::media_stream::Track::ssrcs(&**track)
                .await
                .first()
                .copied()
                .unwrap_or_default(),
            payload_type: codec.payload_type,
            capture_extension: parameters
                .header_extensions
                .iter()
                .find(|extension| extension.uri == ABS_CAPTURE_TIME)
                .and_then(|extension| u8::try_from(extension.id).ok()),
            timestamp_offset: random as u32,
            sequence: Mutex::new((random >> 32) as u16),
        });
        let track = Arc::clone(track);
        // Feedback on sound has no use, but would fill its queue.
        tokio::spawn(async move {
            while let Some(TrackLocalEvent::OnRtcpPacket(_)) = track.poll().await {}
        });
    }

    pub(super) fn is_taken(&self) -> bool {
        self.outgoing.get().is_some()
    }

    pub(super) async fn send(&self, audio: &EncodedAudio) -> Result<()> {
        let Some(outgoing) = self.outgoing.get() else { return Ok(()) };
        let packet = outgoing.packet(audio)?;
        let bytes = packet.payload.len() as u64;
        outgoing.track.write_rtp(packet).await.map_err(|error| {
            Error::new(ErrorCode::Ice, format!("the connection takes no audio: {error}"))
        })?;
        self.packets_sent.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.packets_received.fetch_add(1, Ordering::Relaxed);
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn traffic(&self) -> AudioTraffic {
        AudioTraffic {
            packets_sent: self.packets_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            packets_received: self.packets_received.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
        }
    }
}

impl Outgoing {
    fn packet(&self, audio: &EncodedAudio) -> Result<rtp::Packet> {
        let sequence = {
            let mut next = lock(&self.sequence);
            let sequence = *next;
            *next = next.wrapping_add(1);
            sequence
        };
        let mut header = rtp::Header {
            version: 2,
            payload_type: self.payload_type,
            sequence_number: sequence,
            timestamp: self.timestamp_offset.wrapping_add(audio.position as u32),
            ssrc: self.ssrc,
            ..Default::default()
        };
        if let Some(id) = self.capture_extension {
            let mut value = BytesMut::with_capacity(8);
            value.put_u64(audio.capture_time.0);
            header.set_extension(id, value.freeze()).map_err(|error| {
                Error::new(ErrorCode::Internal, format!("abs-capture-time: {error}"))
            })?;
        }
        Ok(rtp::Packet { header, payload: audio.data.clone() })
    }
}
