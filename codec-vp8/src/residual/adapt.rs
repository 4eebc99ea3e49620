//! Token statistics, and the probability updates that save more bits than they cost. RFC 6386,
//! section 13.4.

use super::super::tables::{COEFF_UPDATE_PROBS, CoeffProbs};
use super::PlaneType;
use super::token::{walk_block, write_token};
use codec_core::entropy::{BoolSink, bool_cost_q8, prob_from_counts};

/// Counts of the token tree's branches: `[plane][band][context][node][bit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoeffCounts(pub [[[[[u32; 2]; 11]; 3]; 8]; 4]);

impl CoeffCounts {
    /// Adds the counts of `other`, for example of another row.
    pub fn add(&mut self, other: &Self) {
        let mine = self.0.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let others = other.0.as_flattened().as_flattened().as_flattened();
        for (mine, others) in mine.iter_mut().zip(others) {
            mine[0] += others[0];
            mine[1] += others[1];
        }
    }
}

/// A sink that counts branches: its "probabilities" are indices into a list of counts; out-of-range
/// ones are ignored.
pub(crate) struct BranchCounter<'a>(pub(crate) &'a mut [[u32; 2]]);

impl BoolSink for BranchCounter<'_> {
    #[inline]
    fn put_bool(&mut self, bit: bool, prob: u8) {
        if let Some(counts) = self.0.get_mut(usize::from(prob)) {
            counts[usize::from(bit)] += 1;
        }
    }
}

/// Indices of a token's eleven probabilities; see [`BranchCounter`].
static NODE_PLACES: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/// Counts the branches that [`write_block_tokens`](super::write_block_tokens) takes for a block of
/// `plane`.
#[inline]
pub fn count_block_tokens(
    counts: &mut CoeffCounts,
    plane: PlaneType,
    levels: &[i16; 16],
    eob: usize,
    context: usize,
) {
    let counts = counts.0.as_flattened_mut().as_flattened_mut();
    walk_block(plane as usize, levels, plane.first(), eob, context, |token, extra| {
        let counts = &mut counts[token.slot()];
        write_token(&mut BranchCounter(counts), token, extra, &NODE_PLACES);
    });
}

/// Returns `current` with those probabilities updated from `counts` that save more bits than their
/// update costs.
#[must_use]
pub fn adapt_coeff_probs(counts: &CoeffCounts, current: &CoeffProbs) -> CoeffProbs {
    let mut adapted = *current;
    let probs = adapted.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    let counts = counts.0.as_flattened().as_flattened().as_flattened();
    let updates = COEFF_UPDATE_PROBS.as_flattened().as_flattened().as_flattened();
    for ((prob, &counts), &update) in probs.iter_mut().zip(counts).zip(updates) {
        let new = prob_from_counts(counts);
        let update_cost = i64::from(bool_cost_q8(true, update)) + 8 * 256
            - i64::from(bool_cost_q8(false, update));
        if branch_cost_q8(counts, *prob) - branch_cost_q8(counts, new) > update_cost {
            *prob = new;
        }
    }
    adapted
}

/// Returns the cost of all counted branches at probability `prob`.
fn branch_cost_q8(counts: [u32; 2], prob: u8) -> i64 {
    i64::from(counts[0]) * i64::from(bool_cost_q8(false, prob))
        + i64::from(counts[1]) * i64::from(bool_cost_q8(true, prob))
}
