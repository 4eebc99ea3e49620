//! The trait that reads the syntax elements of macroblocks; CAVLC and CABAC implement it. ITU-T
//! H.264, clause 7.3.5.

use super::motion_cache::Mvd;
use crate::cabac::BlockCategory;
use crate::macroblock::MbInfo;
use crate::slice::SliceType;
use crate::transform::Dequant;

/// The macroblocks left and above that are in the same slice, for contexts.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub left: Option<&'a MbInfo>,
    pub top: Option<&'a MbInfo>,
}

impl Beside<'_> {
    /// Counts the available neighbours for which `test` holds.
    #[inline]
    pub(crate) fn count(self, test: impl Fn(&MbInfo) -> bool) -> usize {
        usize::from(self.left.is_some_and(&test)) + usize::from(self.top.is_some_and(&test))
    }
}

/// `mb_type` or `sub_mb_type`, as in tables 7-11, 7-13, 7-14, 7-17 and 7-18.
pub(crate) type TypeNumber = u8;

/// Number of the intra type 0 (`I_NxN`) in each slice type.
pub(crate) const fn first_intra(slice_type: SliceType) -> TypeNumber {
    match slice_type {
        SliceType::I => 0,
        SliceType::P => 5,
        SliceType::B => 23,
    }
}

/// Neighbours' information for a block of coefficients.
#[derive(Clone, Copy)]
pub(crate) struct BlockContext {
    /// Numbers of coefficients of the blocks A and B; [`super::parse::NO_BLOCK`] if not available.
    /// For DC blocks in CABAC 0 or 1.
    pub left: u8,
    pub top: u8,
    pub is_intra: bool,
    pub is_field: bool,
}

/// A block of coefficients.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub category: BlockCategory,
    pub context: BlockContext,
    /// Positions of the coefficients.
    pub scan: &'a [u8],
    pub dequant: &'a Dequant<'a>,
}

/// A reader of syntax elements. Errors are remembered: see [`Self::is_damaged`].
pub(crate) trait Entropy {
    /// Whether this is CABAC.
    const CABAC: bool;

    /// `mb_skip_flag`: whether the macroblock is skipped.
    fn skip_flag(&mut self, beside: Beside<'_>, slice_type: SliceType) -> bool;
    /// `mb_field_decoding_flag`; `field_pairs` of the neighbouring pairs are field pairs.
    fn field_flag(&mut self, field_pairs: usize) -> bool;
    /// Returns `mb_field_decoding_flag` of the pair without consuming it, if it follows in CAVLC.
    fn peek_field_flag(&self) -> Option<bool> {
        None
    }
    fn mb_type(&mut self, beside: Beside<'_>, slice_type: SliceType) -> TypeNumber;
    fn sub_mb_type(&mut self, slice_type: SliceType) -> TypeNumber;
    fn transform_8x8(&mut self, beside: Beside<'_>) -> bool;
    /// Returns the remaining mode, or `None` for the predicted one.
    fn intra_mode(&mut self) -> Option<u8>;
    fn chroma_mode(&mut self, beside: Beside<'_>) -> u8;
    /// `ref_idx` below `count`; `increment` is the increment of the context.
    fn ref_index(&mut self, count: u8, increment: usize) -> u32;
    /// `mvd`; `sums` are the sums of the neighbours' absolute differences.
    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2];
    /// `coded_block_pattern`.
    fn coded_block_pattern(&mut self, is_intra: bool, has_chroma: bool, near: CbpContext) -> u8;
    /// `mb_qp_delta`; `follows_delta` states that the previous macroblock's was not 0.
    fn qp_delta(&mut self, follows_delta: bool) -> i32;
    /// A block of coefficients, which are scaled and stored in `out`; returns their number.
    fn block(&mut self, block: Block<'_>, out: &mut [i16]) -> u8;
    /// The samples of an `I_PCM` macroblock; `None` if the data is too short.
    fn pcm(&mut self, count: usize) -> Option<&[u8]>;
    /// Whether the slice ends after the current macroblock.
    fn is_end(&mut self) -> bool;
    /// Whether an invalid code was found or the data ended early.
    fn is_damaged(&self) -> bool;
    /// Position in the payload in bytes.
    fn position_bytes(&self) -> usize;
    /// Position in the payload in 1/256 bit, for traces.
    fn position_q8(&self) -> u64;
}

/// Implements methods of [`Entropy`] by calls to the reader in the field `inner`.
macro_rules! forward_to_inner {
    () => {
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

        fn chroma_mode(&mut self, beside: Beside<'_>) -> u8 {
            self.inner.chroma_mode(beside)
        }

        fn ref_index(&mut self, count: u8, increment: usize) -> u32 {
            self.inner.ref_index(count, increment)
        }

        fn coded_block_pattern(
            &mut self,
            is_intra: bool,
            has_chroma: bool,
            near: CbpContext,
        ) -> u8 {
            self.inner.coded_block_pattern(is_intra, has_chroma, near)
        }

        fn qp_delta(&mut self, follows_delta: bool) -> i32 {
            self.inner.qp_delta(follows_delta)
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
    };
}

pub(crate) use forward_to_inner;

/// Patterns of the neighbours.
#[derive(Clone, Copy)]
pub(crate) struct CbpContext {
    /// Luma bits of the left neighbour's 8x8 blocks next to the upper (bit 0) and lower (bit 1)
    /// half; set if not available.
    pub left_luma: u8,
    /// Luma bits of the upper neighbour's blocks above the left (bit 0) and right (bit 1) half; set
    /// if not available.
    pub top_luma: u8,
    /// Chroma patterns; 0 if not available.
    pub left_chroma: u8,
    pub top_chroma: u8,
}

impl CbpContext {
    /// No neighbours.
    pub(crate) const NONE: Self = Self { left_luma: 3, top_luma: 3, left_chroma: 0, top_chroma: 0 };
}

/// Clamps the absolute values of a difference of vectors.
#[inline]
pub(crate) fn clamped_mvd(mvd: [i32; 2]) -> Mvd {
    // Contexts distinguish sums up to 32; MBAFF halves and doubles them.
    mvd.map(|value| u8::try_from(value.unsigned_abs().min(127)).unwrap_or(127))
}
