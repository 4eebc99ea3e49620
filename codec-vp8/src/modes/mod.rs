//! Macroblock headers: segment, skip flag, intra modes, references and motion vectors; parser and
//! writer. RFC 6386, sections 10, 11, 16 and 17.

mod intra;
mod motion;
mod near;

pub(crate) use intra::{CHROMA_TREE, KEY_LUMA_TREE, LUMA_TREE, SUBBLOCK_TREE};
pub use intra::{
    parse_inter_frame_intra_modes, parse_key_modes, write_inter_frame_intra_modes, write_key_modes,
};
pub use motion::{
    MAX_MV_DELTA, PARTITIONS, parse_mv, parse_split, sub_mv_probs, write_inter_mode, write_mv,
    write_partitioning, write_split, write_sub_mv,
};
pub use near::{MvBounds, NearVectors, Neighbours, find_near_vectors};

use codec_simd::{IntraMode, SubblockMode};

use self::motion::{InterSymbol, parse_inter_mode};
use self::near::NearMvs;
use super::header::{FrameHeader, ModeProbabilities};
use super::types::{
    InterMode, IntraLuma, MbInfo, MbMode, MotionVector, Partitioning, Reference, SubblockInfo,
};
use codec_core::entropy::{BoolDecoder, BoolSink};

/// Modes and vectors along one side of a macroblock, the context for sub-blocks of the next one.
///
/// Intra contexts exist only in key frames, vector contexts only in inter frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct SubblockSide {
    pub modes: [SubblockMode; 4],
    pub mvs: [MotionVector; 4],
}

impl SubblockSide {
    /// Returns any side of a macroblock whose sub-blocks have no modes or vectors of their own.
    #[inline]
    #[must_use]
    pub fn of_whole(mode: MbMode) -> Self {
        let implied = match mode {
            MbMode::Intra { luma, .. } => luma.implied_subblock(),
            MbMode::Inter { .. } => SubblockMode::Dc,
        };
        Self { modes: [implied; 4], mvs: [mode.mv(); 4] }
    }

    /// Returns the bottom row, the context for the macroblock below.
    #[must_use]
    pub fn bottom(subblocks: &SubblockInfo) -> Self {
        Self::pick(subblocks, [12, 13, 14, 15])
    }

    /// Returns the right column, the context for the macroblock to the right.
    #[must_use]
    pub fn right(subblocks: &SubblockInfo) -> Self {
        Self::pick(subblocks, [3, 7, 11, 15])
    }

    #[inline]
    fn pick(subblocks: &SubblockInfo, at: [usize; 4]) -> Self {
        match subblocks {
            SubblockInfo::Intra(modes) => {
                Self { modes: at.map(|n| modes[n]), mvs: [MotionVector::ZERO; 4] }
            }
            SubblockInfo::Inter(mvs) => {
                Self { modes: [SubblockMode::Dc; 4], mvs: at.map(|n| mvs[n]) }
            }
        }
    }
}

/// Context of a macroblock header in addition to the frame header.
///
/// Positions outside the frame have default values: intra macroblocks with DC modes and zero
/// vectors.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct MbContext<'a> {
    pub neighbours: Neighbours<'a>,
    /// Bottom side of the macroblock above.
    pub above: &'a SubblockSide,
    /// Right side of the macroblock to the left.
    pub left: &'a SubblockSide,
    /// Allowed range of motion vectors, for clamping the neighbours' vectors.
    pub bounds: MvBounds,
}

