//! Writes the tokens of one block, or counts their bits. RFC 6386, section 13.2.

use super::token::{walk_block, write_token};
use codec_core::entropy::{BoolSink, CostCounter};

/// Writes the tokens of one block.
///
/// `levels` are quantised and in zig-zag order, at most
/// [`MAX_LEVEL`](crate::tables::MAX_LEVEL) in magnitude. `first` is 1 for luma with Y2,
/// otherwise 0. `eob` is the position after the last non-zero level, or at most `first` if all
/// levels are zero. `context` is from the left and above neighbours, 0..=2. `probs` are the token
/// probabilities of the plane type.
#[inline]
pub fn write_block_tokens<S: BoolSink>(
    sink: &mut S,
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    probs: &[[[u8; 11]; 3]; 8],
) {
    let probs = probs.as_flattened();
    walk_block(0, levels, first, eob, context, |token, extra| {
        write_token(sink, token, extra, &probs[token.slot()]);
    });
}

/// Returns the cost of a block's tokens in 1/256 bit; arguments are as for [`write_block_tokens`].
#[inline]
#[must_use]
pub fn token_cost_q8(
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    probs: &[[[u8; 11]; 3]; 8],
) -> u64 {
    let mut counter = CostCounter::default();
    write_block_tokens(&mut counter, levels, first, eob, context, probs);
    counter.q8()
}
