//! Measures the bits of macroblocks while they are parsed.

use super::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber};
use super::parse::MbParser;
use super::slice_data::{PairAhead, look_ahead_in_cabac, look_ahead_in_cavlc};
use crate::slice::SliceType;

/// Reads as `E`, and counts the bits of coefficients. All others are those of modes and motion.
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

impl<E: Entropy> PairAhead for Metered<E> {
    fn look_ahead(parser: &mut MbParser<'_, Self>, x: usize, row: usize) -> (bool, Option<bool>) {
        if E::CABAC {
            look_ahead_in_cabac(parser, x, row)
        } else {
            look_ahead_in_cavlc(parser, x, row)
        }
    }
}

impl<E: Entropy> Entropy for Metered<E> {
    const CABAC: bool = E::CABAC;

    fn skip_flag(&mut self, beside: Beside<'_>, slice_type: SliceType) -> bool {
        self.inner.skip_flag(beside, slice_type)
    }

    fn field_flag(&mut self, field_pairs: usize) -> bool {
        self.inner.field_flag(field_pairs)
    }

    fn peek_field_flag(&self) -> Option<bool> {
        self.inner.peek_field_flag()
    }

    fn mb_type(&mut self, beside: Beside<'_>, slice_type: SliceType) -> TypeNumber {
        self.inner.mb_type(beside, slice_type)
    }

    fn sub_mb_type(&mut self, slice_type: SliceType) -> TypeNumber {
        self.inner.sub_mb_type(slice_type)
    }

    fn transform_8x8(&mut self, beside: Beside<'_>) -> bool {
        self.inner.transform_8x8(beside)
    }

    fn intra_mode(&mut self) -> Option<u8> {
        self.inner.intra_mode()
    }

    fn chroma_mode(&mut self, beside: Beside<'_>) -> u8 {
        self.inner.chroma_mode(beside)
    }

    fn ref_index(&mut self, count: u8, increment: usize) -> u32 {
        self.inner.ref_index(count, increment)
    }

    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2] {
        self.inner.mvd(sums)
    }

    fn coded_block_pattern(&mut self, is_intra: bool, has_chroma: bool, near: CbpContext) -> u8 {
        self.inner.coded_block_pattern(is_intra, has_chroma, near)
    }

    fn qp_delta(&mut self, follows_delta: bool) -> i32 {
        self.inner.qp_delta(follows_delta)
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

    fn is_end(&mut self) -> bool {
        self.inner.is_end()
    }

    fn is_damaged(&self) -> bool {
        self.inner.is_damaged()
    }

    fn position_bytes(&self) -> usize {
        self.inner.position_bytes()
    }

    fn position_q8(&self) -> u64 {
        self.inner.position_q8()
    }
}
