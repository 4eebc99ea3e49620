//! The thread that delivers events, one after the other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::http::{HeaderMap, Method, Request, header};

use super::super::health::Health;
use super::config::WebhookConfig;
use super::event::Event;
use super::queue::{Attempt, Counts, Delivery, DeliveryQueue};
use crate::clock::Clock;
use crate::http_client::retry_after;
use crate::random;

/// Timeout of an attempt.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause of the thread if no event waits.
const IDLE: Duration = Duration::from_secs(3600);
/// Maximum number of characters of an error in the log.
const MAX_WHY_CHARS: usize = 200;

/// What senders and the thread share.
#[derive(Debug)]
pub(super) struct Shared {
    clock: Clock,
    /// Random name of this run: numbers begin again with each run.
    run: String,
    health: Arc<Health>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: DeliveryQueue,
    /// Number of the last event.
    number: u64,
    /// The server has stopped: until when events that wait are delivered.
    stops_at: Option<Duration>,
}

impl Shared {
    pub(super) fn new(health: Arc<Health>) -> Self {
        Self {
            clock: Clock::start(),
            run: random::name(),
            health,
            state: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        self.state().queue.counts()
    }

    /// Queues an event.
    pub(super) fn push(&self, event: &Event, at: SystemTime) {
        let mut state = self.state();
        state.number += 1;
        let number = state.number;
        let line = state.queue.push(Delivery {
            id: format!("msg_{}_{number}", self.run).into(),
            name: event.name(),
            body: event.body(number, at).into(),
        });
        drop(state);
        self.log(line);
        self.wake.notify_all();
    }

    /// Ends the thread when all events are delivered, or after `grace`.
    pub(super) fn stop(&self, grace: Duration) {
        self.state().stops_at = Some(self.clock.now().saturating_add(grace));
        self.wake.notify_all();
    }

    fn log(&self, line: Option<String>) {
        if let Some(line) = line {
            self.health.notice(line);
        }
    }

    /// Waits for the next delivery, and returns it with the timeout of its attempt; `None` at the end.
    fn wait(&self) -> Option<(Delivery, Duration)> {
        let mut state = self.state();
        loop {
            let now = self.clock.now();
            let (due, stops_at) = (state.queue.poll_timeout(), state.stops_at);
            if stops_at.is_some_and(|end| due.is_none() || now >= end) {
                let line = state.queue.drop_all();
                drop(state);
                self.log(line);
                return None;
            }
            if let Some(delivery) = state.queue.next(now) {
                let rest = stops_at.map_or(TIMEOUT, |end| end.saturating_sub(now));
                return Some((delivery.clone(), rest.min(TIMEOUT)));
            }
            let next = due.into_iter().chain(stops_at).min();
            let pause = next.map_or(IDLE, |at| at.saturating_sub(now));
            let woken = self.wake.wait_timeout(state, pause);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn handle_attempt(&self, attempt: Attempt) {
        let line = self.state().queue.handle_attempt(self.clock.now(), attempt);
        self.log(line);
    }
}

/// Delivers events until the server stops.
pub(super) fn run(shared: &Shared, config: &WebhookConfig) {
    while let Some((delivery, timeout)) = shared.wait() {
        shared.handle_attempt(post(config, &delivery, SystemTime::now(), timeout));
    }
}

/// Attempts a delivery.
fn post(config: &WebhookConfig, it: &Delivery, at: SystemTime, timeout: Duration) -> Attempt {
    let unix_s = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let request = Request::builder()
        .method(Method::POST)
        .uri(&config.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &*it.id)
        .header("webhook-timestamp", unix_s)
        .header("webhook-signature", config.secret.sign(&it.id, unix_s, &it.body))
        .body(it.body.as_bytes());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Attempt::Rejected(short(&error.to_string())),
    };
    let request = config.agent.configure_request(request).timeout_global(Some(timeout)).build();
    match config.agent.run(request) {
        Ok(response) => attempt_of(response.status().as_u16(), response.headers()),
        Err(error) => Attempt::Failed { why: short(&error.to_string()), pause: None },
    }
}

/// The result of an attempt by the status of its response. A receiver that finds fault with an event
/// would do so again; the other errors may pass.
fn attempt_of(status: u16, headers: &HeaderMap) -> Attempt {
    let why = format!("status {status}");
    match status {
        200..=299 => Attempt::Delivered,
        408 | 425 | 429 => Attempt::Failed { why, pause: retry_after(headers) },
        400..=499 => Attempt::Rejected(why),
        _ => Attempt::Failed { why, pause: retry_after(headers) },
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_WHY_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_decide_about_another_attempt() {
        let mut headers = HeaderMap::new();
        for status in [200, 202, 204] {
            assert_eq!(attempt_of(status, &headers), Attempt::Delivered);
        }
        for status in [400, 401, 404, 410, 422] {
            assert!(matches!(attempt_of(status, &headers), Attempt::Rejected(_)), "{status}");
        }
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        for status in [301, 408, 425, 429, 500, 503] {
            let (why, pause) = (format!("status {status}"), Some(Duration::from_secs(7)));
            assert_eq!(attempt_of(status, &headers), Attempt::Failed { why, pause });
        }
        headers.insert(header::RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
