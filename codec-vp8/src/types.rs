//! Types of the bitstream: quantiser index, macroblock modes, references, motion vectors,
//! partitionings. RFC 6386, sections 5, 8, 9.6 and 16.

use codec_simd::{IntraMode, SubblockMode};

use super::tables::{AC_STEPS, DC_STEPS};

/// A quantiser index (section 9.6): 0 is the finest, 127 the coarsest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QIndex(u8);

impl QIndex {
    /// The finest index.
    pub const MIN: Self = Self(0);
    /// The coarsest index.
    pub const MAX: Self = Self(127);

    /// Creates an index; values above 127 count as 127.
    #[inline]
    #[must_use]
    pub const fn saturating(index: u8) -> Self {
        if index > Self::MAX.0 { Self::MAX } else { Self(index) }
    }

    /// Returns the number, 0..=127.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the index that is `delta` coarser, within 0..=127.
    #[inline]
    #[must_use]
    pub fn offset(self, delta: i8) -> Self {
        let index = (i16::from(self.0) + i16::from(delta)).clamp(0, i16::from(Self::MAX.0));
        Self(u8::try_from(index).unwrap_or(0))
    }

    /// Returns the quantiser step of DC coefficients.
    #[inline]
    #[must_use]
    pub fn dc_step(self) -> u8 {
        DC_STEPS[usize::from(self.0 & 127)]
    }

    /// Returns the quantiser step of AC coefficients.
    #[inline]
    #[must_use]
    pub fn ac_step(self) -> u16 {
        AC_STEPS[usize::from(self.0 & 127)]
    }
}

/// A motion vector in quarter pixels; positive is right and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct MotionVector {
    pub x: i16,
    pub y: i16,
}

impl MotionVector {
    /// No motion.
    pub const ZERO: Self = Self { x: 0, y: 0 };

    /// Creates a vector.
    #[must_use]
    pub const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }
}

/// Reference frame of an inter macroblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum Reference {
    Last,
    Golden,
    Altref,
}

impl Reference {
    /// All references, in the order of the reference slots.
    pub const ALL: [Self; 3] = [Self::Last, Self::Golden, Self::Altref];

    /// Returns the index in tables by [`MbMode::reference_index`], where 0 is intra: 1..=3.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize + 1
    }
}

/// Luma prediction of an intra macroblock. Section 8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntraLuma {
    /// One mode for the whole block.
    Whole(IntraMode),
    /// `B_PRED`: each 4x4 sub-block has its own mode.
    PerBlock,
}

impl IntraLuma {
    /// All modes, in the order of the bitstream's enumeration.
    pub const ALL: [Self; 5] = [
        Self::Whole(IntraMode::Dc),
        Self::Whole(IntraMode::Vertical),
        Self::Whole(IntraMode::Horizontal),
        Self::Whole(IntraMode::TrueMotion),
        Self::PerBlock,
    ];

    /// Returns the position in [`Self::ALL`].
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Whole(mode) => mode as usize,
            Self::PerBlock => 4,
        }
    }

    /// Returns the 4x4 mode that contexts of neighbours use for this mode. Section 11.3.
    #[must_use]
    pub fn implied_subblock(self) -> SubblockMode {
        match self {
            Self::Whole(IntraMode::Vertical) => SubblockMode::Vertical,
            Self::Whole(IntraMode::Horizontal) => SubblockMode::Horizontal,
            Self::Whole(IntraMode::TrueMotion) => SubblockMode::TrueMotion,
            Self::Whole(IntraMode::Dc) | Self::PerBlock => SubblockMode::Dc,
        }
    }
}

/// How the vector of an inter macroblock is coded. Section 16.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum InterMode {
    Nearest,
    Near,
    Zero,
    New,
    /// Each partition has its own vector.
    Split(Partitioning),
}

