//! Progress of a study.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use codec_media::events::Events;
use codec_media::progress::OverallProgress;

use super::remaining::{Kind, seconds_left};

/// Reports the progress and the remaining time. Work has weights, in any unit.
pub(super) struct Ticker {
    events: Events,
    state: Mutex<State>,
}

struct State {
    kinds: Vec<Kind>,
    /// Weight of the finished work, of this run and earlier ones.
    done: f64,
}

impl Ticker {
    /// Creates a progress report. `kinds` is the remaining work; `done` is the weight of the work
    /// of earlier runs.
    pub(super) fn new(events: Events, kinds: Vec<Kind>, done: f64) -> Self {
        Self { events, state: Mutex::new(State { kinds, done }) }
    }

    /// Announces the task `what`.
    pub(super) fn begin(&self, what: &str) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rest: f64 = state.kinds.iter().map(|kind| kind.rest).sum();
        let done = state.done / (state.done + rest).max(f64::MIN_POSITIVE);
        let remaining_s = seconds_left(&state.kinds);
        self.events.share(&OverallProgress { done, now: what, remaining_s });
    }

    /// Records that work of this kind and weight was done since `begun`.
    pub(super) fn did(&self, kind: usize, weight: f64, begun: Instant) {
        self.change(kind, weight, |kind| kind.did(weight, begun.elapsed().as_secs_f64()));
    }

    /// Removes planned work of this kind and weight.
    pub(super) fn drop(&self, kind: usize, weight: f64) {
        self.change(kind, weight, |kind| kind.drop(weight));
    }

    /// Adds work of this kind.
    pub(super) fn add(&self, kind: usize, weight: f64) {
        self.change(kind, 0.0, |kind| kind.rest += weight);
    }

    fn change(&self, kind: usize, done: f64, change: impl FnOnce(&mut Kind)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += done;
        if let Some(kind) = state.kinds.get_mut(kind) {
            change(kind);
        }
    }
}
