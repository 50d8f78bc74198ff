//! Two peers over real sockets on loopback: pictures arrive, know when they were captured, and a
//! key frame comes when the other end asks for one.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parhelion::error::ErrorCode;
use parhelion::media::audio::{AudioPacket, BLOCK, CHANNELS, EncodedAudio, OpusEncoder};
use parhelion::media::rate::Bitrates;
use parhelion::media::{
    AccessUnit, H264Config, H264Decoder, H264Encoder, I420, NtpTime, VideoDecoder, VideoEncoder,
};
use parhelion::transport::{
    AudioUse, Cutter, EncodedFrame, PeerConfig, PeerEvent, PeerObserver, Reach, SharedPeer,
    open_peer, runtime,
};

/// Fails a test that hangs; nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(20);

enum Seen {
    Event(PeerEvent),
    Unit(AccessUnit),
    KeyFrameRequested,
    Audio(AudioPacket),
}

struct Recorder(Sender<Seen>);

impl PeerObserver for Recorder {
    fn event(&self, event: PeerEvent) {
        let _ = self.0.send(Seen::Event(event));
    }

    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        let _ = self.0.send(Seen::Unit(unit));
        None
    }

    fn key_frame_requested(&self) {
        let _ = self.0.send(Seen::KeyFrameRequested);
    }

    fn audio_packet(&self, packet: AudioPacket) {
        let _ = self.0.send(Seen::Audio(packet));
    }
}

struct End {
    peer: SharedPeer,
    seen: Receiver<Seen>,
}

impl End {
    fn open(sends_video: bool) -> Self {
        Self::open_with(sends_video, AudioUse::None)
    }

    fn open_with(sends_video: bool, audio: AudioUse) -> Self {
        let (sender, seen) = channel();
        let config = PeerConfig {
            ice_servers: Vec::new(),
            reach: Reach::Loopback,
            sends_video,
            audio,
            impairment: None,
            every_picture: false,
            bitrates: Bitrates::up_to(3_000_000),
        };
        let opening = open_peer(&config, Arc::new(Recorder(sender)));
        Self { peer: runtime::handle().block_on(opening).unwrap(), seen }
    }

    /// What `pick` makes of the first thing seen that it wants.
    fn wait<T>(&self, what: &str, pick: impl Fn(Seen) -> Option<T>) -> T {
        loop {
            let seen = self.seen.recv_timeout(PATIENCE);
            let seen = seen.unwrap_or_else(|error| panic!("waiting for {what}: {error}"));
            if let Some(found) = pick(seen) {
                return found;
            }
        }
    }

    fn send(&self, frame: &EncodedFrame) -> parhelion::error::Result<()> {
        runtime::handle().block_on(self.peer.send_frame(frame))
    }

    fn wait_until_up(&self) {
        self.wait("the connection", |seen| match seen {
            Seen::Event(PeerEvent::Up) => Some(()),
            _ => None,
        });
    }

    fn wait_for_unit(&self) -> AccessUnit {
        self.wait("a picture", |seen| match seen {
            Seen::Unit(unit) => Some(unit),
            _ => None,
        })
    }
}

/// Two connected ends. Candidates travel inside the answer and as events of the offering end.
fn connected() -> (End, End) {
    connect(End::open(true), End::open(true))
}

fn connect(left: End, right: End) -> (End, End) {
    runtime::handle().block_on(async {
        let offer = left.peer.offer().await.unwrap();
        let answer = right.peer.answer(&offer).await.unwrap();
        left.peer.accept_answer(&answer).await.unwrap();
    });
    loop {
        let candidate = left.wait("candidates", |seen| match seen {
            Seen::Event(PeerEvent::Candidate(candidate)) => Some(candidate),
            _ => None,
        });
        let last = candidate.is_none();
        runtime::handle().block_on(right.peer.add_candidate(candidate)).unwrap();
        if last {
            break;
        }
    }
    left.wait_until_up();
    right.wait_until_up();
    (left, right)
}

