//! Methods of [`BlockMask`], which marks the blocks that have non-zero coefficients, for kernels
//! that process several blocks at once.

use crate::types::BlockMask;

impl BlockMask {
    /// The bits from `block` on.
    #[inline]
    pub(crate) fn from(self, block: usize) -> Self {
        Self { any: self.any >> block, ac: self.ac >> block }
    }

    /// The DCs of the first two blocks, masked.
    #[inline]
    pub(crate) fn dcs_of_two(self, [a, b]: &[[i16; 16]; 2]) -> [i16; 2] {
        [if self.any & 1 == 0 { 0 } else { a[0] }, if self.any & 2 == 0 { 0 } else { b[0] }]
    }

    /// The only non-empty block among the first `blocks` (at most 8), if there is exactly one and
    /// it has more than its DC: a transform of all blocks would be wasted.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn lone(self, blocks: u32) -> Option<usize> {
        let any = self.any & ((1 << blocks) - 1);
        (any.is_power_of_two() && any & self.ac != 0).then_some(any.trailing_zeros() as usize)
    }
}

/// Masks of a row of two blocks, from their two bits: in the first row, without the DCs, and in the
/// others.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) static KEEP: [[[i16; 8]; 2]; 4] = [
    [[0; 8]; 2],
    [[0, -1, -1, -1, 0, 0, 0, 0], [-1, -1, -1, -1, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0, -1, -1, -1], [0, 0, 0, 0, -1, -1, -1, -1]],
    [[0, -1, -1, -1, 0, -1, -1, -1], [-1; 8]],
];

/// Rounded DCs as bytes, positive and negative part; one of the two is zero.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct DcsOf<Register> {
    pub(crate) plus: Register,
    pub(crate) minus: Register,
}
