//! The one place where frames wait.
//!
//! A mailbox never holds more than its capacity, so memory stays flat. When it is full, whoever puts
//! something in chooses what happens: the oldest item makes room ([`Mailbox::put`]: a slow reader
//! sees the newest), the new one is handed back ([`Mailbox::try_put`]), or the thread waits
//! ([`Mailbox::put_when_room`]). Whatever does not reach the reader is counted by place and reason.
//!
//! A thread that works off a box ([`Mailbox::for_thread`]) has a place of its own beside those of the
//! box while it is idle: that it takes a moment to wake up is no reason to drop what comes meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// Why a frame did not go on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DropReason { $($(#[doc = $doc])* $name,)* }

        impl DropReason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable spelling, as it appears in statistics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// A newer frame took its place.
    Displaced = "displaced";
    /// It could not be decoded before the next key frame.
    AwaitingKeyFrame = "awaiting_key_frame";
    /// The decoder refused it.
    DecodeFailed = "decode_failed";
    /// The encoder refused it.
    EncodeFailed = "encode_failed";
    /// The model was still at work on another frame.
    ModelBusy = "model_busy";
    /// The model failed on it.
    ModelFailed = "model_failed";
    /// The encoder's rate control left it out.
    EncoderSkipped = "encoder_skipped";
    /// It came back once more, where each may come once.
    Repeated = "repeated";
    /// There was no connection to send it over.
    NotConnected = "not_connected";
    /// It was waiting when the mailbox was emptied for a new stream.
    Stale = "stale";
    /// The mailbox was closed.
    Closed = "closed";
}

const REASONS: usize = DropReason::ALL.len();

/// What happened in one place so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drops {
    /// The name of the mailbox.
    pub place: &'static str,
    /// Items put in.
    pub put: u64,
    /// Items taken out by the reader.
    pub taken: u64,
    /// Items waiting now.
    pub waiting: usize,
    dropped: [u64; REASONS],
}

impl Drops {
    /// Items dropped here for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Items that made room for newer ones.
    pub fn displaced(&self) -> u64 {
        self.dropped(DropReason::Displaced)
    }

    /// Items dropped here for any reason.
    pub fn total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn by_reason(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().map(|&reason| (reason, self.dropped(reason))).filter(|&(_, n)| n > 0)
    }
}

type Waker = Arc<dyn Fn() + Send + Sync>;

struct State<T> {
    items: VecDeque<T>,
    /// Whether a thread of its own works off the box and has nothing to do at present.
    idle: bool,
    closed: bool,
    put: u64,
    taken: u64,
    dropped: [u64; REASONS],
    waker: Option<Waker>,
    room_waker: Option<Waker>,
}

/// A bounded queue; see the module for what it does when it is full.
pub struct Mailbox<T> {
    place: &'static str,
    capacity: usize,
    /// Whether a thread of its own works it off.
    worked_off: bool,
    state: Mutex<State<T>>,
    changed: Condvar,
    room: Condvar,
}

