//! The events of one file of a batch.

use std::sync::{Arc, Mutex, PoisonError};

use codec_core::frame::Rational;

use super::board::Board;
use crate::events::{Events, Listener, Severity};
use crate::failure::Result;
use crate::json::Object;
use crate::progress::{Meter, Now, Pass};

/// The totals of a file: the last note of its run, and the summary.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) note: Option<String>,
    /// JSON.
    pub(super) summary: Option<String>,
}

/// Totals that the listener fills.
#[derive(Clone, Default)]
pub(super) struct SharedTotals(Arc<Mutex<Totals>>);

impl SharedTotals {
    pub(super) fn take(&self) -> Totals {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Keeps the totals of a file, passes on its warnings under its name, and adds its progress to the progress of the
/// batch.
pub(super) struct FileEvents {
    board: Arc<Board>,
    index: usize,
    /// The input, as its messages name it.
    input: String,
    outer: Events,
    totals: SharedTotals,
}

impl FileEvents {
    pub(super) fn new(board: Arc<Board>, index: usize, input: String, outer: Events) -> Self {
        Self { board, index, input, outer, totals: SharedTotals::default() }
    }

    /// The message with the name of the file, unless it begins with it.
    fn named(&self, message: &str) -> String {
        let rest = message.strip_prefix(&self.input);
        if rest.is_some_and(|rest| rest.starts_with([':', ' '])) {
            return message.to_owned();
        }
        format!("{}: {message}", self.board.name(self.index))
    }

    pub(super) fn totals(&self) -> SharedTotals {
        self.totals.clone()
    }
}

impl Listener for FileEvents {
    fn message(&self, severity: Severity, message: &str) {
        match severity {
            Severity::Detail => self.outer.detail(self.named(message)),
            Severity::Note => {
                // All notes are worth a line with -v; the last one holds the totals.
                self.outer.detail(self.named(message));
                self.totals.change(|totals| totals.note = Some(message.to_owned()));
            }
            Severity::Warning => self.outer.warn(self.named(message)),
        }
    }

    fn record(&self, record: Object) {
        let record = record.finish();
        if record.starts_with(r#"{"type":"summary""#) {
            self.totals.change(|totals| totals.summary = Some(record));
        }
    }

    fn text(&self, text: &str) -> Result<()> {
        self.outer.text(text)
    }

    fn takes_records(&self) -> bool {
        self.outer.takes_records()
    }

    fn meter(&self, total: Option<u64>, _frame_rate: Rational) -> Box<dyn Meter> {
        let board = Arc::clone(&self.board);
        Box::new(FileMeter { board, index: self.index, total, pass: None, passes: 1 })
    }
}

/// Converts frames into the share of a file that is done.
struct FileMeter {
    board: Arc<Board>,
    index: usize,
    total: Option<u64>,
    /// The current trial; `None`: the final pass.
    pass: Option<usize>,
    /// Number of trials, and the final pass.
    passes: usize,
}

impl Meter for FileMeter {
    fn begin_pass(&mut self, pass: Option<Pass>) {
        (self.pass, self.passes) = match pass {
            Some(Pass::Trial { number, max }) => (Some(number), max + 1),
            Some(Pass::Scan) => (Some(1), 2),
            None => (None, self.passes),
        };
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn update(&mut self, now: &Now) {
        let Some(total) = self.total.filter(|total| *total > 0) else { return };
        let of_pass = (now.frames as f64 / total as f64).min(1.0);
        let earlier = self.pass.map_or(self.passes - 1, |number| number.saturating_sub(1));
        let done = (earlier as f64 + of_pass) / self.passes as f64;
        self.board.update(self.index, done);
    }
}
