//! The bit reader. ITU-T H.264, clauses 7.2 and 9.1.

/// Reads bits, most significant first, from an unescaped payload.
///
/// Reading past the end returns zero bits and is remembered: check [`Self::is_overrun`] once per
/// group of syntax elements.
///
/// ```
/// use codec_h264::bits::BitReader;
///
/// let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0000]);
/// assert_eq!((bits.bits(1), bits.ue(), bits.se()), (1, 1, -1));
/// assert!(!bits.is_overrun());
/// assert_eq!(bits.bits(32), 0x2000_0000);
/// assert!(bits.is_overrun());
/// ```
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    data: &'a [u8],
    /// Next bit to read.
    position: usize,
    /// Number of bits that may be read.
    end: usize,
}

impl<'a> BitReader<'a> {
    /// Creates a reader of all bits of `data`.
    #[inline]
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, end: data.len() * 8 }
    }

    /// Creates a reader of the first `end` bits of `data`, which begins at bit `position`.
    #[inline]
    #[must_use]
    pub fn with_range(data: &'a [u8], position: usize, end: usize) -> Self {
        Self { data, position, end: end.min(data.len() * 8) }
    }

    /// Returns the position of the next bit.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the number of bits before the end of the data; 0 after an overrun.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.end.saturating_sub(self.position)
    }

    /// Returns whether bits past the end were read, or an Exp-Golomb code had more than 31 zeros.
    #[inline]
    #[must_use]
    pub fn is_overrun(&self) -> bool {
        self.position > self.end
    }

    /// Returns the bytes that are read from.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Returns the next 57 bits, and up to seven zeros after them, without consuming them. Bits past
    /// the end of the data are zero.
    #[inline]
    #[must_use]
    pub fn peek_57(&self) -> u64 {
        let byte = self.position >> 3;
        let window = match self.data.get(byte..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => self.peek_tail(byte),
        };
        window << (self.position & 7)
    }

    /// Returns the next 32 bits without consuming them; bits past the end of the data are zero.
    #[inline]
    #[must_use]
    pub fn peek_32(&self) -> u32 {
        (self.peek_57() >> 32) as u32
    }

    /// Returns up to eight bytes from `byte`, the missing ones as zero.
    #[cold]
    fn peek_tail(&self, byte: usize) -> u64 {
        let mut chunk = [0; 8];
        let tail = self.data.get(byte..).unwrap_or(&[]);
        chunk.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
        u64::from_be_bytes(chunk)
    }

    /// Returns the next `count` bits without consuming them; `count` is 1 to 32.
    #[inline]
    #[must_use]
    pub fn peek(&self, count: u32) -> u32 {
        self.peek_32() >> (32 - count.clamp(1, 32))
    }

    /// Consumes `count` bits.
    #[inline]
    pub fn skip(&mut self, count: u32) {
        self.position = self.position.saturating_add(count as usize);
    }

    /// Reads `count` bits; `count` is 0 to 32.
    #[inline]
    pub fn bits(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// Reads one bit.
    #[inline]
    pub fn flag(&mut self) -> bool {
        self.bits(1) != 0
    }

    /// Reads an unsigned Exp-Golomb code, `ue(v)`. A code with more than 31 leading zeros is an
    /// overrun.
    #[inline]
    pub fn ue(&mut self) -> u32 {
        let window = self.peek_32();
        let zeros = window.leading_zeros();
        if zeros < 16 {
            self.skip(2 * zeros + 1);
            return (window >> (31 - 2 * zeros)) - 1;
        }
        self.long_ue(zeros)
    }

    #[cold]
    fn long_ue(&mut self, zeros: u32) -> u32 {
        if zeros > 31 {
            self.position = usize::MAX;
            return 0;
        }
        self.skip(zeros);
        self.bits(zeros + 1) - 1
    }

    /// Reads a signed Exp-Golomb code, `se(v)`.
    #[inline]
    pub fn se(&mut self) -> i32 {
        let code = self.ue();
        let magnitude = i32::try_from(code.div_ceil(2)).unwrap_or(i32::MAX);
        if code & 1 == 0 { -magnitude } else { magnitude }
    }

    /// Reads a truncated Exp-Golomb code, `te(v)`, of a value from 0 to `max`.
    #[inline]
    pub fn te(&mut self, max: u32) -> u32 {
        if max > 1 { self.ue() } else { u32::from(!self.flag()) }
    }

    /// Skips to the next byte boundary.
    #[inline]
    pub fn align(&mut self) {
        self.position = self.position.checked_next_multiple_of(8).unwrap_or(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a string of `0` and `1` as bytes.
    fn bytes(text: &str) -> Vec<u8> {
        let bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        bits.chunks(8)
            .map(|chunk| chunk.iter().enumerate().fold(0, |byte, (i, bit)| byte | bit << (7 - i)))
            .collect()
    }

    #[test]
    fn exp_golomb_codes_follow_the_table_of_the_standard() {
        let data = bytes("1 010 011 00100 00101 00110 00111 0001000");
        let mut reader = BitReader::new(&data);
        assert_eq!([0; 8].map(|_: u8| reader.ue()), [0, 1, 2, 3, 4, 5, 6, 7]);
        let mut reader = BitReader::new(&data);
        assert_eq!([0; 8].map(|_: u8| reader.se()), [0, 1, -1, 2, -2, 3, -3, 4]);
    }

    #[test]
    fn codes_of_31_zeros_are_the_longest() {
        let longest = bytes(&format!("{}1{}", "0".repeat(31), "1".repeat(31)));
        let mut reader = BitReader::new(&longest);
        assert_eq!(reader.ue(), u32::MAX - 1);
        assert!(!reader.is_overrun());
        let mut reader = BitReader::new(&[0, 0, 0, 0, 0x80, 0, 0, 0, 0]);
        assert_eq!(reader.ue(), 0);
        assert!(reader.is_overrun());
        assert_eq!((reader.bits(5), reader.ue(), reader.remaining()), (0, 0, 0));
    }

    #[test]
    fn every_length_is_read_at_every_position() {
        let data: Vec<u8> = (0..16).map(|i: u8| i.wrapping_mul(151) ^ 0x5a).collect();
        let bit = |at: usize| u32::from(data[at / 8] >> (7 - at % 8) & 1);
        for start in 0..64 {
            for count in 0..=32_u32 {
                let mut reader = BitReader::with_range(&data, start, 128);
                let end = start + count as usize;
                let expected = (start..end).fold(0, |value, at| value << 1 | bit(at));
                assert_eq!(reader.bits(count), expected, "{start} {count}");
                assert_eq!(reader.position(), end);
            }
        }
    }

    #[test]
    fn truncated_codes_with_two_values_are_an_inverted_bit() {
        let mut reader = BitReader::new(&[0b0101_0000]);
        assert_eq!((reader.te(1), reader.te(1), reader.te(2)), (1, 0, 1));
    }

    #[test]
    fn alignment_goes_to_the_next_byte() {
        let mut reader = BitReader::new(&[0xff, 0x80]);
        reader.align();
        assert_eq!(reader.position(), 0);
        reader.skip(3);
        reader.align();
        assert_eq!((reader.position(), reader.bits(8)), (8, 0x80));
    }
}