/// Parses a macroblock header.
///
/// `segment` is the current segment, which is kept unless the frame updates the map. `subblocks` is
/// overwritten.
#[inline(always)]
pub fn parse_macroblock(
    reader: &mut BoolDecoder<'_>,
    header: &FrameHeader,
    context: &MbContext<'_>,
    segment: u8,
    subblocks: &mut SubblockInfo,
) -> MbInfo {
    // A local copy stays in registers as long as it is passed only to inlined functions.
    let mut local = reader.clone();
    let segment = if header.segmentation.update_map {
        parse_segment(&mut local, header.segmentation.tree_probs)
    } else if header.is_key {
        0
    } else {
        segment
    };
    let skip = header.modes.skip.is_some_and(|prob| local.get_bool(prob));
    let info = |mode| MbInfo { mode, segment, skip, has_coeffs: false };
    if header.is_key || !local.get_bool(header.modes.intra) {
        *reader = local;
        let (luma, chroma) = parse_intra(reader, header, context, subblocks);
        return info(MbMode::Intra { luma, chroma });
    }
    let reference = parse_reference(&mut local, header.modes);
    let biases = header.references.sign_biases();
    let near_mvs = NearMvs::new(&context.neighbours, reference, biases);
    let symbol = parse_inter_mode(&mut local, &near_mvs);
    *reader = local;
    let (mode, mv) = match symbol {
        InterSymbol::Nearest => (InterMode::Nearest, context.bounds.clamp(near_mvs.nearest)),
        InterSymbol::Near => (InterMode::Near, context.bounds.clamp(near_mvs.near)),
        InterSymbol::Zero => (InterMode::Zero, MotionVector::ZERO),
        InterSymbol::New => {
            let best = context.bounds.clamp(near_mvs.best);
            (InterMode::New, best.wrapping_add(parse_mv(reader, &header.probs.mv)))
        }
        InterSymbol::Split => {
            let best = context.bounds.clamp(near_mvs.best);
            let (partitioning, mv) = parse_split_into(reader, header, context, best, subblocks);
            return info(MbMode::Inter { reference, mode: InterMode::Split(partitioning), mv });
        }
    };
    *subblocks = SubblockInfo::Inter([mv; 16]);
    info(MbMode::Inter { reference, mode, mv })
}

/// Parses intra modes, in key frames and inter frames.
#[inline(never)]
fn parse_intra(
    reader: &mut BoolDecoder<'_>,
    header: &FrameHeader,
    context: &MbContext<'_>,
    subblocks: &mut SubblockInfo,
) -> (IntraLuma, IntraMode) {
    let mut local = reader.clone();
    let modes = subblock_modes(subblocks);
    let luma_and_chroma = if header.is_key {
        parse_key_modes(&mut local, &context.above.modes, &context.left.modes, modes)
    } else {
        parse_inter_frame_intra_modes(&mut local, &header.probs, modes)
    };
    *reader = local;
    luma_and_chroma
}

/// Parses the partitioning and vectors of a split macroblock; returns the partitioning and the last
/// vector.
#[inline(never)]
fn parse_split_into(
    reader: &mut BoolDecoder<'_>,
    header: &FrameHeader,
    context: &MbContext<'_>,
    best: MotionVector,
    subblocks: &mut SubblockInfo,
) -> (Partitioning, MotionVector) {
    let mut mvs = [MotionVector::ZERO; 16];
    let (above, left) = (&context.above.mvs, &context.left.mvs);
    let partitioning = parse_split(reader, best, &header.probs.mv, above, left, &mut mvs);
    *subblocks = SubblockInfo::Inter(mvs);
    (partitioning, mvs[15])
}

/// Context for writing a macroblock header in addition to the frame header.
#[derive(Clone, Copy, Debug)]
pub struct WriteContext<'a> {
    /// Bottom side of the macroblock above.
    pub above: &'a SubblockSide,
    /// Right side of the macroblock to the left.
    pub left: &'a SubblockSide,
    /// For inter macroblocks, the result of [`find_near_vectors`] for its reference.
    pub near: &'a NearVectors,
}

