//! Intra prediction of a block: the choice of modes and of the transform size.

use codec_simd::Window;

use super::candidate::{Candidate, sort_by_cost};
use super::coder::Coder;
use super::mode_costs::ModeCosts;
use super::source::SOURCE_STRIDE;
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::site::BlockSite;
use crate::types::{BlockSize, IntraMode, TxSize};

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
        intra < inter + inter / 4
    }

    /// Compares intra predictions with what is in `best`.
    pub(super) fn decide_intra(
        &mut self,
        site: &BlockSite,
        best: &mut Candidate,
        trial: &mut Candidate,
    ) {
        const ALL: [IntraMode; 10] = IntraMode::ALL;
        const FEW: [IntraMode; 4] = [IntraMode::Dc, IntraMode::V, IntraMode::H, IntraMode::Tm];
        let is_intra_frame = self.job.setup.header.is_intra();
        let modes: &[IntraMode] = if is_intra_frame { &ALL } else { &FEW };
        let costs = ModeCosts(self.job.setup);
        let (ranked, count) =
            self.rank_modes(site, modes, |mode| costs.luma_mode(site, mode), 0..1);
        let finalists = self.job.speed.intra_finalists.min(count);
        for &(mode, _) in &ranked[..finalists] {
            for tx in TxSize::ALL[..=site.size.max_tx() as usize].iter().rev().take(2) {
                self.code_intra(site, mode, *tx, trial);
                if trial.cost < best.cost {
                    std::mem::swap(best, trial);
                }
            }
        }
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
        let setup = self.job.setup;
        let lambda = self.quantisers().lambda_sad;
        let mut ranked = [(IntraMode::Dc, u32::MAX); 10];
        for (to, &mode) in ranked.iter_mut().zip(modes) {
            let info = BlockInfo {
                luma_modes: [mode; 4],
                chroma_mode: mode,
                tx: site.size.max_tx(),
                ..self.info(site)
            };
            let mut error = 0;
            for plane in planes.clone() {
                let block = setup.plane_block(&info, plane);
                for at in block.transforms() {
                    self.recon.predict_intra(&block, &info, site.left.is_some(), at);
                    error += self.satd(&block, at);
                }
            }
            *to = (mode, error.saturating_add(lambda.cost(rate(mode))));
        }
        sort_by_cost(&mut ranked[..modes.len()], |&(_, cost)| cost);
        (ranked, modes.len())
    }

    /// Sum of the absolute transformed differences of a predicted transform block, in the frame.
    fn satd(&mut self, block: &PlaneBlock, (x, y): (usize, usize)) -> u32 {
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

    /// Predicts a block from its own frame and codes its residual.
    fn code_intra(&mut self, site: &BlockSite, mode: IntraMode, tx: TxSize, out: &mut Candidate) {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.quantisers().lambda);
        let mut info = BlockInfo { luma_modes: [mode; 4], tx, ..self.info(site) };
        let saved = self.contexts.save(self.superblock_col);
        self.work_levels.clear();
        let mut cost = self.code_plane(site, &info, &setup.plane_block(&info, 0));
        let modes = [IntraMode::Dc, IntraMode::V, IntraMode::H, IntraMode::Tm, mode];
        let count = if modes[..4].contains(&mode) { 4 } else { 5 };
        let rate = |chroma| costs.chroma_mode(mode, chroma);
        let (ranked, _) = self.rank_modes(site, &modes[..count], rate, 1..3);
        info.chroma_mode = ranked[0].0;
        for plane in [1, 2] {
            cost.add(self.code_plane(site, &info, &setup.plane_block(&info, plane)));
        }
        self.contexts.restore(self.superblock_col, &saved);
        std::mem::swap(&mut out.levels, self.work_levels);
        info.skip = !cost.any;
        if info.skip {
            out.levels.clear();
            cost.rate = 0;
        }
        let rate = cost.rate
            + costs.is_inter(site, false)
            + costs.skip(site, info.skip)
            + costs.tx_size(site, tx)
            + costs.luma_mode(site, mode)
            + rate(info.chroma_mode);
        out.cost = cost.error.saturating_add(lambda.cost(rate));
        (out.info, out.is_predicted) = (info, false);
    }
}