fn close(ends: (End, End)) {
    runtime::handle().block_on(async {
        ends.0.peer.close().await;
        ends.1.peer.close().await;
    });
}

fn encoder() -> H264Encoder {
    H264Encoder::new(H264Config::default()).unwrap()
}

fn picture(encoder: &mut H264Encoder, capture_time: u64) -> EncodedFrame {
    let picture = I420::new(320, 240).unwrap();
    let mut unit = Vec::new();
    encoder.encode(picture.planes(), Duration::ZERO, &mut unit).unwrap();
    Cutter::default().cut(unit, capture_time, true).unwrap()
}

#[test]
fn pictures_cross_in_both_directions_with_their_capture_time() {
    let ends = connected();
    for (from, to, stamp) in [(&ends.0, &ends.1, 5 << 32 | 7), (&ends.1, &ends.0, 9 << 32 | 1)] {
        from.send(&picture(&mut encoder(), stamp)).unwrap();
        let unit = to.wait_for_unit();
        assert!(unit.key);
        assert_eq!(unit.capture_time.map(NtpTime), Some(NtpTime(stamp)));
        let mut decoder = H264Decoder::new().unwrap();
        let planes = decoder.decode(&unit.data).unwrap().unwrap();
        assert_eq!((planes.width, planes.height), (320, 240));
    }
    close(ends);
}

#[test]
fn a_request_for_a_key_frame_reaches_the_other_end_in_both_directions() {
    let ends = connected();
    for (from, to) in [(&ends.0, &ends.1), (&ends.1, &ends.0)] {
        from.send(&picture(&mut encoder(), 1 << 32)).unwrap();
        to.wait_for_unit();
    }
    // With pictures flowing both ways, so that neither direction's feedback is taken for the other's.
    for (from, to) in [(&ends.0, &ends.1), (&ends.1, &ends.0)] {
        from.peer.request_key_frame();
        to.wait("the request", |seen| matches!(seen, Seen::KeyFrameRequested).then_some(()));
    }
    close(ends);
}

fn sound(position: u64, capture_time: u64) -> EncodedAudio {
    let data = OpusEncoder::new().unwrap().encode(&vec![1000; BLOCK * CHANNELS]).unwrap();
    EncodedAudio { data, position, capture_time: NtpTime(capture_time) }
}

fn wait_for_audio(end: &End) -> AudioPacket {
    end.wait("a packet of sound", |seen| match seen {
        Seen::Audio(packet) => Some(packet),
        _ => None,
    })
}

#[test]
fn sound_crosses_in_both_directions_beside_pictures() {
    let ends = connect(End::open_with(true, AudioUse::Both), End::open_with(true, AudioUse::Both));
    for (from, to) in [(&ends.0, &ends.1), (&ends.1, &ends.0)] {
        assert!(from.peer.takes_audio());
        let sent = sound(0, 7 << 32 | 5);
        for sound in [&sent, &sound(960, 7 << 32 | 6)] {
            runtime::handle().block_on(from.peer.send_audio(sound)).unwrap();
        }
        let (first, second) = (wait_for_audio(to), wait_for_audio(to));
        assert_eq!(first.payload, sent.data);
        assert_eq!(
            (first.capture_time, second.capture_time),
            (Some(7 << 32 | 5), Some(7 << 32 | 6))
        );
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(960));
        from.send(&picture(&mut encoder(), 1 << 32)).unwrap();
        assert!(to.wait_for_unit().key);
        let stats = runtime::handle().block_on(to.peer.stats()).audio;
        assert_eq!(stats.packets_received, 2);
    }
    close(ends);
}

