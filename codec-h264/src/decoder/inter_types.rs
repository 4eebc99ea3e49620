//! Types of inter macroblocks and sub-macroblocks. ITU-T H.264, tables 7-13, 7-14, 7-17 and 7-18.

use crate::macroblock::SubShape;

/// Lists that a partition uses: bit 0 for list 0, bit 1 for list 1.
pub(crate) type Lists = u8;

/// Lists of the two partitions of B macroblocks of the types 4 to 21, in pairs of 16x8 and 8x16.
pub(crate) const B_LISTS: [[Lists; 2]; 9] =
    [[1, 1], [2, 2], [1, 2], [2, 1], [1, 3], [2, 3], [3, 1], [3, 2], [3, 3]];

/// Shape and lists of B sub-macroblocks, by type; the first is direct.
pub(crate) const B_SUB: [(SubShape, Lists); 13] = [
    (SubShape::Quarters, 0),
    (SubShape::Whole, 1),
    (SubShape::Whole, 2),
    (SubShape::Whole, 3),
    (SubShape::Rows, 1),
    (SubShape::Columns, 1),
    (SubShape::Rows, 2),
    (SubShape::Columns, 2),
    (SubShape::Rows, 3),
    (SubShape::Columns, 3),
    (SubShape::Quarters, 1),
    (SubShape::Quarters, 2),
    (SubShape::Quarters, 3),
];

/// Shapes of P sub-macroblocks, by type.
pub(crate) const P_SUB: [SubShape; 4] =
    [SubShape::Whole, SubShape::Rows, SubShape::Columns, SubShape::Quarters];

impl SubShape {
    /// Width and height of the parts in 4x4 blocks, and the first blocks of the parts.
    pub(crate) fn parts(self) -> ((usize, usize), &'static [(usize, usize)]) {
        match self {
            Self::Whole => ((2, 2), &[(0, 0)]),
            Self::Rows => ((2, 1), &[(0, 0), (0, 1)]),
            Self::Columns => ((1, 2), &[(0, 0), (1, 0)]),
            Self::Quarters => ((1, 1), &[(0, 0), (1, 0), (0, 1), (1, 1)]),
        }
    }
}
