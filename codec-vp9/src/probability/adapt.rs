//! Adaptation of probabilities to the statistics of a frame, after it is decoded.

use super::{ComponentCounts, ComponentProbabilities, Counts, Probabilities, TokenCounts};
use crate::tables::coefficients::CoefficientProbabilities;
use crate::trees::{CHAIN_OF_FOUR, CLASS_BRANCHES, FILTER_BRANCHES, INTRA_MODE_BRANCHES};
use crate::types::TxMode;

/// Inputs of a frame's adaptation, apart from its statistics.
#[derive(Clone, Copy, Debug)]
pub struct Adaptation {
    /// Whether this is an inter frame, and the frame before was a key frame.
    pub follows_key: bool,
    /// Settings of inter frames. On key frames and intra-only frames only the probabilities of
    /// coefficients adapt.
    pub inter: Option<InterAdaptation>,
}

/// Inputs of the adaptation of an inter frame.
#[derive(Clone, Copy, Debug)]
pub struct InterAdaptation {
    /// Transform sizes of the frame.
    pub tx_mode: TxMode,
    /// Whether blocks select their interpolation filters.
    pub selects_filter: bool,
    /// Whether vectors may have a precision of an eighth of a pixel.
    pub high_precision: bool,
}

/// Maximum weight of the new statistics in coefficient probabilities, in 1/256.
const COEFFICIENT_RATE: u32 = 112;
/// Maximum weight of the new statistics on the first frame after a key frame.
const COEFFICIENT_RATE_AFTER_KEY: u32 = 128;
/// Number of symbols at which the maximum weight is reached.
const COEFFICIENT_SATURATION: u32 = 24;

/// Weight of the new statistics in other probabilities by number of symbols, in 1/256.
const MODE_RATES: [u32; 21] =
    [0, 6, 12, 19, 25, 32, 38, 44, 51, 57, 64, 70, 76, 83, 89, 96, 102, 108, 115, 121, 128];

/// Replaces the probabilities of a frame, `probabilities`, by the probabilities of the context that it started
/// from, `before`, moved towards the frame's statistics.
pub fn adapt(
    probabilities: &mut Probabilities,
    before: &Probabilities,
    counts: &Counts,
    adaptation: Adaptation,
) {
    let rate = if adaptation.follows_key { COEFFICIENT_RATE_AFTER_KEY } else { COEFFICIENT_RATE };
    for (size, counts) in counts.coefficients.iter().enumerate() {
        let to = &mut probabilities.coefficients[size];
        adapt_coefficients(to, &before.coefficients[size], counts, rate);
    }
    if let Some(inter) = adaptation.inter {
        adapt_modes(probabilities, before, counts, inter);
        adapt_vectors(probabilities, before, counts, inter.high_precision);
    }
}

fn adapt_coefficients(
    to: &mut CoefficientProbabilities,
    before: &CoefficientProbabilities,
    counts: &[[[[TokenCounts; 6]; 6]; 2]; 2],
    max_rate: u32,
) {
    let to = to.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    let before = before.as_flattened().as_flattened().as_flattened();
    let counts = counts.as_flattened().as_flattened().as_flattened();
    for ((to, before), counts) in to.iter_mut().zip(before).zip(counts) {
        for (node, (to, &before)) in to.iter_mut().zip(before).enumerate() {
            let [no, yes] = counts.of_node(node);
            let total = no + yes;
            let rate = max_rate * total.min(COEFFICIENT_SATURATION) / COEFFICIENT_SATURATION;
            *to = merged(before, [no, yes], rate);
        }
    }
}

fn adapt_modes(
    to: &mut Probabilities,
    before: &Probabilities,
    counts: &Counts,
    adaptation: InterAdaptation,
) {
    flags(&mut to.is_inter, &before.is_inter, &counts.is_inter);
    flags(&mut to.is_compound, &before.is_compound, &counts.is_compound);
    flags(&mut to.compound_reference, &before.compound_reference, &counts.compound_reference);
    flags(
        to.single_reference.as_flattened_mut(),
        before.single_reference.as_flattened(),
        counts.single_reference.as_flattened(),
    );
    flags(&mut to.skip, &before.skip, &counts.skip);
    trees(&mut to.inter_mode, &before.inter_mode, &counts.inter_mode, &CHAIN_OF_FOUR);
    trees(&mut to.luma_mode, &before.luma_mode, &counts.luma_mode, &INTRA_MODE_BRANCHES);
    trees(&mut to.chroma_mode, &before.chroma_mode, &counts.chroma_mode, &INTRA_MODE_BRANCHES);
    trees(&mut to.partition, &before.partition, &counts.partition, &CHAIN_OF_FOUR);
    if adaptation.selects_filter {
        trees(&mut to.filter, &before.filter, &counts.filter, &FILTER_BRANCHES);
    }
    if adaptation.tx_mode == TxMode::PerBlock {
        // Each node decides between one size and all larger ones.
        let (tx, from) = (&mut to.tx, &before.tx);
        trees(&mut tx.up_to_8, &from.up_to_8, &counts.tx_up_to_8, &[0, -1]);
        trees(&mut tx.up_to_16, &from.up_to_16, &counts.tx_up_to_16, &FILTER_BRANCHES);
        trees(&mut tx.up_to_32, &from.up_to_32, &counts.tx_up_to_32, &CHAIN_OF_FOUR);
    }
}

