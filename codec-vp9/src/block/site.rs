//! A block and its neighbours, which determine the entropy contexts of its syntax elements.

use super::mode_map::BlockInfo;
use crate::types::{BlockSize, IntraMode, References, TxSize};

/// A block and its neighbours. Positions are in units of 8 pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSite {
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) size: BlockSize,
    pub(crate) above: Option<BlockInfo>,
    pub(crate) left: Option<BlockInfo>,
}

impl BlockSite {
    /// Sum of a property of both neighbours; 0 for missing ones.
    pub(crate) fn count(&self, property: impl Fn(&BlockInfo) -> bool) -> usize {
        let count = |block: &Option<BlockInfo>| block.as_ref().is_some_and(&property);
        usize::from(count(&self.above)) + usize::from(count(&self.left))
    }

    pub(crate) fn references(&self) -> [Option<References>; 2] {
        [self.above, self.left].map(|block| block.map(|block| block.references))
    }

    /// Context of the transform size: whether the neighbours' transforms are large.
    pub(crate) fn tx_context(&self, largest: TxSize) -> usize {
        let size = |block: BlockInfo| if block.skip { largest } else { block.tx } as usize;
        let (above, left) = match (self.above.map(size), self.left.map(size)) {
            (Some(above), Some(left)) => (above, left),
            (Some(one), None) | (None, Some(one)) => (one, one),
            (None, None) => (largest as usize, largest as usize),
        };
        usize::from(above + left > largest as usize)
    }

    /// Context of the interpolation filter.
    pub(crate) fn filter_context(&self) -> usize {
        let filter = |block: Option<BlockInfo>| {
            block.filter(BlockInfo::is_inter).map_or(3, |block| block.filter as usize)
        };
        match (filter(self.above), filter(self.left)) {
            (above, left) if above == left => above,
            (3, one) | (one, 3) => one,
            _ => 3,
        }
    }

    pub(crate) fn info(&self) -> BlockInfo {
        let position = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        BlockInfo {
            row: position(self.row),
            col: position(self.col),
            size: self.size,
            ..BlockInfo::default()
        }
    }

    /// Luma modes above and on the left of a sub-block, of whose block `modes` has the modes before it.
    pub(crate) fn intra_neighbours(&self, index: usize, modes: &[IntraMode; 4]) -> [IntraMode; 2] {
        let neighbour = |block: &Option<BlockInfo>, at: usize| match block {
            Some(block) => block.luma_modes[at],
            None => IntraMode::Dc,
        };
        let above = if index < 2 { neighbour(&self.above, index + 2) } else { modes[index - 2] };
        let left = if index.is_multiple_of(2) {
            neighbour(&self.left, index + 1)
        } else {
            modes[index - 1]
        };
        [above, left]
    }

    /// The sub-blocks whose modes are coded: index in raster order, and the sub-blocks that take
    /// them over.
    pub(crate) fn sub_blocks(&self) -> &'static [(usize, &'static [usize])] {
        match self.size {
            BlockSize::B4x4 => &[(0, &[0]), (1, &[1]), (2, &[2]), (3, &[3])],
            BlockSize::B4x8 => &[(0, &[0, 2]), (1, &[1, 3])],
            BlockSize::B8x4 => &[(0, &[0, 1]), (2, &[2, 3])],
            _ => &[(0, &[0, 1, 2, 3])],
        }
    }
}
