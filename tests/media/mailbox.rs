//! The mailbox: bounded, newest wins, nothing lost without being counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use parhelion::media::{DropReason, Mailbox};

#[test]
fn the_newest_displaces_the_oldest() {
    let mailbox = Mailbox::new("input", 2);
    assert_eq!(mailbox.put(1), None);
    assert_eq!(mailbox.put(2), None);
    assert_eq!(mailbox.put(3), Some(1));
    assert_eq!(mailbox.try_take(), Some(2));
    assert_eq!(mailbox.try_take(), Some(3));
    assert_eq!(mailbox.try_take(), None);
    let counters = mailbox.counters();
    assert_eq!(counters.place, "input");
    assert_eq!((counters.put, counters.taken, counters.displaced()), (3, 2, 1));
}

#[test]
fn a_closed_box_gives_what_it_has_and_refuses_more() {
    let mailbox = Mailbox::new("output", 4);
    mailbox.put("kept");
    mailbox.close();
    mailbox.close();
    assert_eq!(mailbox.put("refused"), Some("refused"));
    assert_eq!(mailbox.take(), Some("kept"));
    assert_eq!(mailbox.take(), None);
    assert_eq!(mailbox.take_timeout(Duration::from_secs(3600)), None);
    assert_eq!(mailbox.counters().dropped(DropReason::Closed), 1);
}

#[test]
fn a_full_box_refuses_without_counting_and_takes_again_when_there_is_room() {
    let mailbox = Mailbox::new("capture", 2);
    assert_eq!(mailbox.try_put(1), Ok(()));
    assert_eq!(mailbox.try_put(2), Ok(()));
    assert!(mailbox.is_full());
    assert_eq!(mailbox.try_put(3), Err(3));
    assert_eq!(mailbox.try_take(), Some(1));
    assert_eq!(mailbox.try_put(3), Ok(()));
    let counters = mailbox.counters();
    assert_eq!((counters.put, counters.taken, counters.total()), (3, 1, 0));
    mailbox.close();
    assert_eq!(mailbox.try_put(4), Err(4));
    assert_eq!(mailbox.counters().dropped(DropReason::Closed), 1);
}

#[test]
fn a_producer_waits_for_the_reader_and_loses_nothing() {
    let mailbox = Arc::new(Mailbox::new("output", 1));
    let producer = {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || {
            (0..200).for_each(|item| mailbox.put_when_room(item).unwrap());
            mailbox.close();
        })
    };
    let mut taken = Vec::new();
    while let Some(item) = mailbox.take() {
        assert!(mailbox.len() <= 1);
        taken.push(item);
    }
    producer.join().unwrap();
    assert!(taken.into_iter().eq(0..200));
    assert_eq!(mailbox.counters().total(), 0);
}

#[test]
fn a_producer_that_waits_returns_when_the_box_closes() {
    let mailbox = Arc::new(Mailbox::new("output", 1));
    mailbox.put(1);
    let producer = {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || mailbox.put_when_room(2))
    };
    // Whether it waits already or not.
    mailbox.close();
    assert_eq!(producer.join().unwrap(), Err(2));
    assert_eq!(mailbox.take(), Some(1));
}

#[test]
fn emptying_a_box_lets_its_producer_go_on() {
    let mailbox = Arc::new(Mailbox::new("output", 1));
    mailbox.put(1);
    let producer = {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || mailbox.put_when_room(2))
    };
    assert_eq!(mailbox.clear(DropReason::Stale), [1]);
    assert_eq!(producer.join().unwrap(), Ok(()));
    assert_eq!(mailbox.take(), Some(2));
}

#[test]
fn the_room_waker_is_called_when_a_full_box_is_no_longer_full() {
    let mailbox = Mailbox::new("capture", 2);
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    mailbox.set_room_waker(Some(Box::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })));
    let seen = |n| assert_eq!(calls.load(Ordering::SeqCst), n);
    mailbox.put(1);
    mailbox.try_take();
    seen(0);
    mailbox.put(1);
    mailbox.put(2);
    mailbox.try_take();
    seen(1);
    mailbox.try_take();
    seen(1);
    mailbox.put(1);
    mailbox.put(2);
    mailbox.clear(DropReason::Stale);
    seen(2);
    mailbox.close();
    seen(3);
}

