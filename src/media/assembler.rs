//! RTP packets in, whole frames out.
//!
//! Packets may come late, twice, out of order or not at all. A frame is released the moment its
//! last packet completes it, and only if everything since the end of the frame before it is
//! there, so a decoder behind the assembler never works on a picture that refers to a missing
//! one. Packets that are missing are asked for again (RFC 4585 §6.2.1). If that takes too long, by
//! the round trip, a key frame is asked for as well, and what comes first is shown. What is still
//! missing after twice that time is given up: then nothing is released until a complete key frame,
//! and one is asked for until it comes.
//!
//! Time is an argument. After every [`FrameAssembler::push`] and
//! [`FrameAssembler::handle_timeout`], drain [`FrameAssembler::poll`].

use std::time::{Duration, Instant};

use super::depacketize::{Contents, Depacketizer, RtpPacket};
use repair::Repair;
use window::{Insert, Window};

mod repair;
mod window;

/// Packets that may wait for an earlier one.
pub const MAX_PACKETS: usize = 4096;

/// Bytes of a frame, before and after depacketizing.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// Bytes of payload that may wait: one frame of the largest size and the beginning of another.
const MAX_WAITING_BYTES: usize = 2 * MAX_FRAME_BYTES;

/// When more packets are missing, a key frame is cheaper than they are, and sooner there. At 2.5 Mb/s
/// they are half a second.
pub const MAX_REPAIRS: usize = 128;

/// How long the first packets of a stream may turn up after later ones before a key frame is
/// asked for.
const START_GRACE: Duration = Duration::from_millis(20);

/// Buffers kept for later frames.
const MAX_SPARE: usize = 4;

/// How patient the assembler is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssemblerConfig {
    /// How long a missing packet may be repaired before a key frame is asked for as well, however
    /// short the round trip is; after twice that time it is given up. 200 ms unless set.
    pub gap_deadline: Duration,
    /// After which it is given up however long the round trip is. 1 s unless set.
    pub longest_gap_deadline: Duration,
    /// Shortest time between two requests for a key frame; it is longer than a round trip, too.
    /// 200 ms unless set.
    pub key_frame_interval: Duration,
}

impl Default for AssemblerConfig {
    fn default() -> Self {
        let wait = Duration::from_millis(200);
        let longest = Duration::from_secs(1);
        Self { gap_deadline: wait, longest_gap_deadline: longest, key_frame_interval: wait }
    }
}

impl AssemblerConfig {
    /// For when no picture is to be left out: waits as long as a sender may need that sends a whole
    /// large picture again on a narrow link.
    pub fn for_every_picture() -> Self {
        Self {
            gap_deadline: Duration::from_secs(4),
            longest_gap_deadline: Duration::from_secs(8),
            ..Self::default()
        }
    }
}

/// A coded picture with the parameter sets that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Annex B byte stream with four-byte start codes.
    pub data: Vec<u8>,
    /// RTP timestamp, 90 kHz; wraps.
    pub timestamp: u32,
    /// The abs-capture-time extension: NTP time as 32.32 fixed point.
    pub capture_time: Option<u64>,
    /// Whether the picture can be decoded by itself.
    pub key: bool,
    /// When the packet came that completed it.
    pub arrived: Instant,
}

/// What the assembler wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssemblerOutput {
    /// Decode this.
    Frame(AccessUnit),
    /// Ask the sender for these packets again (RFC 4585 §6.2.1, generic NACK).
    Repair(Vec<u16>),
    /// Ask the sender for a key frame (RFC 4585 §6.3.1, picture loss indication).
    KeyFrameNeeded,
}

