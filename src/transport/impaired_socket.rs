//! A bad link inside the process: the UDP sockets of a peer, with a [`Link`] before each direction.
//!
//! It stands between the socket and ICE, so that checks, handshakes, media and feedback all suffer as
//! on a real link. Above SRTP it could not: what is lost there counts as received, and replay
//! protection then refuses the retransmission.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep_until};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::impairment::{Conditions, Link, LinkCounters};
use super::names;
use super::video::lock;

/// Reads from the socket before what has arrived is handed on.
const MAX_READS: usize = 64;

/// What a socket may hold that was not read yet, where the system permits so much. A key frame comes
/// at once on a near path, and what systems grant unasked is full after ninety packets.
const RECEIVE_BUFFER: usize = 2 << 20;

/// Which way packets go, as the owner of the socket sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Outgoing,
    Incoming,
}

/// The switch of the links of one session, whose sockets may come and go. It costs nothing while
/// everything passes.
#[derive(Debug, Default)]
pub struct Impairment {
    /// Whether there is anything to do: all that a socket looks at otherwise.
    active: AtomicBool,
    settings: Mutex<Settings>,
    counters: Arc<PacketCounters>,
}

/// What has become of the packets of several links, by direction.
#[derive(Debug, Default)]
pub struct PacketCounters(Mutex<[LinkCounters; 2]>);

impl PacketCounters {
    pub fn get(&self, direction: Direction) -> LinkCounters {
        lock(&self.0)[direction as usize]
    }

    fn add(&self, direction: Direction, more: LinkCounters) {
        lock(&self.0)[direction as usize] += more;
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Settings {
    conditions: [Conditions; 2],
    seed: u64,
    /// Counts changes of the conditions, and of the seed.
    version: u64,
    seeded: u64,
}

impl Impairment {
    /// Counts, while anything is switched on, into `counters`.
    pub fn new(counters: Arc<PacketCounters>) -> Self {
        Self { counters, ..Self::default() }
    }

    /// Changes one direction, for open sockets as well. A seed begins the sequence of chances anew.
    pub fn set(&self, direction: Direction, conditions: Conditions, seed: Option<u64>) {
        let mut settings = lock(&self.settings);
        settings.conditions[direction as usize] = conditions;
        settings.version += 1;
        if let Some(seed) = seed {
            settings.seed = seed;
            settings.seeded += 1;
        }
        let active = settings.conditions.iter().any(|conditions| !conditions.are_perfect());
        self.active.store(active, Ordering::Release);
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }
}

/// The runtime of a peer connection, whose sockets may be impaired.
#[derive(Debug)]
pub(super) struct PeerRuntime {
    runtime: TokioRuntime,
    impairment: Option<Arc<Impairment>>,
}

impl PeerRuntime {
    pub(super) fn new(impairment: Option<Arc<Impairment>>) -> Self {
        Self { runtime: TokioRuntime, impairment }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for PeerRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        self.runtime.spawn(future)
    }

    fn spawn_reactor(&self, size: usize, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        self.runtime.spawn_reactor(size, future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(target: "parhelion::transport", "a larger receive buffer: {error}");
        }
        let socket = self.runtime.wrap_udp_socket(socket)?;
        let Some(impairment) = &self.impairment else { return Ok(socket) };
        Ok(Arc::new(ImpairedSocket(Arc::new(Shared::new(socket, Arc::clone(impairment))))))
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.runtime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        address: SocketAddr,
    ) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.runtime.connect_tcp(address)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(names::resolve(host))
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.runtime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.runtime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.runtime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        self.runtime.yield_now()
    }

    fn name(&self) -> &'static str {
        self.runtime.name()
    }
}

#[derive(Debug, Clone)]
struct Outgoing {
    bytes: Vec<u8>,
    destination: SocketAddr,
}

#[derive(Debug, Clone)]
struct Incoming {
    bytes: Vec<u8>,
    meta: RecvMeta,
}

/// One direction of one socket.
#[derive(Debug)]
struct Way<T> {
    direction: Direction,
    link: Link<T>,
    version: u64,
    seeded: u64,
}

impl<T: Clone> Way<T> {
    fn new(direction: Direction) -> Self {
        Self { direction, link: Link::new(Conditions::default(), 0), version: 0, seeded: 0 }
    }

    /// Takes over what was switched since.
    fn refresh(&mut self, now: Instant, impairment: &Impairment) {
        let settings = *lock(&impairment.settings);
        if self.version != settings.version {
            self.version = settings.version;
            self.link.set_conditions(now, settings.conditions[self.direction as usize]);
        }
        if self.seeded != settings.seeded {
            self.seeded = settings.seeded;
            // The two directions see different chances.
            let mut seeds = fastrand::Rng::with_seed(settings.seed);
            let [outgoing, incoming] = std::array::from_fn(|_| seeds.u64(..));
            self.link.set_seed(match self.direction {
                Direction::Outgoing => outgoing,
                Direction::Incoming => incoming,
            });
        }
    }
}

#[derive(Debug)]
struct Shared {
    socket: Arc<dyn AsyncUdpSocket>,
    impairment: Arc<Impairment>,
    outgoing: Mutex<Way<Outgoing>>,
    incoming: Mutex<Way<Incoming>>,
    /// Wakes the reader when something in `incoming` has arrived.
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
    /// A task sends what waits in `outgoing`, and nothing may overtake it.
    pumping: AtomicBool,
    /// Something is due before all that the pump knows of.
    earlier: Arc<Notify>,
    /// Something waits in `incoming`.
    holding: AtomicBool,
}

