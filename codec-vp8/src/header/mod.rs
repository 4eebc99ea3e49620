//! Frame header: parser and writer. RFC 6386, sections 9 and 19.2.
//!
//! A header is parsed and written relative to the [`HeaderContext`] of the previous frames.

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

/// Probabilities that adapt from frame to frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probabilities {
    /// Token probabilities (section 13.3).
    pub coeffs: CoeffProbs,
    /// Motion vector probabilities: row, then column (section 17.2).
    pub mv: [MvProbs; 2],
    /// Luma modes of intra macroblocks in inter frames (section 16.1).
    pub luma: [u8; 4],
    /// Chroma modes of intra macroblocks in inter frames (section 16.1).
    pub chroma: [u8; 3],
}

impl Default for Probabilities {
    /// The probabilities at a key frame.
    fn default() -> Self {
        Self {
            coeffs: DEFAULT_COEFF_PROBS,
            mv: DEFAULT_MV_PROBS,
            luma: DEFAULT_LUMA_PROBS,
            chroma: DEFAULT_CHROMA_PROBS,
        }
    }
}

/// State of the previous frame that a frame header refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderContext {
    /// Segmentation parameters.
    pub segmentation: Segmentation,
    /// Loop filter parameters.
    pub filter: FilterHeader,
    /// Entropy coding probabilities.
    pub probs: Probabilities,
}

/// All fields of the first partition before the macroblocks, with the persistent state in effect
/// for this frame filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether the frame is a key frame, according to its tag.
    pub is_key: bool,
    /// `color_space`, key frames only: 0 is BT.601, 1 is reserved.
    pub color_space: u8,
    /// `clamping_type`, key frames only: the encoder guarantees that no pixel needs clamping.
    pub no_clamping: bool,
    /// Segmentation.
    pub segmentation: Segmentation,
    /// Loop filter parameters.
    pub filter: FilterHeader,
    /// Base-2 logarithm of the number of token partitions, 0..=3.
    pub log2_partitions: u8,
    /// Quantiser indices.
    pub quant: QuantIndices,
    /// Reference updates and sign biases.
    pub references: ReferenceUpdates,
    /// Whether the probabilities persist for later frames, rather than apply to this frame only.
    pub refresh_entropy: bool,
    /// Adaptive probabilities in effect.
    pub probs: Probabilities,
    /// Probabilities that apply to this frame only.
    pub modes: ModeProbabilities,
}

impl FrameHeader {
    /// Returns the number of token partitions.
    #[must_use]
    pub fn partitions(&self) -> usize {
        1 << self.log2_partitions
    }
}

impl HeaderContext {
    /// Resets to the state at a key frame (sections 9.3, 9.6 and 13.4). The enable
    /// flags need no reset, because every frame header contains them.
    fn reset_for_key(&mut self) {
        *self = Self::default();
    }

    /// Updates the context for the next frame; `before` are the probabilities at the start of this
    /// frame.
    fn follow(&mut self, header: &FrameHeader, before: Probabilities) {
        self.segmentation = header.segmentation.clone();
        self.filter = header.filter.clone();
        self.probs = if header.refresh_entropy { header.probs.clone() } else { before };
    }
}

/// Parses a frame header and updates `context` for the next frame. Section 19.2.
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

/// Writes a frame header and updates `context` for the next frame. Section 19.2.
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

/// Reads a literal of at most 8 bits.
fn literal_u8(reader: &mut BoolDecoder<'_>, bits: u32) -> u8 {
    debug_assert!(bits <= 8, "a byte holds 8 bits");
    u8::try_from(reader.get_literal(bits)).unwrap_or(u8::MAX)
}

/// Parses token probability updates. Section 13.4.
fn parse_coeff_probs(reader: &mut BoolDecoder<'_>, probs: &mut CoeffProbs) {
    let updates = COEFF_UPDATE_PROBS.as_flattened().as_flattened().as_flattened();
    let probs = probs.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    for (prob, &update) in probs.iter_mut().zip(updates) {
        if reader.get_bool(update) {
            *prob = literal_u8(reader, 8);
        }
    }
}

/// Writes token probability updates relative to `before`. Section 13.4.
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

/// Parses motion vector probability updates: seven bits each, with 0 coding a probability of 1.
/// Section 17.2.
fn parse_mv_probs(reader: &mut BoolDecoder<'_>, probs: &mut [MvProbs; 2]) {
    let updates = MV_UPDATE_PROBS.as_flattened();
    for (prob, &update) in probs.as_flattened_mut().iter_mut().zip(updates) {
        if reader.get_bool(update) {
            *prob = (literal_u8(reader, 7) << 1).max(1);
        }
    }
}

/// Writes motion vector probability updates relative to `before`. New probabilities are even, or 1.
/// Section 17.2.
fn write_mv_probs<S: BoolSink>(sink: &mut S, probs: &[MvProbs; 2], before: &[MvProbs; 2]) {
    let updates = MV_UPDATE_PROBS.as_flattened();
    let pairs = probs.as_flattened().iter().zip(before.as_flattened());
    for ((&prob, &before), &update) in pairs.zip(updates) {
        sink.put_bool(prob != before, update);
        if prob != before {
            debug_assert!(prob == 1 || prob.is_multiple_of(2), "cannot code probability {prob}");
            sink.put_literal(u32::from(prob) >> 1, 7);
        }
    }
}

/// Parses the optional mode probabilities. Section 9.10.
fn parse_optional(reader: &mut BoolDecoder<'_>, probs: &mut [u8]) {
    if reader.get_flag() {
        for prob in probs {
            *prob = literal_u8(reader, 8);
        }
    }
}

/// Writes all mode probabilities if any differs from `before`. Section 9.10.
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