/// What came and what became of it. Counts only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssemblerStats {
    /// Packets pushed, of any kind.
    pub packets: u64,
    /// Packets that had come before.
    pub duplicates: u64,
    /// Packets that came after they had been given up.
    pub late: u64,
    /// Packets far away from the stream, held until a second one confirms that it moved.
    pub stray: u64,
    /// Packets that were given up and never came in time.
    pub lost: u64,
    /// Packets that were missing, asked for, and came in time.
    pub repaired: u64,
    /// Packets asked for, each time counted.
    pub repair_requests: u64,
    /// Times the stream started over at another sequence number.
    pub restarts: u64,
    /// Frames released.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Frames dropped because packets of theirs were missing.
    pub dropped_incomplete: u64,
    /// Frames dropped because no key frame had come yet.
    pub dropped_awaiting_key_frame: u64,
    /// Frames dropped because a payload was malformed.
    pub dropped_malformed: u64,
    /// Frames dropped because they exceeded [`MAX_FRAME_BYTES`].
    pub dropped_too_large: u64,
    /// Key frames asked for.
    pub key_frame_requests: u64,
}

impl AssemblerStats {
    /// Frames dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_incomplete
            + self.dropped_awaiting_key_frame
            + self.dropped_malformed
            + self.dropped_too_large
    }
}

/// What the frame at the front of the window turned out to be.
enum Built {
    Unit(Contents),
    /// Padding only.
    Empty,
    Malformed,
    TooLarge,
}

/// Puts the frames of one RTP stream together.
#[derive(Debug)]
pub struct FrameAssembler {
    config: AssemblerConfig,
    repair: Repair,
    window: Option<Window>,
    /// A packet from elsewhere, in case the stream has moved there.
    stray: Option<RtpPacket>,
    /// Whether every frame before the front was released, down to a key frame.
    synchronized: bool,
    /// Parameter sets were released, and nothing was lost since. If not, a key frame must bring
    /// them; as they come first, it then cannot be the rest of one that lost its beginning.
    has_parameters: bool,
    /// When to ask next; `None` while synchronized.
    ask_at: Option<Instant>,
    last_asked: Option<Instant>,
    /// Asked for by the owner or by the clock, not yet polled.
    asking: bool,
    /// Packets to ask for, not yet polled.
    requests: Vec<u16>,
    spare: Vec<Vec<u8>>,
    stats: AssemblerStats,
}

impl FrameAssembler {
    pub fn new(config: AssemblerConfig) -> Self {
        Self {
            config,
            repair: Repair::new(config.gap_deadline, config.longest_gap_deadline),
            window: None,
            stray: None,
            synchronized: false,
            has_parameters: false,
            ask_at: None,
            last_asked: None,
            asking: false,
            requests: Vec::new(),
            spare: Vec::new(),
            stats: AssemblerStats::default(),
        }
    }

