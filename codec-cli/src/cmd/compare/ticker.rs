//! How far a study is.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::remaining::{Kind, seconds_left};
use crate::console::{self, Console, Style};
use crate::json::Object;

const LINE_EVERY: Duration = Duration::from_millis(100);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Reports what is done and how long the rest takes. Work is weighed, in any unit.
pub(super) struct Ticker {
    console: Console,
    state: Mutex<State>,
}

struct State {
    kinds: Vec<Kind>,
    /// Weight of what is done, by this run or an earlier one.
    done: f64,
    told: Option<Instant>,
}

impl Ticker {
    /// `kinds`: what is to be done; `done`: weight of what an earlier run did.
    pub(super) fn new(console: Console, kinds: Vec<Kind>, done: f64) -> Self {
        Self { console, state: Mutex::new(State { kinds, done, told: None }) }
    }

    /// `what` begins.
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

    /// Work of this kind and weight was done since `begun`.
    pub(super) fn did(&self, kind: usize, weight: f64, begun: Instant) {
        self.change(kind, weight, |kind| kind.did(weight, begun.elapsed().as_secs_f64()));
    }

    /// Work of this kind and weight need not be done after all.
    pub(super) fn drop(&self, kind: usize, weight: f64) {
        self.change(kind, weight, |kind| kind.drop(weight));
    }

    /// There is more work of this kind than was planned.
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
