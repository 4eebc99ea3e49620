//! A long TCP flow as competing traffic: slow start, congestion avoidance and fast retransmit (RFC
//! 5681) with segments of 1,500 bytes on the wire.

use std::collections::BTreeSet;
use std::time::Duration;

pub(super) struct Tcp {
    start: Duration,
    window: f64,
    threshold: f64,
    next: u64,
    acked: u64,
    repeated: u32,
    /// Losses up to this segment belong to one loss event.
    recover: u64,
    again: Option<u64>,
    progress: Duration,
    /// State of the receiver.
    expected: u64,
    beyond: BTreeSet<u64>,
}

const TIMEOUT: Duration = Duration::from_secs(1);

impl Tcp {
    pub(super) fn new(start: Duration) -> Self {
        Self {
            start,
            window: 10.0,
            threshold: 1e9,
            next: 0,
            acked: 0,
            repeated: 0,
            recover: 0,
            again: None,
            progress: start,
            expected: 0,
            beyond: BTreeSet::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Duration {
        self.progress + TIMEOUT
    }

    pub(super) fn poll(&mut self, now: Duration) -> Option<u64> {
        if now < self.start {
            return None;
        }
        if now >= self.poll_timeout() {
            (self.threshold, self.window) = (self.window / 2.0, 2.0);
            (self.next, self.recover, self.progress) = (self.acked, self.next, now);
        }
        if let Some(number) = self.again.take() {
            return Some(number);
        }
        let in_flight = (self.next - self.acked).saturating_sub(self.repeated.into());
        ((in_flight as f64) < self.window).then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Receives a segment; returns the next expected segment number.
    pub(super) fn receive(&mut self, number: u64) -> u64 {
        if number >= self.expected {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&self.expected) {
            self.expected += 1;
        }
        self.expected
    }

    pub(super) fn acknowledge(&mut self, now: Duration, number: u64) {
        if number > self.acked {
            self.window += if self.window < self.threshold { 1.0 } else { 1.0 / self.window };
            // Another segment of the same loss event is missing.
            if number < self.recover {
                self.again = Some(number);
            }
            (self.acked, self.repeated, self.progress) = (number, 0, now);
            self.next = self.next.max(number);
        } else if number == self.acked {
            self.repeated += 1;
            if self.repeated == 3 && number >= self.recover {
                self.threshold = (self.window / 2.0).max(2.0);
                self.window = self.threshold;
                self.recover = self.next;
                self.again = Some(number);
            }
        }
    }
}
