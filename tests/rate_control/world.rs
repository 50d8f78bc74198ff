//! A path in virtual time with senders, receivers and encoders at its ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parhelion::media::rate::{Bitrates, Fate, PacketReport, RateEstimator};
use parhelion::transport::impairment::{Conditions, Link};

pub const MS: Duration = Duration::from_millis(1);
const PACKET: u32 = 1200;
/// How often a receiver reports, and about how long a report is.
const REPORTS: u64 = 50;
const REPORT_BYTES: usize = 80;
const FPS: u64 = 30;
/// Packets of a picture leave so much faster than the rate, and on a path that is known to be narrow.
const PACING: (f64, f64) = (2.5, 1.5);
/// On such a path an encoder may be ahead of the rate by so many seconds, and forgets more than the
/// second.
const AHEAD: (f64, f64) = (0.15, 0.6);
/// How much longer a key frame is than others, and how far apart they come at least, milliseconds.
const KEY_FRAME: f64 = 5.0;
const KEY_FRAMES_APART: u64 = 400;
/// What is lost is sent again, within this share of the rate.
const AGAIN: f64 = 0.25;
/// Steady traffic that is nobody's.
const NOBODY: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Packet {
    flow: usize,
    number: usize,
}

/// Of which flow, from which packet on, and what became of those.
type Report = (usize, usize, Vec<PacketReport>);

/// One sender and its receiver.
pub struct Flow {
    pub estimator: RateEstimator,
    chance: fastrand::Rng,
    pub begins: u64,
    next_frame: u64,
    /// What the encoder really makes, as it follows slowly.
    encoded: f64,
    /// Bits that were spent ahead of the rate, and whether the rate was ever too low.
    debt: f64,
    saves: bool,
    /// Bits a second that the content needs at most.
    pub content: f64,
    /// Share of losses that cost a key frame, and when the last was made.
    pub key_frames: f64,
    key_frame_wanted: bool,
    key_frame_at: u64,
    unsent: VecDeque<u32>,
    budget: f64,
    again: f64,
    /// Bits a second that are sent again, in the mean of about a second.
    beside: f64,
    pub sent: Vec<(Instant, u32, Option<Instant>)>,
    reported: usize,
    /// The first packet that the sender has heard nothing of.
    learnt: usize,
    highest: Option<usize>,
    delivered: Vec<(u64, u32)>,
    /// Time of arrival and time on the way, milliseconds.
    pub delays: Vec<(u64, f64)>,
    pub targets: Vec<f64>,
    /// When pictures were encoded.
    pub pictures: Vec<u64>,
}

impl Flow {
    pub fn new(bitrates: Bitrates, begins: u64, seed: u64) -> Self {
        Self {
            estimator: RateEstimator::new(bitrates),
            chance: fastrand::Rng::with_seed(seed),
            begins,
            next_frame: begins,
            encoded: f64::from(bitrates.start),
            debt: 0.0,
            saves: false,
            content: f64::INFINITY,
            key_frames: 0.0,
            key_frame_wanted: true,
            key_frame_at: 0,
            unsent: VecDeque::new(),
            budget: 0.0,
            again: 0.0,
            beside: 0.0,
            sent: Vec::new(),
            reported: 0,
            learnt: 0,
            highest: None,
            delivered: Vec::new(),
            delays: Vec::new(),
            targets: Vec::new(),
            pictures: Vec::new(),
        }
    }

    fn frame(&mut self, now: u64) {
        let target = (self.estimator.target() - self.beside).max(150_000.0);
        self.beside *= 1.0 - 1.0 / FPS as f64;
        self.saves |= self.estimator.is_limited();
        self.debt = (self.debt - target / FPS as f64).clamp(0.0, AHEAD.1 * target);
        if self.saves && self.debt > AHEAD.0 * target {
            return;
        }
        let wanted = target.min(self.content);
        self.encoded += (wanted - self.encoded) * 0.3;
        let mut bits = self.encoded / FPS as f64 * (0.75 + 0.5 * self.chance.f64());
        let apart = now >= self.key_frame_at + KEY_FRAMES_APART || now == self.begins;
        if self.key_frame_wanted && apart {
            self.key_frame_wanted = false;
            self.key_frame_at = now;
            bits *= KEY_FRAME;
        }
        self.debt += bits;
        self.pictures.push(now);
        let mut bytes = (bits / 8.0) as u32;
        while bytes > 0 {
            let size = bytes.min(PACKET);
            self.unsent.push_back(size);
            bytes -= size;
        }
    }

