//! Intra prediction of a block: the choice of modes and of the transform size.

use codec_simd::Window;

use super::candidate::{Candidate, sort_by_cost};
use super::coder::Coder;
use super::mode_costs::ModeCosts;
use super::source::SOURCE_STRIDE;
use super::speed::ChromaModes;
use super::transform::ResidualCost;
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::site::BlockSite;
use crate::types::{BlockSize, IntraMode};

impl Coder<'_> {
    /// Whether intra prediction may be better than the best inter prediction.
    pub(super) fn may_be_intra(&self, site: &BlockSite, best: &Candidate) -> bool {
        if best.info.skip || site.size > BlockSize::B32x32 {
            return false;
        }
        let Some(analysis) = self.job.analysis.filter(|analysis| analysis.has_previous) else {
            return true;
        };
        let (width, height) = site.size.mi();
        let (mut inter, mut intra) = (0_u32, 0_u32);
        for row in site.row / 2..(site.row + height).div_ceil(2) {
            for col in site.col / 2..(site.col + width).div_ceil(2) {
                if let Some(mb) = analysis.at(col, row) {
                    inter += u32::from(mb.inter_cost);
                    intra += u32::from(mb.intra_cost);
                }
            }
        }
        100 * u64::from(intra) < u64::from(inter) * u64::from(self.job.speed.intra_pct)
    }

    /// Compares intra predictions with what is in `best`.
    pub(super) fn decide_intra(
        &mut self,
        site: &BlockSite,
        best: &mut Candidate,
        trial: &mut Candidate,
    ) {
        const STRAIGHT: [IntraMode; 4] = [IntraMode::Dc, IntraMode::V, IntraMode::H, IntraMode::Tm];
        let costs = ModeCosts(self.job.setup);
        let rate = |mode| costs.luma_mode(site, mode);
        let (mut ranked, mut count) = self.rank_modes(site, &STRAIGHT, rate, 0..1);
        if let Some(near) = self.slanted_modes(&ranked[..count]) {
            let (others, added) = self.rank_modes(site, near, rate, 0..1);
            ranked[count..count + added].copy_from_slice(&others[..added]);
            count += added;
            sort_by_cost(&mut ranked[..count], |&(_, cost)| cost);
        }
        let finalists = self.intra_tools().map(|tools| tools.finalists);
        let finalists = finalists.unwrap_or(self.job.speed.intra_finalists).min(count);
        for &(mode, _) in &ranked[..finalists] {
            trial.cost = if self.job.speed.tools.is_some() { best.cost } else { u32::MAX };
            self.code_intra(site, mode, trial);
            if trial.cost < best.cost {
                std::mem::swap(best, trial);
            }
        }
    }

    /// The slanted modes that are tried after the others were ranked: in intra frames all, or at fast speeds
    /// those near the better one of the vertical and the horizontal mode, unless neither of them is good.
    fn slanted_modes(&self, ranked: &[(IntraMode, u32)]) -> Option<&'static [IntraMode]> {
        use IntraMode::{D45, D63, D117, D135, D153, D207, H, V};
        if !self.job.is_intra() {
            return None;
        }
        match self.job.speed.slanted_modes {
            0 => return None,
            6 => return Some(&[D45, D135, D117, D153, D207, D63]),
            _ => {}
        }
        let first = ranked.iter().find(|(mode, _)| matches!(mode, V | H))?;
        Some(if first.0 == V { &[D45, D63, D117] } else { &[D135, D153, D207] })
    }

    /// Ranks intra modes by the error of their predictions of the whole block, which may have up to 32x32
    /// pixels, and their rates.
    fn rank_modes(
        &mut self,
        site: &BlockSite,
        modes: &[IntraMode],
        rate: impl Fn(IntraMode) -> u32,
        planes: std::ops::Range<usize>,
    ) -> ([(IntraMode, u32); 10], usize) {
        let lambda = self.prices.sad;
        let mut ranked = [(IntraMode::Dc, u32::MAX); 10];
        for (to, &mode) in ranked.iter_mut().zip(modes) {
            *to = (mode, lambda.cost(rate(mode)));
        }
        let ranked_modes = &mut ranked[..modes.len()];
        let info = BlockInfo { tx: site.size.max_tx(), ..self.info(site) };
        for plane in planes {
            let block = self.job.setup.plane_block(&info, plane);
            for at in block.transforms() {
                let edges = self.recon.intra_edges(&block, &info, site.left.is_some(), at);
                for (mode, cost) in &mut *ranked_modes {
                    self.recon.predict_from(&edges, *mode, &block, at);
                    *cost = cost.saturating_add(self.satd(&block, at));
                }
            }
        }
        sort_by_cost(&mut ranked[..modes.len()], |&(_, cost)| cost);
        (ranked, modes.len())
    }

    /// Sum of the absolute transformed differences of a predicted transform block, in the frame.
    pub(super) fn satd(&mut self, block: &PlaneBlock, (x, y): (usize, usize)) -> u32 {
        let mask = if block.plane == 0 { 15 } else { 7 };
        let kernels = self.job.kernels;
        let cur = self.source.block(block.plane, 4 * (x & mask), 4 * (y & mask));
        let (pred, stride) = self.recon.planes[block.plane].block_mut(4 * x, 4 * y);
        let units = block.tx.units();
        let (width, height) = (units.min(block.end.0 - x), units.min(block.end.1 - y));
        let mut sum = 0;
        if units == 1 {
            let cur: Option<Window<'_, 4, 4>> = Window::new(cur, SOURCE_STRIDE);
            let pred: Option<Window<'_, 4, 4>> = Window::new(pred, stride);
            return cur.zip(pred).map_or(0, |(cur, pred)| kernels.satd_4x4(cur, pred));
        }
        for row in (0..height).step_by(2) {
            for col in (0..width).step_by(2) {
                let cur = Window::new(&cur[4 * row * SOURCE_STRIDE + 4 * col..], SOURCE_STRIDE);
                let pred = Window::new(&pred[4 * row * stride + 4 * col..], stride);
                let pair: Option<(Window<'_, 8, 8>, Window<'_, 8, 8>)> = cur.zip(pred);
                sum += pair.map_or(0, |(cur, pred)| kernels.satd_8x8(cur, pred));
            }
        }
        sum
    }

    /// Predicts a block from its own frame and codes its residual. The cost of `out` is the one to beat: if luma alone
    /// does not, the block is incomplete and has the highest cost.
    fn code_intra(&mut self, site: &BlockSite, mode: IntraMode, out: &mut Candidate) {
        let setup = self.job.setup;
        let costs = ModeCosts(setup);
        let mut info =
            BlockInfo { luma_modes: [mode; 4], tx: site.size.max_tx(), ..self.info(site) };
        let saved = self.contexts.save(self.superblock_col);
        let count = match self.intra_tools() {
            Some(tools) => tools.tx_sizes,
            None if self.job.is_intra() => {
                self.job.speed.key_tx_sizes[usize::from(site.size > BlockSize::B8x8)]
            }
            None => self.job.speed.intra_tx_sizes,
        };
        let sizes = (info.tx, count);
        let mut cost = self.code_luma(site, &mut info, None, &saved, &mut out.levels, sizes);
        let mut mode_rate = costs.tx_size(site, info.tx) + costs.luma_mode(site, mode);
        let rate = mode_rate + if cost.any { cost.rate } else { 0 };
        if cost.error.saturating_add(self.prices.lambda.cost(rate)) >= out.cost {
            self.contexts.restore(self.superblock_col, &saved);
            out.cost = u32::MAX;
            return;
        }
        mode_rate += self.code_intra_chroma(site, &mut info, &mut cost);
        self.contexts.restore(self.superblock_col, &saved);
        out.levels.append(self.work_levels);
        self.finish_intra(site, info, cost, mode_rate, out);
    }

    /// Selects the chroma mode of an intra block, and codes chroma: its levels replace the ones in `work_levels`. Adds
    /// its cost to `cost`, and returns the rate of its mode.
    pub(super) fn code_intra_chroma(
        &mut self,
        site: &BlockSite,
        info: &mut BlockInfo,
        cost: &mut ResidualCost,
    ) -> u32 {
        let luma = info.luma_modes[3];
        let modes = [IntraMode::Dc, IntraMode::V, IntraMode::H, IntraMode::Tm, luma];
        let count = if modes[..4].contains(&luma) { 4 } else { 5 };
        let setup = self.job.setup;
        let rate = |chroma| ModeCosts(setup).chroma_mode(luma, chroma);
        if self.job.speed.chroma_modes == ChromaModes::AsLuma {
            info.chroma_mode = luma;
            cost.add(self.code_chroma(site, info));
            return rate(luma);
        }
        let (ranked, _) = self.rank_modes(site, &modes[..count], rate, 1..3);
        let finalists = self.intra_tools().map_or(1, |tools| tools.chroma_finalists);
        let saved = (finalists > 1).then(|| self.contexts.save(self.superblock_col));
        info.chroma_mode = ranked[0].0;
        let mut best = self.code_chroma(site, info);
        let Some(saved) = saved else {
            cost.add(best);
            return rate(info.chroma_mode);
        };
        let lambda = self.prices.chroma;
        let total = |cost: ResidualCost, mode| cost.total(lambda) + lambda.cost(rate(mode));
        for &(mode, _) in &ranked[1..finalists] {
            self.contexts.restore(self.superblock_col, &saved);
            std::mem::swap(self.work_levels, self.kept_levels);
            let trial = BlockInfo { chroma_mode: mode, ..*info };
            let own = self.code_chroma(site, &trial);
            if total(own, mode) < total(best, info.chroma_mode) {
                (best, info.chroma_mode) = (own, mode);
            } else {
                std::mem::swap(self.work_levels, self.kept_levels);
            }
        }
        cost.add(best);
        rate(info.chroma_mode)
    }

    /// Codes chroma of an intra block: its levels replace the ones in `work_levels`.
    fn code_chroma(&mut self, site: &BlockSite, info: &BlockInfo) -> ResidualCost {
        let mut sum = ResidualCost::default();
        self.work_levels.clear();
        for plane in [1, 2] {
            let block = self.job.setup.plane_block(info, plane);
            sum.add(self.code_plane(site, info, &block, None, u32::MAX));
        }
        sum
    }

    /// Completes a coded intra block, whose modes and transform size cost `mode_rate`.
    pub(super) fn finish_intra(
        &self,
        site: &BlockSite,
        mut info: BlockInfo,
        mut cost: ResidualCost,
        mode_rate: u32,
        out: &mut Candidate,
    ) {
        let (costs, lambda) = (ModeCosts(self.job.setup), self.prices.lambda);
        info.skip = !cost.any;
        if info.skip {
            out.levels.clear();
            cost.rate = 0;
        }
        let rate =
            cost.rate + costs.is_inter(site, false) + costs.skip(site, info.skip) + mode_rate;
        out.cost = cost.error.saturating_add(lambda.cost(rate));
        (out.info, out.is_predicted) = (info, false);
    }
}
