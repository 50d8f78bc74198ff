//! A client session and the server sessions it meets, joined by a seeded virtual network, in
//! virtual time. The rules that hold for any session are checked on every output.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use parhelion::error::{Error, ErrorCode};
use parhelion::protocol::{ClientMessage, ServerMessage};
use parhelion::session::{
    Attempt, CallId, Change, ClientConfig, ClientEvent, ClientInput, ClientOutput, ClientSession,
    ConnectionState, LinkEvent, LocalSignal, RemoteSignal, ServerConfig, ServerInput,
    ServerLinkEvent, ServerOutput, ServerSession, State, StateChange,
};

/// How the network misbehaves. Fractions are 0 to 1, of messages.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub delay: Duration,
    /// Up to this much more; anything above zero reorders.
    pub spread: Duration,
    pub drop: f64,
    pub duplicate: f64,
    /// Closes the socket instead of delivering.
    pub close: f64,
    /// Sockets that cannot be opened.
    pub refuse_socket: f64,
    /// Updates that the model refuses.
    pub refuse_update: f64,
    /// Media finds no way, though messages do.
    pub no_path: bool,
}

enum Delivery {
    Accept(Attempt),
    Client(ClientInput),
    Server(Attempt, ServerInput),
}

pub struct Pair {
    pub client: ClientSession,
    pub servers: BTreeMap<Attempt, ServerSession>,
    pub now: Instant,
    pub faults: Faults,
    pub server_config: ServerConfig,
    pub states: Vec<ConnectionState>,
    pub answers: BTreeMap<CallId, Result<(), Error>>,
    pub errors: Vec<Error>,
    pub ticks: Vec<f64>,
    /// ICE restarts that the client asked its link for.
    pub restarts: u32,
    /// The newest attempt.
    pub attempt: Attempt,
    network: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    random: u64,
    calls: BTreeSet<CallId>,
    next_call: CallId,
    open_socket: bool,
    open_link: bool,
    /// Updates that reached each server, and acknowledgements that left it.
    asked: BTreeMap<Attempt, usize>,
    acknowledged: BTreeMap<Attempt, usize>,
}

