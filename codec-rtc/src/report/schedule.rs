//! RTCP transmission interval. RFC 3550, sections 6.2 and 6.3, appendix A.7.

use std::time::Duration;

use crate::rng::Rng;

/// Share of the session bandwidth for RTCP.
const RTCP_SHARE: f64 = 0.05;
/// Share of the RTCP bandwidth for senders, while they are a minority.
const SENDER_SHARE: f64 = 0.25;
/// Compensation for timer reconsideration, which makes intervals longer than intended: e - 3/2.
const COMPENSATION: f64 = std::f64::consts::E - 1.5;
/// IP and UDP headers, which count as well.
const LOWER_LAYER_BYTES: f64 = 28.0;
/// Weight of a new packet in the average size.
const SIZE_SHARE: f64 = 1.0 / 16.0;
/// Minimum interval unless reduced.
const DEFAULT_MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Reduced minimum in seconds times bandwidth in bits per second.
const REDUCED_MIN_INTERVAL: f64 = 360_000.0;
/// Bounds of the interval, independent of configuration.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Settings of a [`RtcpSchedule`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RtcpScheduleConfig {
    /// Session bandwidth in bits per second; RTCP uses 5 % of it.
    pub bandwidth_bps: u64,
    /// Whether the minimum interval is reduced to 360 s divided by the bandwidth in kb/s, rather
    /// than 5 s: for unicast (section 6.2).
    pub reduced_minimum: bool,
    /// Lower bound of the interval.
    pub min_interval: Duration,
    /// Seed of the randomisation; must differ between endpoints.
    pub seed: u64,
}

impl RtcpScheduleConfig {
    /// Settings for a unicast session of 1 Mb/s, with intervals of at least 200 ms.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let minimum = Duration::from_millis(200);
        Self { bandwidth_bps: 1_000_000, reduced_minimum: true, min_interval: minimum, seed }
    }
}

/// Determines when the next report is due.
#[derive(Clone, Debug)]
pub struct RtcpSchedule {
    config: RtcpScheduleConfig,
    rng: Rng,
    members: u32,
    senders: u32,
    we_send: bool,
    sent_once: bool,
    average_bytes: f64,
    last: Duration,
    next: Duration,
}

impl RtcpSchedule {
    /// Joins a session of two members at `now`.
    #[must_use]
    pub fn new(now: Duration, config: RtcpScheduleConfig) -> Self {
        let mut schedule = Self {
            config,
            rng: Rng::stream(config.seed, 0x5c4e_d01e),
            members: 2,
            senders: 0,
            we_send: false,
            sent_once: false,
            average_bytes: 100.0 + LOWER_LAYER_BYTES,
            last: now,
            next: now,
        };
        schedule.next = now.saturating_add(schedule.interval());
        schedule
    }

    /// Sets the number of members and of active senders, including ourselves (as a sender if
    /// `we_send`). When members leave, the next report is moved forward (section 6.3.4).
    pub fn set_members(&mut self, now: Duration, members: u32, senders: u32, we_send: bool) {
        let members = members.max(1);
        if members < self.members {
            let share = f64::from(members) / f64::from(self.members);
            let scaled = |span: Duration| span.mul_f64(share);
            self.next = now.saturating_add(scaled(self.next.saturating_sub(now)));
            self.last = now.saturating_sub(scaled(now.saturating_sub(self.last)));
        }
        (self.members, self.senders, self.we_send) = (members, senders.min(members), we_send);
    }

    /// Sets the session bandwidth in bits per second, from the next interval on.
    pub fn set_bandwidth(&mut self, bandwidth_bps: u64) {
        self.config.bandwidth_bps = bandwidth_bps;
    }

    /// Records an RTCP packet of `bytes`, sent or received.
    pub fn on_packet(&mut self, bytes: usize) {
        let bytes = f64::from(u16::try_from(bytes).unwrap_or(u16::MAX)) + LOWER_LAYER_BYTES;
        self.average_bytes += (bytes - self.average_bytes) * SIZE_SHARE;
    }

    /// Whether to send a report now. If so, schedules the next; if members have joined since this
    /// one was scheduled, postpones it (section 6.3.6).
    pub fn poll(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        let interval = self.interval();
        let due = self.last.saturating_add(interval);
        if due > now {
            self.next = due;
            return false;
        }
        (self.last, self.sent_once) = (now, true);
        self.next = now.saturating_add(self.interval());
        true
    }

    /// Deadline of the next [`Self::poll`].
    #[must_use]
    pub fn poll_timeout(&self) -> Duration {
        self.next
    }

    fn interval(&mut self) -> Duration {
        let share = self.rng.unit() + 0.5;
        self.intended().mul_f64(share / COMPENSATION).clamp(MIN_INTERVAL, MAX_INTERVAL)
    }

