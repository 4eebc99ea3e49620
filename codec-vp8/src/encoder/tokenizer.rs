//! Tokenisation of coefficients, with statistics. RFC 6386, section 13.

use std::ops::Range;

use super::block_flags::BlockFlags;
use super::levels::{CHROMA, CodedMb, LUMA_AFTER_Y2, LUMA_WHOLE, LUMA_Y2, MbLevels, Y2};
use super::store::RowStore;
use super::token_counts::TokenCounts;
use crate::residual::{small_tokens, walk_block};

/// Bit of Y2 in the neighbour masks.
const Y2_BIT: u16 = 1 << 8;

/// Returns the neighbour masks after a macroblock without coefficients, given the masks before it.
pub(super) fn empty_mb_flags(has_y2: bool, above: u16, left: u16) -> (u16, u16) {
    if has_y2 { (0, 0) } else { (above & Y2_BIT, left & Y2_BIT) }
}

/// Tokenises one macroblock at a time; counts the tokens.
#[derive(Debug)]
pub(super) struct Tokenizer {
    /// Counts over all macroblocks since the last reset.
    pub(super) counts: TokenCounts,
    /// Tokens of one macroblock.
    tokens: [u16; MAX_TOKENS],
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self { counts: TokenCounts::default(), tokens: [0; _] }
    }
}

impl RowStore {
    /// Counts and stores the tokens of a macroblock with coefficients. Returns the masks of
    /// non-empty blocks for the neighbours below and to the right.
    pub(super) fn tokenize(
        &mut self,
        mb: &CodedMb,
        levels: &MbLevels,
        tokenizer: &mut Tokenizer,
    ) -> (u16, u16) {
        let Tokenizer { counts, tokens } = tokenizer;
        let flags = BlockFlags::of(mb);
        let empty = flags.empty_tokens();
        // Y2 comes first in coding order; without it, everything starts one position later.
        let luma = if mb.has_y2 { LUMA_AFTER_Y2 } else { LUMA_WHOLE };
        let mut coded = (flags.coded & 0xff_ffff) << 1 | flags.coded >> Y2;
        let (mut next, mut len) = (usize::from(!mb.has_y2), 0);
        while coded != 0 {
            let place = coded.trailing_zeros() as usize;
            coded &= coded - 1;
            len = append(tokens, len, &empty, next..place);
            next = place + 1;
            let (n, plane, first) = match place {
                0 => (Y2, LUMA_Y2, 0),
                1..17 => (place - 1, luma, usize::from(mb.has_y2)),
                _ => (place - 1, CHROMA, 0),
            };
            let (plane, context) = (usize::from(plane), flags.context(n));
            let (block, eob) = (levels.block(n), usize::from(mb.eobs[n]).min(16));
            // The token before a block that begins at position 1 is overwritten and restored.
            let room = len.checked_sub(first).and_then(|at| tokens.get_mut(at..));
            let Some(room) = room.and_then(|room| room.first_chunk_mut()) else { break };
            let before = room[0];
            let are_small = small_tokens(plane, block, first, eob, context, room);
            if first > 0 {
                room[0] = before;
            }
            if are_small {
                len += (eob + 1).min(16) - first;
                continue;
            }
            walk_block(plane, block, first, eob, context, |token, extra| {
                if let Some(place) = tokens.get_mut(len) {
                    *place = token.0;
                }
                len += 1;
                if token.is_open() {
                    self.open.push(extra);
                }
            });
        }
        len = append(tokens, len, &empty, next..25);
        let tokens = tokens.get(..len).unwrap_or_default();
        counts.count(tokens);
        self.tokens.extend_from_slice(tokens);
        flags.sides()
    }
}

/// Copies a run of `empty` to `tokens` at `len`, always copying the length of the longest run;
/// returns the end of the run.
#[inline]
fn append(
    tokens: &mut [u16; MAX_TOKENS],
    len: usize,
    empty: &[u16; 49],
    run: Range<usize>,
) -> usize {
    let (Some(to), Some(from)) =
        (tokens.get_mut(len..len + 24), empty.get(run.start..run.start + 24))
    else {
        return len;
    };
    to.copy_from_slice(from);
    len + run.len()
}

/// Room for the tokens of a macroblock plus a run of empty blocks.
const MAX_TOKENS: usize = 25 * 17 + 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::BANDS;

    #[test]
    fn tokens_are_counted_in_the_context_of_the_previous_level() {
        const END: usize = 11;
        let (mut store, mut tokenizer) = (RowStore::with_cols(1), Tokenizer::default());
        let mut levels = MbLevels::default();
        levels.luma.0[0][1..5].copy_from_slice(&[1, 0, -70, 2]);
        let mut mb = CodedMb { eobs: [0; 25], has_y2: true, above: 3, left: 3 };
        mb.eobs[0] = 5;
        store.tokenize(&mb, &levels, &mut tokenizer);
        let at = |n: usize, context: usize| tokenizer.counts.of(0, usize::from(BANDS[n]), context);
        assert_eq!(at(1, 2)[1], 1);
        assert_eq!(at(2, 1)[0], 1);
        assert_eq!(at(3, 0)[10], 1);
        assert_eq!(at(4, 2)[2], 1);
        assert_eq!(at(5, 2)[END], 1);
        assert_eq!((store.tokens.len(), &store.open[..]), (24 + 5, &[70 - 67][..]));
    }

    #[test]
    fn small_levels_give_the_tokens_of_walk_block() {
        let mut random = 1u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        for _ in 0..2000 {
            let (plane, context) = (next(4) as usize, next(3) as usize);
            let first = usize::from(plane == 0);
            let eob = first + 1 + next(15 - u32::from(plane == 0)) as usize;
            let most = 3 + next(3);
            let mut levels = [0; 16];
            for level in &mut levels[first..eob] {
                let magnitude = i16::try_from(next(most + 1)).unwrap();
                *level = if next(2) == 0 { magnitude } else { -magnitude };
            }
            levels[eob - 1] = if levels[eob - 1] == 0 { -1 } else { levels[eob - 1] };
            let mut walked = Vec::new();
            walk_block(plane, &levels, first, eob, context, |token, _| walked.push(token.0));
            let mut small = [0; 16];
            if small_tokens(plane, &levels, first, eob, context, &mut small) {
                assert_eq!(small[first..][..walked.len()], walked);
            } else {
                assert!(levels.iter().any(|level| level.unsigned_abs() > 4));
            }
        }
    }
}
