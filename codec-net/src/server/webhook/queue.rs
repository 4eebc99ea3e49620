//! The queue of events that wait for delivery. It reads no clock and has no sockets: time is an
//! argument.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of events that wait. Further events are dropped, so that the others stay in order.
const MAX_WAITING: usize = 1000;
/// Maximum number of attempts to deliver an event.
const MAX_ATTEMPTS: u32 = 8;
/// Pause after the first failed attempt; it doubles after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause, even if the receiver requests a longer one.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Unique over all runs of the server.
    pub(super) id: Arc<str>,
    /// Its type.
    pub(super) name: &'static str,
    pub(super) body: Arc<str>,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver has accepted the event.
    Delivered,
    /// The receiver never will accept it, and why.
    Rejected(String),
    /// It may succeed later. `pause` is the shortest time until then, if the receiver states one.
    Failed { why: String, pause: Option<Duration> },
}

/// Numbers of events by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    pub(in super::super) waiting: usize,
    pub(in super::super) delivered: u64,
    pub(in super::super) dropped: u64,
    /// Failed attempts after which the delivery was, or will be, retried.
    pub(in super::super) retries: u64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct DeliveryQueue {
    waiting: VecDeque<Delivery>,
    /// Failed attempts of the first delivery, and when the next one is due.
    attempts: u32,
    due: Duration,
    counts: Counts,
    /// Events dropped since the queue was last full.
    overflow: u64,
}

impl DeliveryQueue {
    /// Adds an event. Returns a line for the log if events begin, or cease, to be dropped.
    pub(super) fn push(&mut self, delivery: Delivery) -> Option<String> {
        if self.waiting.len() >= MAX_WAITING {
            self.counts.dropped += 1;
            self.overflow += 1;
            let is_first = self.overflow == 1;
            return is_first.then(|| {
                format!(
                    "webhooks: the queue is full ({MAX_WAITING} events): new events are dropped"
                )
            });
        }
        self.waiting.push_back(delivery);
        let dropped = std::mem::take(&mut self.overflow);
        (dropped > 0)
            .then(|| format!("webhooks: {dropped} events were dropped: the queue was full"))
    }

    /// The delivery to attempt now.
    pub(super) fn next(&self, now: Duration) -> Option<&Delivery> {
        self.waiting.front().filter(|_| self.due <= now)
    }