    /// Interval before randomisation (section 6.3.1).
    fn intended(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "bandwidths fit 53 bits")]
        let session_bps = self.config.bandwidth_bps.max(1) as f64;
        let mut minimum = DEFAULT_MIN_INTERVAL;
        if self.config.reduced_minimum {
            minimum = minimum.min(seconds(REDUCED_MIN_INTERVAL / session_bps));
        }
        if !self.sent_once {
            minimum /= 2;
        }
        let (members, senders) = (f64::from(self.members), f64::from(self.senders));
        let mut bandwidth = session_bps * RTCP_SHARE / 8.0;
        let mut sharing = members;
        if senders <= members * SENDER_SHARE {
            if self.we_send {
                bandwidth *= SENDER_SHARE;
                sharing = senders.max(1.0);
            } else {
                bandwidth *= 1.0 - SENDER_SHARE;
                sharing -= senders;
            }
        }
        let fair = seconds(self.average_bytes * sharing / bandwidth);
        fair.max(minimum).max(self.config.min_interval)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(MAX_INTERVAL).min(MAX_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(config: RtcpScheduleConfig, until: Duration) -> Vec<Duration> {
        let mut schedule = RtcpSchedule::new(Duration::ZERO, config);
        schedule.set_members(Duration::ZERO, 2, 1, true);
        let mut sent = Vec::new();
        while schedule.poll_timeout() < until {
            let now = schedule.poll_timeout();
            if schedule.poll(now) {
                schedule.on_packet(72);
                sent.push(now);
            }
            assert!(schedule.poll_timeout() > now);
        }
        sent
    }

    fn mean_gap(sent: &[Duration]) -> Duration {
        (sent[sent.len() - 1] - sent[0]) / u32::try_from(sent.len() - 1).unwrap()
    }

    #[test]
    fn intervals_are_random_around_the_minimum() {
        let config = RtcpScheduleConfig { reduced_minimum: false, ..RtcpScheduleConfig::new(1) };
        let sent = run(config, Duration::from_secs(2000));
        let mean = mean_gap(&sent).as_secs_f64();
        assert!((4.5..5.5).contains(&mean), "{mean}");
        let gaps: Vec<Duration> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!(most.as_secs_f64() / least.as_secs_f64() > 1.5);
        // The first report is sent after half the interval.
        assert!(sent[0] < Duration::from_millis(3100));
    }

    #[test]
    fn reduced_minimum_follows_the_bandwidth() {
        let config = RtcpScheduleConfig { bandwidth_bps: 500_000, ..RtcpScheduleConfig::new(1) };
        let mean = mean_gap(&run(config, Duration::from_secs(200))).as_secs_f64();
        assert!((0.65..0.8).contains(&mean), "{mean}");
        let slow = RtcpScheduleConfig { bandwidth_bps: 8_000, ..config };
        let mean = mean_gap(&run(slow, Duration::from_secs(2000))).as_secs_f64();
        assert!((4.4..5.6).contains(&mean), "{mean}");
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let config = RtcpScheduleConfig::new(1);
        let minute = Duration::from_secs(60);
        assert_eq!(run(config, minute), run(config, minute));
        assert_ne!(run(config, minute), run(RtcpScheduleConfig { seed: 2, ..config }, minute));
    }

    #[test]
    fn interval_grows_with_members_and_shrinks_when_they_leave() {
        let config = RtcpScheduleConfig { bandwidth_bps: 64_000, ..RtcpScheduleConfig::new(1) };
        let mut schedule = RtcpSchedule::new(Duration::ZERO, config);
        schedule.set_members(Duration::ZERO, 10_000, 1, false);
        // Postponed: 128 bytes of 10000 members at 2400 bit/s.
        let first = schedule.poll_timeout();
        assert!(!schedule.poll(first));
        assert!(schedule.poll_timeout() > Duration::from_secs(100));
        let waiting = schedule.poll_timeout();
        schedule.set_members(first, 2, 1, false);
        assert!(schedule.poll_timeout() - first < (waiting - first) / 1000);
    }

    #[test]
    fn extreme_settings_stay_within_bounds() {
        for bandwidth_bps in [0, 1, u64::MAX] {
            let minimum = Duration::ZERO;
            let config = RtcpScheduleConfig {
                bandwidth_bps,
                min_interval: minimum,
                ..RtcpScheduleConfig::new(1)
            };
            let mut schedule = RtcpSchedule::new(Duration::ZERO, config);
            schedule.set_members(Duration::ZERO, u32::MAX, 0, false);
            schedule.on_packet(usize::MAX);
            schedule.poll(schedule.poll_timeout());
            assert!(schedule.poll_timeout() >= MIN_INTERVAL);
        }
    }
}
