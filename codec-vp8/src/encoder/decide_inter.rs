//! Mode decision in inter frames: candidates are ranked by estimated squared error and bits,
//! finalists by their actual coding cost.

use codec_simd::{IntraMode, Layout};

use super::candidates::{Candidate, Candidates, Vectors, quarter};
use super::quant::MbQuantisers;
use super::rate_distortion::{RateDistortion, cost};
use super::row::{MbCoder, ModeChoice};
use super::speed::{Gate, OtherReferences, Splits};
use super::store::SearchStats;
use crate::modes::{MvBounds, NearVectors, Neighbours, find_near_vectors};
use crate::types::{InterMode, IntraLuma, MbMode, MotionVector, Reference};
use codec_core::analysis::{Change, MbAnalysis};
use codec_core::motion::SearchRange;

/// Error, as a cost in 1/256 bit, up to which an unchanged macroblock is copied.
const COPY_BITS_Q8: u32 = 128 * 256;
/// Error, as a cost in 1/256 bit, that equals the mode and vector of a macroblock: further search
/// cannot save more.
pub(super) const SOME_BITS_Q8: u32 = 16 * 256;

/// Intra modes are not tried if the intra cost of the analysis exceeds twice this multiple of the inter
/// cost. The limit is high because the half-size frames of the analysis hide much of the inter error of
/// moving, detailed blocks.
const HOPELESS_INTRA: u16 = 3;

/// Intra cost up to which a macroblock of the half-size frame counts as flat: 1.5 levels per pixel.
const FLAT_COST: u16 = 96;
/// Maximum vector component in full pixels: the range of ten bits of quarter pixels.
const MAX_VECTOR_PX: u16 = 255;

impl ModeChoice {
    /// Creates the choice of a whole macroblock coded with `candidate`.
    fn of(
        candidate: &Candidate,
        base: MotionVector,
        price: RateDistortion,
        prediction_sse: u32,
        segment: u8,
    ) -> Self {
        Self {
            mode: candidate.mode,
            base,
            mode_bits: candidate.bits,
            price,
            chroma_cost: 0,
            prediction_sse,
            prediction_loss: 0,
            segment,
        }
    }
}