/// Writes a macroblock header: `mb.segment` if the frame updates the map, `mb.skip` if it has skip
/// flags, and all modes and vectors.
#[inline]
pub fn write_macroblock<S: BoolSink>(
    sink: &mut S,
    header: &FrameHeader,
    context: WriteContext<'_>,
    mb: &MbInfo,
    subblocks: &SubblockInfo,
) {
    if header.segmentation.update_map {
        write_segment(sink, header.segmentation.tree_probs, mb.segment);
    }
    if let Some(prob) = header.modes.skip {
        sink.put_bool(mb.skip, prob);
    }
    match (mb.mode, subblocks) {
        (MbMode::Intra { luma, chroma }, SubblockInfo::Intra(modes)) if header.is_key => {
            let (above, left) = (&context.above.modes, &context.left.modes);
            write_key_modes(sink, luma, chroma, modes, above, left);
        }
        (MbMode::Intra { luma, chroma }, SubblockInfo::Intra(modes)) => {
            sink.put_bool(false, header.modes.intra);
            write_inter_frame_intra_modes(sink, &header.probs, luma, chroma, modes);
        }
        (MbMode::Inter { reference, mode, mv }, SubblockInfo::Inter(mvs)) => {
            debug_assert!(!header.is_key, "a key frame has no inter macroblocks");
            sink.put_bool(true, header.modes.intra);
            write_reference(sink, header.modes, reference);
            write_motion(sink, header, context, (mode, mv), mvs);
        }
        _ => debug_assert!(false, "sub-blocks of another kind than the macroblock"),
    }
}

fn write_motion<S: BoolSink>(
    sink: &mut S,
    header: &FrameHeader,
    WriteContext { above, left, near }: WriteContext<'_>,
    (mode, mv): (InterMode, MotionVector),
    mvs: &[MotionVector; 16],
) {
    write_inter_mode(sink, near, mode);
    match mode {
        InterMode::New => write_mv(sink, mv.wrapping_sub(near.best), &header.probs.mv),
        InterMode::Split(partitioning) => {
            let (above, left) = (&above.mvs, &left.mvs);
            write_split(sink, partitioning, mvs, near.best, &header.probs.mv, above, left);
        }
        InterMode::Nearest | InterMode::Near | InterMode::Zero => {}
    }
}

/// Returns the 4x4 modes of `subblocks`, converting it to an intra macroblock's if necessary.
fn subblock_modes(subblocks: &mut SubblockInfo) -> &mut [SubblockMode; 16] {
    if matches!(subblocks, SubblockInfo::Inter(_)) {
        *subblocks = SubblockInfo::default();
    }
    match subblocks {
        SubblockInfo::Intra(modes) => modes,
        SubblockInfo::Inter(_) => unreachable!("replaced above"),
    }
}

/// Parses a segment number. Section 10.
#[inline(always)]
pub fn parse_segment(reader: &mut BoolDecoder<'_>, probs: [u8; 3]) -> u8 {
    if reader.get_bool(probs[0]) {
        2 + u8::from(reader.get_bool(probs[2]))
    } else {
        u8::from(reader.get_bool(probs[1]))
    }
}

/// Writes a segment number, 0..=3. Section 10.
#[inline]
pub fn write_segment<S: BoolSink>(sink: &mut S, probs: [u8; 3], segment: u8) {
    let is_upper = segment >= 2;
    sink.put_bool(is_upper, probs[0]);
    sink.put_bool(segment & 1 != 0, probs[1 + usize::from(is_upper)]);
}

/// Parses the reference of an inter macroblock. Section 16.2.
#[inline(always)]
pub fn parse_reference(reader: &mut BoolDecoder<'_>, probs: ModeProbabilities) -> Reference {
    if !reader.get_bool(probs.last) {
        Reference::Last
    } else if reader.get_bool(probs.golden) {
        Reference::Altref
    } else {
        Reference::Golden
    }
}

/// Writes the reference of an inter macroblock. Section 16.2.
#[inline]
pub fn write_reference<S: BoolSink>(sink: &mut S, probs: ModeProbabilities, reference: Reference) {
    sink.put_bool(reference != Reference::Last, probs.last);
    if reference != Reference::Last {
        sink.put_bool(reference == Reference::Altref, probs.golden);
    }
}

#[cfg(test)]
mod tests;
