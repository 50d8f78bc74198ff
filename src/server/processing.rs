//! Runs the model of one session on a thread of its own, behind a mailbox with one place.
//!
//! A slow model drops frames here and nowhere else; one that fails loses the frame and reports it;
//! one that never returns keeps its thread and nobody else's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::faults::Faults;
use super::registry::RegisteredModel;
use super::sound::Pictures;
use crate::error::{Error, ErrorCode, Result};
use crate::media::h264::check_encodable;
use crate::media::{
    DropReason, Drops, FrameView, I420, Mailbox, NtpTime, Percentiles, Picture, PixelFormat,
    Planes, Recent, SteadyClock, color,
};
use crate::models::{self, Control, Model};
use crate::protocol::PromptReport;
use crate::transport::video::{OutgoingFrame, VideoSender, lock, spawn};

/// Frames whose times tell how fast the model is.
const TIMES: usize = 256;
/// A model that fails on every frame is reported this often, not at the frame rate.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a model knows about its session.
#[derive(Debug, Clone)]
pub struct SessionContext {
    pub session_id: String,
    pub model: String,
}

/// One frame for a model.
pub struct InputFrame {
    /// What came, and what is made of it.
    pub picture: I420,
    /// When the client captured the frame, if it said so.
    pub capture_time: Option<NtpTime>,
    /// Counts the frames that reached the model, from 0.
    pub index: u64,
}

/// Makes one picture from another, on a thread of its own.
pub trait FrameProcessor: Send {
    /// Takes over a new state between two frames.
    fn set_control(&mut self, control: &Control) -> Result<()>;

    /// Whether frames pass unchanged at present: their pixels are then never converted.
    fn is_passthrough(&self) -> bool {
        false
    }

    /// What became of the prompt in force, if the model can tell.
    fn report(&self) -> Option<PromptReport> {
        None
    }

    /// Changes the picture of a frame. After an error the picture is not shown.
    fn process(&mut self, frame: &mut InputFrame) -> Result<()>;
}

/// A model written in Rust, as a processor.
pub(super) struct PictureModel {
    model: Box<dyn Model>,
    /// The frame as the model sees it.
    pixels: Picture,
    clock: Clock,
}

/// The time of a model: that of capture, without its jumps.
#[derive(Default)]
struct Clock {
    last: Option<NtpTime>,
    elapsed: Duration,
}

/// A picture that comes later than this after the one before is taken to come so late.
const LONGEST_GAP: Duration = Duration::from_secs(1);

impl Clock {
    /// The time of a frame since the first; `None` if nobody knows.
    fn at(&mut self, captured: Option<NtpTime>) -> Option<Duration> {
        let captured = captured?;
        let before = self.last.replace(captured).unwrap_or(captured);
        let gap = captured.to_unix().saturating_sub(before.to_unix());
        self.elapsed += gap.min(LONGEST_GAP);
        Some(self.elapsed)
    }
}

impl PictureModel {
    pub(super) fn new(model: Box<dyn Model>) -> Self {
        Self { model, pixels: Picture::default(), clock: Clock::default() }
    }
}

impl FrameProcessor for PictureModel {
    fn set_control(&mut self, control: &Control) -> Result<()> {
        self.model.set_control(control)
    }

    fn is_passthrough(&self) -> bool {
        self.model.is_passthrough()
    }

    fn report(&self) -> Option<PromptReport> {
        self.model.report().map(prompt_report)
    }

    fn process(&mut self, frame: &mut InputFrame) -> Result<()> {
        if let Some(time) = self.clock.at(frame.capture_time) {
            self.model.set_time(time);
        }
        let pixels = &mut self.pixels;
        (pixels.width, pixels.height) = (frame.picture.width(), frame.picture.height());
        let format = PixelFormat::Rgb24;
        pixels.data.resize(format.packed_len(pixels.width, pixels.height), 0);
        color::planes_to(frame.picture.planes(), format, &mut pixels.data)?;
        self.model.transform(pixels)?;
        let (width, height) = (pixels.width, pixels.height);
        frame.picture.fill_from(&FrameView::packed(format, &pixels.data, width, height)?)
    }
}

