//! The control socket of one session, as the service sees it.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use crate::error::{Error, ErrorCode};
use crate::protocol::{ClientMessage, ServerMessage};
use crate::session::{ServerInput, close_reason, rejection};

/// A client that does not answer a close is not waited for longer than this.
pub(super) const CLOSE_WAIT: Duration = Duration::from_millis(500);
/// A client that does not read its control socket for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// How long a viewer that is turned away has for its offer.
const FIRST_WORD: Duration = Duration::from_millis(300);

/// The client can no longer be reached.
pub(super) struct Gone;

pub(super) struct ControlSocket {
    socket: WebSocket,
    ping_id: u8,
}

impl ControlSocket {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self { socket, ping_id: 0 }
    }

    /// What comes next; nothing for a ping, which the socket answers by itself.
    pub(super) async fn recv(&mut self) -> Option<ServerInput> {
        match self.socket.recv().await {
            Some(Ok(Message::Text(text))) => Some(match ClientMessage::parse(&text) {
                Ok(message) => ServerInput::Received(message),
                Err(error) => ServerInput::Malformed(error),
            }),
            Some(Ok(Message::Binary(bytes))) => Some(ServerInput::Malformed(Error::new(
                ErrorCode::Signaling,
                format!("expected text messages, got {} binary bytes", bytes.len()),
            ))),
            Some(Ok(Message::Pong(_))) => Some(ServerInput::Pong),
            Some(Ok(Message::Ping(_))) => None,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Some(ServerInput::SocketClosed),
        }
    }

    pub(super) async fn send(&mut self, message: &ServerMessage) -> Result<(), Gone> {
        self.write(Message::text(message.to_json())).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), Gone> {
        self.ping_id = self.ping_id.wrapping_add(1);
        self.write(Message::Ping(vec![self.ping_id].into())).await
    }

    /// Says goodbye and waits for the other side's, so that nothing said before is lost with the
    /// connection.
    pub(super) async fn close(&mut self, code: u16, reason: String) {
        let frame = CloseFrame { code, reason: reason.into() };
        if self.write(Message::Close(Some(frame))).await.is_ok() {
            let drained = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            let _ = tokio::time::timeout(CLOSE_WAIT, drained).await;
        }
    }

    /// Says why a client is not let in, in a way that every client understands, and closes.
    pub(super) async fn refuse(&mut self, error: Error) {
        self.turn_away(error, Duration::ZERO).await;
    }

    /// The same for a viewer. It hears nothing before it has said something itself: the official Python
    /// client takes a socket that closes under its offer for a bad network, and tries again.
    pub(super) async fn refuse_viewer(&mut self, error: Error) {
        self.turn_away(error, FIRST_WORD).await;
    }

    async fn turn_away(&mut self, error: Error, listen: Duration) {
        tracing::info!(target: "parhelion::server", code = %error.code, "session refused");
        let (messages, code, reason) = rejection(&error);
        for message in messages {
            if self.send(&message).await.is_err() {
                return;
            }
        }
        if !listen.is_zero() {
            let _ = tokio::time::timeout(listen, self.socket.recv()).await;
        }
        self.close(code, reason).await;
    }

    /// Says an error, word for word, and closes with a code.
    pub(super) async fn refuse_with(&mut self, error: String, code: u16) {
        let reason = close_reason(&error);
        if self.send(&ServerMessage::Error { error, code: None }).await.is_ok() {
            self.close(code, reason).await;
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Gone> {
        match tokio::time::timeout(SEND_LIMIT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
