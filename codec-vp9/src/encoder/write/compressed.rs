//! Writes the compressed header: the probability updates that save more bits than they cost.

use codec_core::entropy::{BoolEncoder, BoolSink, CostCounter, bool_cost_q8, prob_from_counts};

use crate::header::FrameHeader;
use crate::header::compressed::{CompressedHeader, ReferenceMode};
use crate::probability::{
    Counts, Probabilities, TokenCounts, node_counts, write_delta, write_vector_probability,
};
use crate::tables::coefficients::CoefficientProbabilities;
use crate::trees::{CHAIN_OF_FOUR, CLASS_BRANCHES, FILTER_BRANCHES, INTRA_MODE_BRANCHES};
use crate::types::TxMode;

/// The smallest cost of a change, in 1/256 bit.
const MIN_CHANGE_Q8: u64 = 5 * 256;

/// Appends the compressed header of a frame with the given statistics, and changes `probabilities` as
/// it says.
pub(crate) fn write_compressed(
    header: &FrameHeader,
    compressed: CompressedHeader,
    counts: &Counts,
    probabilities: &mut Probabilities,
    out: Vec<u8>,
) -> Vec<u8> {
    let mut encoder = BoolEncoder::new(out);
    let sink = &mut encoder;
    sink.put_flag(false);
    if !header.quantiser.is_lossless() {
        write_tx_mode(sink, compressed.tx_mode);
    }
    if compressed.tx_mode == TxMode::PerBlock {
        let tx = &mut probabilities.tx;
        write_trees(sink, &mut tx.up_to_8, &counts.tx_up_to_8, &[0, -1]);
        write_trees(sink, &mut tx.up_to_16, &counts.tx_up_to_16, &FILTER_BRANCHES);
        write_trees(sink, &mut tx.up_to_32, &counts.tx_up_to_32, &CHAIN_OF_FOUR);
    }
    let largest = compressed.tx_mode.largest() as usize;
    let sizes = probabilities.coefficients.iter_mut().zip(&counts.coefficients);
    for (probabilities, counts) in sizes.take(largest + 1) {
        write_coefficients(sink, probabilities, counts);
    }
    write_flags(sink, &mut probabilities.skip, &counts.skip);
    if !header.is_intra() {
        write_inter(sink, header, compressed.reference_mode, counts, probabilities);
    }
    encoder.finish()
}

fn write_tx_mode(sink: &mut impl BoolSink, mode: TxMode) {
    let code = match mode {
        TxMode::Only4x4 => 0,
        TxMode::UpTo8x8 => 1,
        TxMode::UpTo16x16 => 2,
        TxMode::UpTo32x32 | TxMode::PerBlock => 3,
    };
    sink.put_literal(code, 2);
    if code == 3 {
        sink.put_flag(mode == TxMode::PerBlock);
    }
}

/// Cost of flags in 1/256 bit.
fn cost(probability: u8, [no, yes]: [u32; 2]) -> u64 {
    u64::from(no) * u64::from(bool_cost_q8(false, probability))
        + u64::from(yes) * u64::from(bool_cost_q8(true, probability))
}

/// Returns the best new value of a probability with flags of these counts, and what it saves in 1/256
/// bit, which is 0 if it is not changed.
#[inline(never)]
fn best_change(from: u8, counts: [u32; 2]) -> (u8, u64) {
    let ideal = prob_from_counts(counts);
    let before = cost(from, counts);
    if counts == [0; 2] || before < cost(ideal, counts) + MIN_CHANGE_Q8 {
        return (from, 0);
    }
    let range = if ideal < from { ideal..=from - 1 } else { from + 1..=ideal };
    let unchanged = u64::from(bool_cost_q8(false, 252));
    let mut best = (from, 0);
    for to in range {
        let mut change = CostCounter::default();
        write_delta(&mut change, from, to);
        let saved = (before + unchanged).saturating_sub(cost(to, counts) + change.q8());
        if saved > best.1 {
            best = (to, saved);
        }
    }
    best
}

#[inline(never)]
fn write_change(sink: &mut impl BoolSink, probability: &mut u8, counts: [u32; 2]) {
    let (to, _) = best_change(*probability, counts);
    write_delta(sink, *probability, to);
    *probability = to;
}

fn write_flags(sink: &mut impl BoolSink, probabilities: &mut [u8], counts: &[[u32; 2]]) {
    for (probability, &counts) in probabilities.iter_mut().zip(counts) {
        write_change(sink, probability, counts);
    }
}

fn write_trees<const NODES: usize, const LEAVES: usize>(
    sink: &mut impl BoolSink,
    probabilities: &mut [[u8; NODES]],
    counts: &[[u32; LEAVES]],
    branches: &[i8],
) {
    for (probabilities, counts) in probabilities.iter_mut().zip(counts) {
        for (probability, counts) in probabilities.iter_mut().zip(node_counts(branches, counts)) {
            write_change(sink, probability, counts);
        }
    }
}

/// Number of contexts of each band.
fn contexts_of(band: usize) -> usize {
    if band == 0 { 3 } else { 6 }
}