    /// What follows from a report: the rate, what is sent again, and key frames.
    fn learns(&mut self, now: Instant, first: usize, mut report: Vec<PacketReport>) {
        let end = first + report.len();
        let unknown = |(sent, size, _): &(Instant, u32, _)| PacketReport {
            sent: *sent,
            size: *size,
            fate: Fate::Unknown,
        };
        if self.learnt < first {
            report.splice(0..0, self.sent[self.learnt..first].iter().map(unknown));
        }
        self.learnt = end;
        for lost in report.iter().filter(|packet| packet.fate == Fate::Lost) {
            self.key_frame_wanted |= self.chance.f64() < self.key_frames;
            if self.again >= f64::from(lost.size) * 8.0 {
                self.again -= f64::from(lost.size) * 8.0;
                self.beside += f64::from(lost.size) * 8.0;
                self.unsent.push_back(lost.size);
            }
        }
        self.estimator.report(now, &report);
    }

    pub fn at(&self, second: f64) -> f64 {
        self.targets[(second * 1000.0) as usize - self.begins as usize]
    }

    /// The mean of what might be sent between two times, bits per second.
    pub fn mean(&self, from: f64, to: f64) -> f64 {
        let index = |second: f64| (second * 1000.0) as usize - self.begins as usize;
        let targets = &self.targets[index(from)..index(to).min(self.targets.len())];
        targets.iter().sum::<f64>() / targets.len() as f64
    }

    /// Milliseconds with a rate below this many bits per second, from a second on.
    pub fn low(&self, from: usize, least: f64) -> usize {
        self.targets[from * 1000..].iter().filter(|target| **target < least).count()
    }

    /// Bits per second that arrived between two times.
    pub fn rate(&self, from: f64, to: f64) -> f64 {
        let (first, last) = ((from * 1e3) as u64, (to * 1e3) as u64);
        let bytes: u64 = self
            .delivered
            .iter()
            .filter(|(at, _)| (first..last).contains(at))
            .map(|(_, size)| u64::from(*size))
            .sum();
        bytes as f64 * 8.0 / (to - from)
    }

    /// The worst delay of packets that arrived between two times.
    pub fn worst_delay(&self, from: f64, to: f64) -> f64 {
        let (first, last) = ((from * 1e3) as u64, (to * 1e3) as u64);
        let of = self.delays.iter().filter(|(at, _)| (first..last).contains(at));
        of.map(|(_, delay)| *delay).fold(0.0, f64::max)
    }
}

pub struct World {
    pub start: Instant,
    pub now: u64,
    link: Link<Packet>,
    back: Link<Report>,
    pub flows: Vec<Flow>,
    /// Steady bits per second of somebody else.
    pub others: f64,
    owed: f64,
    /// The receiving machine is busy: packets wait for it, in order.
    pub busy: Option<Busy>,
    held: VecDeque<(u64, Packet)>,
}

/// Bursts of up to 200 ms in which the receiver wakes up 5 to 60 ms late.
pub struct Busy {
    chance: fastrand::Rng,
    /// Milliseconds between bursts at most.
    pause: u64,
    /// When the burst ends, and the next one begins.
    until: u64,
    next: u64,
    wakes: u64,
}

impl Busy {
    pub fn new(pause: u64, seed: u64) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed), pause, until: 0, next: 0, wakes: 0 }
    }

    /// When the receiver reads what comes now.
    fn wakes(&mut self, now: u64) -> u64 {
        if now >= self.next {
            self.until = now + self.chance.u64(20..=200);
            self.next = self.until + self.chance.u64(20..=self.pause);
        }
        if now >= self.wakes {
            let late = if now < self.until { self.chance.u64(5..=60) } else { 0 };
            self.wakes = now + late;
        }
        self.wakes
    }
}

impl World {
    pub fn new(conditions: Conditions, seed: u64, flows: Vec<Flow>) -> Self {
        println!("seed {seed}");
        Self {
            start: Instant::now(),
            now: 0,
            link: Link::new(conditions, seed),
            back: Link::new(conditions, seed + 1000),
            flows,
            others: 0.0,
            owed: 0.0,
            busy: None,
            held: VecDeque::new(),
        }
    }

    /// The link is like this from now on, in both directions.
    pub fn change(&mut self, conditions: Conditions) {
        let now = self.start + self.now as u32 * MS;
        self.link.set_conditions(now, conditions);
        self.back.set_conditions(now, conditions);
    }

