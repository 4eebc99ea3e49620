//! Inter prediction of a block with the tools of files and slow speeds: motion search in all references,
//! compound prediction (the mean of two references), and the choice of one of three interpolation
//! filters. Predictions are computed and compared by their errors.

use codec_core::motion::QuarterPel;
use codec_simd::Window;

use super::candidate::{Candidate, sort_by_cost};
use super::coder::Coder;
use super::inter::{LumaError, NEGLIGIBLE};
use super::mode_costs::ModeCosts;
use super::motion::{to_quarters, to_vector};
use super::source::SOURCE_STRIDE;
use super::speed::Tools;
use super::write::blocks::candidate_site;
use crate::block::candidates::lower_precision;
use crate::block::mode_map::BlockInfo;
use crate::block::site::BlockSite;
use crate::header::Filter;
use crate::types::{InterMode, MotionVector, Reference, References};

/// An inter prediction with its error.
#[derive(Clone, Copy, Debug, Default)]
struct Prediction {
    references: References,
    mode: InterMode,
    vectors: [MotionVector; 2],
    filter: Filter,
    /// Rate of references, mode and vectors, in 1/256 bit.
    rate: u32,
    error: LumaError,
    cost: u32,
}

impl Prediction {
    fn is_same(&self, other: &Self) -> bool {
        (self.references, self.vectors) == (other.references, other.vectors)
    }

    fn has_fraction(&self) -> bool {
        self.vectors.iter().any(|vector| (vector.row | vector.col) & 7 != 0)
    }
}

/// Number of predictions that are compared, at most.
const MAX_PREDICTIONS: usize = 24;

/// Number of vectors whose errors are kept, at most.
const MAX_KNOWN: usize = 24;

/// Inter predictions of a block.
#[derive(Clone, Copy, Debug, Default)]
struct Predictions {
    list: [Prediction; MAX_PREDICTIONS],
    len: usize,
}

impl Predictions {
    /// Returns the prediction with the same references and vectors.
    fn same(&mut self, prediction: &Prediction) -> Option<&mut Prediction> {
        self.list[..self.len].iter_mut().find(|other| other.is_same(prediction))
    }

    fn add(&mut self, prediction: Prediction) {
        if let Some(to) = self.list.get_mut(self.len) {
            *to = prediction;
            self.len += 1;
        }
    }
}

/// Errors of a block's prediction from one reference by vector, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
struct KnownErrors {
    list: [(MotionVector, LumaError); MAX_KNOWN],
    len: usize,
}

impl KnownErrors {
    /// The errors of the `predictions` that have only `reference`.
    fn of(predictions: &Predictions, reference: Reference) -> Self {
        let mut known = Self::default();
        for prediction in &predictions.list[..predictions.len] {
            if prediction.references == References::Single(reference) {
                known.add(prediction.vectors[0], prediction.error);
            }
        }
        known
    }

    fn get(&self, vector: MotionVector) -> Option<LumaError> {
        let known = self.list[..self.len].iter().find(|known| known.0 == vector);
        known.map(|known| known.1)
    }

    fn add(&mut self, vector: MotionVector, error: LumaError) {
        if let Some(to) = self.list.get_mut(self.len) {
            *to = (vector, error);
            self.len += 1;
        }
    }
}

/// The motion vector candidates of a block in one reference.
#[derive(Clone, Copy, Debug, Default)]
struct ReferenceVectors {
    nearest: MotionVector,
    near: MotionVector,
    /// The vector that motion search found.
    new: MotionVector,
    /// Number of vectors, of `nearest` and `near` in this order, that depend on no frame that a receiver may
    /// lack. `new` is coded as a difference from `nearest`.
    known: usize,
}

