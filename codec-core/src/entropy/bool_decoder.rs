//! Boolean entropy decoder. RFC 6386, section 7.3.

use super::bool_cost_q8;

/// Reads bools from one partition.
///
/// Past its end it reads zeros and records the overrun.
///
/// `value` holds the next bits of the partition, left-aligned. The top byte is compared with the
/// split; `bits` more are valid below it. A refill loads seven bytes at once.
#[derive(Clone, Debug)]
pub struct BoolDecoder<'a> {
    data: &'a [u8],
    /// Bytes read from `data`, including zeros past its end.
    pos: usize,
    value: u64,
    /// Width of the interval minus one: 127..=254 between symbols.
    range: u32,
    bits: i32,
}

/// Shift by range minus one that brings the range to at least 128.
///
/// A constant rather than a static: a reference to it then is an address next to the code of the crate
/// that parses, not one that must be loaded first.
const SHIFTS: [u8; 256] = {
    let mut shifts = [0; 256];
    let mut range = 0_u8;
    while range < 127 {
        shifts[range as usize] = (range + 1).leading_zeros().to_le_bytes()[0];
        range += 1;
    }
    shifts
};

/// Range minus one after that shift: a table look-up is faster than shift, add and subtract.
const NORMALISED: [u8; 256] = {
    let mut ranges = [0; 256];
    let mut range = 0_u8;
    while range < 255 {
        ranges[range as usize] = ((range + 1) << SHIFTS[range as usize]) - 1;
        range += 1;
    }
    ranges
};

/// Returns the 56 bits from `pos` on, with zeros past the end.
#[cold]
#[inline(never)]
fn next_seven(data: &[u8], pos: usize) -> u64 {
    let rest = data.get(pos..).unwrap_or_default();
    let bytes = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        bytes
    });
    u64::from_be_bytes(bytes) >> 8
}

impl<'a> BoolDecoder<'a> {
    /// Creates a decoder at the start of `data`, which may be empty.
    #[inline]
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0, value: 0, range: 254, bits: -8 }
    }

    /// Loads seven bytes if needed. The slow path is out of line and takes values rather than
    /// `self`, so that the state of a local reader stays in registers.
    #[inline(always)]
    pub fn refill_if_needed(&mut self) {
        if self.bits < 0 {
            // -8 <= bits <= -1.
            self.value |= next_seven(self.data, self.pos) << self.bits.unsigned_abs();
            self.bits += 56;
            self.pos += 7;
        }
    }

    /// Returns the split of the interval for `prob`, minus one, and ensures enough bits for the
    /// comparison.
    #[inline(always)]
    pub fn split(&mut self, prob: u8) -> u32 {
        self.refill_if_needed();
        (self.range * u32::from(prob)) >> 8
    }

    /// Returns whether the next symbol is `true`.
    #[inline(always)]
    pub fn is_above(&self, split: u32) -> bool {
        self.value >> 56 > u64::from(split)
    }

    /// Consumes a `true`.
    #[inline(always)]
    pub fn take_above(&mut self, split: u32) {
        self.value -= u64::from(split + 1) << 56;
        self.normalise(self.range - split - 1);
    }

    /// Consumes a `false`.
    #[inline(always)]
    pub fn take_below(&mut self, split: u32) {
        self.normalise(split);
    }

    #[inline(always)]
    fn normalise(&mut self, range: u32) {
        // At most 254. A bounds check that never fails is off the critical path; a mask would be on
        // it.
        let index = range as usize;
        let (shifts, ranges): (&'static [u8; 256], &'static [u8; 256]) = (&SHIFTS, &NORMALISED);
        let shift = u32::from(shifts[index]);
        self.range = u32::from(ranges[index]);
        self.value <<= shift;
        self.bits -= shift.cast_signed();
    }

    /// Reads one symbol; `prob` is the probability of `false` in 1/256.
    #[inline(always)]
    pub fn get_bool(&mut self, prob: u8) -> bool {
        let split = self.split(prob);
        let is_true = self.is_above(split);
        if is_true {
            self.take_above(split);
        } else {
            self.take_below(split);
        }
        is_true
    }

    /// Reads a flag with equal probabilities.
    #[inline]
    pub fn get_flag(&mut self) -> bool {
        self.get_bool(128)
    }

    /// Reads `bits` bits (at most 32), most significant first, with equal probabilities.
    #[inline]
    pub fn get_literal(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |value, _| value << 1 | u32::from(self.get_bool(128)))
    }

    /// Reads a magnitude of `bits` bits (at most 30), then its sign.
    #[inline]
    pub fn get_signed(&mut self, bits: u32) -> i32 {
        let magnitude = self.get_literal(bits).cast_signed();
        if self.get_flag() { -magnitude } else { magnitude }
    }

    /// Reads one symbol without a branch, for symbols that branch prediction cannot predict.
    #[inline(always)]
    pub fn get_bit(&mut self, prob: u8) -> i32 {
        let split = self.split(prob);
        let is_true = self.is_above(split);
        self.value -= if is_true { u64::from(split + 1) << 56 } else { 0 };
        self.normalise(if is_true { self.range - split - 1 } else { split });
        i32::from(is_true)
    }

    /// Reads a sign with equal probabilities and returns `value` or `-value`, without a branch.
    /// Must not read the first symbol of a partition.
    ///
    /// After any symbol the range is at most 254 (`range` 253), so half of it always needs exactly
    /// one shift, which yields the range rounded to odd.
    #[inline(always)]
    pub fn get_sign(&mut self, value: i32) -> i32 {
        debug_assert!(self.range < 254, "the first symbol");
        self.refill_if_needed();
        let split = self.range >> 1;
        let is_negative = self.value >> 56 > u64::from(split);
        self.value -= if is_negative { u64::from(split + 1) << 56 } else { 0 };
        self.value <<= 1;
        self.range = (self.range - u32::from(is_negative)) | 1;
        self.bits -= 1;
        let mask = -i32::from(is_negative);
        (value ^ mask) - mask
    }

    /// Returns the number of bits consumed, including those past the end.
    #[inline]
    #[must_use]
    pub fn used_bits(&self) -> u64 {
        // Eight bits are compared with the split before any is consumed.
        (self.pos as u64 * 8).saturating_add_signed(-i64::from(self.bits))
    }

    /// Returns the information consumed in 1/256 bit: whole bits from the number of shifts, the
    /// fraction from the narrowing of the interval since.
    #[must_use]
    pub fn position_q8(&self) -> u64 {
        let narrowing = |width: u32| bool_cost_q8(false, u8::try_from(width).unwrap_or(u8::MAX));
        let narrowed = narrowing(self.range + 1) - narrowing(255);
        self.used_bits().saturating_sub(8) * 256 + u64::from(narrowed)
    }

    /// Returns how many of the consumed bits lie past the end of the partition.
    #[inline]
    #[must_use]
    pub fn overrun_bits(&self) -> u64 {
        self.used_bits().saturating_sub(self.data.len() as u64 * 8)
    }

    /// Returns the length of the partition in bytes.
    #[inline]
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.data.len()
    }
}

/// Branches on one symbol of a tree whose two sides continue differently. The sides stay separate
/// code paths rather than a value that is tested again, so that branch prediction can run ahead.
#[macro_export]
macro_rules! branch {
    ($reader:ident, $prob:expr, $yes:expr, $no:expr) => {{
        let split = $reader.split($prob);
        if $reader.is_above(split) {
            $reader.take_above(split);
            $yes
        } else {
            $reader.take_below(split);
            $no
        }
    }};
}
