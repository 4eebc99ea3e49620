//! Costs of a block's modes in 1/256 bit.

use codec_core::entropy::{BoolSink, CostCounter, bool_cost_q8};

use crate::block::reference_contexts;
use crate::block::setup::FrameSetup;
use crate::block::site::BlockSite;
use crate::header::Filter;
use crate::tables::modes::{INTRA_FRAME_CHROMA, INTRA_FRAME_LUMA, INTRA_FRAME_PARTITION};
use crate::trees;
use crate::types::{InterMode, IntraMode, Partition, Reference, References, TxSize};

/// The cost of what `write` writes.
fn cost_of(write: impl FnOnce(&mut CostCounter)) -> u32 {
    let mut cost = CostCounter::default();
    write(&mut cost);
    u32::try_from(cost.q8()).unwrap_or(u32::MAX)
}

fn flag(value: bool, probability: u8) -> u32 {
    bool_cost_q8(value, probability).into()
}

/// Returns the costs of modes in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModeCosts<'a>(pub(crate) &'a FrameSetup<'a, u8>);

impl ModeCosts<'_> {
    /// Cost of a partition in a context; `fits` states whether the second row and the second column of the
    /// square begin in the frame.
    pub(crate) fn partition(self, context: usize, fits: (bool, bool), partition: Partition) -> u32 {
        let probabilities = if self.0.header.is_intra() {
            &INTRA_FRAME_PARTITION[context]
        } else {
            &self.0.probabilities.partition[context]
        };
        let is_split = partition == Partition::Split;
        match fits {
            (true, true) => {
                cost_of(|sink| trees::PARTITION.write(sink, probabilities, partition as usize))
            }
            (false, true) => flag(is_split, probabilities[1]),
            (true, false) => flag(is_split, probabilities[2]),
            (false, false) => 0,
        }
    }

    pub(crate) fn skip(self, site: &BlockSite, skip: bool) -> u32 {
        let context = site.count(|block| block.skip);
        flag(skip, self.0.probabilities.skip[context])
    }

    /// Cost of the flag that distinguishes inter from intra blocks; 0 in intra frames.
    pub(crate) fn is_inter(self, site: &BlockSite, is_inter: bool) -> u32 {
        if self.0.header.is_intra() {
            return 0;
        }
        let context = reference_contexts::is_inter(site.references());
        flag(is_inter, self.0.probabilities.is_inter[context])
    }

    pub(crate) fn tx_size(self, site: &BlockSite, size: TxSize) -> u32 {
        if site.size.is_sub8x8() {
            return 0;
        }
        let largest = site.size.max_tx();
        let context = site.tx_context(largest);
        let tx = &self.0.probabilities.tx;
        let probabilities: &[u8] = match largest {
            TxSize::Tx4 | TxSize::Tx8 => &tx.up_to_8[context],
            TxSize::Tx16 => &tx.up_to_16[context],
            TxSize::Tx32 => &tx.up_to_32[context],
        };
        let flags = probabilities.iter().enumerate().take(size as usize + 1);
        flags.map(|(smaller, &probability)| flag(size as usize > smaller, probability)).sum()
    }

    pub(crate) fn luma_mode(self, site: &BlockSite, mode: IntraMode) -> u32 {
        let probabilities = if self.0.header.is_intra() {
            let [above, left] = site.intra_neighbours(0, &[mode; 4]);
            &INTRA_FRAME_LUMA[above as usize][left as usize]
        } else {
            &self.0.probabilities.luma_mode[site.size.luma_mode_group()]
        };
        cost_of(|sink| trees::INTRA_MODE.write(sink, probabilities, mode as usize))
    }

    /// Costs of all luma modes of a block of 4x4 in a square of 8x8, of which `modes` has the modes before it.
    pub(crate) fn small_luma_modes(
        self,
        site: &BlockSite,
        index: usize,
        modes: &[IntraMode; 4],
    ) -> [u32; 10] {
        let probabilities = if self.0.header.is_intra() {
            let [above, left] = site.intra_neighbours(index, modes);
            &INTRA_FRAME_LUMA[above as usize][left as usize]
        } else {
            &self.0.probabilities.luma_mode[site.size.luma_mode_group()]
        };
        std::array::from_fn(|mode| {
            cost_of(|sink| trees::INTRA_MODE.write(sink, probabilities, mode))
        })
    }

    pub(crate) fn chroma_mode(self, luma: IntraMode, mode: IntraMode) -> u32 {
        let probabilities = if self.0.header.is_intra() {
            &INTRA_FRAME_CHROMA[luma as usize]
        } else {
            &self.0.probabilities.chroma_mode[luma as usize]
        };
        cost_of(|sink| trees::INTRA_MODE.write(sink, probabilities, mode as usize))
    }

    pub(crate) fn reference(self, site: &BlockSite, reference: Reference) -> u32 {
        let neighbours = site.references();
        let probabilities = &self.0.probabilities.single_reference;
        cost_of(|sink| {
            let context = reference_contexts::single_not_last(neighbours);
            sink.put_bool(reference != Reference::Last, probabilities[context][0]);
            if reference != Reference::Last {
                let context = reference_contexts::single_not_golden(neighbours);
                sink.put_bool(reference == Reference::Altref, probabilities[context][1]);
            }
        })
    }

    /// Cost of one or two references.
    pub(crate) fn references(self, site: &BlockSite, references: References) -> u32 {
        let probabilities = self.0.probabilities;
        let neighbours = site.references();
        let compound_flag = |is_compound| {
            let Some(pair) = self.0.compound else { return 0 };
            let context = reference_contexts::is_compound(neighbours, pair.fixed);
            flag(is_compound, probabilities.is_compound[context])
        };
        match (references, self.0.compound) {
            (References::Single(reference), _) => {
                compound_flag(false) + self.reference(site, reference)
            }
            (References::Compound(both), Some(pair)) => {
                let context = reference_contexts::compound_reference(neighbours, pair);
                let is_second = both[1 - pair.fixed_index] == pair.variable[1];
                compound_flag(true) + flag(is_second, probabilities.compound_reference[context])
            }
            _ => 0,
        }
    }

    /// Cost of the interpolation filter.
    pub(crate) fn filter(self, site: &BlockSite, filter: Filter) -> u32 {
        if self.0.header.references.filter.is_some() {
            return 0;
        }
        let probabilities = &self.0.probabilities.filter[site.filter_context()];
        let leaf = Filter::SELECTABLE.into_iter().position(|other| other == filter).unwrap_or(0);
        cost_of(|sink| trees::FILTER.write(sink, probabilities, leaf))
    }

    pub(crate) fn inter_mode(self, context: usize, mode: InterMode) -> u32 {
        let probabilities = &self.0.probabilities.inter_mode[context];
        cost_of(|sink| trees::INTER_MODE.write(sink, probabilities, mode as usize))
    }
}
