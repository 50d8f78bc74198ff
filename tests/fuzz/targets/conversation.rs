//! Whole conversations: what the other end says, line by line, to a client and to a service that
//! are otherwise well, in virtual time.
//!
//! A line that begins with `+` lets that many milliseconds pass; one with `!` names what happens
//! beside the messages; any other is a message.

use std::time::{Duration, Instant};

use parhelion::error::{Error, ErrorCode};
use parhelion::protocol::{ClientMessage, ServerMessage};
use parhelion::session::{
    Attempt, Change, ClientConfig, ClientEvent, ClientInput, ClientOutput, ClientSession,
    ConnectionState, LinkEvent, LocalSignal, Prompt, ServerConfig, ServerInput, ServerLinkEvent,
    ServerOutput, ServerSession, Setting,
};

use super::Target;
use super::signalling::explained;

pub const TARGET: Target = Target {
    name: "conversation",
    run,
    seeds: &[],
    words: &[
        "\n!open\n",
        "\n!offer\n",
        "\n!up\n",
        "\n!interrupted\n",
        "\n!lost\n",
        "\n!update\n",
        "\n!close 1006\n",
        "\n!close 1013\n",
        "\n!applied\n",
        "\n+1000\n",
        "\n+31000\n",
        "\n{\"type\":\"set_image_ack\",\"success\":true}\n",
        "\n{\"type\":\"prompt_ack\",\"prompt\":\"p\",\"success\":true}\n",
        "\n{\"type\":\"answer\",\"sdp\":\"a\"}\n",
        "\n{\"type\":\"offer\",\"sdp\":\"o\"}\n",
        "\n{\"type\":\"ice-candidate\",\"candidate\":null}\n",
        "\n{\"type\":\"queue_position\",\"position\":1}\n",
        "\n{\"type\":\"generation_started\"}\n",
        "\n{\"type\":\"generation_ended\",\"reason\":\"timeout\"}\n",
        "\n{\"type\":\"error\",\"error\":\"at capacity\"}\n",
        "\n{\"type\":\"prompt\",\"prompt\":\"x\"}\n",
        "\n{\"type\":\"set_image\",\"image_data\":null,\"prompt\":null}\n",
    ],
    max_len: 32 << 10,
    memory: 32 << 20,
};

/// One message causes a handful of things; the last answers up to 256 calls and 32 updates.
const MOST_OUTPUTS: usize = 1024;

fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut client, mut service) = (Client::new(), Service::new());
    let start = Instant::now();
    let mut now = start;
    for line in text.lines() {
        if let Some(pause) = line.strip_prefix('+') {
            let pause = pause.trim().parse().unwrap_or(1_u64).min(600_000);
            now += Duration::from_millis(pause);
            client.pass(now);
            service.pass(now);
        } else if let Some(what) = line.strip_prefix('!') {
            client.happens(now, what);
            service.happens(now, what);
        } else {
            client.hears(now, line);
            service.hears(now, line);
        }
    }
    client.end(now);
}

struct Client {
    session: ClientSession,
    state: ConnectionState,
    attempt: Attempt,
    calls: u64,
    answered: u64,
}

impl Client {
    fn new() -> Self {
        let config = ClientConfig { seed: 7, ..ClientConfig::default() };
        let session = ClientSession::new(config);
        let state = ConnectionState::Disconnected;
        let mut client = Self { session, state, attempt: 0, calls: 1, answered: 0 };
        client.input(Instant::now(), ClientInput::Connect { call: 1 });
        client
    }

    fn hears(&mut self, now: Instant, line: &str) {
        let attempt = self.attempt;
        let input = match ServerMessage::parse(line) {
            Ok(message) => ClientInput::Received { attempt, message },
            Err(error) => ClientInput::Malformed { attempt, error },
        };
        self.input(now, input);
    }

    fn happens(&mut self, now: Instant, what: &str) {
        let attempt = self.attempt;
        let link = |event| ClientInput::Link { attempt, event };
        let input = match what.split(' ').next().unwrap_or_default() {
            "open" => ClientInput::SocketOpened { attempt },
            "offer" => link(LinkEvent::Signal(LocalSignal::Offer("o".into()))),
            "candidate" => link(LinkEvent::Signal(LocalSignal::Candidate(None))),
            "up" => link(LinkEvent::Up),
            "interrupted" => link(LinkEvent::Interrupted),
            "lost" => link(LinkEvent::Lost("lost".into())),
            "update" => {
                self.calls += 1;
                let change =
                    Change { prompt: Setting::Set(Prompt::new("p")), image: Setting::Unset };
                ClientInput::Update { call: self.calls, change, timeout: Duration::from_secs(15) }
            }
            "close" => {
                let code = what.split(' ').nth(1).and_then(|code| code.parse().ok());
                ClientInput::SocketClosed { attempt, code, reason: what.to_owned() }
            }
            "fail" => {
                let error = Error::new(ErrorCode::WebSocket, "broken");
                ClientInput::SocketFailed { attempt, error }
            }
            _ => return,
        };
        self.input(now, input);
    }

