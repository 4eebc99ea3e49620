//! Measures the bits of macroblocks while they are parsed.

use super::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber, forward_to_inner};
use crate::slice::SliceType;

/// Reads as `E`, and counts the bits of coefficients. All other bits belong to modes and motion.
pub(super) struct Metered<E> {
    inner: E,
    /// Size of all blocks of coefficients so far, in 1/256 bit.
    coefficients_q8: u64,
}

impl<E: Entropy> Metered<E> {
    pub(super) fn new(inner: E) -> Self {
        Self { inner, coefficients_q8: 0 }
    }

    /// Returns the sizes of everything read so far, and of its coefficients, in 1/256 bit.
    pub(super) fn sizes_q8(&self) -> [u64; 2] {
        [self.inner.position_q8(), self.coefficients_q8]
    }
}

impl<E: Entropy> Entropy for Metered<E> {
    forward_to_inner!();

    fn intra_mode(&mut self) -> Option<u8> {
        self.inner.intra_mode()
    }

    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2] {
        self.inner.mvd(sums)
    }

    fn block(&mut self, block: Block<'_>, out: &mut [i16]) -> u8 {
        let start = self.inner.position_q8();
        let count = self.inner.block(block, out);
        self.coefficients_q8 += self.inner.position_q8().saturating_sub(start);
        count
    }

    fn pcm(&mut self, count: usize) -> Option<&[u8]> {
        // The samples and nothing else, at 8 bits each.
        self.coefficients_q8 += 8 * 256 * count as u64;
        self.inner.pcm(count)
    }
}