/// A report of a model's, as it goes to the client.
pub(super) fn prompt_report(report: &models::Report) -> PromptReport {
    PromptReport {
        applied: report.applied.clone(),
        added: report.added.clone(),
        ignored: report.ignored.clone(),
        refused: report.refused.clone(),
        unknown: report.unknown.clone(),
        neutral: report.is_neutral,
        truncated: report.truncated,
        message: report.message(),
    }
}

/// What the thread of a model has to say.
pub(super) enum News {
    /// The model failed on a frame, or cannot run at all.
    Failed { error: Error, fatal: bool },
    /// The model has taken a prompt.
    Understood(Box<PromptReport>),
}

/// Where the news of a model go.
pub(super) type Report = Box<dyn Fn(News) + Send>;

struct Shared {
    inbox: Mailbox<Arrived>,
    /// The newest state that the model has not taken over yet.
    pending: Mutex<Option<Control>>,
    has_pending: AtomicBool,
    passthrough: AtomicBool,
    /// Frames that the model has, or will get: none may be passed by a later one.
    with_model: AtomicUsize,
    processed: AtomicU64,
    times: Mutex<Recent>,
    sender: Arc<VideoSender>,
    faults: Arc<Faults>,
    stopped: AtomicBool,
    pictures: Pictures,
    /// For pictures that came without a stamp.
    clock: SteadyClock,
}

/// A picture for the model: with its stamp, and when it came.
type Arrived = (I420, Option<NtpTime>, Instant);

