//! Faults on purpose: what a service does to its clients on a bad day, switched on and off by tests
//! while it runs.
//!
//! A switch is data; the places where it strikes ask for it. Nothing is asked twice: those that wait
//! for a switch to change are woken.

mod kinds;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Instant, SystemTime};

use tokio::sync::watch;

pub use self::kinds::{Action, Fate, Fault, MessageKind, Stage};
use crate::transport::impairment::{Conditions, LinkCounters};
use crate::transport::video::lock;
use crate::transport::{Direction, Impairment, PacketCounters};

/// Older entries of the history make room.
const MAX_HISTORY: usize = 1000;
pub const NO_CREDITS: &str = "Insufficient credits";
pub const KEY_REFUSED: &str = "unauthorized: invalid api key";

/// One switch, from when it was set to when it is lifted.
#[derive(Debug)]
struct Switch {
    id: u64,
    fault: Fault,
    /// How often it will strike yet; none: as long as it is on.
    left: Option<u32>,
    /// Strikes this session only.
    session: Option<String>,
    hits: u64,
}

impl Switch {
    fn concerns(&self, session: Option<&str>) -> bool {
        self.left != Some(0) && (self.session.is_none() || self.session.as_deref() == session)
    }
}

/// Something that happened on purpose.
#[derive(Debug, Clone)]
pub struct Record {
    pub at: SystemTime,
    /// `on`, `off` or `struck`.
    pub event: &'static str,
    pub fault: String,
    pub session: Option<String>,
}

#[derive(Default)]
struct State {
    switches: Vec<Switch>,
    next_id: u64,
    /// Those of one session and of its viewers, each with the name that a switch gives.
    links: Vec<(String, Weak<Impairment>)>,
    history: VecDeque<Record>,
}

impl State {
    /// The switch that counts: those that strike a number of times first, in the order in which
    /// they were set, then the newest of the others.
    fn find(
        &mut self,
        session: Option<&str>,
        wanted: impl Fn(&Fault) -> bool,
    ) -> Option<&mut Switch> {
        let fits = |switch: &Switch| switch.concerns(session) && wanted(&switch.fault);
        let limited = |switch: &Switch| switch.left.is_some() && fits(switch);
        let place = self
            .switches
            .iter()
            .position(limited)
            .or_else(|| self.switches.iter().rposition(fits))?;
        Some(&mut self.switches[place])
    }

    /// Finds a switch and counts that it strikes.
    fn strike(
        &mut self,
        session: Option<&str>,
        wanted: impl Fn(&Fault) -> bool,
    ) -> Option<(u64, Fault)> {
        let switch = self.find(session, wanted)?;
        switch.left = switch.left.map(|left| left - 1);
        switch.hits += 1;
        let (id, fault, hits) = (switch.id, switch.fault.clone(), switch.hits);
        // What strikes every frame is told once.
        if hits == 1 || !matches!(fault, Fault::Slow(_)) {
            self.note("struck", fault.to_string(), session);
        }
        Some((id, fault))
    }

    fn has(&self, id: u64) -> bool {
        self.switches.iter().any(|switch| switch.id == id)
    }

    fn note(&mut self, event: &'static str, fault: String, session: Option<&str>) {
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        let session = session.map(str::to_owned);
        self.history.push_back(Record { at: SystemTime::now(), event, fault, session });
    }

    /// What the link of a session is like at present, in one direction.
    fn conditions(&self, session: &str, way: Direction) -> (Conditions, Option<u64>) {
        let concerned = |direction: &Option<Direction>| direction.is_none_or(|one| one == way);
        let mut found = (Conditions::default(), None);
        let mut blackout = false;
        for switch in self.switches.iter().filter(|switch| switch.concerns(Some(session))) {
            match &switch.fault {
                Fault::Packets { direction, conditions, seed } if concerned(direction) => {
                    found = (*conditions, Some(*seed));
                }
                Fault::Blackout { direction } => blackout |= concerned(direction),
                _ => {}
            }
        }
        found.0.blackout = blackout;
        found
    }
}

