//! The modes of a frame's blocks, by position.

use codec_core::frame::Sampling;

use super::fill::fill;
use crate::header::Filter;
use crate::types::{BlockSize, InterMode, IntraMode, MotionVector, Reference, References, TxSize};

/// Modes and vectors of one block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockInfo {
    /// Position in units of 8 pixels.
    pub(crate) row: u16,
    pub(crate) col: u16,
    pub(crate) size: BlockSize,
    pub(crate) tx: TxSize,
    /// Whether the block has no residual.
    pub(crate) skip: bool,
    pub(crate) segment: u8,
    /// Whether the segment was predicted from the last frame's map.
    pub(crate) segment_predicted: bool,
    pub(crate) references: References,
    /// Luma modes of the 4x4 sub-blocks in raster order; equal for blocks from 8x8 on. DC for inter
    /// blocks.
    pub(crate) luma_modes: [IntraMode; 4],
    pub(crate) chroma_mode: IntraMode,
    /// Mode of the last sub-block.
    pub(crate) inter_mode: InterMode,
    pub(crate) filter: Filter,
    /// Vectors of the sub-blocks in raster order, by reference; equal for blocks from 8x8 on.
    pub(crate) vectors: [[MotionVector; 2]; 4],
}

impl BlockInfo {
    /// Whether the block is predicted from other frames.
    #[inline]
    pub(crate) fn is_inter(&self) -> bool {
        self.references != References::Intra
    }

    /// Notes whether the block has coefficients: for the loop filter and for contexts, an inter block
    /// of at least 8x8 without any is as one whose stream has none.
    #[inline]
    pub(crate) fn note_residual(&mut self, has_residual: bool) {
        self.skip |= !has_residual && self.is_inter() && !self.size.is_sub8x8();
    }

    /// Returns the size of the block's transforms in a plane: in chroma the largest that fits, up to
    /// the size in luma.
    #[inline]
    pub(crate) fn plane_tx(&self, plane: usize, sampling: Sampling) -> TxSize {
        if plane == 0 {
            return self.tx;
        }
        if self.size.is_sub8x8() {
            return TxSize::Tx4;
        }
        let [shift_x, shift_y] = sampling.halved().map(usize::from);
        let (log2_width, log2_height) = self.size.log2_4();
        self.tx.min(TxSize::from_log2_4((log2_width - shift_x).min(log2_height - shift_y)))
    }

    /// Vector of a sub-block for `reference`, which must be one of the block's.
    #[inline]
    pub(crate) fn vector(&self, sub_block: usize, reference: Reference) -> MotionVector {
        let index = usize::from(self.references.first() != Some(reference));
        self.vectors[sub_block][index]
    }
}

/// Index of positions whose block is not decoded yet.
const NOT_DECODED: u32 = u32::MAX;

/// Number of rows above a row of superblocks whose blocks are neighbours of its blocks.
pub(crate) const ROWS_ABOVE: usize = 3;

/// The blocks of a frame, or of a row of superblocks. Positions are in units of 8 pixels.
#[derive(Debug, Default)]
pub(crate) struct ModeMap {
    cols: usize,
    /// First row.
    top: usize,
    /// Number of `blocks` that are in the rows above the rows of the map.
    above: usize,
    /// Index in `blocks` of the block at each position.
    index: Vec<u32>,
    blocks: Vec<BlockInfo>,
}

impl ModeMap {
    /// Removes all blocks and sets the size.
    pub(crate) fn reset(&mut self, cols: usize, rows: usize) {
        (self.cols, self.top, self.above) = (cols, 0, 0);
        self.index.clear();
        self.index.resize(cols * rows, NOT_DECODED);
        self.blocks.clear();
        self.blocks.reserve(cols * rows);
    }

    /// Removes all blocks; the map then has the `rows` rows from `first` on, and the blocks of
    /// [`ROWS_ABOVE`] rows above them, if there are any: see [`Self::set_above`].
    pub(crate) fn reset_rows(&mut self, cols: usize, first: usize, rows: usize) {
        let above = first.min(ROWS_ABOVE);
        (self.cols, self.top, self.above) = (cols, first - above, cols * above);
        self.index.clear();
        self.index.extend((0..).take(self.above));
        self.index.resize(cols * (above + rows), NOT_DECODED);
        self.blocks.clear();
        self.blocks.reserve(cols * (above + rows));
        self.blocks.resize(self.above, BlockInfo::default());
    }

    /// Sets the block at a position above the rows of the map.
    #[inline]
    pub(crate) fn set_above(&mut self, row: usize, col: usize, info: &BlockInfo) {
        self.blocks[(row - self.top) * self.cols + col] = *info;
    }

    /// Adds a block; `cols` x `rows` units of it are inside the frame.
    #[inline]
    pub(crate) fn push(&mut self, info: &BlockInfo, cols: usize, rows: usize) {
        let index = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        let first = (usize::from(info.row) - self.top) * self.cols + usize::from(info.col);
        for row in 0..rows {
            fill(&mut self.index[first + row * self.cols..], cols, index);
        }
        self.blocks.push(*info);
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Removes the blocks after the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.blocks.truncate(len);
    }

    /// All blocks of the map, in the order in which they were added.
    pub(crate) fn blocks(&self) -> &[BlockInfo] {
        &self.blocks[self.above..]
    }

    /// As [`Self::blocks`], to change what no other block depends on.
    pub(crate) fn blocks_mut(&mut self) -> &mut [BlockInfo] {
        &mut self.blocks[self.above..]
    }

    /// Whether the block at a position has been decoded.
    pub(crate) fn is_decoded(&self, row: usize, col: usize) -> bool {
        self.index[(row - self.top) * self.cols + col] != NOT_DECODED
    }

    /// The block at a position. Only valid for positions that have been decoded.
    #[inline]
    pub(crate) fn get(&self, row: usize, col: usize) -> &BlockInfo {
        &self.blocks[self.index[(row - self.top) * self.cols + col] as usize]
    }
}
