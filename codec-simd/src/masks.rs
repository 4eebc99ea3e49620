//! What a [`BlockMask`] says about one block.

use crate::types::BlockMask;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    Empty,
    DcOnly,
    Full,
}

impl BlockKind {
    #[inline]
    pub(crate) fn of(mask: BlockMask, block: u32) -> Self {
        let bit = 1 << block;
        match (mask.any & bit != 0, mask.ac & bit != 0) {
            (false, _) => Self::Empty,
            (true, false) => Self::DcOnly,
            (true, true) => Self::Full,
        }
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// Which coefficients of a block count, by [`BlockKind::index`]: a caller may leave others in.
pub(crate) static KEEP: [[[i16; 8]; 2]; 3] =
    [[[0; 8]; 2], [[-1, 0, 0, 0, 0, 0, 0, 0], [0; 8]], [[-1; 8]; 2]];

impl BlockMask {
    /// The bits from `block` on.
    #[inline]
    pub(crate) fn from(self, block: usize) -> Self {
        Self { any: self.any >> block, ac: self.ac >> block }
    }

    /// The only block among the first `blocks` (at most 8) that is not empty, if it is alone and
    /// has more than its DC: not worth a transform of them all.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn lone(self, blocks: u32) -> Option<usize> {
        let any = self.any & ((1 << blocks) - 1);
        (any.is_power_of_two() && any & self.ac != 0).then_some(any.trailing_zeros() as usize)
    }
}

/// Rounded DCs as bytes; of each, one is zero.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct DcsOf<Register> {
    pub(crate) plus: Register,
    pub(crate) minus: Register,
}
