//! Hostile bytes: whatever comes, there is no panic, no hang and no unbounded memory, and what must
//! hold holds.
//!
//! `cargo test` replays the corpus and then changes its inputs at random for a few seconds a target.
//! `PARHELION_FUZZ_SEED` repeats a run, `PARHELION_FUZZ_SECONDS` makes it longer. `make fuzz` runs
//! the same targets for as long as one likes, with libFuzzer, which follows the code's branches.
//!
//! `cargo test --test fuzz -- --ignored` writes the corpus anew.

mod memory;
mod mutate;
mod seeds;
mod targets;

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// How long the processor may work on one input.
const PATIENCE: Duration = Duration::from_secs(5);
/// After this the input is taken to hang, and the process is ended. A machine may do other things.
const HANG: Duration = Duration::from_secs(300);

/// Panics of threads that are not a test's: those of the runtime would not be noticed otherwise.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn corpus(target: &Target) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target.name)
}

/// The inputs of a target in the tree, in a fixed order.
fn inputs(target: &Target) -> Vec<Vec<u8>> {
    let folders = target.seeds.iter().map(|folder| root().join(folder));
    let mut files: Vec<PathBuf> = folders
        .chain([corpus(target)])
        .flat_map(|folder| {
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        })
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_unstable();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, got {text:?}")))
}

/// The input that is being tried, and since when.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Ends the process if an input hangs. A thread cannot be ended from outside.
fn watch(name: &'static str, current: &Current) {
    let current = Arc::downgrade(current);
    std::thread::spawn(move || {
        while let Some(current) = current.upgrade() {
            let tried = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((since, input)) = tried.filter(|(since, _)| since.elapsed() > HANG) {
                eprintln!(
                    "{name}: hangs for {:?}; the input: {}",
                    since.elapsed(),
                    keep(name, &input)
                );
                std::process::exit(101);
            }
            drop(current);
            std::thread::sleep(Duration::from_secs(1));
        }
    });
}

/// Writes a bad input to where it is found again.
fn keep(name: &str, input: &[u8]) -> String {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let file = folder.join(format!("{name}-{hash:016x}"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    kept.map_or_else(|error| format!("{input:?} ({error})"), |()| file.display().to_string())
}

/// What this thread has had of the processor. Where the system does not tell, nothing.
fn worked() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

fn try_input(target: &Target, current: &Current, input: &[u8]) -> Result<(), String> {
    let began = Instant::now();
    let tried = |input| *current.lock().unwrap_or_else(PoisonError::into_inner) = input;
    tried(Some((began, input.to_vec())));
    let before = worked();
    let panics = PANICS.load(Ordering::Relaxed);
    let mut peak = 0;
    let run = AssertUnwindSafe(|| peak = memory::peak(|| (target.run)(input)));
    let result = panic::catch_unwind(run);
    tried(None);
    // Looked up for those alone that may have been slow.
    let took = if began.elapsed() > PATIENCE { worked() - before } else { Duration::ZERO };
    let complaint = match result {
        Err(payload) => said(payload.as_ref()),
        Ok(()) if PANICS.load(Ordering::Relaxed) > panics => "a thread of ours panicked".into(),
        Ok(()) if peak > target.memory => format!("it took {peak} bytes of memory"),
        Ok(()) if took > PATIENCE => format!("it took {took:?}"),
        Ok(()) => return Ok(()),
    };
    Err(format!("{complaint}\nthe input, {} bytes: {}", input.len(), keep(target.name, input)))
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn fuzz(name: &str) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            if !TARGETS.iter().any(|target| thread.name() == Some(target.name)) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let current = Current::default();
    watch(target.name, &current);
    let seeds = inputs(target);
    for input in &seeds {
        if let Err(complaint) = try_input(target, &current, input) {
            panic!("{name}, an input of the corpus: {complaint}");
        }
    }
    let seed = number("PARHELION_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    let time = Duration::from_secs(number("PARHELION_FUZZ_SECONDS").unwrap_or(3));
    // Whatever happens to the process, this is known.
    println!("{name}: PARHELION_FUZZ_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (end, mut tries) = (Instant::now() + time, 0_u64);
    while Instant::now() < end {
        let input = mutate::mutate(&mut rng, &seeds, target.words, target.max_len);
        tries += 1;
        if let Err(complaint) = try_input(target, &current, &input) {
            panic!("{name}, PARHELION_FUZZ_SEED={seed}, try {tries}: {complaint}");
        }
    }
    println!("{name}: {} inputs of the corpus and {tries} more", seeds.len());
}

macro_rules! fuzz {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), run);
        }
    };
}

fuzz! { signalling conversation descriptions packets rtp h264 images recordings audio addresses }

#[test]
fn the_corpus_is_small_and_every_target_has_one() {
    let mut sum = 0;
    for target in TARGETS {
        let files: Vec<_> = fs::read_dir(corpus(target)).unwrap().map(Result::unwrap).collect();
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        sum += files.iter().map(|file| file.metadata().unwrap().len()).sum::<u64>();
    }
    assert!(sum < 1 << 20, "the corpus has {sum} bytes");
}

#[test]
#[ignore = "writes into the tree"]
fn write_the_corpus() {
    for (target, name, input) in seeds::all() {
        let folder = root().join("tests/fuzz/corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), input).unwrap();
    }
}
