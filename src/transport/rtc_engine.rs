//! What we negotiate and which interceptors run, where the webrtc crate's defaults are wrong for live
//! video: our own codec list without RTX, no generator of NACKs (the frame assembler knows better what is
//! missing, what is still worth asking for, and how long the way is), transport feedback every 50 ms
//! instead of 100, and an estimate of our own in place of the crate's, which random losses bring down
//! to nothing.

use std::sync::Arc;
use std::time::Duration;

use rtc::interceptor::{NackResponderBuilder, TwccReceiverBuilder, TwccSenderBuilder};
use rtc::peer_connection::configuration::interceptor_registry::{
    Slot, configure_rtcp_reports, configure_twcc_receiver_only,
};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::peer_connection::{MediaEngine, Registry};

use super::key_frame_requests::KeyFrameRequests;
use super::send_rate::SendRate;
use super::sent_again::SentAgain;
use super::transport_feedback::{ABS_SEND_TIME, TransportFeedback};
use crate::error::{Error, ErrorCode, Result};

/// <https://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time>
pub(super) const ABS_CAPTURE_TIME: &str =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
const H264_PAYLOAD_TYPE: u8 = 102;
const OPUS_PAYLOAD_TYPE: u8 = 111;
const H264_FORMAT: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// Without `stereo=1` the other end may send and decode one channel only (RFC 7587 section 6.1).
const OPUS_FORMAT: &str = "minptime=10;stereo=1;useinbandfec=1";

/// How often the other end hears when its packets came.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);
pub(super) const RETRANSMISSION_PACKETS: u16 = 2048;

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() }
}

pub(super) fn h264() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: H264_FORMAT.to_owned(),
        rtcp_feedback: vec![
            feedback("nack", ""),
            feedback("nack", "pli"),
            feedback("ccm", "fir"),
            // Of those who know no transport feedback some estimate what they can be sent.
            feedback("goog-remb", ""),
        ],
    }
}

pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: OPUS_FORMAT.to_owned(),
        rtcp_feedback: vec![],
    }
}

pub(super) fn setup(what: &str) -> impl FnOnce(webrtc::error::Error) -> Error + '_ {
    move |error| Error::new(ErrorCode::Internal, format!("{what} failed: {error}"))
}

/// The codecs and extensions to offer, and the chain that packets pass. The rate that is estimated
/// there is written to `rate`.
pub(super) fn engine(rate: &Arc<SendRate>) -> Result<(MediaEngine, Registry)> {
    let mut engine = MediaEngine::default();
    let codecs = [
        (h264(), H264_PAYLOAD_TYPE, RtpCodecKind::Video),
        (opus(), OPUS_PAYLOAD_TYPE, RtpCodecKind::Audio),
    ];
    for (rtp_codec, payload_type, kind) in codecs {
        let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
        engine.register_codec(codec, kind).map_err(setup("codec registration"))?;
    }
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        engine
            .register_header_extension(
                RTCRtpHeaderExtensionCapability { uri: ABS_CAPTURE_TIME.to_owned() },
                kind,
                None,
            )
            .map_err(setup("header extension registration"))?;
    }
    engine
        .register_header_extension(
            RTCRtpHeaderExtensionCapability { uri: ABS_SEND_TIME.to_owned() },
            RtpCodecKind::Video,
            None,
        )
        .map_err(setup("header extension registration"))?;
    let registry = configure_rtcp_reports(Registry::new());
    let registry = configure_twcc_receiver_only(registry, &mut engine)
        .map_err(setup("transport feedback registration"))?;
    let registry = registry
        .with(Slot::CongestionControl, TransportFeedback::new(Arc::clone(rate)))
        .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        .with(Slot::Pacer, SentAgain::new(Arc::clone(rate)))
        .with(
            Slot::TwccReceiver,
            TwccReceiverBuilder::new().with_interval(FEEDBACK_INTERVAL).build(),
        )
        .with(
            Slot::NackResponder,
            NackResponderBuilder::new().with_size(RETRANSMISSION_PACKETS).build(),
        )
        .with(Slot::from(20_000), KeyFrameRequests::default());
    Ok((engine, registry))
}
