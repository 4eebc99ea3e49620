//! Inter prediction of sub-8x8 blocks: 4x8, 8x4 or 4x4 pixels, each with its own vector.

use codec_simd::Window;

use super::candidate::Candidate;
use super::coder::Coder;
use super::inter::LumaError;
use super::mode_costs::ModeCosts;
use super::source::SOURCE_STRIDE;
use super::write::blocks::{candidate_site, sub_block_mode};
use crate::block::candidates::{lower_precision, sub_block_candidates};
use crate::block::mode_map::BlockInfo;
use crate::block::site::BlockSite;
use crate::types::{BlockSize, InterMode, MotionVector, Partition, Reference, References, TxSize};

/// Number of vectors that are compared, at most.
const MAX_VECTORS: usize = 48;

/// Steps around the vector of the whole square, in eighths of a pixel.
const STEPS: [i16; 3] = [2, 8, 24];

/// Vectors with the squared errors of the four blocks of 4x4 pixels.
struct Errors {
    list: [(MotionVector, [u32; 4]); MAX_VECTORS],
    len: usize,
}

/// The parts of a square with their vectors.
#[derive(Clone, Copy)]
struct Parts {
    info: BlockInfo,
    rate: u32,
    error: u32,
    cost: u32,
}

impl Coder<'_> {
    /// Whether an inter block of 8x8 is tried in parts.
    pub(super) fn tries_small_inter(&self, whole: &Candidate, level: usize) -> bool {
        let has_tool = self.job.speed.tools.is_some_and(|tools| tools.chooses_levels);
        let step = self.job.base.step;
        has_tool
            && level == 3
            && self.job.setup.knows_before
            && !whole.info.skip
            && matches!(whole.info.references, References::Single(_))
            && whole.cost > step * step / 16
    }

    /// Codes a square in the best parts into `out`, and returns its cost, including the cost of the partition. The
    /// state for later blocks does not change; samples of the square are undefined.
    pub(super) fn code_small_inter(
        &mut self,
        whole: &BlockInfo,
        price: impl Fn(Partition) -> u32,
        out: &mut Candidate,
    ) -> u32 {
        let (row, col) = (usize::from(whole.row), usize::from(whole.col));
        let Some(reference) = whole.references.first() else { return u32::MAX };
        self.select_quantisers(&self.site(row, col, whole.size));
        let mut errors = self.small_errors(whole, reference);
        let mut best: Option<(Parts, u32)> = None;
        for partition in [Partition::Horizontal, Partition::Vertical, Partition::Split] {
            let site = self.site(row, col, BlockSize::partitioned(3, partition));
            let parts = self.choose_parts(&site, whole, reference, &mut errors);
            let price = price(partition);
            let total = self.in_units_of_frame(parts.cost).saturating_add(price);
            if best.is_none_or(|(other, its)| {
                total < self.in_units_of_frame(other.cost).saturating_add(its)
            }) {
                best = Some((parts, price));
            }
        }
        let Some((parts, price)) = best else { return u32::MAX };
        let site = self.site(row, col, parts.info.size);
        let error = LumaError { sum: parts.error, most: parts.error };
        out.cost = u32::MAX;
        self.code_predicted(&site, parts.info, (parts.rate, error), out);
        out.is_predicted = false;
        out.cost = self.in_units_of_frame(out.cost);
        out.cost.saturating_add(price)
    }

    /// Compares vectors near the vectors of the whole square and its neighbours.
    fn small_errors(&mut self, whole: &BlockInfo, reference: Reference) -> Errors {
        let (row, col) = (usize::from(whole.row), usize::from(whole.col));
        let mut errors = Errors { list: [(MotionVector::default(), [0; 4]); MAX_VECTORS], len: 0 };
        let site = self.site(row, col, whole.size);
        let centre = whole.vectors[0][0];
        self.small_error(whole, centre, &mut errors);
        for neighbour in [site.above, site.left].into_iter().flatten() {
            if neighbour.references.contains(reference) {
                for index in 1..4 {
                    self.small_error(whole, neighbour.vector(index, reference), &mut errors);
                }
            }
        }
        for step in STEPS {
            self.small_ring(whole, centre, step, &mut errors);
        }
        // The best vector of each block, more finely.
        for index in 0..4 {
            let known = errors.list[..errors.len].iter();
            let Some(best) = known.min_by_key(|(_, errors)| errors[index]) else { continue };
            self.small_ring(whole, best.0, 2, &mut errors);
        }
        errors
    }

    fn small_ring(
        &mut self,
        whole: &BlockInfo,
        centre: MotionVector,
        step: i16,
        errors: &mut Errors,
    ) {
        for (down, right) in [(-step, 0), (step, 0), (0, -step), (0, step)] {
            let vector = MotionVector::new(
                centre.row.saturating_add(down),
                centre.col.saturating_add(right),
            );
            self.small_error(whole, vector, errors);
        }
    }

    /// Returns the squared errors of the four blocks of 4x4 pixels with a vector; `None` if it is one too many.
    fn small_error(
        &mut self,
        whole: &BlockInfo,
        vector: MotionVector,
        errors: &mut Errors,
    ) -> Option<[u32; 4]> {
        if let Some(known) = errors.list[..errors.len].iter().find(|known| known.0 == vector) {
            return Some(known.1);
        }
        if errors.len == MAX_VECTORS {
            return None;
        }
        let info = BlockInfo { vectors: [[vector, MotionVector::default()]; 4], ..*whole };
        let blocks = self.job.setup.plane_blocks(&info);
        self.recon.own = 0..1;
        self.recon.predict_inter(&info, &blocks);
        self.recon.own = 0..3;
        let (row, col) = (usize::from(whole.row), usize::from(whole.col));
        let kernels = self.job.kernels;
        let (pred, stride) = self.recon.planes[0].block_mut(8 * col, 8 * row);
        let cur = self.source.block(0, 8 * (col % 8), 8 * (row % 8));
        let own = [0, 1, 2, 3].map(|index: usize| {
            let (x, y) = (4 * (index % 2), 4 * (index / 2));
            let cur: Option<Window<'_, 4, 4>> =
                Window::new(&cur[y * SOURCE_STRIDE + x..], SOURCE_STRIDE);
            let pred = Window::new(&pred[y * stride + x..], stride);
            cur.zip(pred).map_or(0, |(cur, pred)| kernels.sse_4x4(cur, pred))
        });
        errors.list[errors.len] = (vector, own);
        errors.len += 1;
        Some(own)
    }

    /// Selects the vectors of the parts of a square.
    fn choose_parts(
        &mut self,
        site: &BlockSite,
        whole: &BlockInfo,
        reference: Reference,
        errors: &mut Errors,
    ) -> Parts {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.prices.lambda);
        let high_precision = setup.header.references.high_precision;
        let mut info = BlockInfo {
            references: whole.references,
            filter: whole.filter,
            tx: TxSize::Tx4,
            ..self.info(site)
        };
        let candidates = candidate_site(setup, self.modes, &self.cols, site);
        let context = candidates.mode_context();
        let base = lower_precision(candidates.nearest(reference), high_precision);
        let lists = [0, 1, 2, 3].map(|index| candidates.two(reference, Some(index)));
        let rates = InterMode::ALL.map(|mode| costs.inter_mode(context, mode));
        let mut rate = costs.is_inter(site, true)
            + costs.references(site, whole.references)
            + costs.filter(site, whole.filter);
        let mut error = 0_u32;
        for &(index, copies) in site.sub_blocks() {
            let before = info.vectors.map(|vectors| vectors[0]);
            let near = sub_block_candidates(index, lists[index], before);
            for vector in near.into_iter().chain([MotionVector::default()]) {
                self.small_error(whole, vector, errors);
            }
            let mut best = (MotionVector::default(), InterMode::Zero, 0, 0, u32::MAX);
            for &(vector, errors) in &errors.list[..errors.len] {
                let mode = sub_block_mode(vector, near);
                let mut rate = rates[mode as usize];
                if mode == InterMode::New {
                    let Some(bits) = self.vector_rate(vector, base).filter(|_| vector != base)
                    else {
                        continue;
                    };
                    rate += bits;
                }
                let error: u32 = copies.iter().map(|&copy| errors[copy]).sum();
                let cost = error.saturating_add(lambda.cost(rate));
                if cost < best.4 {
                    best = (vector, mode, rate, error, cost);
                }
            }
            rate += best.2;
            error = error.saturating_add(best.3);
            info.inter_mode = best.1;
            for &copy in copies {
                info.vectors[copy][0] = best.0;
            }
        }
        Parts { info, rate, error, cost: error.saturating_add(lambda.cost(rate)) }
    }
}
