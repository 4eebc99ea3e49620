//! Reader of the uncompressed header: plain bits, most significant first.

use codec_core::error::Corrupt;

/// Reads bits from the start of a frame.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Reads `count` bits (at most 32).
    pub(crate) fn bits(&mut self, count: usize) -> Result<u32, Corrupt> {
        let end = self.at + count;
        if end > self.data.len() * 8 {
            let had_bytes = self.data.len();
            return Err(Corrupt::HeaderTruncated { needed_bytes: end.div_ceil(8), had_bytes });
        }
        let value = (self.at..end).fold(0, |value, at| {
            let bit = self.data[at / 8] >> (7 - at % 8) & 1;
            value << 1 | u32::from(bit)
        });
        self.at = end;
        Ok(value)
    }

    /// Reads `count` bits (at most 8).
    pub(crate) fn byte(&mut self, count: usize) -> Result<u8, Corrupt> {
        Ok(self.bits(count)?.to_le_bytes()[0])
    }

    /// Reads `count` bits as an index.
    pub(crate) fn index(&mut self, count: usize) -> Result<usize, Corrupt> {
        Ok(usize::from(self.byte(count)?))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Corrupt> {
        Ok(self.bits(1)? != 0)
    }

    /// Reads a magnitude of `count` bits (at most 8), then its sign.
    pub(crate) fn signed(&mut self, count: usize) -> Result<i16, Corrupt> {
        let magnitude = i16::from(self.byte(count)?);
        Ok(if self.flag()? { -magnitude } else { magnitude })
    }

    /// Reads a value only if a flag before it is set.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Option<T>, Corrupt> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Offset of the byte with the next bit.
    pub(crate) fn offset_bytes(&self) -> usize {
        self.at / 8
    }

    /// Number of bytes that have been begun.
    pub(crate) fn used_bytes(&self) -> usize {
        self.at.div_ceil(8)
    }

    /// An error at the byte with the last bit read; `what` is the syntax element that was expected.
    pub(crate) fn expected(&self, what: &'static str) -> Corrupt {
        Corrupt::Other { what, offset_bytes: self.at.saturating_sub(1) / 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_most_significant_bit_first() {
        let mut reader = BitReader::new(&[0b1010_0111, 0b1000_0000]);
        assert_eq!(reader.bits(3), Ok(0b101));
        assert_eq!(reader.signed(4), Ok(-3));
        assert_eq!(reader.offset_bytes(), 1);
        assert!(reader.bits(9).is_err());
        assert_eq!(reader.bits(8), Ok(0x80));
    }
}
