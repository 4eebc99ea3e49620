//! The trees of the tree-coded syntax elements.

use codec_core::entropy::Tree;

/// Luma and chroma intra modes; leaves in the order of [`crate::types::IntraMode::ALL`].
pub static INTRA_MODE: Tree<18, 10> = Tree::new(INTRA_MODE_BRANCHES);
/// Inter modes; leaves in the order of [`crate::types::InterMode::ALL`].
pub static INTER_MODE: Tree<6, 4> = Tree::new(CHAIN_OF_FOUR);
/// Partitions; leaves in the order of [`crate::types::Partition::ALL`].
pub static PARTITION: Tree<6, 4> = Tree::new(CHAIN_OF_FOUR);
/// Interpolation filters: regular, smooth, sharp.
pub static FILTER: Tree<4, 3> = Tree::new(FILTER_BRANCHES);
/// Segments.
pub static SEGMENT: Tree<14, 8> = Tree::new(SEGMENT_BRANCHES);
/// Which components of a vector difference are not zero: none, the column, the row, both.
pub static JOINT: Tree<6, 4> = Tree::new(CHAIN_OF_FOUR);
/// Class of a vector component: the binary logarithm of its magnitude.
pub static CLASS: Tree<20, 11> = Tree::new(CLASS_BRANCHES);
/// Quarters of a pixel of a vector component.
pub static FRACTION: Tree<6, 4> = Tree::new(CHAIN_OF_FOUR);

/// Branches of [`INTRA_MODE`].
pub const INTRA_MODE_BRANCHES: [i8; 18] =
    [0, 2, -9, 4, -1, 6, 8, 12, -2, 10, -4, -5, -3, 14, -8, 16, -6, -7];
/// Branches of the trees of four leaves, in which each node decides about one leaf.
pub const CHAIN_OF_FOUR: [i8; 6] = [0, 2, -1, 4, -2, -3];
/// Branches of [`SEGMENT`].
pub const SEGMENT_BRANCHES: [i8; 14] = [2, 4, 6, 8, 10, 12, 0, -1, -2, -3, -4, -5, -6, -7];
/// Branches of [`FILTER`].
pub const FILTER_BRANCHES: [i8; 4] = [0, 2, -1, -2];
/// Branches of [`CLASS`].
pub const CLASS_BRANCHES: [i8; 20] =
    [0, 2, -1, 4, 6, 8, -2, -3, 10, 12, -4, -5, -6, 14, 16, 18, -7, -8, -9, -10];
