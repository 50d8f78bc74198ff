//! A bad link between two network namespaces: carries IPv4 packets from one TUN device to another.
//!
//! What it does to them is `parhelion::transport::impairment`, the model that `LocalServer.faults`
//! has inside the process. The devices are standard input (the client's) and standard output (the
//! service's), because opening them takes calls that safe Rust does not have; `link.py` opens them.
//! The argument is a Unix socket to connect to. Each line from there is a [`Command`], answered by a
//! line of [`Counters`]; when it closes, the link ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use parhelion::transport::impairment::{Conditions, Link, LinkCounters};
use serde::{Deserialize, Serialize};

/// The MTU of the devices is 1500.
const LARGEST_PACKET: usize = 2048;
/// IPv4 header fields (RFC 791 section 3.1).
const VERSION_4: u8 = 4;
const PROTOCOL: usize = 9;
const UDP: u8 = 17;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// From the client to the service.
    Up,
    Down,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Command {
    /// Replaces all that was set for that way.
    Set(Settings),
    /// Changes nothing.
    Counters,
}

/// Times in seconds, the rest as in [`Conditions`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    way: Way,
    #[serde(default)]
    loss: f64,
    burst: Option<f64>,
    #[serde(default)]
    delay: f64,
    #[serde(default)]
    jitter: f64,
    #[serde(default)]
    reorder: f64,
    #[serde(default)]
    duplicate: f64,
    rate: Option<u64>,
    #[serde(default = "usual_queue")]
    queue: f64,
    #[serde(default)]
    blackout: bool,
    #[serde(default)]
    block_udp: bool,
    /// Begins the sequence of chances anew.
    seed: Option<u64>,
}

fn usual_queue() -> f64 {
    Conditions::default().queue.as_secs_f64()
}

#[derive(Debug, Default, Serialize)]
struct Counters {
    up: WayCounters,
    down: WayCounters,
}

/// What has become of the packets since the start.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct WayCounters {
    packets: u64,
    lost: u64,
    overflowed: u64,
    blacked_out: u64,
    duplicated: u64,
    overtaken: u64,
    /// UDP packets that were stopped.
    blocked: u64,
    /// What came out at the other end.
    delivered: u64,
    delivered_bytes: u64,
}

/// What one direction is at present.
struct State {
    link: Link<Vec<u8>>,
    block_udp: bool,
    total: LinkCounters,
    blocked: u64,
    delivered: u64,
    delivered_bytes: u64,
}

/// One direction: one thread takes packets from a device, another hands those that are due to the
/// other device.
struct Direction {
    state: Mutex<State>,
    news: Condvar,
}

impl Direction {
    fn new() -> Self {
        let state = State {
            link: Link::new(Conditions::default(), 0),
            block_udp: false,
            total: LinkCounters::default(),
            blocked: 0,
            delivered: 0,
            delivered_bytes: 0,
        };
        Self { state: Mutex::new(state), news: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what comes out of a device, until that fails.
    fn take_from(&self, mut device: &File) -> io::Result<()> {
        let mut packet = [0; LARGEST_PACKET];
        loop {
            let length = device.read(&mut packet)?;
            let packet = &packet[..length];
            // What the system says by itself, in IPv6, must not change which packets are lost.
            if packet.first().is_none_or(|first| first >> 4 != VERSION_4) {
                continue;
            }
            let mut state = self.lock();
            if state.block_udp && packet.get(PROTOCOL) == Some(&UDP) {
                state.blocked += 1;
                continue;
            }
            let before = state.link.next_due();
            state.link.push(Instant::now(), length, packet.to_vec());
            if state.link.next_due() != before {
                self.news.notify_one();
            }
        }
    }

    /// Hands over what has arrived, for ever.
    fn deliver_to(&self, mut device: &File) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while let Some(packet) = state.link.pop(now) {
                // A device that is down takes nothing, as a real one.
                if device.write(&packet).is_ok() {
                    state.delivered += 1;
                    state.delivered_bytes += packet.len() as u64;
                }
            }
            state = match state.link.next_due() {
                Some(due) => {
                    let wait = due.saturating_duration_since(now);
                    let waited = self.news.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl State {
    fn set(&mut self, now: Instant, settings: &Settings, seed: Option<u64>) -> Result<(), String> {
        let seconds = |name: &str, value: f64| {
            Duration::try_from_secs_f64(value).map_err(|error| format!("{name} {value}: {error}"))
        };
        self.link.set_conditions(
            now,
            Conditions {
                loss: settings.loss,
                burst: settings.burst,
                delay: seconds("delay", settings.delay)?,
                jitter: seconds("jitter", settings.jitter)?,
                reorder: settings.reorder,
                duplicate: settings.duplicate,
                rate: settings.rate,
                queue: seconds("queue", settings.queue)?,
                blackout: settings.blackout,
            },
        );
        self.block_udp = settings.block_udp;
        if let Some(seed) = seed {
            self.link.set_seed(seed);
        }
        Ok(())
    }

    fn counters(&mut self) -> WayCounters {
        self.total += self.link.take_counters();
        WayCounters {
            packets: self.total.packets,
            lost: self.total.lost,
            overflowed: self.total.overflowed,
            blacked_out: self.total.blacked_out,
            duplicated: self.total.duplicated,
            overtaken: self.total.overtaken,
            blocked: self.blocked,
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
        }
    }
}

/// Carries out one line.
fn obey(line: &str, up: &Direction, down: &Direction) -> Result<String, String> {
    let command: Command =
        serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
    if let Command::Set(settings) = command {
        let now = Instant::now();
        // The two directions see different chances.
        let mut seeds = settings.seed.map(fastrand::Rng::with_seed);
        let [for_up, for_down] = std::array::from_fn(|_| seeds.as_mut().map(|seeds| seeds.u64(..)));
        if settings.way != Way::Down {
            up.lock().set(now, &settings, for_up)?;
        }
        if settings.way != Way::Up {
            down.lock().set(now, &settings, for_down)?;
        }
    }
    let counters = Counters { up: up.lock().counters(), down: down.lock().counters() };
    serde_json::to_string(&counters).map_err(|error| error.to_string())
}

fn device(file: impl AsFd) -> io::Result<File> {
    Ok(File::from(file.as_fd().try_clone_to_owned()?))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let control = std::env::args().nth(1).ok_or("expected the path of a Unix socket")?;
    let mut answers = UnixStream::connect(control)?;
    let lines = BufReader::new(answers.try_clone()?).lines();
    // They live as long as the process, which ends with this function.
    let [client, service] = [device(io::stdin())?, device(io::stdout())?]
        .map(|device| -> &'static File { Box::leak(Box::new(device)) });
    let [up, down] = [Direction::new(), Direction::new()]
        .map(|direction| -> &'static Direction { Box::leak(Box::new(direction)) });
    for (direction, from, to) in [(up, client, service), (down, service, client)] {
        thread::spawn(move || direction.take_from(from));
        thread::spawn(move || direction.deliver_to(to));
    }
    for line in lines {
        writeln!(answers, "{}", obey(&line?, up, down)?)?;
    }
    Ok(())
}
