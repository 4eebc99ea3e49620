//! Inter prediction of a block: the choice of reference, mode and vector, and of the transform size.

use std::ops::Range;

use codec_core::motion::{Block, PixelPos, QuarterPel, SearchRange};
use codec_simd::{PlaneRef, Window};

use super::candidate::{Candidate, sort_by_cost};
use super::coder::Coder;
use super::energies::Energies;
use super::levels::Coefficients;
use super::mode_costs::ModeCosts;
use super::motion::{to_quarters, to_vector};
use super::transform::ResidualCost;
use super::write::blocks::candidate_site;
use crate::block::candidates::lower_precision;
use crate::block::mode_map::BlockInfo;
use crate::block::site::BlockSite;
use crate::types::{InterMode, MotionVector, Reference, References};

/// An inter prediction with its estimated cost.
#[derive(Clone, Copy, Debug, Default)]
struct InterChoice {
    reference: Reference,
    mode: InterMode,
    vector: MotionVector,
    /// In 1/256 bit.
    rate: u32,
    error: LumaError,
    cost: u32,
}

/// Squared error of a prediction of luma.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LumaError {
    pub(super) sum: u32,
    /// The largest one of a macroblock, or of 8x8 pixels if the block is smaller.
    pub(super) most: u32,
}

impl LumaError {
    /// Adds the error of a part.
    #[inline]
    fn add(&mut self, part: u32) {
        self.sum = self.sum.saturating_add(part);
        self.most = self.most.max(part);
    }
}

/// Predictions whose squared error in every macroblock is below the squared step divided by this have no
/// residual: even if all of it were in one coefficient, this would be quantised to zero.
pub(super) const NEGLIGIBLE: u32 = 128;

/// Number of inter predictions that are compared, at most.
const MAX_CHOICES: usize = 12;

/// Inter predictions, the cheapest one first.
#[derive(Clone, Copy, Debug, Default)]
struct Choices {
    list: [InterChoice; MAX_CHOICES],
    len: usize,
}

impl Choices {
    /// Adds a choice unless a cheaper one has the same vector in the same reference.
    fn add(&mut self, choice: InterChoice) {
        let known = &mut self.list[..self.len];
        let same = known
            .iter_mut()
            .find(|other| (other.reference, other.vector) == (choice.reference, choice.vector));
        match same {
            Some(other) if choice.cost < other.cost => *other = choice,
            Some(_) => {}
            None if self.len < MAX_CHOICES => {
                self.list[self.len] = choice;
                self.len += 1;
            }
            None => {}
        }
    }

    fn sort(&mut self) {
        sort_by_cost(&mut self.list[..self.len], |choice| choice.cost);
    }
}

/// The macroblocks of a block, or its 8x8 pixels if it is smaller, and a reference.
struct Parts<'a> {
    refp: PlaneRef<'a>,
    /// Whether the reference is the last frame, whose errors may be known.
    is_last: bool,
    /// Positions in units of 8 pixels.
    rows: Range<usize>,
    cols: Range<usize>,
    /// Whether the parts are macroblocks.
    are_macroblocks: bool,
    /// The vectors of all parts are in both.
    ranges: [SearchRange; 2],
}

/// The pixel at a position in units of 8 pixels.
fn part_position(row: usize, col: usize) -> PixelPos {
    let pixels = |units: usize| i32::try_from(8 * units).unwrap_or(i32::MAX);
    PixelPos::new(pixels(col), pixels(row))
}

