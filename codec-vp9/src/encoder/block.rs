//! Decisions about a block, and the coding of its transforms.

use codec_core::motion::QuarterPel;
use codec_simd::Window;
use codec_simd::vp9::Vp9TxKind;

use super::candidate::Candidate;
use super::coder::Coder;
use super::energies::Energies;
use super::levels::{Coefficients, Levels};
use super::mode_costs::ModeCosts;
use super::quantisers::Quantisers;
use super::segments::SEGMENTS;
use super::source::SOURCE_STRIDE;
use super::speed::IntraTools;
use super::transform::{ResidualCost, TransformJob};
use crate::block::contexts::SavedContexts;
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::site::BlockSite;
use crate::types::{BlockSize, TxSize};

impl<'a> Coder<'a> {
    /// Returns a block and its neighbours.
    pub(super) fn site(&self, row: usize, col: usize, size: BlockSize) -> BlockSite {
        BlockSite {
            row,
            col,
            size,
            above: row.checked_sub(1).map(|row| *self.modes.get(row, col)),
            left: (col > self.cols.start).then(|| *self.modes.get(row, col - 1)),
        }
    }

    /// Selects the quantisers and prices of a block that is decided next.
    pub(super) fn select_quantisers(&mut self, site: &BlockSite) {
        self.segment = self.job.segments.of(site.row, site.col, site.size);
        let price_q4 = self.job.contrast.price_q4(site);
        self.prices = self.quantisers().prices.times_octaves_q4(price_q4);
    }

