//! Limits of a server, with defaults.

use std::time::Duration;

/// Limits on what clients may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open TCP connections.
    pub connections: usize,
    /// Open TCP connections per address; an IPv6 /64 network counts as one address. All clients
    /// behind a reverse proxy share its address.
    pub connections_per_address: usize,
    /// Sessions of all kinds.
    pub sessions: usize,
    /// Streams published at once.
    pub streams: usize,
    /// Viewers of one stream.
    pub viewers: usize,
    /// Small renditions encoded at once, over all streams.
    pub small_renditions: usize,
    /// Bits per second that a publisher may send, measured over two seconds.
    pub bitrate: u64,
    /// Pixels of a published frame.
    pub pixels: u64,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Bytes of a session description.
    pub sdp_bytes: usize,
    /// Time from the start of a connection or a request to the end of its headers, and from there
    /// to the end of its body.
    pub request_timeout: Duration,
    /// Time from the start of a session to the end of its DTLS handshake.
    pub handshake_timeout: Duration,
    /// How long a stream waits for its publisher after the publisher vanished or reloaded its page.
    pub publisher_return_timeout: Duration,
    /// Minimum time between two attempts of one address without a valid token.
    pub auth_retry_interval: Duration,
    /// Bytes of a control message.
    pub control_bytes: usize,
    /// Control messages per session and second.
    pub control_per_second: u32,
    /// Bytes of a media message.
    pub media_bytes: usize,
    /// Media messages per publisher and second.
    pub media_per_second: u32,
    /// Bytes of an uploaded file.
    pub file_bytes: u64,
    /// Bytes of all uploaded files.
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
            request_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(30),
            publisher_return_timeout: Duration::from_secs(15),
            auth_retry_interval: Duration::from_millis(100),
            control_bytes: 64 << 10,
            control_per_second: 100,
            media_bytes: 8 << 20,
            media_per_second: 500,
            file_bytes: 256 << 20,
            all_files_bytes: 4 << 30,
        }
    }
}

/// A token bucket: an amount per second, with a burst of one second.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    per_second: u64,
    /// Capacity and remaining amount, in units of a nanosecond's share.
    full: u128,
    left: u128,
    last: Duration,
}

const NS_PER_SECOND: u128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket with the amount of one second.
    #[must_use]
    pub fn new(per_second: u64) -> Self {
        Self::over(per_second, 1)
    }

    /// A full bucket with the amount of `seconds`.
    #[must_use]
    pub fn over(per_second: u64, seconds: u32) -> Self {
        let full = u128::from(per_second) * u128::from(seconds) * NS_PER_SECOND;
        Self { per_second, full, left: full, last: Duration::ZERO }
    }

    /// Takes `amount` at `now` if available; returns whether it was.
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
    fn a_budget_is_spent_and_refilled() {
        let mut budget = TokenBucket::new(100);
        let at = Duration::from_millis;
        assert_eq!((0..150).filter(|_| budget.take(at(0), 1)).count(), 100);
        assert!(!budget.take(at(5), 1));
        assert!(budget.take(at(10), 1));
        assert!(!budget.take(at(10), 1));
        assert_eq!((0..150).filter(|_| budget.take(at(5000), 1)).count(), 100);
        assert!(!budget.take(at(4000), 1), "time that goes back refills nothing");
    }
}