impl MbCoder<'_> {
    /// Decides a macroblock of an inter frame.
    pub(super) fn decide_inter(&mut self) -> ModeChoice {
        let wanted = self.assigned_segment();
        let choice = self.decide_inter_in(wanted);
        let is_still = choice.mode == MbMode::STATIC;
        if self.job.segments.is_refresh(wanted) && !is_still {
            // Only static macroblocks are worth refreshing.
            return self.decide_inter_in(0);
        }
        choice
    }

    /// Decides in steps, from cheap to expensive; each may end the decision.
    fn decide_inter_in(&mut self, segment: u8) -> ModeChoice {
        let job = self.job;
        let speed = &job.speed;
        let set = self.quantisers(segment);
        let vectors = self.vectors();
        self.near = vectors.near;
        let range = self.range();
        // Unchanged macroblocks: copy.
        if let Some(choice) = self.try_copy(&vectors, &range, set, segment) {
            return choice;
        }
        // Vectors that cost few bits: zero, nearest, near.
        let mut found = Candidates::new();
        self.add_plain(set, &vectors, &range, &mut found);
        let plain = *found.best();
        // Skip probe: take the best of them if it needs no residual, or only a small one.
        let mut first = None;
        let is_stale = self.is_stale(plain.sse, set);
        let probes = speed.skip_probe && !is_stale;
        if probes && plain.sse <= set.lambda.cost(256 * u32::from(speed.skip_bits)) {
            return self.without_residual(&plain, vectors.near.best, segment);
        }
        if probes
            && plain.sse <= set.lambda.cost(256 * u32::from(speed.probe_bits))
            && let Some(choice) = self.code(&plain, vectors.near.best, set, segment)
        {
            if self.is_better_empty(&choice, set) {
                return choice;
            }
            if self.total(&choice, set) <= set.lambda.cost(256 * u32::from(speed.enough_bits)) {
                return choice;
            }
            first = Some(choice);
        }
        // Motion search.
        if self.is_search_due(&plain) {
            self.add_search(set, &vectors, &range, &mut found);
            let (best, plain_mode) = (found.best().mode, plain.mode);
            let failed = best.mv() == plain_mode.mv() && best.reference() == plain_mode.reference();
            self.search_stats = SearchStats {
                sse: plain.sse,
                fails: if failed { (self.search_stats.fails + 1).min(3) } else { 0 },
            };
        }
        // Intra prediction of the whole block.
        if is_stale || self.may_be_intra(&found, set) {
            self.add_intra(set, &mut found);
        }
        // Code the finalists and compare their actual costs.
        let mut best = self.choose(&found, first, vectors.near.best, set, segment);
        let mut limit = self.total(&best, set);
        // Several vectors.
        if self.wants_split(&best, set)
            && let Some(choice) = self.try_split(&best, &vectors, &range, set, limit)
        {
            best = choice;
            limit = self.total(&best, set);
        }
        // 4x4 intra prediction.
        let luma_limit = limit.saturating_sub(best.chroma_cost);
        if self.wants_intra_4x4(&best, &found, set)
            && let Some(choice) = self.try_intra_4x4(set, segment, luma_limit)
        {
            best = choice;
        }
        best
    }

    /// Copies an unchanged macroblock once it has the quality that this frame would achieve.
    fn try_copy(
        &mut self,
        vectors: &Vectors,
        range: &SearchRange,
        set: MbQuantisers<'_>,
        segment: u8,
    ) -> Option<ModeChoice> {
        let job = self.job;
        let is_same = self.analysis.is_some_and(|mb| mb.change == Change::Static);
        if !is_same || !job.segments.refresh.is_as_good_as(self.index(), set.qindex.get()) {
            return None;
        }
        let mv = MotionVector::ZERO;
        let sse = self.sse_at(Reference::Last, mv, range)?;
        // The analysis compares with the previous frame, which need not be the last frame.
        if sse > set.lambda.cost(COPY_BITS_Q8) {
            return None;
        }
        let bits = job.costs.reference[Reference::Last.index()] + vectors.bits_of(InterMode::Zero);
        let still = Candidate { mode: MbMode::STATIC, bits, sse, cost: sse };
        Some(self.without_residual(&still, vectors.near.best, segment))
    }

    pub(super) fn vectors(&self) -> Vectors {
        let neighbours = Neighbours {
            above: &self.above.mode,
            left: &self.left.info.mode,
            above_left: &self.above_left.mode,
        };
        let bounds = MvBounds::new(self.col, self.row, self.job.cols, self.job.rows);
        Vectors::new(find_near_vectors(&neighbours, Reference::Last, [false; 3], bounds))
    }

    /// Returns the range of vectors whose prediction stays inside the references' borders.
    fn range(&self) -> SearchRange {
        // The chroma filters extend as far as the luma filters, which is twice as far in luma
        // pixels.
        let luma = self.job.layouts[0];
        let layout = Layout { pad: luma.pad - 3, ..luma };
        #[expect(clippy::expect_used, reason = "references have borders of 32 pixels")]
        SearchRange::new(layout, self.at(), 16, MAX_VECTOR_PX).expect("borders")
    }

    /// Returns the error of predicting luma from `reference` at `mv`; `None` outside of `range`.
    pub(super) fn sse_at(
        &mut self,
        reference: Reference,
        mv: MotionVector,
        range: &SearchRange,
    ) -> Option<u32> {
        let job = self.job;
        let from = job.predictor(reference)?;
        let vector = quarter(mv);
        if !range.contains(vector.floor()) {
            return None;
        }
        if vector.eighths() == (0, 0) {
            let at = self.at().moved(vector.floor());
            let window = from.planes.y.window(at.x as isize, at.y as isize)?;
            return Some(job.kernels.sse_16x16(&self.cur.luma, window));
        }
        let at = self.at();
        self.trial.predicted = None;
        let pred = &mut self.trial.pixels.luma;
        from.luma(at, mv, pred)?;
        self.trial.predicted = Some((reference, mv));
        Some(job.kernels.sse_16x16(&self.cur.luma, pred.window()))
    }

    /// Adds zero, nearest and near vectors of the references as candidates.
    fn add_plain(
        &mut self,
        set: MbQuantisers<'_>,
        vectors: &Vectors,
        range: &SearchRange,
        found: &mut Candidates,
    ) {
        let NearVectors { nearest, near, .. } = vectors.near;
        // An altref frame of future content has a higher quality than the last frame.
        let has_fine_altref = self.job.analysis.is_some_and(|a| !a.altref_seeds.is_empty());
        let good = set.lambda.cost(256 * u32::from(self.job.speed.good_bits));
        for reference in Reference::ALL {
            if !has_fine_altref && found.best().sse <= good {
                return;
            }
            let with_neighbours =
                reference == Reference::Last || self.job.speed.others != OtherReferences::Zero;
            let modes = [
                (InterMode::Zero, MotionVector::ZERO, true),
                (InterMode::Nearest, nearest, with_neighbours && nearest != MotionVector::ZERO),
                (
                    InterMode::Near,
                    near,
                    with_neighbours && near != MotionVector::ZERO && near != nearest,
                ),
            ];
            for (mode, mv, is_wanted) in modes {
                if !is_wanted {
                    continue;
                }
                let Some(sse) = self.sse_at(reference, mv, range) else { continue };
                let bits = self.job.costs.reference[reference.index()] + vectors.bits_of(mode);
                let cost = sse.saturating_add(set.lambda.cost(bits));
                let mode = MbMode::Inter { reference, mode, mv };
                found.add(Candidate { mode, bits, sse, cost });
                if self.trial.predicted.is_some() && found.best().mode.mv() == mv {
                    // It is likely to be coded, so keep its prediction.
                    std::mem::swap(&mut self.best, &mut self.trial);
                }
            }
        }
    }

    /// Predicts luma with `candidate` into `best` without a residual.
    fn without_residual(
        &mut self,
        candidate: &Candidate,
        base: MotionVector,
        segment: u8,
    ) -> ModeChoice {
        let predicted = self.predict_luma(candidate);
        debug_assert!(predicted.is_some(), "a candidate that was tried before");
        self.best.residual.clear_luma();
        let price = RateDistortion { sse: candidate.sse, bits_q8: 0 };
        ModeChoice::of(candidate, base, price, candidate.sse, segment)
    }

    /// Returns whether the references contain artifacts of earlier frames where the frame itself is
    /// flat: their error is far above the change in the source. Such artifacts are visible, and
    /// intra coding is cheap there.
    fn is_stale(&self, sse: u32, set: MbQuantisers<'_>) -> bool {
        self.analysis.is_some_and(|mb| {
            let changed = u32::from(mb.zero_sad).saturating_mul(u32::from(mb.zero_sad));
            mb.intra_cost <= FLAT_COST && sse > changed && sse > set.lambda.cost(SOME_BITS_Q8 / 2)
        })
    }

    /// Returns whether intra modes are worth trying.
    fn may_be_intra(&self, found: &Candidates, set: MbQuantisers<'_>) -> bool {
        // The costs on half-size frames rule out many macroblocks.
        let is_hopeless =
            |mb: &MbAnalysis| mb.intra_cost / 2 > mb.inter_cost.saturating_mul(HOPELESS_INTRA);
        found.best().sse > set.lambda.cost(2 * SOME_BITS_Q8)
            && !self.analysis.is_some_and(is_hopeless)
    }

    /// Adds the best whole-block intra mode as a candidate.
    fn add_intra(&mut self, set: MbQuantisers<'_>, found: &mut Candidates) {
        let (mode, sse, bits) = self.search_intra_16(set);
        let bits = bits + self.job.costs.chroma[0];
        found.add(Candidate {
            mode: MbMode::Intra { luma: IntraLuma::Whole(mode), chroma: IntraMode::Dc },
            bits,
            sse,
            cost: sse.saturating_add(set.lambda.cost(bits)),
        });
    }

    /// Codes the most promising candidates and keeps the best one in `best`, which already contains
    /// `first`.
    fn choose(
        &mut self,
        found: &Candidates,
        first: Option<ModeChoice>,
        base: MotionVector,
        set: MbQuantisers<'_>,
        segment: u8,
    ) -> ModeChoice {
        let finalists = usize::from(self.job.speed.finalists).max(1);
        let limit = found.best().cost.saturating_mul(2).saturating_add(set.lambda.cost(2048));
        let mut best = first.map(|choice| (choice, self.total(&choice, set)));
        for (n, candidate) in found.as_slice().iter().take(finalists).enumerate() {
            if n > 0 && candidate.cost > limit {
                break;
            }
            let is_first = |first: &ModeChoice| first.mode == candidate.mode;
            if first.as_ref().is_some_and(is_first) {
                continue;
            }
            if best.is_some() {
                std::mem::swap(&mut self.best, &mut self.trial);
            }
            let Some(choice) = self.code(candidate, base, set, segment) else {
                if best.is_some() {
                    std::mem::swap(&mut self.best, &mut self.trial);
                }
                continue;
            };
            let total = self.total(&choice, set);
            match &best {
                Some((_, least)) if total >= *least => {
                    std::mem::swap(&mut self.best, &mut self.trial);
                }
                _ => best = Some((choice, total)),
            }
        }
        match best {
            Some((choice, _)) => choice,
            // Zero motion from the last frame is always possible.
            None => {
                let zero = Candidates::STILL;
                let coded = self.code(&zero, base, set, segment);
                coded.unwrap_or_else(|| self.decide_intra())
            }
        }
    }

    /// Predicts and codes luma with `candidate` into `best`.
    fn code(
        &mut self,
        candidate: &Candidate,
        base: MotionVector,
        set: MbQuantisers<'_>,
        segment: u8,
    ) -> Option<ModeChoice> {
        let job = self.job;
        match candidate.mode {
            MbMode::Intra { luma: IntraLuma::Whole(mode), .. } => {
                self.best.predicted = None;
                self.edges.predict_luma(job.kernels, mode, &mut self.best.pixels.luma);
            }
            _ => {
                self.predict_luma(candidate)?;
            }
        }
        let is_new = matches!(candidate.mode, MbMode::Inter { mode: InterMode::New, .. });
        let prediction_sse = if is_new {
            // The search used the error of another interpolation filter.
            job.kernels.sse_16x16(&self.cur.luma, self.best.pixels.luma.window())
        } else {
            candidate.sse
        };
        let price = self.code_luma(set);
        let mut choice = ModeChoice::of(candidate, base, price, prediction_sse, segment);
        self.add_texture_loss(&mut choice, true, set);
        choice.chroma_cost = self.chroma_cost(&choice, set);
        Some(choice)
    }

    /// Predicts luma with `candidate` into `best`, unless it is already there.
    fn predict_luma(&mut self, candidate: &Candidate) -> Option<()> {
        let MbMode::Inter { reference, mv, .. } = candidate.mode else { return None };
        let wanted = Some((reference, mv));
        if self.best.predicted != wanted {
            self.best.predicted = None;
            let from = self.job.predictor(reference)?;
            let at = self.at();
            from.luma(at, mv, &mut self.best.pixels.luma)?;
            self.best.predicted = wanted;
        }
        Some(())
    }

    /// Returns whether omitting the residual costs less than coding it.
    fn is_better_empty(&self, choice: &ModeChoice, set: MbQuantisers<'_>) -> bool {
        let [no_skip, skip] = self.job.costs.skip_bits();
        self.best.residual.luma_is_empty()
            || cost(set, choice.empty_price(), skip) <= cost(set, choice.price, no_skip)
    }

    /// Returns the cost of a choice whose luma is in `best`, or of omitting its residual if that is
    /// cheaper.
    pub(super) fn total(&self, choice: &ModeChoice, set: MbQuantisers<'_>) -> u32 {
        let [no_skip, skip] = self.job.costs.skip_bits();
        let coded = cost(set, choice.price, choice.mode_bits + no_skip);
        let luma = if choice.is_intra_4x4() {
            coded
        } else {
            coded.min(cost(set, choice.empty_price(), choice.mode_bits + skip))
        };
        luma.saturating_add(choice.chroma_cost)
    }

    /// Returns whether several vectors may help, because the residual of a single vector is
    /// expensive.
    fn wants_split(&self, best: &ModeChoice, set: MbQuantisers<'_>) -> bool {
        let speed = &self.job.speed;
        let is_whole = self.job.has_plain_modes || best.mode.is_intra();
        if speed.splits == Splits::None || is_whole {
            return false;
        }
        match speed.split_gate {
            Gate::Never => false,
            Gate::Always => true,
            Gate::Gated => {
                let coded = self.best.residual.coded_luma_blocks();
                coded >= usize::from(speed.split_min_blocks)
                    && best.prediction_sse > set.lambda.cost(4 * SOME_BITS_Q8)
            }
        }
    }

    fn wants_intra_4x4(
        &self,
        best: &ModeChoice,
        found: &Candidates,
        set: MbQuantisers<'_>,
    ) -> bool {
        match self.job.speed.intra_4x4 {
            _ if self.job.has_plain_modes => false,
            Gate::Never => false,
            Gate::Always => true,
            Gate::Gated => {
                let max = u32::from(self.job.speed.intra_4x4_max_error);
                let is_near = |candidate: &Candidate| {
                    candidate.mode.is_intra() && candidate.sse / max < best.prediction_sse
                };
                (max == 0 || found.as_slice().iter().any(is_near))
                    && self.best.residual.coded_luma_blocks() >= 4
                    && best.prediction_sse > set.lambda.cost(4 * SOME_BITS_Q8)
            }
        }
    }
}
