//! A client session driven by hand, one input at a time, in virtual time.

use std::time::{Duration, Instant};

use parhelion::error::Error;
use parhelion::protocol::{ClientMessage, ServerMessage};
use parhelion::session::{
    Attempt, CallId, Change, ClientConfig, ClientEvent, ClientInput, ClientOutput, ClientSession,
    ConnectionState, LinkEvent, LocalSignal, Prompt, RetryPolicy, Setting, State,
};

pub const CONNECT: CallId = 1;

pub struct Script {
    pub session: ClientSession,
    pub now: Instant,
    /// Everything that came out so far.
    pub seen: Vec<ClientOutput>,
}

/// No jitter, so that tests can name the delays.
pub fn config() -> ClientConfig {
    ClientConfig {
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::default() },
        ..ClientConfig::default()
    }
}

pub fn with_prompt(text: &str) -> ClientConfig {
    let initial = State { prompt: Some(Prompt::new(text)), image: None };
    ClientConfig { initial, ..config() }
}

pub fn prompt(text: &str) -> Change {
    Change { prompt: Setting::Set(Prompt::new(text)), image: Setting::Unset }
}

pub fn image(base64: &str) -> Change {
    Change { prompt: Setting::Unset, image: Setting::Set(base64.into()) }
}

pub fn server(json: &str) -> ServerMessage {
    ServerMessage::parse(json).unwrap()
}

impl Script {
    pub fn new(config: ClientConfig) -> Self {
        Self { session: ClientSession::new(config), now: Instant::now(), seen: Vec::new() }
    }

    /// Handles one input and gives what came out of it.
    pub fn input(&mut self, input: ClientInput) -> Vec<ClientOutput> {
        self.session.handle(self.now, input);
        let outputs: Vec<_> = std::iter::from_fn(|| self.session.poll()).collect();
        self.seen.extend(outputs.iter().cloned());
        outputs
    }

    pub fn connect(&mut self) -> Vec<ClientOutput> {
        self.input(ClientInput::Connect { call: CONNECT })
    }

    pub fn attempt(&self) -> Attempt {
        self.seen
            .iter()
            .rev()
            .find_map(|output| match output {
                ClientOutput::OpenSocket { attempt } => Some(*attempt),
                _ => None,
            })
            .expect("a socket was opened")
    }

    pub fn opened(&mut self) -> Vec<ClientOutput> {
        let attempt = self.attempt();
        self.input(ClientInput::SocketOpened { attempt })
    }

    pub fn receive(&mut self, json: &str) -> Vec<ClientOutput> {
        let attempt = self.attempt();
        self.input(ClientInput::Received { attempt, message: server(json) })
    }

    pub fn closed(&mut self, code: u16, reason: &str) -> Vec<ClientOutput> {
        let attempt = self.attempt();
        self.input(ClientInput::SocketClosed { attempt, code: Some(code), reason: reason.into() })
    }

    pub fn failed(&mut self, error: Error) -> Vec<ClientOutput> {
        let attempt = self.attempt();
        self.input(ClientInput::SocketFailed { attempt, error })
    }

    pub fn link(&mut self, event: LinkEvent) -> Vec<ClientOutput> {
        let attempt = self.attempt();
        self.input(ClientInput::Link { attempt, event })
    }

    pub fn offer(&mut self) -> Vec<ClientOutput> {
        self.link(LinkEvent::Signal(LocalSignal::Offer("our offer".into())))
    }

    pub fn update(&mut self, call: CallId, change: Change) -> Vec<ClientOutput> {
        self.input(ClientInput::Update { call, change, timeout: Duration::from_secs(15) })
    }

    /// Lets time pass, handling every timeout on the way.
    pub fn wait(&mut self, duration: Duration) -> Vec<ClientOutput> {
        let end = self.now + duration;
        let mut outputs = Vec::new();
        while let Some(at) = self.session.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            outputs.extend(self.input(ClientInput::Timeout));
        }
        self.now = end;
        outputs
    }

    /// From an open socket to live media, acknowledging whatever the state message is.
    pub fn go_live(&mut self) -> Vec<ClientOutput> {
        let mut outputs = self.opened();
        let ack = match sent(&outputs).first() {
            Some(ClientMessage::Prompt { prompt, .. }) => {
                format!(r#"{{"type":"prompt_ack","prompt":"{prompt}","success":true}}"#)
            }
            _ => r#"{"type":"set_image_ack","success":true}"#.to_owned(),
        };
        outputs.extend(self.receive(&ack));
        outputs.extend(self.offer());
        outputs.extend(self.receive(r#"{"type":"answer","sdp":"their answer"}"#));
        outputs.extend(self.link(LinkEvent::Up));
        outputs
    }

    pub fn live(config: ClientConfig) -> Self {
        let mut script = Self::new(config);
        script.connect();
        script.go_live();
        assert_eq!(script.session.state(), ConnectionState::Connected);
        script
    }
}

pub fn sent(outputs: &[ClientOutput]) -> Vec<ClientMessage> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Send { message, .. } => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// The messages as JSON without the request id, which is ours to choose.
pub fn wire(outputs: &[ClientOutput]) -> Vec<serde_json::Value> {
    sent(outputs)
        .iter()
        .map(|message| {
            let mut value: serde_json::Value = serde_json::from_str(&message.to_json()).unwrap();
            value.as_object_mut().unwrap().remove("request_id");
            value
        })
        .collect()
}

pub fn states(outputs: &[ClientOutput]) -> Vec<ConnectionState> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Event(ClientEvent::State(change)) => Some(change.state),
            _ => None,
        })
        .collect()
}

pub fn errors(outputs: &[ClientOutput]) -> Vec<Error> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Event(ClientEvent::Error(error)) => Some(error.clone()),
            _ => None,
        })
        .collect()
}

pub fn answers(outputs: &[ClientOutput]) -> Vec<(CallId, Result<(), Error>)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Answer { call, result } => Some((*call, result.clone())),
            _ => None,
        })
        .collect()
}

pub fn opens_socket(outputs: &[ClientOutput]) -> bool {
    outputs.iter().any(|output| matches!(output, ClientOutput::OpenSocket { .. }))
}

pub fn request_id(outputs: &[ClientOutput]) -> String {
    match sent(outputs).first() {
        Some(
            ClientMessage::Prompt { request_id, .. } | ClientMessage::SetImage { request_id, .. },
        ) => request_id.clone().expect("an update has an id"),
        other => panic!("expected an update, got {other:?}"),
    }
}
