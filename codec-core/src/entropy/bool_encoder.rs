//! Boolean entropy encoder. RFC 6386, section 7.3.

use super::BoolSink;

/// Number of bits shifted out of the active byte after which whole bytes are written.
const FLUSH_BITS: u32 = 48;

/// Writes bools into a byte vector.
#[derive(Clone, Debug)]
pub struct BoolEncoder {
    /// Lower end of the interval. Bits 0..8 are aligned with `range`; above them are `pending`
    /// finished bits, and above those a carry.
    low: u64,
    /// Width of the interval, 128..=255 between symbols.
    range: u32,
    /// Number of finished bits in `low`, below [`FLUSH_BITS`] between symbols.
    pending: u32,
    out: Vec<u8>,
    /// Length of `out` at the start of the partition.
    start: usize,
}

impl Default for BoolEncoder {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl BoolEncoder {
    /// Creates an encoder that appends to `out`, reusing its memory and keeping its content.
    #[inline]
    #[must_use]
    pub fn new(out: Vec<u8>) -> Self {
        let start = out.len();
        Self { low: 0, range: 255, pending: 0, out, start }
    }

    /// Returns the size of the symbols so far in bits; at most 16 less than [`Self::finish`]
    /// writes.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u64 {
        (self.out.len() - self.start) as u64 * 8 + u64::from(self.pending)
    }

    /// Writes six finished bytes: `low` above `left` pending bits. Takes values rather than `self`,
    /// so that the state of a local encoder stays in registers.
    #[cold]
    #[inline(never)]
    fn flush(out: &mut Vec<u8>, start: usize, low: u64, left: u32) {
        let finished = low >> (8 + left);
        if finished >> FLUSH_BITS != 0 {
            carry(&mut out[start..]);
        }
        out.extend_from_slice(&(finished << 16).to_be_bytes()[..6]);
    }

    /// Ends the partition with as many bytes as a decoder needs. Returns the vector given to
    /// [`Self::new`] with the partition appended.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let total = self.pending + 8;
        if self.low >> total != 0 {
            carry(&mut self.out[self.start..]);
        }
        let bytes = total.div_ceil(8);
        let aligned = self.low << (64 - total);
        self.out.extend_from_slice(&aligned.to_be_bytes()[..bytes as usize]);
        // Some decoders read three bytes at first and then two at a time, and treat a read past the
        // end as an error even if those bits are never used.
        let shifts = (self.out.len() - self.start) * 8 - (bytes * 8 - self.pending) as usize;
        if shifts.is_multiple_of(16) {
            self.out.push(0);
        }
        self.out
    }
}

/// Adds one to the bytes already written. The interval stays within `0..1`, so a byte that absorbs
/// the carry exists.
fn carry(finished: &mut [u8]) {
    for byte in finished.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
}

impl BoolSink for BoolEncoder {
    #[inline]
    fn put_bool(&mut self, bit: bool, prob: u8) {
        let split = 1 + (((self.range - 1) * u32::from(prob)) >> 8);
        self.low += if bit { u64::from(split) } else { 0 };
        self.range = if bit { self.range - split } else { split };
        // The number of leading zeros of a byte that is not zero, without a test for zero.
        let shift = 7 ^ (self.range | 1).ilog2();
        self.range <<= shift;
        self.low <<= shift;
        self.pending += shift;
        if self.pending >= FLUSH_BITS {
            let left = self.pending - FLUSH_BITS;
            Self::flush(&mut self.out, self.start, self.low, left);
            self.low &= (1 << (8 + left)) - 1;
            self.pending = left;
        }
    }
}