    fn pass(&mut self, now: Instant) {
        for _ in 0..MOST_OUTPUTS {
            let Some(at) = self.session.next_timeout().filter(|at| *at <= now) else { return };
            self.input(at, ClientInput::Timeout);
            let next = self.session.next_timeout();
            assert!(next.is_none_or(|next| next > at), "the client's time does not pass");
        }
    }

    fn end(mut self, now: Instant) {
        self.calls += 1;
        self.input(now, ClientInput::Disconnect { call: Some(self.calls) });
        assert_eq!(self.answered, self.calls, "every call has one answer");
        assert!(self.session.is_closed() && self.session.next_timeout().is_none());
    }

    fn input(&mut self, now: Instant, input: ClientInput) {
        let over = self.session.is_closed();
        self.session.handle(now, input);
        let mut outputs = 0;
        while let Some(output) = self.session.poll() {
            outputs += 1;
            assert!(outputs < MOST_OUTPUTS, "one input caused {outputs} outputs");
            let answer = matches!(output, ClientOutput::Answer { .. });
            assert!(answer || !over, "{output:?} after the end");
            match output {
                ClientOutput::OpenSocket { attempt } => self.attempt = attempt,
                ClientOutput::Answer { result, .. } => {
                    self.answered += 1;
                    result.err().iter().for_each(explained);
                }
                ClientOutput::Event(ClientEvent::State(change)) => {
                    let next = change.state;
                    assert!(self.state.can_become(next), "{} became {next}", self.state);
                    self.state = next;
                }
                ClientOutput::Event(ClientEvent::Error(error)) => explained(&error),
                _ => {}
            }
        }
        let rests = self.state.is_connected() || self.state == ConnectionState::Disconnected;
        assert!(rests || self.session.next_timeout().is_some(), "the client is stuck");
    }
}

struct Service {
    session: ServerSession,
    applying: u64,
}

impl Service {
    fn new() -> Self {
        let config = ServerConfig { session_id: "s".into(), ..ServerConfig::default() };
        let mut service = Self { session: ServerSession::new(config), applying: 0 };
        service.input(Instant::now(), ServerInput::Opened);
        service
    }

    fn hears(&mut self, now: Instant, line: &str) {
        let input = match ClientMessage::parse(line) {
            Ok(message) => ServerInput::Received(message),
            Err(error) => ServerInput::Malformed(error),
        };
        self.input(now, input);
    }

    fn happens(&mut self, now: Instant, what: &str) {
        let input = match what.split(' ').next().unwrap_or_default() {
            "offer" => ServerInput::Link(ServerLinkEvent::Answered("a".into())),
            "up" => ServerInput::Link(ServerLinkEvent::Up),
            "interrupted" => ServerInput::Link(ServerLinkEvent::Interrupted),
            "lost" => ServerInput::Link(ServerLinkEvent::Lost("lost".into())),
            "applied" => ServerInput::Applied { update: self.applying, result: Ok(()) },
            "close" => ServerInput::SocketClosed,
            _ => return,
        };
        self.input(now, input);
    }

    fn pass(&mut self, now: Instant) {
        for _ in 0..MOST_OUTPUTS {
            let Some(at) = self.session.next_timeout().filter(|at| *at <= now) else { return };
            self.input(at, ServerInput::Timeout);
            let next = self.session.next_timeout();
            assert!(next.is_none_or(|next| next > at), "the service's time does not pass");
        }
    }

    fn input(&mut self, now: Instant, input: ServerInput) {
        let over = self.session.is_closed();
        self.session.handle(now, input);
        let mut outputs = 0;
        while let Some(output) = self.session.poll() {
            outputs += 1;
            assert!(outputs < MOST_OUTPUTS, "one input caused {outputs} outputs");
            assert!(!over, "{output:?} after the end");
            if let ServerOutput::Apply { update, .. } = output {
                self.applying = update;
            }
        }
        assert!(self.session.is_closed() || self.session.next_timeout().is_some());
    }
}