/// The switchboard of one service. It lives as long as the service's owner wants, running or not.
pub struct Faults {
    state: Mutex<State>,
    /// Wakes models.
    changed: Condvar,
    /// Whether a model has anything to suffer: all that is looked at otherwise.
    model: AtomicBool,
    /// Counts changes and strikes.
    news: watch::Sender<u64>,
    packets: Arc<PacketCounters>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            model: AtomicBool::new(false),
            news: watch::channel(0).0,
            packets: Arc::default(),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.switches().iter().map(|(_, fault, _)| fault)).finish()
    }
}

fn is_model(fault: &Fault) -> bool {
    matches!(fault, Fault::Freeze | Fault::Slow(_) | Fault::Crash { .. })
}

impl Faults {
    /// Switches a fault on, for a number of times or until it is lifted. Returns its number.
    pub fn switch_on(&self, fault: Fault, times: Option<u32>, session: Option<String>) -> u64 {
        let mut state = lock(&self.state);
        state.next_id += 1;
        let id = state.next_id;
        state.note("on", fault.to_string(), session.as_deref());
        let network = is_network(&fault);
        state.switches.push(Switch { id, fault, left: times, session, hits: 0 });
        self.switched(&state, network);
        id
    }

    /// Switches off again. One that is off already stays so.
    pub fn lift(&self, id: u64) {
        self.lift_where(|switch| switch.id == id);
    }

    /// Switches everything off.
    pub fn reset(&self) {
        self.lift_where(|_| true);
    }

    fn lift_where(&self, chosen: impl Fn(&Switch) -> bool) {
        let mut state = lock(&self.state);
        let (lifted, kept) = std::mem::take(&mut state.switches).into_iter().partition(chosen);
        state.switches = kept;
        let lifted: Vec<Switch> = lifted;
        for switch in &lifted {
            state.note("off", switch.fault.to_string(), switch.session.as_deref());
        }
        let network = lifted.iter().any(|switch| is_network(&switch.fault));
        self.switched(&state, network);
    }

    /// Tells everybody who waits, or has a copy.
    fn switched(&self, state: &State, network: bool) {
        let model = state.switches.iter().any(|switch| is_model(&switch.fault));
        self.model.store(model, Ordering::Release);
        if network {
            for (session, link) in &state.links {
                if let Some(link) = link.upgrade() {
                    set_link(state, session, &link);
                }
            }
        }
        self.changed.notify_all();
        self.news.send_modify(|news| *news += 1);
    }

    fn struck(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    /// The switches that are set, oldest first: number, words, and how often each strikes yet.
    pub fn switches(&self) -> Vec<(u64, String, Option<u32>)> {
        let state = lock(&self.state);
        let tell = |switch: &Switch| (switch.id, switch.fault.to_string(), switch.left);
        state.switches.iter().map(tell).collect()
    }

    /// How often a switch has struck. None once it is lifted.
    pub fn hits(&self, id: u64) -> Option<u64> {
        let state = lock(&self.state);
        state.switches.iter().find(|switch| switch.id == id).map(|switch| switch.hits)
    }

    /// Waits until a switch has struck so often, or is lifted.
    pub async fn wait_for_hits(&self, id: u64, hits: u64) {
        self.until(|| self.hits(id).is_none_or(|so_far| so_far >= hits)).await;
    }

    /// Waits until something holds, which is asked again whenever there is news.
    async fn until(&self, holds: impl Fn() -> bool) {
        let mut news = self.news.subscribe();
        // Not `wait_for`: it would ask, which takes the switches, while it holds the news; those
        // who change a switch take the two in the other order.
        while !holds() && news.changed().await.is_ok() {}
    }

    /// What happened so far, oldest first; the last thousand.
    pub fn history(&self) -> Vec<Record> {
        lock(&self.state).history.iter().cloned().collect()
    }

    /// Adds what was done at once, without a switch.
    pub(super) fn note(&self, what: String, session: Option<&str>) {
        lock(&self.state).note("struck", what, session);
        self.struck();
    }

    /// What has become of the packets of all sessions so far, while anything was switched on.
    pub fn packet_counters(&self, direction: Direction) -> LinkCounters {
        self.packets.get(direction)
    }

    fn strike(
        &self,
        session: Option<&str>,
        wanted: impl Fn(&Fault) -> bool,
    ) -> Option<(u64, Fault)> {
        let struck = lock(&self.state).strike(session, wanted);
        if struck.is_some() {
            self.struck();
        }
        struck
    }

    /// The status to refuse a request with, if it is to be refused.
    pub(super) fn status(&self) -> Option<u16> {
        match self.strike(None, |fault| matches!(fault, Fault::Status(_)))?.1 {
            Fault::Status(status) => Some(status),
            _ => None,
        }
    }

    /// What to refuse a connection with: an error text and a close code.
    pub(super) fn refusal(&self) -> Option<(String, u16)> {
        let refuses = |fault: &Fault| matches!(fault, Fault::Refuse { .. } | Fault::NoCredits);
        match self.strike(None, refuses)?.1 {
            Fault::Refuse { error, code } => Some((error, code)),
            Fault::NoCredits => Some((NO_CREDITS.to_owned(), 1008)),
            _ => None,
        }
    }

    /// Waits while connections are stalled here.
    pub(super) async fn passed(&self, stage: Stage) {
        let Some((id, _)) = self.strike(None, |fault| *fault == Fault::Stall(stage)) else {
            return;
        };
        self.until(|| !self.is_on(id)).await;
    }

    /// Whether every key is to be refused.
    pub(super) fn key_has_expired(&self) -> bool {
        self.strike(None, |fault| *fault == Fault::KeyExpired).is_some()
    }

    /// What happens to a message of that kind, and by which switch.
    pub(super) fn fate(&self, kind: MessageKind, session: &str) -> Option<(u64, Fate)> {
        let wanted = |fault: &Fault| matches!(fault, Fault::Message(of, _) if *of == kind);
        match self.strike(Some(session), wanted)? {
            (id, Fault::Message(_, fate)) => Some((id, fate)),
            _ => None,
        }
    }

    /// Reports changes and strikes from now on.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(super) fn is_on(&self, id: u64) -> bool {
        lock(&self.state).has(id)
    }

