//! Network emulation in virtual time: rate limit, drop-tail queue, propagation delay, jitter,
//! packet loss.
//!
//! A packet waits in the queue, is sent at the rate of the link, may be lost, and arrives after the
//! propagation delay and a random extra delay. Lost packets use link capacity; packets dropped by
//! the queue do not. All randomness comes from a seed: the same packets at the same times give the
//! same result on every platform.

mod jitter;
mod loss;
mod spec;
mod stats;
mod trace;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use codec_core::error::ConfigError;

pub use jitter::{Jitter, JitterShape};
pub use loss::{Loss, LossProcess};
pub use spec::{KEYS, LinkSpec, LinkSpecError, SpecRate, parse_percent, parse_time};
pub use stats::{Distribution, LinkStats};
pub use trace::{RateTrace, TraceError};

use crate::rng::Rng;

/// Maximum delay, jitter and queue length, each.
pub const MAX_TIME: Duration = Duration::from_secs(60);

/// Limit of the queue. An idle link accepts a packet of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueLimit {
    /// Bytes of all packets not sent completely, including the new one; at most 1 GiB.
    Bytes(u64),
    /// Bytes that the link sends in this time at its current rate (during an outage: at the last
    /// rate above 0).
    Time(Duration),
}

/// Configuration of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Rate in bits per second over time.
    pub rate: RateTrace,
    /// Propagation delay.
    pub delay: Duration,
    /// Random extra delay.
    pub jitter: Jitter,
    /// Packet loss model.
    pub loss: Loss,
    /// Limit of the queue.
    pub queue: QueueLimit,
    /// Bytes of overhead per packet: 28 for IPv4 and UDP; at most 1000.
    pub overhead_bytes: u32,
}

impl LinkConfig {
    /// A link with the given rate, without delay, jitter or loss, with a queue of 200 ms and 28
    /// bytes of overhead.
    #[must_use]
    pub fn new(rate: RateTrace) -> Self {
        Self {
            rate,
            delay: Duration::ZERO,
            jitter: Jitter::NONE,
            loss: Loss::None,
            queue: QueueLimit::Time(Duration::from_millis(200)),
            overhead_bytes: 28,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let within = |what, time: Duration| {
            if time <= MAX_TIME {
                return Ok(());
            }
            Err(ConfigError::new(what, format!("{} s", time.as_secs()), "0..=60 s"))
        };
        within("delay", self.delay)?;
        within("jitter", self.jitter.max())?;
        match self.queue {
            QueueLimit::Time(time) => within("queue", time)?,
            QueueLimit::Bytes(bytes) if bytes > 1 << 30 => {
                return Err(ConfigError::new("queue", bytes, "0..=1073741824 bytes"));
            }
            QueueLimit::Bytes(_) => {}
        }
        if self.overhead_bytes > 1000 {
            return Err(ConfigError::new("overhead", self.overhead_bytes, "0..=1000 bytes"));
        }
        self.loss.check()
    }
}

/// Result of sending a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The packet is queued and leaves at `departs`.
    Queued {
        /// Time until its first bit is sent.
        queued: Duration,
        /// When its last bit is sent.
        departs: Duration,
    },
    /// Dropped because the queue is full or the outage has no end.
    Dropped,
}

/// A packet that arrives at the end of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival<T> {
    /// When it was passed to [`Link::send`].
    pub sent: Duration,
    /// Arrival time.
    pub at: Duration,
    /// The packet.
    pub packet: T,
}

/// An emulated unidirectional link.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    loss: LossProcess,
    jitter: Rng,
    now: Duration,
    /// Departure time and size of packets not sent completely.
    queue: VecDeque<(Duration, u64)>,
    queued_bytes: u64,
    last_departure: Duration,
    last_arrival: Duration,
    in_transit: BinaryHeap<Reverse<InTransit<T>>>,
    count: u64,
    stats: LinkStats,
}

