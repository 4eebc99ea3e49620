//! RFC 6386, section 7.3: the reading side.

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
    range: u32,
    bits: i32,
}

impl<'a> BoolDecoder<'a> {
    /// Starts at the beginning of `data`, which may be empty.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0, value: 0, range: 255, bits: -8 }
    }

    #[inline]
    fn refill(&mut self) {
        // Valid here: -8 <= bits <= -1.
        let bytes = self.data.get(self.pos..).and_then(|rest| rest.first_chunk::<8>());
        let word = bytes.map_or_else(|| self.tail(), |&bytes| u64::from_be_bytes(bytes));
        self.value |= (word >> 8) << self.bits.unsigned_abs();
        self.bits += 56;
        self.pos += 7;
    }

    /// The last bytes of the partition, followed by zeros.
    #[cold]
    #[inline(never)]
    fn tail(&self) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let len = rest.len().min(8);
        bytes[..len].copy_from_slice(&rest[..len]);
        u64::from_be_bytes(bytes)
    }

    /// One symbol; `prob` is the probability of `false` in 256ths.
    #[inline]
    pub fn get_bool(&mut self, prob: u8) -> bool {
        let split = 1 + (((self.range - 1) * u32::from(prob)) >> 8);
        if self.bits < 0 {
            self.refill();
        }
        let big = u64::from(split) << 56;
        let bit = self.value >= big;
        self.range = if bit { self.range - split } else { split };
        if bit {
            self.value -= big;
        }
        let shift = self.range.leading_zeros() - 24;
        self.range <<= shift;
        self.value <<= shift;
        self.bits -= shift.cast_signed();
        bit
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
    pub fn get_signed(&mut self, bits: u32) -> i32 {
        let magnitude = self.get_literal(bits).cast_signed();
        if self.get_flag() { -magnitude } else { magnitude }
    }

    /// `value` or `-value` by a sign at even odds, without a branch.
    #[inline]
    pub fn get_sign(&mut self, value: i32) -> i32 {
        let split = (self.range + 1) >> 1;
        if self.bits < 0 {
            self.refill();
        }
        let big = u64::from(split) << 56;
        let is_negative = self.value >= big;
        self.value -= if is_negative { big } else { 0 };
        let range = if is_negative { self.range - split } else { split };
        let shift = range.leading_zeros() - 24;
        self.range = range << shift;
        self.value <<= shift;
        self.bits -= shift.cast_signed();
        let mask = -i32::from(is_negative);
        (value ^ mask) - mask
    }

    /// Bits used so far, those past the end included.
    #[must_use]
    pub fn used_bits(&self) -> u64 {
        // Eight bits are compared with the split before any has been used up.
        (self.pos as u64 * 8).saturating_add_signed(-i64::from(self.bits))
    }

    /// How many of the bits used lie past the end of the partition.
    #[must_use]
    pub fn overrun_bits(&self) -> u64 {
        self.used_bits().saturating_sub(self.data.len() as u64 * 8)
    }

    /// Length of the partition in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.data.len()
    }
}