    /// Quantisers of the block that is decided.
    pub(super) fn quantisers(&self) -> &'a Quantisers {
        &self.job.quantisers[usize::from(self.segment) % SEGMENTS]
    }

    /// The tools of intra frames, in such a frame.
    pub(super) fn intra_tools(&self) -> Option<IntraTools> {
        let tools = self.job.speed.tools.and_then(|tools| tools.intra);
        tools.filter(|_| self.job.is_intra())
    }

    /// The information about a block without its modes.
    pub(super) fn info(&self, site: &BlockSite) -> BlockInfo {
        BlockInfo { segment: self.segment, ..site.info() }
    }

    /// Decides how to code a block, and codes it into `best`. The state for later blocks does not
    /// change; samples of the block are undefined.
    pub(super) fn decide(&mut self, site: &BlockSite, vector: QuarterPel, best: &mut Candidate) {
        best.cost = u32::MAX;
        self.select_quantisers(site);
        let mut trial = std::mem::take(&mut self.trial);
        let is_intra_frame = self.job.is_intra();
        best.is_predicted = false;
        if !is_intra_frame {
            match self.job.speed.tools {
                None => self.decide_inter(site, vector, best, &mut trial),
                Some(tools) => self.decide_inter_with(site, vector, tools, best, &mut trial),
            }
        }
        if is_intra_frame || self.may_be_intra(site, best) {
            best.is_predicted = false;
            self.decide_intra(site, best, &mut trial);
        }
        self.trial = trial;
        best.cost = self.in_units_of_frame(best.cost);
    }

    /// Converts the cost of a block from squared errors to those that the frame's quantiser weighs as much against
    /// bits: the error in a segment with a finer quantiser counts more.
    pub(super) fn in_units_of_frame(&self, cost: u32) -> u32 {
        let (own, frame) = (self.prices.lambda, self.job.base.prices.lambda);
        if own == frame {
            return cost;
        }
        let cost = u64::from(cost) * u64::from(frame.0) / u64::from(own.0.max(1));
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    /// Codes luma with the best of `count` transform sizes: `largest` and smaller ones. The levels replace
    /// the ones in `levels`. `energies` are the errors of an inter block's prediction.
    pub(super) fn code_luma(
        &mut self,
        site: &BlockSite,
        info: &mut BlockInfo,
        energies: Option<&Energies>,
        saved: &SavedContexts,
        levels: &mut Levels,
        (largest, count): (TxSize, usize),
    ) -> ResidualCost {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.prices.lambda);
        let mut best = (ResidualCost::default(), u32::MAX);
        for tx in TxSize::ALL[..=largest as usize].iter().rev().take(count) {
            let trial = BlockInfo { tx: *tx, ..*info };
            self.work_levels.clear();
            let block = setup.plane_block(&trial, 0);
            let size_cost = lambda.cost(costs.tx_size(site, *tx));
            // The first size has no limit, which would be compared after each transform.
            let has_limit = best.1 < u32::MAX;
            let limit = if has_limit { best.1.saturating_sub(size_cost) } else { u32::MAX };
            let cost = self.code_plane(site, &trial, &block, energies, limit);
            self.contexts.restore(self.superblock_col, saved);
            let total = cost.total(lambda).saturating_add(size_cost);
            let is_better = total < best.1;
            if is_better {
                best = (cost, total);
                info.tx = *tx;
                std::mem::swap(levels, self.work_levels);
            }
            // Smaller transforms do not help a block without coefficients, and rarely an inter block for
            // which the last smaller size did not.
            if !cost.any || (info.is_inter() && !is_better) {
                break;
            }
        }
        best.0
    }

    /// Codes the transforms of a block in a plane: adds their levels to `work_levels`. Intra blocks are
    /// predicted and reconstructed. `energies` are the errors of an inter block's prediction, if they are known.
    /// Stops when the cost is not below `limit`: the block is then incomplete.
    pub(super) fn code_plane(
        &mut self,
        site: &BlockSite,
        info: &BlockInfo,
        block: &PlaneBlock,
        energies: Option<&Energies>,
        limit: u32,
    ) -> ResidualCost {
        let is_inter = info.is_inter();
        let (is_chroma, tx) = (usize::from(block.plane > 0), block.tx);
        let quantisers = self.quantisers();
        let mut job = TransformJob {
            kernels: self.job.kernels,
            size: tx,
            kind: Vp9TxKind::Dct,
            quantiser: quantisers.of(block.plane, is_inter, tx),
            costs: &self.job.tokens.sizes[tx as usize][is_chroma][usize::from(is_inter)],
            context: 0,
            lambda: self.prices.in_plane(block.plane),
            chooses_levels: self.job.speed.tools.is_some_and(|tools| tools.chooses_levels),
        };
        if is_inter {
            // Energies are known by 8x8 samples.
            let energies = energies.filter(|_| tx != TxSize::Tx4);
            return self.code_inter_plane(&mut job, block, energies, limit);
        }
        let mut sum = ResidualCost::default();
        let steps = self.job.setup.quantisers[usize::from(info.segment)][is_chroma];
        for (x, y) in block.transforms() {
            job.context = self.contexts.nonzero(block.plane, x, y, tx);
            self.recon.predict_intra(block, info, site.left.is_some(), (x, y));
            job.kind = block.tx_kind(info, x, y, false);
            let cost = self.code_transform(&job, block, (x, y));
            sum.add(cost);
            self.work_levels.push(self.scratch.coefficients());
            self.contexts.set_nonzero(block.plane, (x, y), tx, block.end, cost.any);
            if cost.any {
                let levels = self.scratch.coefficients().levels;
                self.recon.add_levels(block, job.kind, (x, y), steps, levels);
            }
            if sum.total(job.lambda) >= limit {
                sum.any = true;
                break;
            }
        }
        sum
    }

    /// Codes the transforms of an inter block in a plane, see [`Self::code_plane`].
    fn code_inter_plane(
        &mut self,
        job: &mut TransformJob<'_>,
        block: &PlaneBlock,
        energies: Option<&Energies>,
        limit: u32,
    ) -> ResidualCost {
        if let Some(energies) = energies.filter(|_| block.tx == TxSize::Tx8) {
            return self.code_inter_8x8(job, block, energies, limit);
        }
        let (plane, tx) = (block.plane, block.tx);
        let negligible = self.quantisers().negligible[plane.min(1)].squares;
        let mut sum = ResidualCost::default();
        let mut flags = self.contexts.flags(plane, block.x);
        for at in block.transforms() {
            job.context = flags.context(at, tx);
            let energy = match energies {
                Some(energies) => energies.of(tx, at),
                None => self.energy(block, at),
            };
            let cost = if energy < negligible {
                self.leave_out(job, energy)
            } else {
                self.code_next(job, block, at)
            };
            sum.add(cost);
            flags.set(at, tx, block.end, cost.any);
            if sum.total(job.lambda) >= limit {
                break;
            }
        }
        self.contexts.set_flags(plane, block.x, flags);
        sum
    }

    /// Codes the transforms of 8x8 samples of an inter block in a plane, see [`Self::code_plane`]. If their energies
    /// are known, all of them are entirely inside of the frame.
    fn code_inter_8x8(
        &mut self,
        job: &mut TransformJob<'_>,
        block: &PlaneBlock,
        energies: &Energies,
        limit: u32,
    ) -> ResidualCost {
        let mut sum = ResidualCost::default();
        let mut flags = self.contexts.flags(block.plane, block.x);
        let [cols, rows] = block.sides();
        'plane: for y in rows {
            for x in cols.clone() {
                job.context = flags.context((x, y), TxSize::Tx8);
                let (energy, is_negligible) = energies.at((x, y));
                let cost = if is_negligible {
                    self.leave_out(job, energy)
                } else {
                    self.code_next(job, block, (x, y))
                };
                sum.add(cost);
                flags.set_inside((x, y), TxSize::Tx8, cost.any);
                if limit < u32::MAX && sum.total(job.lambda) >= limit {
                    break 'plane;
                }
            }
        }
        self.contexts.set_flags(block.plane, block.x, flags);
        sum
    }

    /// Adds a transform without levels, whose prediction has the squared error `energy`, to `work_levels`.
    #[inline]
    fn leave_out(&mut self, job: &TransformJob<'_>, energy: u32) -> ResidualCost {
        self.work_levels.push(Coefficients::none(job.context));
        let rate = job.costs[0][job.context % 4].end();
        ResidualCost { rate, error: energy, energy, any: false }
    }

    /// Codes the transform at a position in units of 4 samples, and adds its levels to `work_levels`.
    fn code_next(
        &mut self,
        job: &TransformJob<'_>,
        block: &PlaneBlock,
        at: (usize, usize),
    ) -> ResidualCost {
        let cost = self.code_transform(job, block, at);
        self.work_levels.push(self.scratch.coefficients());
        cost
    }

    /// Squared error of the prediction of the transform block at a position in units of 4 samples, in the
    /// frame.
    fn energy(&mut self, block: &PlaneBlock, (x, y): (usize, usize)) -> u32 {
        let units = block.tx.units();
        let (width, height) = (units.min(block.end.0 - x), units.min(block.end.1 - y));
        let mask = if block.plane == 0 { 15 } else { 7 };
        let cur = self.source.block(block.plane, 4 * (x & mask), 4 * (y & mask));
        let (pred, stride) = self.recon.planes[block.plane].block_mut(4 * x, 4 * y);
        if (width | height) & 1 != 0 {
            return pieces::<4, 4>((cur, SOURCE_STRIDE), (pred, stride), (width, height))
                .map(|(cur, pred)| self.job.kernels.sse_4x4(cur, pred))
                .sum();
        }
        pieces::<8, 8>((cur, SOURCE_STRIDE), (pred, stride), (width / 2, height / 2))
            .map(|(cur, pred)| self.job.kernels.sse_8x8(cur, pred))
            .sum()
    }

    /// Codes the transform at a position in units of 4 samples.
    pub(super) fn code_transform(
        &mut self,
        job: &TransformJob<'_>,
        block: &PlaneBlock,
        (x, y): (usize, usize),
    ) -> ResidualCost {
        let mask = if block.plane == 0 { 15 } else { 7 };
        let cur = self.source.block(block.plane, 4 * (x & mask), 4 * (y & mask));
        let (pred, stride) = self.recon.planes[block.plane].block_mut(4 * x, 4 * y);
        let units = job.size.units();
        let (inside_x, inside_y) = (block.end.0 - x, block.end.1 - y);
        if inside_x >= units && inside_y >= units {
            return self.scratch.code(job, (cur, SOURCE_STRIDE), (pred, stride));
        }
        // Without a difference outside of the frame.
        let size = job.size.pixels();
        let width = 4 * inside_x.min(units);
        let height = 4 * inside_y.min(units);
        let mut edges = [[0; 1024]; 2];
        for row in 0..height {
            edges[0][row * size..][..width].copy_from_slice(&cur[row * SOURCE_STRIDE..][..width]);
            edges[1][row * size..][..width].copy_from_slice(&pred[row * stride..][..width]);
        }
        self.scratch.code(job, (&edges[0], size), (&edges[1], size))
    }
}

/// Pieces of two planes of the same place, each with its stride, for `cols` and `rows` of them.
fn pieces<'a, const W: usize, const H: usize>(
    (a, a_stride): (&'a [u8], usize),
    (b, b_stride): (&'a [u8], usize),
    (cols, rows): (usize, usize),
) -> impl Iterator<Item = (Window<'a, W, H>, Window<'a, W, H>)> {
    (0..rows * cols).filter_map(move |index| {
        let (x, y) = (W * (index % cols), H * (index / cols));
        let a = Window::new(&a[y * a_stride + x..], a_stride)?;
        Some((a, Window::new(&b[y * b_stride + x..], b_stride)?))
    })
}
