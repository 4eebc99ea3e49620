//! Intra prediction of sub-8x8 blocks: four of 4x4 pixels, each with its own mode.

use super::candidate::Candidate;
use super::coder::Coder;
use super::mode_costs::ModeCosts;
use super::transform::{ResidualCost, TransformJob};
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::site::BlockSite;
use crate::types::{IntraMode, TxSize};

impl Coder<'_> {
    /// Whether an intra block of 8x8 is tried as four blocks of 4x4.
    pub(super) fn tries_small_intra(&self, whole: &Candidate, level: usize) -> bool {
        let has_tool = self.job.speed.small_intra;
        let step = self.job.base.step;
        has_tool && level == 3 && !whole.info.is_inter() && whole.cost > step * step / 16
    }

    /// Codes four intra blocks of 4x4 into `out`. The state for later blocks does not change; samples of the
    /// square are undefined.
    pub(super) fn code_small_intra(&mut self, site: &BlockSite, out: &mut Candidate) {
        let setup = self.job.setup;
        self.select_quantisers(site);
        let mut info = BlockInfo { tx: TxSize::Tx4, ..self.info(site) };
        let saved = self.contexts.save(self.superblock_col);
        self.work_levels.clear();
        let block = setup.plane_block(&info, 0);
        let mut cost = ResidualCost::default();
        let mut mode_rate = 0;
        for at in block.transforms() {
            let (added, rate) = self.code_small_block(site, &mut info, &block, at);
            cost.add(added);
            mode_rate += rate;
        }
        out.levels.clear();
        out.levels.append(self.work_levels);
        mode_rate += self.code_intra_chroma(site, &mut info, &mut cost);
        self.contexts.restore(self.superblock_col, &saved);
        out.levels.append(self.work_levels);
        self.finish_intra(site, info, cost, mode_rate, out);
        out.cost = self.in_units_of_frame(out.cost);
    }

    /// Selects the mode of the 4x4 block at a position in units of 4 samples, and codes and reconstructs it. Returns its
    /// cost, and the rate of its mode.
    fn code_small_block(
        &mut self,
        site: &BlockSite,
        info: &mut BlockInfo,
        block: &PlaneBlock,
        at: (usize, usize),
    ) -> (ResidualCost, u32) {
        let setup = self.job.setup;
        let quantisers = self.quantisers();
        let index = 2 * (at.1 & 1) + (at.0 & 1);
        let costs = ModeCosts(setup);
        let rates = costs.small_luma_modes(site, index, &info.luma_modes);
        let edges = self.recon.intra_edges(block, info, site.left.is_some(), at);
        let mut best = (IntraMode::Dc, u32::MAX);
        for mode in IntraMode::ALL {
            self.recon.predict_from(&edges, mode, block, at);
            let rate = self.prices.sad.cost(rates[mode as usize]);
            let total = self.satd(block, at).saturating_add(rate);
            if total < best.1 {
                best = (mode, total);
            }
        }
        let mode = best.0;
        info.luma_modes[index] = mode;
        self.recon.predict_from(&edges, mode, block, at);
        let kind = block.tx_kind(info, at.0, at.1, false);
        let job = TransformJob {
            kernels: self.job.kernels,
            size: TxSize::Tx4,
            kind,
            quantiser: quantisers.of(0, false, TxSize::Tx4),
            costs: &self.job.tokens.sizes[TxSize::Tx4 as usize][0][0],
            context: self.contexts.nonzero(0, at.0, at.1, TxSize::Tx4),
            lambda: self.prices.lambda,
            chooses_levels: self.job.speed.tools.is_some_and(|tools| tools.chooses_levels),
        };
        let cost = self.code_transform(&job, block, at);
        self.work_levels.push(self.scratch.coefficients());
        self.contexts.set_nonzero(0, at, TxSize::Tx4, block.end, cost.any);
        if cost.any {
            let steps = setup.quantisers[usize::from(info.segment)][0];
            self.recon.add_levels(block, kind, at, steps, self.scratch.coefficients().levels);
        }
        (cost, rates[mode as usize])
    }
}
