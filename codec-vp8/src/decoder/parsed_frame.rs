//! A parsed frame before its reconstruction.
//!
//! Only coefficient blocks that are not all zero are stored.

use std::sync::{Mutex, PoisonError};

use codec_simd::BlockMask;

use super::super::residual::MbCoeffs;
use super::super::types::{MbInfo, MotionVector, SubblockInfo};
use super::parse::MbData;

/// The parsed macroblocks of a frame; the memory is reused from frame to frame and never grows.
#[derive(Debug)]
pub(super) struct ParsedFrame {
    pub(super) rows: Vec<Mutex<ParsedRow>>,
    pub(super) lists: ParsedLists,
}

/// Variable-length data of a frame. Modes and coefficients use separate lists, so that two threads
/// can fill them.
#[derive(Debug)]
pub(super) struct ParsedLists {
    /// Sub-block modes or vectors of the macroblocks that have their own.
    pub(super) subblocks: Vec<SubblockInfo>,
    /// Coefficient blocks of each macroblock: luma, chroma, Y2.
    pub(super) blocks: Vec<[i16; 16]>,
}

/// A parsed macroblock row.
#[derive(Debug)]
pub(super) struct ParsedRow {
    pub(super) mbs: Vec<ParsedMb>,
    /// The modes are concealed, at least in part.
    pub(super) is_lost: bool,
    /// The modes are concealed completely.
    pub(super) was_lost: bool,
    /// Start of its part of each list.
    subblocks_from: usize,
    blocks_from: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ParsedMb {
    pub(super) info: MbInfo,
    luma_mask: BlockMask,
    chroma_mask: BlockMask,
    has_y2: bool,
}

/// Returns the positions of the set bits, from the lowest on.
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(at)
    })
}

impl ParsedFrame {
    pub(super) fn new(cols: usize, rows: usize) -> Self {
        let row = || ParsedRow {
            mbs: vec![ParsedMb::default(); cols],
            is_lost: false,
            was_lost: false,
            subblocks_from: 0,
            blocks_from: 0,
        };
        Self {
            rows: (0..rows).map(|_| Mutex::new(row())).collect(),
            // Reserved memory that is never touched costs nothing.
            lists: ParsedLists {
                subblocks: Vec::with_capacity(cols * rows),
                blocks: Vec::with_capacity(cols * rows * 25),
            },
        }
    }

    /// Reads back row `y`.
    pub(super) fn read<R>(&self, y: usize, read: impl FnOnce(RowReader<'_>) -> R) -> R {
        let row = self.rows[y].lock().unwrap_or_else(PoisonError::into_inner);
        read(RowReader {
            mbs: row.mbs.iter(),
            subblocks: self.lists.subblocks[row.subblocks_from..].iter(),
            blocks: self.lists.blocks[row.blocks_from..].iter(),
        })
    }
}

impl ParsedLists {
    pub(super) fn clear(&mut self) {
        self.subblocks.clear();
        self.blocks.clear();
    }
}

impl ParsedRow {
    /// Begins the modes of this row, which are stored first and appended to `subblocks`.
    pub(super) fn begin_modes(&mut self, subblocks: &[SubblockInfo]) {
        self.subblocks_from = subblocks.len();
    }

    /// Stores the modes of macroblock `x`.
    #[inline]
    pub(super) fn store_modes(
        &mut self,
        x: usize,
        info: &MbInfo,
        subblocks: &SubblockInfo,
        list: &mut Vec<SubblockInfo>,
    ) {
        self.mbs[x].info = *info;
        if info.mode.has_subblocks() {
            list.push(*subblocks);
        }
    }

    /// Begins the coefficients of this row, which are stored second and appended to `blocks`.
    pub(super) fn begin_coeffs(&mut self, blocks: &[[i16; 16]]) {
        self.blocks_from = blocks.len();
    }

    /// Stores the coefficients of macroblock `x`, if it has any, and clears them.
    #[inline]
    pub(super) fn store_coeffs(
        &mut self,
        x: usize,
        has_coeffs: bool,
        coeffs: &mut MbCoeffs,
        list: &mut Vec<[i16; 16]>,
    ) {
        let mb = &mut self.mbs[x];
        mb.info.has_coeffs = has_coeffs;
        if has_coeffs {
            (mb.luma_mask, mb.chroma_mask) = (coeffs.luma_mask, coeffs.chroma_mask);
            mb.has_y2 = coeffs.has_y2;
            list.extend(bits(mb.luma_mask.any).map(|n| coeffs.luma.0[n]));
            list.extend(bits(mb.chroma_mask.any).map(|n| coeffs.chroma.0[n]));
            list.extend(mb.has_y2.then_some(coeffs.y2.0[0]));
            coeffs.clear();
        }
    }
}

/// Reads back the macroblocks of a row.
#[derive(Debug)]
pub(super) struct RowReader<'a> {
    mbs: std::slice::Iter<'a, ParsedMb>,
    subblocks: std::slice::Iter<'a, SubblockInfo>,
    blocks: std::slice::Iter<'a, [i16; 16]>,
}

impl RowReader<'_> {
    /// Reads the next macroblock; the coefficients in `mb` must be all zero. Sub-blocks of
    /// macroblocks that do not have their own are unspecified but of the right kind. Does nothing
    /// past the end of the row.
    #[inline]
    pub(super) fn read(&mut self, mb: &mut MbData) {
        let Some(parsed) = self.mbs.next() else { return };
        let MbData { info, subblocks, coeffs } = mb;
        *info = parsed.info;
        if info.mode.has_subblocks() {
            *subblocks = self.subblocks.next().copied().unwrap_or_default();
        } else if !info.mode.is_intra() && !matches!(subblocks, SubblockInfo::Inter(_)) {
            *subblocks = SubblockInfo::Inter([MotionVector::ZERO; 16]);
        }
        if !info.has_coeffs {
            return;
        }
        (coeffs.luma_mask, coeffs.chroma_mask) = (parsed.luma_mask, parsed.chroma_mask);
        coeffs.has_y2 = parsed.has_y2;
        for (n, block) in bits(parsed.luma_mask.any).zip(&mut self.blocks) {
            coeffs.luma.0[n] = *block;
        }
        for (n, block) in bits(parsed.chroma_mask.any).zip(&mut self.blocks) {
            coeffs.chroma.0[n] = *block;
        }
        if parsed.has_y2
            && let Some(block) = self.blocks.next()
        {
            coeffs.y2.0[0] = *block;
        }
    }
}
