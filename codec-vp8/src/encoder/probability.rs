//! Adaptation of probabilities to a frame's symbol counts. RFC 6386, sections 9.6, 9.9 to 9.11.

use super::store::{FrameTotals, ModeCounts, MvCounts};
use super::token_counts::TokenCounts;
use crate::header::{ModeProbabilities, Probabilities};
use crate::modes::{CHROMA_TREE, LUMA_TREE, write_mv};
use crate::residual::{BranchCounter, CoeffCounts, TOKENS, adapt_coeff_probs};
use crate::tables::{BANDS, MV_UPDATE_PROBS, MvProbs};
use crate::types::MotionVector;
use codec_core::entropy::{bool_cost_q8, prob_from_counts};

/// `[component][n]` is the index of probability `n`; see [`BranchCounter`].
static MV_PLACES: [MvProbs; 2] = {
    let mut places = [[0; 19]; 2];
    let mut n = 0u8;
    while n < 19 {
        places[0][n as usize] = n;
        places[1][n as usize] = 19 + n;
        n += 1;
    }
    places
};

impl MvCounts {
    /// Counts the branches of a coded vector difference.
    pub(super) fn count(&mut self, delta: MotionVector) {
        write_mv(&mut BranchCounter(self.0.as_flattened_mut()), delta, &MV_PLACES);
    }
}

impl TokenCounts {
    /// Converts token counts to counts of the token tree's branches.
    pub(super) fn to_branches(&self, out: &mut CoeffCounts) {
        for (plane, out) in out.0.iter_mut().enumerate() {
            let first_band = usize::from(BANDS[usize::from(plane == 0)]);
            for (band, out) in out.iter_mut().enumerate() {
                for (context, out) in out.iter_mut().enumerate() {
                    // An end of block cannot follow a zero, i.e. context 0 beyond the first
                    // position.
                    let can_end = context != 0 || band == first_band;
                    *out = branches(self.of(plane, band, context), can_end);
                }
            }
        }
    }
}

/// Returns the branch counts of the tree of section 13.2 for the counts of zero, 1, 2, 3, 4,
/// categories 1..=6, end.
fn branches(tokens: &[u32; TOKENS], can_end: bool) -> [[u32; 2]; 11] {
    let [zero, one, two, three, four, c1, c2, c3, c4, c5, c6, end] = *tokens;
    let small = two + three + four;
    let (low, high) = (c1 + c2, c3 + c4 + c5 + c6);
    let larger = small + low + high;
    [
        if can_end { [end, zero + one + larger] } else { [0, 0] },
        [zero, one + larger],
        [one, larger],
        [small, low + high],
        [two, three + four],
        [three, four],
        [low, high],
        [c1, c2],
        [c3 + c4, c5 + c6],
        [c3, c4],
        [c5, c6],
    ]
}

/// Returns the probabilities of a tree's nodes from counts of its leaves. `write(sink, probs,
/// leaf)` writes the path to a leaf.
fn tree_probs<const N: usize, const LEAVES: usize>(
    counts: &[u32; LEAVES],
    write: impl Fn(&mut BranchCounter<'_>, &[u8], usize),
) -> [u8; N] {
    let places: [u8; N] = std::array::from_fn(|n| u8::try_from(n).unwrap_or(u8::MAX));
    let mut total = [[0; 2]; N];
    for (leaf, &count) in counts.iter().enumerate() {
        let mut once = [[0; 2]; N];
        write(&mut BranchCounter(&mut once), &places, leaf);
        for (total, once) in total.iter_mut().zip(once) {
            total[0] += once[0] * count;
            total[1] += once[1] * count;
        }
    }
    total.map(prob_from_counts)
}

fn saved_q8(counts: [u32; 2], old: u8, new: u8) -> i64 {
    let cost = |prob: u8| {
        i64::from(counts[0]) * i64::from(bool_cost_q8(false, prob))
            + i64::from(counts[1]) * i64::from(bool_cost_q8(true, prob))
    };
    cost(old) - cost(new)
}

/// Returns the best mode probabilities for the frame.
pub(super) fn mode_probabilities(counts: &ModeCounts, total: u32) -> ModeProbabilities {
    let [intra, last, golden, altref] = counts.references;
    ModeProbabilities {
        skip: Some(prob_from_counts([total - counts.skipped, counts.skipped])),
        intra: prob_from_counts([intra, last + golden + altref]),
        last: prob_from_counts([last, golden + altref]),
        golden: prob_from_counts([golden, altref]),
    }
}

/// Returns the probabilities of the segment map's tree. Section 10.
pub(super) fn segment_probs([a, b, c, d]: [u32; 4]) -> [u8; 3] {
    [prob_from_counts([a + b, c + d]), prob_from_counts([a, b]), prob_from_counts([c, d])]
}

/// Returns the adapted probabilities of a frame that started from `before`.
pub(super) fn adapt(
    is_key: bool,
    totals: &FrameTotals,
    branches: &mut CoeffCounts,
    before: &Probabilities,
) -> Probabilities {
    totals.tokens.to_branches(branches);
    let coeffs = adapt_coeff_probs(branches, &before.coeffs);
    let mut probs = Probabilities { coeffs, ..before.clone() };
    if is_key {
        return probs;
    }
    for (component, counts) in totals.mvs.0.iter().enumerate() {
        for (n, &counts) in counts.iter().enumerate() {
            let old = before.mv[component][n];
            let new = (prob_from_counts(counts) & !1).max(1);
            let update = MV_UPDATE_PROBS[component][n];
            let price = i64::from(bool_cost_q8(true, update)) + 7 * 256
                - i64::from(bool_cost_q8(false, update));
            if saved_q8(counts, old, new) > price {
                probs.mv[component][n] = new;
            }
        }
    }
    let luma: [u8; 4] = tree_probs(&totals.modes.intra_luma, |sink, probs, leaf| {
        LUMA_TREE.write(sink, probs, leaf);
    });
    let chroma: [u8; 3] = tree_probs(&totals.modes.intra_chroma, |sink, probs, leaf| {
        CHROMA_TREE.write(sink, probs, leaf);
    });
    // With few intra macroblocks the update of four or three bytes costs more than it saves.
    if totals.modes.references[0] > 100 {
        probs.luma = luma;
        probs.chroma = chroma;
    }
    probs
}
