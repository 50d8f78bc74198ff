//! Sockets and media connections: the only layer, with the drivers above it, that knows tokio, and
//! the only one that knows webrtc.
//!
//! A driver talks to a [`Peer`]; what carries it can be exchanged without a change above. The
//! pipelines between frames and a peer are in [`video`]: encoding and decoding run on OS threads,
//! the runtime moves packets only.

pub mod audio;
pub mod fan_out;
mod impaired_socket;
pub mod impairment;
mod key_frame_requests;
mod names;
mod pacer;
mod packetizer;
mod rate_follower;
mod rtc_audio;
mod rtc_engine;
mod rtc_events;
mod rtc_peer;
mod rtc_receive;
pub mod runtime;
mod sdp;
mod send_history;
mod send_rate;
mod sent_again;
mod tail;
pub mod tls;
mod transport_feedback;
pub mod video;
mod video_receive;
mod video_send;
pub mod websocket;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::media::assembler::AccessUnit;
use crate::media::audio::{AudioPacket, EncodedAudio};
use crate::media::rate::Bitrates;
use crate::protocol::{IceCandidate, Secret};

pub use impaired_socket::{Direction, Impairment, PacketCounters};
pub use packetizer::{Cutter, EncodedFrame};
pub use rtc_peer::open_peer;
pub use sdp::suggest_start_bitrate;
pub use send_rate::RateNow;

/// A STUN or TURN server (RFC 8489, RFC 8656).
#[derive(Debug, Clone, Default)]
pub struct IceServer {
    /// `stun:host:port` or `turn:host:port`.
    pub urls: Vec<String>,
    pub username: String,
    pub credential: Secret,
}

/// Which addresses a peer offers to its counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// 127.0.0.1 alone: both ends are on this machine.
    Loopback,
    /// Every interface that is up, without loopback.
    Network,
    /// Both of the above.
    Everywhere,
}

#[derive(Debug, Clone)]
pub struct PeerConfig {
    pub ice_servers: Vec<IceServer>,
    pub reach: Reach,
    /// Whether video is sent as well as received.
    pub sends_video: bool,
    /// A bad link to put before the peer's sockets. None: they are used as they are.
    pub impairment: Option<Arc<Impairment>>,
    pub audio: AudioUse,
    /// Whether no picture that comes is to be left out: packets that are missing are then waited for
    /// much longer before a key frame takes their place.
    pub every_picture: bool,
    /// Bounds of the video that is sent, and where its rate begins.
    pub bitrates: Bitrates,
}

/// What a connection does with sound. Offering, it asks for that; answering, it takes up as much of
/// that as was offered, and declines the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioUse {
    /// None.
    #[default]
    None,
    /// Sends and receives. Answering, it sends only to an end that sends too: what it would send is
    /// made from that.
    Both,
    Send,
    Receive,
}

/// What a peer reports to its driver. Few and small; frames take another way.
#[derive(Debug)]
pub enum PeerEvent {
    /// A local candidate was found; `None` after the last.
    Candidate(Option<IceCandidate>),
    /// Media can flow.
    Up,
    /// The path is silent; it may come back by itself.
    Interrupted,
    /// The path is gone for good.
    Lost(String),
}

/// Receives what the network brings. Called from tasks of the runtime: must not block.
pub trait PeerObserver: Send + Sync + 'static {
    fn event(&self, event: PeerEvent);
    /// One complete access unit. Returns a used buffer that the assembler may fill again.
    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>>;
    /// The other end cannot go on without a key frame.
    fn key_frame_requested(&self);
    /// One packet of sound, in the order of arrival.
    fn audio_packet(&self, _packet: AudioPacket) {}
}

/// Counters of one peer connection, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeerStats {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub packets_lost: i64,
    /// Packets that the other end should have received and those it missed, as it said last.
    pub remote_packets_expected: u64,
    pub remote_packets_lost: u64,
    /// Requests for packets and for key frames that came from the other end, or went to it.
    pub nacks_received: u64,
    pub nacks_sent: u64,
    pub plis_received: u64,
    pub firs_received: u64,
    /// Interarrival jitter of the video in seconds (RFC 3550 section 6.4.1).
    pub jitter: f64,
    /// Round trip of the network path in seconds, from ICE checks; none before the first.
    pub round_trip_time: Option<f64>,
    pub key_frames_requested: u64,
    pub frames_assembled: u64,
    pub frames_given_up: u64,
    /// Packets of video that were missing, asked for, and came in time.
    pub packets_repaired: u64,
    /// Of the packets and bytes above, those of sound.
    pub audio: AudioTraffic,
}

/// The sound of one peer connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudioTraffic {
    pub packets_sent: u64,
    /// RTP payload.
    pub bytes_sent: u64,
    pub packets_received: u64,
    /// RTP payload.
    pub bytes_received: u64,
}

/// One media connection. It must be closed: dropping it leaves its task and its sockets behind.
#[async_trait]
pub trait Peer: Send + Sync + 'static {
    /// Creates and applies the local offer. Candidates follow as events.
    async fn offer(&self) -> Result<String>;
    /// Creates and applies an offer that looks for another path over new sockets (ICE restart, RFC 8445
    /// section 9). Keys, streams and everything that was agreed stay. Candidates follow as events.
    async fn restart(&self) -> Result<String>;
    /// Whether an offer is such a restart by the peer at the other end.
    fn is_restarted_by(&self, offer: &str) -> bool;
    /// Applies a remote offer, the first one or that of a restart, and returns the complete answer, all
    /// candidates in it.
    async fn answer(&self, offer: &str) -> Result<String>;
    /// Applies the remote answer. Fails if it answers a restart and is not from the same peer.
    async fn accept_answer(&self, answer: &str) -> Result<()>;
    /// Adds a remote candidate; `None` marks the end.
    async fn add_candidate(&self, candidate: Option<IceCandidate>) -> Result<()>;
    /// Sends one encoded picture. Waits while the connection cannot take more, and sends nothing while
    /// it is interrupted: what is made then is old when it is over.
    async fn send_frame(&self, frame: &EncodedFrame) -> Result<()>;
    /// What may be sent at present; none if nobody estimates it.
    fn send_rate(&self) -> Option<RateNow> {
        None
    }
    /// Asks the other end for a key frame.
    fn request_key_frame(&self);
    /// Whether sound can be sent now: the connection is up, and the other end takes it.
    fn takes_audio(&self) -> bool;
    /// Sends one packet of sound; does nothing unless [`Self::takes_audio`]. Waits as
    /// [`Self::send_frame`] does.
    async fn send_audio(&self, audio: &EncodedAudio) -> Result<()>;
    async fn stats(&self) -> PeerStats;
    async fn close(&self);
}

pub type SharedPeer = Arc<dyn Peer>;
