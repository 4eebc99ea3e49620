//! A monotonic clock, whose time is passed to the state machines, and the wall time at which it started,
//! for RTCP and capture times.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds from the start of the NTP era (1900) to the Unix epoch (RFC 5905, section 6).
const UNIX_EPOCH_NTP_S: u64 = 2_208_988_800;

/// A monotonic clock with the wall time of its start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
    ntp_at_zero: u64,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { begin: Instant::now(), ntp_at_zero: ntp_of_unix(wall) }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Time from the start to an instant; zero for earlier instants.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.begin)
    }

    /// The instant of a time since the start.
    #[must_use]
    pub fn instant(&self, time: Duration) -> Instant {
        self.begin + time
    }

    /// Wall time of the start: NTP, seconds since 1900 in 32.32 bits.
    #[must_use]
    pub fn ntp_at_zero(&self) -> u64 {
        self.ntp_at_zero
    }

    /// Wall time, NTP 32.32, of a time since the start.
    #[must_use]
    pub fn ntp(&self, time: Duration) -> u64 {
        self.ntp_at_zero.wrapping_add(ntp_duration(time))
    }

    /// Time from the wall time `from` (NTP 32.32) to `now`; `None` if `from` is later, which is
    /// possible with another machine's clock.
    #[must_use]
    pub fn since_ntp(&self, now: Duration, from: u64) -> Option<Duration> {
        let difference = self.ntp(now).wrapping_sub(from);
        (difference < 1 << 63).then(|| duration_of_ntp(difference))
    }
}

/// Converts a duration to NTP 32.32 bits, which wrap after 136 years.
#[must_use]
pub fn ntp_duration(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    (time.as_secs() << 32) | fraction
}

/// Converts NTP 32.32 bits to a duration, to a nanosecond.
#[must_use]
pub fn duration_of_ntp(ntp: u64) -> Duration {
    let nanos = ((ntp & 0xffff_ffff) * 1_000_000_000 + (1 << 31)) >> 32;
    Duration::from_secs(ntp >> 32) + Duration::from_nanos(nanos)
}

fn ntp_of_unix(unix: Duration) -> u64 {
    ntp_duration(unix + Duration::from_secs(UNIX_EPOCH_NTP_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_time_is_converted_to_ntp() {
        assert_eq!(ntp_of_unix(Duration::ZERO), UNIX_EPOCH_NTP_S << 32);
        let half = Duration::from_millis(1500);
        assert_eq!(ntp_of_unix(half), (UNIX_EPOCH_NTP_S + 1) << 32 | 1 << 31);
        assert_eq!(duration_of_ntp(ntp_duration(half)), half);
        let odd = Duration::new(7, 999_999_999);
        assert_eq!(duration_of_ntp(ntp_duration(odd)), odd);
    }

    #[test]
    fn wall_times_are_subtracted() {
        let clock = Clock::start();
        let (early, late) = (Duration::from_millis(250), Duration::from_millis(1000));
        let passed = clock.since_ntp(late, clock.ntp(early)).unwrap();
        assert!(
            passed.abs_diff(Duration::from_millis(750)) < Duration::from_nanos(3),
            "{passed:?}"
        );
        assert_eq!(clock.since_ntp(early, clock.ntp(late)), None);
        assert_eq!(clock.at(clock.instant(late)), late);
    }
}
