//! Updates of a server session: taken, applied and acknowledged one after the other.
//!
//! What cannot be applied waits in the same line as what can, so that acknowledgements keep their
//! order: old clients tell those of images apart by nothing else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{ServerEvent, ServerOutput};
use crate::error::{Error, ErrorCode};
use crate::protocol::{
    ClientMessage, EncodedImage, Field, Landmarks, MAX_MESSAGE_BYTES, ServerMessage,
};
use crate::session::{Change, Prompt, ReferenceImage, Setting, State, after};

/// Updates that may wait with what they carry. More are refused, each with its acknowledgement.
const MAX_PENDING: usize = 32;

/// Refused updates that may wait for their turn. A client that sends more is not listening.
const MAX_REFUSED: usize = 256;

/// What all waiting updates may hold together, in bytes.
const MAX_WAITING_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// The longest prompt, in characters.
const MAX_PROMPT_CHARS: usize = 10_000;

/// What an acknowledgement repeats.
#[derive(Debug)]
struct Echo {
    /// The text of a `prompt`, byte for byte; `None` for a `set_image`.
    prompt: Option<String>,
    request_id: Option<String>,
}

#[derive(Debug)]
struct Waiting {
    echo: Echo,
    change: Result<Change, String>,
    bytes: usize,
}

#[derive(Debug)]
struct Applying {
    update: u64,
    echo: Echo,
    state: State,
    deadline: Instant,
}

#[derive(Debug)]
pub(super) struct Updates {
    state: State,
    max_image_bytes: usize,
    takes_landmarks: bool,
    apply_timeout: Duration,
    queue: VecDeque<Waiting>,
    waiting_bytes: usize,
    applying: Option<Applying>,
    next_update: u64,
}

impl Updates {
    pub fn new(max_image_bytes: usize, takes_landmarks: bool, apply_timeout: Duration) -> Self {
        Self {
            state: State::default(),
            max_image_bytes,
            takes_landmarks,
            apply_timeout,
            queue: VecDeque::new(),
            waiting_bytes: 0,
            applying: None,
            next_update: 1,
        }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.applying.as_ref().map(|applying| applying.deadline)
    }

    /// Takes a `prompt` or a `set_image`. Fails only when the client must be sent away.
    pub fn push(&mut self, message: ClientMessage, viewer: bool) -> Result<(), Error> {
        let (echo, change) = match message {
            ClientMessage::Prompt { prompt, enhance_prompt, request_id } => {
                let change = checked_prompt(&prompt, enhance_prompt)
                    .map(|prompt| Change { prompt: Setting::Set(prompt), image: Setting::Unset });
                (Echo { prompt: Some(prompt), request_id }, change)
            }
            ClientMessage::SetImage {
                image_data,
                prompt,
                enhance_prompt,
                landmarks,
                request_id,
            } => {
                let enhance = enhance_prompt.unwrap_or(true);
                let change = self.image_change(image_data, landmarks, prompt, enhance);
                (Echo { prompt: None, request_id }, change)
            }
            _ => return Ok(()),
        };
        let mut change = match change {
            Ok(_) if viewer => Err("a viewer cannot change the session".into()),
            Ok(_) if self.queue.len() >= MAX_PENDING => {
                Err(format!("{MAX_PENDING} updates are waiting already"))
            }
            change => change,
        };
        let mut bytes = echo.bytes() + carried(&change);
        if self.waiting_bytes.saturating_add(bytes) > MAX_WAITING_BYTES {
            change = Err("the waiting updates are too large together".into());
            bytes = echo.bytes();
        }
        let flooded = self.queue.len() >= MAX_PENDING + MAX_REFUSED
            || self.waiting_bytes.saturating_add(bytes) > MAX_WAITING_BYTES;
        if flooded {
            return Err(Error::new(
                ErrorCode::Signaling,
                "too many updates without waiting for their acknowledgements",
            ));
        }
        self.waiting_bytes += bytes;
        self.queue.push_back(Waiting { echo, change, bytes });
        Ok(())
    }

    fn image_change(
        &self,
        image: Field<EncodedImage>,
        landmarks: Option<Landmarks>,
        prompt: Field<String>,
        enhance: bool,
    ) -> Result<Change, String> {
        if let Some(landmarks) = landmarks {
            self.check_landmarks(landmarks, &image)?;
        }
        let prompt = match prompt {
            Field::Absent => Setting::Unset,
            Field::Null => Setting::Clear,
            Field::Value(text) => Setting::Set(checked_prompt(&text, enhance)?),
        };
        let image = match image {
            Field::Absent => Setting::Unset,
            Field::Null => Setting::Clear,
            Field::Value(image) if image.is_empty() => {
                return Err("expected an image, got no bytes; use null to clear".into());
            }
            Field::Value(image) if image.len() > self.max_image_bytes => {
                return Err(format!(
                    "expected an image of at most {} bytes of base64, got {}",
                    self.max_image_bytes,
                    image.len()
                ));
            }
            Field::Value(data) => Setting::Set(ReferenceImage { data, landmarks }),
        };
        Ok(Change { prompt, image })
    }

