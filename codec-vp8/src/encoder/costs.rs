//! Bit costs of modes, references and vectors for mode decision, in 1/256 bit.

use codec_simd::{IntraMode, SubblockMode};

use crate::header::{ModeProbabilities, Probabilities};
use crate::modes::{CHROMA_TREE, KEY_LUMA_TREE, LUMA_TREE, SUBBLOCK_TREE, write_mv};
use crate::tables::{
    KEY_CHROMA_PROBS, KEY_LUMA_PROBS, KEY_SUBBLOCK_PROBS, MV_LONG, MV_SIGN, MvProbs, SUBBLOCK_PROBS,
};
use crate::types::{IntraLuma, MotionVector};
use codec_core::entropy::{CostCounter, bool_cost_q8};
use codec_core::motion::MvCost;

/// Bit costs of one frame's modes.
#[derive(Clone, Debug)]
pub(super) struct ModeCosts {
    /// Whole-block luma modes of intra macroblocks, in the order of [`IntraMode::ALL`].
    pub(super) luma: [u32; 4],
    /// Cost of choosing 4x4 intra prediction instead.
    pub(super) per_block: u32,
    pub(super) chroma: [u32; 4],
    /// 4x4 modes in inter frames.
    pub(super) subblock: [u32; 10],
    /// By [`crate::types::MbMode::reference_index`].
    pub(super) reference: [u32; 4],
    /// Skip flag of macroblocks with and without coefficients.
    skip: [u32; 2],
    /// 4x4 modes of key frames: `[above][left][mode]`.
    key_subblock: Box<[[[u16; 10]; 10]; 10]>,
    is_key: bool,
}

/// Returns the cost of the bits that `write` produces, in 1/256 bit.
pub(super) fn price(write: impl FnOnce(&mut CostCounter)) -> u32 {
    let mut counter = CostCounter::default();
    write(&mut counter);
    u32::try_from(counter.q8()).unwrap_or(u32::MAX)
}

pub(super) fn cost_of(bit: bool, prob: u8) -> u32 {
    u32::from(bool_cost_q8(bit, prob))
}

impl Default for ModeCosts {
    fn default() -> Self {
        let mut key_subblock = Box::new([[[0; 10]; 10]; 10]);
        for (costs, probs) in
            key_subblock.as_flattened_mut().iter_mut().zip(KEY_SUBBLOCK_PROBS.as_flattened())
        {
            for (mode, cost) in costs.iter_mut().enumerate() {
                let bits = price(|sink| SUBBLOCK_TREE.write(sink, probs, mode));
                *cost = u16::try_from(bits).unwrap_or(u16::MAX);
            }
        }
        Self {
            luma: [0; 4],
            per_block: 0,
            chroma: [0; 4],
            subblock: SubblockMode::ALL.map(|mode| {
                price(|sink| SUBBLOCK_TREE.write(sink, &SUBBLOCK_PROBS, mode as usize))
            }),
            reference: [0; 4],
            skip: [0; 2],
            key_subblock,
            is_key: true,
        }
    }
}

impl ModeCosts {
    /// Updates the costs for a frame that starts from `probs`; `modes` are estimates of its mode
    /// probabilities.
    pub(super) fn update(
        &mut self,
        is_key: bool,
        probs: &Probabilities,
        modes: &ModeProbabilities,
    ) {
        let luma_probs = if is_key { KEY_LUMA_PROBS } else { probs.luma };
        let chroma_probs = if is_key { KEY_CHROMA_PROBS } else { probs.chroma };
        let tree = if is_key { &KEY_LUMA_TREE } else { &LUMA_TREE };
        let luma = |mode: IntraLuma| price(|sink| tree.write(sink, &luma_probs, mode.index()));
        self.is_key = is_key;
        self.luma = IntraMode::ALL.map(|mode| luma(IntraLuma::Whole(mode)));
        self.per_block = luma(IntraLuma::PerBlock);
        self.chroma = IntraMode::ALL
            .map(|mode| price(|sink| CHROMA_TREE.write(sink, &chroma_probs, mode as usize)));
        let skip = modes.skip.unwrap_or(128);
        self.skip = [cost_of(false, skip), cost_of(true, skip)];
        let inter = cost_of(true, modes.intra);
        let other = inter + cost_of(true, modes.last);
        self.reference = [
            if is_key { 0 } else { cost_of(false, modes.intra) },
            inter + cost_of(false, modes.last),
            other + cost_of(false, modes.golden),
            other + cost_of(true, modes.golden),
        ];
    }

