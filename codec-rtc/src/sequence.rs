//! Wrapping counters: 16-bit sequence numbers and 32-bit timestamps. RFC 3550, section 5.1.

/// Unwraps 16-bit numbers: each is interpreted as the value nearest to the previous number.
///
/// ```
/// use codec_rtc::sequence::{Unwrapper16, distance_16};
///
/// let mut unwrapper = Unwrapper16::default();
/// assert_eq!(unwrapper.unwrap(65_535), 65_535);
/// assert_eq!(unwrapper.unwrap(1), 65_537);
/// assert_eq!(unwrapper.unwrap(0), 65_536); // reordered
/// assert_eq!(distance_16(65_535, 1), 2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper16 {
    last: Option<i64>,
}

/// Unwraps 32-bit numbers, like [`Unwrapper16`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper32 {
    last: Option<i64>,
}

/// Signed distance from `from` to `to` modulo 2^16: -32768..=32767.
#[must_use]
pub fn distance_16(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from).cast_signed()
}

/// Signed distance from `from` to `to` modulo 2^32.
#[must_use]
pub fn distance_32(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// Low 16 bits of an unwrapped number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "truncation is intended")]
pub fn wrap_16(number: i64) -> u16 {
    number.cast_unsigned() as u16
}

/// Low 32 bits of an unwrapped number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "truncation is intended")]
pub fn wrap_32(number: i64) -> u32 {
    number.cast_unsigned() as u32
}

impl Unwrapper16 {
    /// Unwraps a number; the first is returned as is.
    pub fn unwrap(&mut self, number: u16) -> i64 {
        let unwrapped = self.peek(number);
        self.last = Some(unwrapped);
        unwrapped
    }

    /// Unwraps the first number of another stream to the next value after `highest`.
    pub(crate) fn restart(&mut self, number: u16, highest: i64) -> i64 {
        let next = highest.saturating_add(1);
        let unwrapped = next.saturating_add(number.wrapping_sub(wrap_16(next)).into());
        self.last = Some(unwrapped);
        unwrapped
    }

    /// Returns the result of [`Self::unwrap`] without changing the state.
    #[must_use]
    pub fn peek(&self, number: u16) -> i64 {
        match self.last {
            None => i64::from(number),
            Some(last) => last.saturating_add(distance_16(wrap_16(last), number).into()),
        }
    }
}

impl Unwrapper32 {
    /// Unwraps a number; the first is returned as is.
    pub fn unwrap(&mut self, number: u32) -> i64 {
        let unwrapped = self.peek(number);
        self.last = Some(unwrapped);
        unwrapped
    }

    /// Returns the result of [`Self::unwrap`] without changing the state.
    #[must_use]
    pub fn peek(&self, number: u32) -> i64 {
        match self.last {
            None => i64::from(number),
            Some(last) => last.saturating_add(distance_32(wrap_32(last), number).into()),
        }
    }
}

/// Maximum jump of sequence numbers within a stream; a larger one means another stream or a restart
/// (`MAX_DROPOUT` of RFC 3550, appendix A.1).
pub(crate) const MAX_DROPOUT: i64 = 3000;

/// Distinguishes a restarted stream from single packets with an arbitrary sequence number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RestartDetector {
    outlier: Option<u16>,
}

impl RestartDetector {
    /// Records an outlier: a packet further than [`MAX_DROPOUT`] from the others. Returns whether
    /// the stream restarted, which is assumed if it follows the previous outlier.
    pub(crate) fn on_outlier(&mut self, sequence: u16) -> bool {
        let before = self.outlier.replace(sequence);
        before.is_some_and(|before| (1..=16).contains(&distance_16(before, sequence)))
    }

    /// Records any other packet.
    pub(crate) fn reset(&mut self) {
        self.outlier = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_handle_wraparound() {
        assert_eq!(distance_16(65_535, 0), 1);
        assert_eq!(distance_16(0, 65_535), -1);
        assert_eq!(distance_16(10, 32_777), 32_767);
        assert_eq!(distance_16(10, 32_778), -32_768);
        assert_eq!(distance_32(u32::MAX - 1, 3), 5);
        assert_eq!(distance_32(3, u32::MAX - 1), -5);
    }

    #[test]
    fn sequence_numbers_unwrap_across_many_wraps_and_reordering() {
        let mut unwrapper = Unwrapper16::default();
        assert_eq!(unwrapper.unwrap(65_534), 65_534);
        assert_eq!(unwrapper.unwrap(1), 65_537);
        assert_eq!(unwrapper.unwrap(65_535), 65_535);
        let mut expected = 65_535;
        for step in [1_i64, 7, 30_000, -20_000, 32_767, -3, 30_000] {
            for _ in 0..5 {
                expected += step;
                assert_eq!(unwrapper.unwrap(wrap_16(expected)), expected);
            }
        }
    }

    #[test]
    fn timestamps_unwrap_across_wraps() {
        let mut unwrapper = Unwrapper32::default();
        let mut expected = i64::from(u32::MAX) - 4_000;
        assert_eq!(unwrapper.unwrap(wrap_32(expected)), expected);
        for _ in 0..10 {
            expected += 3_000;
            assert_eq!(unwrapper.unwrap(wrap_32(expected)), expected);
        }
        assert_eq!(unwrapper.peek(wrap_32(expected - 90_000)), expected - 90_000);
    }
}
