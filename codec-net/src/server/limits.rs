//! What a server lets others have, with its defaults.

use std::time::Duration;

/// Bounds on what anyone may ask of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open TCP connections.
    pub connections: usize,
    /// Open TCP connections of one address; of IPv6 a /64 network counts as one. A reverse proxy is
    /// one address for all who come through it.
    pub connections_per_address: usize,
    /// Sessions of all kinds.
    pub sessions: usize,
    /// Streams that are published at once.
    pub streams: usize,
    /// Viewers of one stream.
    pub viewers: usize,
    /// Small renditions that are encoded at once, of all streams together.
    pub small_renditions: usize,
    /// Bits per second that a publisher may send, over two seconds.
    pub bitrate: u64,
    /// Pixels of a published picture.
    pub pixels: u64,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a session description.
    pub sdp_bytes: usize,
    /// From the beginning of a connection, or of a request, to the end of its headers; and from
    /// there to the end of its body.
    pub header_deadline: Duration,
    /// From a session's beginning to the end of its DTLS handshake.
    pub handshake_deadline: Duration,
    /// How long a stream whose publisher vanished, or reloaded its page, waits for it to return.
    pub publisher_return: Duration,
    /// Between two attempts of one address without a right token.
    pub unauthenticated_gap: Duration,
    /// Bytes of a control message.
    pub control_bytes: usize,
    /// Control messages of one session in a second.
    pub control_per_second: u32,
    /// Bytes of a media message.
    pub media_bytes: usize,
    /// Media messages of one publisher in a second.
    pub media_per_second: u32,
    /// Bytes of a file that is sent to the server.
    pub file_bytes: u64,
    /// Bytes of all files that were sent to the server.
    pub all_files_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            connections_per_address: 250,
            sessions: 200,
            streams: 32,
            viewers: 100,
            small_renditions: 4,
            bitrate: 20_000_000,
            pixels: 4096 * 4096,
            body_bytes: 1 << 20,
            sdp_bytes: 64 << 10,
            header_deadline: Duration::from_secs(10),
            handshake_deadline: Duration::from_secs(30),
            publisher_return: Duration::from_secs(15),
            unauthenticated_gap: Duration::from_millis(100),
            control_bytes: 64 << 10,
            control_per_second: 100,
            media_bytes: 8 << 20,
            media_per_second: 500,
            file_bytes: 256 << 20,
            all_files_bytes: 4 << 30,
        }
    }
}

/// So many of something in a second, with a second's worth at once.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    per_second: u64,
    /// The most that is kept and what is left, in units of a nanosecond's share.
    full: u128,
    left: u128,
    last: Duration,
}

const NS_PER_SECOND: u128 = 1_000_000_000;

impl Budget {
    /// A budget of a second's worth, full.
    #[must_use]
    pub fn new(per_second: u64) -> Self {
        Self::over(per_second, 1)
    }

    /// A budget that holds what comes in `seconds`, full.
    #[must_use]
    pub fn over(per_second: u64, seconds: u32) -> Self {
        let full = u128::from(per_second) * u128::from(seconds) * NS_PER_SECOND;
        Self { per_second, full, left: full, last: Duration::ZERO }
    }

    /// Whether `amount` may still pass at `now`; it then has.
    pub fn take(&mut self, now: Duration, amount: u64) -> bool {
        let passed = now.saturating_sub(self.last).as_nanos();
        self.last = self.last.max(now);
        self.left = (self.left + passed * u128::from(self.per_second)).min(self.full);
        let cost = u128::from(amount) * NS_PER_SECOND;
        let fits = self.left >= cost;
        if fits {
            self.left -= cost;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let mut budget = Budget::new(100);
        let at = Duration::from_millis;
        assert_eq!((0..150).filter(|_| budget.take(at(0), 1)).count(), 100);
        assert!(!budget.take(at(5), 1));
        assert!(budget.take(at(10), 1));
        assert!(!budget.take(at(10), 1));
        assert_eq!((0..150).filter(|_| budget.take(at(5000), 1)).count(), 100);
        assert!(!budget.take(at(4000), 1), "time that goes back gives nothing");
    }
}