    /// The impairment of a session that begins.
    pub(super) fn link(&self, session: &str) -> Arc<Impairment> {
        let link = Arc::new(Impairment::new(Arc::clone(&self.packets)));
        let mut state = lock(&self.state);
        state.links.retain(|(_, link)| link.strong_count() > 0);
        state.links.push((session.to_owned(), Arc::downgrade(&link)));
        set_link(&state, session, &link);
        link
    }

    /// Whether frames have to take the way by the model.
    pub(super) fn concern_models(&self) -> bool {
        self.model.load(Ordering::Acquire)
    }

    /// Keeps a model from its next frame as long as it has to suffer. Returns whether it crashes
    /// on the frame, and if so, whether for good.
    pub(super) fn before_frame(&self, session: &str, ended: impl Fn() -> bool) -> Option<bool> {
        let mut state = lock(&self.state);
        let mut frozen = None;
        let mut slowed: Option<(u64, Instant)> = None;
        while !ended() {
            let wait = if let Some((id, until)) = slowed {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || !state.has(id) {
                    return None;
                }
                Some(left)
            } else {
                let switch = state.find(Some(session), is_model)?;
                let (id, fault) = (switch.id, switch.fault.clone());
                if frozen != Some(id) {
                    state.strike(Some(session), is_model);
                    self.struck();
                }
                match fault {
                    Fault::Crash { fatal } => return Some(fatal),
                    Fault::Slow(time) => {
                        slowed = Some((id, Instant::now() + time));
                        Some(time)
                    }
                    _ => {
                        frozen = Some(id);
                        None
                    }
                }
            };
            state = match wait {
                Some(time) => match self.changed.wait_timeout(state, time) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => match self.changed.wait(state) {
                    Ok(state) => state,
                    Err(poisoned) => poisoned.into_inner(),
                },
            };
        }
        None
    }

    /// Lets models look whether they are still wanted.
    pub(super) fn wake_models(&self) {
        // Those that have looked, and do not wait yet, hold the lock.
        drop(lock(&self.state));
        self.changed.notify_all();
    }
}

fn is_network(fault: &Fault) -> bool {
    matches!(fault, Fault::Packets { .. } | Fault::Blackout { .. })
}

fn set_link(state: &State, session: &str, link: &Impairment) {
    for way in [Direction::Outgoing, Direction::Incoming] {
        let (conditions, seed) = state.conditions(session, way);
        link.set(way, conditions, seed);
    }
}
