//! The header of a frame: an uncompressed part ([`FrameHeader`]) and a compressed part, which
//! changes probabilities ([`compressed`]).

mod bits;
pub mod compressed;
mod loop_filter;
mod quantiser;
mod segmentation;
mod tiles;
mod uncompressed;

pub use loop_filter::{LoopFilterDeltas, LoopFilterHeader};
pub use quantiser::QuantiserHeader;
pub use segmentation::{Segment, SegmentMapCoding, Segmentation};
pub use tiles::TileLayout;
pub(crate) use uncompressed::can_scale;

use codec_core::frame::{Color, SampleFormat, Size};
pub use codec_simd::vp9::Vp9Filter as Filter;

use crate::types::Reference;

/// Type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// All slots and all probabilities are replaced.
    Key,
    /// An intra frame that replaces some slots only. It is not shown.
    IntraOnly,
    /// A frame predicted from other frames.
    Inter,
}

/// The references of an inter frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceHeader {
    /// Slots of the references, 0..=7.
    pub slots: [usize; 3],
    /// Sign bias of each reference: whether it follows the frame in presentation order.
    pub sign_bias: [bool; 3],
    /// Whether vectors may have a precision of an eighth of a pixel.
    pub high_precision: bool,
    /// Interpolation filter of all blocks; `None` if blocks select theirs.
    pub filter: Option<Filter>,
}

impl ReferenceHeader {
    /// Returns the reference that all compound blocks use, and the two references of which each block
    /// uses one; `None` if all references have the same sign bias, so that there are no compound blocks.
    #[must_use]
    pub fn compound(&self) -> Option<CompoundReferences> {
        use Reference::{Altref, Golden, Last};
        let [last, golden, altref] = self.sign_bias;
        let (fixed, variable) = match (last == golden, last == altref) {
            (true, true) => return None,
            (true, false) => (Altref, [Last, Golden]),
            (false, true) => (Golden, [Last, Altref]),
            (false, false) => (Last, [Golden, Altref]),
        };
        let fixed_index = usize::from(self.sign_bias[fixed as usize]);
        Some(CompoundReferences { fixed, variable, fixed_index })
    }
}

/// The references that compound blocks combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompoundReferences {
    /// The reference of every compound block.
    pub fixed: Reference,
    /// The other reference is one of these.
    pub variable: [Reference; 2],
    /// Position of the fixed reference in the pair of a block, 0 or 1.
    pub fixed_index: usize,
}

/// The saved probability contexts that a key frame, an intra-only frame or an error-resilient frame resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextReset {
    /// No context.
    None,
    /// The context with this index.
    One(usize),
    /// All contexts.
    All,
}

/// How a frame uses the saved probability contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextHeader {
    /// Saved contexts that are reset to the defaults before the frame is decoded, on key frames, intra-only
    /// frames and error-resilient frames, which also reset the other state of the decoder. `None` for other
    /// inter frames, which continue from that state.
    pub reset: Option<ContextReset>,
    /// Index of the context that the frame starts with and may replace, 0..=3.
    pub index: usize,
    /// Whether the frame replaces that context.
    pub refresh: bool,
    /// Whether probabilities adapt to the frame's statistics at its end.
    pub adapt: bool,
}

/// The uncompressed header of a frame.
#[derive(Clone, Debug)]
pub struct FrameHeader {
    /// Profile, 0..=3.
    pub profile: u8,
    /// Type of the frame.
    pub frame_type: FrameType,
    /// Whether the frame is for display.
    pub show: bool,
    /// Whether the frame does not depend on the state that other frames leave, except for slots.
    pub error_resilient: bool,
    /// Bit depth and sampling.
    pub format: SampleFormat,
    /// Colour description; `None` on inter frames.
    pub color: Option<Color>,
    /// Size in luma pixels.
    pub size: Size,
    /// Size for display; it does not affect decoding.
    pub render_size: Size,
    /// Slots that the frame replaces, one bit each.
    pub refresh_slots: u8,
    /// References; meaningful for inter frames only.
    pub references: ReferenceHeader,
    /// Use of the probability contexts.
    pub contexts: ContextHeader,
    /// Level and sharpness of the loop filter, and its deltas.
    pub loop_filter: LoopFilterHeader,
    /// Quantiser indices.
    pub quantiser: QuantiserHeader,
    /// Segments.
    pub segmentation: Segmentation,
    /// Tiles.
    pub tiles: TileLayout,
    /// Size of the uncompressed header in bytes; the compressed header follows it.
    pub header_bytes: usize,
    /// Size of the compressed header in bytes.
    pub compressed_bytes: usize,
}

impl FrameHeader {
    /// Whether all blocks are intra blocks: key frames and intra-only frames.
    #[must_use]
    pub fn is_intra(&self) -> bool {
        self.frame_type != FrameType::Inter
    }
}

/// The first element of a packet's frame: a frame to decode, or a slot to show again.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each frame")]
pub enum Header {
    /// A coded frame follows.
    Frame(FrameHeader),
    /// The frame in this slot is shown; nothing follows.
    ShowExisting {
        /// The slot, 0..=7.
        slot: usize,
    },
}

/// Values of earlier frames that the uncompressed header inherits.
#[derive(Clone, Copy, Debug)]
pub struct HeaderContext<'a> {
    /// Size and format of the frames in the slots; `None` for empty slots.
    pub slots: [Option<(Size, SampleFormat)>; 8],
    /// Format of the last key frame or intra-only frame.
    pub format: SampleFormat,
    /// Deltas of the loop filter.
    pub deltas: &'a LoopFilterDeltas,
    /// Features of the segments, with the tree of their map.
    pub segmentation: &'a Segmentation,
}
