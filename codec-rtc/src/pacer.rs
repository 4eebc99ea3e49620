//! When packets leave: at a bitrate, with an allowance for bursts, the urgent ones first, and
//! faster for a moment where the link is probed.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

use crate::congestion::ProbeCluster;

/// A probe that has not left after so long is given up.
const PROBE_PATIENCE: Duration = Duration::from_millis(500);
/// Padding packets are at most and at least so long.
const PADDING_BYTES: [u64; 2] = [1200, 50];

/// Settings of a [`Pacer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacerConfig {
    /// Rate at which packets leave while more wait: 1 kb/s to 100 Gb/s.
    pub rate: Bitrate,
    /// What may leave at once after a pause, as time at that rate: at most 10 s. 0: one packet.
    pub burst: Duration,
    /// Most bytes that wait; beyond them packets are refused.
    pub max_bytes: usize,
    /// Where more waits than the rate sends in this time, packets leave as fast as that takes; at
    /// least 1 ms. `None`: never faster.
    pub max_queue: Option<Duration>,
}

impl PacerConfig {
    /// At `rate`, with a burst of 5 ms and 16 MiB of room, never faster.
    #[must_use]
    pub fn new(rate: Bitrate) -> Self {
        Self { rate, burst: Duration::from_millis(5), max_bytes: 16 << 20, max_queue: None }
    }
}

/// Which of those that wait leaves first; within one, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Does not wait at all, but its time counts for the others.
    Audio,
    /// What somebody waits for already.
    Retransmission,
    /// Video and its redundancy.
    Media,
    /// Only where nothing else is.
    Padding,
}

/// A packet that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure<T> {
    /// The packet.
    pub packet: T,
    /// The probe cluster that it is part of.
    pub probe: Option<u32>,
}

/// Holds packets back so that they leave at a rate.
///
/// Each packet takes its bits' time at the rate. One may leave as soon as those before it have had
/// their time, less the burst.
#[derive(Clone, Debug)]
pub struct Pacer<T> {
    config: PacerConfig,
    queues: [VecDeque<(usize, T)>; 4],
    bytes: usize,
    /// When all that has left has had its time.
    paid_until: Duration,
    held: bool,
    probe: Option<Probing>,
}

#[derive(Clone, Copy, Debug)]
struct Probing {
    cluster: ProbeCluster,
    packets: u32,
    bytes: u64,
    next: Duration,
    until: Duration,
}

impl<T> Pacer<T> {
    /// An empty one.
    ///
    /// # Errors
    /// If a setting is outside its range.
    pub fn new(config: PacerConfig) -> Result<Self, ConfigError> {
        check_rate(config.rate)?;
        if config.burst > Duration::from_secs(10) {
            let given = format!("{} ms", config.burst.as_millis());
            return Err(ConfigError::new("burst", given, "0..=10000 ms"));
        }
        if config.max_queue.is_some_and(|most| most < Duration::from_millis(1)) {
            return Err(ConfigError::new("longest queue", "less", "at least 1 ms"));
        }
        let queues = std::array::from_fn(|_| VecDeque::new());
        let paid_until = Duration::ZERO;
        Ok(Self { config, queues, bytes: 0, paid_until, held: false, probe: None })
    }

    /// A new rate, for all that has not left.
    ///
    /// # Errors
    /// If it is outside its range: nothing has changed.
    pub fn set_rate(&mut self, rate: Bitrate) -> Result<(), ConfigError> {
        check_rate(rate)?;
        self.config.rate = rate;
        Ok(())
    }

    /// Holds back everything but audio, as while too much is in flight, or lets it go again.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Adds a packet of so many bytes. `false`: there is no room, and it is gone.
    pub fn push(&mut self, bytes: usize, priority: Priority, packet: T) -> bool {
        if self.bytes.saturating_add(bytes) > self.config.max_bytes {
            return false;
        }
        self.bytes += bytes;
        let [audio, retransmission, media, padding] = &mut self.queues;
        let queue = match priority {
            Priority::Audio => audio,
            Priority::Retransmission => retransmission,
            Priority::Media => media,
            Priority::Padding => padding,
        };
        queue.push_back((bytes, packet));
        true
    }

