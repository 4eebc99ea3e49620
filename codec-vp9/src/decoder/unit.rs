//! Buffers for the blocks of a unit (a few superblocks) that are parsed, but not yet reconstructed.

use std::ops::Range;

use super::residual::{ResidualParser, StoredResidual};
use super::tile::BlockSink;
use crate::block::mode_map::BlockInfo;
use crate::block::reconstruct::Reconstructor;
use crate::block::sample::Sample;

/// Largest number of superblocks in a unit.
pub(super) const UNIT_SUPERBLOCKS: usize = 4;
/// Samples of a superblock in a plane, at most.
const SUPERBLOCK_SAMPLES: usize = 64 * 64;

/// The blocks of some superblocks.
#[derive(Debug)]
pub(crate) struct Unit<S: Sample> {
    blocks: Vec<StoredBlock>,
    /// Residuals of luma and of chroma.
    residual: [StoredResidual<S::Coefficient>; 2],
    /// Rows of superblocks that can be filtered after these blocks.
    pub(super) filtered: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct StoredBlock {
    info: BlockInfo,
    /// Whether its tile has blocks on the left.
    has_left: bool,
}

impl<S: Sample> Default for Unit<S> {
    fn default() -> Self {
        let luma = UNIT_SUPERBLOCKS * SUPERBLOCK_SAMPLES;
        Self {
            blocks: Vec::with_capacity(luma / 64),
            residual: [luma, 2 * luma].map(StoredResidual::with_room),
            filtered: 0..0,
        }
    }
}

impl<S: Sample> Unit<S> {
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.residual.iter_mut().for_each(StoredResidual::clear);
        self.filtered = 0..0;
    }

    /// Reconstructs the blocks in luma or in chroma.
    pub(super) fn reconstruct(&self, reconstructor: &mut Reconstructor<'_, S>) {
        let mut residual = self.residual[reconstructor.own.start].reader();
        for StoredBlock { info, has_left } in &self.blocks {
            reconstructor.reconstruct(info, *has_left, &mut residual);
            reconstructor.add_edges(info);
        }
        for row in self.filtered.clone() {
            reconstructor.filter_row(row);
        }
    }
}

impl<S: Sample> BlockSink<S> for Unit<S> {
    fn block(
        &mut self,
        info: &mut BlockInfo,
        has_left: bool,
        parser: &mut ResidualParser<'_, '_, S>,
    ) {
        if !info.skip {
            let before = self.residual.each_ref().map(StoredResidual::len);
            let mut has_residual = false;
            for block in parser.setup.plane_blocks(info) {
                let stored = &mut self.residual[block.plane.min(1)];
                for at in block.transforms() {
                    has_residual |= stored.push(parser, info, &block, at);
                }
            }
            info.note_residual(has_residual);
            if info.skip {
                self.residual.iter_mut().zip(before).for_each(|(stored, len)| stored.truncate(len));
            }
        }
        self.blocks.push(StoredBlock { info: *info, has_left });
    }
}
