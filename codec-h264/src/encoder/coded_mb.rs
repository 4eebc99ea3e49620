//! A macroblock after mode decision, in the form that the bitstream writer expects. ITU-T H.264,
//! clause 7.3.5.

use crate::macroblock::Shape;
use crate::picture::Mv;

/// Prediction of a macroblock in the terms of the syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodedKind {
    /// `P_Skip` or `B_Skip`.
    Skip,
    /// `B_Direct_16x16`.
    Direct,
    /// 4x4 blocks in decoding order: `rem_intra4x4_pred_mode`, or `None` for the predicted mode.
    Intra4x4([Option<u8>; 16]),
    /// As [`Self::Intra4x4`], by 8x8 block.
    Intra8x8([Option<u8>; 4]),
    /// Mode of the whole macroblock.
    Intra16x16(u8),
    /// Samples instead of levels.
    Pcm,
    /// Partitions; [`CodedMb::direct`] names 8x8 blocks in direct mode.
    Inter(Shape),
}

impl CodedKind {
    /// Returns whether all blocks have the first reference and the zero vector.
    #[inline]
    pub(crate) fn is_still(&self, refs: [i8; 4], mvs: &[Mv; 16]) -> bool {
        let has_zeros = match self {
            Self::Skip | Self::Inter(Shape::Whole) => mvs[0] == Mv::ZERO,
            Self::Inter(_) => *mvs == [Mv::ZERO; 16],
            _ => false,
        };
        has_zeros && refs == [0; 4]
    }
}

/// A macroblock after mode decision. Its levels are separate: see [`CodedMb::coded`]. So are the
/// differences of its vectors to the predicted ones, one for each partition in the order of the syntax.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedMb {
    pub kind: CodedKind,
    /// `QPY`. Macroblocks without a residual keep the value of the macroblock before.
    pub qp: u8,
    pub transform_8x8: bool,
    pub chroma_mode: u8,
    /// 8x8 blocks in direct mode, in B slices.
    pub direct: u8,
    /// `coded_block_pattern`: bits 0 to 3 luma, from bit 4 chroma.
    pub cbp: u8,
    /// Blocks with levels: bits 0 to 15 luma in decoding order (with the 8x8 transform every
    /// fourth; with `Intra_16x16` AC levels only), 16 to 19 AC of Cb, 20 to 23 of Cr, 24 DC of
    /// `Intra_16x16`, 25 DC of Cb, 26 of Cr.
    ///
    /// The levels of these blocks follow each other in the order of the syntax: DC of
    /// `Intra_16x16`, luma, DC of Cb, DC of Cr, AC of Cb, AC of Cr. Each block is stored in scan order:
    /// 64 levels with the 8x8 transform, 4 for DC of chroma, else 16. The first level of AC blocks
    /// is 0 and not coded.
    pub coded: u32,
    /// Reference indices of 8x8 blocks by list; -1 if unused.
    pub refs: [[i8; 4]; 2],
}

/// Data of the next macroblocks: vector differences and levels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending<'a> {
    pub mvds: &'a [Mv],
    pub levels: &'a [i16],
}

impl<'a> Pending<'a> {
    /// Takes the next difference of vectors; zero if there is none.
    #[inline]
    pub(crate) fn take_mvd(&mut self) -> Mv {
        let Some((first, rest)) = self.mvds.split_first() else { return Mv::ZERO };
        self.mvds = rest;
        *first
    }

    /// Takes the next `count` levels; fewer if there are not so many.
    #[inline]
    pub(crate) fn take_levels(&mut self, count: usize) -> &'a [i16] {
        let (block, rest) = self.levels.split_at(count.min(self.levels.len()));
        self.levels = rest;
        block
    }
}

/// Bits of [`CodedMb::coded`].
pub(crate) mod coded {
    /// First bit of AC of Cb; the bits of Cr follow.
    pub(crate) const CHROMA: u32 = 16;
    /// DC of `Intra_16x16`.
    pub(crate) const LUMA_DC: u32 = 24;
    /// DC of Cb; DC of Cr follows.
    pub(crate) const CHROMA_DC: u32 = 25;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macroblock::SubShape;

    #[test]
    fn still_macroblocks_have_zero_vectors_of_the_first_reference() {
        let quarters = CodedKind::Inter(Shape::Quarters([SubShape::Whole; 4]));
        let (still, mut moved) = ([Mv::ZERO; 16], [Mv::ZERO; 16]);
        moved[15].x = 1;
        for kind in [CodedKind::Skip, CodedKind::Inter(Shape::Whole), quarters] {
            assert!(kind.is_still([0; 4], &still), "{kind:?}");
            assert!(!kind.is_still([0, 0, 1, 0], &still), "{kind:?}");
        }
        assert!(!quarters.is_still([0; 4], &moved));
        assert!(!CodedKind::Intra16x16(2).is_still([-1; 4], &still));
    }
}
