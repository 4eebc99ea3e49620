//! The macroblocks of a slice in decoding order. ITU-T H.264, clause 7.3.4.

use codec_core::error::Corrupt;

use super::cabac_syntax::Cabac;
use super::cavlc_syntax::Cavlc;
use super::entropy::Entropy;
use super::parse::MbParser;
use crate::macroblock::Arrangement;
use crate::macroblock::Mb;
use crate::slice::{PictureStructure, SliceType};

/// Reads ahead in a macroblock pair whose upper macroblock is skipped.
pub(crate) trait PairAhead: Entropy + Sized {
    /// Determines whether the pair is a field pair, which the upper macroblock has to know, and
    /// whether the lower one is skipped, if that is known.
    fn look_ahead(parser: &mut MbParser<'_, Self>, x: usize, row: usize) -> (bool, Option<bool>);
}

impl PairAhead for Cavlc<'_> {
    fn look_ahead(parser: &mut MbParser<'_, Self>, x: usize, row: usize) -> (bool, Option<bool>) {
        let inferred = || parser.finder().inferred_field(x, row);
        (parser.entropy.peek_field_flag().unwrap_or_else(inferred), None)
    }
}

impl PairAhead for Cabac<'_> {
    fn look_ahead(parser: &mut MbParser<'_, Self>, x: usize, row: usize) -> (bool, Option<bool>) {
        let inferred = parser.finder().inferred_field(x, row);
        parser.mark_skipped();
        parser.set_position(x, row + 1, inferred);
        let is_skipped = parser.skip_flag();
        parser.set_position(x, row, inferred);
        parser.unmark();
        if is_skipped {
            return (inferred, Some(true));
        }
        let field_pairs = parser.finder().field_pairs(x, row);
        (parser.entropy.field_flag(field_pairs), Some(false))
    }
}

/// State of the current macroblock pair of an MBAFF frame.
#[derive(Clone, Copy, Default)]
struct Pair {
    is_field: bool,
    is_upper_skipped: bool,
    is_lower_skipped: Option<bool>,
    /// Whether `mb_field_decoding_flag` was read.
    has_flag: bool,
}

/// Decodes the macroblocks of a slice and passes each to `reconstruct`.
///
/// # Errors
/// [`Corrupt`] if the data is damaged.
pub(crate) fn decode<E: PairAhead>(
    parser: &mut MbParser<'_, E>,
    mb: &mut Mb,
    mut reconstruct: impl FnMut(&MbParser<'_, E>, &mut Mb),
) -> Result<(), Corrupt> {
    let cx = parser.cx;
    let is_mbaff = cx.arrangement == Arrangement::Mbaff;
    let per_field = if cx.arrangement == Arrangement::Field { 2 } else { 1 };
    let total = cx.cols * (cx.rows / per_field);
    let first = usize::try_from(cx.header.first_mb).unwrap_or(usize::MAX);
    let mut address = first.saturating_mul(1 + usize::from(is_mbaff));
    let mut pair = Pair::default();
    loop {
        if address >= total {
            return Err(parser.corrupt("end of slice"));
        }
        let (x, row) = position(address, cx.cols, cx.arrangement, cx.header.structure);
        if parser.is_decoded(x, row) {
            return Err(parser.corrupt("macroblock that is not decoded yet"));
        }
        let is_skipped = if is_mbaff {
            begin_in_pair(parser, &mut pair, x, row)
        } else {
            parser.set_position(x, row, false);
            cx.header.slice_type != SliceType::I && parser.skip_flag()
        };
        if is_skipped {
            parser.skipped(mb);
        } else {
            parser.macroblock(mb)?;
        }
        reconstruct(parser, mb);
        // In CABAC a slice ends after whole pairs, and only then there is a flag.
        let may_end = !(E::CABAC && is_mbaff && row.is_multiple_of(2));
        let is_end = may_end && parser.entropy.is_end();
        // Data that ends within the last macroblock is at its end, too.
        if parser.entropy.is_damaged() {
            return Err(parser.corrupt("slice data"));
        }
        if is_end {
            return Ok(());
        }
        address += 1;
    }
}

/// Begins a macroblock of an MBAFF frame and returns whether it is skipped.
fn begin_in_pair<E: PairAhead>(
    parser: &mut MbParser<'_, E>,
    pair: &mut Pair,
    x: usize,
    row: usize,
) -> bool {
    let is_inter = parser.cx.header.slice_type != SliceType::I;
    let is_upper = row.is_multiple_of(2);
    if is_upper {
        *pair = Pair { is_field: parser.finder().inferred_field(x, row), ..Pair::default() };
    }
    parser.set_position(x, row, pair.is_field);
    let is_skipped = is_inter
        && match pair.is_lower_skipped {
            Some(is_skipped) if !is_upper => is_skipped,
            _ => parser.skip_flag(),
        };
    if is_upper && is_skipped {
        pair.is_upper_skipped = true;
        (pair.is_field, pair.is_lower_skipped) = E::look_ahead(parser, x, row);
        pair.has_flag = pair.is_lower_skipped == Some(false);
    } else if !is_skipped && !pair.has_flag && (is_upper || pair.is_upper_skipped) {
        let field_pairs = parser.finder().field_pairs(x, row);
        pair.is_field = parser.entropy.field_flag(field_pairs);
        pair.has_flag = true;
    }
    parser.set_position(x, row, pair.is_field);
    is_skipped
}

/// Returns column and row of the macroblock with an address. Clause 6.4.1.
fn position(
    address: usize,
    cols: usize,
    arrangement: Arrangement,
    structure: PictureStructure,
) -> (usize, usize) {
    match arrangement {
        Arrangement::Frame => (address % cols, address / cols),
        Arrangement::Field => {
            let bottom = usize::from(structure == PictureStructure::BottomField);
            (address % cols, address / cols * 2 + bottom)
        }
        Arrangement::Mbaff => (address / 2 % cols, address / 2 / cols * 2 + address % 2),
    }
}