impl Coder<'_> {
    /// Compares inter predictions, and codes the best ones.
    pub(super) fn decide_inter(
        &mut self,
        site: &BlockSite,
        vector: QuarterPel,
        best: &mut Candidate,
        trial: &mut Candidate,
    ) {
        let mut choices = Choices::default();
        self.add_choices(site, vector, &mut choices);
        choices.sort();
        let finalists = self.job.speed.inter_finalists;
        for choice in &choices.list[..choices.len.min(finalists)] {
            trial.cost = best.cost;
            self.code_inter(site, choice, trial);
            if trial.cost < best.cost {
                std::mem::swap(best, trial);
                best.is_predicted = true;
            } else {
                best.is_predicted = false;
            }
        }
    }

    /// Adds the inter predictions of a block with their estimated costs.
    fn add_choices(&self, site: &BlockSite, vector: QuarterPel, choices: &mut Choices) {
        let setup = self.job.setup;
        let costs = ModeCosts(setup);
        let lambda = self.prices.lambda;
        // Without motion and without a residual, nothing is cheaper.
        let step = self.quantisers().step;
        let enough = step * step / NEGLIGIBLE;
        let (mut best_error, mut tried) = (u32::MAX, 0);
        let candidates = candidate_site(setup, self.modes, &self.cols, site);
        let context = candidates.mode_context();
        for reference in Reference::ALL {
            if self.job.luma[reference as usize].is_none() {
                continue;
            }
            tried += 1;
            if tried > self.job.speed.references {
                break;
            }
            if best_error < step * step / self.job.speed.settled_share {
                break;
            }
            let Some(parts) = self.parts(site, reference) else { continue };
            let base = costs.reference(site, reference) + costs.is_inter(site, true);
            let mut offer = |mode: InterMode, vector: MotionVector, extra: u32| {
                let Some(error) = self.luma_error(&parts, vector) else { return u32::MAX };
                let rate = base + costs.inter_mode(context, mode) + extra;
                let cost = error.sum.saturating_add(lambda.cost(rate));
                choices.add(InterChoice { reference, mode, vector, rate, error, cost });
                best_error = best_error.min(error.most);
                error.most
            };
            if offer(InterMode::Zero, MotionVector::default(), 0) < enough {
                break;
            }
            if reference != Reference::Last || self.job.is_scaled(reference) {
                continue;
            }
            let (list, known) = setup.known_candidates(&candidates, reference);
            let high_precision = setup.header.references.high_precision;
            let [nearest, near] = list.map(|vector| lower_precision(vector, high_precision));
            if known == 0 {
                continue;
            }
            if nearest != MotionVector::default() {
                offer(InterMode::Nearest, nearest, 0);
            }
            if known > 1 && near != MotionVector::default() {
                offer(InterMode::Near, near, 0);
            }
            let new = to_vector(vector);
            if new != MotionVector::default() && new != nearest {
                let bits = self.job.vectors.bits_q8(vector, to_quarters(nearest));
                if bits < 1 << 14 {
                    offer(InterMode::New, new, bits);
                }
            }
        }
    }

    /// Returns the macroblocks of a block with what their vectors may be; `None` if there is no reference, or it
    /// contains not even the block itself.
    fn parts(&self, site: &BlockSite, reference: Reference) -> Option<Parts<'_>> {
        let refp = self.job.luma[reference as usize]?;
        let (width, height) = site.size.mi();
        let (cols, rows) = (self.job.setup.cols, self.job.setup.rows);
        // Macroblocks where the block has whole ones.
        let are_macroblocks = width >= 2 && height >= 2;
        let step = 1 + usize::from(are_macroblocks);
        let end = ((site.row + height).min(rows), (site.col + width).min(cols));
        // The first and the last part have all limits.
        let last = |at: usize, end: usize| at + ((end - 1 - at) & !(step - 1));
        let corners = [(site.row, site.col), (last(site.row, end.0), last(site.col, end.1))];
        let [first, last] = corners.map(|(row, col)| {
            SearchRange::new(refp.layout(), part_position(row, col), 8 * step, 1 << 12)
        });
        Some(Parts {
            refp,
            is_last: reference == Reference::Last,
            rows: site.row..end.0,
            cols: site.col..end.1,
            are_macroblocks,
            ranges: [first?, last?],
        })
    }

    /// Squared error of luma with a vector, with bilinear interpolation; `None` if the vector is out of
    /// range.
    fn luma_error(&self, parts: &Parts<'_>, vector: MotionVector) -> Option<LumaError> {
        let vector = to_quarters(vector);
        if !parts.ranges.iter().all(|range| range.contains(vector.floor())) {
            return None;
        }
        // A loop for each step, because the count of steps of any length takes a division.
        let (rows, cols) = (parts.rows.clone(), parts.cols.clone());
        let mut error = LumaError::default();
        if parts.are_macroblocks {
            for row in rows.step_by(2) {
                for col in cols.clone().step_by(2) {
                    error.add(self.macroblock_error(parts, (row, col), vector));
                }
            }
        } else {
            for row in rows {
                for col in cols.clone() {
                    error.add(self.quadrant_error(parts, (row, col), vector));
                }
            }
        }
        Some(error)
    }

    /// The errors that are known of the quadrants of a macroblock.
    #[inline]
    fn known_errors(
        &self,
        parts: &Parts<'_>,
        (row, col): (usize, usize),
        vector: QuarterPel,
    ) -> Option<&[u32; 4]> {
        if parts.is_last { self.field.known_errors(row, col, vector) } else { None }
    }

    /// Squared error of the macroblock at a position in units of 8 pixels.
    #[inline]
    fn macroblock_error(
        &self,
        parts: &Parts<'_>,
        (row, col): (usize, usize),
        vector: QuarterPel,
    ) -> u32 {
        match self.known_errors(parts, (row, col), vector) {
            Some(errors) => errors.iter().sum(),
            None => {
                let cur = self.source.macroblock(row, col);
                cur.sse(self.job.kernels, parts.refp, part_position(row, col), vector)
            }
        }
    }

    /// Squared error of the 8x8 pixels at a position in units of 8 pixels.
    #[inline]
    fn quadrant_error(
        &self,
        parts: &Parts<'_>,
        (row, col): (usize, usize),
        vector: QuarterPel,
    ) -> u32 {
        match self.known_errors(parts, (row, col), vector) {
            Some(errors) => errors[row % 2 * 2 + col % 2],
            None => {
                let cur = self.source.macroblock(row, col);
                let block: Window<'_, 8, 8> = cur.sub(col % 2 * 8, row % 2 * 8);
                block.sse(self.job.kernels, parts.refp, part_position(row, col), vector)
            }
        }
    }

    /// Predicts a block from another frame and codes its residual.
    fn code_inter(&mut self, site: &BlockSite, choice: &InterChoice, out: &mut Candidate) {
        let mut info = BlockInfo {
            references: References::Single(choice.reference),
            inter_mode: choice.mode,
            vectors: [[choice.vector, MotionVector::default()]; 4],
            tx: site.size.max_tx(),
            ..self.info(site)
        };
        let (filter_rate, energies) = self.predict(site, &mut info);
        self.code_residual(site, info, &energies, (choice.rate + filter_rate, choice.error), out);
    }

    /// Predicts an inter block, whose modes cost `rate` and whose prediction has the error `error`, and codes
    /// its residual. The cost of `out` is the one to beat.
    pub(super) fn code_predicted(
        &mut self,
        site: &BlockSite,
        mut info: BlockInfo,
        (rate, error): (u32, LumaError),
        out: &mut Candidate,
    ) {
        info.tx = site.size.max_tx();
        let blocks = self.job.setup.plane_blocks(&info);
        self.recon.predict_inter(&info, &blocks);
        let energies = self.luma_energies(&blocks[0]);
        self.code_residual(site, info, &energies, (rate, error), out);
    }

    /// Codes the residual of a block that is predicted with the errors `energies`. The cost of `out` is the one to beat: if
    /// luma alone does not, the block is incomplete and has the highest cost.
    fn code_residual(
        &mut self,
        site: &BlockSite,
        mut info: BlockInfo,
        energies: &Energies,
        (mode_rate, luma_error): (u32, LumaError),
        out: &mut Candidate,
    ) {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.prices.lambda);
        let largest = info.tx;
        out.levels.clear();
        let step = self.quantisers().step;
        // Chroma has no energies if it does not consist of 8x8 samples inside of the frame.
        let mut chroma = [const { Energies::new() }; 2];
        let has_chroma = (1..).zip(&mut chroma).all(|(plane, energies)| {
            self.chroma_energies(&setup.plane_block(&info, plane), energies)
        });
        if self.job.speed.tx_sizes == 1
            && has_chroma
            && energies.are_negligible()
            && chroma.iter().all(Energies::are_negligible)
        {
            let energy = energies.sum() + chroma[0].sum() + chroma[1].sum();
            info.skip = true;
            out.info = info;
            out.cost = energy.saturating_add(lambda.cost(mode_rate + costs.skip(site, true)));
            return;
        }
        let saved = self.contexts.save(self.superblock_col);
        let mut cost = if luma_error.most < step * step / NEGLIGIBLE {
            let block = setup.plane_block(&info, 0);
            for (x, y) in block.transforms() {
                let context = self.contexts.nonzero(0, x, y, block.tx);
                out.levels.push(Coefficients::none(context));
                self.contexts.set_nonzero(0, (x, y), block.tx, block.end, false);
            }
            let energy = luma_error.sum;
            ResidualCost { error: energy, energy, ..ResidualCost::default() }
        } else {
            let speed = &self.job.speed;
            let sizes = (largest.min(speed.largest_tx), speed.tx_sizes);
            self.code_luma(site, &mut info, Some(energies), &saved, &mut out.levels, sizes)
        };
        let coded = cost.error.saturating_add(lambda.cost(mode_rate + cost.rate));
        let skipped = cost.energy.saturating_add(lambda.cost(mode_rate));
        if coded.min(skipped) >= out.cost {
            self.contexts.restore(self.superblock_col, &saved);
            out.cost = u32::MAX;
            return;
        }
        self.work_levels.clear();
        for (plane, energies) in (1..).zip(&chroma) {
            let block = setup.plane_block(&info, plane);
            let energies = has_chroma.then_some(energies);
            cost.add(self.code_plane(site, &info, &block, energies, u32::MAX));
        }
        self.contexts.restore(self.superblock_col, &saved);
        out.levels.append(self.work_levels);
        let rate = cost.rate + costs.tx_size(site, info.tx) + costs.skip(site, false);
        let repeats_last = info.inter_mode == InterMode::Zero
            && info.references == References::Single(Reference::Last);
        let weight = if repeats_last { self.job.speed.still_rate_pct } else { 100 };
        let rate = rate / 100 * weight + rate % 100 * weight / 100;
        let coded = cost.error.saturating_add(lambda.cost(mode_rate + rate));
        let skipped = cost.energy.saturating_add(lambda.cost(mode_rate + costs.skip(site, true)));
        if !cost.any || skipped <= coded {
            // The transform size is not coded.
            (info.tx, info.skip) = (largest, true);
            out.levels.clear();
        }
        out.info = info;
        out.cost = if info.skip { skipped } else { coded };
    }
}
