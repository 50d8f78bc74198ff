//! The state of a session against what the service has acknowledged.
//!
//! Nothing is edited in two places: the desired state is what is settled plus what still waits, so
//! a refused or late update needs no undoing. One update is in flight at a time; the callers'
//! order is the order on the wire. An update that nobody waits for any more stays known for a
//! while, so that its late acknowledgement is not taken for that of the next one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::CallId;
use crate::error::{Error, ErrorCode};
use crate::protocol::{ClientMessage, Field, MAX_MESSAGE_BYTES};
use crate::session::classify::shown;
use crate::session::{Change, Prompt, Setting, State, after, earliest};

/// Updates that may wait at once.
pub(super) const MAX_PENDING: usize = 256;

/// How long, and how many, abandoned updates are remembered.
const LATE_ACK: Duration = Duration::from_secs(60);
const MAX_LATE: usize = 64;

/// Room for the JSON around a prompt and an image.
const ENVELOPE_BYTES: usize = 1024;

#[derive(Debug)]
struct Pending {
    /// `None` once its caller has been told that time is up.
    call: Option<CallId>,
    change: Change,
    deadline: Instant,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Prompt(String),
    Image,
}

#[derive(Debug)]
enum Purpose {
    /// The first message on a socket, with the waiting updates that it already contains.
    Setup {
        state: State,
        folded: Vec<Pending>,
    },
    Update(Pending),
    /// Nobody waits; forgotten at `until`.
    Late {
        change: Change,
        until: Instant,
    },
}

#[derive(Debug)]
struct Sent {
    kind: Kind,
    request_id: Option<String>,
    purpose: Purpose,
}

/// An acknowledgement, of either kind.
pub(super) struct Ack<'a> {
    /// The text of a `prompt_ack`; `None` for a `set_image_ack`.
    pub prompt: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub result: Result<(), String>,
}

/// What became of the setup when an acknowledgement came.
pub(super) enum Setup {
    Accepted,
    /// Refused with updates inside; they have been answered, and it can be sent without them.
    Reduced,
    Refused(String),
}

pub(super) type Answers = Vec<(CallId, Result<(), Error>)>;

#[derive(Debug)]
pub(super) struct Updates {
    /// The newest state that was acknowledged on any socket, or the initial one.
    settled: State,
    /// What this socket has acknowledged; empty until it has.
    acknowledged: State,
    ready: bool,
    queue: VecDeque<Pending>,
    /// Oldest first. Only the last one can be other than late.
    sent: VecDeque<Sent>,
    next_id: u64,
}

impl Updates {
    pub fn new(initial: State) -> Self {
        Self {
            settled: initial,
            acknowledged: State::default(),
            ready: false,
            queue: VecDeque::new(),
            sent: VecDeque::new(),
            next_id: 1,
        }
    }

    pub fn acknowledged(&self) -> &State {
        &self.acknowledged
    }

    pub fn desired(&self) -> State {
        let mut state = self.settled.clone();
        for sent in &self.sent {
            match &sent.purpose {
                Purpose::Setup { folded, .. } => {
                    for pending in folded {
                        state.apply(&pending.change);
                    }
                }
                Purpose::Update(pending) => state.apply(&pending.change),
                Purpose::Late { .. } => {}
            }
        }
        self.queue.iter().for_each(|pending| state.apply(&pending.change));
        state
    }

    /// Takes an update, or says why it cannot be sent.
    pub fn push(&mut self, call: CallId, change: Change, deadline: Instant) -> Result<(), Error> {
        if change.is_empty() {
            return Err(Error::invalid_input("expected a prompt or an image, got neither"));
        }
        let mut state = State::default();
        state.apply(&change);
        check(&state)?;
        if self.queue.len() >= MAX_PENDING {
            return Err(Error::new(
                ErrorCode::InvalidState,
                format!("{MAX_PENDING} updates are waiting for an answer already"),
            )
            .retryable(true)
            .hint("wait for earlier updates before sending more"));
        }
        self.queue.push_back(Pending { call: Some(call), change, deadline });
        Ok(())
    }

    /// The first message on a new socket: everything that is desired, at once.
    pub fn setup(&mut self) -> ClientMessage {
        let state = self.desired();
        let folded = self.queue.drain(..).collect();
        let message = initial_message(&state);
        self.sent.push_back(Sent {
            kind: kind(&message),
            request_id: None,
            purpose: Purpose::Setup { state, folded },
        });
        message
    }