    /// When the next attempt is due; `None` if no event waits.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.due)
    }

    /// Handles the result of an attempt. Returns a line for the log if the event is dropped.
    pub(super) fn handle_attempt(&mut self, now: Duration, attempt: Attempt) -> Option<String> {
        let (why, pause) = match attempt {
            Attempt::Delivered => {
                self.counts.delivered += 1;
                self.take_first(now);
                return None;
            }
            Attempt::Rejected(why) => (why, None),
            Attempt::Failed { why, pause } => (why, Some(pause)),
        };
        self.attempts += 1;
        match pause {
            Some(asked) if self.attempts < MAX_ATTEMPTS => {
                self.counts.retries += 1;
                let doubled = FIRST_PAUSE.saturating_mul(1 << (self.attempts - 1).min(16));
                let pause = doubled.max(asked.unwrap_or_default()).min(MAX_PAUSE);
                self.due = now.saturating_add(pause);
                None
            }
            _ => {
                let attempts = self.attempts;
                let dropped = self.take_first(now)?;
                self.counts.dropped += 1;
                let (name, id) = (dropped.name, dropped.id);
                let times = if attempts == 1 { "attempt" } else { "attempts" };
                Some(format!("webhooks: {name} ({id}) was dropped after {attempts} {times}: {why}"))
            }
        }
    }

    fn take_first(&mut self, now: Duration) -> Option<Delivery> {
        (self.attempts, self.due) = (0, now);
        self.waiting.pop_front()
    }

    /// Drops all events at the end of the server. Returns a line for the log if there are any.
    pub(super) fn drop_all(&mut self) -> Option<String> {
        let count = self.waiting.len();
        self.waiting.clear();
        self.counts.dropped += count as u64;
        (count > 0)
            .then(|| format!("webhooks: {count} events were dropped: the server was stopped"))
    }

    /// Returns the numbers of events so far, by outcome.
    pub(super) fn counts(&self) -> Counts {
        Counts { waiting: self.waiting.len(), ..self.counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn delivery(number: usize) -> Delivery {
        Delivery { id: number.to_string().into(), name: "room.joined", body: "{}".into() }
    }

    fn failed(pause: Option<Duration>) -> Attempt {
        Attempt::Failed { why: "status 500".to_owned(), pause }
    }

    fn id(queue: &DeliveryQueue, now: Duration) -> Option<String> {
        queue.next(now).map(|it| it.id.to_string())
    }

    #[test]
    fn events_are_delivered_in_order_and_retried_with_growing_pauses() {
        let mut queue = DeliveryQueue::default();
        assert_eq!((queue.poll_timeout(), queue.next(S)), (None, None));
        for number in 1..=2 {
            assert_eq!(queue.push(delivery(number)), None);
        }
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 1..MAX_ATTEMPTS {
            assert_eq!(id(&queue, now).as_deref(), Some("1"));
            assert_eq!(queue.handle_attempt(now, failed(None)), None);
            let due = queue.poll_timeout().unwrap();
            assert_eq!(queue.next(due - Duration::from_millis(1)), None);
            pauses.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60]);
        let line = queue.handle_attempt(now, failed(None)).unwrap();
        assert_eq!(line, "webhooks: room.joined (1) was dropped after 8 attempts: status 500");
        // The next one is due at once.
        assert_eq!(id(&queue, now).as_deref(), Some("2"));
        assert_eq!(queue.handle_attempt(now, Attempt::Delivered), None);
        let counts = Counts { waiting: 0, delivered: 1, dropped: 1, retries: 7 };
        assert_eq!((queue.counts(), queue.poll_timeout()), (counts, None));
    }

    #[test]
    fn the_receiver_may_ask_for_a_pause_within_a_limit_or_reject_an_event() {
        let mut queue = DeliveryQueue::default();
        queue.push(delivery(1));
        for (asked, pause) in [(20 * S, 20 * S), (Duration::ZERO, 2 * S), (3600 * S, MAX_PAUSE)] {
            let now = queue.poll_timeout().unwrap();
            queue.handle_attempt(now, failed(Some(asked)));
            assert_eq!(queue.poll_timeout().unwrap() - now, pause);
        }
        let now = queue.poll_timeout().unwrap();
        let line = queue.handle_attempt(now, Attempt::Rejected("status 400".to_owned())).unwrap();
        assert!(line.ends_with("(1) was dropped after 4 attempts: status 400"), "{line}");
        assert_eq!(queue.counts().dropped, 1);
    }

    #[test]
    fn the_queue_is_bounded_and_drops_are_logged_once() {
        let mut queue = DeliveryQueue::default();
        assert!((0..MAX_WAITING).all(|number| queue.push(delivery(number)).is_none()));
        let lines: Vec<_> = (0..50).filter_map(|_| queue.push(delivery(7777))).collect();
        assert_eq!(lines, ["webhooks: the queue is full (1000 events): new events are dropped"]);
        queue.handle_attempt(S, Attempt::Delivered);
        let line = queue.push(delivery(8888)).unwrap();
        assert_eq!(line, "webhooks: 50 events were dropped: the queue was full");
        assert_eq!(id(&queue, S).as_deref(), Some("1"), "the oldest are kept");
        let counts = Counts { waiting: MAX_WAITING, delivered: 1, dropped: 50, retries: 0 };
        assert_eq!(queue.counts(), counts);
        let line = queue.drop_all().unwrap();
        assert_eq!(line, "webhooks: 1000 events were dropped: the server was stopped");
        assert_eq!((queue.counts().dropped, queue.drop_all()), (1050, None));
    }
}
