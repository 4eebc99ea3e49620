//! Block sizes, modes and vectors.

pub use codec_simd::vp9::{Vp9IntraMode as IntraMode, Vp9TxSize as TxSize};

/// Size of a block in luma pixels, as width x height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum BlockSize {
    #[default]
    B4x4,
    B4x8,
    B8x4,
    B8x8,
    B8x16,
    B16x8,
    B16x16,
    B16x32,
    B32x16,
    B32x32,
    B32x64,
    B64x32,
    B64x64,
}

impl BlockSize {
    /// The square sizes from 64x64 down to 8x8, by level of the partition tree.
    pub const SQUARES: [Self; 4] = [Self::B64x64, Self::B32x32, Self::B16x16, Self::B8x8];

    /// Returns the binary logarithms of width and height in units of 4 pixels.
    #[inline]
    #[must_use]
    pub fn log2_4(self) -> (usize, usize) {
        const LOG2: [(u8, u8); 13] = [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (1, 2),
            (2, 1),
            (2, 2),
            (2, 3),
            (3, 2),
            (3, 3),
            (3, 4),
            (4, 3),
            (4, 4),
        ];
        let (width, height) = LOG2[self as usize];
        (usize::from(width), usize::from(height))
    }

    /// Returns width and height in units of 8 pixels, at least 1.
    #[inline]
    #[must_use]
    pub fn mi(self) -> (usize, usize) {
        const UNITS: [(u8, u8); 13] = [
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 2),
            (2, 1),
            (2, 2),
            (2, 4),
            (4, 2),
            (4, 4),
            (4, 8),
            (8, 4),
            (8, 8),
        ];
        let (width, height) = UNITS[self as usize];
        (usize::from(width), usize::from(height))
    }

    /// Returns width and height in units of 4 pixels.
    #[inline]
    #[must_use]
    pub fn units(self) -> (usize, usize) {
        let (width, height) = self.log2_4();
        (1 << width, 1 << height)
    }

    /// Whether the block is smaller than 8x8: up to four blocks with their own modes in 8x8 pixels.
    #[inline]
    #[must_use]
    pub fn is_sub8x8(self) -> bool {
        self < Self::B8x8
    }

    /// Returns the group of sizes whose luma modes share probabilities in inter frames.
    #[must_use]
    pub fn luma_mode_group(self) -> usize {
        let (width, height) = self.log2_4();
        if self.is_sub8x8() { 0 } else { width.min(height).min(3) }
    }

    /// Returns the largest transform that fits the block.
    #[inline]
    #[must_use]
    pub fn max_tx(self) -> TxSize {
        let (width, height) = self.log2_4();
        TxSize::from_log2_4(width.min(height))
    }

    /// Returns the block size of a partition of a square block of level `level` (0 is 64x64, 3 is
    /// 8x8).
    #[inline]
    #[must_use]
    pub fn partitioned(level: usize, partition: Partition) -> Self {
        const SIZES: [[BlockSize; 4]; 4] = [
            [BlockSize::B64x64, BlockSize::B64x32, BlockSize::B32x64, BlockSize::B32x32],
            [BlockSize::B32x32, BlockSize::B32x16, BlockSize::B16x32, BlockSize::B16x16],
            [BlockSize::B16x16, BlockSize::B16x8, BlockSize::B8x16, BlockSize::B8x8],
            [BlockSize::B8x8, BlockSize::B8x4, BlockSize::B4x8, BlockSize::B4x4],
        ];
        SIZES[level][partition as usize]
    }
}

/// How a square block is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Partition {
    Whole,
    Horizontal,
    Vertical,
    Split,
}

impl Partition {
    /// All partitions, in the order of their leaves in the tree.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Horizontal, Self::Vertical, Self::Split];
}

/// Transform sizes of a frame: the same rule for all blocks, or a choice per block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TxMode {
    /// 4x4 in all blocks.
    #[default]
    Only4x4,
    /// The largest transform that fits the block, up to 8x8.
    UpTo8x8,
    /// The largest transform that fits the block, up to 16x16.
    UpTo16x16,
    /// The largest transform that fits the block, up to 32x32.
    UpTo32x32,
    /// Each block codes its transform size.
    PerBlock,
}

impl TxMode {
    /// Returns the largest transform that blocks may have.
    #[must_use]
    pub fn largest(self) -> TxSize {
        match self {
            Self::Only4x4 => TxSize::Tx4,
            Self::UpTo8x8 => TxSize::Tx8,
            Self::UpTo16x16 => TxSize::Tx16,
            Self::UpTo32x32 | Self::PerBlock => TxSize::Tx32,
        }
    }
}

/// Inter prediction mode, in the order of its tree's leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum InterMode {
    #[default]
    Zero,
    Nearest,
    Near,
    New,
}

impl InterMode {
    /// All modes, in the order of the tree's leaves.
    pub const ALL: [Self; 4] = [Self::Zero, Self::Nearest, Self::Near, Self::New];
}

/// A reference of an inter frame. The frame header assigns a slot to each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Reference {
    #[default]
    Last,
    Golden,
    Altref,
}

impl Reference {
    /// All references, in the order of the frame header.
    pub const ALL: [Self; 3] = [Self::Last, Self::Golden, Self::Altref];
}

/// The references of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// The block is predicted from its own frame.
    #[default]
    Intra,
    /// One reference.
    Single(Reference),
    /// The mean of the predictions from two references.
    Compound([Reference; 2]),
}

impl References {
    /// Returns the first reference; `None` for intra blocks.
    #[inline]
    #[must_use]
    pub fn first(self) -> Option<Reference> {
        match self {
            Self::Intra => None,
            Self::Single(reference) | Self::Compound([reference, _]) => Some(reference),
        }
    }

    /// Returns the second reference; `None` unless there are two.
    #[inline]
    #[must_use]
    pub fn second(self) -> Option<Reference> {
        match self {
            Self::Compound([_, reference]) => Some(reference),
            Self::Intra | Self::Single(_) => None,
        }
    }

    /// Whether `reference` is one of them.
    #[inline]
    #[must_use]
    pub fn contains(self, reference: Reference) -> bool {
        self.first() == Some(reference) || self.second() == Some(reference)
    }
}

/// A motion vector in eighths of a luma pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct MotionVector {
    pub row: i16,
    pub col: i16,
}

impl MotionVector {
    /// Creates a vector from its components.
    #[inline]
    #[must_use]
    pub const fn new(row: i16, col: i16) -> Self {
        Self { row, col }
    }

    /// Returns the opposite vector.
    #[inline]
    #[must_use]
    pub fn negated(self) -> Self {
        Self { row: self.row.wrapping_neg(), col: self.col.wrapping_neg() }
    }
}
