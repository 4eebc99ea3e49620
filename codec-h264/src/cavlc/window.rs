//! Keeps the next bits of the stream in a register while a block of coefficients is parsed.
#![expect(clippy::cast_possible_truncation, reason = "codes have at most 32 bits")]

use crate::bits::BitReader;

/// Up to 57 bits that a [`BitReader`] has not consumed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitWindow {
    /// The next bit is the highest one.
    bits: u64,
    /// Number of bits that were consumed.
    used: u32,
}

impl BitWindow {
    /// Number of bits of a new window.
    const SIZE: u32 = 57;
    /// Minimum number of bits after [`Self::ensure`]; no part of a code is longer.
    const ENSURED: u32 = 32;

    /// Returns the next bits of `reader`.
    #[inline]
    pub(super) fn new(reader: &BitReader<'_>) -> Self {
        Self { bits: reader.peek_57(), used: 0 }
    }

    /// Fetches more bits from the reader if fewer than 32 are left.
    #[inline]
    pub(super) fn ensure(&mut self, reader: &mut BitReader<'_>) {
        if self.used > Self::SIZE - Self::ENSURED {
            reader.skip(self.used);
            *self = Self::new(reader);
        }
    }

    /// Returns the number of consumed bits that the reader has not skipped.
    #[inline]
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// Returns the next `count` bits; `count` is 1 to 32.
    #[inline]
    pub(super) fn peek(&self, count: u32) -> usize {
        (self.bits >> (64 - count)) as usize
    }

    /// Consumes `count` bits; at most 32.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.bits <<= count;
        self.used += count;
    }

    /// Consumes and returns `count` bits; at most 31.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        // Two shifts: a count of 0 gives 0.
        let value = (self.bits >> 1 >> (63 - count)) as u32;
        self.skip(count);
        value
    }

    /// Returns the number of zeros before the next one, at most 64.
    #[inline]
    pub(super) fn leading_zeros(&self) -> u32 {
        self.bits.leading_zeros()
    }
}
