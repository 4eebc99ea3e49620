//! Events of a run: messages, progress and records.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use codec_core::frame::Rational;

use crate::failure::Result;
use crate::json::Object;
use crate::progress::{LiveProgress, Meter, NoMeter, OverallProgress, Progress};

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Details for debugging.
    Detail,
    /// Effective settings, totals.
    Note,
    /// A problem that does not end the run.
    Warning,
}

/// Receives the events of a run. Only [`Listener::message`] has no default.
pub trait Listener: Send + Sync {
    /// Receives a user-facing message, without a trailing line break.
    fn message(&self, severity: Severity, message: &str);

    /// Receives a machine-readable record: a JSON object whose `type` is `header`, `summary`,
    /// `listening` or `restart`.
    fn record(&self, _record: Object) {}

    /// Receives a human-readable result, such as a table.
    ///
    /// # Errors
    /// If the result cannot be written.
    fn text(&self, _text: &str) -> Result<()> {
        Ok(())
    }

    /// Whether the listener uses records. If so, a run does not send its totals as a message too.
    fn takes_records(&self) -> bool {
        false
    }

    /// Returns the receiver of the progress of work on `total` frames, if that number is known.
    fn meter(&self, _total: Option<u64>, _frame_rate: Rational) -> Box<dyn Meter> {
        Box::new(NoMeter)
    }

    /// Receives the statistics of a live stream, once a second.
    fn live(&self, _progress: &LiveProgress) {}

    /// Receives the overall progress of work in steps of different length, at the start of each
    /// step.
    fn share(&self, _progress: &OverallProgress<'_>) {}
}

/// Ignores everything.
#[derive(Clone, Copy, Debug)]
struct Nothing;

impl Listener for Nothing {
    fn message(&self, _severity: Severity, _message: &str) {}
}

/// A shared handle to a [`Listener`].
#[derive(Clone)]
pub struct Events(Arc<dyn Listener>);

impl Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// Sends events to `listener`.
    pub fn new(listener: Arc<dyn Listener>) -> Self {
        Self(listener)
    }

    /// Drops all events.
    pub fn none() -> Self {
        Self(Arc::new(Nothing))
    }

    /// Sends a note: effective settings, totals.
    pub fn note(&self, message: impl Display) {
        self.0.message(Severity::Note, &message.to_string());
    }

    /// Sends a message for debugging.
    pub fn detail(&self, message: impl Display) {
        self.0.message(Severity::Detail, &message.to_string());
    }

    /// Sends a warning; the run continues.
    pub fn warn(&self, message: impl Display) {
        self.0.message(Severity::Warning, &message.to_string());
    }

    /// Sends a machine-readable record.
    pub fn event(&self, record: Object) {
        self.0.record(record);
    }

    /// Sends a human-readable result, such as a table.
    ///
    /// # Errors
    /// If the result cannot be written.
    pub fn text(&self, text: &str) -> Result<()> {
        self.0.text(text)
    }

    /// Whether the listener uses records.
    pub fn takes_records(&self) -> bool {
        self.0.takes_records()
    }

    /// Sends the statistics of a live stream.
    pub fn live(&self, progress: &LiveProgress) {
        self.0.live(progress);
    }

    /// Sends the overall progress of work in steps.
    pub fn share(&self, progress: &OverallProgress<'_>) {
        self.0.share(progress);
    }

    /// Starts to measure work on frames. `total`: expected number of frames, if known.
    pub fn progress(&self, total: Option<u64>, frame_rate: Rational) -> Progress {
        Progress::new(self.0.meter(total, frame_rate))
    }
}