#[derive(Debug)]
struct InTransit<T> {
    at: Duration,
    order: u64,
    sent: Duration,
    packet: T,
}

impl<T> PartialEq for InTransit<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<T> Eq for InTransit<T> {}

impl<T> PartialOrd for InTransit<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for InTransit<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> Link<T> {
    /// Creates an idle link.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: LinkConfig, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        let loss = LossProcess::new(config.loss, Rng::stream(seed, 1))?;
        Ok(Self {
            config,
            loss,
            // A separate stream, so that losses do not depend on jitter.
            jitter: Rng::stream(seed, 2),
            now: Duration::ZERO,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_departure: Duration::ZERO,
            last_arrival: Duration::ZERO,
            in_transit: BinaryHeap::new(),
            count: 0,
            stats: LinkStats::default(),
        })
    }

    /// Configuration of the link.
    #[must_use]
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Sends a packet of `bytes` (without overhead) at `now`, which must not decrease between
    /// calls.
    pub fn send(&mut self, now: Duration, bytes: usize, packet: T) -> Sent {
        self.now = self.now.max(now);
        let now = self.now;
        while self.queue.front().is_some_and(|&(departs, _)| departs <= now) {
            self.queued_bytes -= self.queue.pop_front().map_or(0, |(_, bytes)| bytes);
        }
        let bytes = (bytes as u64).saturating_add(self.config.overhead_bytes.into());
        let start = self.last_departure.max(now);
        let room = match self.config.queue {
            QueueLimit::Bytes(limit) => limit,
            QueueLimit::Time(time) => self.config.rate.bytes_in(now, time),
        };
        let has_room = self.queue.is_empty() || self.queued_bytes.saturating_add(bytes) <= room;
        let departs = self.config.rate.departure(start, bytes).filter(|_| has_room);
        self.stats.offer(bytes);
        let Some(departs) = departs else {
            self.stats.drop_at_queue(bytes);
            return Sent::Dropped;
        };
        self.queue.push_back((departs, bytes));
        self.queued_bytes += bytes;
        self.last_departure = departs;
        let queued = self.config.rate.begins(start).saturating_sub(now);
        let is_lost = self.loss.next_is_lost();
        let extra = self.config.jitter.draw(&mut self.jitter);
        self.stats.pass(bytes, queued, is_lost);
        if !is_lost {
            let mut at = departs.saturating_add(self.config.delay).saturating_add(extra);
            let overtakes = at < self.last_arrival;
            if !self.config.jitter.reorders {
                at = at.max(self.last_arrival);
            }
            self.last_arrival = self.last_arrival.max(at);
            let reordered = overtakes && self.config.jitter.reorders;
            self.stats.arrive(at.saturating_sub(now), at.saturating_sub(departs), reordered);
            let order = self.count;
            self.count += 1;
            self.in_transit.push(Reverse(InTransit { at, order, sent: now, packet }));
        }
        Sent::Queued { queued, departs }
    }

    /// Returns the next packet that has arrived by `now`.
    pub fn poll(&mut self, now: Duration) -> Option<Arrival<T>> {
        if self.poll_timeout()? > now {
            return None;
        }
        let Reverse(InTransit { at, sent, packet, .. }) = self.in_transit.pop()?;
        Some(Arrival { sent, at, packet })
    }

    /// Arrival time of the next packet in transit.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.in_transit.peek().map(|Reverse(first)| first.at)
    }

    /// When the last queued bit is sent; 0 before the first packet.
    #[must_use]
    pub fn busy_until(&self) -> Duration {
        self.last_departure
    }

    /// Statistics since the start. Packets in transit count as arrived.
    #[must_use]
    pub fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// Discards the individual times in [`Self::stats`], whose memory grows with every packet; for
    /// links of unlimited duration. Counters are kept.
    pub fn discard_times(&mut self) {
        self.stats.discard_times();
    }
}

#[cfg(test)]
mod tests;
