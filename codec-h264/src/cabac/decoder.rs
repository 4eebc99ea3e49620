//! The arithmetic decoding engine. ITU-T H.264, clause 9.3.3.2.

use std::hint::select_unpredictable;

use super::contexts::{Contexts, LPS_RANGES, NEXT, SHIFTS};

/// Decodes bins.
///
/// The offset of the standard is `value >> bits`; the low `bits` bits of `value` are read ahead.
/// Past the end of the data it reads zeros: see [`Self::is_overrun`].
#[derive(Clone, Debug)]
pub struct CabacDecoder<'a> {
    data: &'a [u8],
    /// Next byte to read.
    at: usize,
    value: u64,
    bits: u32,
    range: u32,
}

/// Minimum number of bits that are read ahead before each bin; no bin consumes more.
const AHEAD: u32 = 16;

/// Returns the last bytes of `data`, from `at` on, followed by zeros.
#[cold]
fn tail(data: &[u8], at: usize) -> u32 {
    let mut chunk = [0; 4];
    let rest = data.get(at..).unwrap_or(&[]);
    chunk.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    u32::from_be_bytes(chunk)
}

/// Returns the binary logarithm of 512 / `range` in 1/256, rounded up; `range` is 256 to 511.
fn narrowing_q8(range: u32) -> u32 {
    // Squares double the logarithm: each of eight gives one bit.
    let mut fraction = 0;
    let mut square = u64::from(range) << 23;
    for _ in 0..8 {
        square = (square * square) >> 31;
        fraction <<= 1;
        if square >= 1 << 32 {
            square >>= 1;
            fraction |= 1;
        }
    }
    256 - fraction
}

impl<'a> CabacDecoder<'a> {
    /// Creates a decoder of `data` from byte `at` on.
    #[must_use]
    pub fn new(data: &'a [u8], at: usize) -> Self {
        let mut decoder = Self { data, at, value: 0, bits: 0, range: 510 };
        decoder.refill();
        decoder.bits = 32 - 9;
        decoder
    }

    #[inline(always)]
    fn refill(&mut self) {
        let next = match self.data.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            Some(chunk) => u32::from_be_bytes(*chunk),
            None => tail(self.data, self.at),
        };
        self.value = self.value << 32 | u64::from(next);
        self.bits += 32;
        self.at += 4;
    }

    /// Decodes a bin with the context `index`.
    #[inline(always)]
    pub fn bin(&mut self, contexts: &mut Contexts, index: usize) -> bool {
        let context = &mut contexts.0[index];
        let old = *context;
        let index = usize::from(old);
        let lps = u32::from(LPS_RANGES[(2 * (self.range & 0xc0)) as usize + index]);
        let mps_range = self.range - lps;
        let scaled = u64::from(mps_range) << self.bits;
        // Symbols are hardly predictable: selections instead of a branch.
        let (below, is_mps) = self.value.overflowing_sub(scaled);
        self.value = select_unpredictable(is_mps, self.value, below);
        let range = select_unpredictable(is_mps, mps_range, lps);
        *context = NEXT[index + (usize::from(is_mps) << 7)];
        self.renormalise(range);
        (old & 1 == 1) == is_mps
    }

    /// Shifts until the range has nine bits.
    #[inline(always)]
    fn renormalise(&mut self, range: u32) {
        let shift = u32::from(SHIFTS[(range >> 3 & 63) as usize]);
        self.range = range << shift;
        self.bits -= shift;
        if self.bits < AHEAD {
            self.refill();
        }
    }

    /// Decodes a bin without context.
    #[inline(always)]
    pub fn bypass(&mut self) -> bool {
        self.bits -= 1;
        let scaled = u64::from(self.range) << self.bits;
        let (below, is_zero) = self.value.overflowing_sub(scaled);
        self.value = select_unpredictable(is_zero, self.value, below);
        if self.bits < AHEAD {
            self.refill();
        }
        !is_zero
    }

    /// Decodes a bin that ends the slice or introduces PCM samples.
    #[inline]
    pub fn terminate(&mut self) -> bool {
        let range = self.range - 2;
        let scaled = u64::from(range) << self.bits;
        if self.value >= scaled {
            return true;
        }
        self.renormalise(range);
        false
    }

    /// Returns the position after the bits that the engine has consumed. After [`Self::terminate`]
    /// returned true, this is the bit after the last of the arithmetic code.
    #[must_use]
    pub fn position_bits(&self) -> usize {
        (self.at * 8).saturating_sub(self.bits as usize)
    }

    /// Returns the size of all decoded bins in 1/256 bit, plus the position of their first bit. The
    /// nine bits that fill the engine are not counted; the amount by which the range has narrowed
    /// is.
    #[must_use]
    pub fn position_q8(&self) -> u64 {
        let whole = 256 * (self.position_bits() as u64).saturating_sub(9);
        whole + u64::from(narrowing_q8(self.range))
    }

    /// Returns whether more bits were consumed than the data has.
    #[inline]
    #[must_use]
    pub fn is_overrun(&self) -> bool {
        self.position_bits() > self.data.len() * 8
    }

    /// Returns `count` bytes from the next byte boundary on and restarts after them. `None` if the
    /// data is too short.
    pub fn raw_bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let from = self.position_bits().div_ceil(8);
        let bytes = self.data.get(from..)?.get(..count)?;
        *self = Self::new(self.data, from + count);
        Some(bytes)
    }
}
