//! One encoder and those who watch it: nobody is slowed by anybody else.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parhelion::error::Result;
use parhelion::media::audio::EncodedAudio;
use parhelion::media::{H264Config, H264Encoder, I420, NtpTime};
use parhelion::protocol::IceCandidate;
use parhelion::transport::video::{CurrentPeer, OutgoingFrame, VideoSender};
use parhelion::transport::{EncodedFrame, Peer, PeerStats};

/// Fails a test that hangs; nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A peer that hands over what it is sent, or never comes back from sending.
struct FakePeer {
    pictures: Mutex<Sender<EncodedFrame>>,
    stuck: bool,
}

impl FakePeer {
    fn new(stuck: bool) -> (Arc<Self>, Receiver<EncodedFrame>) {
        let (sender, pictures) = channel();
        (Arc::new(Self { pictures: Mutex::new(sender), stuck }), pictures)
    }
}

#[async_trait]
impl Peer for FakePeer {
    async fn send_frame(&self, frame: &EncodedFrame) -> Result<()> {
        if self.stuck {
            std::future::pending::<()>().await;
        }
        let _ = self.pictures.lock().unwrap().send(frame.clone());
        Ok(())
    }

    async fn offer(&self) -> Result<String> {
        unreachable!("only pictures are sent here")
    }

    async fn restart(&self) -> Result<String> {
        unreachable!("only pictures are sent here")
    }

    fn is_restarted_by(&self, _offer: &str) -> bool {
        false
    }

    async fn answer(&self, _offer: &str) -> Result<String> {
        unreachable!("only pictures are sent here")
    }

    async fn accept_answer(&self, _answer: &str) -> Result<()> {
        unreachable!("only pictures are sent here")
    }

    async fn add_candidate(&self, _candidate: Option<IceCandidate>) -> Result<()> {
        unreachable!("only pictures are sent here")
    }

    fn request_key_frame(&self) {}

    fn takes_audio(&self) -> bool {
        false
    }

    async fn send_audio(&self, _audio: &EncodedAudio) -> Result<()> {
        Ok(())
    }

    async fn stats(&self) -> PeerStats {
        PeerStats::default()
    }

    async fn close(&self) {}
}

/// A sender whose publisher is seen picture by picture.
struct Source {
    sender: VideoSender,
    publisher: Receiver<EncodedFrame>,
    number: u64,
}

impl Source {
    fn start() -> Self {
        let (peer, publisher) = FakePeer::new(false);
        let current = Arc::<CurrentPeer>::default();
        current.set(Some(peer));
        let encoder = Box::new(H264Encoder::new(H264Config::default()).unwrap());
        let sender = VideoSender::start("encoder", current, encoder, 1_000_000).unwrap();
        Self { sender, publisher, number: 0 }
    }

    /// Sends one picture and returns what the publisher gets of it.
    fn picture(&mut self) -> EncodedFrame {
        self.number += 1;
        let mut picture = self.sender.picture();
        let blank = I420::new(320, 240).unwrap();
        picture.copy_from(blank.planes()).unwrap();
        let capture_time = NtpTime(self.number << 27);
        self.sender.send(OutgoingFrame { picture, capture_time });
        loop {
            let frame = self.publisher.recv_timeout(PATIENCE).expect("the publisher's picture");
            if frame.capture_time == capture_time.0 {
                return frame;
            }
        }
    }

    /// Sends pictures until the condition holds.
    fn until(&mut self, what: &str, condition: impl Fn() -> bool) {
        let began = Instant::now();
        while !condition() {
            assert!(began.elapsed() < PATIENCE, "waiting for {what}");
            self.picture();
        }
    }
}

#[test]
fn a_viewer_that_takes_nothing_slows_nobody_and_is_counted() {
    let mut source = Source::start();
    source.picture();
    let (stuck, _nothing) = FakePeer::new(true);
    let (quick, pictures) = FakePeer::new(false);
    let stuck = source.sender.fan_out().attach(stuck);
    let quick = source.sender.fan_out().attach(quick);
    source.until("the quick viewer's first picture", || quick.stats().frames_sent > 0);
    assert!(pictures.recv_timeout(PATIENCE).unwrap().key, "a viewer begins with a key frame");
    for _ in 0..60 {
        // Each of them came to the publisher: the encoder waited for nobody.
        let sent = source.picture();
        let seen = std::iter::from_fn(|| pictures.recv_timeout(PATIENCE).ok())
            .find(|seen| seen.capture_time == sent.capture_time);
        assert!(seen.is_some(), "the quick viewer gets every picture");
    }
    assert_eq!(quick.stats().frames_dropped, 0);
    assert_eq!(stuck.stats().frames_sent, 0);
    source.sender.stop();
}

#[test]
fn a_viewer_that_fell_behind_goes_on_with_a_key_frame_and_no_other() {
    let mut source = Source::start();
    source.picture();
    // Its queue fills while this test holds the peer's way out.
    let (peer, pictures) = FakePeer::new(false);
    let viewer = source.sender.fan_out().attach(Arc::clone(&peer) as Arc<dyn Peer>);
    source.until("the viewer's first picture", || viewer.stats().frames_sent > 0);
    let held = peer.pictures.lock().unwrap();
    source.until("pictures lost", || viewer.stats().frames_dropped > 3);
    drop(held);
    let began = Instant::now();
    let mut last = 0;
    let mut gap = false;
    while !gap {
        assert!(began.elapsed() < PATIENCE, "waiting for the picture after the gap");
        source.picture();
        while let Ok(frame) = pictures.try_recv() {
            gap = last != 0 && frame.capture_time - last > (2 << 27);
            last = frame.capture_time;
            if gap {
                assert!(frame.key, "after a gap comes a key frame");
                break;
            }
        }
    }
    source.sender.stop();
}

#[test]
fn many_who_join_together_cost_the_publisher_one_key_frame_a_second() {
    let mut source = Source::start();
    source.picture();
    let began = Instant::now();
    let viewers: Vec<_> = (0..20)
        .map(|_| {
            let (peer, pictures) = FakePeer::new(false);
            (source.sender.fan_out().attach(peer), pictures)
        })
        .collect();
    let mut key_frames = 0;
    while !viewers.iter().all(|(viewer, _)| viewer.stats().frames_sent > 0) {
        assert!(began.elapsed() < PATIENCE, "waiting for everybody's first picture");
        key_frames += u32::from(source.picture().key);
    }
    // One for each second that passed, however many wait.
    assert!(f64::from(key_frames) <= 1.0 + began.elapsed().as_secs_f64(), "{key_frames}");
    assert_eq!(source.sender.fan_out().viewers(), 20);
    drop(viewers);
    assert_eq!(source.sender.fan_out().viewers(), 0);
    source.sender.stop();
}

#[test]
fn a_viewer_that_asks_all_the_time_gets_a_key_frame_a_second_at_most() {
    let mut source = Source::start();
    source.picture();
    let (peer, _pictures) = FakePeer::new(false);
    let viewer = source.sender.fan_out().attach(peer);
    let began = Instant::now();
    let mut key_frames = 0;
    while began.elapsed() < Duration::from_millis(2500) {
        viewer.request_key_frame();
        key_frames += u32::from(source.picture().key);
    }
    assert!(key_frames >= 1);
    assert!(f64::from(key_frames) <= 1.0 + began.elapsed().as_secs_f64(), "{key_frames}");
    source.sender.stop();
}
