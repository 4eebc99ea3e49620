//! Traces of decoded packets for stream analysis: header fields, and for each block its prediction,
//! quantiser, loop filter and size in bits.
//!
//! Set [`DecoderConfig::trace`](super::DecoderConfig::trace) to enable tracing;
//! [`VideoDecoder::trace`](super::VideoDecoder::trace) returns the trace. The types do not assume
//! the block sizes or modes of one codec: blocks have positions and sizes, and modes have names.
//!
//! Sizes are in units of 1/256 bit, and are computed from the state of the entropy decoder: a
//! symbol of probability `p` takes `-log2(p)` bits. A size is the difference of two positions in
//! the partition (in H.264 the slice, in VP9 the compressed header or the tile), which are rounded
//! before they are subtracted. Sums are therefore exact: the header and all blocks of a partition
//! add up to [`PartitionTrace::used_q8`]. The padding that an encoder adds to complete a partition
//! (up to a few bytes) counts towards the size of the partition, but not towards any block.

mod block;

pub use block::{BlockModes, BlockTrace, Motion, PartTrace, Vector};

use super::{FrameKind, SlotSet};
use crate::frame::{Frame, Size};

/// Trace of one packet.
#[derive(Clone, Debug, Default)]
pub struct FrameTrace {
    /// Frame type.
    pub kind: FrameKind,
    /// Whether the frame is to be shown.
    pub shown: bool,
    /// The packet shows a frame again: it is empty, or names a slot. There are no blocks.
    pub is_repeat: bool,
    /// Frame size in pixels.
    pub size: Size,
    /// Profile of the bitstream.
    pub profile: u8,
    /// Size of the packet in bytes, without [`Self::earlier`] frames.
    pub packet_bytes: u64,
    /// Bytes of the packet outside of partitions: frame tag and partition sizes.
    pub framing_bytes: u64,
    /// Quantiser index of the frame.
    pub qindex: u8,
    /// Offsets to it for individual planes, by name.
    pub qindex_deltas: Vec<(&'static str, i8)>,
    /// Loop filter settings.
    pub filter: FilterTrace,
    /// Segmentation, if enabled.
    pub segments: Option<SegmentsTrace>,
    /// Entropy-coded partitions in the order of the packet. In VP8 the first holds header and modes;
    /// in H.264 they are slices, each with its header; in VP9 the first is the compressed header, the
    /// others are tiles.
    pub partitions: Vec<PartitionTrace>,
    /// Reference slots, by slot number; in H.264 the entries of reference lists that are used; in VP9
    /// the references of blocks, then all slots.
    pub references: Vec<ReferenceTrace>,
    /// Whether the next frame starts from this frame's probabilities.
    pub keeps_probabilities: bool,
    /// Probabilities in effect, by name.
    pub probabilities: Vec<(&'static str, Vec<u8>)>,
    /// Number of coefficient probabilities that the frame changed.
    pub changed_coeff_probs: u32,
    /// Names of the modes, indexed by the blocks.
    pub modes: BlockModes,
    /// Motion vector units per pixel: 4 or 8.
    pub vector_units: u8,
    /// Block size in pixels, if all blocks have the same size.
    pub block_pixels: Option<u8>,
    /// Blocks: in raster order if all have the same size, else in coding order.
    pub blocks: Vec<BlockTrace>,
    /// Partitions of split blocks, indexed by [`BlockTrace::parts`].
    pub parts: Vec<PartTrace>,
    /// Number of blocks whose data was missing and was concealed.
    pub concealed_blocks: u32,
    /// The decoded frame, shown or not.
    pub picture: Option<Frame>,
    /// The frames before this one in the same packet: in VP9, hidden frames and lower spatial layers.
    pub earlier: Vec<FrameTrace>,
}

impl FrameTrace {
    /// Returns the parts of a split block; empty if the block is not split.
    #[must_use]
    pub fn parts_of(&self, block: &BlockTrace) -> &[PartTrace] {
        let first = block.parts.0 as usize;
        self.parts.get(first..first + usize::from(block.parts.1)).unwrap_or_default()
    }

    /// Returns the slots that blocks predict from.
    #[must_use]
    pub fn refs_used(&self) -> SlotSet {
        let used = (0_u8..).zip(&self.references).filter(|(_, slot)| slot.used_blocks > 0);
        used.fold(SlotSet::NONE, |set, (index, slot)| {
            set.with(SlotSet(1 << (slot.slot.unwrap_or(index) & 7)))
        })
    }

    /// Clears the trace, keeping its memory.
    pub fn clear(&mut self) {
        let Self { mut blocks, mut parts, mut partitions, mut references, .. } =
            std::mem::take(self);
        blocks.clear();
        parts.clear();
        partitions.clear();
        references.clear();
        *self = Self { blocks, parts, partitions, references, ..Self::default() };
    }
}

/// Loop filter settings of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterTrace {
    /// Name of the filter: `normal`, `simple`, `deblocking`, `off`.
    pub kind: &'static str,
    /// Filter level of the frame; 0 disables the filter.
    pub level: u8,
    /// Sharpness of the filter.
    pub sharpness: u8,
    /// Level offsets by reference (intra first, then by slot); empty without deltas.
    pub reference_deltas: Vec<i8>,
    /// Level offsets by type of mode; empty without deltas. In H.264 the offsets of alpha and beta.
    pub mode_deltas: Vec<i8>,
}

/// Segmentation of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentsTrace {
    /// Whether the frame updates the segment map.
    pub updates_map: bool,
    /// Whether the frame updates the segment parameters.
    pub updates_data: bool,
    /// Whether the values replace the values of the frame; otherwise they are added.
    pub is_absolute: bool,
    /// Quantiser index by segment, as coded.
    pub qindex: Vec<i16>,
    /// Filter level by segment, as coded.
    pub filter_level: Vec<i16>,
    /// Probabilities of the segment tree.
    pub tree_probs: Vec<u8>,
}

/// One entropy-coded partition of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionTrace {
    /// Size in bytes.
    pub bytes: u64,
    /// Size of the frame header in it, in 1/256 bit.
    pub header_q8: u64,
    /// Total size of header and blocks in it, in 1/256 bit. It exceeds [`Self::bytes`] if the data
    /// is truncated or the encoder omitted trailing zeros.
    pub used_q8: u64,
}

/// Use and update of a reference slot by a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceTrace {
    /// Name of the slot: `last`, `golden`, `altref`; `l0[0]`.
    pub name: &'static str,
    /// Number of blocks that predict from it.
    pub used_blocks: u32,
    /// Update of the slot after the frame.
    pub update: SlotUpdate,
    /// Whether the sign of motion vectors into it is inverted.
    pub sign_bias: bool,
    /// Number of the slot, if headers assign slots to names.
    pub slot: Option<u8>,
}

/// Update of a reference slot after a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlotUpdate {
    /// The slot is unchanged.
    #[default]
    Kept,
    /// The frame is stored in the slot.
    Frame,
    /// The content of another slot is copied into it.
    CopyOf(u8),
}
