//! Frame header: parse and write. RFC 6386, sections 9 and 19.2.
//!
//! A header is read, and written, against the [`HeaderContext`] that the frames before it left.

mod parts;
mod tag;

pub use parts::{
    BufferCopy, DeltaQ, FilterHeader, ModeProbabilities, QuantIndices, ReferenceUpdates,
    Segmentation, Steps,
};
pub use tag::{
    FRAME_TAG_BYTES, FrameTag, KEY_HEADER_BYTES, KeyHeader, parse_frame_tag, parse_key_header,
    write_frame_tag, write_key_header,
};

use super::tables::{
    COEFF_UPDATE_PROBS, CoeffProbs, DEFAULT_CHROMA_PROBS, DEFAULT_COEFF_PROBS, DEFAULT_LUMA_PROBS,
    DEFAULT_MV_PROBS, MV_UPDATE_PROBS, MvProbs,
};
use codec_core::entropy::{BoolDecoder, BoolSink};

/// The probabilities that adapt from frame to frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probabilities {
    /// Tokens (section 13.3).
    pub coeffs: CoeffProbs,
    /// Motion vectors: row, then column (section 17.2).
    pub mv: [MvProbs; 2],
    /// Luma modes of intra macroblocks in inter frames (section 16.1).
    pub luma: [u8; 4],
    /// Chroma modes of intra macroblocks in inter frames (section 16.1).
    pub chroma: [u8; 3],
}

impl Default for Probabilities {
    /// Those of a key frame.
    fn default() -> Self {
        Self {
            coeffs: DEFAULT_COEFF_PROBS,
            mv: DEFAULT_MV_PROBS,
            luma: DEFAULT_LUMA_PROBS,
            chroma: DEFAULT_CHROMA_PROBS,
        }
    }
}

/// What a frame header refers to: the state that the previous frame left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderContext {
    /// Segment data.
    pub segmentation: Segmentation,
    /// Filter deltas.
    pub filter: FilterHeader,
    /// Probabilities.
    pub probs: Probabilities,
}

/// Everything that the first partition says before the macroblocks, with the state in effect for
/// this frame filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Key frame, as its tag said.
    pub is_key: bool,
    /// `color_space`, key frames only: 0 is BT.601, 1 reserved.
    pub color_space: u8,
    /// `clamping_type`, key frames only: the encoder promises that no pixel needs clamping.
    pub no_clamping: bool,
    /// Segments.
    pub segmentation: Segmentation,
    /// Loop filter.
    pub filter: FilterHeader,
    /// Binary logarithm of the number of token partitions, 0..=3.
    pub log2_partitions: u8,
    /// Quantiser indices.
    pub quant: QuantIndices,
    /// Buffers and sign biases.
    pub references: ReferenceUpdates,
    /// The probabilities stay for the next frame, rather than for this one only.
    pub refresh_entropy: bool,
    /// Adapted probabilities in effect.
    pub probs: Probabilities,
    /// Probabilities of this frame only.
    pub modes: ModeProbabilities,
}

impl FrameHeader {
    /// Number of token partitions.
    #[must_use]
    pub fn partitions(&self) -> usize {
        1 << self.log2_partitions
    }
}

impl HeaderContext {
    /// What a key frame begins with (section 9.3, 9.6 and 13.4). Flags are sent anew each frame.
    fn reset_for_key(&mut self) {
        *self = Self::default();
    }

    /// What the next frame begins with, where `before` is what this one began with.
    fn follow(&mut self, header: &FrameHeader, before: Probabilities) {
        self.segmentation = header.segmentation.clone();
        self.filter = header.filter.clone();
        self.probs = if header.refresh_entropy { header.probs.clone() } else { before };
    }
}

/// Reads the header of a frame and brings `context` up to what the next frame begins with.
/// Section 19.2.
pub fn parse_frame_header(
    reader: &mut BoolDecoder<'_>,
    is_key: bool,
    context: &mut HeaderContext,
) -> FrameHeader {
    let (mut color_space, mut no_clamping) = (0, false);
    if is_key {
        context.reset_for_key();
        color_space = u8::from(reader.get_flag());
        no_clamping = reader.get_flag();
    }
    let mut segmentation = context.segmentation.clone();
    segmentation.parse(reader);
    let mut filter = context.filter.clone();
    filter.parse(reader);
    let log2_partitions = literal_u8(reader, 2);
    let quant = QuantIndices::parse(reader);
    let mut references = ReferenceUpdates::KEY;
    if !is_key {
        references.parse_buffers(reader);
    }
    let refresh_entropy = reader.get_flag();
    if !is_key {
        references.refresh_last = reader.get_flag();
    }
    let before = context.probs.clone();
    let mut probs = before.clone();
    parse_coeff_probs(reader, &mut probs.coeffs);
    let mut modes = ModeProbabilities::parse_skip(reader);
    if !is_key {
        modes.parse_references(reader);
        parse_optional(reader, &mut probs.luma);
        parse_optional(reader, &mut probs.chroma);
        parse_mv_probs(reader, &mut probs.mv);
    }
    let header = FrameHeader {
        is_key,
        color_space,
        no_clamping,
        segmentation,
        filter,
        log2_partitions,
        quant,
        references,
        refresh_entropy,
        probs,
        modes,
    };
    context.follow(&header, before);
    header
}

