//! What a decoder read from a packet, for people who look into streams: the header's facts, and of
//! each block how it was predicted, quantised and filtered and how many bits it took.
//!
//! [`DecoderConfig::trace`](super::DecoderConfig::trace) switches it on,
//! [`VideoDecoder::trace`](super::VideoDecoder::trace) hands it out. The types speak of blocks,
//! slots and named modes, so that codecs with other block sizes and modes fit in.
//!
//! Bits are counted in 256ths by what the entropy decoder knows: a symbol of probability `p` takes
//! `-log2(p)` bits. Positions are rounded and then subtracted, so that sums are exact: the header
//! and all blocks of a partition add up to [`PartitionTrace::used_q8`]. What an encoder adds to
//! complete a partition (up to a few bytes) is in its size and in no block.

mod block;

pub use block::{BlockModes, BlockTrace, Motion, PartTrace, Vector};

use super::{FrameKind, SlotSet};
use crate::frame::{Frame, Size};

/// One packet, as the decoder saw it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FrameTrace {
    /// Kind of frame.
    pub kind: FrameKind,
    /// Whether it is to be shown.
    pub shown: bool,
    /// Nothing was decoded: the last frame stands for it. There are no blocks.
    pub is_repeat: bool,
    /// Size of the picture.
    pub size: Size,
    /// Profile of the bitstream.
    pub profile: u8,
    /// Bytes of the packet.
    pub packet_bytes: u64,
    /// Those of them outside of partitions: tags, sizes.
    pub framing_bytes: u64,
    /// Quantiser index of the frame.
    pub qindex: u8,
    /// What planes add to it, by name.
    pub qindex_deltas: Vec<(&'static str, i8)>,
    /// Loop filter.
    pub filter: FilterTrace,
    /// Segments, if the frame has any.
    pub segments: Option<SegmentsTrace>,
    /// Entropy-coded parts in the order of the packet; the first holds header and modes.
    pub partitions: Vec<PartitionTrace>,
    /// Reference slots by number.
    pub references: Vec<ReferenceTrace>,
    /// Probabilities stay for the next frame.
    pub keeps_probabilities: bool,
    /// Probabilities in effect, by name.
    pub probabilities: Vec<(&'static str, Vec<u8>)>,
    /// Probabilities of coefficients that the frame changed.
    pub changed_coeff_probs: u32,
    /// Names of the modes that blocks refer to.
    pub modes: BlockModes,
    /// Units of vectors in a pixel: 4 or 8.
    pub vector_units: u8,
    /// Side of the grid of blocks in pixels, where all blocks are of one size.
    pub block_pixels: Option<u8>,
    /// Blocks in the order of coding.
    pub blocks: Vec<BlockTrace>,
    /// Parts of blocks that are divided; [`BlockTrace::parts`] says which are whose.
    pub parts: Vec<PartTrace>,
    /// Blocks whose data was missing and made up.
    pub concealed_blocks: u32,
    /// The decoded picture, shown or not.
    pub picture: Option<Frame>,
}

impl FrameTrace {
    /// The parts of a block; none if it is whole.
    #[must_use]
    pub fn parts_of(&self, block: &BlockTrace) -> &[PartTrace] {
        let first = block.parts.0 as usize;
        self.parts.get(first..first + usize::from(block.parts.1)).unwrap_or_default()
    }

    /// Slots that blocks predict from.
    #[must_use]
    pub fn refs_used(&self) -> SlotSet {
        let used = (0_u8..).zip(&self.references).filter(|(_, slot)| slot.used_blocks > 0);
        used.fold(SlotSet::NONE, |set, (slot, _)| set.with(SlotSet(1 << (slot & 7))))
    }

    /// Makes it empty; its memory is used again.
    pub(crate) fn clear(&mut self) {
        let Self { mut blocks, mut parts, mut partitions, mut references, .. } =
            std::mem::take(self);
        blocks.clear();
        parts.clear();
        partitions.clear();
        references.clear();
        *self = Self { blocks, parts, partitions, references, ..Self::default() };
    }
}

/// The loop filter of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterTrace {
    /// Its name: `normal`, `simple`.
    pub kind: &'static str,
    /// Level of the frame; 0: off.
    pub level: u8,
    /// Sharpness.
    pub sharpness: u8,
    /// Added to the level by reference (the frame itself, then by slot); empty without deltas.
    pub reference_deltas: Vec<i8>,
    /// Added by kind of mode; empty without deltas.
    pub mode_deltas: Vec<i8>,
}

/// Segments of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentsTrace {
    /// The frame says which block is in which.
    pub updates_map: bool,
    /// The frame says what they mean.
    pub updates_data: bool,
    /// The values replace those of the frame, rather than being added.
    pub is_absolute: bool,
    /// Quantiser index by segment, as coded.
    pub qindex: Vec<i8>,
    /// Filter level by segment, as coded.
    pub filter_level: Vec<i8>,
    /// Probabilities of the segment tree.
    pub tree_probs: Vec<u8>,
}

/// One entropy-coded part of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionTrace {
    /// Its length.
    pub bytes: u64,
    /// What the frame's header took of it, in 256ths of a bit.
    pub header_q8: u64,
    /// What header and blocks took together, in 256ths of a bit. More than [`Self::bytes`] where
    /// the data was cut short, or where the encoder left out zeros at the end.
    pub used_q8: u64,
}

/// What a frame does with a reference slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReferenceTrace {
    /// Its name: `last`, `golden`, `altref`.
    pub name: &'static str,
    /// Blocks that predict from it.
    pub used_blocks: u32,
    /// What becomes of it after the frame.
    pub update: SlotUpdate,
    /// Vectors into it count as reversed.
    pub sign_bias: bool,
}

/// What becomes of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlotUpdate {
    /// It stays.
    #[default]
    Kept,
    /// The frame takes its place.
    Frame,
    /// The picture of another slot takes its place.
    CopyOf(u8),
}