    pub fn run(&mut self, until: f64) {
        while self.now < (until * 1e3) as u64 {
            self.step();
            self.now += 1;
        }
    }

    fn step(&mut self) {
        let now = self.start + self.now as u32 * MS;
        self.owed += self.others / 1e3;
        while self.owed > f64::from(PACKET) * 8.0 {
            self.owed -= f64::from(PACKET) * 8.0;
            self.link.push(now, PACKET as usize, Packet { flow: NOBODY, number: 0 });
        }
        for nth in 0..self.flows.len() {
            self.send(now, nth);
        }
        self.arrive(now);
        for nth in 0..self.flows.len() {
            self.report(now, nth);
        }
        while let Some((nth, first, report)) = self.back.pop(now) {
            self.flows[nth].learns(now, first, report);
        }
        for flow in self.flows.iter_mut().filter(|flow| flow.begins <= self.now) {
            flow.targets.push(flow.estimator.target());
        }
    }

    fn send(&mut self, now: Instant, nth: usize) {
        let flow = &mut self.flows[nth];
        if flow.begins > self.now {
            return;
        }
        if self.now >= flow.next_frame {
            // No two cameras are in step.
            flow.next_frame = self.now + 1000 / FPS + flow.chance.u64(0..2);
            flow.frame(self.now);
        }
        let target = flow.estimator.target();
        let pacing = if flow.estimator.is_limited() { PACING.1 } else { PACING.0 };
        flow.budget = (flow.budget + pacing * target / 1e3).min(80_000.0);
        flow.again = (flow.again + AGAIN * target / 1e3).min(AGAIN * target);
        while flow.budget > 0.0
            && let Some(size) = flow.unsent.pop_front()
        {
            flow.budget -= f64::from(size) * 8.0;
            flow.estimator.sent(now, size);
            self.link.push(now, size as usize, Packet { flow: nth, number: flow.sent.len() });
            flow.sent.push((now, size, None));
        }
    }

    fn arrive(&mut self, now: Instant) {
        while let Some(packet) = self.link.pop(now) {
            let wakes = self.busy.as_mut().map_or(self.now, |busy| busy.wakes(self.now));
            self.held.push_back((wakes, packet));
        }
        while let Some(&(wakes, packet)) = self.held.front()
            && wakes <= self.now
        {
            self.held.pop_front();
            let Some(flow) = self.flows.get_mut(packet.flow) else { continue };
            let (sent, size, arrived) = &mut flow.sent[packet.number];
            *arrived = Some(now);
            flow.delays.push((self.now, (now - *sent).as_secs_f64() * 1e3));
            flow.delivered.push((self.now, *size));
            flow.highest = flow.highest.max(Some(packet.number));
        }
    }

    fn report(&mut self, now: Instant, nth: usize) {
        let flow = &mut self.flows[nth];
        let Some(highest) = flow.highest else { return };
        if !self.now.is_multiple_of(REPORTS) || highest < flow.reported {
            return;
        }
        let start = self.start;
        let report = flow.sent[flow.reported..=highest]
            .iter()
            .map(|(sent, size, arrived)| PacketReport {
                sent: *sent,
                size: *size,
                // By another clock.
                fate: arrived.map_or(Fate::Lost, |at| Fate::Arrived(at - start + 77_777 * MS)),
            })
            .collect();
        let first = std::mem::replace(&mut flow.reported, highest + 1);
        self.back.push(now, REPORT_BYTES, (nth, first, report));
    }

    pub fn show(&self, each: f64) {
        for (nth, flow) in self.flows.iter().enumerate() {
            let mut line = format!("flow {nth}:");
            let mut at = flow.begins as f64 / 1e3 + 0.05;
            while at + each < self.now as f64 / 1e3 {
                line += &format!(
                    " {:.0}/{:.0}@{:.0}",
                    flow.at(at) / 1e3,
                    flow.rate(at, at + each) / 1e3,
                    flow.worst_delay(at, at + each)
                );
                at += each;
            }
            println!("{line}");
        }
    }
}

pub fn bitrates(start: u32) -> Bitrates {
    Bitrates { min: 150_000, start, max: 3_000_000 }
}

pub fn path(rate: Option<u64>, delay: u64) -> Conditions {
    Conditions { rate, delay: Duration::from_millis(delay), ..Conditions::default() }
}

pub fn one(conditions: Conditions, start: u32, seed: u64) -> World {
    World::new(conditions, seed, vec![Flow::new(bitrates(start), 0, seed)])
}

pub const SEEDS: std::ops::Range<u64> = 0..5;
