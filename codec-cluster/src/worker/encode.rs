//! Encodes a chunk, or measures points, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use codec_core::frame::Rational;
use codec_media::Env;
use codec_media::events::{Events, Listener, Severity};
use codec_media::failure::{Failure, Result};
use codec_media::progress::{Meter, Now, Pass};
use codec_media::stop::Stop;
use tokio::sync::oneshot;

/// Completes a unit of work; returns `false` if its result existed already.
pub(super) type Task = Box<dyn FnOnce(&Env) -> Result<bool> + Send>;

/// A chunk that is being encoded.
#[derive(Debug)]
pub(super) struct Encode {
    /// Receives the outcome: `false` if the result existed already.
    pub(super) ended: oneshot::Receiver<Result<bool>>,
    /// Ends the encode.
    pub(super) stop: Stop,
    frames: Arc<AtomicU64>,
}

impl Encode {
    /// Begins a task; `name` is for messages.
    pub(super) fn start(task: Task, name: &str, env: &Env) -> Result<Self> {
        let (sender, ended) = oneshot::channel();
        let (stop, frames) = (Stop::default(), Arc::new(AtomicU64::new(0)));
        let listener = UnitEvents {
            outer: env.events.clone(),
            name: name.to_owned(),
            frames: Arc::clone(&frames),
        };
        let events = Events::new(Arc::new(listener));
        let env = Env { events, stop: stop.clone(), ..env.clone() };
        let run = move || {
            // Without a receiver the worker has ended.
            let _ = sender.send(task(&env));
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        thread.map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self { ended, stop, frames })
    }

    /// Number of frames that are encoded.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

/// Passes on the messages of a unit of work, and counts its frames.
struct UnitEvents {
    outer: Events,
    name: String,
    frames: Arc<AtomicU64>,
}

impl Listener for UnitEvents {
    fn message(&self, severity: Severity, message: &str) {
        let message = format!("{}: {message}", self.name);
        match severity {
            Severity::Detail | Severity::Note => self.outer.detail(message),
            Severity::Warning => self.outer.warn(message),
        }
    }

    fn meter(&self, _total: Option<u64>, _frame_rate: Rational) -> Box<dyn Meter> {
        Box::new(FrameCount(Arc::clone(&self.frames)))
    }
}

struct FrameCount(Arc<AtomicU64>);

impl Meter for FrameCount {
    fn begin_pass(&mut self, _pass: Option<Pass>) {}

    fn update(&mut self, now: &Now) {
        self.0.store(now.frames, Ordering::Relaxed);
    }
}
