//! Intra modes: trees and syntax in key frames and inter frames. RFC 6386, sections 8.1, 11.2 to
//! 11.5 and 16.1.

use codec_simd::{IntraMode, SubblockMode};

use super::super::header::Probabilities;
use super::super::tables::{KEY_CHROMA_PROBS, KEY_LUMA_PROBS, KEY_SUBBLOCK_PROBS, SUBBLOCK_PROBS};
use super::super::types::IntraLuma;
use codec_core::entropy::{BoolDecoder, BoolSink, Tree};

pub(crate) static KEY_LUMA_TREE: Tree<8, 5> = Tree::new([-4, 2, 4, 6, 0, -1, -2, -3]);
pub(crate) static LUMA_TREE: Tree<8, 5> = Tree::new([0, 2, 4, 6, -1, -2, -3, -4]);
pub(crate) static CHROMA_TREE: Tree<6, 4> = Tree::new([0, 2, -1, 4, -2, -3]);
pub(crate) static SUBBLOCK_TREE: Tree<18, 10> =
    Tree::new([0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9]);

/// Returns the probabilities of the mode of sub-block `n` in a key frame. Section 11.3.
#[inline]
fn key_subblock_probs(
    modes: &[SubblockMode; 16],
    n: usize,
    above: &[SubblockMode; 4],
    left: &[SubblockMode; 4],
) -> &'static [u8; 9] {
    let above = if n < 4 { above[n] } else { modes[n - 4] };
    let left = if n.is_multiple_of(4) { left[n / 4] } else { modes[n - 1] };
    &KEY_SUBBLOCK_PROBS[above as usize][left as usize]
}

/// Parses the modes of a macroblock in a key frame.
///
/// Returns luma and chroma modes and writes the modes of the sub-blocks, coded or implied, to `modes`.
/// `above` and `left` are the neighbouring sub-block modes.
#[inline]
pub fn parse_key_modes(
    reader: &mut BoolDecoder<'_>,
    above: &[SubblockMode; 4],
    left: &[SubblockMode; 4],
    modes: &mut [SubblockMode; 16],
) -> (IntraLuma, IntraMode) {
    let luma = IntraLuma::ALL[KEY_LUMA_TREE.parse(reader, &KEY_LUMA_PROBS)];
    if luma == IntraLuma::PerBlock {
        for n in 0..16 {
            let probs = key_subblock_probs(modes, n, above, left);
            modes[n] = SubblockMode::ALL[SUBBLOCK_TREE.parse(reader, probs)];
        }
    } else {
        *modes = [luma.implied_subblock(); 16];
    }
    (luma, IntraMode::ALL[CHROMA_TREE.parse(reader, &KEY_CHROMA_PROBS)])
}

/// Writes the modes that [`parse_key_modes`] parses.
#[inline]
pub fn write_key_modes<S: BoolSink>(
    sink: &mut S,
    luma: IntraLuma,
    chroma: IntraMode,
    modes: &[SubblockMode; 16],
    above: &[SubblockMode; 4],
    left: &[SubblockMode; 4],
) {
    KEY_LUMA_TREE.write(sink, &KEY_LUMA_PROBS, luma.index());
    if luma == IntraLuma::PerBlock {
        for n in 0..16 {
            let probs = key_subblock_probs(modes, n, above, left);
            SUBBLOCK_TREE.write(sink, probs, modes[n] as usize);
        }
    }
    CHROMA_TREE.write(sink, &KEY_CHROMA_PROBS, chroma as usize);
}

/// Parses the modes of an intra macroblock in an inter frame like [`parse_key_modes`], without
/// contexts.
#[inline]
pub fn parse_inter_frame_intra_modes(
    reader: &mut BoolDecoder<'_>,
    probs: &Probabilities,
    modes: &mut [SubblockMode; 16],
) -> (IntraLuma, IntraMode) {
    let luma = IntraLuma::ALL[LUMA_TREE.parse(reader, &probs.luma)];
    if luma == IntraLuma::PerBlock {
        for mode in modes {
            *mode = SubblockMode::ALL[SUBBLOCK_TREE.parse(reader, &SUBBLOCK_PROBS)];
        }
    } else {
        *modes = [luma.implied_subblock(); 16];
    }
    (luma, IntraMode::ALL[CHROMA_TREE.parse(reader, &probs.chroma)])
}

/// Writes the modes that [`parse_inter_frame_intra_modes`] parses.
#[inline]
pub fn write_inter_frame_intra_modes<S: BoolSink>(
    sink: &mut S,
    probs: &Probabilities,
    luma: IntraLuma,
    chroma: IntraMode,
    modes: &[SubblockMode; 16],
) {
    LUMA_TREE.write(sink, &probs.luma, luma.index());
    if luma == IntraLuma::PerBlock {
        for &mode in modes {
            SUBBLOCK_TREE.write(sink, &SUBBLOCK_PROBS, mode as usize);
        }
    }
    CHROMA_TREE.write(sink, &probs.chroma, chroma as usize);
}