    /// Begins to send at the cluster's rate, until it is complete. A cluster that was under way is
    /// given up.
    pub fn start_probe(&mut self, now: Duration, cluster: ProbeCluster) {
        let until = now.saturating_add(PROBE_PATIENCE);
        self.probe = Some(Probing { cluster, packets: 0, bytes: 0, next: now, until });
    }

    /// Whether a cluster is being sent.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// Bytes of padding that are to be pushed now, because a probe has nothing else to send.
    /// Packets that were sent before serve as well.
    pub fn padding_wanted(&mut self, now: Duration) -> Option<usize> {
        self.expire_probe(now);
        let probe = self.probe.filter(|probe| !self.held && probe.next <= now)?;
        if self.queues.iter().any(|queue| !queue.is_empty()) {
            return None;
        }
        let [most, least] = PADDING_BYTES;
        let each = probe.cluster.bytes.div_ceil(u64::from(probe.cluster.packets.max(1)));
        usize::try_from(each.clamp(least, most)).ok()
    }

    /// The next packet that may leave at `now`.
    pub fn poll(&mut self, now: Duration) -> Option<T> {
        self.poll_departure(now).map(|departure| departure.packet)
    }

    /// The same, with the probe cluster that the packet is part of.
    pub fn poll_departure(&mut self, now: Duration) -> Option<Departure<T>> {
        self.expire_probe(now);
        if self.next_packet_time()? > now {
            return None;
        }
        let rate = self.effective_rate();
        let only_audio = self.held;
        let queues = self.queues.iter_mut().take(if only_audio { 1 } else { 4 });
        let (bytes, packet) = queues.filter_map(VecDeque::pop_front).next()?;
        self.bytes -= bytes;
        self.paid_until = self.paid_until.max(now).saturating_add(time_of(bytes, rate));
        let mut id = None;
        if let Some(probe) = &mut self.probe {
            id = Some(probe.cluster.id);
            probe.packets += 1;
            probe.bytes = probe.bytes.saturating_add(bytes as u64);
            let time = time_of(bytes, probe.cluster.rate);
            probe.next = probe.next.max(now).saturating_add(time);
            if probe.packets >= probe.cluster.packets && probe.bytes >= probe.cluster.bytes {
                self.probe = None;
            }
        }
        Some(Departure { packet, probe: id })
    }

    /// When something is to be done next: a packet may leave, or a probe wants padding; `None` if
    /// nothing is. A time that has passed: at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let probe = self.probe.filter(|_| !self.held).map(|probe| probe.next);
        self.next_packet_time().into_iter().chain(probe).min()
    }

    fn next_packet_time(&self) -> Option<Duration> {
        let [audio, others @ ..] = &self.queues;
        if !audio.is_empty() {
            return Some(Duration::ZERO);
        }
        if self.held || others.iter().all(VecDeque::is_empty) {
            return None;
        }
        let paced = self.paid_until.saturating_sub(self.config.burst);
        Some(self.probe.map_or(paced, |probe| probe.next))
    }

    /// Bytes that wait.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.bytes
    }

    /// How long what waits takes to leave.
    #[must_use]
    pub fn queue_time(&self) -> Duration {
        time_of(self.bytes, self.effective_rate())
    }

    /// The rate, or a higher one where too much waits.
    fn effective_rate(&self) -> Bitrate {
        let Some(most) = self.config.max_queue else { return self.config.rate };
        let needed = self.bytes as u128 * 8 * 1_000_000_000 / most.as_nanos().max(1);
        let needed = u64::try_from(needed).unwrap_or(u64::MAX).min(MAX_RATE);
        self.config.rate.max(Bitrate(needed))
    }

    fn expire_probe(&mut self, now: Duration) {
        if self.probe.is_some_and(|probe| probe.until < now) {
            self.probe = None;
        }
    }
}

/// Highest rate, in bits per second.
const MAX_RATE: u64 = 100_000_000_000;

fn check_rate(rate: Bitrate) -> Result<(), ConfigError> {
    if (1_000..=MAX_RATE).contains(&rate.0) {
        return Ok(());
    }
    Err(ConfigError::new("pacing rate", format!("{} b/s", rate.0), "1 kb/s to 100 Gb/s"))
}

/// How long so many bytes take.
fn time_of(bytes: usize, rate: Bitrate) -> Duration {
    let nanos = (bytes as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.0.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX >> 1))
}

#[cfg(test)]
mod tests;