impl InterMode {
    /// Returns the position in the bitstream's enumeration, 0..=4.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Nearest => 0,
            Self::Near => 1,
            Self::Zero => 2,
            Self::New => 3,
            Self::Split(_) => 4,
        }
    }
}

/// Partitioning of a split macroblock (section 16.4), in the order of the bitstream's enumeration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Partitioning {
    /// Two halves, top and bottom: 16x8.
    #[default]
    TopBottom,
    /// Two halves, left and right: 8x16.
    LeftRight,
    /// Four 8x8 quarters.
    Quarters,
    /// Sixteen 4x4 sub-blocks.
    Sixteenths,
}

/// Prediction mode of a macroblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MbMode {
    /// Intra prediction. Section 8.2.
    Intra {
        /// Luma mode.
        luma: IntraLuma,
        /// Chroma mode.
        chroma: IntraMode,
    },
    /// Inter prediction. Section 16.3.
    Inter {
        /// Reference frame.
        reference: Reference,
        /// How the vector is coded.
        mode: InterMode,
        /// Motion vector of the macroblock, or of its last sub-block if it is split.
        mv: MotionVector,
    },
}

impl Default for MbMode {
    /// Returns the mode that macroblocks outside the frame count as.
    fn default() -> Self {
        Self::Intra { luma: IntraLuma::Whole(IntraMode::Dc), chroma: IntraMode::Dc }
    }
}

impl MbMode {
    /// A copy from the last frame.
    pub const STATIC: Self =
        Self::Inter { reference: Reference::Last, mode: InterMode::Zero, mv: MotionVector::ZERO };

    /// Returns whether the macroblock has a Y2 block for its luma DCs.
    #[inline]
    #[must_use]
    pub const fn has_y2(self) -> bool {
        !self.has_subblocks()
    }

    /// Returns whether the sub-blocks have their own modes or vectors.
    #[inline]
    #[must_use]
    pub const fn has_subblocks(self) -> bool {
        matches!(
            self,
            Self::Intra { luma: IntraLuma::PerBlock, .. }
                | Self::Inter { mode: InterMode::Split(_), .. }
        )
    }

    /// Returns whether the macroblock is intra.
    #[inline]
    #[must_use]
    pub const fn is_intra(self) -> bool {
        matches!(self, Self::Intra { .. })
    }

    /// Returns the reference of an inter macroblock.
    #[inline]
    #[must_use]
    pub const fn reference(self) -> Option<Reference> {
        match self {
            Self::Intra { .. } => None,
            Self::Inter { reference, .. } => Some(reference),
        }
    }

    /// Returns 0 for intra, and [`Reference::index`] for inter macroblocks.
    #[inline]
    #[must_use]
    pub const fn reference_index(self) -> usize {
        match self {
            Self::Intra { .. } => 0,
            Self::Inter { reference, .. } => reference.index(),
        }
    }

    /// Returns the motion vector; zero for intra macroblocks.
    #[inline]
    #[must_use]
    pub const fn mv(self) -> MotionVector {
        match self {
            Self::Intra { .. } => MotionVector::ZERO,
            Self::Inter { mv, .. } => mv,
        }
    }
}

/// Macroblock properties that neighbours, the loop filter and statistics use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MbInfo {
    /// Prediction mode.
    pub mode: MbMode,
    /// Segment, 0..=3.
    pub segment: u8,
    /// `mb_skip_coeff`, coded or implied: no coefficients follow.
    pub skip: bool,
    /// Whether any coefficient is non-zero; false if `skip` is set.
    pub has_coeffs: bool,
}

/// Modes or vectors of the sixteen sub-blocks, in raster order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubblockInfo {
    /// 4x4 modes of an intra macroblock; the implied ones if it has a whole-block mode.
    Intra([SubblockMode; 16]),
    /// Motion vectors of an inter macroblock, all equal unless it is split.
    Inter([MotionVector; 16]),
}

impl Default for SubblockInfo {
    fn default() -> Self {
        Self::Intra([SubblockMode::Dc; 16])
    }
}
