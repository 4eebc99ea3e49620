//! The macroblocks of a slice in decoding order. ITU-T H.264, clause 7.3.4.

use codec_core::error::Corrupt;

use super::entropy::Entropy;
use super::parse::MbParser;
use super::slice_context::SliceContext;
use crate::macroblock::Arrangement;
use crate::macroblock::Mb;
use crate::slice::SliceType;

/// Reads ahead to the lower macroblock of an MBAFF pair if the upper one, in column `x` and row `row`, is
/// skipped. Returns whether the pair is a field pair, and in CABAC whether the lower macroblock is skipped.
/// Clauses 7.3.4 and 7.4.4.
fn look_ahead<E: Entropy>(
    parser: &mut MbParser<'_, E>,
    x: usize,
    row: usize,
) -> (bool, Option<bool>) {
    let inferred = parser.finder().inferred_field(x, row);
    if !E::CABAC {
        return (parser.entropy.peek_field_flag().unwrap_or(inferred), None);
    }
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

/// State of the current macroblock pair of an MBAFF frame.
#[derive(Clone, Copy, Default)]
struct Pair {
    is_field: bool,
    is_upper_skipped: bool,
    is_lower_skipped: Option<bool>,
    /// Whether `mb_field_decoding_flag` was read.
    has_flag: bool,
}

/// The position in a slice: the next macroblock.
pub(crate) struct SliceData {
    x: usize,
    row: usize,
    /// Macroblocks from here to the end of the picture.
    left: usize,
    pair: Pair,
}

impl SliceData {
    /// Begins at the first macroblock of a slice.
    pub(crate) fn new(cx: &SliceContext<'_>) -> Self {
        // Rows of macroblocks of the frame or of the field, or rows of pairs.
        let rows = if cx.arrangement == Arrangement::Frame { cx.rows } else { cx.rows / 2 };
        let first = usize::try_from(cx.header.first_mb).unwrap_or(usize::MAX);
        let left = (cx.cols * rows).saturating_sub(first);
        let is_mbaff = cx.arrangement == Arrangement::Mbaff;
        let (x, row) = cx.first_position();
        Self { x, row, left: if is_mbaff { 2 * left } else { left }, pair: Pair::default() }
    }

    /// Moves to the macroblock after the current one.
    #[inline]
    fn advance(&mut self, cols: usize, arrangement: Arrangement) {
        self.left -= 1;
        if arrangement == Arrangement::Mbaff {
            if self.row.is_multiple_of(2) {
                self.row += 1;
                return;
            }
            self.row -= 1;
        }
        self.x += 1;
        if self.x == cols {
            self.x = 0;
            self.row += if arrangement == Arrangement::Frame { 1 } else { 2 };
        }
    }

    /// Parses the next macroblock, passes it to `take`, and returns whether it is the last one of
    /// the slice.
    ///
    /// # Errors
    /// [`Corrupt`] if the data is damaged.
    #[inline(always)]
    pub(crate) fn next<E: Entropy>(
        &mut self,
        parser: &mut MbParser<'_, E>,
        mb: &mut Mb,
        take: impl FnOnce(&MbParser<'_, E>, &Mb),
    ) -> Result<bool, Corrupt> {
        let cx = parser.cx;
        let is_mbaff = cx.arrangement == Arrangement::Mbaff;
        if self.left == 0 {
            return Err(parser.corrupt("the end of the slice"));
        }
        let (x, row) = (self.x, self.row);
        if parser.is_decoded(x, row) {
            return Err(parser.corrupt("a macroblock that has not been decoded yet"));
        }
        let is_skipped = if is_mbaff {
            begin_in_pair(parser, &mut self.pair, x, row)
        } else {
            parser.set_position(x, row, false);
            cx.header.slice_type != SliceType::I && parser.skip_flag()
        };
        if is_skipped {
            parser.skipped(mb);
        } else {
            parser.macroblock(mb)?;
        }
        take(parser, mb);
        self.advance(cx.cols, cx.arrangement);
        // In CABAC a slice ends only after whole pairs, so the flag follows only after these.
        let may_end = !(E::CABAC && is_mbaff && row.is_multiple_of(2));
        let is_end = may_end && parser.entropy.is_end();
        // If the data ends within the last macroblock, `is_end` is true as well.
        if parser.entropy.is_damaged() {
            return Err(parser.corrupt("valid slice data"));
        }
        Ok(is_end)
    }
}

/// Decodes the macroblocks of a slice: parses as many as `batch` holds and passes each to `observe`,
/// then passes them to `reconstruct`.
///
/// # Errors
/// [`Corrupt`] if the data is damaged.
pub(crate) fn decode<E: Entropy>(
    parser: &mut MbParser<'_, E>,
    batch: &mut [Mb],
    mut observe: impl FnMut(&MbParser<'_, E>, &Mb),
    mut reconstruct: impl FnMut(&MbParser<'_, E>, &[Mb]),
) -> Result<(), Corrupt> {
    let mut data = SliceData::new(parser.cx);
    loop {
        let mut count = 0;
        let mut result = Ok(false);
        for mb in &mut *batch {
            result = data.next(parser, mb, |parser, mb| {
                observe(parser, mb);
                count += 1;
            });
            if result != Ok(false) {
                break;
            }
        }
        reconstruct(parser, &batch[..count]);
        if result? {
            return Ok(());
        }
    }
}

/// Begins a macroblock of an MBAFF frame and returns whether it is skipped.
fn begin_in_pair<E: Entropy>(
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
        (pair.is_field, pair.is_lower_skipped) = look_ahead(parser, x, row);
        pair.has_flag = pair.is_lower_skipped == Some(false);
    } else if !is_skipped && !pair.has_flag && (is_upper || pair.is_upper_skipped) {
        let field_pairs = parser.finder().field_pairs(x, row);
        pair.is_field = parser.entropy.field_flag(field_pairs);
        pair.has_flag = true;
    }
    parser.set_position(x, row, pair.is_field);
    is_skipped
}