/// Writes the header of a frame and brings `context` up to what the next frame begins with.
/// Section 19.2.
pub fn write_frame_header<S: BoolSink>(
    sink: &mut S,
    header: &FrameHeader,
    context: &mut HeaderContext,
) {
    if header.is_key {
        context.reset_for_key();
        sink.put_literal(header.color_space.into(), 1);
        sink.put_flag(header.no_clamping);
    }
    header.segmentation.write(sink);
    header.filter.write(sink, &context.filter);
    sink.put_literal(header.log2_partitions.into(), 2);
    header.quant.write(sink);
    if !header.is_key {
        header.references.write_buffers(sink);
    }
    sink.put_flag(header.refresh_entropy);
    if !header.is_key {
        sink.put_flag(header.references.refresh_last);
    }
    let before = context.probs.clone();
    write_coeff_probs(sink, &header.probs.coeffs, &before.coeffs);
    header.modes.write_skip(sink);
    if !header.is_key {
        header.modes.write_references(sink);
        write_optional(sink, &header.probs.luma, &before.luma);
        write_optional(sink, &header.probs.chroma, &before.chroma);
        write_mv_probs(sink, &header.probs.mv, &before.mv);
    }
    context.follow(header, before);
}

/// A literal of at most 8 bits.
fn literal_u8(reader: &mut BoolDecoder<'_>, bits: u32) -> u8 {
    debug_assert!(bits <= 8, "a byte holds 8 bits");
    u8::try_from(reader.get_literal(bits)).unwrap_or(u8::MAX)
}

/// Section 13.4.
fn parse_coeff_probs(reader: &mut BoolDecoder<'_>, probs: &mut CoeffProbs) {
    let updates = COEFF_UPDATE_PROBS.as_flattened().as_flattened().as_flattened();
    let probs = probs.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    for (prob, &update) in probs.iter_mut().zip(updates) {
        if reader.get_bool(update) {
            *prob = literal_u8(reader, 8);
        }
    }
}

/// Section 13.4: what differs from `before`.
fn write_coeff_probs<S: BoolSink>(sink: &mut S, probs: &CoeffProbs, before: &CoeffProbs) {
    let updates = COEFF_UPDATE_PROBS.as_flattened().as_flattened().as_flattened();
    let probs = probs.as_flattened().as_flattened().as_flattened();
    let before = before.as_flattened().as_flattened().as_flattened();
    for ((&prob, &before), &update) in probs.iter().zip(before).zip(updates) {
        sink.put_bool(prob != before, update);
        if prob != before {
            sink.put_literal(prob.into(), 8);
        }
    }
}

/// Section 17.2: seven bits, of which 0 stands for a probability of 1.
fn parse_mv_probs(reader: &mut BoolDecoder<'_>, probs: &mut [MvProbs; 2]) {
    let updates = MV_UPDATE_PROBS.as_flattened();
    for (prob, &update) in probs.as_flattened_mut().iter_mut().zip(updates) {
        if reader.get_bool(update) {
            *prob = (literal_u8(reader, 7) << 1).max(1);
        }
    }
}

/// Section 17.2: what differs from `before`. New probabilities are even, or 1.
fn write_mv_probs<S: BoolSink>(sink: &mut S, probs: &[MvProbs; 2], before: &[MvProbs; 2]) {
    let updates = MV_UPDATE_PROBS.as_flattened();
    let pairs = probs.as_flattened().iter().zip(before.as_flattened());
    for ((&prob, &before), &update) in pairs.zip(updates) {
        sink.put_bool(prob != before, update);
        if prob != before {
            debug_assert!(prob == 1 || prob.is_multiple_of(2), "cannot be coded: {prob}");
            sink.put_literal(u32::from(prob) >> 1, 7);
        }
    }
}

/// Section 9.10: all mode probabilities, or none.
fn parse_optional(reader: &mut BoolDecoder<'_>, probs: &mut [u8]) {
    if reader.get_flag() {
        for prob in probs {
            *prob = literal_u8(reader, 8);
        }
    }
}

/// Section 9.10: all mode probabilities if any differs from `before`.
fn write_optional<S: BoolSink>(sink: &mut S, probs: &[u8], before: &[u8]) {
    sink.put_flag(probs != before);
    if probs != before {
        for &prob in probs {
            sink.put_literal(prob.into(), 8);
        }
    }
}

#[cfg(test)]
mod tests;
