//! Blocks of a traced frame.

/// How one block was coded: a macroblock, or whatever a codec's unit of prediction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockTrace {
    /// Left and upper edge in pixels.
    pub at: (u16, u16),
    /// Width and height in pixels.
    pub size: (u8, u8),
    /// Luma mode: index into [`BlockModes::luma`].
    pub luma: u8,
    /// Chroma mode of an intra block: index into [`BlockModes::chroma`].
    pub chroma: Option<u8>,
    /// What it is predicted from: none for intra, two for compound prediction.
    pub motion: [Option<Motion>; 2],
    /// First of its parts in [`FrameTrace::parts`](super::FrameTrace::parts), and how many.
    pub parts: (u32, u8),
    /// Segment, 0 without segments.
    pub segment: u8,
    /// Quantiser index in effect.
    pub qindex: u8,
    /// Coded, or implied, as having no coefficients.
    pub skip: bool,
    /// Blocks of coefficients that are not all zero.
    pub coded_blocks: u8,
    /// Level of the loop filter; 0: not filtered.
    pub filter_level: u8,
    /// Whether edges inside of it are filtered, too.
    pub filters_inside: bool,
    /// Bits of its modes and vectors, in 256ths.
    pub mode_q8: u32,
    /// Bits of its coefficients, in 256ths.
    pub token_q8: u32,
    /// Partition that its coefficients are in.
    pub partition: u8,
    /// Its data was missing: it, or its coefficients, are made up.
    pub concealed: bool,
}

impl BlockTrace {
    /// Whether it is predicted from the frame itself.
    #[must_use]
    pub fn is_intra(&self) -> bool {
        self.motion[0].is_none()
    }

    /// All its bits, in 256ths.
    #[must_use]
    pub fn bits_q8(&self) -> u64 {
        u64::from(self.mode_q8) + u64::from(self.token_q8)
    }
}

/// Prediction from a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    /// The reference's slot.
    pub slot: u8,
    /// Its vector; of a divided block, that of its last part.
    pub vector: Vector,
}

/// A motion vector in [`FrameTrace::vector_units`](super::FrameTrace::vector_units); positive is
/// right and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Vector {
    pub x: i16,
    pub y: i16,
}

/// Part of a divided block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTrace {
    /// Left and upper edge in pixels, from those of the block.
    pub at: (u8, u8),
    /// Width and height in pixels.
    pub size: (u8, u8),
    /// Intra mode: index into [`BlockModes::part`].
    pub mode: Option<u8>,
    /// Vector, if it is inter.
    pub vector: Option<Vector>,
}

/// Names of modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct BlockModes {
    pub luma: &'static [&'static str],
    pub chroma: &'static [&'static str],
    pub part: &'static [&'static str],
}