#[test]
fn sound_goes_only_where_it_is_wanted() {
    let cases = [
        (AudioUse::Both, AudioUse::None, false, false),
        (AudioUse::None, AudioUse::Both, false, false),
        // A viewer: what is sent to it comes from elsewhere.
        (AudioUse::Receive, AudioUse::Send, false, true),
        // One that only listens to an end whose sound is made from what it would send.
        (AudioUse::Receive, AudioUse::Both, false, false),
        (AudioUse::Send, AudioUse::Both, true, false),
    ];
    for (left, right, left_sends, right_sends) in cases {
        let ends = connect(End::open_with(true, left), End::open_with(true, right));
        let takes = (ends.0.peer.takes_audio(), ends.1.peer.takes_audio());
        assert_eq!(takes, (left_sends, right_sends), "{left:?} offers to {right:?}");
        close(ends);
    }
}

#[test]
fn an_end_that_is_not_connected_takes_no_picture() {
    let end = End::open(true);
    let error = end.send(&picture(&mut encoder(), 0)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Ice);
    runtime::handle().block_on(end.peer.close());
}

#[test]
fn an_offer_that_is_no_session_description_is_refused() {
    let end = End::open(true);
    let error = runtime::handle().block_on(end.peer.answer("hello")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Signaling);
    runtime::handle().block_on(end.peer.close());
}

/// Carries the candidates of the end that offers to the other one.
fn trickle(from: &End, to: &End) {
    loop {
        let candidate = from.wait("candidates", |seen| match seen {
            Seen::Event(PeerEvent::Candidate(candidate)) => Some(candidate),
            _ => None,
        });
        let last = candidate.is_none();
        runtime::handle().block_on(to.peer.add_candidate(candidate)).unwrap();
        if last {
            return;
        }
    }
}

#[test]
fn a_restart_finds_another_path_and_keeps_everything_else() {
    let (left, right) =
        connect(End::open_with(true, AudioUse::Both), End::open_with(true, AudioUse::Both));
    let mut decoder = H264Decoder::new().unwrap();
    for round in 1..=3 {
        let offer = runtime::handle().block_on(async {
            let offer = left.peer.restart().await.unwrap();
            assert!(right.peer.is_restarted_by(&offer));
            assert!(!left.peer.is_restarted_by(&offer));
            let answer = right.peer.answer(&offer).await.unwrap();
            left.peer.accept_answer(&answer).await.unwrap();
            offer
        });
        assert!(!right.peer.is_restarted_by(&offer), "an offer restarts once");
        trickle(&left, &right);
        left.wait_until_up();
        right.wait_until_up();
        for stamp in [round << 32, round << 32 | 1] {
            left.send(&picture(&mut encoder(), stamp)).unwrap();
            let unit = right.wait_for_unit();
            assert_eq!(unit.capture_time.map(NtpTime), Some(NtpTime(stamp)));
            assert!(decoder.decode(&unit.data).unwrap().is_some());
            right.send(&picture(&mut encoder(), stamp)).unwrap();
            assert_eq!(left.wait_for_unit().capture_time, Some(stamp));
        }
        runtime::handle().block_on(left.peer.send_audio(&sound(960 * round, round << 32))).unwrap();
        assert_eq!(wait_for_audio(&right).capture_time, Some(round << 32));
        right.peer.request_key_frame();
        left.wait("the request", |seen| matches!(seen, Seen::KeyFrameRequested).then_some(()));
    }
    close((left, right));
}

#[test]
fn a_restart_that_another_peer_answers_is_refused() {
    let (left, right) = connected();
    let stranger = End::open(true);
    let error = runtime::handle().block_on(async {
        let offer = left.peer.restart().await.unwrap();
        let answer = stranger.peer.answer(&offer).await.unwrap();
        left.peer.accept_answer(&answer).await.unwrap_err()
    });
    assert_eq!((error.code, error.retryable), (ErrorCode::Signaling, true));
    assert!(error.message.contains("ICE restart"), "{error}");
    runtime::handle().block_on(stranger.peer.close());
    close((left, right));
}