/// The model of one session at work.
pub(super) struct Processing {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Processing {
    pub(super) fn start(
        model: &RegisteredModel,
        context: SessionContext,
        sender: Arc<VideoSender>,
        faults: Arc<Faults>,
        report: Report,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            inbox: Mailbox::for_thread("model", 1),
            pending: Mutex::default(),
            has_pending: AtomicBool::new(false),
            passthrough: AtomicBool::new(false),
            with_model: AtomicUsize::new(0),
            processed: AtomicU64::new(0),
            times: Mutex::new(Recent::new(TIMES)),
            sender,
            faults,
            stopped: AtomicBool::new(false),
            pictures: Pictures::default(),
            clock: SteadyClock::default(),
        });
        let worker = Arc::clone(&shared);
        let factory = Arc::clone(&model.factory);
        let thread = spawn("parhelion-model", move || {
            let mut reporter = Reporter { report, last: None, told: None };
            match catch_unwind(AssertUnwindSafe(|| factory(&context))) {
                Ok(Ok(processor)) => run(&worker, &context, processor, &mut reporter),
                Ok(Err(error)) => reporter.give_up(error),
                Err(_) => reporter.give_up(panicked()),
            }
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Sets the state that the next frame is made with.
    pub(super) fn set_control(&self, control: Control) {
        *lock(&self.shared.pending) = Some(control);
        self.shared.has_pending.store(true, Ordering::Release);
    }

    /// Takes a decoded picture. Runs on the decoder's thread.
    pub(super) fn accept(&self, planes: Planes<'_>, capture_time: Option<NtpTime>) {
        let shared = &self.shared;
        let came = Instant::now();
        let unchanged = shared.passthrough.load(Ordering::Acquire)
            && !shared.has_pending.load(Ordering::Acquire)
            && shared.with_model.load(Ordering::Acquire) == 0
            && !shared.faults.concern_models();
        let mut picture = shared.sender.picture();
        if picture.copy_from(planes).is_err() {
            shared.inbox.count_drop(DropReason::DecodeFailed);
            shared.sender.recycle(picture);
        } else if unchanged {
            shared.forward(picture, capture_time, came);
        } else {
            shared.with_model.fetch_add(1, Ordering::AcqRel);
            if let Some((displaced, ..)) = shared.inbox.put((picture, capture_time, came)) {
                shared.with_model.fetch_sub(1, Ordering::AcqRel);
                shared.sender.recycle(displaced);
            }
        }
    }

    /// How long a picture takes from coming in to going out, at present.
    pub(super) fn delay(&self) -> Duration {
        self.shared.pictures.delay()
    }

    pub(super) fn drops(&self) -> Drops {
        self.shared.inbox.counters()
    }

    /// How long the model took for its last frames.
    pub(super) fn times(&self) -> Percentiles {
        lock(&self.shared.times).percentiles()
    }

    pub(super) fn processed(&self) -> u64 {
        self.shared.processed.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) -> Option<JoinHandle<()>> {
        self.shared.stop();
        lock(&self.thread).take()
    }
}

impl Drop for Processing {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.inbox.close();
        self.stopped.store(true, Ordering::Release);
        self.faults.wake_models();
    }

    /// What a model suffers on purpose before it may have a frame.
    fn suffer(&self, context: &SessionContext, reporter: &mut Reporter) -> Result<()> {
        if !self.faults.concern_models() {
            return Ok(());
        }
        let ended = || self.stopped.load(Ordering::Acquire);
        let Some(fatal) = self.faults.before_frame(&context.session_id, ended) else {
            return Ok(());
        };
        let error = crashed(&context.model);
        if fatal {
            reporter.give_up(error.clone());
        }
        Err(error)
    }

    fn forward(&self, picture: I420, capture_time: Option<NtpTime>, came: Instant) {
        self.processed.fetch_add(1, Ordering::Relaxed);
        self.pictures.went_out(came);
        let capture_time = capture_time.unwrap_or_else(|| self.clock.now());
        self.sender.send(OutgoingFrame { picture, capture_time });
    }
}

fn run(
    shared: &Shared,
    context: &SessionContext,
    mut processor: Box<dyn FrameProcessor>,
    reporter: &mut Reporter,
) {
    let mut index = 0;
    while let Some((picture, capture_time, came)) = shared.inbox.take() {
        if shared.has_pending.swap(false, Ordering::AcqRel) {
            let control = lock(&shared.pending).take();
            if let Some(control) = control {
                match catch_unwind(AssertUnwindSafe(|| processor.set_control(&control))) {
                    Ok(Ok(())) => reporter.tell(processor.report()),
                    Ok(Err(error)) => reporter.say(error),
                    Err(_) => reporter.say(panicked()),
                }
            }
            shared.passthrough.store(processor.is_passthrough(), Ordering::Release);
        }
        let mut frame = InputFrame { picture, capture_time, index };
        index += 1;
        let began = Instant::now();
        let suffered = shared.suffer(context, reporter);
        let made = catch_unwind(AssertUnwindSafe(|| {
            suffered?;
            processor.process(&mut frame)?;
            check_encodable(frame.picture.width(), frame.picture.height())
                .map_err(|error| Error::new(ErrorCode::ModelFailed, error.message))
        }));
        lock(&shared.times).add(began.elapsed());
        match made {
            Ok(Ok(())) => {
                shared.inbox.done();
                shared.forward(frame.picture, capture_time, came);
            }
            Ok(Err(error)) => {
                shared.inbox.count_drop(DropReason::ModelFailed);
                shared.sender.recycle(frame.picture);
                reporter.say(error);
            }
            Err(_) => {
                shared.inbox.count_drop(DropReason::ModelFailed);
                reporter.say(panicked());
            }
        }
        shared.with_model.fetch_sub(1, Ordering::AcqRel);
    }
}

fn crashed(model: &str) -> Error {
    let text = format!("model {model:?} raised RuntimeError: it was made to crash");
    Error::new(ErrorCode::ModelFailed, text)
}

fn panicked() -> Error {
    Error::new(ErrorCode::Internal, "the model panicked; the frame is lost")
}

struct Reporter {
    report: Report,
    last: Option<Instant>,
    /// What the client was last told of its prompt.
    told: Option<PromptReport>,
}

impl Reporter {
    fn give_up(&self, error: Error) {
        (self.report)(News::Failed { error, fatal: true });
    }

    fn tell(&mut self, report: Option<PromptReport>) {
        if self.told != report {
            self.told.clone_from(&report);
            if let Some(report) = report {
                (self.report)(News::Understood(Box::new(report)));
            }
        }
    }

    fn say(&mut self, error: Error) {
        if self.last.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            self.last = Some(Instant::now());
            (self.report)(News::Failed { error, fatal: false });
        }
    }
}
