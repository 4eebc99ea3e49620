//! Timestamps in header extensions: absolute send time and absolute capture time.

/// Number of fraction bits of abs-send-time.
const SEND_TIME_FRACTION: u32 = 18;
/// Width of abs-send-time in bits.
const SEND_TIME_BITS: u32 = 24;

/// Converts an NTP timestamp (32.32 bits) to abs-send-time: seconds modulo 64 with 18 bits of
/// fraction.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "only the low 24 bits are used")]
pub const fn abs_send_time(ntp: u64) -> u32 {
    (ntp >> (32 - SEND_TIME_FRACTION)) as u32 & ((1 << SEND_TIME_BITS) - 1)
}

/// Microseconds from `from` to `to`, two abs-send-time values less than 32 s apart.
#[must_use]
pub const fn abs_send_time_difference(from: u32, to: u32) -> i64 {
    let shift = 32 - SEND_TIME_BITS;
    let steps = (to.wrapping_sub(from) << shift).cast_signed() >> shift;
    (steps as i64 * 1_000_000) >> SEND_TIME_FRACTION
}

/// Absolute capture time of the first sample in a packet (abs-capture-time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AbsCaptureTime {
    /// Capture time by the clock of the capturing system: NTP, 32.32 bits.
    pub ntp: u64,
    /// Estimated offset of that clock: add it to `ntp` to get the time by the clock of the last
    /// sender. Seconds, 32.32 bits.
    pub clock_offset: Option<i64>,
}

impl AbsCaptureTime {
    /// Parses an element of 8 or 16 bytes.
    pub(super) fn from_bytes(data: &[u8]) -> Option<Self> {
        let (ntp, rest) = data.split_first_chunk::<8>()?;
        let clock_offset = match rest {
            [] => None,
            _ => Some(i64::from_be_bytes(rest.try_into().ok()?)),
        };
        Some(Self { ntp: u64::from_be_bytes(*ntp), clock_offset })
    }

    /// Returns the element data and its length.
    pub(super) fn to_bytes(self) -> ([u8; 16], usize) {
        let (offset, len) = self.clock_offset.map_or((0, 8), |offset| (offset, 16));
        let both = u128::from(self.ntp) << 64 | u128::from(offset.cast_unsigned());
        (both.to_be_bytes(), len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abs_send_time_wraps_after_64_seconds() {
        assert_eq!(abs_send_time(1 << 32), 1 << 18);
        assert_eq!(abs_send_time(64 << 32), 0);
        assert_eq!(abs_send_time(0x1234_5678_8000_0000), 0x38 << 18 | 1 << 17);
    }

    #[test]
    fn abs_send_time_difference_handles_wraparound() {
        let at = |ms: u64| abs_send_time((ms << 32) / 1000);
        for (from, to) in [(0_u64, 20_u64), (63_990, 64_010), (20, 0), (64_010, 63_990)] {
            let expected = (to.cast_signed() - from.cast_signed()) * 1000;
            let error = abs_send_time_difference(at(from), at(to)) - expected;
            assert!(error.abs() <= 8, "{from} {to} {error}");
        }
    }

    #[test]
    fn abs_capture_time_has_an_optional_offset() {
        for clock_offset in [None, Some(0), Some(-5)] {
            let time = AbsCaptureTime { ntp: 0x0102_0304_0506_0708, clock_offset };
            let (bytes, len) = time.to_bytes();
            assert_eq!(bytes[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(AbsCaptureTime::from_bytes(&bytes[..len]), Some(time));
        }
        for len in [0, 7, 9, 15] {
            assert_eq!(AbsCaptureTime::from_bytes(&[0; 16][..len]), None);
        }
        assert_eq!(AbsCaptureTime::from_bytes(&[0; 17]), None);
    }
}
