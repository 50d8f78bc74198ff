//! Session descriptions, as an offer to one real peer and as the answer to another.

use std::sync::Arc;
use std::time::Duration;

use parhelion::error::Result;
use parhelion::media::AccessUnit;
use parhelion::media::rate::Bitrates;
use parhelion::transport::{
    AudioUse, PeerConfig, PeerEvent, PeerObserver, Reach, open_peer, runtime, suggest_start_bitrate,
};

use super::Target;

pub const TARGET: Target = Target {
    name: "descriptions",
    run,
    seeds: &[],
    words: &[
        "m=video 9 UDP/TLS/RTP/SAVPF 102\r\n",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        "a=rtpmap:102 H264/90000\r\n",
        "a=rtpmap:111 opus/48000/2\r\n",
        "a=fmtp:102 ",
        "a=extmap:1 ",
        "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n",
        "a=candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype passive\r\n",
        "a=ssrc:1 cname:x\r\n",
        "a=ssrc-group:FID 1 2\r\n",
        "a=simulcast:send 1;2\r\n",
        "a=rid:1 send\r\n",
        "a=setup:passive\r\n",
        "a=setup:holdconn\r\n",
        "a=group:BUNDLE 0 1 2\r\n",
        "a=ice-lite\r\n",
        "a=end-of-candidates\r\n",
        "a=mid:",
        "b=AS:0\r\n",
    ],
    max_len: 16 << 10,
    // What this thread takes; the peers' tasks run on others.
    memory: 32 << 20,
};

/// Sessions refuse longer ones, from either end.
const LONGEST: usize = 256 << 10;
/// Gathering has a limit of three seconds; the machine may do other things.
const PATIENCE: Duration = Duration::from_secs(100);

struct Nobody;

impl PeerObserver for Nobody {
    fn event(&self, _: PeerEvent) {}

    fn access_unit(&self, _: AccessUnit) -> Option<Vec<u8>> {
        None
    }

    fn key_frame_requested(&self) {}
}

fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let suggested = suggest_start_bitrate(&text, 2_500_000);
    assert!(suggested.len() <= text.len() + 40 * text.lines().count());
    runtime::handle().block_on(async {
        tokio::time::timeout(PATIENCE, both(&text)).await.expect("a description never hangs");
    });
}

async fn both(text: &str) {
    let config = PeerConfig {
        ice_servers: Vec::new(),
        reach: Reach::Loopback,
        sends_video: true,
        impairment: None,
        every_picture: false,
        audio: AudioUse::Both,
        bitrates: Bitrates::up_to(1_000_000),
    };
    let answering = open_peer(&config, Arc::new(Nobody)).await.unwrap();
    if let Ok(answer) = answering.answer(text).await {
        assert!(answer.starts_with("v=0") && answer.len() <= LONGEST, "{answer}");
    }
    answering.close().await;
    let offering = open_peer(&config, Arc::new(Nobody)).await.unwrap();
    let _: Result<String> = offering.offer().await;
    let _: Result<()> = offering.accept_answer(text).await;
    offering.close().await;
}
