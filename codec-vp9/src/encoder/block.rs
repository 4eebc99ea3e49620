//! Decisions about a block, and the coding of its transforms.

use codec_core::motion::QuarterPel;

use super::candidate::Candidate;
use super::coder::Coder;
use super::quantisers::Quantisers;
use super::segments::SEGMENTS;
use super::source::SOURCE_STRIDE;
use super::transform::{ResidualCost, TransformJob};
use crate::block::mode_map::BlockInfo;
use crate::block::plane_block::PlaneBlock;
use crate::block::site::BlockSite;
use crate::types::BlockSize;

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

    /// Quantisers of the block that is decided.
    pub(super) fn quantisers(&self) -> &'a Quantisers {
        &self.job.quantisers[usize::from(self.segment) % SEGMENTS]
    }

    /// The information about a block without its modes.
    pub(super) fn info(&self, site: &BlockSite) -> BlockInfo {
        BlockInfo { segment: self.segment, ..site.info() }
    }

    /// Decides how to code a block, and codes it into `best`. The state for later blocks does not
    /// change; samples of the block are undefined.
    pub(super) fn decide(&mut self, site: &BlockSite, vector: QuarterPel, best: &mut Candidate) {
        best.cost = u32::MAX;
        self.segment = self.job.segments.of(site.row, site.col, site.size);
        let mut trial = std::mem::take(&mut self.trial);
        let is_intra_frame = self.job.setup.header.is_intra();
        best.is_predicted = false;
        if !is_intra_frame {
            self.decide_inter(site, vector, best, &mut trial);
        }
        if is_intra_frame || self.may_be_intra(site, best) {
            best.is_predicted = false;
            self.decide_intra(site, best, &mut trial);
        }
        self.trial = trial;
    }

    /// Codes the transforms of a block in a plane: adds their levels to `work_levels`. Intra blocks are
    /// predicted and reconstructed.
    pub(super) fn code_plane(
        &mut self,
        site: &BlockSite,
        info: &BlockInfo,
        block: &PlaneBlock,
    ) -> ResidualCost {
        let is_inter = info.is_inter();
        let (is_chroma, tx) = (usize::from(block.plane > 0), block.tx);
        let mut sum = ResidualCost::default();
        for (x, y) in block.transforms() {
            if !is_inter {
                self.recon.predict_intra(block, info, site.left.is_some(), (x, y));
            }
            let kind = block.tx_kind(info, x, y, false);
            let job = TransformJob {
                kernels: self.job.kernels,
                size: tx,
                kind,
                quantiser: self.quantisers().of(block.plane, is_inter, tx),
                costs: &self.job.tokens.sizes[tx as usize][is_chroma][usize::from(is_inter)],
                context: self.contexts.nonzero(block.plane, x, y, tx),
                lambda: self.quantisers().lambda_of(block.plane),
            };
            let cost = self.code_transform(&job, block, (x, y));
            sum.add(cost);
            self.work_levels.push(self.scratch.levels());
            self.contexts.set_nonzero(block.plane, (x, y), tx, block.end, cost.any);
            if !is_inter && cost.any {
                let steps =
                    self.job.setup.quantisers[usize::from(info.segment)][block.plane.min(1)];
                self.recon.add_levels(block, kind, (x, y), steps, self.scratch.levels());
            }
        }
        sum
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
        let mut edges = std::mem::replace(&mut self.scratch.edges, [[0; 1024]; 2]);
        for row in 0..4 * inside_y.min(units) {
            edges[0][row * size..][..width].copy_from_slice(&cur[row * SOURCE_STRIDE..][..width]);
            edges[1][row * size..][..width].copy_from_slice(&pred[row * stride..][..width]);
        }
        self.scratch.code(job, (&edges[0], size), (&edges[1], size))
    }
}
