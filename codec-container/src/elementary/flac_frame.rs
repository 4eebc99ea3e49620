//! Computes the length of a FLAC frame by parsing its subframes, without decoding their samples. RFC
//! 9639, section 9.

use crate::flac;

/// Returns the length in bytes of the frame at the start of `frame`, whose header has `head_len`
/// bytes; `None` if the frame is truncated or uses reserved codes. `bits` is the number of bits per
/// sample from `STREAMINFO`. Checksums are not verified.
pub(super) fn coded_len(frame: &[u8], head_len: usize, bits: u8) -> Option<usize> {
    let samples = u64::from(flac::frame_samples(frame)?);
    let coding = *frame.get(3)?;
    let bits = match coding >> 1 & 7 {
        0 => u64::from(bits),
        1 => 8,
        2 => 12,
        4 => 16,
        5 => 20,
        6 => 24,
        7 => 32,
        _ => return None,
    };
    // The side channel has an additional bit.
    let (channels, side) = match coding >> 4 {
        code @ 0..=7 => (code + 1, None),
        9 => (2, Some(0)),
        8 | 10 => (2, Some(1)),
        _ => return None,
    };
    let mut reader = Bits { bytes: frame, at: head_len as u64 * 8 };
    for channel in 0..channels {
        pass_subframe(&mut reader, samples, bits + u64::from(side == Some(channel)))?;
    }
    let len = reader.at.div_ceil(8) + 2;
    usize::try_from(len).ok().filter(|&len| len <= frame.len())
}

fn pass_subframe(reader: &mut Bits<'_>, samples: u64, bits: u64) -> Option<()> {
    let head = reader.take(8)?;
    let wasted = if head & 1 != 0 { reader.zeros()? + 1 } else { 0 };
    let bits = bits.checked_sub(wasted)?;
    match head >> 1 & 63 {
        0 => reader.pass(bits),
        1 => reader.pass(bits * samples),
        kind @ 8..=12 => {
            let order = u64::from(kind - 8);
            reader.pass(order * bits)?;
            pass_residual(reader, samples, order)
        }
        kind @ 32..=63 => {
            let order = u64::from(kind - 31);
            reader.pass(order * bits)?;
            let precision = u64::from(reader.take(4)?) + 1;
            reader.pass(5 + order * precision)?;
            pass_residual(reader, samples, order)
        }
        _ => None,
    }
}

fn pass_residual(reader: &mut Bits<'_>, samples: u64, order: u64) -> Option<()> {
    let parameter_bits = match reader.take(2)? {
        0 => 4,
        1 => 5,
        _ => return None,
    };
    let partitions = 1 << reader.take(4)?;
    for partition in 0..partitions {
        let count = samples / partitions;
        let count = if partition == 0 { count.checked_sub(order)? } else { count };
        let parameter = reader.take(parameter_bits)?;
        if parameter == (1 << parameter_bits) - 1 {
            let width = u64::from(reader.take(5)?);
            reader.pass(count * width)?;
        } else {
            for _ in 0..count {
                reader.zeros()?;
                reader.pass(parameter.into())?;
            }
        }
    }
    Some(())
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// Position of the next bit, in bits.
    at: u64,
}

impl Bits<'_> {
    /// Returns the byte that contains the next bit, with its consumed bits set to zero, and the
    /// number of consumed bits.
    fn peek(&self) -> Option<(u8, u32)> {
        let byte = *self.bytes.get(usize::try_from(self.at / 8).ok()?)?;
        let used = self.at.to_le_bytes()[0] & 7;
        Some((byte & (0xFF >> used), used.into()))
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let (byte, used) = self.peek()?;
            value = value << 1 | u32::from(byte >> (7 - used) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn pass(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len() as u64 * 8).then_some(())
    }

    /// Skips zero bits and the 1 bit after them; returns the number of zero bits.
    fn zeros(&mut self) -> Option<u64> {
        let begin = self.at;
        loop {
            let (byte, used) = self.peek()?;
            if byte != 0 {
                self.at += u64::from(byte.leading_zeros() - used) + 1;
                return Some(self.at - begin - 1);
            }
            self.at += u64::from(8 - used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_and_a_verbatim_channel_have_the_bits_they_need() {
        // 192 samples, 2 channels of 16 bits.
        let head = [0xFF, 0xF8, 0x19, 0x18, 0, 0];
        let constant = [0, 1, 2];
        let verbatim = [&[2][..], &[7; 384]].concat();
        let frame = [&head[..], &constant, &verbatim, &[0; 10]].concat();
        assert_eq!(coded_len(&frame, 6, 8), Some(6 + 3 + 385 + 2));
        assert_eq!(coded_len(&frame[..395], 6, 8), None);
    }

    #[test]
    fn reserved_codes_are_rejected() {
        let len = |coding: u8, kind: u8| {
            let frame = [&[0xFF, 0xF8, 0x19, coding, 0, 0, kind][..], &[0; 9]].concat();
            coded_len(&frame, 6, 8)
        };
        assert!(len(0x08, 0).is_some());
        assert_eq!(len(0x06, 0), None);
        assert_eq!(len(0xB8, 0), None);
        assert_eq!(len(0x08, 4), None);
    }
}
