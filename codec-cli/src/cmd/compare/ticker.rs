//! How far a study is.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::console::{self, Console, Style};
use crate::json::Object;

const LINE_EVERY: Duration = Duration::from_millis(100);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Tells what is done and how long the rest takes. Work is weighed, in any unit.
pub(super) struct Ticker {
    console: Console,
    total: f64,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    done: f64,
    /// Of it, what needed no work.
    skipped: f64,
    told: Option<Instant>,
}

impl Ticker {
    pub(super) fn new(console: Console, total: f64) -> Self {
        let state = Mutex::new(State { done: 0.0, skipped: 0.0, told: None });
        Self { console, total: total.max(f64::MIN_POSITIVE), begun: Instant::now(), state }
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
        let share = state.done / self.total;
        let worked = state.done - state.skipped;
        let rest = self.total - state.done;
        let left = (worked > 0.0).then(|| self.begun.elapsed().as_secs_f64() * rest / worked);
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

    /// Work of this weight is done, or was not needed.
    pub(super) fn done(&self, weight: f64, was_needed: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += weight;
        if !was_needed {
            state.skipped += weight;
        }
    }
}

fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}:{:02.0}", (seconds - 60.0 * minutes).floor())
}
