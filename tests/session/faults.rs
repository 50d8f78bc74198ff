//! The switchboard of faults, used from many threads at once.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use parhelion::server::Faults;
use parhelion::server::faults::Fault;

const ROUNDS: u32 = 20_000;

/// The one who waits looks at the switches whenever there is news, and the news is told by one who
/// holds the switches: in the wrong order of locks they wait for each other for ever.
#[test]
fn switching_never_waits_for_those_who_wait_for_a_strike() {
    let faults = Arc::new(Faults::default());
    let (done, ended) = channel();
    let (begin, begins) = channel::<u64>();
    let waiting = Arc::clone(&faults);
    let waiter = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        for id in begins {
            runtime.block_on(waiting.wait_for_hits(id, 5));
        }
    });
    let switcher = thread::spawn(move || {
        for _ in 0..ROUNDS {
            let id = faults.switch_on(Fault::KeyExpired, None, None);
            begin.send(id).expect("the waiter lives");
            for _ in 0..4 {
                let other = faults.switch_on(Fault::Freeze, None, None);
                faults.lift(other);
            }
            faults.lift(id);
        }
        drop(begin);
        done.send(()).expect("the test waits");
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the switches and the news were never free");
    switcher.join().expect("the switcher ends");
    waiter.join().expect("the waiter ends");
}