/// Writes the changes of the coefficient probabilities of a transform size, if together they save bits.
fn write_coefficients(
    sink: &mut impl BoolSink,
    probabilities: &mut CoefficientProbabilities,
    counts: &[[[[TokenCounts; 6]; 6]; 2]; 2],
) {
    let mut changed = [0; MAX_NODES];
    let (mut saved, mut number) = (0, 0);
    each_node(probabilities, counts, |index, probability, counts| {
        let (to, gain) = best_change(*probability, counts);
        changed[index] = to;
        saved += gain;
        number += 1;
    });
    let unchanged = number * u64::from(bool_cost_q8(false, 252));
    let is_worth_it = saved > unchanged;
    sink.put_flag(is_worth_it);
    if is_worth_it {
        each_node(probabilities, counts, |index, probability, _| {
            write_delta(sink, *probability, changed[index]);
            *probability = changed[index];
        });
    }
}

/// Number of coefficient probabilities of a transform size, also of contexts that do not exist.
const MAX_NODES: usize = 2 * 2 * 6 * 6 * 3;

/// Calls `visit` with the number of each probability, the probability and the counts of its flag, in the
/// order of the header.
fn each_node(
    probabilities: &mut CoefficientProbabilities,
    counts: &[[[[TokenCounts; 6]; 6]; 2]; 2],
    mut visit: impl FnMut(usize, &mut u8, [u32; 2]),
) {
    let mut index = 0;
    let counts = counts.as_flattened();
    for (bands, counts) in probabilities.as_flattened_mut().iter_mut().zip(counts) {
        for (band, (contexts, counts)) in bands.iter_mut().zip(counts).enumerate() {
            let count = contexts_of(band);
            for (nodes, counts) in contexts[..count].iter_mut().zip(counts) {
                for (node, probability) in nodes.iter_mut().enumerate() {
                    visit(index, probability, counts.of_node(node));
                    index += 1;
                }
            }
        }
    }
}

/// Writes what only inter frames have.
fn write_inter(
    sink: &mut impl BoolSink,
    header: &FrameHeader,
    mode: ReferenceMode,
    counts: &Counts,
    probabilities: &mut Probabilities,
) {
    write_trees(sink, &mut probabilities.inter_mode, &counts.inter_mode, &CHAIN_OF_FOUR);
    if header.references.filter.is_none() {
        write_trees(sink, &mut probabilities.filter, &counts.filter, &FILTER_BRANCHES);
    }
    write_flags(sink, &mut probabilities.is_inter, &counts.is_inter);
    if header.references.compound().is_some() {
        sink.put_flag(mode != ReferenceMode::Single);
        if mode != ReferenceMode::Single {
            sink.put_flag(mode == ReferenceMode::PerBlock);
        }
    }
    if mode == ReferenceMode::PerBlock {
        write_flags(sink, &mut probabilities.is_compound, &counts.is_compound);
    }
    if mode != ReferenceMode::Compound {
        let to = probabilities.single_reference.as_flattened_mut();
        write_flags(sink, to, counts.single_reference.as_flattened());
    }
    if mode != ReferenceMode::Single {
        let to = &mut probabilities.compound_reference;
        write_flags(sink, to, &counts.compound_reference);
    }
    write_trees(sink, &mut probabilities.luma_mode, &counts.luma_mode, &INTRA_MODE_BRANCHES);
    write_trees(sink, &mut probabilities.partition, &counts.partition, &CHAIN_OF_FOUR);
    write_vectors(sink, header.references.high_precision, counts, probabilities);
}

/// Writes a new value of a probability of vectors if it saves bits.
#[inline(never)]
fn write_vector_change(sink: &mut impl BoolSink, probability: &mut u8, counts: [u32; 2]) {
    // A flag and seven bits.
    const CHANGE_Q8: u64 = 7 * 256 + 1536;
    let to = prob_from_counts(counts) | 1;
    let pays = cost(*probability, counts) > cost(to, counts) + CHANGE_Q8;
    let to = if pays { to } else { *probability };
    write_vector_probability(sink, *probability, to);
    *probability = to;
}

fn write_vectors(
    sink: &mut impl BoolSink,
    high_precision: bool,
    counts: &Counts,
    probabilities: &mut Probabilities,
) {
    let (to, counts) = (&mut probabilities.vectors, &counts.vectors);
    let mut tree = |to: &mut [u8], counts: &[u32], branches: &[i8]| {
        for (probability, counts) in to.iter_mut().zip(node_counts(branches, counts)) {
            write_vector_change(sink, probability, counts);
        }
    };
    const FLAG: [i8; 2] = [0, -1];
    tree(&mut to.joints, &counts.joints, &CHAIN_OF_FOUR);
    for (to, counts) in to.components.iter_mut().zip(&counts.components) {
        tree(std::slice::from_mut(&mut to.sign), &counts.sign, &FLAG);
        tree(&mut to.classes, &counts.classes, &CLASS_BRANCHES);
        tree(std::slice::from_mut(&mut to.class0), &counts.class0, &FLAG);
        for (to, counts) in to.bits.iter_mut().zip(&counts.bits) {
            tree(std::slice::from_mut(to), counts, &FLAG);
        }
    }
    for (to, counts) in to.components.iter_mut().zip(&counts.components) {
        for (to, counts) in to.class0_fraction.iter_mut().zip(&counts.class0_fraction) {
            tree(to, counts, &CHAIN_OF_FOUR);
        }
        tree(&mut to.fraction, &counts.fraction, &CHAIN_OF_FOUR);
    }
    if high_precision {
        for (to, counts) in to.components.iter_mut().zip(&counts.components) {
            let eighths = [
                (&mut to.class0_high_precision, &counts.class0_high_precision),
                (&mut to.high_precision, &counts.high_precision),
            ];
            for (to, counts) in eighths {
                tree(std::slice::from_mut(to), counts, &FLAG);
            }
        }
    }
}
