//! From the packets of a remote track to access units.

use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::rtc_events::Shared;
use crate::media::audio::AudioPacket;
use crate::media::{AssemblerConfig, AssemblerOutput, FrameAssembler, RtpPacket};

/// Turns the packets of one remote track into access units until the track ends.
pub(super) async fn receive(track: Arc<dyn TrackRemote>, shared: Weak<Shared>) {
    if track.kind().await != RtpCodecKind::Video {
        return receive_audio(track, shared).await;
    }
    let config = match shared.upgrade() {
        Some(shared) if shared.every_picture => AssemblerConfig::for_every_picture(),
        _ => AssemblerConfig::default(),
    };
    let mut assembler = FrameAssembler::new(config);
    let mut media_ssrc = 0;
    let mut capture_extension = None;
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let deadline = assembler.next_timeout();
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = track.poll() => match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    media_ssrc = packet.header.ssrc;
                    assembler.push(
                        Instant::now(),
                        RtpPacket {
                            sequence: packet.header.sequence_number,
                            timestamp: packet.header.timestamp,
                            marker: packet.header.marker,
                            capture_time: capture_time(&packet.header, &mut capture_extension),
                            payload: packet.payload,
                        },
                    );
                }
                Some(TrackRemoteEvent::OnEnded) | None => return,
                Some(_) => {}
            },
            () = strong.key_frame_wanted.notified() => assembler.request_key_frame(Instant::now()),
            () = timer => assembler.handle_timeout(Instant::now()),
        }
        match strong.round_trip_nanos.load(Ordering::Relaxed) {
            0 => {}
            nanos => assembler.set_round_trip(Duration::from_nanos(nanos)),
        }
        while let Some(output) = assembler.poll(Instant::now()) {
            match output {
                AssemblerOutput::Frame(unit) => {
                    strong.frames_assembled.fetch_add(1, Ordering::Relaxed);
                    if let Some(buffer) = strong.observer.access_unit(unit) {
                        assembler.recycle(buffer);
                    }
                }
                AssemblerOutput::Repair(sequences) => {
                    let nacks = nack_pairs_from_sequence_numbers(&sequences);
                    request(&track, TransportLayerNack { sender_ssrc: 0, media_ssrc, nacks }).await;
                }
                AssemblerOutput::KeyFrameNeeded => {
                    strong.key_frames_requested.fetch_add(1, Ordering::Relaxed);
                    request(&track, PictureLossIndication { sender_ssrc: 0, media_ssrc }).await;
                }
            }
        }
        let stats = assembler.stats();
        strong.frames_given_up.store(stats.dropped(), Ordering::Relaxed);
        strong.packets_repaired.store(stats.repaired, Ordering::Relaxed);
    }
}

async fn request(track: &Arc<dyn TrackRemote>, feedback: impl rtc::rtcp::Packet + 'static) {
    if let Err(error) = track.write_rtcp(vec![Box::new(feedback)]).await {
        tracing::debug!(target: "parhelion::transport", "asking the sender: {error}");
    }
}

/// Passes the packets of one remote audio track on until it ends.
async fn receive_audio(track: Arc<dyn TrackRemote>, shared: Weak<Shared>) {
    let mut capture_extension = None;
    while let Some(event) = track.poll().await {
        match event {
            TrackRemoteEvent::OnRtpPacket(packet) => {
                let Some(shared) = shared.upgrade() else { return };
                shared.audio.count_received(packet.payload.len());
                shared.observer.audio_packet(AudioPacket {
                    ssrc: packet.header.ssrc,
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    capture_time: capture_time(&packet.header, &mut capture_extension),
                    payload: packet.payload,
                    arrived: Instant::now(),
                });
            }
            TrackRemoteEvent::OnEnded => return,
            _ => {}
        }
    }
}

/// The abs-capture-time of a packet. The negotiated id is not given to receivers, so the extension
/// is known by its shape: no other that we negotiate has 8 bytes (16 with the optional offset).
fn capture_time(header: &rtc::rtp::Header, known: &mut Option<u8>) -> Option<u64> {
    let stamp = |payload: &[u8]| {
        matches!(payload.len(), 8 | 16)
            .then(|| payload[..8].try_into().ok().map(u64::from_be_bytes))
            .flatten()
    };
    if let Some(id) = *known {
        return stamp(&header.get_extension(id)?);
    }
    let found =
        header.extensions.iter().find_map(|ext| stamp(&ext.payload).map(|time| (ext.id, time)))?;
    *known = Some(found.0);
    Some(found.1)
}
