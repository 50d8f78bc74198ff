//! One target of `tests/fuzz` under libFuzzer, which `FUZZ_TARGET` names.
#![no_main]

use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzz/memory.rs"]
mod memory;
#[path = "../../tests/fuzz/targets/mod.rs"]
mod targets;

use targets::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("FUZZ_TARGET must be one of {}; got {name:?}", names.join(", "))
    })
});

// A panic that is caught where it may happen is none. One of another thread is always one.
fuzz_target!(
    init: {
        let fuzzing = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() != fuzzing {
                eprintln!("{info}");
                std::process::abort();
            }
        }));
    },
    |data: &[u8]| {
        let target = *CHOSEN;
        let data = &data[..data.len().min(target.max_len)];
        let run = AssertUnwindSafe(|| memory::peak(|| (target.run)(data)));
        match std::panic::catch_unwind(run) {
            Ok(peak) if peak <= target.memory => {}
            Ok(peak) => fail(&format!("it took {peak} bytes of memory")),
            Err(said) => {
                let text = said.downcast_ref::<String>().map(String::as_str);
                fail(text.or_else(|| said.downcast_ref::<&str>().copied()).unwrap_or("a panic"));
            }
        }
    }
);

fn fail(why: &str) {
    eprintln!("{why}");
    std::process::abort();
}
