//! NTP times: seconds since 1900 with 32 bits of fraction. RFC 3550, section 4.

use std::time::Duration;

/// Seconds from 1900 to 1970.
pub const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

const NANOS: u128 = 1_000_000_000;

/// Converts a duration to units of 2^-32 s, rounded down; wraps after 136 years.
#[must_use]
pub fn fixed(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    time.as_secs() << 32 | fraction
}

/// NTP time at `now`, given the NTP time at [`Duration::ZERO`].
#[must_use]
pub fn at(ntp_at_zero: u64, now: Duration) -> u64 {
    ntp_at_zero.wrapping_add(fixed(now))
}

/// NTP time of a duration since 1970.
#[must_use]
pub fn from_unix(since_epoch: Duration) -> u64 {
    (UNIX_EPOCH_SECONDS << 32).wrapping_add(fixed(since_epoch))
}

/// Middle 32 bits of an NTP time, in units of 1/65536 s.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "only the middle bits are used")]
pub const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// Converts a duration to units of 1/65536 s, as in report blocks; saturates.
#[must_use]
pub fn short(time: Duration) -> u32 {
    u32::try_from(fixed(time) >> 16).unwrap_or(u32::MAX)
}

/// Converts units of 1/65536 s to a duration.
#[must_use]
pub fn from_short(short: u32) -> Duration {
    from_fixed(u64::from(short) << 16)
}

/// Converts units of 2^-32 s to a duration, rounded to the nearest nanosecond.
#[must_use]
pub fn from_fixed(fixed: u64) -> Duration {
    let nanos = (u128::from(fixed) * NANOS + (1 << 31)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Nanoseconds from one NTP time to another; negative if `to` is earlier.
#[must_use]
pub fn nanos_between(from: u64, to: u64) -> i64 {
    let steps = to.wrapping_sub(from).cast_signed();
    // 31 bits of seconds.
    i64::try_from((i128::from(steps) * NANOS.cast_signed()) >> 32).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip_through_fixed_point() {
        for micros in [0, 1, 250, 999_999, 1_000_000, 86_400_000_000, 4_000_000_000_000_007] {
            let time = Duration::from_micros(micros);
            let back = from_fixed(fixed(time));
            assert!(time.abs_diff(back) <= Duration::from_nanos(1), "{time:?} {back:?}");
        }
        assert_eq!(fixed(Duration::from_millis(1500)), 3 << 31);
        assert_eq!(short(Duration::from_millis(1500)), 3 << 15);
        assert_eq!(from_short(3 << 15), Duration::from_millis(1500));
        assert_eq!(short(Duration::from_secs(70_000)), u32::MAX);
        assert_eq!(middle(0x0102_0304_0506_0708), 0x0304_0506);
        assert_eq!(from_unix(Duration::ZERO) >> 32, UNIX_EPOCH_SECONDS);
    }

    #[test]
    fn differences_are_signed_and_handle_wraparound() {
        let second = 1 << 32;
        assert_eq!(nanos_between(at(second, Duration::ZERO), 2 * second), 1_000_000_000);
        assert_eq!(nanos_between(2 * second, second), -1_000_000_000);
        assert_eq!(nanos_between(u64::MAX - second + 1, second), 2_000_000_000);
    }
}
