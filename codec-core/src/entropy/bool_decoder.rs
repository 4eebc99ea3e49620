//! RFC 6386, section 7.3: the reading side.

use super::bool_cost_q8;

/// Reads bools from one partition. Past its end it reads zeros and remembers how far.
///
/// `value` holds the next bits of the partition, left-aligned; the top byte is compared with the
/// split, `bits` more are valid below it. A refill brings in seven bytes at once.
#[derive(Clone, Debug)]
pub struct BoolDecoder<'a> {
    data: &'a [u8],
    /// Bytes taken from `data`, zeros past its end included.
    pos: usize,
    value: u64,
    /// Width of the interval, less one: 127..=254 between symbols.
    range: u32,
    bits: i32,
}

/// How far to shift a range, less one, so that it is at least 128.
static SHIFTS: [u8; 256] = {
    let mut shifts = [0; 256];
    let mut range = 0_u8;
    while range < 127 {
        shifts[range as usize] = (range + 1).leading_zeros().to_le_bytes()[0];
        range += 1;
    }
    shifts
};

/// A range, less one, after that shift: a look-up is quicker than shift, add and subtract.
static NORMALISED: [u8; 256] = {
    let mut ranges = [0; 256];
    let mut range = 0_u8;
    while range < 255 {
        ranges[range as usize] = ((range + 1) << SHIFTS[range as usize]) - 1;
        range += 1;
    }
    ranges
};

/// The 56 bits from `pos` on; zeros past the end.
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
    /// Starts at the beginning of `data`, which may be empty.
    #[inline]
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0, value: 0, range: 254, bits: -8 }
    }

    /// Brings in seven bytes. Out of line, and given values rather than `self`, so that the state
    /// of a local reader stays in registers.
    #[inline(always)]
    pub fn refill_if_needed(&mut self) {
        if self.bits < 0 {
            // -8 <= bits <= -1.
            self.value |= next_seven(self.data, self.pos) << self.bits.unsigned_abs();
            self.bits += 56;
            self.pos += 7;
        }
    }

    /// Where the interval is split for `prob`, less one; there are enough bits to compare with it.
    #[inline(always)]
    pub fn split(&mut self, prob: u8) -> u32 {
        self.refill_if_needed();
        (self.range * u32::from(prob)) >> 8
    }

    /// Whether the next symbol is `true`.
    #[inline(always)]
    pub fn is_above(&self, split: u32) -> bool {
        self.value >> 56 > u64::from(split)
    }

    /// Takes a `true`.
    #[inline(always)]
    pub fn take_above(&mut self, split: u32) {
        self.value -= u64::from(split + 1) << 56;
        self.normalise(self.range - split - 1);
    }

    /// Takes a `false`.
    #[inline(always)]
    pub fn take_below(&mut self, split: u32) {
        self.normalise(split);
    }

    #[inline(always)]
    fn normalise(&mut self, range: u32) {
        // At most 254; a check that never fails is off the critical path, a mask would be on it.
        let index = range as usize;
        let shift = u32::from(SHIFTS[index]);
        self.range = u32::from(NORMALISED[index]);
        self.value <<= shift;
        self.bits -= shift.cast_signed();
    }

    /// One symbol; `prob` is the probability of `false` in 256ths.
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

    /// A flag at even odds.
    #[inline]
    pub fn get_flag(&mut self) -> bool {
        self.get_bool(128)
    }

    /// `bits` bits (at most 32), most significant first, at even odds.
    #[inline]
    pub fn get_literal(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |value, _| value << 1 | u32::from(self.get_bool(128)))
    }

    /// A magnitude of `bits` bits (at most 30), then its sign.
    #[inline]
    pub fn get_signed(&mut self, bits: u32) -> i32 {
        let magnitude = self.get_literal(bits).cast_signed();
        if self.get_flag() { -magnitude } else { magnitude }
    }

    /// One symbol, without a branch: for those that nobody can guess.
    #[inline(always)]
    pub fn get_bit(&mut self, prob: u8) -> i32 {
        let split = self.split(prob);
        let is_true = self.is_above(split);
        self.value -= if is_true { u64::from(split + 1) << 56 } else { 0 };
        self.normalise(if is_true { self.range - split - 1 } else { split });
        i32::from(is_true)
    }

    /// `value` or `-value` by a sign at even odds, without a branch. Not the first symbol.
    ///
    /// Half of the range, after any symbol at most 254 (`range` 253), is short by one shift
    /// always; what is left is the range again, made odd.
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

    /// Bits used so far, those past the end included.
    #[inline]
    #[must_use]
    pub fn used_bits(&self) -> u64 {
        // Eight bits are compared with the split before any has been used up.
        (self.pos as u64 * 8).saturating_add_signed(-i64::from(self.bits))
    }

    /// Information taken so far, in 256ths of a bit: whole bits by how far the interval has been
    /// shifted, the rest by how much it has narrowed since.
    #[must_use]
    pub fn position_q8(&self) -> u64 {
        let narrowing = |width: u32| bool_cost_q8(false, u8::try_from(width).unwrap_or(u8::MAX));
        let narrowed = narrowing(self.range + 1) - narrowing(255);
        self.used_bits().saturating_sub(8) * 256 + u64::from(narrowed)
    }

    /// How many of the bits used lie past the end of the partition.
    #[inline]
    #[must_use]
    pub fn overrun_bits(&self) -> u64 {
        self.used_bits().saturating_sub(self.data.len() as u64 * 8)
    }

    /// Length of the partition in bytes.
    #[inline]
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.data.len()
    }
}

/// One branch of a tree whose sides go on differently. The two sides are kept apart, rather than
/// joined in a value that is tested again, so that the processor runs ahead on its guess.
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