impl<T> Mailbox<T> {
    /// An empty mailbox. `place` names it in statistics; a capacity of 0 counts as 1.
    pub fn new(place: &'static str, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let state = State {
            items: VecDeque::with_capacity(capacity),
            idle: false,
            closed: false,
            put: 0,
            taken: 0,
            dropped: [0; REASONS],
            waker: None,
            room_waker: None,
        };
        Self {
            place,
            capacity,
            worked_off: false,
            state: Mutex::new(state),
            changed: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// The same, for one thread that does nothing but take from it and work.
    pub fn for_thread(place: &'static str, capacity: usize) -> Self {
        let mut mailbox = Self::new(place, capacity);
        mailbox.worked_off = true;
        mailbox.state.get_mut().unwrap_or_else(PoisonError::into_inner).idle = true;
        mailbox
    }

    /// Puts an item in. What had to leave comes back, so that its memory can be used again: the
    /// oldest item if the box was full, or the item itself if the box is closed.
    pub fn put(&self, item: T) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            state.refuse();
            return Some(item);
        }
        state.put += 1;
        let displaced = if self.full(&state) {
            state.dropped[DropReason::Displaced as usize] += 1;
            state.items.pop_front()
        } else {
            None
        };
        self.push(state, item);
        displaced
    }

    /// Puts an item in if there is room. What was refused comes back; nothing is lost or counted,
    /// unless the box is closed.
    pub fn try_put(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed || self.full(&state) {
            if state.closed {
                state.refuse();
            }
            return Err(item);
        }
        state.put += 1;
        self.push(state, item);
        Ok(())
    }

    /// Puts an item in as soon as there is room; until then this thread waits. The item comes back
    /// if the box is or gets closed.
    pub fn put_when_room(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        while self.full(&state) && !state.closed {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            state.refuse();
            return Err(item);
        }
        state.put += 1;
        self.push(state, item);
        Ok(())
    }

    /// Adds an item for which there is room, and tells.
    fn push(&self, mut state: MutexGuard<'_, State<T>>, item: T) {
        let was_empty = state.items.is_empty();
        state.items.push_back(item);
        let waker = if was_empty { state.waker.clone() } else { None };
        drop(state);
        self.changed.notify_one();
        if let Some(wake) = waker {
            wake();
        }
    }

    /// Takes the oldest item, if there is one, and tells if there was no room before. The lock comes
    /// back if there is none.
    fn pop<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
    ) -> Result<T, MutexGuard<'a, State<T>>> {
        let was_full = self.full(&state);
        let Some(item) = state.items.pop_front() else {
            state.idle = self.worked_off;
            return Err(state);
        };
        state.taken += 1;
        state.idle = false;
        let waker = if was_full { state.room_waker.clone() } else { None };
        drop(state);
        if was_full {
            self.room.notify_one();
        }
        if let Some(wake) = waker {
            wake();
        }
        Ok(item)
    }

    /// The oldest item, if there is one.
    pub fn try_take(&self) -> Option<T> {
        self.pop(self.lock()).ok()
    }

    /// Waits for an item. `None`: the box is closed and empty.
    pub fn take(&self) -> Option<T> {
        self.take_unless(|| false)
    }

    /// Waits for an item, or until `nudge` is called while `enough` holds. `None`: there is nothing,
    /// because of that or because the box is closed and empty.
    pub fn take_unless(&self, enough: impl Fn() -> bool) -> Option<T> {
        let mut state = self.lock();
        loop {
            state = match self.pop(state) {
                Ok(item) => return Some(item),
                Err(state) => state,
            };
            if state.closed || enough() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread that works the box off has done its work and is about to hand it on: whatever comes
    /// in answer to that finds a place, even if it comes before the thread is back.
    pub fn done(&self) {
        self.lock().idle = self.worked_off;
    }

    /// Makes [`Self::take_unless`] look again.
    pub fn nudge(&self) {
        // With the lock, so that nobody is between looking and waiting.
        let _state = self.lock();
        self.changed.notify_all();
    }

    /// Waits for an item, but not longer than `timeout`.
    pub fn take_timeout(&self, timeout: Duration) -> Option<T> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            state = match self.pop(state) {
                Ok(item) => return Some(item),
                Err(state) => state,
            };
            let left = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero());
            let left = left.filter(|_| !state.closed)?;
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets nothing more in. What is inside can still be taken; all who wait return.
    pub fn close(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        let wakers = [state.waker.clone(), state.room_waker.clone()];
        drop(state);
        self.changed.notify_all();
        self.room.notify_all();
        for wake in wakers.into_iter().flatten() {
            wake();
        }
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Sets what is called, outside the lock, whenever the box goes from empty to not empty, and
    /// when it closes. If there is something to see already, it is called at once.
    pub fn set_waker(&self, waker: Option<Box<dyn Fn() + Send + Sync>>) {
        let mut state = self.lock();
        state.waker = waker.map(Arc::from);
        let ready = state.closed || !state.items.is_empty();
        let waker = if ready { state.waker.clone() } else { None };
        drop(state);
        if let Some(wake) = waker {
            wake();
        }
    }

    /// Sets what is called, outside the lock, whenever the box stops being full, and when it closes.
    pub fn set_room_waker(&self, waker: Option<Box<dyn Fn() + Send + Sync>>) {
        self.lock().room_waker = waker.map(Arc::from);
    }

    /// Counts an item that was dropped on this way without being in the box.
    pub fn count_drop(&self, reason: DropReason) {
        self.lock().dropped[reason as usize] += 1;
    }

    /// Takes everything out as dropped.
    pub fn clear(&self, reason: DropReason) -> Vec<T> {
        let mut state = self.lock();
        let was_full = self.full(&state);
        let items: Vec<T> = state.items.drain(..).collect();
        state.dropped[reason as usize] += items.len() as u64;
        let waker = if was_full { state.room_waker.clone() } else { None };
        drop(state);
        self.room.notify_all();
        if let Some(wake) = waker {
            wake();
        }
        items
    }

    /// Items waiting now.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another item would displace one, be refused or have to wait.
    pub fn is_full(&self) -> bool {
        self.full(&self.lock())
    }

    fn full(&self, state: &State<T>) -> bool {
        state.items.len() >= self.capacity + usize::from(state.idle)
    }

    pub fn counters(&self) -> Drops {
        let state = self.lock();
        Drops {
            place: self.place,
            put: state.put,
            taken: state.taken,
            waiting: state.items.len(),
            dropped: state.dropped,
        }
    }

    /// No user code runs under the lock, so a poisoned state is still whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Counts an item that came after the end.
    fn refuse(&mut self) {
        self.put += 1;
        self.dropped[DropReason::Closed as usize] += 1;
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({}, {} of {})", self.place, self.len(), self.capacity)
    }
}