    /// Returns the costs of the skip flag: with coefficients, without.
    pub(super) fn skip_bits(&self) -> [u32; 2] {
        self.skip
    }

    /// Returns the cost of a 4x4 mode; in key frames it depends on the modes above and left.
    #[inline]
    pub(super) fn subblock(
        &self,
        mode: SubblockMode,
        above: SubblockMode,
        left: SubblockMode,
    ) -> u32 {
        if self.is_key {
            u32::from(self.key_subblock[above as usize][left as usize][mode as usize])
        } else {
            self.subblock[mode as usize]
        }
    }
}

/// Bit costs of motion vectors, recomputed only when their probabilities change.
#[derive(Debug, Default)]
pub(super) struct MvPrices {
    table: Box<MvCost>,
    made_for: Option<[MvProbs; 2]>,
}

impl MvPrices {
    /// Updates the costs for `probs`: row, then column.
    pub(super) fn update(&mut self, probs: &[MvProbs; 2]) {
        if self.made_for.as_ref() == Some(probs) {
            return;
        }
        self.made_for = Some(*probs);
        let [rows, columns] = probs.map(|probs| magnitude_prices(&probs));
        let signed = |prices: &[u32], probs: &MvProbs, d: i16| {
            let sign = if d == 0 { 0 } else { cost_of(d < 0, probs[MV_SIGN]) };
            prices[usize::from(d.unsigned_abs())] + sign
        };
        self.table.fill(|d| (signed(&columns, &probs[1], d), signed(&rows, &probs[0], d)));
    }

    pub(super) fn table(&self) -> &MvCost {
        &self.table
    }
}

/// Returns the costs of the magnitudes of a vector component, without signs.
fn magnitude_prices(probs: &MvProbs) -> [u32; 1024] {
    // One bit pattern of each kind is priced by the writer; long magnitudes are composed bit by
    // bit.
    let exact = |magnitude: i16| {
        let column = MotionVector::new(magnitude, 0);
        let bits = price(|sink| write_mv(sink, column, &[ZERO_FREE, *probs]));
        let sign = if magnitude == 0 { 0 } else { cost_of(false, probs[MV_SIGN]) };
        bits - price(|sink| write_mv(sink, MotionVector::ZERO, &[ZERO_FREE, ZERO_FREE])) / 2 - sign
    };
    let mut prices = [0; 1024];
    for magnitude in 0..16i16 {
        prices[usize::from(magnitude.unsigned_abs())] = exact(magnitude);
    }
    let set = |bit: usize| {
        let prob = probs[MV_LONG + bit];
        cost_of(true, prob).wrapping_sub(cost_of(false, prob))
    };
    prices[16] = exact(16);
    for magnitude in 17..1024usize {
        let lowest = magnitude.trailing_zeros() as usize;
        let rest = magnitude & (magnitude - 1);
        prices[magnitude] = if rest < 16 {
            // A power of two: its own bit instead of the bit for 16.
            prices[16].wrapping_sub(set(4)).wrapping_add(set(lowest))
        } else {
            prices[rest].wrapping_add(set(lowest))
        };
    }
    prices
}

/// With these probabilities a zero component always has the same cost.
const ZERO_FREE: MvProbs = [128; 19];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::DEFAULT_MV_PROBS;

    #[test]
    fn vector_costs_equal_their_coded_size() {
        let mut prices = MvPrices::default();
        prices.update(&DEFAULT_MV_PROBS);
        for d in -1023..=1023i16 {
            let vector = MotionVector::new(d, -d);
            let written = price(|sink| write_mv(sink, vector, &DEFAULT_MV_PROBS));
            let quarter = codec_core::motion::QuarterPel::new(d, -d);
            let priced = prices.table().bits_q8(quarter, codec_core::motion::QuarterPel::ZERO);
            assert_eq!(priced, written, "{d}");
        }
    }
}