fn adapt_vectors(
    to: &mut Probabilities,
    before: &Probabilities,
    counts: &Counts,
    high_precision: bool,
) {
    let (to, before, counts) = (&mut to.vectors, &before.vectors, &counts.vectors);
    tree(&mut to.joints, &before.joints, &counts.joints, &CHAIN_OF_FOUR);
    let components = to.components.iter_mut().zip(&before.components).zip(&counts.components);
    for ((to, before), counts) in components {
        adapt_component(to, before, counts, high_precision);
    }
}

fn adapt_component(
    to: &mut ComponentProbabilities,
    before: &ComponentProbabilities,
    counts: &ComponentCounts,
    high_precision: bool,
) {
    to.sign = mode_merged(before.sign, counts.sign);
    tree(&mut to.classes, &before.classes, &counts.classes, &CLASS_BRANCHES);
    to.class0 = mode_merged(before.class0, counts.class0);
    flags(&mut to.bits, &before.bits, &counts.bits);
    trees(
        &mut to.class0_fraction,
        &before.class0_fraction,
        &counts.class0_fraction,
        &CHAIN_OF_FOUR,
    );
    tree(&mut to.fraction, &before.fraction, &counts.fraction, &CHAIN_OF_FOUR);
    if high_precision {
        to.class0_high_precision =
            mode_merged(before.class0_high_precision, counts.class0_high_precision);
        to.high_precision = mode_merged(before.high_precision, counts.high_precision);
    }
}

fn flags(to: &mut [u8], before: &[u8], counts: &[[u32; 2]]) {
    for ((to, &before), &counts) in to.iter_mut().zip(before).zip(counts) {
        *to = mode_merged(before, counts);
    }
}

fn trees<const NODES: usize, const LEAVES: usize>(
    to: &mut [[u8; NODES]],
    before: &[[u8; NODES]],
    counts: &[[u32; LEAVES]],
    branches: &[i8],
) {
    for ((to, before), counts) in to.iter_mut().zip(before).zip(counts) {
        tree(to, before, counts, branches);
    }
}

fn tree(to: &mut [u8], before: &[u8], counts: &[u32], branches: &[i8]) {
    for ((to, &before), counts) in to.iter_mut().zip(before).zip(node_counts(branches, counts)) {
        *to = mode_merged(before, counts);
    }
}

/// The largest number of nodes in a tree.
const MAX_NODES: usize = 10;

/// How often each branch of each node of a tree was taken, from the counts of the leaves.
pub(crate) fn node_counts(branches: &[i8], counts: &[u32]) -> [[u32; 2]; MAX_NODES] {
    let mut nodes = [[0; 2]; MAX_NODES];
    // Nodes come after those that lead to them.
    for (node, branches) in branches.as_chunks::<2>().0.iter().enumerate().rev() {
        nodes[node] = branches.map(|branch| {
            let to = usize::from(branch.unsigned_abs());
            if branch <= 0 { counts[to] } else { nodes[to / 2].iter().sum() }
        });
    }
    nodes
}

fn mode_merged(before: u8, counts: [u32; 2]) -> u8 {
    let total = counts[0].saturating_add(counts[1]).min(20);
    merged(before, counts, MODE_RATES[total as usize])
}

/// Moves a probability towards the share of the first count; `rate` in 1/256.
fn merged(before: u8, [no, yes]: [u32; 2], rate: u32) -> u8 {
    let total = u64::from(no) + u64::from(yes);
    if total == 0 {
        return before;
    }
    let share = ((u64::from(no) * 256 + total / 2) / total).clamp(1, 255);
    let share = u32::from(share.to_le_bytes()[0]);
    ((u32::from(before) * (256 - rate) + share * rate + 128) >> 8).to_le_bytes()[0]
}