impl Coder<'_> {
    /// Compares inter predictions, and codes the best ones.
    pub(super) fn decide_inter_with(
        &mut self,
        site: &BlockSite,
        vector: QuarterPel,
        tools: Tools,
        best: &mut Candidate,
        trial: &mut Candidate,
    ) {
        let mut predictions = self.predictions(site, vector, tools);
        let count = predictions.len.min(self.job.speed.inter_finalists);
        let most = u64::from(predictions.list[0].cost) * u64::from(tools.finalists_pct) / 100;
        for prediction in &mut predictions.list[..count] {
            if u64::from(prediction.cost) > most {
                break;
            }
            let mut info = self.predicted_info(site, prediction);
            if tools.filters && prediction.has_fraction() {
                self.choose_filter(site, &mut info, prediction);
            }
            let filter_rate = ModeCosts(self.job.setup).filter(site, info.filter);
            trial.cost = best.cost;
            self.code_predicted(
                site,
                info,
                (prediction.rate + filter_rate, prediction.error),
                trial,
            );
            if trial.cost < best.cost {
                std::mem::swap(best, trial);
                best.is_predicted = true;
            } else {
                best.is_predicted = false;
            }
        }
    }

    fn predicted_info(&self, site: &BlockSite, prediction: &Prediction) -> BlockInfo {
        BlockInfo {
            references: prediction.references,
            inter_mode: prediction.mode,
            vectors: [prediction.vectors; 4],
            filter: prediction.filter,
            ..self.info(site)
        }
    }

    /// Selects the filter with the lowest cost.
    fn choose_filter(
        &mut self,
        site: &BlockSite,
        info: &mut BlockInfo,
        prediction: &mut Prediction,
    ) {
        let (costs, lambda) = (ModeCosts(self.job.setup), self.prices.lambda);
        let cost = |filter, error: LumaError| {
            error.sum.saturating_add(lambda.cost(costs.filter(site, filter)))
        };
        let mut best = cost(prediction.filter, prediction.error);
        for filter in Filter::SELECTABLE {
            if filter == prediction.filter {
                continue;
            }
            let trial = BlockInfo { filter, ..*info };
            let error = self.predicted_error(site, &trial);
            if cost(filter, error) < best {
                best = cost(filter, error);
                (info.filter, prediction.error) = (filter, error);
            }
        }
        prediction.filter = info.filter;
    }

    /// Returns the inter predictions of a block, the cheapest one first.
    fn predictions(&mut self, site: &BlockSite, vector: QuarterPel, tools: Tools) -> Predictions {
        let setup = self.job.setup;
        let costs = ModeCosts(setup);
        let mut predictions = Predictions::default();
        let context = candidate_site(setup, self.modes, &self.cols, site).mode_context();
        let step = self.quantisers().step;
        let enough = step * step / NEGLIGIBLE;
        let inter = costs.is_inter(site, true);
        let mut known = [ReferenceVectors::default(); 3];
        for reference in Reference::ALL {
            if self.job.luma[reference as usize].is_none() {
                continue;
            }
            let references = References::Single(reference);
            let base = inter + costs.references(site, references);
            let high_precision = setup.header.references.high_precision;
            let candidates = candidate_site(setup, self.modes, &self.cols, site);
            let (list, known_vectors) = setup.known_candidates(&candidates, reference);
            let [nearest, near] = list.map(|vector| lower_precision(vector, high_precision));
            let zero = MotionVector::default();
            let mut best = ReferenceVectors { nearest, near, new: zero, known: known_vectors };
            let plain =
                [(InterMode::Zero, zero), (InterMode::Nearest, nearest), (InterMode::Near, near)];
            for (mode, vector) in plain.into_iter().take(1 + known_vectors) {
                if mode != InterMode::Zero && vector == zero {
                    continue;
                }
                let rate = base + costs.inter_mode(context, mode);
                let offered = (references, mode, [vector, zero]);
                let error = self.offer(site, &mut predictions, offered, rate, None);
                if error.is_some_and(|error| mode == InterMode::Zero && error.most < enough)
                    && reference == Reference::Last
                {
                    return predictions;
                }
            }
            let mut errors = KnownErrors::of(&predictions, reference);
            best.new = self.searched_vector(site, (reference, tools), vector, nearest, &mut errors);
            known[reference as usize] = best;
            if let Some(bits) = self.vector_rate(best.new, nearest)
                && best.new != nearest
                && known_vectors > 0
            {
                let rate = base + costs.inter_mode(context, InterMode::New) + bits;
                let offered = (references, InterMode::New, [best.new, zero]);
                self.offer(site, &mut predictions, offered, rate, errors.get(best.new));
            }
        }
        self.add_compound(site, &known, context, &mut predictions);
        let len = predictions.len;
        sort_by_cost(&mut predictions.list[..len], |prediction| prediction.cost);
        predictions
    }

    /// Adds predictions from two references.
    fn add_compound(
        &mut self,
        site: &BlockSite,
        known: &[ReferenceVectors; 3],
        context: usize,
        predictions: &mut Predictions,
    ) {
        let setup = self.job.setup;
        let costs = ModeCosts(setup);
        let Some(pair) = setup.compound else { return };
        if self.job.luma[pair.fixed as usize].is_none() {
            return;
        }
        for variable in pair.variable {
            if self.job.luma[variable as usize].is_none() {
                continue;
            }
            let mut both = [variable; 2];
            both[pair.fixed_index] = pair.fixed;
            let references = References::Compound(both);
            let base = costs.is_inter(site, true) + costs.references(site, references);
            let of = both.map(|reference| known[reference as usize]);
            let new_rate = of
                .iter()
                .map(|vectors| self.vector_rate(vectors.new, vectors.nearest))
                .try_fold(0, |sum, rate| Some(sum + rate?));
            let modes = [
                (InterMode::Zero, [MotionVector::default(); 2], Some(0)),
                (InterMode::Nearest, of.map(|vectors| vectors.nearest), Some(0)),
                (InterMode::Near, of.map(|vectors| vectors.near), Some(0)),
                (InterMode::New, of.map(|vectors| vectors.new), new_rate),
            ];
            let known_vectors = of.iter().map(|vectors| vectors.known).min().unwrap_or(0);
            for (mode, vectors, extra) in modes {
                let needed = match mode {
                    InterMode::Zero => 0,
                    InterMode::Nearest | InterMode::New => 1,
                    InterMode::Near => 2,
                };
                let Some(extra) = extra.filter(|_| needed <= known_vectors) else { continue };
                let rate = base + costs.inter_mode(context, mode) + extra;
                self.offer(site, predictions, (references, mode, vectors), rate, None);
            }
        }
    }

    /// Rate of a vector that is coded as a difference from `nearest`; `None` if it is too far from it.
    pub(super) fn vector_rate(&self, vector: MotionVector, nearest: MotionVector) -> Option<u32> {
        let bits = self.job.vectors.bits_q8(to_quarters(vector), to_quarters(nearest));
        (bits < 1 << 14).then_some(bits)
    }

    /// Returns the vector of a block in a reference by motion search.
    fn searched_vector(
        &mut self,
        site: &BlockSite,
        (reference, tools): (Reference, Tools),
        vector: QuarterPel,
        nearest: MotionVector,
        errors: &mut KnownErrors,
    ) -> MotionVector {
        let (width, height) = site.size.mi();
        let (rows, cols) = (self.job.setup.rows, self.job.setup.cols);
        let lambda = self.prices.lambda;
        let mut tried = [MotionVector::default(); 5];
        let mut count = 0;
        if reference == Reference::Last {
            (tried[0], count) = (to_vector(vector), 1);
        }
        let (far_row, far_col) = (site.row + height - 1, site.col + width - 1);
        let corners =
            [(site.row, site.col), (site.row, far_col), (far_row, site.col), (far_row, far_col)];
        for (row, col) in corners {
            let at = (row.min(rows - 1), col.min(cols - 1));
            let found = match reference {
                Reference::Last => self.field.vector(at.0, at.1),
                _ => self.others.vector(reference, at.0, at.1),
            };
            if !tried[..count].contains(&to_vector(found)) {
                tried[count] = to_vector(found);
                count += 1;
            }
        }
        let mut best = (tried[0], u32::MAX);
        for &vector in &tried[..count] {
            let Some(rate) = self.vector_rate(vector, nearest) else { continue };
            let error = self.vector_error(site, reference, vector, errors);
            let cost = error.saturating_add(lambda.cost(rate));
            if cost < best.1 {
                best = (vector, cost);
            }
        }
        if best.1 == u32::MAX {
            return best.0;
        }
        for _ in 0..tools.refinements {
            let centre = best.0;
            for (down, right) in [(-2, 0), (2, 0), (0, -2), (0, 2)] {
                let vector = MotionVector::new(centre.row + down, centre.col + right);
                let Some(rate) = self.vector_rate(vector, nearest) else { continue };
                let error = self.vector_error(site, reference, vector, errors);
                let cost = error.saturating_add(lambda.cost(rate));
                if cost < best.1 {
                    best = (vector, cost);
                }
            }
            if best.0 == centre {
                break;
            }
        }
        best.0
    }

    fn vector_error(
        &mut self,
        site: &BlockSite,
        reference: Reference,
        vector: MotionVector,
        errors: &mut KnownErrors,
    ) -> u32 {
        if let Some(error) = errors.get(vector) {
            return error.sum;
        }
        let info = BlockInfo {
            references: References::Single(reference),
            inter_mode: InterMode::New,
            vectors: [[vector, MotionVector::default()]; 4],
            ..self.info(site)
        };
        let error = self.predicted_error(site, &info);
        errors.add(vector, error);
        error.sum
    }

    /// Adds a prediction unless the same one was added; returns its error if it is new. `error` is its error if that is
    /// known.
    fn offer(
        &mut self,
        site: &BlockSite,
        predictions: &mut Predictions,
        (references, mode, vectors): (References, InterMode, [MotionVector; 2]),
        rate: u32,
        error: Option<LumaError>,
    ) -> Option<LumaError> {
        let lambda = self.prices.lambda;
        let mut prediction =
            Prediction { references, mode, vectors, rate, ..Prediction::default() };
        if let Some(same) = predictions.same(&prediction) {
            if rate < same.rate {
                (same.mode, same.rate) = (mode, rate);
                same.cost = same.error.sum.saturating_add(lambda.cost(rate));
            }
            return None;
        }
        prediction.error = error.unwrap_or_else(|| {
            let info = self.predicted_info(site, &prediction);
            self.predicted_error(site, &info)
        });
        prediction.cost = prediction.error.sum.saturating_add(lambda.cost(rate));
        predictions.add(prediction);
        Some(prediction.error)
    }

    /// Squared error of the prediction of luma.
    fn predicted_error(&mut self, site: &BlockSite, info: &BlockInfo) -> LumaError {
        let blocks = self.job.setup.plane_blocks(info);
        self.recon.own = 0..1;
        self.recon.predict_inter(info, &blocks);
        self.recon.own = 0..3;
        let (width, height) = site.size.mi();
        let (cols, rows) = (self.job.setup.cols, self.job.setup.rows);
        let (width, height) = (width.min(cols - site.col), height.min(rows - site.row));
        let kernels = self.job.kernels;
        let (pred, stride) = self.recon.planes[0].block_mut(8 * site.col, 8 * site.row);
        let cur = self.source.block(0, 8 * (site.col % 8), 8 * (site.row % 8));
        let mut error = LumaError::default();
        let part = |x: usize, y: usize| {
            let cur: Option<Window<'_, 8, 8>> =
                Window::new(&cur[8 * y * SOURCE_STRIDE + 8 * x..], SOURCE_STRIDE);
            let pred = Window::new(&pred[8 * y * stride + 8 * x..], stride);
            cur.zip(pred).map_or(0, |(cur, pred)| kernels.sse_8x8(cur, pred))
        };
        let side = if width >= 2 && height >= 2 { 2 } else { 1 };
        for y in (0..height).step_by(side) {
            for x in (0..width).step_by(side) {
                let mut sum = 0;
                if side == 2 && y + 1 < height && x + 1 < width {
                    let cur = self.source.macroblock(site.row + y, site.col + x);
                    let pred = Window::new(&pred[8 * y * stride + 8 * x..], stride);
                    let sum = pred.map_or(0, |pred| kernels.sse_16x16(cur, pred));
                    error.sum = error.sum.saturating_add(sum);
                    error.most = error.most.max(sum);
                    continue;
                }
                for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    if down < side && right < side && y + down < height && x + right < width {
                        sum += part(x + right, y + down);
                    }
                }
                error.sum = error.sum.saturating_add(sum);
                error.most = error.most.max(sum);
            }
        }
        error
    }
}
