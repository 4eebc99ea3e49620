//! A link in virtual time: rate, drop-tail queue, propagation delay, jitter, loss.
//!
//! A packet waits in the queue until those before it have been sent, takes its bits' time at the
//! link's rate, may be lost on the way, and arrives after the propagation delay and a random extra
//! delay. What is lost on the way has taken its time on the link; what finds no room in the queue
//! has not. Everything random is drawn from a seed: the same packets at the same times have the
//! same fate on every machine.

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
pub use spec::{LinkSpec, SpecRate, percent, time};
pub use stats::{Distribution, LinkStats};
pub use trace::{RateTrace, TraceError};

use crate::rng::Rng;

/// Longest delay, jitter and queue, each.
pub const MAX_TIME: Duration = Duration::from_secs(60);

/// How much may wait. A packet that finds the link idle always enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueLimit {
    /// All packets that have not left altogether, the new one included, at most 1 GiB.
    Bytes(u64),
    /// As many bytes as the link's rate at that moment sends in this time (at rate 0: as the last
    /// rate above it).
    Time(Duration),
}

/// What a link is like.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Bits per second over time.
    pub rate: RateTrace,
    /// Propagation delay.
    pub delay: Duration,
    /// Extra delay.
    pub jitter: Jitter,
    /// Loss on the way.
    pub loss: Loss,
    /// Room in the queue.
    pub queue: QueueLimit,
    /// Bytes that each packet takes in addition to its own: 28 for IPv4 and UDP.
    pub overhead_bytes: u32,
}

impl LinkConfig {
    /// A link with that rate and no delay, jitter or loss, whose queue holds 200 ms.
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
        within("jitter", self.jitter.most())?;
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

/// What became of a packet at the entrance of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It waits `queued`, then leaves; `departs`: its last bit has left.
    Queued {
        /// Time until its first bit is sent.
        queued: Duration,
        /// When its last bit has been sent.
        departs: Duration,
    },
    /// The queue was full, or the link stands still for ever.
    Dropped,
}

/// A packet at the end of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival<T> {
    /// When it was given to [`Link::send`].
    pub sent: Duration,
    /// When it arrives.
    pub at: Duration,
    /// What was sent.
    pub packet: T,
}

/// The link.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    loss: LossProcess,
    jitter: Rng,
    now: Duration,
    /// Packets that have not left altogether: when they will have, and their bytes.
    queue: VecDeque<(Duration, u64)>,
    queued_bytes: u64,
    last_departure: Duration,
    last_arrival: Duration,
    under_way: BinaryHeap<Reverse<UnderWay<T>>>,
    count: u64,
    stats: LinkStats,
}

#[derive(Debug)]
struct UnderWay<T> {
    at: Duration,
    order: u64,
    sent: Duration,
    packet: T,
}

impl<T> PartialEq for UnderWay<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<T> Eq for UnderWay<T> {}

impl<T> PartialOrd for UnderWay<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for UnderWay<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> Link<T> {
    /// An idle link.
    ///
    /// # Errors
    /// If a setting is outside its range.
    pub fn new(config: LinkConfig, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        let loss = LossProcess::new(config.loss, Rng::stream(seed, 1))?;
        Ok(Self {
            config,
            loss,
            // Losses do not depend on whether there is jitter.
            jitter: Rng::stream(seed, 2),
            now: Duration::ZERO,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_departure: Duration::ZERO,
            last_arrival: Duration::ZERO,
            under_way: BinaryHeap::new(),
            count: 0,
            stats: LinkStats::default(),
        })
    }

    /// What it is like.
    #[must_use]
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Puts a packet of `bytes` (without the overhead) on the link at `now`, which must not be
    /// earlier than at the call before.
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
            self.under_way.push(Reverse(UnderWay { at, order, sent: now, packet }));
        }
        Sent::Queued { queued, departs }
    }

    /// The next packet that has arrived by `now`.
    pub fn poll(&mut self, now: Duration) -> Option<Arrival<T>> {
        if self.poll_timeout()? > now {
            return None;
        }
        let Reverse(UnderWay { at, sent, packet, .. }) = self.under_way.pop()?;
        Some(Arrival { sent, at, packet })
    }

    /// When the next packet arrives, if one is under way.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.under_way.peek().map(|Reverse(first)| first.at)
    }

    /// When the last bit of what the queue took has been sent; 0 before the first packet.
    #[must_use]
    pub fn busy_until(&self) -> Duration {
        self.last_departure
    }

    /// What became of the packets so far. Those under way count as arrived.
    #[must_use]
    pub fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// Leaves the single times out of [`Self::stats`], which are kept one by one: for links without
    /// an end. The counts stay.
    pub fn forget_times(&mut self) {
        self.stats.forget_times();
    }
}

#[cfg(test)]
mod tests;