#[derive(Debug)]
struct ImpairedSocket(Arc<Shared>);

impl Shared {
    fn new(socket: Arc<dyn AsyncUdpSocket>, impairment: Arc<Impairment>) -> Self {
        Self {
            socket,
            impairment,
            outgoing: Mutex::new(Way::new(Direction::Outgoing)),
            incoming: Mutex::new(Way::new(Direction::Incoming)),
            timer: Mutex::default(),
            pumping: AtomicBool::new(false),
            earlier: Arc::default(),
            holding: AtomicBool::new(false),
        }
    }

    fn send(self: &Arc<Self>, transmit: &Transmit<'_>) {
        let now = Instant::now();
        let mut way = lock(&self.outgoing);
        way.refresh(now, &self.impairment);
        let first = way.link.next_due();
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for bytes in transmit.contents.chunks(size) {
            let packet = Outgoing { bytes: bytes.to_vec(), destination: transmit.destination };
            way.link.push(now, bytes.len(), packet);
        }
        self.impairment.counters.add(Direction::Outgoing, way.link.take_counters());
        let next = way.link.next_due();
        if next.is_some() && !self.pumping.swap(true, Ordering::AcqRel) {
            tokio::spawn(pump(Arc::downgrade(self)));
        } else if next != first {
            self.earlier.notify_one();
        }
    }

    fn receive(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut way = lock(&self.incoming);
        way.refresh(Instant::now(), &self.impairment);
        let mut drained = false;
        for _ in 0..MAX_READS {
            let Poll::Ready(count) = self.socket.poll_recv(cx, bufs, meta) else {
                drained = true;
                break;
            };
            let now = Instant::now();
            for (buf, meta) in bufs.iter().zip(meta.iter()).take(count?) {
                for bytes in buf[..meta.len].chunks(meta.stride.max(1)) {
                    let mut one = *meta;
                    one.len = bytes.len();
                    one.stride = bytes.len().max(1);
                    way.link.push(now, bytes.len(), Incoming { bytes: bytes.to_vec(), meta: one });
                }
            }
        }
        self.impairment.counters.add(Direction::Incoming, way.link.take_counters());
        let next = loop {
            if let Some(packet) = way.link.pop(Instant::now()) {
                bufs[0][..packet.bytes.len()].copy_from_slice(&packet.bytes);
                meta[0] = packet.meta;
                self.holding.store(way.link.next_due().is_some(), Ordering::Release);
                return Poll::Ready(Ok(1));
            }
            let Some(next) = way.link.next_due() else { break None };
            let mut sleep = Box::pin(sleep_until(next.into()));
            if sleep.as_mut().poll(cx).is_pending() {
                *lock(&self.timer) = Some(sleep);
                break Some(next);
            }
        };
        self.holding.store(next.is_some(), Ordering::Release);
        if !drained {
            // More may be in the socket, which therefore wakes nobody.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Sends what waits, each packet at its time, until nothing does or the socket is gone.
async fn pump(socket: Weak<Shared>) {
    loop {
        let Some(shared) = socket.upgrade() else { return };
        let mut due = Vec::new();
        let next = {
            let now = Instant::now();
            let mut way = lock(&shared.outgoing);
            while let Some(packet) = way.link.pop(now) {
                due.push(packet);
            }
            let next = way.link.next_due();
            if due.is_empty() && next.is_none() {
                shared.pumping.store(false, Ordering::Release);
                return;
            }
            next
        };
        for packet in &due {
            // What the system does not take is lost, as on any link.
            let _ = shared.socket.send_to(&packet.bytes, packet.destination).await;
        }
        let earlier = Arc::clone(&shared.earlier);
        // What waits here must not keep the socket open.
        drop(shared);
        if let (true, Some(next)) = (due.is_empty(), next) {
            tokio::select! {
                () = sleep_until(next.into()) => {}
                () = earlier.notified() => {}
            }
        }
    }
}

impl AsyncUdpSocket for ImpairedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.socket.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let shared = &self.0;
        if !shared.impairment.is_active() && !shared.pumping.load(Ordering::Acquire) {
            return shared.socket.poll_send(cx, transmit);
        }
        shared.send(transmit);
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let shared = &self.0;
        if !shared.impairment.is_active() && !shared.holding.load(Ordering::Acquire) {
            return shared.socket.poll_recv(cx, bufs, meta);
        }
        shared.receive(cx, bufs, meta)
    }

    fn max_gso_segments(&self) -> usize {
        self.0.socket.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.0.socket.max_gro_segments()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key frame on a near path, while its receiver has something else to do.
    #[tokio::test]
    async fn a_burst_that_nobody_reads_yet_is_kept() {
        const PACKETS: usize = 150;
        let open = || std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let (receiver, sender) = (open(), open());
        let address = receiver.local_addr().expect("an address");
        receiver.set_nonblocking(true).expect("tokio wants it");
        let receiver = PeerRuntime::new(None).wrap_udp_socket(receiver).expect("a socket");
        for _ in 0..PACKETS {
            sender.send_to(&[0; 1200], address).expect("it is sent");
        }
        let mut buffer = [0; 1500];
        for number in 0..PACKETS {
            let came =
                tokio::time::timeout(Duration::from_secs(5), receiver.recv_from(&mut buffer));
            came.await.unwrap_or_else(|_| panic!("packet {number} was lost")).expect("it came");
        }
    }
}
