//! Key-frame requests (PLI, RFC 4585, section 6.3.1), sent and served at a limited rate.

use std::time::Duration;

/// Receiver side: sends requests while a key frame is needed.
#[derive(Clone, Copy, Debug)]
pub struct KeyFrameRequester {
    interval: Duration,
    requested: Option<Duration>,
    needed: bool,
}

impl KeyFrameRequester {
    /// Creates a requester that repeats requests after `interval`, which should be at least a round
    /// trip.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, requested: None, needed: false }
    }

    /// Changes the interval, counted from the last request.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Sets whether a key frame is needed.
    pub fn set_needed(&mut self, needed: bool) {
        self.needed = needed;
    }

    /// Whether to send a request now; the next one follows after the interval.
    pub fn poll(&mut self, now: Duration) -> bool {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        if due {
            self.requested = Some(now);
        }
        due
    }

    /// Time of the next request, if a key frame is needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let again = self.requested.map_or(Duration::ZERO, |at| at.saturating_add(self.interval));
        self.needed.then_some(again)
    }
}

/// Sender side: merges requests and limits the rate of key frames.
#[derive(Clone, Copy, Debug)]
pub struct KeyFrameGate {
    interval: Duration,
    last: Option<Duration>,
    requested: bool,
}

impl KeyFrameGate {
    /// Creates a gate that allows one requested key frame per `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: None, requested: false }
    }

    /// Records a request.
    pub fn request(&mut self) {
        self.requested = true;
    }

    /// Whether to code the frame at `now` as a key frame because of a request.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        self.requested && self.allows(now)
    }

    /// Whether the last key frame was coded at least one interval before `now`.
    #[must_use]
    pub fn allows(&self, now: Duration) -> bool {
        !self.has_coded_within(now, self.interval)
    }

    /// Whether a key frame was coded less than `time` before `now`.
    #[must_use]
    pub fn has_coded_within(&self, now: Duration, time: Duration) -> bool {
        self.last.is_some_and(|last| now.saturating_sub(last) < time)
    }

    /// Records that a key frame was coded at `now`, requested or not.
    pub fn coded(&mut self, now: Duration) {
        (self.last, self.requested) = (Some(now), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn requests_are_repeated_at_intervals_while_needed() {
        let mut requester = KeyFrameRequester::new(ms(200));
        assert!(!requester.poll(ms(0)));
        requester.set_needed(true);
        assert!(requester.poll(ms(10)));
        assert!(!requester.poll(ms(209)));
        assert_eq!(requester.poll_timeout(), Some(ms(210)));
        assert!(requester.poll(ms(210)));
        requester.set_needed(false);
        assert!(!requester.poll(ms(1000)));
        requester.set_needed(true);
        assert!(requester.poll(ms(1000)));
    }

    #[test]
    fn requests_are_merged_and_key_frames_limited() {
        let mut gate = KeyFrameGate::new(ms(300));
        assert!(!gate.is_due(ms(0)));
        gate.coded(ms(0));
        gate.request();
        gate.request();
        assert!(!gate.is_due(ms(299)) && !gate.allows(ms(299)));
        assert!(gate.is_due(ms(300)) && gate.allows(ms(300)));
        assert!(gate.has_coded_within(ms(49), ms(50)) && !gate.has_coded_within(ms(50), ms(50)));
        gate.coded(ms(300));
        assert!(!gate.is_due(ms(900)));
    }
}
