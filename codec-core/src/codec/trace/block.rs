//! Traces of the blocks of a frame.

/// How a block (a macroblock, or another codec's prediction unit) was coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockTrace {
    /// Left and top edge in pixels.
    pub at: (u16, u16),
    /// Width and height in pixels.
    pub size: (u8, u8),
    /// Luma mode: index into [`BlockModes::luma`].
    pub luma: u8,
    /// Chroma mode of an intra block: index into [`BlockModes::chroma`].
    pub chroma: Option<u8>,
    /// References and motion vectors: empty for intra, two for compound prediction.
    pub motion: [Option<Motion>; 2],
    /// Its parts in [`FrameTrace::parts`](super::FrameTrace::parts): first index and count.
    pub parts: (u32, u8),
    /// Segment; 0 without segmentation.
    pub segment: u8,
    /// Quantiser index in effect.
    pub qindex: u8,
    /// Whether the block has no coefficients, signalled or implied.
    pub skip: bool,
    /// Number of transform blocks with non-zero coefficients.
    pub coded_blocks: u16,
    /// Side of the luma transform in pixels.
    pub transform_px: u8,
    /// Loop filter level; 0 if not filtered.
    pub filter_level: u8,
    /// Whether inner edges are filtered as well.
    pub filters_inside: bool,
    /// Size of its modes and motion vectors, in 1/256 bit.
    pub mode_q8: u32,
    /// Size of its coefficients, in 1/256 bit.
    pub token_q8: u32,
    /// Partition that holds its coefficients.
    pub partition: u8,
    /// Whether its data was missing and the block, or its coefficients, were concealed.
    pub concealed: bool,
}

impl BlockTrace {
    /// Returns whether the block is intra predicted.
    #[must_use]
    pub fn is_intra(&self) -> bool {
        self.motion[0].is_none()
    }

    /// Returns its total size in 1/256 bit.
    #[must_use]
    pub fn bits_q8(&self) -> u64 {
        u64::from(self.mode_q8) + u64::from(self.token_q8)
    }
}

/// Reference and motion vector of an inter block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    /// Reference slot: index into [`FrameTrace::references`](super::FrameTrace::references).
    pub slot: u8,
    /// Motion vector of the block, or of the last part of a split block.
    pub vector: Vector,
}

/// A motion vector in [`FrameTrace::vector_units`](super::FrameTrace::vector_units); positive
/// values point right and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct Vector {
    pub x: i16,
    pub y: i16,
}

/// A part of a split block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTrace {
    /// Left and top edge in pixels, relative to the block.
    pub at: (u8, u8),
    /// Width and height in pixels.
    pub size: (u8, u8),
    /// Intra mode: index into [`BlockModes::part`].
    pub mode: Option<u8>,
    /// References and motion vectors of an inter part.
    pub motion: [Option<Motion>; 2],
}

/// Names of the modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct BlockModes {
    pub luma: &'static [&'static str],
    pub chroma: &'static [&'static str],
    pub part: &'static [&'static str],
}