impl Pair {
    pub fn new(config: ClientConfig, faults: Faults, seed: u64) -> Self {
        Self {
            client: ClientSession::new(config),
            servers: BTreeMap::new(),
            now: Instant::now(),
            faults,
            server_config: ServerConfig { session_id: "s".into(), ..ServerConfig::default() },
            states: vec![ConnectionState::Disconnected],
            answers: BTreeMap::new(),
            errors: Vec::new(),
            ticks: Vec::new(),
            restarts: 0,
            attempt: 0,
            network: BTreeMap::new(),
            sequence: 0,
            random: seed | 1,
            calls: BTreeSet::new(),
            next_call: 1,
            open_socket: false,
            open_link: false,
            asked: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    pub fn connect(&mut self) -> CallId {
        let call = self.call();
        self.client_input(ClientInput::Connect { call });
        call
    }

    pub fn update(&mut self, change: Change, timeout: Duration) -> CallId {
        let call = self.call();
        self.client_input(ClientInput::Update { call, change, timeout });
        call
    }

    pub fn disconnect(&mut self) -> CallId {
        let call = self.call();
        self.client_input(ClientInput::Disconnect { call: Some(call) });
        call
    }

    /// Both ends lose the socket.
    pub fn cut_socket(&mut self, code: u16) {
        let attempt = self.attempt;
        self.deliver(Delivery::Server(attempt, ServerInput::SocketClosed));
        self.deliver(Delivery::Client(closed(attempt, code)));
    }

    pub fn cut_link(&mut self) {
        self.both(LinkEvent::Lost("cut".into()), ServerLinkEvent::Lost("cut".into()));
    }

    pub fn interrupt_link(&mut self) {
        self.both(LinkEvent::Interrupted, ServerLinkEvent::Interrupted);
    }

    pub fn restore_link(&mut self) {
        self.both(LinkEvent::Up, ServerLinkEvent::Up);
    }

    pub fn server_input(&mut self, input: ServerInput) {
        self.deliver(Delivery::Server(self.attempt, input));
    }

    /// The newest server's state.
    pub fn server_state(&self) -> State {
        self.servers.get(&self.attempt).map(|server| server.state().clone()).unwrap_or_default()
    }

    /// Lets virtual time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    /// Every call has had its one answer.
    pub fn check_all_answered(&self) {
        let answered: BTreeSet<CallId> = self.answers.keys().copied().collect();
        assert_eq!(answered, self.calls);
        for (attempt, server) in &self.servers {
            if !server.is_closed() {
                continue;
            }
            let count = |counts: &BTreeMap<_, usize>| counts.get(attempt).copied().unwrap_or(0);
            assert!(
                count(&self.acknowledged) <= count(&self.asked),
                "an update was answered twice"
            );
        }
    }

    fn call(&mut self) -> CallId {
        let call = self.next_call;
        self.next_call += 1;
        self.calls.insert(call);
        call
    }

    fn both(&mut self, client: LinkEvent, server: ServerLinkEvent) {
        let attempt = self.attempt;
        self.deliver(Delivery::Client(ClientInput::Link { attempt, event: client }));
        self.deliver(Delivery::Server(attempt, ServerInput::Link(server)));
    }

    fn next(&self) -> Option<Instant> {
        let network = self.network.keys().next().map(|(at, _)| *at);
        let servers = self.servers.values().filter_map(ServerSession::next_timeout).min();
        [network, servers, self.client.next_timeout()].into_iter().flatten().min()
    }

    fn step(&mut self) {
        if self.network.keys().next().is_some_and(|(at, _)| *at <= self.now) {
            let (_, delivery) = self.network.pop_first().unwrap();
            return self.deliver(delivery);
        }
        if self.client.next_timeout().is_some_and(|at| at <= self.now) {
            self.client_input(ClientInput::Timeout);
            let next = self.client.next_timeout();
            assert!(next.is_none_or(|at| at > self.now), "the client's timeout does not pass");
            return;
        }
        let due = self.servers.iter().find_map(|(attempt, server)| {
            server.next_timeout().is_some_and(|at| at <= self.now).then_some(*attempt)
        });
        self.deliver(Delivery::Server(due.unwrap(), ServerInput::Timeout));
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Accept(attempt) if self.chance(self.faults.refuse_socket) => {
                let error = Error::new(ErrorCode::WebSocket, "connection refused");
                self.client_input(ClientInput::SocketFailed { attempt, error });
            }
            Delivery::Accept(attempt) => {
                let server = ServerSession::new(self.server_config.clone());
                self.servers.insert(attempt, server);
                self.client_input(ClientInput::SocketOpened { attempt });
                self.serve(attempt, ServerInput::Opened);
            }
            Delivery::Client(input) => self.client_input(input),
            Delivery::Server(attempt, input) => self.serve(attempt, input),
        }
    }

    fn client_input(&mut self, input: ClientInput) {
        if let ClientInput::SocketClosed { attempt, .. }
        | ClientInput::SocketFailed { attempt, .. } = input
        {
            self.open_socket &= attempt != self.attempt;
        }
        self.client.handle(self.now, input);
        while let Some(output) = self.client.poll() {
            self.client_output(output);
        }
        let resting = matches!(
            self.client.state(),
            ConnectionState::Connected
                | ConnectionState::Generating
                | ConnectionState::Disconnected
        );
        assert!(resting || self.client.next_timeout().is_some(), "the client is stuck");
    }

    fn client_output(&mut self, output: ClientOutput) {
        let over =
            self.states.len() > 1 && self.states.last() == Some(&ConnectionState::Disconnected);
        assert!(!over || matches!(output, ClientOutput::Answer { .. }), "{output:?} after the end");
        match output {
            ClientOutput::OpenSocket { attempt } => {
                assert!(!self.open_socket && !self.open_link && attempt > self.attempt);
                (self.attempt, self.open_socket) = (attempt, true);
                self.later(Delivery::Accept(attempt));
            }
            ClientOutput::Send { attempt, message } => {
                assert!(self.open_socket && attempt == self.attempt, "sent on a closed socket");
                let message = ClientMessage::parse(&message.to_json()).unwrap();
                self.transmit(attempt, || {
                    Delivery::Server(attempt, ServerInput::Received(message.clone()))
                });
            }
            ClientOutput::CloseSocket { attempt } => {
                assert!(self.open_socket && attempt == self.attempt);
                self.open_socket = false;
                self.later(Delivery::Server(attempt, ServerInput::SocketClosed));
            }
            ClientOutput::OpenLink { attempt } => {
                assert!(self.open_socket && !self.open_link && attempt == self.attempt);
                self.open_link = true;
                let signals = [LocalSignal::Offer("offer".into()), LocalSignal::Candidate(None)];
                for signal in signals {
                    let event = LinkEvent::Signal(signal);
                    self.later(Delivery::Client(ClientInput::Link { attempt, event }));
                }
            }
            ClientOutput::RestartLink { attempt } => {
                assert!(self.open_link && attempt == self.attempt);
                self.restarts += 1;
                let event = LinkEvent::Signal(LocalSignal::Offer("restart".into()));
                self.later(Delivery::Client(ClientInput::Link { attempt, event }));
            }
            ClientOutput::Signal { attempt, signal } => {
                assert!(self.open_link && attempt == self.attempt);
                if let RemoteSignal::Answer(_) = signal
                    && !self.faults.no_path
                {
                    let event = LinkEvent::Up;
                    self.later(Delivery::Client(ClientInput::Link { attempt, event }));
                    let event = ServerInput::Link(ServerLinkEvent::Up);
                    self.later(Delivery::Server(attempt, event));
                }
            }
            ClientOutput::CloseLink { attempt } => {
                assert!(self.open_link && attempt == self.attempt);
                self.open_link = false;
            }
            ClientOutput::Answer { call, result } => {
                assert!(self.calls.contains(&call));
                assert!(self.answers.insert(call, result).is_none(), "call {call} answered twice");
            }
            ClientOutput::Event(event) => self.client_event(event),
        }
    }

    fn client_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::State(StateChange { state, .. }) => {
                let last = *self.states.last().unwrap();
                assert!(last.can_become(state), "{last} became {state}");
                self.states.push(state);
                if state == ConnectionState::Disconnected {
                    assert!(!self.open_link, "ended with an open link");
                }
            }
            ClientEvent::Error(error) => self.errors.push(error),
            ClientEvent::Tick { seconds } => self.ticks.push(seconds),
            _ => {}
        }
    }

    fn serve(&mut self, attempt: Attempt, input: ServerInput) {
        let Some(server) = self.servers.get_mut(&attempt) else { return };
        let was_closed = server.is_closed();
        let is_update = matches!(
            input,
            ServerInput::Received(ClientMessage::Prompt { .. } | ClientMessage::SetImage { .. })
        );
        if is_update && !was_closed {
            *self.asked.entry(attempt).or_default() += 1;
        }
        server.handle(self.now, input);
        let outputs: Vec<_> = std::iter::from_fn(|| server.poll()).collect();
        assert!(!was_closed || outputs.is_empty(), "{outputs:?} after the end");
        assert!(server.is_closed() || server.next_timeout().is_some(), "the server is stuck");
        for output in outputs {
            self.server_output(attempt, output);
        }
    }

    fn server_output(&mut self, attempt: Attempt, output: ServerOutput) {
        match output {
            ServerOutput::Send(message) => {
                let message = ServerMessage::parse(&message.to_json()).unwrap();
                if let ServerMessage::PromptAck { .. } | ServerMessage::SetImageAck { .. } = message
                {
                    *self.acknowledged.entry(attempt).or_default() += 1;
                }
                self.transmit(attempt, || {
                    let message = message.clone();
                    Delivery::Client(ClientInput::Received { attempt, message })
                });
            }
            ServerOutput::Apply { update, .. } => {
                let refused = self.chance(self.faults.refuse_update);
                let result = if refused { Err("refused".into()) } else { Ok(()) };
                self.later(Delivery::Server(attempt, ServerInput::Applied { update, result }));
            }
            ServerOutput::OpenLink { .. } => {
                let event = ServerLinkEvent::Answered("answer".into());
                self.later(Delivery::Server(attempt, ServerInput::Link(event)));
            }
            ServerOutput::Ping => self.later(Delivery::Server(attempt, ServerInput::Pong)),
            ServerOutput::Close { code, .. } => {
                self.later(Delivery::Client(closed(attempt, code)));
            }
            ServerOutput::Candidate(_) | ServerOutput::CloseLink | ServerOutput::Event(_) => {}
        }
    }

    /// A message on the socket: the only thing that the network may lose, repeat or reorder.
    fn transmit(&mut self, attempt: Attempt, delivery: impl Fn() -> Delivery) {
        if self.chance(self.faults.close) {
            self.later(Delivery::Server(attempt, ServerInput::SocketClosed));
            return self.later(Delivery::Client(closed(attempt, 1006)));
        }
        if !self.chance(self.faults.drop) {
            self.later(delivery());
        }
        if self.chance(self.faults.duplicate) {
            self.later(delivery());
        }
    }

    fn later(&mut self, delivery: Delivery) {
        let spread = self.faults.spread.mul_f64(self.unit());
        self.sequence += 1;
        self.network.insert((self.now + self.faults.delay + spread, self.sequence), delivery);
    }

    fn chance(&mut self, fraction: f64) -> bool {
        fraction > 0.0 && self.unit() < fraction
    }

    /// A number in [0, 1), xorshift64*.
    fn unit(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn closed(attempt: Attempt, code: u16) -> ClientInput {
    ClientInput::SocketClosed { attempt, code: Some(code), reason: String::new() }
}