    /// The next update to send, when the last one is done with.
    pub fn next(&mut self) -> Option<ClientMessage> {
        let busy =
            self.sent.back().is_some_and(|sent| !matches!(sent.purpose, Purpose::Late { .. }));
        if !self.ready || busy {
            return None;
        }
        let pending = self.queue.pop_front()?;
        let id = self.next_id.to_string();
        self.next_id += 1;
        let message = update_message(&pending.change, &self.settled, &id);
        self.sent.push_back(Sent {
            kind: kind(&message),
            request_id: Some(id),
            purpose: Purpose::Update(pending),
        });
        Some(message)
    }

    /// Takes an acknowledgement to the update that it is for.
    pub fn acknowledge(&mut self, ack: &Ack<'_>, answers: &mut Answers) -> Option<Setup> {
        let at = self.sent.iter().position(|sent| match (ack.request_id, ack.prompt) {
            (Some(id), _) => sent.request_id.as_deref() == Some(id),
            (None, Some(text)) => matches!(&sent.kind, Kind::Prompt(sent) if sent == text),
            (None, None) => sent.kind == Kind::Image,
        })?;
        let sent = self.sent.remove(at)?;
        match (sent.purpose, &ack.result) {
            (Purpose::Setup { state, folded }, Ok(())) => {
                self.acknowledged = state.clone();
                self.settled = state;
                self.ready = true;
                answers.extend(folded.into_iter().filter_map(|it| Some((it.call?, Ok(())))));
                Some(Setup::Accepted)
            }
            (Purpose::Setup { folded, .. }, Err(text)) => {
                let reduced = !folded.is_empty();
                let calls = folded.into_iter().filter_map(|it| it.call);
                answers.extend(calls.map(|call| (call, Err(refusal(text)))));
                Some(if reduced { Setup::Reduced } else { Setup::Refused(text.clone()) })
            }
            (Purpose::Update(Pending { call, change, .. }), result) => {
                if result.is_ok() {
                    self.settle(&change);
                }
                let result = result.as_ref().map_err(|text| refusal(text)).copied();
                answers.extend(call.map(|call| (call, result)));
                None
            }
            (Purpose::Late { change, .. }, result) => {
                if result.is_ok() {
                    self.settle(&change);
                }
                None
            }
        }
    }

    fn settle(&mut self, change: &Change) {
        self.settled.apply(change);
        self.acknowledged.apply(change);
    }

    /// The socket is gone. What was under way waits again; the next setup will contain it.
    pub fn detach(&mut self) {
        self.ready = false;
        self.acknowledged = State::default();
        for sent in self.sent.drain(..).rev() {
            let again = match sent.purpose {
                Purpose::Setup { folded, .. } => folded,
                Purpose::Update(pending) => vec![pending],
                Purpose::Late { .. } => Vec::new(),
            };
            for pending in again.into_iter().rev().filter(|pending| pending.call.is_some()) {
                self.queue.push_front(pending);
            }
        }
    }

    /// Gives up everything that waits, because the service reported an error.
    pub fn abandon(&mut self, now: Instant) -> Vec<CallId> {
        let mut calls = Vec::new();
        if let Some(Sent { purpose, .. }) = self.sent.back_mut() {
            match purpose {
                Purpose::Setup { folded, .. } => {
                    calls.extend(folded.iter_mut().filter_map(|pending| pending.call.take()));
                }
                Purpose::Update(pending) => {
                    calls.extend(pending.call.take());
                    let change = std::mem::take(&mut pending.change);
                    *purpose = Purpose::Late { change, until: after(now, LATE_ACK) };
                }
                Purpose::Late { .. } => {}
            }
        }
        calls.extend(self.queue.drain(..).filter_map(|pending| pending.call));
        self.trim(now);
        calls
    }

    /// The calls whose time is up.
    pub fn expire(&mut self, now: Instant) -> Vec<CallId> {
        let mut calls = Vec::new();
        if let Some(Sent { purpose, .. }) = self.sent.back_mut() {
            match purpose {
                Purpose::Setup { folded, .. } => {
                    let due = folded.iter_mut().filter(|pending| pending.deadline <= now);
                    calls.extend(due.filter_map(|pending| pending.call.take()));
                }
                Purpose::Update(pending) if pending.deadline <= now => {
                    calls.extend(pending.call.take());
                    let change = std::mem::take(&mut pending.change);
                    *purpose = Purpose::Late { change, until: after(now, LATE_ACK) };
                }
                Purpose::Update(_) | Purpose::Late { .. } => {}
            }
        }
        self.queue.retain(|pending| {
            let due = pending.deadline <= now;
            calls.extend(pending.call.filter(|_| due));
            !due
        });
        self.trim(now);
        calls
    }

