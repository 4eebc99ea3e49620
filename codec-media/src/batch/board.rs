//! The progress of all files of a batch together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::plan::File;
use crate::events::Events;
use crate::progress::OverallProgress;

/// Interval between reports, which the listener may reduce further.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Collects the progress of the files, weighted by their sizes.
pub(super) struct Board {
    events: Events,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    entries: Vec<Entry>,
    reported: Option<Instant>,
}

struct Entry {
    name: String,
    weight: f64,
    /// 0 to 1.
    done: f64,
    is_running: bool,
    has_ended: bool,
}

impl Board {
    pub(super) fn new(events: Events, files: &[File]) -> Self {
        let entry = |file: &File| {
            let name = file.input.file_name().unwrap_or(file.input.as_os_str());
            #[expect(clippy::cast_precision_loss, reason = "a report")]
            let weight = file.bytes.max(1) as f64;
            let name = name.to_string_lossy().into_owned();
            Entry { name, weight, done: 0.0, is_running: false, has_ended: false }
        };
        let entries = files.iter().map(entry).collect();
        let state = Mutex::new(State { entries, reported: None });
        Self { events, started: Instant::now(), state }
    }

    pub(super) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The name of a file in messages.
    pub(super) fn name(&self, index: usize) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.entries.get(index).map(|entry| entry.name.clone()).unwrap_or_default()
    }

    /// The work on a file begins.
    pub(super) fn begin(&self, index: usize) {
        self.change(index, |entry| entry.is_running = true);
    }

    /// The share `done` of the work on a file is complete.
    pub(super) fn update(&self, index: usize, done: f64) {
        self.change(index, |entry| entry.done = done.clamp(entry.done, 1.0));
    }

    /// The work on a file has ended, or was not needed; an interrupt does not complete it.
    pub(super) fn end(&self, index: usize, is_complete: bool) {
        self.change(index, |entry| {
            (entry.is_running, entry.has_ended) = (false, is_complete);
            if is_complete {
                entry.done = 1.0;
            }
        });
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Entry)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = state.entries.get_mut(index) else { return };
        change(entry);
        if state.reported.is_some_and(|reported| reported.elapsed() < REPORT_EVERY) {
            return;
        }
        state.reported = Some(Instant::now());
        let (done, now) = state.standing();
        drop(state);
        if now.is_empty() {
            return;
        }
        let elapsed = self.elapsed_s();
        let remaining_s = (done > 0.01).then(|| elapsed * (1.0 - done) / done);
        self.events.share(&OverallProgress { done, now: &now, remaining_s });
    }
}

impl State {
    /// Returns the completed share, and which files are in work; no text if none is.
    fn standing(&self) -> (f64, String) {
        let all: f64 = self.entries.iter().map(|entry| entry.weight).sum();
        let done: f64 = self.entries.iter().map(|entry| entry.weight * entry.done).sum();
        let ended = self.entries.iter().filter(|entry| entry.has_ended).count();
        let running = self.entries.iter().filter(|entry| entry.is_running);
        let names: Vec<&str> = running.map(|entry| entry.name.as_str()).collect();
        let count = self.entries.len();
        let now = match names.as_slice() {
            [] => String::new(),
            [name] => format!("{ended} of {count} files done; {name}"),
            // All names would not fit a line.
            [name, others @ ..] => {
                format!("{ended} of {count} files done; {name} and {} more", others.len())
            }
        };
        (done / all.max(1.0), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_by_their_size() {
        let file = |name: &str, bytes| File { input: name.into(), output: "o".into(), bytes };
        let files = [file("a.mp4", 300), file("b.mp4", 100), file("c.mp4", 0)];
        let board = Board::new(Events::none(), &files);
        board.begin(0);
        board.begin(1);
        board.update(0, 0.5);
        let (_, now) = board.state.lock().unwrap().standing();
        assert_eq!(now, "0 of 3 files done; a.mp4 and 1 more");
        board.end(1, true);
        let (done, now) = board.state.lock().unwrap().standing();
        assert!((done - 250.0 / 401.0).abs() < 1e-9, "{done}");
        assert_eq!(now, "1 of 3 files done; a.mp4");
        // An interrupted file is not done.
        board.begin(2);
        board.end(0, false);
        let (done, now) = board.state.lock().unwrap().standing();
        assert!((done - 250.0 / 401.0).abs() < 1e-9, "{done}");
        assert_eq!(now, "1 of 3 files done; c.mp4");
    }
}
