//! Places for sessions, and the queue for those who come when all are taken.
//!
//! Whoever came first is let in first: while anybody waits, a place that becomes free goes to the
//! head of the queue, never to a newcomer. Those who wait are told where they stand whenever that
//! changes, and a place in the queue is lost with whoever held it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::{oneshot, watch};

use crate::error::{Error, ErrorCode, Result};
use crate::transport::video::lock;

pub(super) struct Admission {
    /// None: no limit.
    max_sessions: Option<usize>,
    max_queue: usize,
    state: Mutex<State>,
    /// Whether anybody waits.
    wanted: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    active: usize,
    queue: VecDeque<Waiting>,
    next_id: u64,
}

struct Waiting {
    id: u64,
    place: oneshot::Sender<Place>,
    standing: watch::Sender<Standing>,
}

/// Where a client stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// From 1: the next to be let in.
    pub(super) position: u32,
    /// How many wait.
    pub(super) size: u32,
}

/// The right to run one session, given back when dropped.
pub(super) struct Place(Option<Arc<Admission>>);

/// A place in the queue, given up when dropped.
pub(super) struct Ticket {
    admission: Arc<Admission>,
    id: u64,
    place: oneshot::Receiver<Place>,
    standing: watch::Receiver<Standing>,
}

/// What a client in the queue waits for.
pub(super) enum News {
    Moved(Standing),
    Admitted(Place),
}

/// How a client was let in.
pub(super) enum Entry {
    Admitted(Place),
    Queued(Ticket),
}

impl Admission {
    pub(super) fn new(max_sessions: Option<usize>, max_queue: usize) -> Arc<Self> {
        let wanted = watch::Sender::new(false);
        Arc::new(Self { max_sessions, max_queue, state: Mutex::default(), wanted })
    }

    /// Lets a client in, or has it wait. Fails when the queue is full, too.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Entry> {
        let mut state = lock(&self.state);
        let free = self.max_sessions.is_none_or(|limit| state.active < limit);
        if free && state.queue.is_empty() {
            state.active += 1;
            return Ok(Entry::Admitted(Place(Some(Arc::clone(self)))));
        }
        if state.queue.len() >= self.max_queue {
            return Err(Error::new(
                ErrorCode::AtCapacity,
                "Server at capacity. Please try again later.",
            ));
        }
        let (place, granted) = oneshot::channel();
        let (standing, stands) = watch::channel(Standing { position: 0, size: 0 });
        state.next_id += 1;
        let id = state.next_id;
        state.queue.push_back(Waiting { id, place, standing });
        self.tell(&state);
        let admission = Arc::clone(self);
        Ok(Entry::Queued(Ticket { admission, id, place: granted, standing: stands }))
    }

    pub(super) fn active(&self) -> usize {
        lock(&self.state).active
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).queue.len()
    }

    /// Turns true when somebody waits for a place, and false when nobody does any more.
    pub(super) fn wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    /// Hands a place on to the head of the queue, or leaves it free.
    fn release(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        while let Some(head) = state.queue.pop_front() {
            match head.place.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return self.tell(&state),
                // It has left a moment ago: the next one, then. This place is not given back.
                Err(mut refused) => refused.0 = None,
            }
        }
        state.active -= 1;
        self.tell(&state);
    }

    fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        let before = state.queue.len();
        state.queue.retain(|waiting| waiting.id != id);
        if state.queue.len() != before {
            self.tell(&state);
        }
    }

    fn tell(&self, state: &State) {
        let size = state.queue.len() as u32;
        for (waiting, position) in state.queue.iter().zip(1..) {
            let standing = Standing { position, size };
            waiting.standing.send_if_modified(|told| std::mem::replace(told, standing) != standing);
        }
        self.wanted.send_if_modified(|told| std::mem::replace(told, size > 0) != (size > 0));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(admission) = self.0.take() {
            admission.release();
        }
    }
}

impl Ticket {
    /// Where the client stands now.
    pub(super) fn standing(&mut self) -> Standing {
        *self.standing.borrow_and_update()
    }

    /// Resolves when the client stands elsewhere, or is let in; not to be called after that.
    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            biased;
            place = &mut self.place => match place {
                Ok(place) => News::Admitted(place),
                // The admission hands a place out before it lets go of the sender.
                Err(_) => std::future::pending().await,
            },
            Ok(()) = self.standing.changed() => News::Moved(*self.standing.borrow_and_update()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(admission: &Arc<Admission>) -> Place {
        match admission.enter().unwrap() {
            Entry::Admitted(place) => place,
            Entry::Queued(_) => panic!("expected a place"),
        }
    }

    fn queued(admission: &Arc<Admission>) -> Ticket {
        match admission.enter().unwrap() {
            Entry::Queued(ticket) => ticket,
            Entry::Admitted(_) => panic!("expected a ticket"),
        }
    }

    fn stands(ticket: &mut Ticket) -> (u32, u32) {
        let Standing { position, size } = ticket.standing();
        (position, size)
    }

    #[test]
    fn whoever_came_first_is_let_in_first() {
        let admission = Admission::new(Some(1), 8);
        let mut holder = admitted(&admission);
        let mut tickets: Vec<Ticket> = (0..4).map(|_| queued(&admission)).collect();
        while !tickets.is_empty() {
            drop(holder);
            let size = tickets.len() as u32;
            assert!(matches!(admission.enter(), Ok(Entry::Queued(_))), "no newcomer gets ahead");
            holder = tickets[0].place.try_recv().expect("the first of those who wait");
            tickets.remove(0);
            for (ticket, position) in tickets.iter_mut().zip(1..) {
                assert_eq!(stands(ticket), (position, size - 1));
            }
            assert_eq!(admission.active(), 1);
        }
        drop(holder);
        assert_eq!((admission.active(), admission.waiting()), (0, 0));
    }

    #[test]
    fn those_behind_move_up_when_somebody_leaves() {
        let admission = Admission::new(Some(1), 8);
        let holder = admitted(&admission);
        let (mut one, two, mut three) =
            (queued(&admission), queued(&admission), queued(&admission));
        assert_eq!((stands(&mut one), stands(&mut three)), ((1, 3), (3, 3)));
        drop(two);
        assert_eq!((stands(&mut one), stands(&mut three)), ((1, 2), (2, 2)));
        drop(one);
        drop(holder);
        assert!(three.place.try_recv().is_ok());
    }

    #[test]
    fn a_place_that_was_granted_to_somebody_who_left_is_not_lost() {
        let admission = Admission::new(Some(1), 8);
        let holder = admitted(&admission);
        let (one, mut two) = (queued(&admission), queued(&admission));
        drop(holder);
        // Granted to the first, who has not looked yet.
        drop(one);
        assert!(two.place.try_recv().is_ok());
    }

    #[test]
    fn a_full_queue_refuses_and_none_refuses_at_once() {
        for max_queue in [0, 2] {
            let admission = Admission::new(Some(1), max_queue);
            let _holder = admitted(&admission);
            let _waiting: Vec<Ticket> = (0..max_queue).map(|_| queued(&admission)).collect();
            let Err(error) = admission.enter() else { panic!("expected a refusal") };
            assert_eq!(error.code, ErrorCode::AtCapacity);
        }
    }

    #[test]
    fn holders_learn_whether_anybody_waits() {
        let admission = Admission::new(Some(1), 8);
        let wanted = admission.wanted();
        let _holder = admitted(&admission);
        assert!(!*wanted.borrow());
        let ticket = queued(&admission);
        assert!(*wanted.borrow());
        drop(ticket);
        assert!(!*wanted.borrow());
    }
}