    /// The calls that still wait when the session ends. Comes after `detach`.
    pub fn drain(&mut self) -> Vec<CallId> {
        self.queue.drain(..).filter_map(|pending| pending.call).collect()
    }

    fn trim(&mut self, now: Instant) {
        self.sent
            .retain(|sent| !matches!(&sent.purpose, Purpose::Late { until, .. } if *until <= now));
        while self.sent.len() > MAX_LATE {
            self.sent.pop_front();
        }
    }

    /// When `expire` has something to say next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let flying = self.sent.back().and_then(|sent| match &sent.purpose {
            Purpose::Setup { folded, .. } => folded
                .iter()
                .filter(|pending| pending.call.is_some())
                .map(|pending| pending.deadline)
                .min(),
            Purpose::Update(pending) => Some(pending.deadline),
            Purpose::Late { .. } => None,
        });
        earliest([flying, self.queue.iter().map(|pending| pending.deadline).min()])
    }
}

/// Refuses what no service would accept, before it costs a round trip.
pub(super) fn check(state: &State) -> Result<(), Error> {
    let prompt = state.prompt.as_ref().map_or("", |prompt| &prompt.text);
    if state.prompt.is_some() && prompt.trim().is_empty() {
        return Err(Error::invalid_input("expected a prompt with some text, got a blank one")
            .hint("clear the prompt instead of setting it to nothing"));
    }
    let image = state.image.as_ref().map(|image| image.data.len());
    if image == Some(0) {
        return Err(Error::invalid_input("expected an image, got no bytes"));
    }
    let bytes = prompt.len() + image.unwrap_or(0);
    if bytes > MAX_MESSAGE_BYTES - ENVELOPE_BYTES {
        return Err(Error::invalid_input(format!(
            "prompt and base64 image are {bytes} bytes together; a message holds at most {}",
            MAX_MESSAGE_BYTES - ENVELOPE_BYTES
        ))
        .hint("send a smaller image"));
    }
    Ok(())
}

fn refusal(text: &str) -> Error {
    let text =
        if text.is_empty() { "the service refused the update and gave no reason" } else { text };
    Error::new(ErrorCode::Server, shown(text)).retryable(false)
}

fn kind(message: &ClientMessage) -> Kind {
    match message {
        ClientMessage::Prompt { prompt, .. } => Kind::Prompt(prompt.clone()),
        _ => Kind::Image,
    }
}

fn initial_message(state: &State) -> ClientMessage {
    match (&state.image, &state.prompt) {
        (Some(image), prompt) => ClientMessage::SetImage {
            image_data: Field::Value(image.data.clone()),
            prompt: prompt.as_ref().map_or(Field::Absent, |it| Field::Value(it.text.clone())),
            enhance_prompt: prompt.as_ref().map(|prompt| prompt.enhance),
            landmarks: image.landmarks,
            request_id: None,
        },
        (None, Some(Prompt { text, enhance })) => ClientMessage::Prompt {
            prompt: text.clone(),
            enhance_prompt: *enhance,
            request_id: None,
        },
        (None, None) => ClientMessage::passthrough(),
    }
}

/// A change of the prompt alone never touches the image. Clearing the prompt repeats the image,
/// because services differ in what they take a missing one for.
fn update_message(change: &Change, current: &State, id: &str) -> ClientMessage {
    let request_id = Some(id.to_owned());
    let enhance_prompt = match &change.prompt {
        Setting::Set(prompt) => Some(prompt.enhance),
        Setting::Unset | Setting::Clear => None,
    };
    let prompt = match &change.prompt {
        Setting::Set(Prompt { text, enhance }) if change.image == Setting::Unset => {
            let prompt = text.clone();
            return ClientMessage::Prompt { prompt, enhance_prompt: *enhance, request_id };
        }
        Setting::Set(prompt) => Field::Value(prompt.text.clone()),
        Setting::Clear => Field::Null,
        Setting::Unset => Field::Absent,
    };
    let image = match &change.image {
        Setting::Set(image) => Some(image),
        Setting::Clear => None,
        Setting::Unset => current.image.as_ref(),
    };
    let image_data = Field::from(image.map(|image| image.data.clone()));
    let landmarks = image.and_then(|image| image.landmarks);
    ClientMessage::SetImage { image_data, prompt, enhance_prompt, landmarks, request_id }
}
