//! When packets leave: at a bitrate, with an allowance for bursts.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

/// Settings of a [`Pacer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacerConfig {
    /// Rate at which packets leave while more wait: 1 kb/s to 100 Gb/s.
    pub rate: Bitrate,
    /// What may leave at once after a pause, as time at that rate: at most 10 s. 0: one packet.
    pub burst: Duration,
    /// Most bytes that wait; beyond them packets are refused.
    pub max_bytes: usize,
}

impl PacerConfig {
    /// At `rate`, with a burst of 5 ms and 16 MiB of room.
    #[must_use]
    pub fn new(rate: Bitrate) -> Self {
        Self { rate, burst: Duration::from_millis(5), max_bytes: 16 << 20 }
    }
}

/// Which of those that wait leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Before all others: what somebody waits for already.
    Retransmission,
    /// In the order of arrival.
    Media,
}

/// Holds packets back so that they leave at a rate.
///
/// Each packet takes its bits' time at the rate. One may leave as soon as those before it have had
/// their time, less the burst.
#[derive(Clone, Debug)]
pub struct Pacer<T> {
    config: PacerConfig,
    urgent: VecDeque<(usize, T)>,
    media: VecDeque<(usize, T)>,
    bytes: usize,
    /// When all that has left has had its time.
    paid_until: Duration,
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
        let (urgent, media) = (VecDeque::new(), VecDeque::new());
        Ok(Self { config, urgent, media, bytes: 0, paid_until: Duration::ZERO })
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

    /// Adds a packet of so many bytes. `false`: there is no room, and it is gone.
    pub fn push(&mut self, bytes: usize, priority: Priority, packet: T) -> bool {
        if self.bytes.saturating_add(bytes) > self.config.max_bytes {
            return false;
        }
        self.bytes += bytes;
        match priority {
            Priority::Retransmission => self.urgent.push_back((bytes, packet)),
            Priority::Media => self.media.push_back((bytes, packet)),
        }
        true
    }

    /// The next packet that may leave at `now`.
    pub fn poll(&mut self, now: Duration) -> Option<T> {
        if self.next_time()? > now {
            return None;
        }
        let (bytes, packet) = self.urgent.pop_front().or_else(|| self.media.pop_front())?;
        self.bytes -= bytes;
        let time = time_of(bytes, self.config.rate);
        self.paid_until = self.paid_until.max(now).saturating_add(time);
        Some(packet)
    }

    /// When the next packet may leave; `None` if none waits. A time that has passed: at once.
    #[must_use]
    pub fn next_time(&self) -> Option<Duration> {
        let waits = !self.urgent.is_empty() || !self.media.is_empty();
        waits.then(|| self.paid_until.saturating_sub(self.config.burst))
    }

    /// Bytes that wait.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.bytes
    }
}

fn check_rate(rate: Bitrate) -> Result<(), ConfigError> {
    if (1_000..=100_000_000_000).contains(&rate.0) {
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
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn pacer(burst: Duration) -> Pacer<u32> {
        Pacer::new(PacerConfig { burst, ..PacerConfig::new(Bitrate::kbps(800)) }).unwrap()
    }

    /// When each packet leaves.
    fn departures(pacer: &mut Pacer<u32>, from: Duration) -> Vec<(u32, Duration)> {
        let mut out = Vec::new();
        while let Some(at) = pacer.next_time() {
            let at = at.max(from);
            out.push((pacer.poll(at).unwrap(), at));
        }
        out
    }

    #[test]
    fn packets_leave_at_the_rate() {
        let mut pacer = pacer(Duration::ZERO);
        for packet in 0..4 {
            assert!(pacer.push(1000, Priority::Media, packet));
        }
        // 1000 bytes at 800 kb/s are 10 ms.
        let expected = [(0, ms(5)), (1, ms(15)), (2, ms(25)), (3, ms(35))];
        assert_eq!(departures(&mut pacer, ms(5)), expected);
        assert_eq!(pacer.queued_bytes(), 0);
    }

    #[test]
    fn a_burst_leaves_at_once_and_is_paid_for_afterwards() {
        let mut pacer = pacer(ms(20));
        for packet in 0..5 {
            pacer.push(1000, Priority::Media, packet);
        }
        let expected = [(0, ms(100)), (1, ms(100)), (2, ms(100)), (3, ms(110)), (4, ms(120))];
        assert_eq!(departures(&mut pacer, ms(100)), expected);
        // Nothing is saved up beyond the burst.
        for packet in 0..4 {
            pacer.push(1000, Priority::Media, packet);
        }
        let expected = [(0, ms(900)), (1, ms(900)), (2, ms(900)), (3, ms(910))];
        assert_eq!(departures(&mut pacer, ms(900)), expected);
    }

    #[test]
    fn retransmissions_overtake() {
        let mut pacer = pacer(Duration::ZERO);
        pacer.push(1000, Priority::Media, 1);
        pacer.push(1000, Priority::Media, 2);
        pacer.push(1000, Priority::Retransmission, 3);
        let order: Vec<_> = departures(&mut pacer, ms(0)).into_iter().map(|(p, _)| p).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn a_new_rate_holds_from_the_next_packet_on() {
        let mut pacer = pacer(Duration::ZERO);
        for packet in 0..3 {
            pacer.push(1000, Priority::Media, packet);
        }
        assert_eq!(pacer.poll(ms(0)), Some(0));
        pacer.set_rate(Bitrate::kbps(80)).unwrap();
        assert_eq!(pacer.poll(ms(9)), None);
        assert_eq!(pacer.poll(ms(10)), Some(1));
        assert_eq!(pacer.next_time(), Some(ms(110)));
    }

    #[test]
    fn hostile_settings_are_refused_and_the_queue_is_bounded() {
        for rate in [0, 999, 100_000_000_001, u64::MAX] {
            assert!(Pacer::<()>::new(PacerConfig::new(Bitrate(rate))).is_err());
        }
        let long = PacerConfig { burst: ms(10_001), ..PacerConfig::new(Bitrate::kbps(1)) };
        assert!(Pacer::<()>::new(long).is_err());
        let small = PacerConfig { max_bytes: 2500, ..PacerConfig::new(Bitrate::kbps(1)) };
        let mut pacer = Pacer::new(small).unwrap();
        assert!(pacer.push(2000, Priority::Media, ()));
        assert!(!pacer.push(1000, Priority::Media, ()));
        assert!(!pacer.push(usize::MAX, Priority::Media, ()));
        assert!(pacer.push(500, Priority::Media, ()));
    }
}
