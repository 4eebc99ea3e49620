//! The bit writer. ITU-T H.264, clauses 7.2 and 9.1.

/// Writes bits, most significant first. [`Self::clear`] keeps the memory for the next payload.
///
/// ```
/// use codec_h264::bits::{BitReader, BitWriter};
///
/// let mut bits = BitWriter::default();
/// bits.u(3, 5).ue(7).se(-2).trailing();
/// let mut reader = BitReader::new(bits.bytes());
/// assert_eq!((reader.bits(3), reader.ue(), reader.se()), (5, 7, -2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are not stored in `bytes`: the low `count` bits, at most 31.
    pending: u64,
    count: u32,
}

/// A position in a [`BitWriter`], to which it can return.
#[derive(Clone, Copy, Debug, Default)]
pub struct BitMark {
    bytes: usize,
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// Removes all bits.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.pending, self.count) = (0, 0);
    }

    /// Returns the number of bits.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bytes.len() * 8 + self.count as usize
    }

    /// Returns the bytes that do not change with further bits.
    #[inline]
    #[must_use]
    pub fn stored(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the current position.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> BitMark {
        BitMark { bytes: self.bytes.len(), pending: self.pending, count: self.count }
    }

    /// Removes all bits after `mark`. No bits before it may have been removed.
    pub fn rewind(&mut self, mark: BitMark) {
        self.bytes.truncate(mark.bytes);
        (self.pending, self.count) = (mark.pending, mark.count);
    }

    /// Writes the low `count` bits of `value`, `u(n)`; at most 32. The other bits must be 0.
    #[inline]
    pub fn u(&mut self, count: u32, value: u32) -> &mut Self {
        debug_assert!(count <= 32 && u64::from(value) >> count == 0, "u({count}) of {value}");
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            let [word @ .., _, _, _, _] = (self.pending >> self.count << 32).to_be_bytes();
            self.bytes.extend_from_slice(&word);
        }
        self
    }

    /// Writes a flag, `u(1)`.
    #[inline]
    pub fn flag(&mut self, value: bool) -> &mut Self {
        self.u(1, value.into())
    }

    /// Writes an unsigned Exp-Golomb code, `ue(v)`; at most `u32::MAX - 1`.
    #[inline]
    pub fn ue(&mut self, value: u32) -> &mut Self {
        let code = value.saturating_add(1);
        let zeros = code.ilog2();
        if zeros < 16 {
            return self.u(2 * zeros + 1, code);
        }
        self.u(zeros, 0).u(zeros + 1, code)
    }

    /// Writes a signed Exp-Golomb code, `se(v)`.
    #[inline]
    pub fn se(&mut self, value: i32) -> &mut Self {
        self.ue(se_code(value))
    }

    /// Writes a truncated Exp-Golomb code, `te(v)`, of a value from 0 to `max`.
    #[inline]
    pub fn te(&mut self, value: u32, max: u32) -> &mut Self {
        if max > 1 { self.ue(value) } else { self.flag(value == 0) }
    }

    /// Writes `bit` up to the next byte boundary.
    pub fn align(&mut self, bit: bool) -> &mut Self {
        let free = self.count.wrapping_neg() & 7;
        self.u(free, if bit { (1 << free) - 1 } else { 0 })
    }

    /// Writes `rbsp_trailing_bits`: the stop bit, and zeros up to the next byte boundary.
    pub fn trailing(&mut self) -> &mut Self {
        self.flag(true).align(false)
    }

    /// Stores the pending bytes. The position must be a byte boundary.
    fn flush(&mut self) {
        debug_assert!(self.count.is_multiple_of(8), "not at a byte boundary");
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count).to_le_bytes()[0]);
        }
    }

    /// Writes bytes at a byte boundary.
    pub fn append(&mut self, bytes: &[u8]) -> &mut Self {
        self.flush();
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Returns the bytes, for writing more of them. The position must be a byte boundary.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        self.flush();
        &mut self.bytes
    }

    /// Returns the bytes. The position must be a byte boundary: see [`Self::trailing`].
    pub fn bytes(&mut self) -> &[u8] {
        self.flush();
        &self.bytes
    }
}

/// Takes code words: writes them, or only counts their bits.
pub trait BitSink {
    /// Takes the low `count` bits of `value`; at most 32. The other bits must be 0.
    fn put(&mut self, count: u32, value: u32);
}

impl BitSink for BitWriter {
    #[inline]
    fn put(&mut self, count: u32, value: u32) {
        self.u(count, value);
    }
}

/// Counts bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BitCounter(pub u32);

impl BitSink for BitCounter {
    #[inline]
    fn put(&mut self, count: u32, _value: u32) {
        self.0 += count;
    }
}

/// Returns the number of bits of an unsigned Exp-Golomb code.
#[inline]
#[must_use]
pub const fn ue_bits(value: u32) -> u32 {
    2 * value.saturating_add(1).ilog2() + 1
}

/// Returns the code number of a signed value. Table 9-3.
#[inline]
#[must_use]
pub const fn se_code(value: i32) -> u32 {
    let twice = 2 * value.unsigned_abs();
    if value > 0 { twice - 1 } else { twice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::{BitReader, rbsp_bits};

    #[test]
    fn every_code_is_read_again() {
        let values = (0..300).chain((4..32).flat_map(|n| [(1_u32 << n) - 2, (1 << n) - 1, 1 << n]));
        let values: Vec<u32> = values.chain([u32::MAX - 1]).collect();
        let mut bits = BitWriter::default();
        for (n, &value) in (0_u32..).zip(&values) {
            let signed = (value / 2).cast_signed();
            assert_eq!(BitWriter::default().ue(value).bits(), ue_bits(value) as usize);
            bits.ue(value)
                .u(n % 33, u32::try_from(u64::from(value) & ((1 << (n % 33)) - 1)).unwrap());
            bits.se(signed).se(-signed).te(value, 2).te(n % 2, 1);
        }
        let end = bits.bits();
        bits.trailing();
        assert_eq!(rbsp_bits(bits.bytes()), end);
        let mut reader = BitReader::new(bits.bytes());
        for (n, &value) in (0_u32..).zip(&values) {
            let signed = (value / 2).cast_signed();
            assert_eq!(reader.ue(), value);
            assert_eq!(u64::from(reader.bits(n % 33)), u64::from(value) & ((1 << (n % 33)) - 1));
            assert_eq!((reader.se(), reader.se()), (signed, -signed));
            assert_eq!((reader.te(2), reader.te(1)), (value, n % 2));
        }
        assert_eq!(reader.position(), end);
    }

    #[test]
    fn a_writer_returns_to_a_mark() {
        for before in 0..70 {
            let mut bits = BitWriter::default();
            (0..before).for_each(|n| _ = bits.u(1, n & 1));
            let mut expected = bits.clone();
            let mark = bits.mark();
            bits.u(32, 77).ue(1000).rewind(mark);
            assert_eq!(bits.bits(), before as usize);
            assert_eq!(bits.u(9, 257).trailing().bytes(), expected.u(9, 257).trailing().bytes());
        }
    }

    #[test]
    fn bytes_follow_the_pending_bits() {
        let mut bits = BitWriter::default();
        bits.u(3, 1).align(true).append(&[7, 8]).u(16, 0x1234).append(&[9]).u(2, 3).trailing();
        assert_eq!(bits.bytes(), [0x3f, 7, 8, 0x12, 0x34, 9, 0xe0]);
        bits.clear();
        assert_eq!(bits.trailing().bytes(), [0x80]);
    }
}
