//! A client that waits for a place: it is told where it stands, and its state is prepared. It gets
//! no threads, no encoder and no model before it is let in.

use std::time::Instant;

use super::Service;
use super::admission::{News, Place, Standing, Ticket};
use super::control::{Prepared, Preparing};
use super::session::{GOING_AWAY, stopped};
use super::socket::ControlSocket;
use crate::session::{ServerInput, ServerOutput, ServerSession};

/// What a client has when its turn comes.
pub(super) struct LetIn {
    pub(super) place: Place,
    /// Its newest state, if it has sent one.
    pub(super) prepared: Option<Prepared>,
}

/// Waits until the client is let in. `None`: it has left.
pub(super) async fn wait(
    session: &mut ServerSession,
    socket: &mut ControlSocket,
    mut ticket: Ticket,
    service: &Service,
) -> Option<LetIn> {
    let mut stopping = service.stopping.clone();
    let mut preparing: Option<Preparing> = None;
    let mut prepared = None;
    let mut place = None;
    session.handle(Instant::now(), standing(ticket.standing()));
    loop {
        while let Some(output) = session.poll() {
            match output {
                ServerOutput::Send(message) => socket.send(&message).await.ok()?,
                ServerOutput::Ping => socket.ping().await.ok()?,
                ServerOutput::Close { code, reason } => {
                    socket.close(code, reason).await;
                    return None;
                }
                ServerOutput::Apply { update, state } => {
                    preparing =
                        Some(Preparing::start(&service.decoding, update, state, prepared.as_ref()));
                }
                // There is no link before the client is let in.
                ServerOutput::OpenLink { .. }
                | ServerOutput::Candidate(_)
                | ServerOutput::CloseLink
                | ServerOutput::Event(_) => {}
            }
        }
        if session.is_closed() {
            return None;
        }
        // An update that is under way is finished first: a matter of milliseconds.
        if preparing.is_none()
            && let Some(place) = place.take()
        {
            return Some(LetIn { place, prepared });
        }
        let deadline = session.next_timeout();
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let finished = async {
            match &mut preparing {
                Some(preparing) => preparing.finished().await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            news = ticket.news(), if place.is_none() => match news {
                News::Moved(to) => Some(standing(to)),
                News::Admitted(granted) => {
                    place = Some(granted);
                    None
                }
            },
            input = socket.recv() => input,
            finished = finished => {
                preparing = None;
                finished.map(|(update, result)| {
                    let result = result.map(|state| prepared = Some(state));
                    ServerInput::Applied { update, result: result.map_err(|error| error.to_string()) }
                })
            }
            () = timer => Some(ServerInput::Timeout),
            () = stopped(&mut stopping) => {
                Some(ServerInput::End { reason: "server_shutdown".to_owned(), code: GOING_AWAY })
            }
        };
        if let Some(input) = input {
            session.handle(Instant::now(), input);
        }
    }
}

fn standing(standing: Standing) -> ServerInput {
    ServerInput::Queued { position: standing.position, size: standing.size }
}
