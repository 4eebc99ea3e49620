//! Pacer: sends packets at a bitrate with a burst allowance, by priority, and faster during probes.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

use crate::congestion::ProbeCluster;

/// A probe cluster not sent completely within this time is abandoned.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum and minimum size of a padding packet in bytes.
const PADDING_BYTES: [u64; 2] = [1200, 50];

/// Settings of a [`Pacer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacerConfig {
    /// Pacing rate while packets are queued: 1 kb/s to 100 Gb/s.
    pub rate: Bitrate,
    /// Burst allowance after an idle period, as time at the pacing rate: at most 10 s. With 0, one
    /// packet.
    pub burst: Duration,
    /// Maximum size of the queue in bytes; further packets are rejected.
    pub max_bytes: usize,
    /// Maximum queueing time, at least 1 ms: if more is queued, the pacing rate is raised
    /// accordingly. `None` never raises it.
    pub max_queue: Option<Duration>,
}

impl PacerConfig {
    /// Paces at `rate` with a burst of 5 ms and a queue of 16 MiB, never faster.
    #[must_use]
    pub fn new(rate: Bitrate) -> Self {
        Self { rate, burst: Duration::from_millis(5), max_bytes: 16 << 20, max_queue: None }
    }
}

/// Priority of queued packets; packets of equal priority leave in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Sent immediately, but counts towards the rate.
    Audio,
    /// Retransmissions.
    Retransmission,
    /// Video and its FEC.
    Media,
    /// Padding, sent only if nothing else is queued.
    Padding,
}

/// A packet leaving the pacer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure<T> {
    /// The packet.
    pub packet: T,
    /// Id of the probe cluster that it belongs to.
    pub probe: Option<u32>,
}

/// Delays packets so that they leave at a given rate.
///
/// Each packet takes its transmission time at the pacing rate. The next may leave once this time
/// has passed for all previous packets, minus the burst allowance.
///
/// ```
/// use std::time::Duration;
/// use codec_core::codec::Bitrate;
/// use codec_rtc::pacer::{Pacer, PacerConfig, Priority};
///
/// let mut pacer = Pacer::new(PacerConfig::new(Bitrate::kbps(1000)))?;
/// for number in 0..10 {
///     pacer.push(1250, Priority::Media, number);
/// }
/// // 1250 bytes are 10 ms at this rate.
/// let mut sent = 0;
/// while pacer.poll(Duration::from_millis(20)).is_some() {
///     sent += 1;
/// }
/// assert!((1..=4).contains(&sent), "{sent}");
/// assert!(pacer.poll_timeout().is_some());
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pacer<T> {
    config: PacerConfig,
    queues: [VecDeque<(usize, T)>; 4],
    bytes: usize,
    /// When the transmission time of all packets sent has passed.
    paid_until: Duration,
    is_congested: bool,
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
    /// Creates an empty pacer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: PacerConfig) -> Result<Self, ConfigError> {
        check_rate(config.rate)?;
        if config.burst > Duration::from_secs(10) {
            let given = format!("{} ms", config.burst.as_millis());
            return Err(ConfigError::new("burst", given, "0..=10000 ms"));
        }
        if config.max_queue.is_some_and(|most| most < Duration::from_millis(1)) {
            return Err(ConfigError::new(
                "maximum queueing time",
                "less than 1 ms",
                "at least 1 ms",
            ));
        }
        let queues = std::array::from_fn(|_| VecDeque::new());
        let paid_until = Duration::ZERO;
        Ok(Self { config, queues, bytes: 0, paid_until, is_congested: false, probe: None })
    }

    /// Sets the pacing rate.
    ///
    /// # Errors
    /// Returns [`ConfigError`] and changes nothing if the rate is outside its range.
    pub fn set_rate(&mut self, rate: Bitrate) -> Result<(), ConfigError> {
        check_rate(rate)?;
        self.config.rate = rate;
        Ok(())
    }

    /// Holds back everything except audio, for example while the congestion window is full.
    pub fn set_congested(&mut self, is_congested: bool) {
        self.is_congested = is_congested;
    }

    /// Queues a packet of `bytes`. Returns `false` and drops it if the queue is full.
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

    /// Starts sending at the rate of the probe cluster, until it is complete. Abandons a previous
    /// cluster.
    pub fn start_probe(&mut self, now: Duration, cluster: ProbeCluster) {
        let until = now.saturating_add(PROBE_TIMEOUT);
        self.probe = Some(Probing { cluster, packets: 0, bytes: 0, next: now, until });
    }

    /// Whether a probe cluster is being sent.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// Number of padding bytes to push now, because a probe has no media to send. Retransmitting
    /// old packets serves as well.
    pub fn poll_padding(&mut self, now: Duration) -> Option<usize> {
        self.expire_probe(now);
        let probe = self.probe.filter(|probe| !self.is_congested && probe.next <= now)?;
        if self.queues.iter().any(|queue| !queue.is_empty()) {
            return None;
        }
        let [most, least] = PADDING_BYTES;
        let each = probe.cluster.bytes.div_ceil(u64::from(probe.cluster.packets.max(1)));
        usize::try_from(each.clamp(least, most)).ok()
    }

    /// Returns the next packet that may leave at `now`.
    pub fn poll(&mut self, now: Duration) -> Option<T> {
        self.poll_departure(now).map(|departure| departure.packet)
    }

    /// Like [`Self::poll`], with the probe cluster of the packet.
    pub fn poll_departure(&mut self, now: Duration) -> Option<Departure<T>> {
        self.expire_probe(now);
        if self.next_packet_time()? > now {
            return None;
        }
        let rate = self.effective_rate();
        let only_audio = self.is_congested;
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

    /// Next deadline: when a packet may leave or a probe needs padding. `None` if idle; a time in
    /// the past means immediately.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let probe = self.probe.filter(|_| !self.is_congested).map(|probe| probe.next);
        self.next_packet_time().into_iter().chain(probe).min()
    }

    fn next_packet_time(&self) -> Option<Duration> {
        let [audio, others @ ..] = &self.queues;
        if !audio.is_empty() {
            return Some(Duration::ZERO);
        }
        if self.is_congested || others.iter().all(VecDeque::is_empty) {
            return None;
        }
        let paced = self.paid_until.saturating_sub(self.config.burst);
        Some(self.probe.map_or(paced, |probe| probe.next))
    }

    /// Size of the queue in bytes.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.bytes
    }

    /// Time to send the queue at the current rate.
    #[must_use]
    pub fn queue_time(&self) -> Duration {
        time_of(self.bytes, self.effective_rate())
    }

    /// The pacing rate, raised if the queueing time exceeds its maximum.
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

/// Maximum rate in bits per second.
const MAX_RATE: u64 = 100_000_000_000;

fn check_rate(rate: Bitrate) -> Result<(), ConfigError> {
    if (1_000..=MAX_RATE).contains(&rate.0) {
        return Ok(());
    }
    Err(ConfigError::new("pacing rate", format!("{} b/s", rate.0), "1 kb/s to 100 Gb/s"))
}

/// Transmission time of `bytes`.
fn time_of(bytes: usize, rate: Bitrate) -> Duration {
    let nanos = (bytes as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.0.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX >> 1))
}

#[cfg(test)]
mod tests;
