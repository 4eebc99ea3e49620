//! Counters that wrap: sequence numbers of 16 bits, timestamps of 32. RFC 3550, section 5.1.

/// Turns 16-bit numbers into ones that do not wrap: each is taken to be the one nearest to the
/// number before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper16 {
    last: Option<i64>,
}

/// The same for 32 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper32 {
    last: Option<i64>,
}

/// Steps from `from` to `to`, the short way round: -32768..=32767.
#[must_use]
pub fn distance_16(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from).cast_signed()
}

/// Steps from `from` to `to`, the short way round.
#[must_use]
pub fn distance_32(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// The low 16 bits of an unwrapped number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub fn wrap_16(number: i64) -> u16 {
    number.cast_unsigned() as u16
}

/// The low 32 bits of an unwrapped number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub fn wrap_32(number: i64) -> u32 {
    number.cast_unsigned() as u32
}

impl Unwrapper16 {
    /// The unwrapped number; the first is itself.
    pub fn unwrap(&mut self, number: u16) -> i64 {
        let unwrapped = self.peek(number);
        self.last = Some(unwrapped);
        unwrapped
    }

    /// What [`Self::unwrap`] would give, without remembering it.
    #[must_use]
    pub fn peek(&self, number: u16) -> i64 {
        match self.last {
            None => i64::from(number),
            Some(last) => last.saturating_add(distance_16(wrap_16(last), number).into()),
        }
    }
}

impl Unwrapper32 {
    /// The unwrapped number; the first is itself.
    pub fn unwrap(&mut self, number: u32) -> i64 {
        let unwrapped = self.peek(number);
        self.last = Some(unwrapped);
        unwrapped
    }

    /// What [`Self::unwrap`] would give, without remembering it.
    #[must_use]
    pub fn peek(&self, number: u32) -> i64 {
        match self.last {
            None => i64::from(number),
            Some(last) => last.saturating_add(distance_32(wrap_32(last), number).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_go_the_short_way_round() {
        assert_eq!(distance_16(65_535, 0), 1);
        assert_eq!(distance_16(0, 65_535), -1);
        assert_eq!(distance_16(10, 32_777), 32_767);
        assert_eq!(distance_16(10, 32_778), -32_768);
        assert_eq!(distance_32(u32::MAX - 1, 3), 5);
        assert_eq!(distance_32(3, u32::MAX - 1), -5);
    }

    #[test]
    fn sequence_numbers_run_on_through_many_wraps_and_out_of_order() {
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
    fn timestamps_run_on_through_wraps() {
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