    /// What can be said of landmarks before their picture is unpacked.
    fn check_landmarks(
        &self,
        landmarks: Landmarks,
        image: &Field<EncodedImage>,
    ) -> Result<(), String> {
        if !self.takes_landmarks {
            return Err("landmarks: the model looks for no face in its image".into());
        }
        if image.value().is_none() {
            return Err("landmarks: expected image_data beside them, got none".into());
        }
        landmarks.check().map_err(|error| error.to_string())
    }

    /// Starts the next update unless one is under way, and answers those that cannot start.
    pub fn start(&mut self, now: Instant, outputs: &mut VecDeque<ServerOutput>) {
        while self.applying.is_none() {
            let Some(Waiting { echo, change, bytes }) = self.queue.pop_front() else { return };
            self.waiting_bytes -= bytes;
            let update = self.next_update;
            self.next_update += 1;
            match change {
                Ok(change) => {
                    let mut state = self.state.clone();
                    state.apply(&change);
                    outputs.push_back(ServerOutput::Apply { update, state: state.clone() });
                    let deadline = after(now, self.apply_timeout);
                    self.applying = Some(Applying { update, echo, state, deadline });
                }
                Err(reason) => refuse(update, echo, reason, outputs),
            }
        }
    }

    /// The model's word on the update under way; on any other it comes too late.
    pub fn applied(
        &mut self,
        update: u64,
        result: Result<(), String>,
        outputs: &mut VecDeque<ServerOutput>,
    ) {
        let Some(applying) = self.applying.take_if(|applying| applying.update == update) else {
            return;
        };
        match result {
            Ok(()) => {
                self.state = applying.state;
                outputs.push_back(ServerOutput::Send(applying.echo.acknowledge(None)));
                outputs.push_back(ServerOutput::Event(ServerEvent::Applied { update }));
            }
            Err(reason) => refuse(update, applying.echo, reason, outputs),
        }
    }

    pub fn expire(&mut self, now: Instant, outputs: &mut VecDeque<ServerOutput>) {
        if let Some(late) = self.applying.take_if(|applying| applying.deadline <= now) {
            let seconds = self.apply_timeout.as_secs_f64();
            let reason = format!("the model did not take the update within {seconds:.0} s");
            refuse(late.update, late.echo, reason, outputs);
        }
    }

    /// Answers everything that waits, because the session ends.
    pub fn refuse_all(&mut self, reason: &str, outputs: &mut VecDeque<ServerOutput>) {
        if let Some(applying) = self.applying.take() {
            refuse(applying.update, applying.echo, reason.to_owned(), outputs);
        }
        for Waiting { echo, change, .. } in self.queue.drain(..) {
            let reason = change.err().unwrap_or_else(|| reason.to_owned());
            refuse(self.next_update, echo, reason, outputs);
            self.next_update += 1;
        }
        self.waiting_bytes = 0;
    }
}

impl Echo {
    fn bytes(&self) -> usize {
        self.prompt.as_ref().map_or(0, String::len)
            + self.request_id.as_ref().map_or(0, String::len)
    }

    fn acknowledge(self, error: Option<String>) -> ServerMessage {
        let (success, request_id) = (error.is_none(), self.request_id);
        match self.prompt {
            Some(prompt) => ServerMessage::PromptAck { prompt, success, error, request_id },
            None => ServerMessage::SetImageAck { success, error, request_id },
        }
    }
}

fn refuse(update: u64, echo: Echo, reason: String, outputs: &mut VecDeque<ServerOutput>) {
    outputs.push_back(ServerOutput::Send(echo.acknowledge(Some(reason.clone()))));
    outputs.push_back(ServerOutput::Event(ServerEvent::Refused { update, reason }));
}

fn carried(change: &Result<Change, String>) -> usize {
    let Ok(Change { prompt, image }) = change else { return 0 };
    let prompt = if let Setting::Set(prompt) = prompt { prompt.text.len() } else { 0 };
    let image = if let Setting::Set(image) = image { image.data.len() } else { 0 };
    prompt + image
}

fn checked_prompt(text: &str, enhance: bool) -> Result<Prompt, String> {
    if text.trim().is_empty() {
        return Err("expected a prompt with some text, got a blank one".into());
    }
    // Bytes first: counting the characters of a very long text is work for nothing.
    if text.len() > MAX_PROMPT_CHARS && text.chars().nth(MAX_PROMPT_CHARS).is_some() {
        return Err(format!("expected a prompt of at most {MAX_PROMPT_CHARS} characters"));
    }
    Ok(Prompt { text: text.to_owned(), enhance })
}