    /// Takes a packet in.
    pub fn push(&mut self, now: Instant, packet: RtpPacket) {
        self.stats.packets += 1;
        self.repair.earn();
        let Some(window) = &mut self.window else {
            return self.start(now, packet);
        };
        match window.insert(now, packet) {
            Insert::Accepted => {
                self.stray = None;
                while self.window.as_ref().is_some_and(Window::is_too_full) {
                    self.give_up(now);
                }
            }
            Insert::Filled(gap) => {
                self.stray = None;
                self.stats.repaired += u64::from(gap.was_requested());
                self.repair.came(now, &gap);
            }
            Insert::Duplicate => self.stats.duplicates += 1,
            Insert::Late => self.stats.late += 1,
            Insert::Elsewhere(packet) => self.elsewhere(now, packet),
        }
        self.handle_timeout(now);
    }

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.can_advance(now) {
            if self.gap_ends().is_some_and(|at| at <= now) {
                self.give_up(now);
            } else if self.is_overdue(now) && self.ask_at.is_none() {
                self.ask_soon(now);
            }
        }
        if self.ask_ends().is_some_and(|at| at <= now) {
            self.asking = true;
        }
        if let Some(window) = &mut self.window {
            let before = self.requests.len();
            window.request(now, &mut self.repair, &mut self.requests);
            self.stats.repair_requests += (self.requests.len() - before) as u64;
        }
    }

    /// Tells how long the way to the sender and back is at present. Until then the assembler goes by
    /// how long its own requests take.
    pub fn set_round_trip(&mut self, measured: Duration) {
        self.repair.set_round_trip(measured);
    }

    /// When [`Self::handle_timeout`] has something to do, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let request = self.window.as_ref().and_then(|window| window.next_request(&self.repair));
        let patience_ends = self.patience_ends().filter(|_| self.ask_at.is_none());
        [self.gap_ends(), patience_ends, self.ask_ends(), request].into_iter().flatten().min()
    }

    /// The next thing to do. `None`: nothing until a packet or a timeout.
    pub fn poll(&mut self, now: Instant) -> Option<AssemblerOutput> {
        if !self.requests.is_empty() {
            return Some(AssemblerOutput::Repair(std::mem::take(&mut self.requests)));
        }
        if let Some(unit) = self.next_frame(now) {
            return Some(AssemblerOutput::Frame(unit));
        }
        if std::mem::take(&mut self.asking) {
            if self.synchronized && !self.is_overdue(now) {
                self.ask_at = None;
                return None;
            }
            self.last_asked = Some(now);
            self.ask_at = Some(now + self.key_frame_interval());
            self.stats.key_frame_requests += 1;
            return Some(AssemblerOutput::KeyFrameNeeded);
        }
        None
    }

    /// Releases nothing more until a key frame, and asks for one: the decoder has lost the
    /// thread.
    pub fn request_key_frame(&mut self, now: Instant) {
        self.lose_sync(now);
        self.handle_timeout(now);
    }

    /// Gives the memory of a released frame back.
    pub fn recycle(&mut self, mut data: Vec<u8>) {
        if self.spare.len() < MAX_SPARE && data.capacity() > 0 {
            data.clear();
            self.spare.push(data);
        }
    }

    pub fn stats(&self) -> AssemblerStats {
        self.stats
    }

    fn start(&mut self, now: Instant, packet: RtpPacket) {
        self.stray = None;
        self.requests.clear();
        self.synchronized = false;
        let earliest = self.last_asked.map_or(now, |at| at + self.key_frame_interval());
        self.ask_at = Some(earliest.max(now + START_GRACE));
        self.window = Some(Window::starting_with(now, packet));
    }

    /// A stream may start over anywhere, but a lone packet from nowhere must not tear it down:
    /// two in a row are needed (RFC 3550 appendix A.1).
    fn elsewhere(&mut self, now: Instant, packet: RtpPacket) {
        self.stats.stray += 1;
        match self.stray.take() {
            Some(first) if packet.sequence == first.sequence.wrapping_add(1) => {
                if let Some(window) = &self.window {
                    self.stats.dropped_incomplete += window.frames_waiting();
                }
                self.stats.restarts += 1;
                self.has_parameters = false;
                self.start(now, first);
                if let Some(window) = &mut self.window {
                    window.insert(now, packet);
                }
            }
            _ => self.stray = Some(packet),
        }
    }

    /// The next frame that may be released. Frames that may not are dropped on the way.
    fn next_frame(&mut self, now: Instant) -> Option<AccessUnit> {
        loop {
            if !self.synchronized || self.is_overdue(now) {
                self.skip_to_complete_key_frame();
            }
            let count = self.window.as_ref()?.complete_frame()?;
            let mut data = self.spare.pop().unwrap_or_default();
            let built = self.build(count, &mut data);
            let window = self.window.as_mut()?;
            let head = window.consume(count);
            if let Built::Unit(contents) = built {
                let parameters = self.has_parameters || (contents.sps && contents.pps);
                let key = contents.idr && contents.from_first_macroblock && parameters;
                if key || self.synchronized {
                    self.released(key, contents);
                    return Some(AccessUnit {
                        data,
                        timestamp: head.timestamp,
                        capture_time: head.capture_time,
                        key,
                        arrived: head.arrived.unwrap_or(now),
                    });
                }
            }
            self.recycle(data);
            match built {
                Built::Empty => continue,
                Built::Unit(_) => self.stats.dropped_awaiting_key_frame += 1,
                Built::Malformed => self.stats.dropped_malformed += 1,
                Built::TooLarge => self.stats.dropped_too_large += 1,
            }
            self.lose_sync(now);
            self.handle_timeout(now);
        }
    }

    fn released(&mut self, key: bool, contents: Contents) {
        self.stats.frames += 1;
        self.has_parameters |= contents.sps && contents.pps;
        self.stats.key_frames += u64::from(key);
        self.synchronized = true;
        self.ask_at = None;
        self.asking = false;
    }

    fn build(&self, count: usize, data: &mut Vec<u8>) -> Built {
        let Some(window) = &self.window else { return Built::Empty };
        let size: usize = window.front(count).map(|packet| packet.payload.len()).sum();
        if size == 0 {
            return Built::Empty;
        }
        if size > MAX_FRAME_BYTES {
            return Built::TooLarge;
        }
        data.reserve(size + 64);
        let mut depacketizer = Depacketizer::new();
        for packet in window.front(count) {
            if depacketizer.push(&packet.payload, data).is_err() {
                return Built::Malformed;
            }
            if data.len() > MAX_FRAME_BYTES {
                return Built::TooLarge;
            }
        }
        match depacketizer.finish() {
            Ok(_) if data.is_empty() => Built::Empty,
            Ok(contents) => Built::Unit(contents),
            Err(_) => Built::Malformed,
        }
    }

    /// While a key frame is needed, a complete one further on is worth more than the repair of
    /// anything before it.
    fn skip_to_complete_key_frame(&mut self) {
        let Some(window) = &self.window else { return };
        if window.complete_frame().is_some() {
            return;
        }
        if let Some(distance) = window.complete_key_frame() {
            self.skip(distance);
            self.synchronized = false;
        }
    }

    /// The deadline has passed: leaves everything behind that cannot be released any more.
    fn give_up(&mut self, now: Instant) {
        let Some(window) = &self.window else { return };
        // A key frame that has begun to arrive stays; its own gaps get their own time.
        let distance = window.key_frame_beyond_gap();
        let len = window.len();
        self.skip(distance.unwrap_or(len));
        // What was lost may have brought new ones.
        self.has_parameters = false;
        self.lose_sync(now);
    }

    fn skip(&mut self, distance: usize) {
        let Some(window) = &mut self.window else { return };
        let skipped = window.skip(distance);
        self.stats.lost += skipped.missing;
        if self.synchronized {
            self.stats.dropped_incomplete += skipped.dropped;
        } else {
            self.stats.dropped_awaiting_key_frame += skipped.dropped;
        }
    }

    fn lose_sync(&mut self, now: Instant) {
        self.synchronized = false;
        self.ask_soon(now);
    }

    fn ask_soon(&mut self, now: Instant) {
        let earliest = self.last_asked.map_or(now, |at| at + self.key_frame_interval());
        let due = earliest.max(now);
        self.ask_at = Some(self.ask_at.map_or(due, |at| at.min(due)));
    }

    /// Whether polling would move the front of the window.
    fn can_advance(&self, now: Instant) -> bool {
        let skips = !self.synchronized || self.is_overdue(now);
        self.window.as_ref().is_some_and(|window| {
            window.complete_frame().is_some() || (skips && window.complete_key_frame().is_some())
        })
    }

    /// Whether the repair takes so long that a key frame would do as well.
    fn is_overdue(&self, now: Instant) -> bool {
        self.patience_ends().is_some_and(|at| at <= now)
    }

    fn patience_ends(&self) -> Option<Instant> {
        Some(self.window.as_ref()?.gap_since()? + self.repair.patience())
    }

    fn gap_ends(&self) -> Option<Instant> {
        Some(self.window.as_ref()?.gap_since()? + self.repair.deadline())
    }

    /// A key frame that was asked for needs a round trip to come, and a moment to be made.
    fn key_frame_interval(&self) -> Duration {
        self.config.key_frame_interval.max(self.repair.round_trip().mul_f64(1.5))
    }

    /// A key frame that is just coming in needs no asking for.
    fn ask_ends(&self) -> Option<Instant> {
        let ask_at = self.ask_at.filter(|_| !self.asking)?;
        let coming = self.window.as_ref().and_then(Window::key_frame_since);
        Some(coming.map_or(ask_at, |since| ask_at.max(since + self.repair.patience())))
    }
}