#[test]
fn an_idle_thread_has_a_place_of_its_own() {
    let mailbox = Mailbox::for_thread("model", 1);
    // Before it has looked at all, one to work on and one to wait.
    assert_eq!((mailbox.put(1), mailbox.put(2)), (None, None));
    assert!(mailbox.is_full());
    assert_eq!(mailbox.put(3), Some(1));
    assert_eq!(mailbox.take(), Some(2));
    // It works now: one waits.
    assert_eq!(mailbox.put(4), Some(3));
    assert_eq!(mailbox.take(), Some(4));
    assert_eq!(mailbox.take_timeout(Duration::ZERO), None);
    assert_eq!((mailbox.put(5), mailbox.put(6)), (None, None));
    assert_eq!(mailbox.put(7), Some(5));
    // The last place may be taken without a word in between.
    let (sender, receiver) = mpsc::channel();
    mailbox.set_room_waker(Some(Box::new(move || sender.send(()).unwrap())));
    assert_eq!(mailbox.take(), Some(6));
    assert!(receiver.try_iter().count() > 0);
    assert!(mailbox.is_full());
    assert_eq!(mailbox.take(), Some(7));
    assert!(receiver.try_iter().count() > 0);
    assert!(!mailbox.is_full());
    // What it hands on may be answered before it is back.
    assert_eq!(mailbox.put(8), None);
    mailbox.done();
    assert_eq!(mailbox.put(9), None);
    assert_eq!(mailbox.put(10), Some(8));
}

#[test]
fn drops_are_counted_by_reason() {
    let mailbox = Mailbox::new("decoder", 8);
    mailbox.put(1);
    mailbox.put(2);
    assert_eq!(mailbox.clear(DropReason::Stale), [1, 2]);
    mailbox.count_drop(DropReason::DecodeFailed);
    let counters = mailbox.counters();
    let reasons: Vec<_> = counters.by_reason().collect();
    assert_eq!(reasons, [(DropReason::DecodeFailed, 1), (DropReason::Stale, 2)]);
    assert_eq!(counters.total(), 3);
}

#[test]
fn reasons_have_distinct_names() {
    let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DropReason::ALL.len());
}

#[test]
fn the_waker_is_called_when_there_is_something_new_to_see() {
    let mailbox = Mailbox::new("output", 2);
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    mailbox.set_waker(Some(Box::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })));
    let seen = |n| assert_eq!(calls.load(Ordering::SeqCst), n);
    seen(0);
    mailbox.put(1);
    seen(1);
    mailbox.put(2);
    mailbox.put(3);
    seen(1);
    mailbox.try_take();
    mailbox.try_take();
    mailbox.put(4);
    seen(2);
    mailbox.close();
    seen(3);
    mailbox.set_waker(None);
    seen(3);
}

#[test]
fn a_waker_set_late_hears_of_what_is_there() {
    let mailbox = Mailbox::new("output", 1);
    mailbox.put(1);
    let (sender, receiver) = mpsc::channel();
    mailbox.set_waker(Some(Box::new(move || sender.send(()).unwrap())));
    assert_eq!(receiver.try_recv(), Ok(()));
}

#[test]
fn the_waker_may_use_the_box() {
    let mailbox = Arc::new(Mailbox::new("output", 1));
    let (sender, receiver) = mpsc::channel();
    let weak = Arc::downgrade(&mailbox);
    mailbox.set_waker(Some(Box::new(move || {
        let taken = weak.upgrade().and_then(|mailbox| mailbox.try_take());
        sender.send(taken).unwrap();
    })));
    mailbox.put(7);
    assert_eq!(receiver.recv(), Ok(Some(7)));
}

#[test]
fn a_waiting_reader_gets_the_item_and_then_the_close() {
    let mailbox = Arc::new(Mailbox::new("input", 1));
    let reader = {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || (mailbox.take(), mailbox.take()))
    };
    mailbox.put(5);
    // The reader may not have looked yet; close keeps what is inside.
    mailbox.close();
    assert_eq!(reader.join().unwrap(), (Some(5), None));
}

#[test]
fn a_timeout_gives_up() {
    let mailbox = Mailbox::<u8>::new("input", 1);
    assert_eq!(mailbox.take_timeout(Duration::from_millis(1)), None);
    assert_eq!(mailbox.take_timeout(Duration::ZERO), None);
    mailbox.put(1);
    assert_eq!(mailbox.take_timeout(Duration::ZERO), Some(1));
}

#[test]
fn every_item_is_taken_or_counted_with_many_threads() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 5000;
    let mailbox = Arc::new(Mailbox::new("output", 3));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut last = [None; WRITERS as usize];
                let mut count = 0_u64;
                while let Some((writer, n)) = mailbox.take() {
                    let last: &mut Option<u64> = &mut last[writer as usize];
                    assert!(last.is_none_or(|last| last < n), "order of writer {writer}");
                    *last = Some(n);
                    count += 1;
                }
                count
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                (0..EACH).filter(|&n| mailbox.put((writer, n)).is_some()).count() as u64
            })
        })
        .collect();
    let displaced: u64 = writers.into_iter().map(|thread| thread.join().unwrap()).sum();
    mailbox.close();
    let taken: u64 = readers.into_iter().map(|thread| thread.join().unwrap()).sum();
    let counters = mailbox.counters();
    assert_eq!(counters.put, WRITERS * EACH);
    assert_eq!((counters.taken, counters.displaced()), (taken, displaced));
    assert_eq!(taken + displaced, WRITERS * EACH);
}
