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

/// Reference frame of a macroblock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum Reference {
    /// The current frame: intra prediction.
    #[default]
    Current,
    Last,
    Golden,
    Altref,
}

/// Luma prediction mode of a macroblock: five intra modes (section 8.2), five inter modes (section
/// 16.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's, spelled out")]
pub enum LumaMode {
    #[default]
    Dc,
    Vertical,
    Horizontal,
    TrueMotion,
    /// `B_PRED`: each 4x4 sub-block has its own mode.
    PerBlock,
    Nearest,
    Near,
    Zero,
    New,
    /// Each partition has its own vector.
    Split,
}

impl LumaMode {
    /// Returns whether the macroblock has a Y2 block for its luma DCs.
    #[must_use]
    pub fn has_y2(self) -> bool {
        !matches!(self, Self::PerBlock | Self::Split)
    }

    /// Returns the whole-block intra mode, if it is one.
    #[must_use]
    pub fn whole_intra(self) -> Option<IntraMode> {
        match self {
            Self::Dc => Some(IntraMode::Dc),
            Self::Vertical => Some(IntraMode::Vertical),
            Self::Horizontal => Some(IntraMode::Horizontal),
            Self::TrueMotion => Some(IntraMode::TrueMotion),
            Self::PerBlock | Self::Nearest | Self::Near | Self::Zero | Self::New | Self::Split => {
                None
            }
        }
    }

    /// Returns the 4x4 mode that contexts of neighbours use for this mode (section 11.3).
    #[must_use]
    pub fn implied_subblock(self) -> SubblockMode {
        match self {
            Self::Vertical => SubblockMode::Vertical,
            Self::Horizontal => SubblockMode::Horizontal,
            Self::TrueMotion => SubblockMode::TrueMotion,
            Self::Dc
            | Self::PerBlock
            | Self::Nearest
            | Self::Near
            | Self::Zero
            | Self::New
            | Self::Split => SubblockMode::Dc,
        }
    }
}

impl From<IntraMode> for LumaMode {
    fn from(mode: IntraMode) -> Self {
        match mode {
            IntraMode::Dc => Self::Dc,
            IntraMode::Vertical => Self::Vertical,
            IntraMode::Horizontal => Self::Horizontal,
            IntraMode::TrueMotion => Self::TrueMotion,
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

/// Macroblock properties that neighbours, the loop filter and statistics use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MbInfo {
    /// Luma mode; an inter mode if and only if `reference` is not the current frame.
    pub luma: LumaMode,
    /// Chroma mode of an intra macroblock.
    pub chroma: IntraMode,
    /// Reference frame.
    pub reference: Reference,
    /// Segment, 0..=3.
    pub segment: u8,
    /// `mb_skip_coeff`, coded or implied: no coefficients follow.
    pub skip: bool,
    /// Whether any coefficient is non-zero; false if `skip` is set.
    pub has_coeffs: bool,
    /// Partitioning of a split macroblock.
    pub partitioning: Partitioning,
    /// Motion vector of an inter macroblock; for a split one, that of its last sub-block. Zero for
    /// intra.
    pub mv: MotionVector,
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
