//! The two pipelines between sound and a peer: encode and send, receive and decode.
//!
//! Each has an OS thread, as for pictures: encoding a block takes a tenth of a millisecond, decoding
//! one less, and neither may wait behind the packets of others.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::fan_out::FanOut;
use super::runtime;
use super::video::{CurrentPeer, lock, spawn};
use crate::error::Result;
use crate::media::audio::{
    AudioBlock, AudioPacket, AudioReceiverStats, BlockReceiver, EncodedAudio, OpusEncoder,
};
use crate::media::{Drops, Mailbox, NtpTime};

/// Packets before the decoder: far more than come while it is at work on one.
const UNDECODED: usize = 64;

/// A block on its way out.
pub struct OutgoingBlock {
    /// As many as a block has.
    pub samples: Vec<i16>,
    /// Where the first sample stands in its stream, in samples.
    pub position: u64,
    pub capture_time: NtpTime,
}

/// Encodes blocks and hands them to the peer, and to all who listen.
pub struct AudioSender {
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AudioSender {
    /// Starts the thread. `source` is called on it for one block after another; it waits until one
    /// is due, and ends the thread with `None`.
    pub fn start(
        peer: Arc<CurrentPeer>,
        fan_out: Option<Arc<FanOut>>,
        mut source: impl FnMut() -> Option<OutgoingBlock> + Send + 'static,
    ) -> Result<Self> {
        let mut encoder = OpusEncoder::new()?;
        let thread = spawn("parhelion-audio", move || {
            while let Some(block) = source() {
                let peer = peer.get().filter(|peer| peer.takes_audio());
                let listened = fan_out.as_ref().filter(|fan_out| fan_out.viewers() > 0);
                if peer.is_none() && listened.is_none() {
                    continue;
                }
                let data = match encoder.encode(&block.samples) {
                    Ok(data) => data,
                    Err(error) => {
                        tracing::warn!(target: "parhelion::media", "{error}");
                        continue;
                    }
                };
                let (position, capture_time) = (block.position, block.capture_time);
                let encoded = EncodedAudio { data, position, capture_time };
                // All sound of a session that goes anywhere passes here.
                if let Some(fan_out) = listened {
                    fan_out.put_audio(&encoded);
                }
                if let Some(peer) = peer
                    && let Err(error) = runtime::handle().block_on(peer.send_audio(&encoded))
                {
                    tracing::debug!(target: "parhelion::media", "sending audio: {error}");
                }
            }
        })?;
        Ok(Self { thread: Mutex::new(Some(thread)) })
    }

    /// The thread, to be waited for once its source has ended.
    pub fn thread(&self) -> Option<JoinHandle<()>> {
        lock(&self.thread).take()
    }
}

struct ReceiverShared {
    inbox: Mailbox<AudioPacket>,
    stats: Mutex<AudioReceiverStats>,
}

/// Puts packets in order and decodes them.
pub struct AudioReceiver {
    shared: Arc<ReceiverShared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AudioReceiver {
    /// Starts the thread. `sink` is called on it with each block.
    pub fn start(sink: impl FnMut(AudioBlock) + Send + 'static) -> Result<Self> {
        let shared = Arc::new(ReceiverShared {
            inbox: Mailbox::new("audio", UNDECODED),
            stats: Mutex::default(),
        });
        let receiver = BlockReceiver::new()?;
        let worker = Arc::clone(&shared);
        let thread = spawn("parhelion-hear", move || hear(&worker, receiver, sink))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a packet.
    pub fn push(&self, packet: AudioPacket) {
        self.shared.inbox.put(packet);
    }

    pub fn stats(&self) -> AudioReceiverStats {
        *lock(&self.shared.stats)
    }

    pub fn drops(&self) -> Drops {
        self.shared.inbox.counters()
    }

    /// Ends the thread; the handle lets a caller wait for it.
    pub fn stop(&self) -> Option<JoinHandle<()>> {
        self.shared.inbox.close();
        lock(&self.thread).take()
    }
}

impl Drop for AudioReceiver {
    fn drop(&mut self) {
        self.shared.inbox.close();
    }
}

fn hear(shared: &ReceiverShared, mut receiver: BlockReceiver, mut sink: impl FnMut(AudioBlock)) {
    loop {
        let packet = match receiver.next_timeout() {
            None => shared.inbox.take(),
            Some(at) => shared.inbox.take_timeout(at.saturating_duration_since(Instant::now())),
        };
        match packet {
            Some(packet) => receiver.push(packet),
            None if shared.inbox.is_closed() => return,
            None => receiver.handle_timeout(Instant::now()),
        }
        *lock(&shared.stats) = receiver.stats();
        while let Some(block) = receiver.poll() {
            sink(block);
        }
    }
}
