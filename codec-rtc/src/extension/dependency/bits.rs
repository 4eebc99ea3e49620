//! Bit reader and writer, most significant bit first.

use crate::rtp::Malformed;

/// Reads bits from the start of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Reads `count` bits, 0..=32.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Malformed::Truncated {
                what: "dependency descriptor",
                needed_bytes: self.bytes.len() + 1,
                had_bytes: self.bytes.len(),
            })?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// Reads a number of at most eight bits.
    pub(super) fn small(&mut self, count: u32) -> Result<u8, Malformed> {
        self.bits(count).map(|value| value.to_be_bytes()[3])
    }

    /// Reads a number below `end`, which is at least 1: ns(n) of the AV1 specification, section
    /// 4.10.7.
    pub(super) fn below(&mut self, end: u32) -> Result<u32, Malformed> {
        let (width, short) = non_symmetric(end);
        let value = self.bits(width - 1)?;
        if value < short {
            return Ok(value);
        }
        Ok((value << 1) - short + self.bits(1)?)
    }
}

/// Maximum width of ns(n) values below `end`, and how many of them are one bit shorter.
fn non_symmetric(end: u32) -> (u32, u32) {
    let width = u32::BITS - end.leading_zeros();
    (width, (1 << width) - end)
}

/// Appends bits to a buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    used: usize,
}

impl BitWriter {
    /// Writes the low `count` bits of `value`.
    pub(super) fn bits(&mut self, value: u32, count: u32) {
        for index in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> index & 1 == 1) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.bits(value.into(), 1);
    }

    /// Writes `value`, which is below `end`, as ns(n).
    pub(super) fn below(&mut self, value: u32, end: u32) {
        let (width, short) = non_symmetric(end);
        if value < short {
            self.bits(value, width - 1);
        } else {
            self.bits(value + short, width);
        }
    }

    /// Returns the bytes, padded with zero bits.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_round_trip_most_significant_first() {
        let mut writer = BitWriter::default();
        writer.bits(0b101, 3);
        writer.flag(true);
        writer.bits(0x0fff, 12);
        writer.bits(0, 0);
        writer.flag(true);
        let bytes = writer.bytes();
        assert_eq!(bytes, [0b1011_1111, 0xff, 0x80]);
        let mut reader = BitReader::new(&bytes);
        assert_eq!((reader.bits(3), reader.flag()), (Ok(0b101), Ok(true)));
        assert_eq!((reader.bits(12), reader.small(8)), (Ok(0x0fff), Ok(0x80)));
        assert!(matches!(reader.flag(), Err(Malformed::Truncated { needed_bytes: 4, .. })));
    }

    #[test]
    fn ns_values_have_minimal_width() {
        // ns(5): 0, 1, 2 take two bits; 3, 4 take three (AV1, section 4.10.7).
        let lens = [(0, 2, 0b00), (1, 2, 0b01), (2, 2, 0b10), (3, 3, 0b110), (4, 3, 0b111)];
        for (value, used, pattern) in lens {
            let mut writer = BitWriter::default();
            writer.below(value, 5);
            assert_eq!((writer.used, writer.bytes()[0]), (used, pattern << (8 - used)));
        }
        for end in 1..=33 {
            for value in 0..end {
                let mut writer = BitWriter::default();
                writer.below(value, end);
                assert_eq!(BitReader::new(&writer.bytes()).below(end), Ok(value));
            }
        }
    }
}
