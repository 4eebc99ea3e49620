//! Progress of a study.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::remaining::{Kind, seconds_left};
use crate::console::{self, Console, Style};
use crate::json::Object;

const LINE_EVERY: Duration = Duration::from_millis(100);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Reports the progress and the remaining time. Work has weights, in any unit.
pub(super) struct Ticker {
    console: Console,
    state: Mutex<State>,
}

struct State {
    kinds: Vec<Kind>,
    /// Weight of the finished work, of this run and earlier ones.
    done: f64,
    told: Option<Instant>,
}

impl Ticker {
    /// `kinds`: the remaining work; `done`: weight of the work of earlier runs.
    pub(super) fn new(console: Console, kinds: Vec<Kind>, done: f64) -> Self {
        Self { console, state: Mutex::new(State { kinds, done, told: None }) }
    }

    /// Announces the task `what`.
    pub(super) fn begin(&self, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let every = match self.console.style {
            Style::Terminal => LINE_EVERY,
            Style::Plain | Style::Json => LOG_EVERY,
            Style::Silent => return,
        };
        if state.told.is_some_and(|told| told.elapsed() < every) {
            return;
        }
        state.told = Some(Instant::now());
        let rest: f64 = state.kinds.iter().map(|kind| kind.rest).sum();
        let share = state.done / (state.done + rest).max(f64::MIN_POSITIVE);
        let left = seconds_left(&state.kinds);
        if self.console.style == Style::Json {
            let object = Object::new()
                .text("type", "progress")
                .float("done", share)
                .text("now", what)
                .maybe("remaining_s", left.map(crate::json::float));
            return self.console.event(object);
        }
        let mut text = format!("{:3.0} %  {what}", 100.0 * share);
        if let Some(left) = left {
            text.push_str(&format!("  {} left", clock(left)));
        }
        match self.console.style {
            Style::Terminal => console::status(&text),
            _ if !self.console.quiet => console::line(&text),
            _ => {}
        }
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

fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}:{:02.0}", (seconds - 60.0 * minutes).floor())
}
